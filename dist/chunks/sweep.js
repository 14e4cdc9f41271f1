"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const require$$0 = require("node:events");

const reap = require("./reap.js");

const PAGE_ATTEMPTS = 4;

const PAGE_THROTTLES = 5;

const MAX_PAGES = 1e3;

const MAX_IDLE_PAGES = 10;

async function takeCensus({calls: calls, clock: clock, halt: halt, onPage: onPage}) {
 const sightings = new Map;
 const cursors = new Set;
 let pages = 0;
 let idlePages = 0;
 let offsetMs = null;
 const finish = (problem, failure = null) => ({
  sightings: sightings,
  isComplete: problem === null && failure === null && !halt.isHalted,
  problem: problem,
  failure: failure,
  pages: pages,
  serverNowMs: () => offsetMs === null ? null : clock.monotonicMs() + offsetMs
 });
 for (let cursor = null; ;) {
  const answer = await readPage(cursor, {
   calls: calls,
   clock: clock,
   halt: halt
  });
  if (answer === null) return finish(null);
  if (answer.kind !== "page") return finish(`page ${pages + 1}: ${describeFailure(answer)}`, answer.kind);
  pages += 1;
  const nowMs = clock.monotonicMs();
  const stampMs = answer.meta.serverNowMs;
  if (stampMs !== undefined) offsetMs = Math.min(offsetMs ?? Number.POSITIVE_INFINITY, stampMs - nowMs);
  const known = sightings.size;
  for (const app of answer.apps) sightings.set(app.id, {
   app: app,
   readAtMs: nowMs
  });
  onPage?.(pages, answer.apps.length);
  idlePages = sightings.size > known ? 0 : idlePages + 1;
  if (answer.broken !== undefined) return finish(core.plain(answer.broken));
  if (answer.next === null) {
   const isShort = answer.total !== undefined && sightings.size < answer.total;
   return finish(isShort ? `${sightings.size} of ${answer.total} apps were listed` : null);
  }
  if (cursors.has(answer.next)) return finish("the pages repeat");
  if (idlePages >= MAX_IDLE_PAGES) return finish(`${idlePages} pages in a row brought nothing new`);
  if (pages >= MAX_PAGES) return finish(`there are more than ${MAX_PAGES} pages`);
  cursors.add(answer.next);
  cursor = answer.next;
 }
}

async function readPage(cursor, tools) {
 return await repeatRead(() => tools.calls.list(cursor, tools.halt), tools);
}

async function repeatRead(read, {clock: clock, halt: halt, attempts: attempts = PAGE_ATTEMPTS}) {
 let backoff = core.createBackoff({
  baseMs: 1e3,
  capMs: 15e3
 });
 let throttles = 0;
 for (let attempt = 1; ;) {
  const answer = await read();
  if (answer === null || halt.isHalted) return answer;
  if (answer.kind === "throttled") {
   throttles += 1;
   if (throttles > PAGE_THROTTLES) return answer;
   continue;
  }
  if (answer.kind !== "ambiguous" || attempt >= attempts) return answer;
  attempt += 1;
  const step = backoff.next(clock.random());
  backoff = step.backoff;
  if (!await pause(step.delayMs, {
   clock: clock,
   halt: halt
  })) return answer;
 }
}

async function pause(delayMs, {clock: clock, halt: halt}) {
 try {
  await core.sleep(clock, delayMs, halt.signal);
  return true;
 } catch (thrown) {
  if (halt.isHalted) return false;
  throw thrown;
 }
}

function describeFailure(failure) {
 const status = failure.meta.status === null ? "no answer" : `status ${failure.meta.status}`;
 const request = failure.meta.requestId === undefined ? "" : `, request ${core.plain(failure.meta.requestId, 64)}`;
 return `${failure.kind} (${status}${request}): ${core.plain(failure.detail)}`;
}

const INTERRUPT_GRACE_MS = 3e3;

const GRACE_MS = 1e3;

function createBranch(halt) {
 const own = new AbortController;
 const signal = AbortSignal.any([ halt.signal, own.signal ]);
 const callSignal = AbortSignal.any([ halt.callSignal, own.signal ]);
 return {
  reasons: halt.reasons,
  signal: signal,
  callSignal: callSignal,
  get isHalted() {
   return signal.aborted;
  },
  stop: halt.stop,
  dispose: () => undefined,
  giveUp: () => own.abort(new core.CancelledError("this part of the sweep was given up"))
 };
}

