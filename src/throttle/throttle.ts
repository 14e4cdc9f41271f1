/**
 * Layer 1 of the throttle: paces the calls of one process. It trusts, in this order, Retry-After, the remaining count, and
 * where the provider tells nothing, its own bucket with an adaptive spacing learnt from refusals.
 * NOT guaranteed: that nothing is refused; others spend the same budget. A shared layer stands beside it by implementing the
 * same interface over the same GCRA value (`gcra.ts`) kept in a store, and falls back to this one.
 * Invariant: a slot is granted in one synchronous step, first come, first served; at most one timer is pending.
 */

import { abortReason, type Clock, systemClock, type Timer, throwIfAborted } from '../base/clock.ts';
import type { RateSignal, Throttle, ThrottleSettings } from './contract.ts';
import { availableAtMs, createGcra, takeToken, tokensAt, withBurst, withTokens } from './gcra.ts';

/** No refusal without a Retry-After makes anybody wait longer than this. */
const MAX_ADAPTIVE_MS = 60_000;
/** Waits are longer than the spacing by up to this share, so that processes refused together come back apart. */
const ADAPTIVE_JITTER = 0.25;
/** How the spacing multiplies on each refusal that follows a refusal, as in rate_throttle_client. */
const ADAPTIVE_FACTOR = 1.2;
/** Even a nearly empty budget lets the spacing shrink; otherwise the last client left stays slow for minutes. */
const LEAST_RECOVERY = 0.05;
/** A call whose answer was never reported is forgotten after this long. */
const FORGET_CALL_MS = 60_000;

interface Waiter {
  grant(): void;
}

/** What a shared layer needs of the local one beside the interface, so that falling back starts from what is known. */
export interface LocalThrottle extends Throttle {
  /** Counts a call that was granted elsewhere. */
  charge(): void;
  /** Until when refusals hold this process back, by its own clock; tokens play no part. */
  heldUntilMs(): number;
  /** When each call without an answer yet was granted, the oldest first. */
  readonly unanswered: readonly number[];
}

/**
 * A throttle for one account of one provider. It owns nothing that must be disposed; its timer runs only while someone waits.
 *
 *     const throttle = createThrottle({ settings: { emissionIntervalMs: 800, burst: 4500, reserve: 100 } });
 */
