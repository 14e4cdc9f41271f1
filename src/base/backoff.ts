/**
 * Backoff as an immutable value: `next` gives the delay and the state to use the time after. Full jitter, so that
 * processes which failed together do not come back together (hatchet #198: every loser slept the same 7 s).
 */

export interface BackoffSettings {
  /** The ceiling of the first delay. */
  baseMs: number;
  /** No ceiling grows beyond it. */
  capMs: number;
  /** How the ceiling grows per try; 2 unless given. */
  factor?: number;
}

export interface Backoff {
  /** `random` is uniform in [0, 1). The delay is in [0, ceiling]. */
  next(random: number): { delayMs: number; backoff: Backoff };
}

/** A fresh backoff. Source: the "full jitter" variant of exponential backoff (AWS architecture blog, 2015). */
export function createBackoff(settings: BackoffSettings, attempt = 0): Backoff {
  return {
    next(random) {
      const ceilingMs = Math.min(settings.capMs, settings.baseMs * (settings.factor ?? 2) ** attempt);
      return { delayMs: Math.round(ceilingMs * random), backoff: createBackoff(settings, attempt + 1) };
    },
  };
}

/** A delay spread over ±`share` of itself (0.1 = ±10 %). */
export function jitter(delayMs: number, share: number, random: number): number {
  return delayMs * (1 - share + 2 * share * random);
}