function createHalt({clock: clock, deadlineSignal: deadlineSignal, leaseSignal: leaseSignal}) {
 const waits = new AbortController;
 const calls = new AbortController;
 require$$0.setMaxListeners(0, waits.signal, calls.signal);
 const reasons = new Map;
 let grace = null;
 const stop = (kind, error) => {
  if (!reasons.has(kind)) reasons.set(kind, error ?? null);
  const reason = error ?? new core.CancelledError(`the sweep was halted: ${kind}`);
  waits.abort(reason);
  const isUrgent = kind === "interrupted" || kind === "deadline" || kind === "lease-lost";
  if (!isUrgent || grace) return;
  grace = clock.startTimer(kind === "interrupted" ? INTERRUPT_GRACE_MS : GRACE_MS, () => calls.abort(reason));
 };
 const onDeadline = () => {
  const reason = core.abortReason(deadlineSignal);
  stop(core.hasCode(reason, "deadline") ? "deadline" : "interrupted", reason);
 };
 const onLost = () => stop("lease-lost", core.abortReason(leaseSignal));
 if (deadlineSignal.aborted) onDeadline(); else deadlineSignal.addEventListener("abort", onDeadline, {
  once: true
 });
 if (leaseSignal?.aborted) onLost(); else leaseSignal?.addEventListener("abort", onLost, {
  once: true
 });
 return {
  reasons: reasons,
  signal: waits.signal,
  callSignal: calls.signal,
  get isHalted() {
   return waits.signal.aborted;
  },
  stop: stop,
  dispose() {
   grace?.cancel();
   deadlineSignal.removeEventListener("abort", onDeadline);
   leaseSignal?.removeEventListener("abort", onLost);
  }
 };
}

async function readAccount(reading, {capabilities: capabilities}) {
 const branch = createBranch(reading.halt);
 const beside = capabilities.listsWhileOpening ? takeCensus({
  ...reading,
  halt: branch
 }) : null;
 beside?.catch(() => undefined);
 try {
  const {failure: failure, tries: tries} = await openProvider(reading);
  if (failure !== null) return {
   failure: failure,
   census: null
  };
  const listed = await beside;
  if (listed && (listed.failure !== "invalid" || tries === 1)) return {
   failure: failure,
   census: listed
  };
  return {
   failure: failure,
   census: reading.halt.isHalted ? null : await takeCensus(reading)
  };
 } finally {
  branch.giveUp();
  await beside;
 }
}

async function openProvider({calls: calls, clock: clock, halt: halt, note: note}) {
 let tries = 0;
 const open = () => {
  tries += 1;
  return calls.open();
 };
 const answer = await repeatRead(open, {
  clock: clock,
  halt: halt
 });
 if (answer === null || answer.kind === "open") return {
  failure: null,
  tries: tries
 };
 note("warn", `the account could not be read: ${describeFailure(answer)}`);
 return {
  failure: answer.kind,
  tries: tries
 };
}

const MAX_ATTEMPTS = 3;

const MAX_THROTTLES = 5;

const done = (outcome, reason, isConflict = false) => ({
 step: "done",
 outcome: outcome,
 reason: reason,
 isConflict: isConflict
});

function decideAfterDestroy(answer, history) {
 switch (answer.kind) {
 case "deleted":
  return done("deleted", "deleted");

 case "accepted":
  return {
   step: "poll"
  };

 case "gone":
  return goneStep(history);

 case "changed":
  return done("changed", `changed meanwhile: ${core.plain(answer.detail)}`);

 case "busy":
  return history.wasBusy || history.attempts >= MAX_ATTEMPTS ? done("busy", `in use: ${core.plain(answer.detail)}`) : {
   step: "later",
   detail: core.plain(answer.detail)
  };

 case "forbidden":
  return {
   step: "read",
   cause: "forbidden",
   detail: core.plain(answer.detail)
  };

 case "unauthorized":
  return done("failed", `unauthorized: ${core.plain(answer.detail)}`);

 case "throttled":
  return history.throttles > MAX_THROTTLES ? done("deferred", "refused for the rate too often") : {
   step: "again",
   isPaced: true
  };

 case "ambiguous":
  return {
   step: "read",
   cause: "ambiguous",
   detail: core.plain(answer.detail)
  };

 case "invalid":
  return done("failed", `refused as invalid: ${core.plain(answer.detail)}`);
 }
}

function decideAfterRead(answer, asked, history) {
 if (answer.kind === "gone") return goneStep(history);
 if (asked.cause === "forbidden") {
  return done("forbidden", `forbidden: ${asked.detail}`);
 }
 if (answer.kind === "found") {
  if (answer.app.state === "deleting") return {
   step: "poll"
  };
  const change = describeChange(asked.app, answer.app);
  if (change !== null) return done("changed", change);
 }
 if (answer.kind === "unauthorized") return done("failed", `unauthorized: ${core.plain(answer.detail)}`);
 if (history.attempts < MAX_ATTEMPTS) return {
  step: "again",
  isPaced: false
 };
 const last = answer.kind === "found" ? "still there" : "its state is unknown";
 return done("failed", `${last} after ${history.attempts} attempts: ${asked.detail}`);
}

function describeChange(before, now) {
 if (now.id !== before.id) return "another app has its id";
 if (now.name !== before.name) return "it was renamed";
 if (now.createdAtMs !== before.createdAtMs) return "it was created again";
 if (now.version !== before.version) return "it was used or deployed again";
 if (now.isProtected) return "it is protected now";
 if (!now.inScope) return "it belongs to somebody else now";
 if (now.state === "deleting") return "it is already being deleted";
 if (now.state === "transitional") return "it is between two states";
 return null;
}

