/**
 * GitHub's budget as `reap` respects it: a floor below which a clean-up is left to others, a spread of first attempts, and
 * patience with a limit that ends soon. Decisions are pure; what they need comes with answers that were paid for anyway.
 * NOT guaranteed: that no request meets a limit; other workflows spend the same budget.
 * Invariant: nothing here sleeps until an hourly budget is whole again; that can take most of an hour.
 */
import { jitter } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Deadline } from '../base/deadline.ts';
import { hasCode, type ThrottledError } from '../base/errors.ts';
import type { RateView } from '../github/answers.ts';
import type { LeaseManager } from '../lease/contract.ts';

const FLOOR_SHARE = 0.2;
/** The first job takes the lease in about three requests; the next ones then find it held. */
const SPREAD_STEP_MS = 1500;
const MAX_SPREAD_MS = 3000;
const SPREAD_JITTER = 0.2;
/** A secondary limit without a time lasts a minute. */
const MAX_PATIENCE_MS = 61_000;
const MAX_WAITS = 2;

/** The least that must be left: the user's number, else a fifth of the limit. */
export function quotaFloor(rate: Pick<RateView, 'limit'>, given: number | null): number {
  return given ?? Math.ceil(rate.limit * FLOOR_SHARE);
}

/** True where too little is left for a clean-up. A server without limits never is. */
export function isBelowFloor(
  rate: Pick<RateView, 'limit' | 'remaining'> | null,
  given: number | null,
): boolean {
  return rate !== null && rate.remaining < quotaFloor(rate, given);
}

/** For the notice of a clean-up that was left. */
export function describeQuota(rate: RateView | null, given: number | null): string {
  if (!isBelowFloor(rate, given) || rate === null) {
    return 'GitHub limits requests at the moment, so this clean-up is left to a later run';
  }
  return `${rate.remaining} of ${rate.limit} requests of GitHub's hourly budget are left, less than the floor of ${quotaFloor(rate, given)}, so this clean-up is left to a later run`;
}

/** How long a job of a matrix waits before it first asks: none for the first, then 1.5 s and 3 s, each ±20 %. */
export function startDelayMs(jobIndex: number | null, random: number): number {
  const stepMs = Math.min((jobIndex ?? 0) * SPREAD_STEP_MS, MAX_SPREAD_MS);
  return Math.round(jitter(stepMs, SPREAD_JITTER, random));
}

type ReapManager = Pick<LeaseManager, 'read' | 'tryAcquire' | 'acquire'>;

/**
 * A manager that begins after `delayMs`, and waits out a limit that ends within about a minute and within the command's budget
 * (`Retry-After` is obeyed by the client: nothing is sent before). A longer one is thrown as it is.
 */
export function createPatientManager(
  manager: ReapManager,
  options: { clock: Clock; deadline: Deadline; delayMs: number },
): ReapManager {
  const { clock, deadline } = options;
  let delayMs = options.delayMs;

  const patiently = async <T>(call: () => Promise<T>): Promise<T> => {
    const firstMs = delayMs;
    delayMs = 0;
    if (firstMs > 0) await deadline.sleep(firstMs);
    for (let waits = 0; ; waits += 1) {
      try {
        return await call();
      } catch (error) {
        const retryAtMs = hasCode(error, 'throttled') ? (error as ThrottledError).retryAtMs : null;
        if (retryAtMs === null || waits >= MAX_WAITS) throw error;
        const leftMs = Math.max(0, retryAtMs - clock.monotonicMs());
        if (leftMs > MAX_PATIENCE_MS || leftMs >= deadline.remainingMs()) throw error;
        // Later than asked by a random bit: all who were told the same time would come back at once.
        await deadline.sleep(leftMs * (1 + SPREAD_JITTER * clock.random()) + 1);
      }
    }
  };

  return {
    read: (key, given) => patiently(() => manager.read(key, given)),
    tryAcquire: (key, given) => patiently(() => manager.tryAcquire(key, given)),
    // Waiting for a lease is patient by itself.
    acquire: (key, given) => manager.acquire(key, given),
  };
}
