/**
 * `gate`: options in, one report out. Everything a user can get wrong is found before anything is opened or sent; what the
 * gate decides is a value, with the exit code of its code. A signal leaves the gate first: the others are told, then 130 or 143.
 * Invariant: probes and the store are closed after the passage has ended, and no migration outlives it.
 */
import { ConfigError, type ConfigProblem, exitCodeOf } from '../base/errors.ts';
import { createNonce } from '../base/identity.ts';
import { checkGateOptions, type GateSettings } from '../config/gate-settings.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { findSizeProblem } from '../gate/board-text.ts';
import { gateKeySegments } from '../gate/config.ts';
import type { GateDoc, Incarnation } from '../gate/contract.ts';
import type { GateSelf } from '../gate/event.ts';
import { passGate } from '../gate/gate.ts';
import { type MemberView, viewMembers } from '../gate/member-view.ts';
import type { GatePassage, GateProgress, LinkOf } from '../gate/ports.ts';
import { changedMembers, createGateReport, describeGate, type GateReport } from '../gate/report.ts';
import { createKey } from '../store/key.ts';
import type { StoreAddress } from '../store/open.ts';
import type { CommandContext } from './contract.ts';
import { openGateJobs } from './gate-jobs.ts';
import { boardProbeOf, type GateTargets, parseBoardProbe, parseGateTargets } from './gate-probes.ts';
import { UnexpectedMemberError } from './gate-report.ts';
import { createMigration } from './migration.ts';
import { openProbes, probeCredentials } from './probes.ts';
import { createReleasers, openStoreParts, requireStore } from './wire.ts';

/** Runs one `gate`. ConfigError with every problem at once; errors that no waiting mends are thrown; all else is in the report. */
export async function runGate(
  context: CommandContext,
  resolved: ResolvedOptions<'gate'>,
): Promise<GateReport> {
  const { clock, signal } = context;
  const { values } = resolved;
  const { settings, targets, address, run, attempt } = await checkEverything(context, resolved);
  const startMs = clock.monotonicMs();
  const releasers = createReleasers();
  try {
    const { store, pollMs, leaseMs, github } = await openStoreParts(context, { address, values, releasers });
    const { headers, paths, config } = settings;
    const about = { store, namespace: values.namespace, releasers };
    const { schemaProbe, ready } = targets;
    const [probe = null] = schemaProbe
      ? await openProbes(context, { ...about, headers, targets: [schemaProbe] })
      : [];
    const self = await createSelf(context, { resolved, settings, targets, run, attempt, leaseMs });
    const linkOf = createLinks(context);
    const log = createProgressLog(context, { startMs, config, linkOf });
    const passage = await passGate({
      store,
      key: createKey(values.namespace, ...gateKeySegments(placeOf(context, resolved, run), config.gate)),
      clock,
      logger: context.logger,
      config,
      scope: values.scope,
      self,
      pollMs,
      // There a beat costs two requests of a small budget, and the jobs API knows who is dead.
      hasBeats: address.scheme !== 'github',
      migrate: values.migrate === null ? null : createMigration(context, values.migrate),
      schemaProbe: probe,
      ready: await openProbes(context, { ...about, headers, targets: ready }),
      async openMemberProbe(left) {
        const target = parseBoardProbe(left);
        if (!target) return null;
        const [opened = null] = await openProbes(context, { ...about, targets: [target] });
        return opened;
      },
      paths,
      successes: values.successes,
      jobs: await openGateJobs(context, { client: github, jobName: values.jobName, run, attempt }),
      signal,
      onProgress: (progress) => log.take(progress),
    });
    return log.conclude(passage, hintOf(context, resolved, { passage, run, attempt }));
  } finally {
    await releasers.close();
  }
}

interface Checked {
  readonly settings: GateSettings;
  readonly targets: GateTargets;
  readonly address: StoreAddress;
  readonly run: string;
  readonly attempt: number;
}

async function checkEverything(context: CommandContext, resolved: ResolvedOptions<'gate'>): Promise<Checked> {
  const storeProblems: ConfigProblem[] = [];
  const address = requireStore(context, resolved, storeProblems);
  const { settings, problems, isStranger } = checkGateOptions(resolved, address?.url ?? null);
  problems.push(...storeProblems);
  const targets = parseGateTargets(resolved, probeCredentials(context), problems);
  const { env, isRunner } = context;
  const { values } = resolved;
  const run = values.run ?? ((isRunner && env['GITHUB_RUN_ID']) || 'local');
  const attempt = values.attempt ?? ((isRunner && readAttempt(env['GITHUB_RUN_ATTEMPT'])) || 1);
  if (settings && problems.length === 0) {
    const self = await createSelf(context, { resolved, settings, targets, run, attempt, leaseMs: 60_000 });
    const problem = findSizeProblem(settings.config.expected, sampleRecord(self));
    if (problem !== null) problems.push({ option: resolved.spellingOf('members'), message: problem });
  }
  if (problems.length > 0 && isStranger) throw new UnexpectedMemberError(problems);
  if (problems.length > 0 || !settings || !address) throw new ConfigError(problems);
  return { settings, targets, address, run, attempt };
}

