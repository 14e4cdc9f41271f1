"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const reap = require("./reap.js");

async function takeTurn(run, seen, seenAt) {
 const {options: options} = run;
 const {manager: manager, key: key, leaseMs: leaseMs, pollMs: pollMs, whenBusy: whenBusy} = options.lease;
 const {deadline: deadline, clock: clock} = options;
 const holder = await options.lease.holder();
 const request = {
  leaseMs: leaseMs,
  holder: holder,
  signal: deadline.signal,
  ...seen ? {
   seen: seen
  } : {}
 };
 const tryStartMs = clock.monotonicMs();
 let isObserved = false;
 const onObserve = present => {
  isObserved = true;
  reap.note(options, "info", `${core.plain(present.text)} has not renewed its lease in time; observing whether it still does`);
 };
 const observeSuspect = {
  pollMs: pollMs,
  onObserve: onObserve
 };
 const tried = await reap.answered(options, () => manager.tryAcquire(key, {
  ...request,
  ...whenBusy === "skip" ? {
   observeSuspect: observeSuspect
  } : {}
 }));
 if (isObserved) run.waitedMs = clock.monotonicMs() - tryStartMs;
 if (tried.acquired) return {
  lease: tried.lease
 };
 run.holder = core.plain(tried.holder.text);
 const fresh = reap.findFresh(run, tried.view, seenAt);
 if (fresh) return {
  report: reap.skipFresh(run, fresh)
 };
 let full = reap.findFull(run, tried.view);
 if (full && whenBusy === "wait") return {
  report: reap.reportFull(run, full)
 };
 if (whenBusy === "skip") {
  reap.note(options, "info", `${run.holder} is sweeping; nothing to do here`);
  return {
   report: reap.createSkippedReport("busy", reap.surroundings(run))
  };
 }
 const waitStartMs = clock.monotonicMs();
 let done = null;
 const onWait = current => {
  run.holder = core.plain(current.text);
  reap.emit(options, {
   kind: "waiting",
   holder: current.text
  });
 };
 onWait(tried.holder);
 try {
  const lease = await manager.acquire(key, {
   leaseMs: leaseMs,
   holder: holder,
   signal: deadline.signal,
   pollMs: pollMs,
   seen: tried.view,
   onWait: onWait,
   isDone(view) {
    done = reap.findFresh(run, view, seenAt);
    full = reap.findFull(run, view);
    return done !== null || full !== null;
   }
  });
  run.waitedMs = clock.monotonicMs() - waitStartMs;
  if (lease) run.holder = null;
  if (lease) return {
   lease: lease
  };
  return {
   report: full ? reap.reportFull(run, full) : reap.skipFresh(run, done)
  };
 } finally {
  run.waitedMs = clock.monotonicMs() - waitStartMs;
 }
}

exports.takeTurn = takeTurn;