function goneStep(history) {
 return history.isDoubtful ? done("deleted", "deleted, confirmed by a later read") : done("gone", "somebody else deleted it", true);
}

const READ_ATTEMPTS = 2;

const MAX_ROUNDS = 60;

async function applyJobs(options) {
 const {jobs: jobs, clock: clock, halt: halt} = options;
 for (;;) {
  const ready = jobs.unsettled().filter(job => job.next === "destroy" && !job.wasBusy && jobs.isReady(job));
  if (ready.length === 0 || halt.isHalted) break;
  await runPool(ready, options);
 }
 let pauseMs = 1e3;
 for (let round = 0; round < MAX_ROUNDS && !halt.isHalted; round += 1) {
  const left = jobs.unsettled().filter(job => job.next === "poll" || jobs.isReady(job));
  if (left.length === 0 || !await pause(core.jitter(pauseMs, .2, clock.random()), options)) break;
  pauseMs = Math.min(3e4, pauseMs * 1.6);
  await runPool(left, options);
 }
 for (const job of jobs.unsettled()) settleLeft(jobs, job);
 const bug = halt.reasons.get("broken");
 if (bug) throw bug;
}

async function runPool(ready, options) {
 const queue = [ ...ready ];
 const worker = async () => {
  for (let job = queue.shift(); job && !options.halt.isHalted; job = queue.shift()) {
   try {
    await (job.next === "poll" ? pollJob(job, options) : workJob(job, options));
   } catch (thrown) {
    options.halt.stop("broken", core.toError(thrown));
   } finally {
    job.isInFlight = false;
   }
  }
 };
 const workers = Math.max(1, Math.min(options.concurrency, queue.length));
 await Promise.all(Array.from({
  length: workers
 }, worker));
}

async function workJob(job, options) {
 const {jobs: jobs, calls: calls, refresh: refresh, clock: clock, halt: halt} = options;
 let backoff = core.createBackoff({
  baseMs: 500,
  capMs: 1e4
 });
 while (job.outcome === null && job.next === "destroy") {
  if (!await calls.takeSlot()) return;
  await refresh.idle();
  if (job.outcome !== null || job.next !== "destroy" || halt.isHalted) return;
  if (refresh.isDue(job)) {
   const isSlotSpent = await refresh.verify(job);
   if (isSlotSpent || job.outcome !== null || refresh.isDue(job)) continue;
  }
  job.isInFlight = true;
  job.sentAtMs ??= clock.monotonicMs();
  const sentInEpoch = refresh.epoch;
  const step = await destroyOnce(job, options);
  job.isInFlight = false;
  if (step === null) return;
  switch (step.step) {
  case "done":
   jobs.settle(job, step.outcome, step.reason);
   if (step.outcome === "deleted") refresh.onSuccess();
   if (step.isConflict) await refresh.onConflict(sentInEpoch);
   return;

  case "later":
   job.wasBusy = true;
   job.reason = step.detail;
   return;

  case "poll":
   job.next = "poll";
   return;

  case "again":
   {
    if (step.isPaced) break;
    const next = backoff.next(clock.random());
    backoff = next.backoff;
    if (!await pause(next.delayMs, options)) return;
   }
  }
 }
}

async function destroyOnce(job, {jobs: jobs, calls: calls, clock: clock, halt: halt}) {
 const answer = await calls.destroy(job.app);
 if (answer === "unsent") return null;
 if (answer === null) {
  jobs.settle(job, "failed", "stopped while it was being deleted; it may be gone");
  return null;
 }
 if (answer.kind === "throttled") job.throttles += 1; else job.attempts += 1;
 if (answer.kind === "ambiguous") job.isDoubtful = true;
 const step = decideAfterDestroy(answer, job);
 if (step.step !== "read") return step;
 const read = await repeatRead(async () => await calls.takeSlot() ? await calls.get(job.app.id) : null, {
  clock: clock,
  halt: halt,
  attempts: READ_ATTEMPTS
 });
 if (read === null) {
  const isKnown = step.cause === "forbidden";
  jobs.settle(job, isKnown ? "forbidden" : "failed", `stopped before its state was read: ${step.detail}`);
  return null;
 }
 const after = decideAfterRead(read, {
  ...step,
  app: job.app
 }, job);
 if (read.kind === "found" && after.step === "again") {
  job.app = read.app;
  job.readAtMs = clock.monotonicMs();
 }
 return after;
}

