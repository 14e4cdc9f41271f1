"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const throttle = require("./throttle.js");

const RETRY_BASE_MS = 5e3;

const RETRY_CAP_MS = 6e4;

function createFallback({clock: clock, logger: logger, url: url}) {
 let isAlone = false;
 let hasSaidSo = false;
 let retryAtMs = Number.NEGATIVE_INFINITY;
 let retryDelayMs = RETRY_BASE_MS;
 return {
  get isAlone() {
   return isAlone;
  },
  isRetryDue: () => isAlone && clock.monotonicMs() >= retryAtMs,
  begin(error) {
   isAlone = true;
   retryAtMs = clock.monotonicMs() + retryDelayMs * (1 + .2 * clock.random());
   retryDelayMs = Math.min(RETRY_CAP_MS, 2 * retryDelayMs);
   const message = `the shared throttle is out of reach, so this process paces its calls alone: ${core.plain(error.message)}`;
   if (hasSaidSo) logger.debug(message); else logger.warn(message);
   hasSaidSo = true;
  },
  end() {
   if (isAlone) logger.debug(`calls are paced together again through ${url}`);
   isAlone = false;
   retryDelayMs = RETRY_BASE_MS;
  },
  stay() {
   isAlone = true;
  }
 };
}

const MAX_BLOCK = 20;

const MAX_LANES = 512;

const MAX_WAIT_MS = 24 * 36e5;

const MAX_NUMBER = 2 ** 50;

function parseSharedView(key, entry) {
 if (entry === null) return {
  revision: null,
  record: null
 };
 return {
  revision: entry.revision,
  record: parseSharedRecord(key, entry.value)
 };
}

function parseSharedRecord(key, text) {
 const what = `the throttle record of ${key}`;
 const object = core.parseJsonObject(text, what);
 if (object["v"] !== 1) throw new core.CorruptRecordError(`${what} is not of version 1; it was left untouched`);
 const number = (from, name, min) => {
  const value = from[name];
  if (typeof value === "number" && value >= min && value <= MAX_NUMBER) return value;
  throw new core.CorruptRecordError(`${what}.${name} should be a number from ${min}; it was left untouched`);
 };
 const rawLanes = object["lanes"];
 if (!Array.isArray(rawLanes) || rawLanes.length > MAX_LANES) throw new core.CorruptRecordError(`${what}.lanes should be a short list; it was left untouched`);
 const lanes = rawLanes.map(raw => {
  const id = core.isJsonObject(raw) ? raw["id"] : null;
  if (!core.isJsonObject(raw) || typeof id !== "string" || id.length > 64) throw new core.CorruptRecordError(`${what}.lanes should hold blocks; it was left untouched`);
  const slots = number(raw, "slots", 0);
  if (slots > MAX_BLOCK) throw new core.CorruptRecordError(`${what} has a block too large; it was left untouched`);
  const inFlight = number(raw, "inFlight", 0);
  const [sinceMs, tatMs] = [ number(raw, "sinceMs", 0), number(raw, "tatMs", 0) ];
  return {
   id: id,
   number: number(raw, "number", 1),
   slots: slots,
   inFlight: inFlight,
   sinceMs: sinceMs,
   tatMs: tatMs
  };
 });
 const record = {
  v: 1,
  asOfMs: number(object, "asOfMs", 0),
  tatMs: number(object, "tatMs", 0),
  emissionIntervalMs: number(object, "emissionIntervalMs", .001),
  burst: number(object, "burst", 1),
  total: number(object, "total", 0),
  notBeforeMs: number(object, "notBeforeMs", 0),
  lanes: lanes
 };
 const aheadMs = record.tatMs - record.asOfMs;
 const isWaitAbsurd = record.notBeforeMs - record.asOfMs > MAX_WAIT_MS;
 if (isWaitAbsurd || aheadMs > (record.burst + MAX_LANES * MAX_BLOCK) * record.emissionIntervalMs) throw new core.CorruptRecordError(`${what} is overdrawn beyond reason; it was left untouched`);
 return core.deepFreeze(record);
}

