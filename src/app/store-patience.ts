/**
 * Patience with a store that is out of reach for a while: restarted, cut off, silent. A call that was certainly not applied is
 * made again until the store answers or the caller's time is over. NOT for writes in doubt: those are settled by reading.
 * Invariant: whoever runs out of time here is told what was wrong with the store, not merely that it is late.
 */
import type { Clock } from '../base/clock.ts';
import { hasCode, toError, UnavailableError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { retry } from '../base/retry.ts';
import { plain } from '../base/text.ts';

const BASE_MS = 50;
const CAP_MS = 5000;

export interface Patience {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** A read may be made again whatever became of it. */
  readonly isRead?: boolean;
}

/** Calls until an answer came, or an error that no later try will change. Otherwise UnavailableError, or the signal's reason. */
export async function insist<T>(
  { clock, logger, signal, isRead = false }: Patience,
  call: () => Promise<T>,
): Promise<T> {
  let trouble: Error | null = null;
  // Not `throttled`: who is told to slow down is no better for asking again.
  const mayRepeat = (error: unknown) =>
    hasCode(error, 'unavailable') || (isRead && hasCode(error, 'indeterminate'));
  try {
    return await retry(
      {
        clock,
        attempts: Number.POSITIVE_INFINITY,
        baseMs: BASE_MS,
        capMs: CAP_MS,
        signal,
        isRetryable: mayRepeat,
        onRetry(error) {
          if (trouble === null) logger.info(`the store does not answer; trying again: ${messageOf(error)}`);
          trouble = toError(error);
        },
      },
      call,
    );
  } catch (thrown) {
    if (trouble === null || !hasCode(thrown, 'deadline')) throw thrown;
    throw new UnavailableError(`the store did not answer in time: ${messageOf(trouble)}`, { cause: trouble });
  }
}

function messageOf(thrown: unknown): string {
  return plain(toError(thrown).message);
}
