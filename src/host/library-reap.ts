/**
 * `reap` as a function. The caller's process stays the caller's: no signal is listened to, nothing is written to a stream, no
 * exit status is set. Options in the hook's spelling; `LOCKSTEP_*` variables count after them; a config file only when named.
 */
import { runReap } from '../app/reap-command.ts';
import type { Clock } from '../base/clock.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import { readConfigFile } from '../config/config-file.ts';
import type { CommandOptions } from '../config/hook-options.ts';
import { namedConfigFile, resolveOptions } from '../config/resolve.ts';
import type { ReapEvent, ReapReport } from '../reaper/contract.ts';
import { createProcessContext } from './process-context.ts';

/** The world of a call; everything is optional. */
export interface CallOptions {
  /** Aborting it ends the call early; what was deleted by then is in the report. */
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
  const signal = call.signal ?? new AbortController().signal;
  const context = createProcessContext({ ...call, logger: call.logger ?? nullLogger, signal });
  const request = {
    command: 'reap' as const,
    host: 'hook' as const,
    hook: { reap: options },
    env: context.env,
  };
  const named = namedConfigFile(request);
  const { file, problems } = named
    ? await readConfigFile({ directory: context.cwd, named, canRunCode: true })
    : { file: null, problems: [] };
  const resolved = await resolveOptions({ ...request, file });
  return await runReap(
    { ...context, ...(call.onEvent ? { onReapEvent: call.onEvent } : {}) },
    { ...resolved, problems: [...problems, ...resolved.problems] },
  );
}
