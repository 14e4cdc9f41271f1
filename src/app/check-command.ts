/**
 * `check`: publish, read, await, or mirror health. An alias runs until its status, its command's end, or a signal, which is its
 * normal end; a second alias of the same name replaces the first.
 * Invariant: nothing is opened before every option is right; probes are closed only after the alias has ended, and the user's
 * command never outlives it.
 */
import { createDeadline, type Deadline } from '../base/deadline.ts';
import { ConfigError, type ConfigProblem, hasCode, UnavailableError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import { startAlias } from '../check/alias.ts';
import { createChecks } from '../check/check.ts';
import type { AliasReport, CheckView, CheckWorld } from '../check/contract.ts';
import { findAliasProblems } from '../check/definition.ts';
import { findCheckProblems } from '../config/check-settings.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { findTargetProblem } from '../probe/open.ts';
import { parseTarget, type Target } from '../probe/target.ts';
import type { CheckReport, CommandContext } from './contract.ts';
import { createHolder } from './holder.ts';
import { openProbes, probeCredentials } from './probes.ts';
import { startUserCommand, type UserCommand } from './user-command.ts';
import { createReleasers, openStoreParts, type Releasers, requireStore, type StoreParts } from './wire.ts';

/** Runs one `check`. ConfigError with every problem at once; other errors end the command with their own exit code. */
export async function runCheck(
  context: CommandContext,
  resolved: ResolvedOptions<'check'>,
): Promise<CheckReport> {
  const { values } = resolved;
  const { targets, address, name } = checkEverything(context, resolved);
  const releasers = createReleasers();
  // A mirror without an end of its own runs until it is stopped; everything else has the command's budget.
  const isOpenEnded = values.action === 'alias' && values.until === null;
  const deadline = createDeadline({
    clock: context.clock,
    timeoutMs: isOpenEnded ? Number.POSITIVE_INFINITY : values.timeoutMs,
    waitingFor: `check ${name} to be ${values.until ?? 'passing'}`,
    parent: context.signal,
  });
  try {
    const parts = await openStoreParts(context, { address, values, releasers });
    const world: CheckWorld = {
      store: parts.store,
      namespace: values.namespace,
      clock: context.clock,
      writer: (await createHolder(context, { holder: values.holder ?? undefined })).text,
      logger: context.logger,
    };
    if (values.action === 'alias')
      return await runAlias({ context, resolved, world, parts, targets, deadline, releasers, name });
    return await runPlain({ context, resolved, world, parts, deadline, name });
  } finally {
    deadline.dispose();
    await releasers.close();
  }
}

interface Run {
  readonly context: CommandContext;
  readonly resolved: ResolvedOptions<'check'>;
  readonly world: CheckWorld;
  readonly parts: StoreParts;
  readonly deadline: Deadline;
  readonly name: string;
}

async function runPlain(run: Run): Promise<CheckReport> {
  const { context, resolved, world, parts, deadline, name } = run;
  const { values } = resolved;
  const checks = createChecks(world);
  const { signal } = deadline;
  if (values.action === 'set') {
    const status = values.status ?? 'passing';
    const { ttlMs, output } = values;
    const setting = checks.set(name, { status, output: output ?? '', ttlMs, signal });
    const record = await setting.catch((error: unknown) => rethrow(error, name));
    return report(name, { outcome: 'set', status: record.status, output: record.output });
  }
  if (values.action === 'get') {
    const view = await checks.get(name, { signal }).catch((error: unknown) => rethrow(error, name));
    return report(name, { outcome: 'read', ...pick(view) });
  }
  const startMs = context.clock.monotonicMs();
  let last: CheckView | null = null;
  let transitions = -1;
  try {
    const view = await checks.wait(name, {
      until: values.until ?? 'passing',
      pollMs: parts.pollMs,
      signal,
      onChange(next) {
        transitions += 1;
        context.onCheckEvent?.({
          name,
          from: last?.status ?? null,
          to: next.status,
          upstream: null,
          output: next.output,
          atMs: context.clock.monotonicMs() - startMs,
        });
        last = next;
      },
    });
    return report(name, { outcome: 'reached', ...pick(view), transitions });
  } catch (error) {
    // Without a single answer it was not the check that kept us waiting.
    if (last === null || !hasCode(error, 'deadline')) return rethrow(error, name);
    return report(name, { outcome: 'timeout', ...pick(last), transitions, exitCode: 7 });
  }
}

/** The budget that passed without an answer of the store is the store's failure (exit 6), not a wait for anybody. */
function rethrow(error: unknown, name: string): never {
  if (!hasCode(error, 'deadline')) throw error;
  throw new UnavailableError(`the store did not answer about the check ${plain(name, 80)} in time`, {
    cause: error,
  });
}

async function runAlias(
  run: Run & { readonly targets: readonly Target[]; readonly releasers: Releasers },
): Promise<CheckReport> {
  const { context, resolved, world, targets, deadline, releasers, name } = run;
  const { values } = resolved;
  const startMs = context.clock.monotonicMs();
  const probes = await openProbes(context, {
    store: world.store,
    namespace: values.namespace,
    targets,
    releasers,
  });
  const [file, ...args] = context.rest ?? [];
  const command = file === undefined ? null : startUserCommand(context, { command: [file, ...args] });
  const alias = startAlias(
    { name, upstreams: probes, reconcileMs: values.reconcileMs, until: values.until ?? undefined },
    {
      ...world,
      onTransition(transition) {
        context.onCheckEvent?.({ ...transition, atMs: context.clock.monotonicMs() - startMs });
      },
    },
    // A command decides by its own end when the mirror ends; a signal reaches the command first.
    { signal: command ? undefined : deadline.signal },
  );
  return command ? await runBeside(command, alias) : concludeAlias(await alias.done);
}

/** The mirror lives as long as the command. A mirror that another one replaced is over; its command goes on. */
async function runBeside(
  { child, handBack }: UserCommand,
  alias: ReturnType<typeof startAlias>,
): Promise<CheckReport> {
  try {
    const end = await child.ended;
    const mirrored = concludeAlias(await alias.stop());
    return { ...mirrored, exitCode: mirrored.exitCode === 8 ? 8 : end.exitCode };
  } finally {
    handBack();
    // Also after a command that could not be started.
    await alias.stop();
  }
}

function concludeAlias(done: AliasReport): CheckReport {
  const { outcome, name, status, output, transitions, written, lastError } = done;
  if (outcome === 'timeout' && !written && lastError) throw lastError;
  const exitCode = { reached: 0, stopped: 0, timeout: 7, replaced: 8 }[outcome];
  return report(name, { outcome, status, output, transitions, exitCode });
}

function pick({ status, output }: CheckView): Pick<CheckReport, 'status' | 'output'> {
  return { status, output };
}

function report(
  name: string,
  facts: Pick<CheckReport, 'outcome' | 'status' | 'output'> & { transitions?: number; exitCode?: number },
): CheckReport {
  const { outcome, status, output, transitions = 0, exitCode = 0 } = facts;
  return { format: 1, command: 'check', outcome, name, status, output, transitions, exitCode };
}

function checkEverything(context: CommandContext, resolved: ResolvedOptions<'check'>) {
  const { values, spellingOf } = resolved;
  const problems: ConfigProblem[] = findCheckProblems(resolved, {
    rest: context.rest,
    needsUntil: context.mustEnd === true,
  });
  const targets: Target[] = [];
  for (const text of values.of) {
    const parsed = parseTarget(text);
    const problem = parsed.ok ? findTargetProblem(parsed.value, probeCredentials(context)) : parsed.problem;
    if (problem !== null) problems.push({ option: spellingOf('of'), message: problem });
    else if (parsed.ok) targets.push(parsed.value);
  }
  const name = values.name ?? '';
  if (values.action === 'alias' && targets.length === values.of.length && targets.length > 0) {
    for (const { option, problem } of findAliasProblems({ name, targets, reconcileMs: values.reconcileMs })) {
      problems.push({ option: spellingOf(option), message: problem });
    }
  }
  const address = requireStore(context, resolved, problems);
  if (problems.length > 0 || !address) throw new ConfigError(problems);
  return { targets, address, name };
}