function encodeSharedRecord(record) {
 return JSON.stringify(record, (_, value) => typeof value === "number" ? Math.round(value * 1e3) / 1e3 : value);
}

const BLOCK_LIFE_MS = 6e4;

const PLENTY = .1;

function decideReservation(record, facts) {
 const nowMs = Math.max(facts.nowMs, record?.asOfMs ?? 0);
 const bucket = correct(record, {
  ...facts,
  nowMs: nowMs
 });
 const {burst: burst, emissionIntervalMs: emissionIntervalMs} = bucket;
 const tokens = throttle.tokensAt(bucket, nowMs);
 const most = isPlenty(tokens, burst) ? Math.max(facts.slots, facts.waiting) : facts.slots;
 let slots = Math.min(MAX_BLOCK, Math.max(1, most));
 const reserve = Math.min(facts.reserve, burst - 1);
 if (reserve > 0) {
  const spare = Math.floor(tokens - reserve + 1e-6);
  if (spare < 1) return {
   kind: "later",
   waitMs: (reserve + 1 - tokens) * emissionIntervalMs
  };
  slots = Math.min(slots, spare);
 }
 const startMs = Math.max(bucket.tatMs, nowMs);
 const tatMs = startMs + slots * emissionIntervalMs;
 const asked = Math.min(facts.notBeforeMs ?? 0, nowMs + MAX_WAIT_MS);
 const notBeforeMs = Math.max(record?.notBeforeMs ?? 0, asked);
 const lane = {
  ...facts.lane,
  slots: slots,
  sinceMs: Math.max(nowMs, notBeforeMs),
  tatMs: tatMs
 };
 const next = {
  v: 1,
  asOfMs: nowMs,
  tatMs: tatMs,
  emissionIntervalMs: emissionIntervalMs,
  burst: burst,
  total: (record?.total ?? 0) + slots,
  notBeforeMs: notBeforeMs,
  lanes: [ ...livingLanes(record, lane.id, nowMs), lane ].slice(-MAX_LANES)
 };
 return {
  kind: "reserved",
  record: next,
  dueMs: slotsOf(lane, next)
 };
}

function isPlenty(tokens, burst) {
 return tokens > Math.max(burst * PLENTY, MAX_BLOCK);
}

function slotsOf(lane, rate) {
 const lastMs = lane.tatMs - rate.burst * rate.emissionIntervalMs;
 return Array.from({
  length: lane.slots
 }, (_, at) => Math.max(lane.sinceMs, lastMs - (lane.slots - 1 - at) * rate.emissionIntervalMs));
}

function decideGiveBack(record, {id: id, unspent: unspent, nowMs: nowMs}) {
 const lane = record?.lanes.find(each => each.id === id);
 if (!record || !lane) return null;
 return {
  ...record,
  asOfMs: Math.max(record.asOfMs, nowMs),
  tatMs: Math.max(0, record.tatMs - Math.min(unspent, lane.slots) * record.emissionIntervalMs),
  lanes: record.lanes.filter(each => each.id !== id)
 };
}

function outstandingOfOthers(record, id) {
 return record.lanes.reduce((sum, lane) => sum + (lane.id === id ? 0 : lane.slots + lane.inFlight), 0);
}

function correct(record, facts) {
 const {nowMs: nowMs, rate: rate, seed: seed, floor: floor, ceiling: ceiling} = facts;
 const grown = found => found.tokens + (nowMs - found.atMs) / rate.emissionIntervalMs;
 const empty = throttle.createGcra(rate, nowMs);
 if (!record) {
  const bucket = seed ? throttle.withTokens(empty, Math.max(0, grown(seed)), nowMs) : empty;
  return ceiling ? lowered(bucket, grown(ceiling), nowMs) : bucket;
 }
 let bucket = throttle.withTokens(empty, Math.min(rate.burst, throttle.tokensAt(record, nowMs)), nowMs);
 const lane = record.lanes.find(each => each.id === facts.lane.id);
 if (lane && facts.unspent > 0) bucket = throttle.withTokens(bucket, throttle.tokensAt(bucket, nowMs) + Math.min(facts.unspent, lane.slots), nowMs);
 if (floor) {
  const least = grown(floor) - (record.total - floor.total);
  if (least > throttle.tokensAt(bucket, nowMs)) bucket = throttle.withTokens(bucket, least, nowMs);
 }
 return ceiling ? lowered(bucket, grown(ceiling), nowMs) : bucket;
}

