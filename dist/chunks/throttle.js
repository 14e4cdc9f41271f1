import { t as throwIfAborted, d as abortReason } from './terminal.js';

/**
 * GCRA by virtual scheduling, as a value and pure functions: a bucket of `burst` tokens that regains one per emission
 * interval is kept as a single time, the theoretical arrival time (TAT) at which it would be full again.
 * NOT guaranteed: that the server counts the same way; `throttle.ts` corrects the value from what the answers say.
 * Invariant: a state is plain data and never changed in place, so that a shared layer can keep the same value in a store.
 * Source: ITU-T I.371, the virtual scheduling form of the generic cell rate algorithm.
 */

/** Timers and divisions are not exact: a token is there when only this much of a millisecond is missing. */
const TOLERANCE_MS = 1e-3;

                            
                                                                                          
                         
                                                             
                                      
                                                 
                         
 

/** A full bucket. Rates and sizes that make no sense are raised to the least that does. */
function createGcra(rate                                               , nowMs        )            {
  return {
    tatMs: nowMs,
    emissionIntervalMs: Math.max(rate.emissionIntervalMs, TOLERANCE_MS),
    burst: Math.max(1, rate.burst),
  };
}

/** How many tokens the bucket holds; with a fraction, and negative while it is overdrawn. */
function tokensAt(state           , nowMs        )         {
  return state.burst - Math.max(0, state.tatMs - nowMs) / state.emissionIntervalMs;
}

/** The earliest time, `nowMs` or later, at which `tokens` tokens are there. More than the burst is never there: Infinity. */
function availableAtMs(state           , tokens        , nowMs        )         {
  if (tokens > state.burst) return Number.POSITIVE_INFINITY;
  const atMs = state.tatMs - (state.burst - tokens) * state.emissionIntervalMs;
  return atMs <= nowMs + TOLERANCE_MS ? nowMs : atMs;
}

/** Takes one token at `nowMs`. The caller has checked that one is there. */
function takeToken(state           , nowMs        )            {
  return { ...state, tatMs: Math.max(state.tatMs, nowMs) + state.emissionIntervalMs };
}

/** The same bucket holding `tokens` now; at most full. */
function withTokens(state           , tokens        , nowMs        )            {
  const missing = state.burst - Math.min(tokens, state.burst);
  return { ...state, tatMs: nowMs + missing * state.emissionIntervalMs };
}

/** A bucket of another size that holds the same number of tokens now, or is full where that is less. */
function withBurst(state           , burst        , nowMs        )            {
  const size = Math.max(1, burst);
  return withTokens({ ...state, burst: size }, tokensAt(state, nowMs), nowMs);
}

/**
 * Layer 1 of the throttle: paces the calls of one process. It trusts, in this order, Retry-After, the remaining count, and
 * where the provider tells nothing, its own bucket with an adaptive spacing learnt from refusals.
 * NOT guaranteed: that nothing is refused; others spend the same budget. A shared layer stands beside it by implementing the
 * same interface over the same GCRA value (`gcra.ts`) kept in a store, and falls back to this one.
 * Invariant: a slot is granted in one synchronous step, first come, first served; at most one timer is pending.
 */


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

                  
                
 

/** A throttle for one account of one provider. It owns nothing that must be disposed; its timer runs only while someone waits. */
function createThrottle({ settings, clock }                                              )           {
  let bucket = createGcra(settings, clock.monotonicMs());
  let blockedUntilMs = Number.NEGATIVE_INFINITY;
  let lastGrantMs = Number.NEGATIVE_INFINITY;
  // Learnt from refusals: the least time between two grants, and when it last grew.
  let spacingMs = 0;
  let lastGrowthMs = Number.NEGATIVE_INFINITY;
  let throttledCount = 0;
  // When each call without an answer yet was granted; the provider's count does not include all of them.
  let unanswered           = [];
  let mostUnanswered = 0;
  const queue           = [];
  let timer               = null;

  // Before the provider told its limit, the bucket may be smaller than the reserve; a reserve must not mean "never".
  const reserve = () => Math.min(settings.reserve, bucket.burst - 1);

  /** When the n-th call from now would be granted (1 = the next). */
  const grantAtMs = (n        , nowMs        )         => {
    const spacedMs = lastGrantMs + spacingMs * n;
    // The bucket never holds more than its size, so what exceeds it comes one emission interval at a time.
    const most = bucket.burst - reserve();
    const within = Math.min(n, most);
    const fullMs =
      availableAtMs(bucket, within + reserve(), nowMs) + (n - within) * bucket.emissionIntervalMs;
    return Math.max(nowMs, blockedUntilMs, spacedMs, fullMs);
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
      bucket = takeToken(bucket, nowMs);
      lastGrantMs = nowMs;
      unanswered.push(nowMs);
      mostUnanswered = Math.max(mostUnanswered, unanswered.length);
      waiter.grant();
    }
  };

  /** The provider's own count, less what it has not seen yet; upwards only as far as late answers cannot mislead. */
  const resync = (remaining        , nowMs        ) => {
    const ownTokens = tokensAt(bucket, nowMs);
    const tokens = remaining - unanswered.length;
    const slack = mostUnanswered > 1 ? mostUnanswered : 0;
    if (tokens < ownTokens) bucket = withTokens(bucket, tokens, nowMs);
    else if (tokens - slack > ownTokens) bucket = withTokens(bucket, tokens - slack, nowMs);
  };

  /** A budget that comes back all at once at its reset, unlike a bucket, gives nothing before. */
  const isRenewedAtReset = (signal            )          => {
    if (signal.resetMs === undefined || signal.remaining !== 0) return false;
    const refillMs = (signal.limit ?? bucket.burst) * bucket.emissionIntervalMs;
    return Math.abs(signal.resetMs - refillMs) > Math.max(2 * bucket.emissionIntervalMs, refillMs / 10);
  };

  const onRefused = (signal            , grantedMs        , nowMs        ) => {
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

  const onAccepted = (signal            , nowMs        ) => {
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
      await new Promise      ((resolve, reject) => {
        const onAbort = () => {
          queue.splice(queue.indexOf(waiter), 1);
          // The one behind may go earlier now, and without anybody waiting no timer may stay.
          grantDue();
          reject(abortReason(signal));
        };
        const waiter         = {
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
  };
}

export { createThrottle };
