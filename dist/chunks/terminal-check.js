"use strict";

const core = require("./core.js");

const checkRecord = require("./check-record.js");

const contract = require("./contract.js");

const result = require("./result.js");

const freshness = require("./freshness.js");

const probes = require("./probes.js");

const userCommand = require("./user-command.js");

const TOLERATED_FAILURES = 1;

const unasked = Object.freeze({
 failures: 0,
 reading: null
});

const observeHealth = (state, result) => {
 if (!result.unreachable) {
  const {status: status, detail: output, absent: absent} = result;
  return freezeState(0, {
   status: status,
   output: output,
   absent: absent
  });
 }
 const failures = state.failures + 1;
 if (failures <= TOLERATED_FAILURES) return freezeState(failures, state.reading);
 const output = `cannot be asked: ${result.detail}`;
 return freezeState(failures, {
  status: "critical",
  output: output,
  absent: null
 });
};

function isSameReading(a, b) {
 return a?.status === b?.status && a?.output === b?.output && a?.absent === b?.absent;
}

function freezeState(failures, reading) {
 return Object.freeze({
  failures: failures,
  reading: reading && Object.freeze(reading)
 });
}

function createEdge() {
 let pending = false;
 let wake = null;
 return {
  fire() {
   pending = true;
   wake?.();
  },
  async wait({clock: clock, delayMs: delayMs, signal: signal}) {
   core.throwIfAborted(signal);
   const cause = pending ? "edge" : await new Promise((resolve, reject) => {
    const finish = act => {
     timer.cancel();
     signal.removeEventListener("abort", onAbort);
     wake = null;
     act();
    };
    const onAbort = () => finish(() => reject(core.abortReason(signal)));
    const timer = clock.startTimer(delayMs, () => finish(() => resolve("timer")));
    signal.addEventListener("abort", onAbort, {
     once: true
    });
    wake = () => finish(() => resolve("edge"));
   });
   pending = false;
   return cause;
  }
 };
}

async function subscribe(options) {
 const {edge: edge, clock: clock, signal: signal, logger: logger, what: what} = options;
 core.throwIfAborted(signal);
 const report = error => logger.debug(`the watch on ${what} ended (${core.toError(error).message}); reading on the timer alone`);
 const settled = new AbortController;
 try {
  const watch = options.watch({
   signal: signal
  });
  void forward(watch, edge).catch(report);
  const limit = core.sleep(clock, options.readyTimeoutMs, AbortSignal.any([ signal, settled.signal ]));
  await Promise.race([ watch.ready, limit ]);
 } catch (error) {
  core.throwIfAborted(signal);
  report(error);
 } finally {
  settled.abort();
 }
}

async function forward(watch, edge) {
 for await (const _ of watch) edge.fire();
}

const LIMIT_MS = 1e3;

function createConfirmation(isLocal, clock) {
 const edges = isLocal.map(createEdge);
 const awaited = new Set;
 let untilMs = 0;
 return {
  edgeOf: at => edges[at],
  demand() {
   untilMs = clock.monotonicMs() + LIMIT_MS;
   for (const [at, edge] of edges.entries()) {
    if (!isLocal[at]) continue;
    awaited.add(at);
    edge.fire();
   }
  },
  answered: at => awaited.delete(at) && awaited.size === 0,
  holdMs() {
   const leftMs = untilMs - clock.monotonicMs();
   if (leftMs <= 0) awaited.clear();
   return awaited.size > 0 ? leftMs : 0;
  }
 };
}

function decideClaim(current, identity, {wanted: wanted, renew: renew}) {
 const isOwn = current !== null && current.run === identity.run;
 if (isOwn) {
  const says = current.status === wanted.status && current.output === wanted.output;
  const isLatest = identity.nonce === null || identity.nonce === current.nonce;
  return {
   kind: says && isLatest && !renew ? "keep" : "write",
   generation: current.generation
  };
 }
 if (identity.generation === null) return {
  kind: "write",
  generation: (current?.generation ?? 0) + 1
 };
 if (current === null || current.generation < identity.generation) return {
  kind: "write",
  generation: identity.generation
 };
 return {
  kind: "replaced",
  by: current
 };
}

const OPERATION_TIMEOUT_MS$1 = 5e3;

const MAX_ATTEMPTS = 16;