function lowered(bucket, tokens, nowMs) {
 return tokens < throttle.tokensAt(bucket, nowMs) ? throttle.withTokens(bucket, tokens, nowMs) : bucket;
}

function livingLanes(record, ownId, nowMs) {
 if (!record) return [];
 return record.lanes.filter(lane => lane.id !== ownId && (slotsOf(lane, record).at(-1) ?? 0) + BLOCK_LIFE_MS >= nowMs);
}

const QUICK_MS = 5;

const QUICK_SHARE = 1 / 32;

const LEAST_BLOCK = 5;

const LATENCY_PER_SLOT_MS = 200;

const MAX_GRANTS = 1e3;

function blockSize(latencyMs, emissionIntervalMs) {
 if (latencyMs <= Math.max(QUICK_MS, emissionIntervalMs * QUICK_SHARE)) return 1;
 return Math.min(MAX_BLOCK, LEAST_BLOCK + Math.floor(latencyMs / LATENCY_PER_SLOT_MS));
}

function createFindings(id) {
 let seed = null;
 let ceiling = null;
 let floor = null;
 let intervalMs = Number.POSITIVE_INFINITY;
 let unspent = 0;
 let heldUntilMs = null;
 let grants = [];
 let carrying = null;
 const grown = (found, nowMs) => found.tokens + (nowMs - found.atMs) / intervalMs;
 const lower = (tokens, atMs) => {
  if (!ceiling || tokens < grown(ceiling, atMs)) ceiling = {
   tokens: tokens,
   atMs: atMs
  };
 };
 const raise = (tokens, {atMs: atMs, total: total}) => {
  if (!floor || tokens >= grown(floor, atMs) - (total - floor.total)) floor = {
   tokens: tokens,
   atMs: atMs,
   total: total
  };
 };
 return {
  abandoned(slots) {
   unspent += slots;
  },
  granted(record) {
   grants.push(record && {
    total: record.total,
    others: outstandingOfOthers(record, id)
   });
   if (grants.length > MAX_GRANTS) grants = grants.slice(-MAX_GRANTS / 2);
  },
  counted({remaining: remaining, record: record, nowMs: nowMs, tripMs: tripMs, rate: rate}) {
   intervalMs = rate.emissionIntervalMs;
   seed = {
    tokens: remaining,
    atMs: nowMs
   };
   lower(remaining + 1 + tripMs / intervalMs, nowMs);
   if (record) raise(remaining - outstandingOfOthers(record, id), {
    atMs: nowMs,
    total: record.total
   });
  },
  answered({signal: signal, nowMs: nowMs, tripMs: tripMs, rate: rate, unsent: unsent, unanswered: unanswered}) {
   intervalMs = rate.emissionIntervalMs;
   const grant = grants.shift() ?? null;
   const regained = tripMs / intervalMs;
   if (signal.throttled) {
    lower(1 + regained - unsent, nowMs);
    if (signal.retryAfterMs !== undefined) heldUntilMs = Math.max(heldUntilMs ?? 0, nowMs + signal.retryAfterMs);
   } else if (signal.remaining !== undefined) {
    lower(signal.remaining + 1 + regained - unsent, nowMs);
    const least = grant && signal.remaining - grant.others - unsent - unanswered;
    if (grant && least !== null) raise(least, {
     atMs: nowMs,
     total: grant.total
    });
   }
  },
  at({nowMs: nowMs, axisMs: axisMs}) {
   carrying = {
    seed: seed,
    ceiling: ceiling,
    floor: floor
   };
   const set = found => ({
    tokens: grown(found, nowMs),
    atMs: axisMs
   });
   return {
    seed: seed && set(seed),
    ceiling: ceiling && set(ceiling),
    floor: floor && {
     ...set(floor),
     total: floor.total
    },
    unspent: unspent,
    notBeforeMs: heldUntilMs !== null && heldUntilMs > nowMs ? heldUntilMs - nowMs + axisMs : null
   };
  },
  carried(snapshot) {
   if (carrying?.seed === seed) seed = null;
   if (carrying?.ceiling === ceiling) ceiling = null;
   if (carrying?.floor === floor) floor = null;
   unspent = Math.max(0, unspent - snapshot.unspent);
  }
 };
}

