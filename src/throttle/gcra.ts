/**
 * GCRA by virtual scheduling, as a value and pure functions: a bucket of `burst` tokens that regains one per emission
 * interval is kept as a single time, the theoretical arrival time (TAT) at which it would be full again.
 * NOT guaranteed: that the server counts the same way; `throttle.ts` corrects the value from what the answers say.
 * Invariant: a state is plain data and never changed in place, so that a shared layer can keep the same value in a store.
 * Source: ITU-T I.371, the virtual scheduling form of the generic cell rate algorithm.
 */

/** Timers and divisions are not exact: a token is there when only this much of a millisecond is missing. */
const TOLERANCE_MS = 1e-3;

export interface GcraState {
  /** When the bucket is full, on the caller's monotonic clock; in the past means full. */
  readonly tatMs: number;
  /** One token is regained per this many ms; more than 0. */
  readonly emissionIntervalMs: number;
  /** The bucket's size in tokens; at least 1. */
  readonly burst: number;
}

/** A full bucket. Rates and sizes that make no sense are raised to the least that does. */
export function createGcra(rate: { emissionIntervalMs: number; burst: number }, nowMs: number): GcraState {
  return {
    tatMs: nowMs,
    emissionIntervalMs: Math.max(rate.emissionIntervalMs, TOLERANCE_MS),
    burst: Math.max(1, rate.burst),
  };
}

/** How many tokens the bucket holds; with a fraction, and negative while it is overdrawn. */
export function tokensAt(state: GcraState, nowMs: number): number {
  return state.burst - Math.max(0, state.tatMs - nowMs) / state.emissionIntervalMs;
}

/** The earliest time, `nowMs` or later, at which `tokens` tokens are there. More than the burst is never there: Infinity. */
export function availableAtMs(state: GcraState, tokens: number, nowMs: number): number {
  if (tokens > state.burst) return Number.POSITIVE_INFINITY;
  const atMs = state.tatMs - (state.burst - tokens) * state.emissionIntervalMs;
  return atMs <= nowMs + TOLERANCE_MS ? nowMs : atMs;
}

/** Takes one token at `nowMs`. The caller has checked that one is there. */
export function takeToken(state: GcraState, nowMs: number): GcraState {
  return { ...state, tatMs: Math.max(state.tatMs, nowMs) + state.emissionIntervalMs };
}

/** The same bucket holding `tokens` now; at most full. */
export function withTokens(state: GcraState, tokens: number, nowMs: number): GcraState {
  const missing = state.burst - Math.min(tokens, state.burst);
  return { ...state, tatMs: nowMs + missing * state.emissionIntervalMs };
}

/** A bucket of another size that holds the same number of tokens now, or is full where that is less. */
export function withBurst(state: GcraState, burst: number, nowMs: number): GcraState {
  const size = Math.max(1, burst);
  return withTokens({ ...state, burst: size }, tokensAt(state, nowMs), nowMs);
}