async function pollJob(job, {jobs: jobs, calls: calls, refresh: refresh, clock: clock}) {
 if (!await calls.takeSlot()) return;
 await refresh.idle();
 if (job.outcome !== null) return;
 const answer = await calls.get(job.app.id);
 if (answer?.kind === "gone") {
  jobs.settle(job, "deleted", "deleted, confirmed by a later read");
  refresh.onSuccess();
 } else if (answer?.kind === "found" && answer.app.state === "delete-failed" && job.attempts < MAX_ATTEMPTS) {
  const change = describeChange(job.app, answer.app);
  if (change !== null) {
   jobs.settle(job, "changed", change);
   return;
  }
  job.app = answer.app;
  job.readAtMs = clock.monotonicMs();
  job.next = "destroy";
 }
}

function settleLeft(jobs, job) {
 if (job.next === "poll") jobs.settle(job, "busy", "accepted, but still there"); else if (job.wasBusy) jobs.settle(job, "busy", `in use: ${job.reason}`); else if (job.isDoubtful) jobs.settle(job, "failed", "stopped before its deletion was certain"); else if (!jobs.isReady(job)) jobs.settle(job, "deferred", "a child of it is left"); else jobs.settle(job, "deferred", "left for the next sweep");
}

function createCalls({provider: provider, pace: pace, permit: permit, halt: halt, deadline: deadline}) {
 const counts = {
  list: 0,
  get: 0,
  delete: 0,
  other: 0
 };
 let hasAnswered = false;
 let hasSent = false;
 const takeSlot = async (within = halt) => {
  if (pace.delayMs() > deadline.remainingMs()) halt.stop("throttled");
  if (within.isHalted) return false;
  try {
   await pace.take({
    signal: within.signal
   });
  } catch (thrown) {
   if (within.isHalted) return false;
   throw thrown;
  }
  return true;
 };
 const isPermitted = (within = halt) => {
  if (within.isHalted) return false;
  try {
   permit?.assertHeld();
   return true;
  } catch (thrown) {
   if (!core.hasCode(thrown, "lease-lost")) throw thrown;
   halt.stop("lease-lost", core.toError(thrown));
   return false;
  }
 };
 const receive = async (verb, sent, within = halt) => {
  counts[verb] += 1;
  hasSent = true;
  const answer = await untilAborted(sent, within.callSignal);
  if (answer === null) return null;
  pace.observe({
   throttled: answer.kind === "throttled",
   ...answer.meta.rate
  });
  if (answer.kind !== "ambiguous") hasAnswered = true;
  if (answer.kind === "unauthorized") halt.stop("unauthorized");
  return answer;
 };
 const options = {
  signal: halt.callSignal
 };
 return {
  counts: counts,
  get hasAnswered() {
   return hasAnswered;
  },
  get hasSent() {
   return hasSent;
  },
  takeSlot: () => takeSlot(),
  async open() {
   if (provider.capabilities.openRequests === 0) return halt.isHalted ? null : await provider.open(options);
   if (!await takeSlot() || !isPermitted()) return null;
   return await receive("other", provider.open(options));
  },
  async list(cursor, within = halt) {
   if (!await takeSlot(within) || !isPermitted(within)) return null;
   return await receive("list", provider.list(cursor, {
    signal: within.callSignal
   }), within);
  },
  async get(id) {
   if (!isPermitted()) return null;
   return await receive("get", provider.get(id, options));
  },
  async destroy(app) {
   if (!permit || !isPermitted()) return "unsent";
   return await receive("delete", provider.destroy(app, {
    ...options,
    fencingToken: permit.token
   }));
  }
 };
}

async function untilAborted(sent, signal) {
 let stopListening = null;
 const aborted = new Promise(resolve => {
  const onAbort = () => resolve(null);
  if (signal.aborted) onAbort(); else signal.addEventListener("abort", onAbort, {
   once: true
  });
  stopListening = () => signal.removeEventListener("abort", onAbort);
 });
 try {
  return await Promise.race([ sent, aborted ]);
 } catch (thrown) {
  if (signal.aborted) return null;
  throw thrown;
 } finally {
  stopListening?.();
 }
}

function createJobs(candidates, sightings, onSettled) {
 const ids = new Set(candidates.map(app => app.id));
 const children = new Map;
 const seen = new Set;
 for (const app of candidates) {
  seen.add(app.id);
  const {parentId: parentId} = app;
  if (parentId === null || !ids.has(parentId) || seen.has(parentId)) continue;
  children.set(parentId, [ ...children.get(parentId) ?? [], app.id ]);
 }
 const byId = new Map;
 for (const app of candidates) byId.set(app.id, {
  app: app,
  readAtMs: sightings.get(app.id)?.readAtMs ?? Number.NEGATIVE_INFINITY,
  attempts: 0,
  sentAtMs: null,
  throttles: 0,
  verifications: 0,
  isDoubtful: false,
  wasBusy: false,
  isInFlight: false,
  next: "destroy",
  after: children.get(app.id) ?? [],
  outcome: null,
  reason: ""
 });
 const all = [ ...byId.values() ];
 const isAway = job => job?.outcome === "deleted" || job?.outcome === "gone";
 return {
  all: all,
  unsettled: () => all.filter(job => job.outcome === null),
  isReady: job => job.after.every(id => isAway(byId.get(id))),
  settle(job, outcome, reason) {
   core.invariant(job.outcome === null, `an app was settled twice: ${job.outcome}, then ${outcome}`);
   job.outcome = outcome;
   job.reason = reason;
   onSettled(job);
  },
  freed: () => all.filter(isAway).length
 };
}