const CONFLICT_BACKOFF = {
 baseMs: 10,
 capMs: 500
};

function createRegister(world, name) {
 const {store: store, clock: clock, namespace: namespace, writer: writer, operationTimeoutMs: timeoutMs = OPERATION_TIMEOUT_MS$1} = world;
 const key = checkRecord.checkKey(namespace, name);
 const read = async signal => {
  const waitingFor = `the store to read check ${name}`;
  const onTimeout = () => new core.UnavailableError(`${waitingFor} took too long`);
  const parent = signal === undefined ? {} : {
   parent: signal
  };
  const entry = await core.withTimeout({
   clock: clock,
   timeoutMs: timeoutMs,
   waitingFor: waitingFor,
   onTimeout: onTimeout,
   ...parent
  }, own => store.get(key, {
   signal: own
  }));
  if (entry === null) return {
   record: null,
   revision: null
  };
  return {
   record: checkRecord.decodeCheckRecord(entry.value, name),
   revision: entry.revision
  };
 };
 const write = async (expect, record) => {
  const waitingFor = `the store to write check ${name}`;
  const onTimeout = () => new core.IndeterminateError(`${waitingFor} took too long; it may or may not have landed`);
  const result = await core.withTimeout({
   clock: clock,
   timeoutMs: timeoutMs,
   waitingFor: waitingFor,
   onTimeout: onTimeout
  }, own => store.compareAndSet(key, expect, checkRecord.encodeCheckRecord(record), {
   signal: own
  }));
  return result.ok ? result.revision : null;
 };
 return {
  key: key,
  read: read,
  async update(decide, signal) {
   const nonce = core.createNonce();
   let doubt = null;
   let backoff = core.createBackoff(CONFLICT_BACKOFF);
   for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    core.throwIfAborted(signal);
    const current = await read(signal).catch(error => {
     throw doubt !== null && core.hasCode(error, "unavailable") ? doubt : error;
    });
    if (current.record?.nonce === nonce) return current;
    const draft = decide(current.record);
    if (draft === null) return current;
    const setAt = new Date(clock.wallMs()).toISOString();
    const record = core.deepFreeze({
     v: 1,
     ...draft,
     writer: writer,
     nonce: nonce,
     setAt: setAt
    });
    core.throwIfAborted(signal);
    try {
     const revision = await write(current.revision, record);
     if (revision !== null) return {
      record: record,
      revision: revision
     };
    } catch (error) {
     if (!core.hasCode(error, "indeterminate")) throw error;
     doubt = error;
    }
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    await core.sleep(clock, step.delayMs, signal);
   }
   throw doubt ?? new core.UnavailableError(`check ${name} was changed by others ${MAX_ATTEMPTS} times in a row`);
  }
 };
}

function reduceChecks(checks, exists) {
 const distinct = new Map(checks.map(check => [ JSON.stringify([ check.id, check.status, check.output ]), check ]));
 const ordered = [ ...distinct.values() ].sort(compareChecks);
 const worst = ordered[0];
 if (worst === undefined) return exists ? {
  status: "passing",
  reason: "no checks found",
  worst: null
 } : {
  status: "critical",
  reason: "no check and no upstream found",
  worst: null
 };
 if (worst.status === "passing") return {
  status: "passing",
  reason: "all checks passing",
  worst: null
 };
 const others = ordered.filter(check => check.status === worst.status).length - 1;
 const more = others > 0 ? ` (and ${others} more ${worst.status})` : "";
 return {
  status: worst.status,
  reason: `${core.plain(worst.id)} is ${worst.status}: ${core.plain(worst.output)}${more}`,
  worst: worst.id
 };
}

function rollUp(upstreams) {
 const checks = upstreams.flatMap(({id: id, reading: reading}) => {
  if (reading === null) return [ {
   id: id,
   status: "unknown",
   output: "not asked yet"
  } ];
  if (reading.absent === "check") return [];
  const status = reading.absent === "upstream" ? "critical" : reading.status;
  return [ {
   id: id,
   status: status,
   output: reading.output
  } ];
 });
 return reduceChecks(checks, upstreams.length > 0);
}

function selectCause(before, after) {
 const earlier = new Map(before.map(({id: id, reading: reading}) => [ id, reading?.status ]));
 const changed = after.filter(({id: id, reading: reading}) => earlier.get(id) !== reading?.status).map(({id: id}) => id).sort();
 const deciding = [ rollUp(after).worst, rollUp(before).worst ];
 return deciding.find(id => id !== null && changed.includes(id)) ?? changed[0] ?? null;
}

