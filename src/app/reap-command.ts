/**
 * `reap`: options in, one report out. Everything a user can get wrong is found before anything is opened or sent; the provider
 * is opened only when a sweep is due, so a job that learns a fresh result pays for one read, or for none where an earlier step
 * of its job or the cache tells.
 */
import { createDeadline, type Deadline } from '../base/deadline.ts';
import { ConfigError, hasCode } from '../base/errors.ts';
import { isElected } from '../config/reap-settings.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { locateAccount, type ProviderAccount } from '../provider/account.ts';
import type { ReapReport } from '../reaper/contract.ts';
import { reap } from '../reaper/reap.ts';
import { createSkippedReport, type Surroundings } from '../reaper/report.ts';
import { createKey } from '../store/key.ts';
import { createHoldsSource } from './app-lease.ts';
import type { CommandContext } from './contract.ts';
import { createHolder } from './holder.ts';
import { createPatientManager, describeQuota, isBelowFloor, startDelayMs } from './quota.ts';
import { type CheckedReap, checkReap, identityOf, workOf } from './reap-checks.ts';
import { createSession, decideSession, leaveSession, placeOf, readSession } from './session.ts';
import { openSweepMemory } from './sweep-memory.ts';
import { createReleasers, openStoreParts, type Releasers, type StoreParts } from './wire.ts';

/** Runs one `reap`. ConfigError with every problem at once; all else is in the report. */
export async function runReap(
  context: CommandContext,
  resolved: ResolvedOptions<'reap'>,
): Promise<ReapReport> {
  const { clock, signal } = context;
  const session = await readSession(context);
  const mayLackCredential = context.isForkPullRequest === true || session !== null;
  const checked = await checkReap(context, resolved, { mayLackCredential });
  const { options, providerSettings } = checked;
  // Who we are to the other steps of our job: worked out where one has left something, or may find something.
  const self = () => ({ work: workOf(context, resolved, options), place: placeOf(context) });
  const leave = async (report: ReapReport, identity: string | null): Promise<ReapReport> => {
    await leaveSession(context, () => createSession(report, { ...self(), identity, atMs: clock.wallMs() }));
    return report;
  };

  if (!isElected(options)) return leave(createSkippedReport('not-elected'), null);
  const releasers = createReleasers();
  const deadline = createDeadline({
    clock,
    timeoutMs: resolved.values.timeoutMs,
    waitingFor: 'the sweep',
    parent: signal,
  });
  try {
    const account = providerSettings && (await locateAccount(providerSettings, { clock }));
    if (account) releasers.add(() => account.close());
    const identity = account && identityOf(options, account);
    const { everyMs, whenBusy } = options;
    const question = { identity, everyMs, whenBusy, nowWallMs: clock.wallMs() };
    const told = session && decideSession(session, { ...self(), ...question });
    if (told) {
      context.logger.info('an earlier step of this job has seen to it; nothing to do here');
      return createSkippedReport(told);
    }
    if (!account && !context.isForkPullRequest) throw new ConfigError(checked.missingCredential);
    if (!account || !identity) return await leave(skipWithNotice(context, NO_CREDENTIAL), null);
    const parts = { account, identity, deadline, releasers };
    return await leave(await sweepOnce(context, { resolved, checked, ...parts }), identity);
  } catch (error) {
    // Refused before the sweep began: no token at all, say.
    if (context.isForkPullRequest && hasCode(error, 'auth')) return skipWithNotice(context, READ_ONLY);
    throw error;
  } finally {
    deadline.dispose();
    await releasers.close();
  }
}

interface SweepParts {
  readonly resolved: ResolvedOptions<'reap'>;
  readonly checked: CheckedReap;
  readonly account: ProviderAccount;
  readonly identity: string;
  readonly deadline: Deadline;
  readonly releasers: Releasers;
}