function createReservationRegister({store: store, key: key}) {
 const read = async signal => parseSharedView(key, await untilAborted(store.get(key, {
  signal: signal
 }), signal));
 return {
  read: read,
  async write({from: from, record: record, isApplied: isApplied, signal: signal}) {
   const settle = async () => {
    const view = await read(signal);
    return {
     kind: isApplied(view.record) ? "applied" : "refused",
     view: view
    };
   };
   try {
    const sent = store.compareAndSet(key, from.revision, encodeSharedRecord(record), {
     signal: signal
    });
    const result = await untilAborted(sent, signal);
    if (result.ok) return {
     kind: "applied",
     view: {
      revision: result.revision,
      record: record
     }
    };
    if (result.current === undefined) return await settle();
    const view = parseSharedView(key, result.current);
    return view.revision === from.revision ? await settle() : {
     kind: "refused",
     view: view
    };
   } catch (error) {
    if (!core.hasCode(error, "indeterminate") || signal.aborted) throw error;
    return await settle();
   }
  }
 };
}

function hasLane(record, {id: id, number: number}) {
 return record?.lanes.some(lane => lane.id === id && lane.number === number) ?? false;
}

async function untilAborted(operation, signal) {
 let stop = () => {};
 const aborted = new Promise((_, reject) => {
  const onAbort = () => reject(core.abortReason(signal));
  if (signal.aborted) onAbort(); else signal.addEventListener("abort", onAbort, {
   once: true
  });
  stop = () => signal.removeEventListener("abort", onAbort);
 });
 try {
  return await Promise.race([ operation, aborted ]);
 } finally {
  stop();
 }
}

const MAX_CALL_LIMITS = 2;

const MAX_IN_FLIGHT = 1e3;