const VERIFIED_FOR_MS = 6e4;

const MAX_VERIFICATIONS = 3;

const CONFLICT_BASE_MS = 1e3;

const CONFLICT_CAP_MS = 6e4;

function createRefresh(options) {
 const {calls: calls, clock: clock, halt: halt, jobs: jobs} = options;
 const freshBackoff = () => core.createBackoff({
  baseMs: CONFLICT_BASE_MS,
  capMs: CONFLICT_CAP_MS
 });
 let backoff = freshBackoff();
 let pages = options.pages;
 let epoch = 0;
 let running = null;
 const relist = async () => {
  const census = await takeCensus({
   calls: calls,
   clock: clock,
   halt: halt,
   ...options.onPage ? {
    onPage: options.onPage
   } : {}
  });
  if (census.problem !== null) options.note("warn", `the fresh list is incomplete: ${core.plain(census.problem)}`);
  if (census.isComplete) pages = Math.max(1, census.pages);
  for (const job of jobs.unsettled()) {
   if (job.isInFlight) continue;
   const sighting = census.sightings.get(job.app.id);
   if (sighting) reviewApp(jobs, job, sighting.app, sighting.readAtMs); else if (census.isComplete) settleAbsent(jobs, job); else job.readAtMs = Number.NEGATIVE_INFINITY;
  }
 };
 const start = prepare => {
  if (running) return running;
  epoch += 1;
  const run = async () => {
   try {
    if (await prepare()) await relist();
   } finally {
    running = null;
   }
  };
  running = run();
  return running;
 };
 const isUnderLimit = () => options.excess !== null && options.excess - jobs.freed() <= 0;
 return {
  get epoch() {
   return epoch;
  },
  async idle() {
   while (running) await running;
  },
  isDue(job) {
   if (options.provider.capabilities.atomicPrecondition) return false;
   return clock.monotonicMs() - job.readAtMs >= VERIFIED_FOR_MS;
  },
  async verify(job) {
   job.verifications += 1;
   if (job.verifications > MAX_VERIFICATIONS) {
    jobs.settle(job, "deferred", "it could not be verified in time");
    return false;
   }
   if (jobs.unsettled().length > 2 * pages) {
    await start(async () => true);
    return false;
   }
   const answer = await calls.get(job.app.id);
   if (answer?.kind === "found") reviewApp(jobs, job, answer.app, clock.monotonicMs()); else if (answer?.kind === "gone") settleAbsent(jobs, job); else if (answer?.kind === "forbidden") jobs.settle(job, "forbidden", `forbidden: ${core.plain(answer.detail)}`);
   return true;
  },
  async onConflict(sentInEpoch) {
   const isAnythingLeft = jobs.unsettled().some(job => !job.isInFlight && job.next === "destroy");
   if (!isAnythingLeft || sentInEpoch < epoch || halt.isHalted) return;
   if (options.strategy === "stop") {
    options.note("warn", "somebody else is deleting, too; the rest is left to them");
    halt.stop("conflict");
    return;
   }
   await start(async () => {
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    if (options.strategy === "stop-if-under-limit" && isUnderLimit()) {
     options.note("info", "somebody else is deleting, too, and there is room now; the rest is left to them");
     halt.stop("conflict");
     return false;
    }
    options.note("info", "somebody else is deleting, too; pausing, then listing again");
    return await pause(step.delayMs, {
     clock: clock,
     halt: halt
    });
   });
  },
  onSuccess() {
   backoff = freshBackoff();
  }
 };
}

function reviewApp(jobs, job, app, readAtMs) {
 if (job.next === "poll") return;
 if (job.isDoubtful && app.state === "deleting") {
  job.next = "poll";
  return;
 }
 const change = describeChange(job.app, app);
 if (change !== null) {
  jobs.settle(job, "changed", change);
  return;
 }
 job.app = app;
 job.readAtMs = readAtMs;
}

function settleAbsent(jobs, job) {
 if (job.isDoubtful || job.next === "poll") jobs.settle(job, "deleted", "deleted, confirmed by a later read"); else jobs.settle(job, "gone", "somebody else deleted it");
}

const HOLDERS_NAMED = 5;

