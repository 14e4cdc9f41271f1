"use strict";

const core = require("./core.js");

const TOLERANCE_MS = .001;

function createGcra(rate, nowMs) {
 return {
  tatMs: nowMs,
  emissionIntervalMs: Math.max(rate.emissionIntervalMs, TOLERANCE_MS),
  burst: Math.max(1, rate.burst)
 };
}

function tokensAt(state, nowMs) {
 return state.burst - Math.max(0, state.tatMs - nowMs) / state.emissionIntervalMs;
}

function availableAtMs(state, tokens, nowMs) {
 if (tokens > state.burst) return Number.POSITIVE_INFINITY;
 const atMs = state.tatMs - (state.burst - tokens) * state.emissionIntervalMs;
 return atMs <= nowMs + TOLERANCE_MS ? nowMs : atMs;
}

function takeToken(state, nowMs) {
 return {
  ...state,
  tatMs: Math.max(state.tatMs, nowMs) + state.emissionIntervalMs
 };
}

function withTokens(state, tokens, nowMs) {
 const missing = state.burst - Math.min(tokens, state.burst);
 return {
  ...state,
  tatMs: nowMs + missing * state.emissionIntervalMs
 };
}

function withBurst(state, burst, nowMs) {
 const size = Math.max(1, burst);
 return withTokens({
  ...state,
  burst: size
 }, tokensAt(state, nowMs), nowMs);
}

const MAX_ADAPTIVE_MS = 6e4;

const ADAPTIVE_JITTER = .25;

const ADAPTIVE_FACTOR = 1.2;

const LEAST_RECOVERY = .05;

const FORGET_CALL_MS = 6e4;

function createThrottle({settings: settings, clock: clock = core.systemClock}) {
 let bucket = createGcra(settings, clock.monotonicMs());
 let blockedUntilMs = Number.NEGATIVE_INFINITY;
 let lastGrantMs = Number.NEGATIVE_INFINITY;
 let spacingMs = 0;
 let lastGrowthMs = Number.NEGATIVE_INFINITY;
 let throttledCount = 0;
 let unanswered = [];
 let mostUnanswered = 0;
 const queue = [];
 let timer = null;
 const reserve = () => Math.min(settings.reserve, bucket.burst - 1);
 const grantAtMs = (n, nowMs) => {
  const spacedMs = lastGrantMs + spacingMs * n;
  const most = bucket.burst - reserve();
  const within = Math.min(n, most);
  const fullMs = availableAtMs(bucket, within + reserve(), nowMs) + (n - within) * bucket.emissionIntervalMs;
  return Math.max(nowMs, blockedUntilMs, spacedMs, fullMs);
 };
 const charge = nowMs => {
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
 const resync = (remaining, nowMs) => {
  const ownTokens = tokensAt(bucket, nowMs);
  const tokens = remaining - unanswered.length;
  const slack = mostUnanswered > 1 ? mostUnanswered : 0;
  if (tokens < ownTokens) bucket = withTokens(bucket, tokens, nowMs); else if (tokens - slack > ownTokens) bucket = withTokens(bucket, tokens - slack, nowMs);
 };
 const isRenewedAtReset = signal => {
  if (signal.resetMs === undefined || signal.remaining !== 0) return false;
  const refillMs = (signal.limit ?? bucket.burst) * bucket.emissionIntervalMs;
  return Math.abs(signal.resetMs - refillMs) > Math.max(2 * bucket.emissionIntervalMs, refillMs / 10);
 };
 const onRefused = (signal, grantedMs, nowMs) => {
  throttledCount += 1;
  bucket = withTokens(bucket, Math.min(0, tokensAt(bucket, nowMs)), nowMs);
  if (signal.retryAfterMs !== undefined) {
   blockedUntilMs = Math.max(blockedUntilMs, nowMs + signal.retryAfterMs);
   return;
  }
  if (grantedMs <= lastGrowthMs) return;
  lastGrowthMs = nowMs;
  const grownMs = spacingMs * ADAPTIVE_FACTOR + bucket.emissionIntervalMs;
  spacingMs = Math.min(MAX_ADAPTIVE_MS / (1 + ADAPTIVE_JITTER), grownMs);
  const waitMs = spacingMs * (1 + ADAPTIVE_JITTER * clock.random());
  blockedUntilMs = Math.max(blockedUntilMs, nowMs + waitMs);
 };
 const onAccepted = (signal, nowMs) => {
  const share = signal.remaining === undefined ? tokensAt(bucket, nowMs) / bucket.burst : signal.remaining / Math.max(1, signal.limit ?? bucket.burst);
  spacingMs -= spacingMs * Math.min(1, Math.max(LEAST_RECOVERY, share));
  if (spacingMs < 1) spacingMs = 0;
 };
 return {
  async take({signal: signal}) {
   core.throwIfAborted(signal);
   await new Promise((resolve, reject) => {
    const onAbort = () => {
     queue.splice(queue.indexOf(waiter), 1);
     grantDue();
     reject(core.abortReason(signal));
    };
    const waiter = {
     grant() {
      signal.removeEventListener("abort", onAbort);
      resolve();
     }
    };
    signal.addEventListener("abort", onAbort, {
     once: true
    });
    queue.push(waiter);
    grantDue();
   });
  },
  observe(signal) {
   const nowMs = clock.monotonicMs();
   unanswered = unanswered.filter(grantedMs => grantedMs > nowMs - FORGET_CALL_MS);
   const grantedMs = unanswered.shift() ?? nowMs;
   if (signal.limit !== undefined && signal.limit > 0 && signal.limit !== bucket.burst) bucket = withBurst(bucket, signal.limit, nowMs);
   if (signal.throttled) onRefused(signal, grantedMs, nowMs); else onAccepted(signal, nowMs);
   if (signal.remaining !== undefined) resync(Math.max(0, signal.remaining), nowMs);
   if (signal.resetMs !== undefined && isRenewedAtReset(signal)) blockedUntilMs = Math.max(blockedUntilMs, nowMs + signal.resetMs);
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
  }
 };
}

const throttle = Object.freeze(Object.defineProperty({
 __proto__: null,
 createThrottle: createThrottle
}, Symbol.toStringTag, {
 value: "Module"
}));

exports.createGcra = createGcra;

exports.createThrottle = createThrottle;

exports.throttle = throttle;

exports.tokensAt = tokensAt;

exports.withTokens = withTokens;