function createSharedAccount(options) {
 const {settings: settings, clock: clock, logger: logger, store: store, callTimeoutMs: callTimeoutMs} = options;
 const register = createReservationRegister(options);
 const id = core.createNonce().slice(0, 8);
 const findings = createFindings(id);
 let rate = {
  emissionIntervalMs: settings.emissionIntervalMs,
  burst: settings.burst
 };
 let view = null;
 let known = null;
 let anchorMs = 0;
 let isAnchored = false;
 let isCounted = options.countRemaining === undefined;
 let number = 1;
 let storeCalls = 0;
 const axisMs = () => clock.monotonicMs() + anchorMs;
 const absorb = (next, isOwn = false) => {
  const reachedMs = (next.record?.asOfMs ?? 0) - clock.monotonicMs();
  if (!isAnchored && !isOwn) anchorMs = reachedMs; else anchorMs = Math.max(anchorMs, reachedMs);
  isAnchored ||= next.record !== null;
  known = next.record ?? known;
  view = {
   revision: next.revision,
   record: known
  };
  return view;
 };
 const limited = async (parent, call) => {
  const waitingFor = `${store.url} to answer about the throttle`;
  const onTimeout = () => new core.UnavailableError(`${waitingFor} took too long`);
  return await core.withTimeout({
   clock: clock,
   timeoutMs: callTimeoutMs,
   waitingFor: waitingFor,
   onTimeout: onTimeout,
   parent: parent
  }, call);
 };
 const read = async signal => {
  storeCalls += 1;
  return absorb(await limited(signal, own => register.read(own)));
 };
 const pauseAfterRace = (tookMs, signal) => core.sleep(clock, Math.max(1, tookMs / 2) * clock.random(), signal);
 const takeBlock = (record, snapshot) => {
  const lane = record?.lanes.find(each => each.id === id && each.number === number);
  if (!record || !lane) return null;
  number += 1;
  if (snapshot) findings.carried(snapshot);
  return slotsOf(lane, record);
 };
 const count = async (record, signal) => {
  const {countRemaining: countRemaining} = options;
  isCounted = true;
  if (!countRemaining) return;
  const askedMs = clock.monotonicMs();
  const remaining = await limited(signal, own => countRemaining({
   signal: own
  })).catch(thrown => {
   if (signal.aborted) throw core.toError(thrown);
   logger.debug(`how many calls are left was not told: ${core.plain(core.toError(thrown).message)}`);
   return null;
  });
  if (remaining === null) return;
  options.onCounted(remaining);
  const nowMs = clock.monotonicMs();
  findings.counted({
   remaining: remaining,
   record: record,
   nowMs: nowMs,
   tripMs: nowMs - askedMs,
   rate: rate
  });
 };
 return {
  findings: findings,
  get rate() {
   return rate;
  },
  set rate(next) {
   rate = next;
  },
  get record() {
   return view?.record ?? null;
  },
  get storeCalls() {
   return storeCalls;
  },
  get anchorMs() {
   return anchorMs;
  },
  axisMs: axisMs,
  async reserve({slots: slots, waiting: waiting, inFlight: inFlight, signal: signal}) {
   const untilMs = clock.monotonicMs() + MAX_CALL_LIMITS * callTimeoutMs;
   let snapshot = null;
   for (;;) {
    const from = view ?? await read(signal);
    const late = takeBlock(from.record, snapshot);
    if (late) return {
     kind: "block",
     dueMs: late,
     tookMs: callTimeoutMs
    };
    if (!isCounted) await count(from.record, signal);
    const sentMs = clock.monotonicMs();
    snapshot = findings.at({
     nowMs: sentMs,
     axisMs: axisMs()
    });
    const lane = {
     id: id,
     number: number,
     inFlight: Math.min(inFlight, MAX_IN_FLIGHT)
    };
    const {reserve: reserve} = settings;
    const facts = {
     ...snapshot,
     nowMs: axisMs(),
     rate: rate,
     reserve: reserve,
     lane: lane,
     slots: slots,
     waiting: waiting
    };
    const decision = decideReservation(from.record, facts);
    if (decision.kind === "later") {
     view = null;
     return decision;
    }
    storeCalls += 1;
    const {record: record} = decision;
    const isApplied = there => hasLane(there, lane);
    const written = await limited(signal, own => register.write({
     from: from,
     record: record,
     isApplied: isApplied,
     signal: own
    }));
    const tookMs = clock.monotonicMs() - sentMs;
    absorb(written.view, written.kind === "applied");
    const block = takeBlock(written.view.record, snapshot);
    if (block) return {
     kind: "block",
     dueMs: block,
     tookMs: tookMs
    };
    const {record: winners} = written.view;
    const left = winners ? throttle.tokensAt(winners, axisMs()) : 0;
    if (clock.monotonicMs() > untilMs && winners && isPlenty(left, winners.burst)) throw new core.UnavailableError(`others were faster for ${core.formatDuration(MAX_CALL_LIMITS * callTimeoutMs)}`);
    await pauseAfterRace(tookMs, signal);
   }
  },
  distrust() {
   view = null;
  },
  async giveBack(unspent, signal) {
   const now = {
    nowMs: clock.monotonicMs(),
    axisMs: axisMs()
   };
   const left = unspent + findings.at(now).unspent;
   while (view) {
    const from = view;
    const record = decideGiveBack(from.record, {
     id: id,
     unspent: left,
     nowMs: axisMs()
    });
    if (!record) return;
    storeCalls += 1;
    const sentMs = clock.monotonicMs();
    const isApplied = there => !there?.lanes.some(lane => lane.id === id);
    const written = await register.write({
     from: from,
     record: record,
     isApplied: isApplied,
     signal: signal
    });
    if (written.kind === "applied") return;
    absorb(written.view);
    await pauseAfterRace(clock.monotonicMs() - sentMs, signal);
   }
  }
 };
}