function describeRoomFigures(selection, {census: census, freed: freed}) {
 const staying = selection.matched.filter(one => one.verdict !== "eligible" && one.app.state !== "deleting");
 const holders = staying.slice(0, HOLDERS_NAMED).map(one => {
  const age = one.ageMs === null ? "" : `${core.formatDuration(one.ageMs)} old, `;
  return `${core.plain(one.app.name, 60)} (${age}${core.plain(one.reason, 80)})`;
 });
 const inScope = [ ...census?.sightings.values() ?? [] ].filter(({app: app}) => app.inScope).length;
 const others = inScope - selection.matched.length;
 const more = staying.length - holders.length;
 if (more > 0) holders.push(`${more} more`);
 if (others > 0) holders.push(`${others} that do not match`);
 return {
  counted: selection.counted,
  freed: freed,
  nextDueMs: selection.nextDueMs,
  spare: selection.spare,
  holders: holders
 };
}

function describeFull(selection, {counted: counted, nextDueMs: nextDueMs, holders: holders}) {
 const due = nextDueMs === null ? "none of them will fall due" : `the next falls due in ${core.formatDuration(nextDueMs)}`;
 return `full: ${counted} apps are there, ${selection.target} may be; ${due}; places are held by ${holders.join(", ")}`;
}

function orderChildrenFirst(apps) {
 const byAge = [ ...apps ].sort((a, b) => (a.createdAtMs ?? Number.MAX_VALUE) - (b.createdAtMs ?? Number.MAX_VALUE) || (a.id < b.id ? -1 : 1));
 const children = new Map;
 for (const app of byAge) {
  if (app.parentId === null) continue;
  const siblings = children.get(app.parentId);
  if (siblings) siblings.push(app); else children.set(app.parentId, [ app ]);
 }
 const ordered = [];
 const entered = new Set;
 for (const root of byAge) {
  const stack = [ {
   app: root,
   isLeaving: false
  } ];
  for (let step = stack.pop(); step; step = stack.pop()) {
   const {app: app, isLeaving: isLeaving} = step;
   if (isLeaving) {
    ordered.push(app);
   } else if (!entered.has(app.id)) {
    entered.add(app.id);
    stack.push({
     app: app,
     isLeaving: true
    });
    for (const child of (children.get(app.id) ?? []).toReversed()) stack.push({
     app: child,
     isLeaving: false
    });
   }
  }
 }
 return ordered;
}

const EARLIEST_CREATION_MS = Date.UTC(2001, 0, 1);

const MAX_FUTURE_MS = 12e4;

function selectApps(listing, rules) {
 const matched = listing.apps.filter(app => app.inScope && matchName(app, rules) !== "no").map(app => judge(app, ageOf(app, listing.serverNowMs), rules)).sort((a, b) => (b.ageMs ?? -1) - (a.ageMs ?? -1) || compareIds(a.app, b.app));
 const eligible = new Map;
 for (const judged of matched) if (judged.verdict === "eligible") eligible.set(judged.app.id, judged);
 keepParents(listing.apps, eligible);
 const counted = listing.apps.filter(app => app.inScope && app.state !== "deleting").length;
 const target = rules.limit === null || !listing.isComplete ? null : Math.max(0, rules.limit - rules.headroom);
 if (target !== null && rules.olderThanMs === null) cull({
  matched: matched,
  eligible: eligible,
  apps: listing.apps,
  excess: counted - target,
  limit: rules.limit
 });
 return {
  listed: listing.apps.length,
  matched: matched,
  candidates: orderChildrenFirst([ ...eligible.values() ].map(judged => judged.app)),
  counted: counted,
  target: target,
  shortfall: target === null ? 0 : shortfallOf({
   counted: counted,
   target: target,
   rules: rules,
   eligible: eligible,
   matched: matched
  }),
  nextDueMs: nextDueMs(matched, rules),
  spare: matched.filter(judged => judged.verdict === "kept" && judged.waitsFor === "excess").length
 };
}

function shortfallOf(options) {
 const {counted: counted, target: target, rules: rules, eligible: eligible, matched: matched} = options;
 const missing = Math.max(0, counted - eligible.size - target);
 const isExactlyFull = eligible.size === 0 && rules.limit !== null && counted >= rules.limit;
 return isExactlyFull && !matched.some(judged => judged.waitsFor === "excess") ? Math.max(1, missing) : missing;
}

function ageOf(app, serverNowMs) {
 const {createdAtMs: createdAtMs} = app;
 if (serverNowMs === null || createdAtMs === null || !Number.isFinite(createdAtMs)) return null;
 if (createdAtMs < EARLIEST_CREATION_MS || createdAtMs > serverNowMs + MAX_FUTURE_MS) return null;
 return Math.max(0, serverNowMs - createdAtMs);
}

function matchName(app, rules) {
 if (app.name.length > reap.MAX_NAME_LENGTH) return "unknown";
 try {
  return rules.match.matches(app.name) ? "yes" : "no";
 } catch {
  return "unknown";
 }
}