function readAttempt(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : null;
}

async function createSelf(
  { env, isRunner, process }: CommandContext,
  about: Pick<Checked, 'settings' | 'targets' | 'run' | 'attempt'> & {
    resolved: ResolvedOptions<'gate'>;
    leaseMs: number;
  },
): Promise<GateSelf> {
  const { settings, targets, run, attempt, leaseMs } = about;
  const { values } = about.resolved;
  const { mode } = values;
  // Where the job has an id, its end can be asked for; elsewhere one process is one incarnation.
  const id = values.jobId ?? createNonce();
  const { user, host } = await process.who();
  const label = (isRunner && env['GITHUB_JOB']) || `${user}@${host}`;
  const probe = mode === 'announce' ? boardProbeOf(targets.ready) : undefined;
  return {
    name: settings.member ?? `wait-for job ${label}`.slice(0, 64),
    incarnation: { run, attempt, id },
    versions: settings.versions,
    mode,
    canMigrate: values.migrate !== null,
    canProbeSchema: targets.schemaProbe !== null,
    canProbeApi: targets.ready.length > 0,
    allowDowngrade: values.allowDowngrade,
    onLeave: values.onLeave,
    timeoutMs: values.timeoutMs,
    leaseMs,
    ...(probe ? { probe } : {}),
  };
}

/** As large as this member's record can get, to know beforehand whether a board of such records fits. */
function sampleRecord({ incarnation, versions, probe }: GateSelf) {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    incarnation,
    ...versions,
    state: 'api-ready' as const,
    beat: 0,
    since: at,
    readyAt: at,
    committer: 'both' as const,
    ...(probe ? { probe } : {}),
  };
}

function placeOf(context: CommandContext, { values }: ResolvedOptions<'gate'>, run: string) {
  const repository = (context.isRunner && context.env['GITHUB_REPOSITORY']) || 'local';
  return values.scope === 'run'
    ? ({ scope: 'run', repository, run } as const)
    : ({ scope: 'environment', repository, environment: values.environment ?? '' } as const);
}

/** The page of a member's job, where this is a place that has such pages. */
function createLinks({ env, isRunner }: CommandContext): LinkOf {
  const [server, repository] = [env['GITHUB_SERVER_URL'], env['GITHUB_REPOSITORY']];
  return ({ run, attempt, id }: Incarnation) => {
    if (!isRunner || !server || !repository || !/^\d+$/.test(run)) return null;
    const page = `${server}/${repository}/actions/runs/${run}`;
    return /^\d+$/.test(id) ? `${page}/job/${id}` : `${page}/attempts/${attempt}`;
  };
}

/** Turns boards into changes of state, and the end into the report. */
function createProgressLog(
  context: CommandContext,
  { startMs, config, linkOf }: { startMs: number; config: GateSettings['config']; linkOf: LinkOf },
) {
  const { clock } = context;
  let before: readonly MemberView[] = [];
  const viewsOf = (doc: GateDoc | null, failure: GatePassage['run']['failure']) =>
    viewMembers(doc, { config, failure, linkOf });
  const atMs = () => Math.round(clock.monotonicMs() - startMs);
  return {
    take(progress: GateProgress) {
      if (progress.kind === 'note') return context.onGateEvent?.(progress);
      const { doc } = progress;
      const views = viewsOf(doc, null);
      const changed = changedMembers(before, views);
      before = views;
      const { phase = 'announce', epoch = 1 } = doc ?? {};
      context.onGateEvent?.({ kind: 'members', changed, phase, epoch, atMs: atMs() });
    },
    conclude({ doc, run, interrupted }: GatePassage, hint: string | null): GateReport {
      const views = viewsOf(doc, run.failure);
      context.onGateEvent?.({ kind: 'end', headline: describeGate(doc, run), views, hint, atMs: atMs() });
      const report = createGateReport(doc, run, { config, failure: run.failure, linkOf });
      return interrupted ? { ...report, exitCode: exitCodeOf(context.signal.reason) } : report;
    },
  };
}

/** What to do where the report alone does not say it. */
function hintOf(
  context: CommandContext,
  resolved: ResolvedOptions<'gate'>,
  { passage, run, attempt }: { passage: GatePassage; run: string; attempt: number },
): string | null {
  const { failure } = passage.run;
  if (!failure || passage.interrupted) return null;
  if (passage.wasOver && !context.isRunner)
    return `this is attempt ${attempt} of run ${run}, which failed; try again with ${resolved.spellingOf('attempt')} ${attempt + 1} in every member`;
  if (passage.wasOver)
    return 'this attempt of the run had failed already; re-run the failed jobs, all of them, once it has ended';
  if (failure.code === 'store-unavailable') return 'nothing is known about the others; re-run this job';
  if (failure.code === 'timeout' || failure.code === 'member-lost' || failure.code === 'member-left')
    return context.isRunner
      ? 're-run the failed jobs: those that come again join the same gate'
      : `start all members again with ${resolved.spellingOf('attempt')} ${attempt + 1}`;
  return null;
}