function createWaitQueue(onChange) {
 const queue = [];
 return {
  get length() {
   return queue.length;
  },
  async wait(signal) {
   core.throwIfAborted(signal);
   await new Promise((resolve, reject) => {
    const onAbort = () => {
     queue.splice(queue.indexOf(waiter), 1);
     onChange();
     reject(core.abortReason(signal));
    };
    const stopListening = () => signal.removeEventListener("abort", onAbort);
    const waiter = {
     signal: signal,
     grant: resolve,
     refuse: reject,
     stopListening: stopListening
    };
    signal.addEventListener("abort", onAbort, {
     once: true
    });
    queue.push(waiter);
    onChange();
   });
  },
  next() {
   const waiter = queue.shift() ?? null;
   waiter?.stopListening();
   return waiter;
  }
 };
}

const CALL_TIMEOUT_MS = 5e3;

const GIVE_BACK_TIMEOUT_MS = 2e3;

const LATENCY_WEIGHT = .3;

const RETRIES = 2;

const FRESH_COUNT_MS = 5e3;

const LOOK_AGAIN_MS = 15e3;

function createSharedThrottle(options) {
 const {settings: settings, store: store, clock: clock = core.systemClock, logger: logger = core.nullLogger} = options;
 const {callTimeoutMs: callTimeoutMs = CALL_TIMEOUT_MS} = options;
 const local = throttle.createThrottle({
  settings: settings,
  clock: clock
 });
 const account = createSharedAccount({
  ...options,
  clock: clock,
  logger: logger,
  callTimeoutMs: callTimeoutMs,
  countRemaining: options.countRemaining,
  onCounted(remaining) {
   local.observe({
    throttled: false,
    remaining: remaining
   });
   lastCount = {
    remaining: remaining,
    atMs: clock.monotonicMs()
   };
  }
 });
 const fallback = createFallback({
  clock: clock,
  logger: logger,
  url: store.url
 });
 const closing = new AbortController;
 const queue = createWaitQueue(() => pump());
 let block = [];
 let lastCount = null;
 let reserving = null;
 let latencyMs = 0;
 let laterUntilMs = Number.NEGATIVE_INFINITY;
 let timer = null;
 const dropExpired = () => {
  const last = block.at(-1);
  if (last === undefined || account.axisMs() <= last + BLOCK_LIFE_MS / 2) return;
  account.findings.abandoned(block.length);
  block = [];
 };
 const hasPlenty = () => {
  if (!lastCount || block.length > 0) return false;
  const isFresh = clock.monotonicMs() - lastCount.atMs <= FRESH_COUNT_MS;
  const left = lastCount.remaining - local.unanswered.length;
  return isFresh && isPlenty(left - settings.reserve, account.rate.burst);
 };
 const pump = () => {
  timer?.cancel();
  timer = null;
  if (fallback.isAlone || hasPlenty()) {
   for (let waiter = queue.next(); waiter; waiter = queue.next()) handOver(waiter);
   if (fallback.isRetryDue()) reserve();
   return;
  }
  dropExpired();
  while (queue.length > 0) {
   const nowMs = clock.monotonicMs();
   const slotMs = block[0];
   if (slotMs === undefined && laterUntilMs <= nowMs) return reserve();
   const atMs = slotMs === undefined ? laterUntilMs : Math.max(slotMs - account.anchorMs, local.heldUntilMs());
   if (atMs > nowMs + .001) {
    timer = clock.startTimer(atMs - nowMs, pump);
    return;
   }
   block = block.slice(1);
   local.charge();
   account.findings.granted(account.record);
   queue.next()?.grant();
  }
 };
 const handOver = ({signal: signal, grant: grant, refuse: refuse}) => {
  local.take({
   signal: signal
  }).then(() => {
   account.findings.granted(null);
   grant();
  }, refuse);
 };
 const reserve = () => {
  if (reserving || closing.signal.aborted) return;
  reserving = reserveBlock().finally(() => {
   reserving = null;
   pump();
  });
 };
 const reserveBlock = async () => {
  try {
   const answer = await reserveOrRetry();
   if (answer.kind === "block") {
    block = [ ...block, ...answer.dueMs ];
    latencyMs += (answer.tookMs - latencyMs) * (latencyMs === 0 ? 1 : LATENCY_WEIGHT);
   } else {
    const waitMs = answer.waitMs + account.rate.emissionIntervalMs * clock.random();
    laterUntilMs = clock.monotonicMs() + Math.min(LOOK_AGAIN_MS, Math.max(1, waitMs));
   }
   fallback.end();
  } catch (thrown) {
   if (!closing.signal.aborted) fallback.begin(core.toError(thrown));
  }
 };
 const reserveOrRetry = async () => {
  const {signal: signal} = closing;
  const untilMs = clock.monotonicMs() + callTimeoutMs;
  for (let failures = 0; ;failures += 1) {
   try {
    const slots = blockSize(latencyMs, account.rate.emissionIntervalMs);
    const [waiting, inFlight] = [ queue.length, local.unanswered.length ];
    return await account.reserve({
     slots: slots,
     waiting: waiting,
     inFlight: inFlight,
     signal: signal
    });
   } catch (thrown) {
    account.distrust();
    const isTransient = core.hasCode(thrown, "unavailable") || core.hasCode(thrown, "indeterminate");
    if (!isTransient || fallback.isAlone || failures >= RETRIES || clock.monotonicMs() >= untilMs) throw thrown;
    await core.sleep(clock, Math.max(10, latencyMs) * (failures + clock.random()), signal);
   }
  }
 };
 return {
  take: ({signal: signal}) => queue.wait(signal),
  observe(signal) {
   const nowMs = clock.monotonicMs();
   if (signal.limit !== undefined && signal.limit > 0) account.rate = {
    ...account.rate,
    burst: signal.limit
   };
   const {rate: rate} = account;
   const tripMs = nowMs - (local.unanswered[0] ?? nowMs);
   local.observe(signal);
   const [unsent, unanswered] = [ block.length, local.unanswered.length ];
   account.findings.answered({
    signal: signal,
    nowMs: nowMs,
    tripMs: tripMs,
    rate: rate,
    unsent: unsent,
    unanswered: unanswered
   });
   const left = signal.throttled ? 0 : signal.remaining;
   if (left !== undefined) {
    lastCount = {
     remaining: left,
     atMs: nowMs
    };
    const fromMs = account.axisMs();
    block = block.map((slotMs, at) => Math.max(slotMs, fromMs + (at - left) * rate.emissionIntervalMs));
   }
   pump();
  },
  delayMs() {
   const {record: record} = account;
   if (fallback.isAlone || !record) return local.delayMs();
   const nowMs = clock.monotonicMs();
   const {emissionIntervalMs: emissionIntervalMs, burst: burst} = record;
   const beyond = queue.length + 1 - block.length;
   const emptyMs = (burst - Math.min(settings.reserve, burst - 1)) * emissionIntervalMs;
   const dueMs = block[queue.length] ?? Math.max(record.tatMs, account.axisMs()) + beyond * emissionIntervalMs - emptyMs;
   const atMs = Math.max(dueMs, record.notBeforeMs) - account.anchorMs;
   return Math.max(0, atMs - nowMs, local.heldUntilMs() - nowMs);
  },
  get throttledCount() {
   return local.throttledCount;
  },
  get isShared() {
   return !fallback.isAlone;
  },
  get storeCalls() {
   return account.storeCalls;
  },
  async close() {
   if (closing.signal.aborted) return;
   closing.abort();
   fallback.stay();
   pump();
   await reserving;
   const waitingFor = "unspent calls to be given back";
   const deadline = core.createDeadline({
    clock: clock,
    timeoutMs: GIVE_BACK_TIMEOUT_MS,
    waitingFor: waitingFor
   });
   try {
    await account.giveBack(block.length, deadline.signal);
   } catch (thrown) {
    logger.debug(`unspent calls were not given back: ${core.plain(core.toError(thrown).message)}`);
   } finally {
    block = [];
    deadline.dispose();
   }
  }
 };
}

exports.createSharedThrottle = createSharedThrottle;