function compareChecks(a, b) {
 const bySeverity = contract.HEALTH_STATUSES.indexOf(b.status) - contract.HEALTH_STATUSES.indexOf(a.status);
 return bySeverity || compareText(a.id, b.id) || compareText(a.output, b.output);
}

function compareText(a, b) {
 if (a === b) return 0;
 return a < b ? -1 : 1;
}

function createPublisher(definition, world) {
 const {name: name, until: until, ttlMs: ttlMs = null} = definition;
 const register = createRegister(world, name);
 const upstreams = definition.upstreams.map(probe => probe.id);
 let identity = {
  run: core.createNonce(),
  generation: null,
  nonce: null
 };
 let published = null;
 let writtenAtMs = Number.NEGATIVE_INFINITY;
 let transitions = 0;
 let found = null;
 const publisher = {
  key: register.key,
  lastError: null,
  look: signal => register.read(signal),
  async publish(readings, rollup, signal) {
   const wanted = {
    status: rollup.status,
    output: rollup.reason,
    ttlMs: ttlMs,
    upstreams: upstreams
   };
   const askedAtMs = world.clock.monotonicMs();
   const renew = ttlMs !== null && askedAtMs - writtenAtMs >= ttlMs / 3;
   let verdict = {
    kind: "keep",
    generation: 0
   };
   publisher.lastError ??= new core.UnavailableError(`the store did not answer about check ${core.plain(name)} in time`);
   const landed = await register.update(current => {
    if (current?.run !== identity.run) found = current?.status ?? null;
    verdict = decideClaim(current, identity, {
     wanted: wanted,
     renew: renew
    });
    if (verdict.kind !== "write") return null;
    return {
     ...wanted,
     run: identity.run,
     generation: verdict.generation
    };
   }, signal).catch(error => {
    identity = {
     ...identity,
     nonce: null
    };
    throw error;
   });
   publisher.lastError = null;
   const settled = verdict;
   if (settled.kind === "replaced") return "replaced";
   identity = {
    ...identity,
    generation: settled.generation,
    nonce: landed.record?.nonce ?? null
   };
   if (settled.kind === "write") writtenAtMs = askedAtMs;
   const from = published === null ? found : published.status;
   const cause = published === null ? rollup.worst : selectCause(published.readings, readings);
   published = {
    status: rollup.status,
    output: rollup.reason,
    readings: readings
   };
   if (from !== rollup.status) {
    transitions += 1;
    world.onTransition?.({
     name: name,
     from: from,
     to: rollup.status,
     upstream: cause,
     output: rollup.reason
    });
   }
   return rollup.status === until ? "reached" : null;
  },
  report: outcome => ({
   outcome: outcome,
   name: name,
   status: published?.status ?? "unknown",
   output: published?.output ?? "nothing was written",
   transitions: transitions,
   written: published !== null,
   lastError: publisher.lastError
  })
 };
 return publisher;
}

const SOON_MS = 1e3;

const SHARE = .1;

const MAX_EXPONENT = 31;

function selectDelay(facts) {
 const {reconcileMs: reconcileMs, failures: failures, retryAfterMs: retryAfterMs, recheckAfterMs: recheckAfterMs, random: random} = facts;
 const usualMs = facts.hasEdges ? reconcileMs : reconcileMs * (1 - SHARE * random);
 const ownMs = failures === 0 ? usualMs : Math.min(usualMs, failureDelay(failures, random));
 const soonestMs = Math.min(ownMs, recheckAfterMs ?? Number.POSITIVE_INFINITY);
 return Math.max(1, soonestMs, retryAfterMs ?? 0);
}

function failureDelay(failures, random) {
 if (failures < 3) return SOON_MS;
 const ceilingMs = SOON_MS * 2 ** Math.min(MAX_EXPONENT, failures - 2);
 return ceilingMs * (.5 + .5 * random);
}

const MIN_GAP_MS = 5;

const PROBE_TIMEOUT_MS = 6e4;

