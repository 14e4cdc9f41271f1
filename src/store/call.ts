/**
 * The frame around every operation that leaves this process: it settles when the caller aborts or the driver's own deadline
 * passes, whatever the other side does (S6), and says truthfully what is then known of a write (S5, S7): before `sending`
 * nothing was applied, after it the outcome is open. It does NOT retry and does not stop what is already under way.
 */
import { abortReason, type Clock } from '../base/clock.ts';
import { IndeterminateError, UnavailableError } from '../base/errors.ts';

export interface CallSettings {
  clock: Clock;
  /** The driver's own deadline. */
  timeoutMs: number;
  /** The caller's. */
  signal: AbortSignal | undefined;
  /** For the error: `compareAndSet default/lock/db in file:/tmp/x`. */
  what: string;
}

export interface Call {
  /** Aborts when the operation has been given up: pass it to whatever can be stopped. */
  readonly signal: AbortSignal;
  /**
   * Announces that a write leaves now; from here on giving up means IndeterminateError. Throws where the operation has
   * already been given up, so that nothing is sent that was reported as not sent.
   */
  readonly sending: () => void;
}

/** Runs one operation in the frame. Reads never call `sending`: given up, they are plainly unavailable. */
export function runCall<T>(settings: CallSettings, operation: (call: Call) => Promise<T>): Promise<T> {
  const { clock, signal, what } = settings;
  if (signal?.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    const given = new AbortController();
    let isSent = false;
    const end = () => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    const giveUp = (reason: Error) => {
      end();
      reject(
        isSent
          ? new IndeterminateError(`${what}: no answer, the outcome is open`, { cause: reason })
          : reason,
      );
      given.abort(reason);
    };
    const onAbort = () => giveUp(abortReason(signal as AbortSignal));
    const timer = clock.startTimer(settings.timeoutMs, () =>
      giveUp(new UnavailableError(`${what}: no answer within ${settings.timeoutMs} ms`)),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    const call: Call = {
      signal: given.signal,
      sending() {
        if (given.signal.aborted) throw abortReason(given.signal);
        isSent = true;
      },
    };
    operation(call).then(
      (value) => {
        end();
        resolve(value);
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
  });
}