export function createThrottle({
  settings,
  clock = systemClock,
}: {
  settings: ThrottleSettings;
  /** The machine's own unless given. */
  clock?: Clock;
}): LocalThrottle {
  let bucket = createGcra(settings, clock.monotonicMs());
  let blockedUntilMs = Number.NEGATIVE_INFINITY;
  let lastGrantMs = Number.NEGATIVE_INFINITY;
  // Learnt from refusals: the least time between two grants, and when it last grew.
  let spacingMs = 0;
  let lastGrowthMs = Number.NEGATIVE_INFINITY;
  let throttledCount = 0;
  // When each call without an answer yet was granted; the provider's count does not include all of them.
  let unanswered: number[] = [];
  let mostUnanswered = 0;
  const queue: Waiter[] = [];
  let timer: Timer | null = null;

  // Before the provider told its limit, the bucket may be smaller than the reserve; a reserve must not mean "never".
  const reserve = () => Math.min(settings.reserve, bucket.burst - 1);

  /** When the n-th call from now would be granted (1 = the next). */
  const grantAtMs = (n: number, nowMs: number): number => {
    const spacedMs = lastGrantMs + spacingMs * n;
    // The bucket never holds more than its size, so what exceeds it comes one emission interval at a time.
    const most = bucket.burst - reserve();
    const within = Math.min(n, most);
    const fullMs =
      availableAtMs(bucket, within + reserve(), nowMs) + (n - within) * bucket.emissionIntervalMs;
    return Math.max(nowMs, blockedUntilMs, spacedMs, fullMs);
  };

  const charge = (nowMs: number) => {
    bucket = takeToken(bucket, nowMs);
    lastGrantMs = nowMs;
    unanswered.push(nowMs);
    mostUnanswered = Math.max(mostUnanswered, unanswered.length);
  };

  const grantDue = () => {
    timer?.cancel();
    timer = null;
    for (let waiter = queue[0]; waiter; waiter = queue[0]) {
      const nowMs = clock.monotonicMs();
      const atMs = grantAtMs(1, nowMs);
      if (atMs > nowMs) {
        timer = clock.startTimer(atMs - nowMs, grantDue);
        return;
      }
      queue.shift();
      charge(nowMs);
      waiter.grant();
    }
  };

  /** The provider's own count, less what it has not seen yet; upwards only as far as late answers cannot mislead. */
  const resync = (remaining: number, nowMs: number) => {
    const ownTokens = tokensAt(bucket, nowMs);
    const tokens = remaining - unanswered.length;
    const slack = mostUnanswered > 1 ? mostUnanswered : 0;
    if (tokens < ownTokens) bucket = withTokens(bucket, tokens, nowMs);
    else if (tokens - slack > ownTokens) bucket = withTokens(bucket, tokens - slack, nowMs);
  };

  /** A budget that comes back all at once at its reset, unlike a bucket, gives nothing before. */
  const isRenewedAtReset = (signal: RateSignal): boolean => {
    if (signal.resetMs === undefined || signal.remaining !== 0) return false;
    const refillMs = (signal.limit ?? bucket.burst) * bucket.emissionIntervalMs;
    return Math.abs(signal.resetMs - refillMs) > Math.max(2 * bucket.emissionIntervalMs, refillMs / 10);
  };

  const onRefused = (signal: RateSignal, grantedMs: number, nowMs: number) => {
    throttledCount += 1;
    bucket = withTokens(bucket, Math.min(0, tokensAt(bucket, nowMs)), nowMs);
    if (signal.retryAfterMs !== undefined) {
      blockedUntilMs = Math.max(blockedUntilMs, nowMs + signal.retryAfterMs);
      return;
    }
    // Calls that were under way together are refused together; that is one piece of news, not four.
    if (grantedMs <= lastGrowthMs) return;
    lastGrowthMs = nowMs;
    const grownMs = spacingMs * ADAPTIVE_FACTOR + bucket.emissionIntervalMs;
    spacingMs = Math.min(MAX_ADAPTIVE_MS / (1 + ADAPTIVE_JITTER), grownMs);
    const waitMs = spacingMs * (1 + ADAPTIVE_JITTER * clock.random());
    blockedUntilMs = Math.max(blockedUntilMs, nowMs + waitMs);
  };

  const onAccepted = (signal: RateSignal, nowMs: number) => {
    const share =
      signal.remaining === undefined
        ? tokensAt(bucket, nowMs) / bucket.burst
        : signal.remaining / Math.max(1, signal.limit ?? bucket.burst);
    spacingMs -= spacingMs * Math.min(1, Math.max(LEAST_RECOVERY, share));
    if (spacingMs < 1) spacingMs = 0;
  };

  return {
    async take({ signal }) {
      throwIfAborted(signal);
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => {
          queue.splice(queue.indexOf(waiter), 1);
          // The one behind may go earlier now, and without anybody waiting no timer may stay.
          grantDue();
          reject(abortReason(signal));
        };
        const waiter: Waiter = {
          grant() {
            signal.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.push(waiter);
        grantDue();
      });
    },
    observe(signal) {
      const nowMs = clock.monotonicMs();
      unanswered = unanswered.filter((grantedMs) => grantedMs > nowMs - FORGET_CALL_MS);
      const grantedMs = unanswered.shift() ?? nowMs;
      if (signal.limit !== undefined && signal.limit > 0 && signal.limit !== bucket.burst)
        bucket = withBurst(bucket, signal.limit, nowMs);
      if (signal.throttled) onRefused(signal, grantedMs, nowMs);
      else onAccepted(signal, nowMs);
      if (signal.remaining !== undefined) resync(Math.max(0, signal.remaining), nowMs);
      if (signal.resetMs !== undefined && isRenewedAtReset(signal))
        blockedUntilMs = Math.max(blockedUntilMs, nowMs + signal.resetMs);
      if (unanswered.length === 0) mostUnanswered = 0;
      grantDue();
    },
    delayMs() {
      const nowMs = clock.monotonicMs();
      return grantAtMs(queue.length + 1, nowMs) - nowMs;
    },
    get throttledCount() {
      return throttledCount;
    },
    charge: () => charge(clock.monotonicMs()),
    heldUntilMs: () => Math.max(blockedUntilMs, lastGrantMs + spacingMs),
    get unanswered() {
      return unanswered;
    },
  };
}