/** Through the store; what the store's budget or permissions forbid is skipped with one notice. */
async function sweepOnce(context: CommandContext, parts: SweepParts): Promise<ReapReport> {
  const { clock, logger } = context;
  const { account, identity, deadline, releasers } = parts;
  const { values } = parts.resolved;
  const { options, settings, match, choice } = parts.checked;
  if (choice.kind === 'no-store') return skipWithNotice(context, NO_STORE);
  const store = await openStoreParts(context, { address: choice.address, values, releasers });
  const { github } = store;
  const key = createKey(values.namespace, 'reap', `${account.name}-${account.accountId}`);
  const memory = await openSweepMemory(context, { key, identity, everyMs: options.everyMs });
  // Who learns a fresh result is nobody's holder.
  const holder = () =>
    createHolder(context, {
      holder: values.holder ?? undefined,
      jobIndex: options.jobIndex ?? undefined,
      jobId: values.jobId ?? undefined,
    });
  const errors: string[] = [];
  const report = await reap({
    settings,
    match,
    lease: {
      manager: github ? managerFor(context, { store, parts }) : store.manager,
      key,
      leaseMs: store.leaseMs,
      holder,
      pollMs: store.pollMs,
      whenBusy: options.whenBusy,
    },
    identity,
    everyMs: options.everyMs,
    openProvider: async () => {
      const provider = await account.open((await holder()).text);
      const { isSharedByDefault, openPace } = await import('./pace.ts');
      const isShared = options.shareThrottle ?? isSharedByDefault(choice.address);
      const shared = isShared ? { store: store.store, namespace: values.namespace } : null;
      const pace = await openPace({ provider, reserve: options.reserve, shared, clock, logger, releasers });
      return { provider, pace };
    },
    clock,
    // What turns out to be no failure is told as a line of the log, once that is known.
    logger: { ...logger, error: (message) => void errors.push(message) },
    deadline,
    storeRequests: () => store.requests(),
    onEvent: context.onReapEvent,
    ...(memory ? { memory } : {}),
    ...(options.protectWhileHeld
      ? { holds: createHoldsSource(store.manager, { namespace: values.namespace, account, clock }) }
      : {}),
    ...(github
      ? { findHindrance: () => (isBelowFloor(github.rate(), values.quotaFloor) ? 'low-quota' : null) }
      : {}),
  });
  const skipped = excuseOf(context, { report, store, quotaFloor: values.quotaFloor });
  for (const message of errors) (skipped ? logger.info : logger.error)(message);
  if (skipped) {
    const { requests, waitedMs, durationMs } = report;
    return skipWithNotice(context, skipped, { requests, waitedMs, durationMs });
  }
  const hasCandidates = report.outcome === 'planned' && report.counts.eligible > 0 && report.exitCode === 0;
  return options.detailedExitcode && hasCandidates ? { ...report, exitCode: 10 } : report;
}

/** First attempts of a matrix are spread, and short limits waited out. A plan competes with nobody. */
function managerFor({ clock }: CommandContext, { store, parts }: { store: StoreParts; parts: SweepParts }) {
  const { apply, jobIndex } = parts.checked.options;
  const delayMs = apply ? startDelayMs(jobIndex, clock.random()) : 0;
  return createPatientManager(store.manager, { clock, deadline: parts.deadline, delayMs });
}

interface Excuse {
  readonly reason: string;
  readonly message: string;
}

/** What forbids a sweep without being anybody's failure; null where the report stands. */
function excuseOf(
  context: CommandContext,
  { report, store, quotaFloor }: { report: ReapReport; store: StoreParts; quotaFloor: number | null },
): Excuse | null {
  const { github } = store;
  const lowQuota = { reason: 'low-quota', message: describeQuota(github?.rate() ?? null, quotaFloor) };
  if (report.reason === 'low-quota') return lowQuota;
  if (report.outcome !== 'failed') return null;
  if (github && report.reason === 'throttled') return lowQuota;
  if (report.reason !== 'auth') return null;
  if (context.isForkPullRequest) return READ_ONLY;
  return context.isRunner && github && github.counts.forbidden > 0 ? NOT_PERMITTED : null;
}

const NO_STORE = {
  reason: 'no-store',
  message:
    'this runner has no token for the GitHub store, so nothing was coordinated and nothing deleted; pass a token, or a store',
};
const NO_CREDENTIAL = {
  reason: 'no-permission',
  message:
    'a pull request from a fork gets no secrets, so there is no credential for the provider and nothing was cleaned up; runs of the repository itself do it',
};
const READ_ONLY = {
  reason: 'no-permission',
  message:
    'a pull request from a fork gets a token that may only read, so nothing was coordinated and nothing cleaned up; runs of the repository itself do it',
};
const NOT_PERMITTED = {
  reason: 'no-permission',
  message:
    'the token may not write to the repository of the store, so nothing was coordinated and nothing cleaned up; give the job `permissions: contents: write`, or another store',
};

/** A run that rightly does nothing, and says so once. */
function skipWithNotice(
  context: CommandContext,
  { reason, message }: Excuse,
  surroundings: Surroundings = {},
): ReapReport {
  if (context.onNotice) context.onNotice(message);
  else context.logger.warn(message);
  return createSkippedReport(reason, surroundings);
}
