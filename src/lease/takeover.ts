/**
 * The forced release, for people: whoever holds a key loses it, by the protocol. NOT guaranteed: that the old holder stops
 * before its next renewal or check. Invariant: the tombstone's token is higher than any owner's, so theirs are refused.
 */
import { createBackoff } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { IndeterminateError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import type { HolderInfo } from './contract.ts';
import type { LeaseRegister } from './register.ts';
import { withoutOwners } from './transition.ts';

const MAX_TRIES = 10;

export interface ForceReleaseSettings {
  register: LeaseRegister;
  clock: Clock;
  logger: Logger;
  /** Who forces it, for the log. */
  holder: HolderInfo;
  timeoutMs: number;
  signal: AbortSignal;
}

/** The token written, or null where nobody held it. IndeterminateError where the store did not say in time. */
export async function forceRelease(settings: ForceReleaseSettings): Promise<number | null> {
  const { register, clock, signal } = settings;
  const call = { timeoutMs: settings.timeoutMs, signal };
  let backoff = createBackoff({ baseMs: 50, capMs: 2000 });
  let doubtedToken: number | null = null;
  let doubt: Error | undefined;

  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    // 1. Who has it? A doubtful tombstone shows itself by its token; whatever came after it is not ours to end.
    const view = await register.read(call);
    const { record } = view;
    if (doubtedToken !== null && record !== null && record.token >= doubtedToken) return doubtedToken;
    if (record === null || record.entries.length === 0) return null;

    // 2. Over the very record that was seen.
    const tombstone = withoutOwners(record);
    const outcome = await register.write(view, tombstone, call);
    if (outcome.kind === 'applied') {
      const former = record.entries.map((entry) => plain(entry.holder.text)).join(', ');
      settings.logger.info(`${plain(settings.holder.text)} took ${register.key} from ${former} and freed it`);
      return tombstone.token;
    }
    if (outcome.kind === 'doubtful') {
      doubtedToken = tombstone.token;
      doubt = outcome.error;
    }
    // 3. A race or doubt: look again.
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    await sleep(clock, step.delayMs, signal);
  }
  throw new IndeterminateError(`whether ${register.key} was freed stayed unknown`, { cause: doubt });
}