function judge(app, ageMs, rules) {
 const is = (verdict, reason, waitsFor = null) => ({
  app: app,
  ageMs: ageMs,
  verdict: verdict,
  reason: reason,
  waitsFor: waitsFor
 });
 const {minAgeMs: minAgeMs, olderThanMs: olderThanMs} = rules;
 if (app.name.length > reap.MAX_NAME_LENGTH) return is("kept", `the name is longer than ${reap.MAX_NAME_LENGTH} characters`);
 const protection = findProtection(app, rules);
 if (protection !== null) return is("protected", protection);
 if (rules.held?.has(app.id)) return is("kept", "its owner holds a live lease");
 if (matchName(app, rules) === "unknown") return is("kept", "the pattern could not be evaluated");
 if (app.state === "deleting") return is("kept", "already being deleted");
 if (app.state === "transitional") return is("kept", "between two states");
 if (ageMs === null) return is("unknown-age", "its age is unknown");
 if (ageMs <= minAgeMs) return is("young", `not older than ${core.formatDuration(minAgeMs)}`, "time");
 if (olderThanMs === null) return is("kept", "within the limit", "excess");
 return ageMs > olderThanMs ? is("eligible", `older than ${core.formatDuration(olderThanMs)}`) : is("kept", `not older than ${core.formatDuration(olderThanMs)}`, "time");
}

function findProtection(app, rules) {
 if (app.isProtected) return "protected by the provider";
 for (const rule of rules.protect) {
  try {
   if (rule.protects(app)) return `protected by ${rule.source}`;
  } catch {
   return `protected: ${rule.source} could not be evaluated`;
  }
 }
 return null;
}

function keepParents(apps, eligible) {
 const staying = apps.filter(app => app.state !== "deleting" && !eligible.has(app.id));
 for (let app = staying.pop(); app; app = staying.pop()) {
  const parent = app.parentId === null ? undefined : eligible.get(app.parentId);
  if (!parent) continue;
  eligible.delete(parent.app.id);
  parent.verdict = "kept";
  parent.reason = "has children that stay";
  parent.waitsFor = null;
  staying.push(parent.app);
 }
}

function cull({matched: matched, eligible: eligible, apps: apps, excess: excess, limit: limit}) {
 const due = new Map(matched.filter(one => one.waitsFor === "excess").map(one => [ one.app.id, one ]));
 const children = new Map;
 for (const app of apps) if (app.parentId !== null) children.set(app.parentId, [ ...children.get(app.parentId) ?? [], app ]);
 let left = excess;
 for (const app of orderChildrenFirst([ ...due.values() ].map(one => one.app))) {
  if (left <= 0) return;
  const judged = due.get(app.id);
  const stays = child => child.state !== "deleting" && !eligible.has(child.id);
  if (!judged || (children.get(app.id) ?? []).some(stays)) continue;
  judged.verdict = "eligible";
  judged.reason = `over the limit of ${limit}`;
  eligible.set(app.id, judged);
  left -= 1;
 }
}

function nextDueMs(matched, rules) {
 const dueAgeMs = Math.max(rules.minAgeMs, rules.olderThanMs ?? 0);
 const waits = matched.flatMap(({ageMs: ageMs, waitsFor: waitsFor}) => waitsFor === "time" && ageMs !== null ? [ Math.max(0, dueAgeMs - ageMs) ] : []);
 return waits.length > 0 ? waits.reduce((a, b) => Math.min(a, b)) : null;
}

