import { P as throwIfAborted, c as toError, T as abortReason, t as takeoverAfterMs } from "./core.js";

function createAlarm(settings) {
 const {store: store, key: key, clock: clock, logger: logger} = settings;
 const controller = new AbortController;
 let hasRung = false;
 let wake = null;
 const ring = () => {
  hasRung = true;
  wake?.();
 };
 const report = thrown => {
  if (controller.signal.aborted) return;
  logger.debug(`watching ${key} failed, waiting goes on by polling: ${toError(thrown).message}`);
 };
 let ready = Promise.resolve();
 const hasEdges = store.capabilities.nativeWatch;
 if (hasEdges) {
  const watch = store.watch(key, {
   signal: controller.signal
  });
  const pump = async () => {
   for await (const _ of watch) ring();
  };
  pump().catch(report);
  ready = watch.ready.catch(report);
 }
 return {
  hasEdges: hasEdges,
  ready: ready,
  ring: ring,
  clear() {
   hasRung = false;
  },
  wait(delayMs, signal) {
   throwIfAborted(signal);
   if (hasRung) return Promise.resolve("rung");
   return new Promise((resolve, reject) => {
    const finish = settle => () => {
     wake = null;
     timer.cancel();
     signal.removeEventListener("abort", onAbort);
     settle();
    };
    const onAbort = finish(() => reject(abortReason(signal)));
    const timer = clock.startTimer(delayMs, finish(() => resolve("timer")));
    wake = finish(() => resolve("rung"));
    signal.addEventListener("abort", onAbort, {
     once: true
    });
   });
  },
  dispose() {
   controller.abort();
  }
 };
}

const NOTHING_OBSERVED = new Map;

function observe(observation, beats, nowMs) {
 const next = new Map;
 for (const [nonce, sighting] of observation) {
  if (nowMs - sighting.lastSeenMs <= 2 * sighting.leaseMs) next.set(nonce, sighting);
 }
 for (const {nonce: nonce, seq: seq, leaseMs: leaseMs} of beats) {
  const known = observation.get(nonce);
  const isKnown = known !== undefined && known.seq >= seq;
  next.set(nonce, {
   seq: isKnown ? known.seq : seq,
   sinceMs: isKnown ? known.sinceMs : nowMs,
   lastSeenMs: nowMs,
   leaseMs: leaseMs
  });
 }
 return next;
}

function takeoverInMs(observation, beat, nowMs) {
 const known = observation.get(beat.nonce);
 if (known === undefined || known.seq !== beat.seq) return takeoverAfterMs(beat.leaseMs);
 return Math.max(0, takeoverAfterMs(beat.leaseMs) - (nowMs - known.sinceMs));
}

export { NOTHING_OBSERVED as N, createAlarm as c, observe as o, takeoverInMs as t };
