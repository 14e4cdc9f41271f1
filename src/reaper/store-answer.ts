/**
 * What a store's silence means to a run, and how much of it the run bears: a connection that broke a moment ago, or a server
 * that is being started again, is no reason to fail. Who waits tries until the budget is over, who only came by tries once more.
 */
import { hasCode, toError, UnavailableError } from '../base/errors.ts';
import { retry } from '../base/retry.ts';
import { plain } from '../base/text.ts';
import { note, type ReapOptions } from './run.ts';

const HASTY_ATTEMPTS = 2;
const BASE_MS = 50;
const CAP_MS = 5000;

/** A store that stays silent until the budget is over never answered; that is not the same as a lease that stayed busy. */
export async function answered<T>(options: ReapOptions, call: () => Promise<T>): Promise<T> {
  const { deadline, clock, lease } = options;
  const { signal } = deadline;
  let isTold = false;
  try {
    return await retry(
      {
        clock,
        attempts: lease.whenBusy === 'wait' ? Number.POSITIVE_INFINITY : HASTY_ATTEMPTS,
        baseMs: BASE_MS,
        capMs: CAP_MS,
        signal,
        // Who is told to slow down is no better for asking again.
        isRetryable: (error) => hasCode(error, 'unavailable'),
        onRetry(error) {
          if (isTold) return;
          isTold = true;
          note(options, 'info', `the store does not answer; trying again: ${plain(toError(error).message)}`);
        },
      },
      call,
    );
  } catch (thrown) {
    if (hasCode(thrown, 'deadline') && signal.aborted)
      throw new UnavailableError('the store did not answer within the time budget', { cause: thrown });
    throw thrown;
  }
}
