/** `openAccount` as a function of the library: with this process's environment and clock where the caller gives none. */
import { type Account, type AccountOptions, openAccount as openAccountOf } from '../app/account.ts';
import { nullLogger } from '../base/logger.ts';
import type { CallOptions } from './library.ts';
import { createProcessContext } from './process-context.ts';

/**
 * Opens an account of a provider: calls that share its rate limit with every other process, and room for one more app. The
 * caller closes it. ConfigError with every problem at once, before anything is opened.
 *
 * @example
 * const account = await openAccount({ provider: 'heroku', account: 'ci', store: 'redis://localhost', reserve: 100 });
 * const response = await account.fetch('https://api.heroku.com/apps', { headers });
 * await account.close();
 */
export async function openAccount(options: AccountOptions, call: CallOptions = {}): Promise<Account> {
  const signal = call.signal ?? new AbortController().signal;
  return await openAccountOf(
    createProcessContext({ ...call, logger: call.logger ?? nullLogger, signal }),
    options,
  );
}
