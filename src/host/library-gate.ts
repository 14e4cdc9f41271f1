/**
 * `gate` as a function. The caller's process stays the caller's: no signal is listened to, nothing is written to a stream, no
 * exit status is set. Options in the hook's spelling; `LOCKSTEP_*` variables count after them; a config file only when named.
 */
import type { GateEvent } from '../app/contract.ts';
import { runGate } from '../app/gate-command.ts';
import { nullLogger } from '../base/logger.ts';
import { readConfigFile } from '../config/config-file.ts';
import type { CommandOptions } from '../config/hook-options.ts';
import { namedConfigFile, resolveOptions } from '../config/resolve.ts';
import type { GateReport } from '../gate/report.ts';
import type { CallOptions } from './library-reap.ts';
import { createProcessContext } from './process-context.ts';

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
  const signal = call.signal ?? new AbortController().signal;
  const context = createProcessContext({ ...call, logger: call.logger ?? nullLogger, signal });
  const request = {
    command: 'gate' as const,
    host: 'hook' as const,
    hook: { gate: options },
    env: context.env,
  };
  const named = namedConfigFile(request);
  const { file, problems } = named
    ? await readConfigFile({ directory: context.cwd, named, canRunCode: true })
    : { file: null, problems: [] };
  const resolved = await resolveOptions({ ...request, file });
  return await runGate(
    { ...context, ...(call.onEvent ? { onGateEvent: call.onEvent } : {}) },
    { ...resolved, problems: [...problems, ...resolved.problems] },
  );
}