async function followUpstream(options) {
 const {probe: probe, edge: edge, reconcileMs: reconcileMs, clock: clock, logger: logger, signal: signal, observe: observe} = options;
 if (probe.watch) {
  const what = `upstream ${probe.id}`;
  await subscribe({
   ...options,
   watch: probe.watch,
   readyTimeoutMs: options.storeTimeoutMs,
   what: what
  });
 }
 let state = unasked;
 for (;;) {
  const startedAtMs = clock.monotonicMs();
  const result = await ask(options);
  const before = state.reading;
  state = observe(state, result);
  if (result.unreachable) logger.debug(`${core.plain(probe.id)} could not be asked: ${result.detail}`);
  if (state.reading !== null && !isSameReading(before, state.reading)) options.onReading(state.reading);
  if (!result.unreachable) options.onAnswer();
  const delayMs = selectDelay({
   reconcileMs: reconcileMs,
   hasEdges: probe.watch !== null,
   failures: state.failures,
   retryAfterMs: result.retryAfterMs,
   recheckAfterMs: result.recheckAfterMs,
   random: clock.random()
  });
  await edge.wait({
   clock: clock,
   delayMs: delayMs,
   signal: signal
  });
  const gapMs = startedAtMs + MIN_GAP_MS - clock.monotonicMs();
  if (gapMs > 0) await core.sleep(clock, gapMs, signal);
 }
}

async function ask({probe: probe, clock: clock, signal: signal, storeTimeoutMs: storeTimeoutMs}) {
 core.throwIfAborted(signal);
 const onTimeout = () => new core.UnavailableError("no answer at all");
 const timeoutMs = probe.watch ? storeTimeoutMs : PROBE_TIMEOUT_MS;
 const limits = {
  clock: clock,
  timeoutMs: timeoutMs,
  waitingFor: probe.id,
  parent: signal,
  onTimeout: onTimeout
 };
 try {
  return await core.withTimeout(limits, own => probe.probe({
   signal: own
  }));
 } catch (error) {
  core.throwIfAborted(signal);
  if (core.hasCode(error, "invariant")) throw error;
  return result.unreachable(core.toError(error).message);
 }
}

const OPERATION_TIMEOUT_MS = 5e3;

const STORE_BACKOFF_MS = 250;

function startAlias(definition, world, options = {}) {
 const controller = new AbortController;
 const onAbort = () => controller.abort(core.abortReason(options.signal));
 if (options.signal?.aborted) onAbort(); else options.signal?.addEventListener("abort", onAbort, {
  once: true
 });
 const done = runAlias$1(definition, world, controller).finally(() => options.signal?.removeEventListener("abort", onAbort));
 done.catch(() => undefined);
 const stop = () => {
  controller.abort(new core.CancelledError(`alias ${definition.name} was stopped`));
  return done;
 };
 return {
  name: definition.name,
  done: done,
  stop: stop,
  async [Symbol.asyncDispose]() {
   await stop();
  }
 };
}

async function runAlias$1(definition, world, controller) {
 const {signal: signal} = controller;
 const edge = createEdge();
 const readings = definition.upstreams.map(probe => ({
  id: probe.id,
  reading: null
 }));
 const publisher = createPublisher(definition, world);
 const confirmation = createConfirmation(definition.upstreams.map(probe => probe.watch !== null), world.clock);
 let failure = null;
 const followers = definition.upstreams.map((probe, at) => followUpstream({
  probe: probe,
  edge: confirmation.edgeOf(at),
  reconcileMs: definition.reconcileMs,
  clock: world.clock,
  logger: world.logger,
  signal: signal,
  storeTimeoutMs: world.operationTimeoutMs ?? OPERATION_TIMEOUT_MS,
  observe: world.observe ?? observeHealth,
  onReading(reading) {
   readings[at] = {
    id: probe.id,
    reading: reading
   };
   edge.fire();
  },
  onAnswer() {
   if (confirmation.answered(at)) edge.fire();
  }
 }).catch(error => {
  if (signal.aborted) return;
  failure = core.toError(error);
  controller.abort(failure);
 }));
 try {
  const outcome = await publishLoop({
   definition: definition,
   world: world,
   signal: signal,
   edge: edge,
   readings: readings,
   publisher: publisher,
   confirmation: confirmation
  });
  return publisher.report(outcome);
 } catch (error) {
  if (failure !== null || !signal.aborted) throw failure ?? error;
  return publisher.report(core.hasCode(signal.reason, "deadline") ? "timeout" : "stopped");
 } finally {
  controller.abort(new core.CancelledError("the alias has ended"));
  await Promise.all(followers);
 }
}

