import { p as plain } from "./core.js";

import { g as answered, h as findFresh, j as skipFresh, n as note, k as createSkippedReport, l as surroundings, m as emit } from "./reap.js";

async function takeTurn(run, seen, seenAt) {
 const {options: options} = run;
 const {manager: manager, key: key, leaseMs: leaseMs, holder: holder, pollMs: pollMs, whenBusy: whenBusy} = options.lease;
 const {deadline: deadline, clock: clock} = options;
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
  note(options, "info", `${plain(present.text)} has not renewed its lease in time; observing whether it still does`);
 };
 const observeSuspect = {
  pollMs: pollMs,
  onObserve: onObserve
 };
 const tried = await answered(deadline, manager.tryAcquire(key, {
  ...request,
  ...whenBusy === "skip" ? {
   observeSuspect: observeSuspect
  } : {}
 }));
 if (isObserved) run.waitedMs = clock.monotonicMs() - tryStartMs;
 if (tried.acquired) return {
  lease: tried.lease
 };
 run.holder = plain(tried.holder.text);
 const fresh = findFresh(run, tried.view, seenAt);
 if (fresh) return {
  report: skipFresh(run, fresh)
 };
 if (whenBusy === "skip") {
  note(options, "info", `${run.holder} is sweeping; nothing to do here`);
  return {
   report: createSkippedReport("busy", surroundings(run))
  };
 }
 const waitStartMs = clock.monotonicMs();
 let done = null;
 const onWait = current => {
  run.holder = plain(current.text);
  emit(options, {
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
    done = findFresh(run, view, seenAt);
    return done !== null;
   }
  });
  run.waitedMs = clock.monotonicMs() - waitStartMs;
  if (lease) run.holder = null;
  return lease ? {
   lease: lease
  } : {
   report: skipFresh(run, done)
  };
 } finally {
  run.waitedMs = clock.monotonicMs() - waitStartMs;
 }
}

export { takeTurn };
