/**
 * The commands as functions. The caller's process stays the caller's: no signal is listened to, nothing is written to a stream,
 * no exit status is set. Options in the hook's spelling; `LOCKSTEP_*` variables count after them; a config file only when named.
 */
import { runCheck } from '../app/check-command.ts';
import type { CheckEvent, CheckReport, CommandContext, GateEvent } from '../app/contract.ts';
import { runGate } from '../app/gate-command.ts';
import { runReap } from '../app/reap-command.ts';
import type { Clock } from '../base/clock.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import { readConfigFile } from '../config/config-file.ts';
import type { CommandOptions } from '../config/hook-options.ts';
import { namedConfigFile, type ResolvedOptions, resolveOptions } from '../config/resolve.ts';
import type { GateReport } from '../gate/report.ts';
import type { ReapEvent, ReapReport } from '../reaper/contract.ts';
import { createProcessContext } from './process-context.ts';

/** The world of a call; everything is optional. */
export interface CallOptions {
  /** Aborting it ends the call early; what was done by then is in the report. */
  readonly signal?: AbortSignal | undefined;
  /** Nothing is said unless given. */
  readonly logger?: Logger | undefined;
  /** Variables of lockstep and of the provider; `process.env` unless given. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Where relative paths start; the working directory unless given. */
  readonly cwd?: string | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Finds stale apps and deletes them; of all the jobs that ask, one does it. Without `apply: true` the report is a plan.
 * Rejects with ConfigError (all problems at once, before any request); whatever else goes wrong is in the report.
 *
 * @example
 * const report = await reap({ provider: 'heroku', match: 'ci-.*', olderThan: '12h', apply: true });
 * console.log(report.outcome, report.counts.deleted);
 */
export async function reap(
  options: CommandOptions<'reap'>,
  call: CallOptions & {
    /** Progress; names in it are raw. */ readonly onEvent?: (event: ReapEvent) => void;
  } = {},
): Promise<ReapReport> {
  const { context, resolved } = await resolveCall('reap', options, call);
  return await runReap({ ...context, ...(call.onEvent ? { onReapEvent: call.onEvent } : {}) }, resolved);
}

/**
 * Announces this member and waits for the others: schema first, then API. Whatever the gate decides is in the report, its
 * `outcome` and `code`. Rejects with ConfigError (all problems at once, before any request) and with errors that no waiting
 * mends. Aborting the signal leaves the gate: the others are told.
 *
 * @example
 * const { outcome, code } = await gate({ name: 'prod', member: 'eu', members: ['eu', 'us'], schema: '42', migrate: './migrate' });
 */
export async function gate(
  options: CommandOptions<'gate'>,
  call: CallOptions & {
    /** Progress; texts in it are printable. */ readonly onEvent?: (event: GateEvent) => void;
  } = {},
): Promise<GateReport> {
  const { context, resolved } = await resolveCall('gate', options, call);
  return await runGate({ ...context, ...(call.onEvent ? { onGateEvent: call.onEvent } : {}) }, resolved);
}

/**
 * Publishes, reads, awaits or mirrors a check. Whatever comes of it is in the report, its `outcome` and `status`. Rejects with
 * ConfigError (all problems at once, before any request) and with errors of the store. Aborting the signal ends an alias, which
 * is its normal end (`stopped`), and a wait (with the signal's reason).
 *
 * @example
 * const { status } = await check({ action: 'wait', name: 'db', timeout: '10m' });
 */
export async function check(
  options: CommandOptions<'check'>,
  call: CallOptions & {
    /** Each change once; texts in it are raw. */ readonly onEvent?: (event: CheckEvent) => void;
  } = {},
): Promise<CheckReport> {
  const { context, resolved } = await resolveCall('check', options, call);
  return await runCheck({ ...context, ...(call.onEvent ? { onCheckEvent: call.onEvent } : {}) }, resolved);
}

async function resolveCall<C extends 'reap' | 'gate' | 'check'>(
  command: C,
  options: CommandOptions<C>,
  call: CallOptions,
): Promise<{ context: CommandContext; resolved: ResolvedOptions<C> }> {
  const signal = call.signal ?? new AbortController().signal;
  const context = createProcessContext({ ...call, logger: call.logger ?? nullLogger, signal });
  const request = { command, host: 'hook' as const, hook: { [command]: options }, env: context.env };
  const named = namedConfigFile(request);
  const { file, problems } = named
    ? await readConfigFile({ directory: context.cwd, named, canRunCode: true })
    : { file: null, problems: [] };
  const resolved = await resolveOptions({ ...request, file });
  return { context, resolved: { ...resolved, problems: [...problems, ...resolved.problems] } };
}