function compareIds(a, b) {
 return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

const SKEW_WARNING_MS = 6e4;

async function sweep(options) {
 const {clock: clock, deadline: deadline, permit: permit} = options;
 const halt = createHalt({
  clock: clock,
  deadlineSignal: deadline.signal,
  leaseSignal: permit?.signal ?? null
 });
 try {
  return await sweepUntilHalted(options, halt);
 } finally {
  halt.dispose();
 }
}

async function sweepUntilHalted(options, halt) {
 const {settings: settings, provider: provider, pace: pace, permit: permit, clock: clock, deadline: deadline, onEvent: onEvent} = options;
 const note = (level, message) => onEvent({
  kind: "note",
  level: level,
  message: message
 });
 const onPage = (page, apps) => onEvent({
  kind: "page",
  page: page,
  apps: apps
 });
 const calls = createCalls({
  provider: provider,
  pace: pace,
  permit: permit,
  halt: halt,
  deadline: deadline
 });
 const listedAtMs = clock.monotonicMs();
 const {failure: failure, census: census} = await readAccount({
  calls: calls,
  clock: clock,
  halt: halt,
  note: note,
  onPage: onPage
 }, provider);
 if (census?.problem) note("warn", `the list is incomplete, so nothing is deleted: ${census.problem}`);
 const selection = await selectUnheld(census, {
  options: options,
  halt: halt,
  note: note
 });
 const isApplied = permit !== null && settings.apply;
 const cap = settings.maxDeletes ?? Number.POSITIVE_INFINITY;
 const jobs = planJobs({
  census: census,
  selection: selection,
  settings: settings,
  onEvent: onEvent
 });
 onEvent({
  kind: "planned",
  counts: reap.countApps(selection.listed, describeApps(selection, null), false)
 });
 if (isApplied && census) {
  const refresh = createRefresh({
   provider: provider,
   calls: calls,
   clock: clock,
   halt: halt,
   jobs: jobs,
   strategy: settings.onConflict,
   pages: Math.max(1, census.pages),
   excess: selection.target === null ? null : selection.counted - selection.target,
   onPage: onPage,
   note: note
  });
  await applyJobs({
   jobs: jobs,
   calls: calls,
   refresh: refresh,
   clock: clock,
   halt: halt,
   concurrency: settings.concurrency
  });
 }
 const apps = describeApps(selection, isApplied ? jobs : null);
 const counts = reap.countApps(selection.listed, apps, isApplied);
 const conclusion = reap.concludePass({
  isApplied: isApplied,
  counts: counts,
  halts: halt.reasons,
  isListComplete: census?.isComplete ?? false,
  failure: failure ?? census?.failure ?? null,
  isUnanswered: calls.hasSent && (!calls.hasAnswered || failure === "ambiguous"),
  shortfall: selection.shortfall,
  isCapped: selection.candidates.length > cap
 });
 const room = describeRoomFigures(selection, {
  census: census,
  freed: isApplied ? jobs.freed() : 0
 });
 const told = selection.shortfall > 0 ? describeFull(selection, room) : null;
 if (told !== null) note("warn", told);
 const isFull = conclusion.reason === "full" && told !== null;
 return {
  ...conclusion,
  counts: counts,
  requests: {
   ...calls.counts
  },
  apps: apps,
  ...census?.isComplete ? {
   room: room
  } : {},
  ...isFull ? {
   full: {
    listedAtMs: listedAtMs,
    nextDueMs: room.nextDueMs,
    told: told
   }
  } : {}
 };
}

async function selectUnheld(census, {options: options, halt: halt, note: note}) {
 const asked = new Set;
 const held = new Set;
 let selection = select(census, {
  options: options,
  held: held,
  note: note
 });
 for (;;) {
  const unasked = selection.candidates.filter(app => !asked.has(app.id));
  if (!options.holds || unasked.length === 0 || halt.isHalted) return selection;
  for (const app of unasked) asked.add(app.id);
  const question = {
   serverNowMs: census?.serverNowMs() ?? null,
   signal: halt.signal
  };
  try {
   for (const id of await options.holds(unasked, question)) held.add(id);
  } catch (thrown) {
   if (!halt.isHalted) throw thrown;
   return selection;
  }
  selection = select(census, {
   options: options,
   held: held,
   note: ignore
  });
 }
}

function ignore() {}

function select(census, {options: options, held: held, note: note}) {
 const {settings: settings, clock: clock} = options;
 const serverNowMs = census?.serverNowMs() ?? null;
 if (census && census.pages > 0) {
  const skewMs = serverNowMs === null ? 0 : clock.wallMs() - serverNowMs;
  if (serverNowMs === null) note("warn", "the provider tells no time, so no age is known");
  if (Math.abs(skewMs) > SKEW_WARNING_MS) note("warn", `this machine's clock is ${core.formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}; ages are by the provider's`);
 }
 const apps = [ ...census?.sightings.values() ?? [] ].map(sighting => sighting.app);
 return selectApps({
  apps: apps,
  isComplete: census?.isComplete ?? false,
  serverNowMs: serverNowMs
 }, {
  ...settings,
  held: held
 });
}

function planJobs({census: census, selection: selection, settings: settings, onEvent: onEvent}) {
 const {candidates: candidates} = selection;
 const judged = new Map(selection.matched.map(one => [ one.app.id, one ]));
 let done = 0;
 const jobs = createJobs(candidates, census?.sightings ?? new Map, job => {
  const one = judged.get(job.app.id);
  if (!one || !settings.apply) return;
  done += 1;
  const sent = job.sentAtMs === null ? {} : {
   sentAtMs: job.sentAtMs
  };
  onEvent({
   kind: "app",
   app: describeApp(one, job),
   done: done,
   eligible: candidates.length,
   ...sent
  });
 });
 const most = settings.maxDeletes ?? Number.POSITIVE_INFINITY;
 const isPartial = !census?.isComplete;
 jobs.all.forEach((job, position) => {
  if (isPartial) jobs.settle(job, "deferred", "the list is incomplete"); else if (position >= most) jobs.settle(job, "deferred", `over the cap of ${most} deletions`);
 });
 return jobs;
}

function describeApps(selection, jobs) {
 const byId = new Map((jobs?.all ?? []).map(job => [ job.app.id, job ]));
 return selection.matched.map(one => describeApp(one, byId.get(one.app.id) ?? null));
}

function describeApp(one, job) {
 const story = job?.outcome != null && job.reason !== "deleted" ? `${one.reason}; ${job.reason}` : one.reason;
 return {
  id: one.app.id,
  name: one.app.name,
  ageMs: one.ageMs === null ? null : Math.round(one.ageMs),
  verdict: one.verdict,
  reason: story,
  outcome: job?.outcome ?? null
 };
}

exports.sweep = sweep;
