/**
 * The throttle paces calls to a provider's API: `take` before each request, `observe` after each answer.
 * NOT guaranteed: that no answer is a 429; others may spend the same budget, and layer 1 knows only its own process.
 *
 *   take ─▶ slot granted (GCRA: virtual time of the bucket) ─▶ request ─▶ observe(answer) ─▶ rate, remaining, blocked-until
 */

/** What an answer told about the budget. Absent fields were not told. */
export interface RateSignal {
  /** True for a 429, or a 403 that the provider classified as throttling by its headers; never by text. */
  readonly throttled: boolean;
  readonly retryAfterMs?: number;
  readonly remaining?: number;
  readonly limit?: number;
  /** When the budget is full (or renewed) again, from now. */
  readonly resetMs?: number;
}

export interface ThrottleSettings {
  /** Sustained rate: one call per this many ms. */
  emissionIntervalMs: number;
  /** How many calls may go at once from a full bucket. */
  burst: number;
  /** Calls never spent by us: left for the build itself. */
  reserve: number;
}

export interface Throttle {
  /** Resolves when the caller may send one request. Rejects with the signal's reason. First come, first served. */
  take(options: { signal: AbortSignal }): Promise<void>;
  /** Feeds back what an answer told. */
  observe(signal: RateSignal): void;
  /** When the next `take` would be granted, from now; 0 for at once. */
  delayMs(): number;
  /** How many answers were throttled so far. */
  readonly throttledCount: number;
}