async function publishLoop(options) {
 const {definition: definition, world: world, signal: signal, edge: edge, readings: readings, publisher: publisher, confirmation: confirmation} = options;
 const {store: store, clock: clock, logger: logger} = world;
 const backoffSettings = {
  baseMs: STORE_BACKOFF_MS,
  capMs: definition.reconcileMs
 };
 let backoff = core.createBackoff(backoffSettings);
 let attemptedAtMs = Number.NEGATIVE_INFINITY;
 let wasAway = false;
 if (store.capabilities.nativeWatch) {
  publisher.lastError = new core.UnavailableError(`the store did not answer about check ${core.plain(definition.name)}`);
  await subscribe({
   watch: own => store.watch(publisher.key, own),
   edge: edge,
   clock: clock,
   signal: signal,
   readyTimeoutMs: world.operationTimeoutMs ?? OPERATION_TIMEOUT_MS,
   logger: logger,
   what: `check ${core.plain(definition.name)}`
  });
  if (!signal.aborted) publisher.lastError = null;
 }
 for (;;) {
  core.throwIfAborted(signal);
  let delayMs = Math.min(definition.reconcileMs, (definition.ttlMs ?? Number.POSITIVE_INFINITY) / 3);
  const snapshot = [ ...readings ];
  const rollup = rollUp(snapshot);
  const holdMs = confirmation.holdMs();
  if (holdMs > 0) delayMs = Math.min(delayMs, holdMs); else if (rollup.status === "critical" || snapshot.every(({reading: reading}) => reading !== null)) {
   attemptedAtMs = clock.monotonicMs();
   try {
    if (wasAway) {
     await publisher.look(signal);
     wasAway = false;
     confirmation.demand();
     if (confirmation.holdMs() > 0) continue;
    }
    const outcome = await publisher.publish(snapshot, rollup, signal);
    if (outcome !== null) return outcome;
    backoff = core.createBackoff(backoffSettings);
   } catch (error) {
    if (signal.aborted || !isTransient(error)) throw error;
    wasAway = true;
    publisher.lastError = core.toError(error);
    logger.debug(`check ${core.plain(definition.name)}: ${core.plain(publisher.lastError.message)}; trying again`);
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    delayMs = Math.min(delayMs, Math.max(MIN_GAP_MS, step.delayMs));
   }
  }
  await edge.wait({
   clock: clock,
   delayMs: delayMs,
   signal: signal
  });
  const gapMs = attemptedAtMs + MIN_GAP_MS - clock.monotonicMs();
  if (gapMs > 0) await core.sleep(clock, gapMs, signal);
 }
}

function isTransient(error) {
 return core.hasCode(error, "unavailable") || core.hasCode(error, "indeterminate") || core.hasCode(error, "throttled");
}

const READY_TIMEOUT_MS = 5e3;

const JITTER_SHARE = .1;

function createChecks(world) {
 return {
  async set(name, {status: status, output: output = "", ttlMs: ttlMs = null, signal: signal}) {
   const run = core.createNonce();
   const {record: record} = await createRegister(world, name).update(current => ({
    status: status,
    output: output,
    ttlMs: ttlMs,
    run: run,
    generation: (current?.generation ?? 0) + 1,
    upstreams: []
   }), signal);
   if (record === null) throw new core.UnavailableError(`check ${core.plain(name)} was not written`);
   return record;
  },
  async get(name, {signal: signal} = {}) {
   return viewOf(await createRegister(world, name).read(signal));
  },
  wait: (name, options) => waitForStatus(createRegister(world, name), {
   name: name,
   world: world,
   ...options
  })
 };
}

