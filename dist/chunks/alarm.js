"use strict";

const core = require("./core.js");

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
  logger.debug(`watching ${key} failed, waiting goes on by polling: ${core.toError(thrown).message}`);
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
   core.throwIfAborted(signal);
   if (hasRung) return Promise.resolve("rung");
   return new Promise((resolve, reject) => {
    const finish = settle => () => {
     wake = null;
     timer.cancel();
     signal.removeEventListener("abort", onAbort);
     settle();
    };
    const onAbort = finish(() => reject(core.abortReason(signal)));
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

exports.createAlarm = createAlarm;
