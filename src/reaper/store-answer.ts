/** What a store's silence means to a run. */
import type { Deadline } from '../base/deadline.ts';
import { hasCode, UnavailableError } from '../base/errors.ts';

/** A store that stays silent until the budget is over never answered; that is not the same as a lease that stayed busy. */
export async function answered<T>(deadline: Deadline, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    if (hasCode(thrown, 'deadline') && deadline.signal.aborted)
      throw new UnavailableError('the store did not answer within the time budget', { cause: thrown });
    throw thrown;
  }
}