async function waitForStatus(register, options) {
 const {name: name, world: world, signal: signal, pollMs: pollMs, until: until = "passing", onChange: onChange} = options;
 const {clock: clock, store: store, logger: logger, operationTimeoutMs: readyTimeoutMs = READY_TIMEOUT_MS} = world;
 const edge = createEdge();
 let sighting = null;
 let shown = null;
 let lastError = null;
 try {
  const watch = own => store.watch(register.key, own);
  await subscribe({
   watch: watch,
   edge: edge,
   clock: clock,
   signal: signal,
   readyTimeoutMs: readyTimeoutMs,
   logger: logger,
   what: `check ${core.plain(name)}`
  });
  for (;;) {
   let delayMs = core.jitter(pollMs, JITTER_SHARE, clock.random());
   const askedAtMs = clock.monotonicMs();
   try {
    const stored = await register.read(signal);
    const look = {
     revision: stored.revision ?? "",
     askedAtMs: askedAtMs,
     answeredAtMs: clock.monotonicMs()
    };
    sighting = freshness.observeRevision(sighting, look);
    const unchangedMs = freshness.unchangedForMs(sighting, look);
    const view = viewOf(stored, unchangedMs);
    const ttlMs = stored.record?.ttlMs ?? Number.POSITIVE_INFINITY;
    if (unchangedMs <= ttlMs) delayMs = Math.min(delayMs, ttlMs - unchangedMs + 1);
    if (shown?.status !== view.status) onChange?.(view);
    shown = view;
    if (view.status === until) return view;
   } catch (error) {
    core.throwIfAborted(signal);
    if (!core.hasCode(error, "unavailable") && !core.hasCode(error, "throttled")) throw error;
    lastError = error;
   }
   await edge.wait({
    clock: clock,
    delayMs: delayMs,
    signal: signal
   });
  }
 } catch (error) {
  if (shown === null && lastError !== null && core.hasCode(error, "deadline")) throw new core.UnavailableError(`the store never answered about check ${core.plain(name)}`, {
   cause: lastError
  });
  throw error;
 }
}

function viewOf({record: record, revision: revision}, unchangedMs = 0) {
 if (record === null) return {
  status: "unknown",
  output: "nobody set it",
  record: record,
  revision: revision
 };
 if (freshness.isExpired(record.ttlMs, unchangedMs)) return {
  status: "critical",
  output: `no update for ${core.formatDuration(record.ttlMs ?? 0)}`,
  record: record,
  revision: revision
 };
 return {
  status: record.status,
  output: record.output,
  record: record,
  revision: revision
 };
}

function findAliasProblems({name: name, targets: targets, reconcileMs: reconcileMs}) {
 const problems = [];
 if (targets.length === 0) problems.push({
  option: "of",
  problem: "needs at least one target to mirror"
 });
 if (targets.some(target => target.kind === "check" && target.name === name)) problems.push({
  option: "of",
  problem: "names the alias itself"
 });
 const seen = new Set;
 for (const target of targets) {
  const text = JSON.stringify(target);
  if (seen.has(text)) problems.push({
   option: "of",
   problem: `names ${probes.displayTarget(target)} twice`
  });
  seen.add(text);
 }
 if (!(reconcileMs > 0)) problems.push({
  option: "reconcile",
  problem: "must be longer than nothing"
 });
 return problems;
}

const OWN = [ [ "status", [ "set" ] ], [ "ttl", [ "set" ] ], [ "output", [ "set" ] ], [ "of", [ "alias" ] ], [ "reconcile", [ "alias" ] ], [ "until", [ "wait", "alias" ] ] ];

function findCheckProblems(resolved, host) {
 const {values: values, spellingOf: spellingOf, sourceOf: sourceOf} = resolved;
 const problems = [ ...resolved.problems ];
 const {action: action} = values;
 if (action === null) return problems;
 const add = (name, message) => problems.push({
  option: spellingOf(name),
  message: message
 });
 for (const [name, actions] of OWN) {
  const isHere = actions.includes(action);
  if (!isHere && sourceOf(name) !== null) add(name, `belongs to check ${actions.join(" and ")}, not to ${action}`);
 }
 if (action === "set" && values.status === null && sourceOf("status") === null) {
  add("status", "is required by check set: passing, warning or critical");
 }
 if (action === "alias" && sourceOf("of") === null) add("of", "is required by check alias: what it mirrors");
 if (action === "alias" && host.needsUntil && sourceOf("until") === null) {
  add("until", "is required by check alias here: a step must end");
 }
 if (host.rest !== null && action !== "alias") {
  problems.push({
   option: "--",
   message: `check ${action} runs no command; nothing may follow --`
  });
 } else if (host.rest !== null && host.rest.length === 0) {
  problems.push({
   option: "--",
   message: "must be followed by a command"
  });
 }
 return problems;
}

