/** The CommandContext of code that runs inside somebody else's process: a test runner's, or a program that uses the library. */
import { resolve } from 'node:path';
import type { CommandContext } from '../app/contract.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { describeProcess } from './this-process.ts';

export interface ProcessContextOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** This process's own unless given. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** This process's own unless given. */
  readonly cwd?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly redact?: ((text: string) => string) | undefined;
}

export function createProcessContext(options: ProcessContextOptions): CommandContext {
  const env = options.env ?? process.env;
  return {
    clock: options.clock ?? systemClock,
    logger: options.logger,
    env,
    cwd: resolve(options.cwd ?? '.'),
    signal: options.signal,
    isRunner: env['GITHUB_ACTIONS'] === 'true',
    process: describeProcess(process, env),
    rest: null,
    ...(options.redact ? { redact: options.redact } : {}),
  };
}
