/**
 * A store in trouble while somebody waits at a gate: the same call again, with backoff, until the deadline; one line when it
 * begins and one when it is over. Errors that waiting does not mend are thrown on.
 */
import { createBackoff } from '../base/backoff.ts';
import type { Deadline } from '../base/deadline.ts';
import { hasCode, type ThrottledError, toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { GateOptions } from './ports.ts';

export interface Troubles {
  /** The call's result; null after a failure and the pause that follows it. */
  survive<T>(call: () => Promise<T>): Promise<T | null>;
}

const BASE_MS = 200;
const CAP_MS = 5000;

export function createTroubles({ clock, onProgress }: GateOptions, deadline: Deadline): Troubles {
  const fresh = createBackoff({ baseMs: BASE_MS, capMs: CAP_MS });
  let backoff = fresh;
  return {
    async survive(call) {
      try {
        const result = await call();
        if (backoff !== fresh)
          onProgress?.({ kind: 'note', level: 'info', message: 'the store answers again' });
        backoff = fresh;
        return result;
      } catch (thrown) {
        deadline.throwIfPassed();
        const error = toError(thrown);
        if ((error as { retryable?: unknown }).retryable !== true) throw error;
        if (backoff === fresh) {
          const message = `the store does not answer, waiting goes on: ${plain(error.message)}`;
          onProgress?.({ kind: 'note', level: 'warn', message });
        }
        const step = backoff.next(clock.random());
        backoff = step.backoff;
        const retryAtMs = hasCode(error, 'throttled') ? (error as ThrottledError).retryAtMs : null;
        await deadline.sleep(
          Math.max(step.delayMs, 1, retryAtMs === null ? 0 : retryAtMs - clock.monotonicMs()),
        );
        return null;
      }
    },
  };
}