async function runCheck(context, resolved) {
 const {values: values} = resolved;
 const {targets: targets, address: address, name: name} = checkEverything(context, resolved);
 const releasers = core.createReleasers();
 const isOpenEnded = values.action === "alias" && values.until === null;
 const deadline = core.createDeadline({
  clock: context.clock,
  timeoutMs: isOpenEnded ? Number.POSITIVE_INFINITY : values.timeoutMs,
  waitingFor: `check ${name} to be ${values.until ?? "passing"}`,
  parent: context.signal
 });
 try {
  const parts = await core.openStoreParts(context, {
   address: address,
   values: values,
   releasers: releasers
  });
  const world = {
   store: parts.store,
   namespace: values.namespace,
   clock: context.clock,
   writer: (await core.createHolder(context, {
    holder: values.holder ?? undefined
   })).text,
   logger: context.logger
  };
  if (values.action === "alias") return await runAlias({
   context: context,
   resolved: resolved,
   world: world,
   parts: parts,
   targets: targets,
   deadline: deadline,
   releasers: releasers,
   name: name
  });
  return await runPlain({
   context: context,
   resolved: resolved,
   world: world,
   parts: parts,
   deadline: deadline,
   name: name
  });
 } finally {
  deadline.dispose();
  await releasers.close();
 }
}

async function runPlain(run) {
 const {context: context, resolved: resolved, world: world, parts: parts, deadline: deadline, name: name} = run;
 const {values: values} = resolved;
 const checks = createChecks(world);
 const {signal: signal} = deadline;
 if (values.action === "set") {
  const status = values.status ?? "passing";
  const {ttlMs: ttlMs, output: output} = values;
  const setting = checks.set(name, {
   status: status,
   output: output ?? "",
   ttlMs: ttlMs,
   signal: signal
  });
  const record = await setting.catch(error => rethrow(error, name));
  return report(name, {
   outcome: "set",
   status: record.status,
   output: record.output
  });
 }
 if (values.action === "get") {
  const view = await checks.get(name, {
   signal: signal
  }).catch(error => rethrow(error, name));
  return report(name, {
   outcome: "read",
   ...pick(view)
  });
 }
 const startMs = context.clock.monotonicMs();
 let last = null;
 let transitions = -1;
 try {
  const view = await checks.wait(name, {
   until: values.until ?? "passing",
   pollMs: parts.pollMs,
   signal: signal,
   onChange(next) {
    transitions += 1;
    context.onCheckEvent?.({
     name: name,
     from: last?.status ?? null,
     to: next.status,
     upstream: null,
     output: next.output,
     atMs: context.clock.monotonicMs() - startMs
    });
    last = next;
   }
  });
  return report(name, {
   outcome: "reached",
   ...pick(view),
   transitions: transitions
  });
 } catch (error) {
  if (last === null || !core.hasCode(error, "deadline")) return rethrow(error, name);
  return report(name, {
   outcome: "timeout",
   ...pick(last),
   transitions: transitions,
   exitCode: 7
  });
 }
}

function rethrow(error, name) {
 if (!core.hasCode(error, "deadline")) throw error;
 throw new core.UnavailableError(`the store did not answer about the check ${core.plain(name, 80)} in time`, {
  cause: error
 });
}

async function runAlias(run) {
 const {context: context, resolved: resolved, world: world, targets: targets, deadline: deadline, releasers: releasers, name: name} = run;
 const {values: values} = resolved;
 const startMs = context.clock.monotonicMs();
 const probes$1 = await probes.openProbes(context, {
  store: world.store,
  namespace: values.namespace,
  targets: targets,
  releasers: releasers
 });
 const [file, ...args] = context.rest ?? [];
 const command = file === undefined ? null : userCommand.startUserCommand(context, {
  command: [ file, ...args ]
 });
 const alias = startAlias({
  name: name,
  upstreams: probes$1,
  reconcileMs: values.reconcileMs,
  until: values.until ?? undefined
 }, {
  ...world,
  onTransition(transition) {
   context.onCheckEvent?.({
    ...transition,
    atMs: context.clock.monotonicMs() - startMs
   });
  }
 }, {
  signal: command ? undefined : deadline.signal
 });
 return command ? await runBeside(command, alias) : concludeAlias(await alias.done);
}

