/**
 * Bounded, abortable retries for reads and other repeatable calls. Never for a compare-and-set: a write whose outcome is
 * unknown is settled by reading back, not by sending it again blindly (see store/contract.ts, S5).
 */
import { type Backoff, createBackoff } from './backoff.ts';
import { type Clock, sleep, throwIfAborted } from './clock.ts';

export interface RetrySettings {
  clock: Clock;
  /** How often at most, the first try included. */
  attempts: number;
  baseMs: number;
  capMs: number;
  signal?: AbortSignal;
  /** Which errors deserve another try. */
  isRetryable(error: unknown): boolean;
  /** Told before each wait. */
  onRetry?(error: unknown, delayMs: number): void;
}

/** Runs `operation` until it resolves, its error is final, the attempts are used up, or the signal aborts. */
export async function retry<T>(settings: RetrySettings, operation: () => Promise<T>): Promise<T> {
  let backoff: Backoff = createBackoff(settings);
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(settings.signal);
    try {
      return await operation();
    } catch (error) {
      if (attempt >= settings.attempts || !settings.isRetryable(error)) throw error;
      const step = backoff.next(settings.clock.random());
      backoff = step.backoff;
      settings.onRetry?.(error, step.delayMs);
      await sleep(settings.clock, step.delayMs, settings.signal);
    }
  }
}