async function runBeside({child: child, handBack: handBack}, alias) {
 try {
  const end = await child.ended;
  const mirrored = concludeAlias(await alias.stop());
  return {
   ...mirrored,
   exitCode: mirrored.exitCode === 8 ? 8 : end.exitCode
  };
 } finally {
  handBack();
  await alias.stop();
 }
}

function concludeAlias(done) {
 const {outcome: outcome, name: name, status: status, output: output, transitions: transitions, written: written, lastError: lastError} = done;
 if (outcome === "timeout" && !written && lastError) throw lastError;
 const exitCode = {
  reached: 0,
  stopped: 0,
  timeout: 7,
  replaced: 8
 }[outcome];
 return report(name, {
  outcome: outcome,
  status: status,
  output: output,
  transitions: transitions,
  exitCode: exitCode
 });
}

function pick({status: status, output: output}) {
 return {
  status: status,
  output: output
 };
}

function report(name, facts) {
 const {outcome: outcome, status: status, output: output, transitions: transitions = 0, exitCode: exitCode = 0} = facts;
 return {
  format: 1,
  command: "check",
  outcome: outcome,
  name: name,
  status: status,
  output: output,
  transitions: transitions,
  exitCode: exitCode
 };
}

function checkEverything(context, resolved) {
 const {values: values, spellingOf: spellingOf} = resolved;
 const problems = findCheckProblems(resolved, {
  rest: context.rest,
  needsUntil: context.mustEnd === true
 });
 const targets = [];
 for (const text of values.of) {
  const parsed = probes.parseTarget(text);
  const problem = parsed.ok ? probes.findTargetProblem(parsed.value, probes.probeCredentials(context)) : parsed.problem;
  if (problem !== null) problems.push({
   option: spellingOf("of"),
   message: problem
  }); else if (parsed.ok) targets.push(parsed.value);
 }
 const name = values.name ?? "";
 if (values.action === "alias" && targets.length === values.of.length && targets.length > 0) {
  for (const {option: option, problem: problem} of findAliasProblems({
   name: name,
   targets: targets,
   reconcileMs: values.reconcileMs
  })) {
   problems.push({
    option: spellingOf(option),
    message: problem
   });
  }
 }
 const address = core.requireStore(context, resolved, problems);
 if (problems.length > 0 || !address) throw new core.ConfigError(problems);
 return {
  targets: targets,
  address: address,
  name: name
 };
}

function createCheckCommand() {
 let ranCommand = false;
 return {
  run(context, resolved) {
   ranCommand = context.rest !== null;
   return runCheck({
    ...context,
    onCheckEvent: event => context.logger.info(describeCheckEvent(event))
   }, resolved);
  },
  render: (report, style) => ranCommand ? [] : [ describeCheck(report, style) ],
  hasForeignOutput: () => ranCommand
 };
}

function describeCheckEvent(event) {
 const change = event.from === null ? event.to : `${event.from} \u2192 ${event.to}`;
 const cause = event.upstream === null ? "" : `, by ${core.plain(event.upstream)}`;
 return `${core.plain(event.name)}: ${change}${cause}${event.output === "" ? "" : `: ${core.plain(event.output, 300)}`}`;
}

function describeCheck(report, style) {
 const paint = {
  passing: style.green,
  warning: style.yellow,
  critical: style.red,
  unknown: style.dim
 };
 const status = paint[report.status](report.status);
 const why = report.output === "" ? "" : `: ${core.plain(report.output, 300)}`;
 const name = core.plain(report.name);
 switch (report.outcome) {
 case "timeout":
  return `${style.red("Timed out")}: ${name} is ${status}${why}`;

 case "replaced":
  return `${style.yellow("Replaced")}: somebody else publishes ${name} now; it was ${status} here`;

 case "stopped":
  return `Stopped: ${name} stays ${status}${why}`;

 case "set":
 case "read":
 case "reached":
 case "failed":
  return `${name} is ${status}${why}`;
 }
}

const terminalCheck = Object.freeze(Object.defineProperty({
 __proto__: null,
 createCheckCommand: createCheckCommand,
 describeCheck: describeCheck,
 describeCheckEvent: describeCheckEvent
}, Symbol.toStringTag, {
 value: "Module"
}));

exports.describeCheck = describeCheck;

exports.describeCheckEvent = describeCheckEvent;

exports.runCheck = runCheck;

exports.terminalCheck = terminalCheck;
