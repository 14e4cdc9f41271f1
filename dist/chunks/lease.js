"use strict";

const os = require("node:os");

const core = require("./core.js");

const require$$0 = require("node:events");

const reap = require("./reap.js");

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
 if (known === undefined || known.seq !== beat.seq) return core.takeoverAfterMs(beat.leaseMs);
 return Math.max(0, core.takeoverAfterMs(beat.leaseMs) - (nowMs - known.sinceMs));
}

function whoRunsThis(env) {
 return {
  host: os.hostname(),
  user: userName(env)
 };
}

function userName(env) {
 try {
  return os.userInfo().username;
 } catch (error) {
  if (core.hasCode(error, "invariant")) throw error;
  return env["USER"] ?? "unknown";
 }
}

const who = Object.freeze(Object.defineProperty({
 __proto__: null,
 whoRunsThis: whoRunsThis
}, Symbol.toStringTag, {
 value: "Module"
}));

function withOwner(record, owner, without) {
 const token = record.token + 1;
 const kept = record.entries.filter(entry => !without.entries.has(entry.nonce));
 return core.deepFreeze({
  ...record,
  state: "held",
  token: token,
  entries: [ ...kept, {
   ...owner,
   token: token
  } ],
  tickets: record.tickets.filter(({nonce: nonce}) => nonce !== owner.nonce && !without.tickets.has(nonce))
 });
}

function withBeat(record, nonce, beat) {
 const renew = item => item.nonce === nonce ? renewed(item, beat) : item;
 return core.deepFreeze({
  ...record,
  entries: record.entries.map(renew),
  tickets: record.tickets.map(renew)
 });
}

function renewed(item, {seq: seq, mark: mark}) {
 const {stamp: _former, ...rest} = item;
 return core.deepFreeze({
  ...rest,
  seq: seq,
  ...mark
 });
}

function withTicket(record, ticket) {
 return core.deepFreeze({
  ...record,
  tickets: [ ...record.tickets, ticket ]
 });
}

function withoutNonce(record, nonce, note) {
 const entries = record.entries.filter(entry => entry.nonce !== nonce);
 return core.deepFreeze({
  ...record,
  state: entries.length > 0 ? "held" : "free",
  entries: entries,
  tickets: record.tickets.filter(ticket => ticket.nonce !== nonce),
  note: note
 });
}

function withoutOwners(record) {
 return core.deepFreeze({
  ...record,
  state: "free",
  token: record.token + 1,
  entries: []
 });
}

const MAX_BUDGET_MS = 2e4;

const BACKOFF = Object.freeze({
 baseMs: 50,
 capMs: 2e3
});

async function withdraw(settings) {
 const {register: register, protocol: protocol, clock: clock, own: own, outdatePermits: outdatePermits, signal: signal} = settings;
 const deadline = core.createDeadline({
  clock: clock,
  timeoutMs: Math.min(settings.leaseMs, MAX_BUDGET_MS),
  waitingFor: `the release of ${register.key}`,
  ...signal ? {
   parent: signal
  } : {}
 });
 const call = {
  timeoutMs: settings.callTimeoutMs,
  signal: deadline.signal
 };
 let backoff = core.createBackoff(BACKOFF);
 let view = settings.from;
 let isDoubtful = false;
 try {
  for (;;) {
   try {
    view ??= await register.read(call);
    const verdict = protocol.decideRelease(view, own, settings.updateNote);
    if (verdict.kind === "gone") return isDoubtful ? "released" : "already-lost";
    const isOutdating = verdict.kind === "stale" && outdatePermits !== undefined;
    const record = verdict.kind === "write" ? verdict.record : view.record ?? core.createRecord(outdatePermits ?? 1);
    if (verdict.kind === "write" || isOutdating) {
     const outcome = await register.write(view, record, call);
     if (outcome.kind === "applied") return isOutdating ? "already-lost" : "released";
     isDoubtful ||= outcome.kind === "doubtful" && verdict.kind === "write";
     view = outcome.kind === "refused" ? outcome.view : null;
     if (view) continue;
    } else {
     view = null;
    }
   } catch (thrown) {
    const error = core.toError(thrown);
    if (core.hasCode(error, "corrupt-record")) throw error;
    if (deadline.signal.aborted || error.retryable !== true) {
     settings.logger.warn(`${register.key} could not be released: ${error.message}; it will run out by itself`);
     return "unknown";
    }
    view = null;
   }
   if (deadline.signal.aborted) return "unknown";
   const step = backoff.next(clock.random());
   backoff = step.backoff;
   if (!await sleptUndisturbed(deadline.sleep(step.delayMs))) return "unknown";
  }
 } finally {
  deadline.dispose();
 }
}

async function sleptUndisturbed(sleep) {
 try {
  await sleep;
  return true;
 } catch {
  return false;
 }
}

const MAX_UNDECIDED_READS = 5;

function createAcquisition(settings) {
 const {register: register, protocol: protocol, clock: clock, timing: timing, memory: memory, options: options} = settings;
 const nonce = core.createNonce();
 const holder = core.boundHolder(options.holder);
 const doubted = new Map;
 let highestToken = 0;
 let pending = null;
 let nextSeq = 0;
 let ticketSentMs = null;
 const judge = (view, now) => protocol.decideAcquire({
  key: register.key,
  view: view,
  observation: memory.observation,
  now: now,
  deadNonces: memory.dead,
  request: {
   nonce: nonce,
   leaseMs: timing.leaseMs,
   holder: holder,
   since: new Date(now.wallMs).toISOString(),
   mark: protocol.markOf(now),
   permits: options.permits ?? 1,
   order: options.order ?? "any",
   mayQueue: settings.mayQueue,
   nextSeq: nextSeq,
   isTicketDue: ticketDueInMs() <= 0
  }
 });
 const ticketDueInMs = () => ticketSentMs === null ? Number.POSITIVE_INFINITY : timing.renewEveryMs - (clock.monotonicMs() - ticketSentMs);
 const call = signal => ({
  timeoutMs: timing.callTimeoutMs,
  signal: signal
 });
 const isStillValid = sentAt => {
  const now = core.readInstant(clock);
  return protocol.validForMs(timing, {
   sentAt: sentAt,
   repliedAt: now
  }, now) > 0;
 };
 const owned = (view, entry, sentAt) => {
  pending = null;
  nextSeq = Math.max(nextSeq, entry.seq + 1);
  if (!isStillValid(sentAt)) {
   doubted.set(nameOf(entry), sentAt);
   return {
    kind: "again",
    seen: view,
    doubt: null
   };
  }
  return {
   kind: "owned",
   view: view,
   entry: entry,
   confirmation: {
    sentAt: sentAt,
    repliedAt: core.readInstant(clock)
   }
  };
 };
 const claim = async (write, signal) => {
  const {from: from, record: record, entry: entry} = write;
  const sentAt = doubted.get(nameOf(entry)) ?? write.sentAt;
  highestToken = Math.max(highestToken, entry.token);
  const outcome = await register.write(from, record, {
   ...call(signal),
   sentAt: sentAt
  });
  if (outcome.kind === "applied") {
   return owned(outcome.view, entry, sentAt);
  }
  if (outcome.kind === "refused") {
   if (pending) pending = {
    ...pending,
    isClosed: true
   };
   return {
    kind: "again",
    seen: outcome.view,
    doubt: null
   };
  }
  nextSeq = Math.max(nextSeq, entry.seq + 1);
  doubted.set(nameOf(entry), sentAt);
  const {error: error} = outcome;
  if (pending?.record !== record) {
   const {token: token} = entry;
   pending = {
    nonce: nonce,
    token: token,
    from: from,
    record: record,
    entry: entry,
    sentAt: sentAt,
    error: error,
    isClosed: false,
    undecidedReads: 0
   };
  }
  return {
   kind: "again",
   seen: null,
   doubt: error
  };
 };
 const settle = async (view, write, signal) => {
  const isOutdated = register.isFresh && view.revision !== write.from.revision;
  const isClosed = write.isClosed || isOutdated;
  const verdict = protocol.decideReadBack(view, {
   nonce: nonce,
   token: write.token,
   isClosed: isClosed
  }, register.isFresh);
  if (verdict.kind === "owned") {
   const sentAt = doubted.get(nameOf(verdict.entry));
   if (sentAt) return owned(view, verdict.entry, sentAt);
  }
  if (verdict.kind === "lost") doubted.delete(nameOf(write.entry));
  if (verdict.kind === "owned" || verdict.kind === "lost" || write.undecidedReads >= MAX_UNDECIDED_READS) {
   pending = null;
   return null;
  }
  pending = {
   ...write,
   isClosed: isClosed,
   undecidedReads: write.undecidedReads + (isClosed ? 1 : 0)
  };
  if (isClosed) return {
   kind: "again",
   seen: null,
   doubt: write.error
  };
  return claim(write, signal);
 };
 const enqueue = async (view, verdict, signal) => {
  nextSeq = verdict.ticket.seq + 1;
  const sentMs = clock.monotonicMs();
  ticketSentMs ??= sentMs;
  const outcome = await register.write(view, verdict.record, call(signal));
  if (outcome.kind === "refused") return {
   kind: "again",
   seen: outcome.view,
   doubt: null
  };
  if (outcome.kind === "doubtful") return {
   kind: "again",
   seen: null,
   doubt: outcome.error
  };
  ticketSentMs = sentMs;
  return outcome.view;
 };
 return {
  get doubt() {
   return pending?.error ?? null;
  },
  ticketDueInMs: ticketDueInMs,
  async pass(seen, {signal: signal, isDone: isDone}) {
   let view = seen ?? await register.read(call(signal));
   const beats = [ ...view.record?.entries ?? [], ...view.record?.tickets ?? [] ];
   memory.observation = protocol.observe(memory.observation, beats, clock.monotonicMs());
   if (pending) {
    const settled = await settle(view, pending, signal);
    if (settled) return settled;
   }
   if (isDone?.(view)) return {
    kind: "done"
   };
   let now = core.readInstant(clock);
   let verdict = judge(view, now);
   if (verdict.kind === "queue") {
    const queued = await enqueue(view, verdict, signal);
    if ("kind" in queued) return queued;
    view = queued;
    now = core.readInstant(clock);
    verdict = judge(view, now);
   }
   switch (verdict.kind) {
   case "wait":
    return {
     ...verdict,
     kind: "busy",
     view: view
    };

   case "queue":
    return {
     kind: "again",
     seen: view,
     doubt: null
    };

   case "take":
    return claim({
     from: view,
     record: verdict.record,
     entry: verdict.entry,
     sentAt: now
    }, signal);

   case "own":
    {
     const entry = renewed(verdict.entry, {
      seq: nextSeq,
      mark: protocol.markOf(now)
     });
     const record = replaceEntry(verdict.record, entry);
     return claim({
      from: view,
      record: record,
      entry: entry,
      sentAt: now
     }, signal);
    }
   }
  },
  abandon() {
   if (doubted.size === 0 && ticketSentMs === null) return null;
   return withdraw({
    register: register,
    protocol: protocol,
    clock: clock,
    logger: settings.logger,
    own: {
     nonce: nonce,
     token: doubted.size > 0 ? highestToken : 0
    },
    leaseMs: timing.leaseMs,
    callTimeoutMs: timing.callTimeoutMs,
    from: null,
    ...doubted.size > 0 ? {
     outdatePermits: options.permits ?? 1
    } : {}
   });
  }
 };
}

function nameOf({token: token, seq: seq}) {
 return `${token}.${seq}`;
}

function replaceEntry(record, entry) {
 return {
  ...record,
  entries: record.entries.map(present => present.nonce === entry.nonce ? entry : present)
 };
}

async function renewEntry(settings) {
 const {register: register, protocol: protocol, clock: clock, timing: timing, own: own, confirmedSeq: confirmedSeq, signal: signal} = settings;
 const call = {
  timeoutMs: timing.callTimeoutMs
 };
 const sentAtBySeq = new Map;
 let nextSeq = confirmedSeq + 1;
 let doubtful = null;
 let view = settings.view;
 let backoff = core.createBackoff({
  baseMs: timing.leaseMs / 60,
  capMs: timing.leaseMs / 12
 });
 let trouble;
 while (!signal.aborted) {
  try {
   view ??= await register.read(call);
   const now = core.readInstant(clock);
   const isUnchanged = doubtful !== null && doubtful.from.revision === view.revision;
   const verdict = doubtful !== null && isUnchanged ? {
    kind: "write",
    record: doubtful.record
   } : protocol.decideRenew(view, own, {
    confirmedSeq: confirmedSeq,
    nextSeq: nextSeq,
    mark: protocol.markOf(now)
   });
   if (verdict.kind === "lost") throw new core.LeaseLostError(lostMessage(register.key, view));
   if (verdict.kind === "renewed") {
    const sentAt = sentAtBySeq.get(verdict.seq);
    core.invariant(sentAt, `${register.key} shows a renewal that was never sent`);
    return {
     view: view,
     seq: verdict.seq,
     confirmation: {
      sentAt: sentAt,
      repliedAt: core.readInstant(clock)
     }
    };
   }
   if (verdict.kind === "write") {
    const outcome = await register.write(view, verdict.record, {
     ...call,
     sentAt: now
    });
    const seq = nextSeq - (isUnchanged ? 1 : 0);
    if (outcome.kind === "applied") {
     const sentAt = sentAtBySeq.get(seq) ?? outcome.confirmation.sentAt;
     return {
      view: outcome.view,
      seq: seq,
      confirmation: {
       ...outcome.confirmation,
       sentAt: sentAt
      }
     };
    }
    if (outcome.kind === "refused") {
     view = outcome.view;
     if (view) continue;
    } else {
     trouble = outcome.error;
     if (!isUnchanged) {
      sentAtBySeq.set(seq, outcome.sentAt);
      doubtful = {
       from: view,
       record: verdict.record
      };
      nextSeq += 1;
     }
    }
   }
  } catch (thrown) {
   trouble = core.toError(thrown);
   if (core.hasCode(trouble, "lease-lost")) throw trouble;
   if (core.hasCode(trouble, "corrupt-record") || core.hasCode(trouble, "invariant")) {
    throw new core.LeaseLostError(`the lease on ${register.key} is lost: ${trouble.message}`, {
     cause: trouble
    });
   }
  }
  view = null;
  const step = backoff.next(clock.random());
  backoff = step.backoff;
  await sleepUntilAborted(settings, step.delayMs);
 }
 const reason = core.abortReason(signal);
 throw new core.LeaseLostError(reason.message, {
  cause: trouble ?? reason
 });
}

async function sleepUntilAborted({clock: clock, signal: signal}, delayMs) {
 try {
  await core.sleep(clock, delayMs, signal);
 } catch (error) {
  if (!signal.aborted) throw error;
 }
}

function lostMessage(key, view) {
 const [owner] = view.record?.entries ?? [];
 return owner ? `the lease on ${key} is lost: ${core.plain(owner.holder.text)} has it now, with token ${owner.token}` : `the lease on ${key} is lost: it was taken over and freed`;
}

const RENEW_JITTER = .1;

const MAX_NOTE_BYTES = 32 * 1024;

function createLease(settings) {
 const {register: register, protocol: protocol, clock: clock, logger: logger, timing: timing, entry: entry} = settings;
 const {key: key} = register;
 const own = {
  nonce: entry.nonce,
  token: entry.token
 };
 const controller = new AbortController;
 const {signal: signal} = controller;
 let {view: view, confirmation: confirmation} = settings;
 let confirmedSeq = entry.seq;
 let isGone = false;
 let hasEnded = false;
 let renewal = null;
 let release = null;
 let lossTimer = null;
 let renewTimer = null;
 const invalidate = error => {
  if (signal.aborted) return;
  lossTimer?.cancel();
  renewTimer?.cancel();
  controller.abort(error);
 };
 const end = () => {
  if (hasEnded) return;
  hasEnded = true;
  settings.onEnd();
 };
 const lose = error => {
  if (signal.aborted) return;
  logger.warn(error.message);
  invalidate(error);
  end();
 };
 const validForMs = () => {
  if (signal.aborted) return 0;
  const leftMs = protocol.validForMs(timing, confirmation, core.readInstant(clock));
  if (leftMs <= 0) lose(new core.LeaseLostError(`the lease on ${key} is lost: it could not be renewed in time`));
  return leftMs;
 };
 const assertHeld = () => {
  if (validForMs() <= 0) throw core.abortReason(signal);
 };
 const watchValidity = () => {
  const leftMs = validForMs();
  if (leftMs > 0) lossTimer = clock.startTimer(leftMs, watchValidity, {
   background: true
  });
 };
 const scheduleRenewal = () => {
  const sinceMs = clock.monotonicMs() - confirmation.sentAt.monotonicMs;
  const dueMs = Math.max(0, core.jitter(timing.renewEveryMs, RENEW_JITTER, clock.random()) - sinceMs);
  renewTimer = clock.startTimer(dueMs, () => void renew().catch(() => undefined), {
   background: true
  });
 };
 const keep = () => {
  lossTimer?.cancel();
  renewTimer?.cancel();
  watchValidity();
  if (!signal.aborted) scheduleRenewal();
 };
 const renewNow = async () => {
  try {
   const renewed = await renewEntry({
    register: register,
    protocol: protocol,
    clock: clock,
    timing: timing,
    own: own,
    view: view,
    confirmedSeq: confirmedSeq,
    signal: signal
   });
   view = renewed.view;
   confirmedSeq = renewed.seq;
   assertHeld();
   confirmation = renewed.confirmation;
   keep();
  } catch (thrown) {
   const error = core.toError(thrown);
   isGone ||= !signal.aborted;
   lose(error);
   throw error;
  }
 };
 const renew = () => {
  renewal ??= renewNow().finally(() => {
   renewal = null;
  });
  return renewal;
 };
 const releaseNow = async (options = {}) => {
  invalidate(new core.LeaseLostError(`the lease on ${key} was released`));
  await (renewal?.catch(() => undefined));
  const note = guardNote(key, options.updateNote);
  try {
   const result = isGone ? "already-lost" : await withdraw({
    register: register,
    protocol: protocol,
    clock: clock,
    logger: logger,
    own: own,
    leaseMs: timing.leaseMs,
    callTimeoutMs: timing.callTimeoutMs,
    from: view,
    updateNote: note.update,
    signal: options.signal
   });
   const trouble = note.trouble();
   if (trouble) throw trouble;
   return result;
  } finally {
   end();
  }
 };
 keep();
 return {
  key: key,
  token: own.token,
  nonce: own.nonce,
  holder: entry.holder,
  signal: signal,
  get view() {
   return view;
  },
  validForMs: validForMs,
  assertHeld: assertHeld,
  async renew() {
   assertHeld();
   await renew();
  },
  release(options) {
   release ??= releaseNow(options);
   return release;
  },
  abandon(reason) {
   invalidate(new core.LeaseLostError(`the lease on ${key} was given up: ${reason}`));
   end();
  },
  async [Symbol.asyncDispose]() {
   await this.release();
  }
 };
}

function guardNote(key, update = note => note) {
 let trouble = null;
 return {
  trouble: () => trouble,
  update: note => {
   try {
    const next = update(note);
    const bytes = Buffer.byteLength(JSON.stringify(next));
    if (bytes <= MAX_NOTE_BYTES) return next;
    trouble = new core.InvariantError(`the note for ${key} takes ${bytes} bytes, at most ${MAX_NOTE_BYTES} fit`);
   } catch (thrown) {
    trouble = core.toError(thrown);
   }
   return note;
  }
 };
}

function createPlaceQueue() {
 const lines = new Map;
 const admitNext = (key, line) => {
  const [first] = line.waiting;
  if (first && line.taken < first.permits) {
   line.waiting.shift();
   first.admit();
   admitNext(key, line);
  } else if (!first && line.taken === 0) {
   lines.delete(key);
  }
 };
 const take = (key, line) => {
  line.taken += 1;
  let hasLeft = false;
  return {
   leave() {
    if (hasLeft) return;
    hasLeft = true;
    line.taken -= 1;
    admitNext(key, line);
   }
  };
 };
 const tryEnter = (key, permits) => {
  const line = lines.get(key) ?? {
   taken: 0,
   waiting: []
  };
  if (line.waiting.length > 0 || line.taken >= permits) return null;
  lines.set(key, line);
  return take(key, line);
 };
 return {
  tryEnter: tryEnter,
  async enter(key, {permits: permits, signal: signal}) {
   core.throwIfAborted(signal);
   const place = tryEnter(key, permits);
   if (place) return place;
   const line = lines.get(key);
   return new Promise((resolve, reject) => {
    const waiter = {
     permits: permits,
     admit() {
      signal.removeEventListener("abort", onAbort);
      resolve(take(key, line));
     }
    };
    const onAbort = () => {
     line.waiting.splice(line.waiting.indexOf(waiter), 1);
     reject(core.abortReason(signal));
     admitNext(key, line);
    };
    line.waiting.push(waiter);
    signal.addEventListener("abort", onAbort, {
     once: true
    });
   });
  }
 };
}

const MAX_QUESTION_MS = 1e4;

function createProofs(settings) {
 const {evidence: evidence, clock: clock, logger: logger} = settings;
 const askedAtMs = new Map;
 return {
  async ask(view, memory, {everyMs: everyMs, signal: signal}) {
   if (!evidence || !view.record) return false;
   const nowMs = clock.monotonicMs();
   for (const [nonce, atMs] of askedAtMs) if (nowMs - atMs >= everyMs) askedAtMs.delete(nonce);
   const beats = [ ...view.record.entries, ...view.record.tickets ];
   const due = beats.filter(({nonce: nonce}) => !memory.dead.has(nonce) && !askedAtMs.has(nonce));
   for (const {nonce: nonce} of due) askedAtMs.set(nonce, nowMs);
   const answers = await Promise.all(due.map(async ({nonce: nonce, holder: holder}) => {
    try {
     const isDead = await core.withTimeout({
      clock: clock,
      timeoutMs: MAX_QUESTION_MS,
      waitingFor: "evidence about a holder",
      parent: signal
     }, limited => evidence.isDead(holder, {
      signal: limited
     }));
     return isDead ? [ nonce ] : [];
    } catch (thrown) {
     logger.debug(`no evidence about a holder: ${core.toError(thrown).message}`);
     return [];
    }
   }));
   const dead = answers.flat();
   const present = [ ...memory.dead ].filter(nonce => beats.some(beat => beat.nonce === nonce));
   memory.dead = new Set([ ...present, ...dead ]);
   return dead.length > 0;
  }
 };
}

function decideAcquire(situation) {
 const {observation: observation, now: now, deadNonces: deadNonces, request: request} = situation;
 const leftMs = beat => {
  if (deadNonces.has(beat.nonce)) return 0;
  return Math.min(takeoverInMs(observation, beat, now.monotonicMs), core.takeoverByStampInMs(beat, now));
 };
 const isAlive = beat => leftMs(beat) > 0;
 const record = agreeOnPermits(situation, isAlive);
 const own = record.entries.find(entry => entry.nonce === request.nonce);
 if (own) return {
  kind: "own",
  entry: own,
  record: record
 };
 const alive = record.entries.filter(isAlive);
 const deadTickets = record.tickets.filter(ticket => !isAlive(ticket));
 const ahead = request.order === "fifo" ? livingAhead(record, request.nonce, isAlive) : [];
 const [first] = [ ...alive, ...ahead ];
 if (!first || alive.length + ahead.length < record.permits) {
  const isFull = record.entries.length >= record.permits;
  const robbed = isFull ? record.entries.find(entry => !isAlive(entry)) : undefined;
  return take(situation, record, {
   robbed: robbed,
   deadTickets: deadTickets
  });
 }
 const inTheWay = [ ...alive, ...ahead ];
 const suspects = inTheWay.filter(beat => core.isSuspect(beat, now));
 return queue(record, request) ?? {
  kind: "wait",
  holder: first.holder,
  holderNonce: first.nonce,
  retryAfterMs: Math.min(...inTheWay.map(leftMs)),
  suspects: inTheWay.length - suspects.length < record.permits ? suspects : []
 };
}

function decideReadBack(view, pending, isFresh) {
 const entry = view.record?.entries.find(candidate => candidate.nonce === pending.nonce);
 if (entry) return {
  kind: "owned",
  entry: entry
 };
 if (view.record !== null && view.record.token >= pending.token) return {
  kind: "lost"
 };
 return isFresh && pending.isClosed ? {
  kind: "lost"
 } : {
  kind: "undecided"
 };
}

function decideRenew(view, own, next) {
 const entry = view.record?.entries.find(candidate => candidate.nonce === own.nonce);
 if (view.record === null || !entry) return isOlder(view, own) ? {
  kind: "stale"
 } : {
  kind: "lost"
 };
 if (entry.seq > next.confirmedSeq) return {
  kind: "renewed",
  seq: entry.seq
 };
 return {
  kind: "write",
  record: withBeat(view.record, own.nonce, {
   seq: next.nextSeq,
   mark: next.mark
  })
 };
}

function decideRelease(view, own, updateNote = note => note) {
 const {record: record} = view;
 const isOurs = item => item.nonce === own.nonce;
 if (record?.entries.some(isOurs) || record?.tickets.some(isOurs)) {
  return {
   kind: "write",
   record: withoutNonce(record, own.nonce, updateNote(record.note))
  };
 }
 return isOlder(view, own) ? {
  kind: "stale"
 } : {
  kind: "gone"
 };
}

function isOlder(view, own) {
 return (view.record?.token ?? 0) < own.token;
}

function agreeOnPermits({key: key, view: view, request: request}, isAlive) {
 const {permits: permits} = request;
 if (view.record === null) return core.createRecord(permits);
 if (view.record.permits === permits) return view.record;
 const {entries: entries, tickets: tickets} = view.record;
 if (![ ...entries, ...tickets ].some(isAlive) && entries.length <= permits) return {
  ...view.record,
  permits: permits
 };
 const message = `${key} is in use with ${view.record.permits} permits, not ${permits}; all contenders must use the same number`;
 throw new core.ConfigError([ {
  option: "permits",
  message: message
 } ]);
}

function livingAhead(record, nonce, isAlive) {
 const position = record.tickets.findIndex(ticket => ticket.nonce === nonce);
 return record.tickets.slice(0, position < 0 ? undefined : position).filter(isAlive);
}

function take({view: view, request: request}, record, left) {
 const {nonce: nonce, leaseMs: leaseMs, holder: holder, since: since, nextSeq: nextSeq, mark: mark} = request;
 const {robbed: robbed} = left;
 const next = withOwner(record, {
  nonce: nonce,
  seq: nextSeq,
  leaseMs: leaseMs,
  holder: holder,
  since: since,
  ...mark
 }, {
  entries: new Set(robbed ? [ robbed.nonce ] : []),
  tickets: new Set(left.deadTickets.map(ticket => ticket.nonce))
 });
 const entry = next.entries.at(-1);
 const how = view.record === null ? "create" : robbed ? "take-over" : "take-free";
 return {
  kind: "take",
  how: how,
  entry: entry,
  record: next
 };
}

function queue(record, request) {
 if (request.order !== "fifo" || !request.mayQueue) return null;
 const {nonce: nonce, leaseMs: leaseMs, holder: holder, nextSeq: nextSeq, mark: mark, isTicketDue: isTicketDue} = request;
 const own = record.tickets.find(ticket => ticket.nonce === nonce);
 if (own) {
  if (!isTicketDue) return null;
  const ticket = renewed(own, {
   seq: nextSeq,
   mark: mark
  });
  return {
   kind: "queue",
   ticket: ticket,
   record: withBeat(record, nonce, {
    seq: nextSeq,
    mark: mark
   })
  };
 }
 if (!core.hasRoomForTicket(record)) return null;
 const ticket = {
  nonce: nonce,
  seq: nextSeq,
  leaseMs: leaseMs,
  holder: holder,
  ...mark
 };
 return {
  kind: "queue",
  ticket: ticket,
  record: withTicket(record, ticket)
 };
}

const leaseProtocol = Object.freeze({
 decideAcquire: decideAcquire,
 decideReadBack: decideReadBack,
 decideRenew: decideRenew,
 decideRelease: decideRelease,
 observe: observe,
 markOf: core.markOf,
 validForMs: core.validForMs
});

const RECONCILE_JITTER = .15;

const RETRY_BASE_MS = 20;

const EDGE_SPREAD_MS = 2;

const TAKEOVER_SPREAD_MS = 50;

const MAX_SUBSCRIBE_MS = 5e3;

async function waitForOwnership(settings) {
 const {key: key, clock: clock, acquisition: acquisition, pollMs: pollMs, signal: signal} = settings;
 const fresh = core.createBackoff({
  baseMs: RETRY_BASE_MS,
  capMs: pollMs
 });
 let backoff = fresh;
 let seen = settings.seen;
 let lostRaces = 0;
 let hasAnswered = false;
 let trouble = null;
 let holderNonce = null;
 let alarm = null;
 try {
  for (;;) {
   core.throwIfAborted(signal);
   alarm?.clear();
   const pass = await tryPass(settings, seen);
   seen = null;
   if (pass.kind === "owned" || pass.kind === "done") return pass;
   if (pass.kind === "failed") {
    trouble = pass.error;
   } else {
    hasAnswered ||= pass.kind === "busy" || pass.doubt === null;
   }
   if (pass.kind !== "busy") {
    const step = backoff.next(clock.random());
    const isFirst = backoff === fresh;
    backoff = step.backoff;
    if (pass.kind === "again" && pass.doubt === null) {
     lostRaces += 1;
     seen = pass.seen;
     if (isFirst) continue;
    }
    await core.sleep(clock, Math.max(step.delayMs, pass.kind === "failed" ? pass.notBeforeMs : 0), signal);
    continue;
   }
   backoff = fresh;
   if (pass.holderNonce !== holderNonce) {
    holderNonce = pass.holderNonce;
    settings.onWait(pass.holder);
   }
   if (!alarm) {
    alarm = settings.openAlarm();
    if (alarm.hasEdges) {
     await subscribed(alarm, settings);
     continue;
    }
   }
   const rung = alarm;
   void settings.proofs.ask(pass.view, settings.memory, {
    everyMs: pollMs,
    signal: signal
   }).then(isNew => {
    if (isNew) rung.ring();
   });
   const takeoverMs = pass.retryAfterMs + 1 + clock.random() * Math.min(TAKEOVER_SPREAD_MS, pollMs / 4);
   const reconcileMs = core.jitter(pollMs, RECONCILE_JITTER, clock.random());
   const delayMs = Math.max(1, Math.ceil(Math.min(reconcileMs, takeoverMs, acquisition.ticketDueInMs())));
   if (await alarm.wait(delayMs, signal) === "rung") {
    const spreadMs = Math.min(EDGE_SPREAD_MS * 2 ** Math.min(lostRaces, 20), pollMs / 4);
    await core.sleep(clock, spreadMs * clock.random(), signal);
   }
  }
 } catch (thrown) {
  const error = core.toError(thrown);
  if (!core.hasCode(error, "deadline") || hasAnswered || !trouble) throw error;
  throw new core.UnavailableError(`the store never answered about ${key}: ${trouble.message}`, {
   cause: trouble
  });
 } finally {
  alarm?.dispose();
 }
}

async function tryPass(settings, seen) {
 const {acquisition: acquisition, clock: clock, logger: logger, key: key, signal: signal, isDone: isDone} = settings;
 try {
  return await acquisition.pass(seen, {
   signal: signal,
   isDone: isDone
  });
 } catch (thrown) {
  core.throwIfAborted(signal);
  const error = core.toError(thrown);
  if (error.retryable !== true) throw error;
  logger.debug(`waiting for ${key} goes on: ${error.message}`);
  const retryAtMs = core.hasCode(error, "throttled") ? error.retryAtMs : null;
  return {
   kind: "failed",
   error: error,
   notBeforeMs: retryAtMs === null ? 0 : retryAtMs - clock.monotonicMs()
  };
 }
}

async function subscribed(alarm, {clock: clock, signal: signal}) {
 const patience = new AbortController;
 const stop = () => patience.abort();
 signal.addEventListener("abort", stop, {
  once: true
 });
 try {
  await Promise.race([ alarm.ready, core.sleep(clock, MAX_SUBSCRIBE_MS, patience.signal) ]);
 } catch {} finally {
  signal.removeEventListener("abort", stop);
  stop();
 }
}

async function observeSuspects(settings) {
 const {busy: busy, clock: clock, pollMs: pollMs, signal: signal} = settings;
 const {suspects: suspects} = busy;
 const deadline = core.createDeadline({
  clock: clock,
  timeoutMs: Math.max(...suspects.map(({leaseMs: leaseMs}) => core.takeoverAfterMs(leaseMs))) + pollMs,
  waitingFor: `a sign of life on ${settings.key}`,
  parent: signal
 });
 const moved = [];
 const isDone = view => {
  if (hasMoved(suspects, view)) moved.push(view);
  return moved.length > 0;
 };
 try {
  const pass = await waitForOwnership({
   ...settings,
   signal: deadline.signal,
   seen: busy.view,
   onWait: () => undefined,
   isDone: isDone
  });
  const [view] = moved;
  if (pass.kind === "owned") return pass;
  return view ? {
   kind: "changed",
   view: view
  } : {
   kind: "unchanged"
  };
 } catch (error) {
  if (deadline.signal.aborted && core.hasCode(deadline.signal.reason, "deadline")) return {
   kind: "unchanged"
  };
  throw error;
 } finally {
  deadline.dispose();
 }
}

function hasMoved(suspects, view) {
 const present = [ ...view.record?.entries ?? [], ...view.record?.tickets ?? [] ];
 return suspects.some(({nonce: nonce, seq: seq}) => {
  const beat = present.find(candidate => candidate.nonce === nonce);
  return beat === undefined || beat.seq > seq;
 });
}

const MAX_TRIES$1 = 10;

async function forceRelease(settings) {
 const {register: register, clock: clock, signal: signal} = settings;
 const call = {
  timeoutMs: settings.timeoutMs,
  signal: signal
 };
 let backoff = core.createBackoff({
  baseMs: 50,
  capMs: 2e3
 });
 let doubtedToken = null;
 let doubt;
 for (let tries = 0; tries < MAX_TRIES$1; tries += 1) {
  const view = await register.read(call);
  const {record: record} = view;
  if (doubtedToken !== null && record !== null && record.token >= doubtedToken) return doubtedToken;
  if (record === null || record.entries.length === 0) return null;
  const tombstone = withoutOwners(record);
  const outcome = await register.write(view, tombstone, call);
  if (outcome.kind === "applied") {
   const former = record.entries.map(entry => core.plain(entry.holder.text)).join(", ");
   settings.logger.info(`${core.plain(settings.holder.text)} took ${register.key} from ${former} and freed it`);
   return tombstone.token;
  }
  if (outcome.kind === "doubtful") {
   doubtedToken = tombstone.token;
   doubt = outcome.error;
  }
  const step = backoff.next(clock.random());
  backoff = step.backoff;
  await core.sleep(clock, step.delayMs, signal);
 }
 throw new core.IndeterminateError(`whether ${register.key} was freed stayed unknown`, {
  cause: doubt
 });
}

const MAX_TRIES = 10;

async function tryForOwnership(settings) {
 const {key: key, clock: clock, acquisition: acquisition, pollMs: pollMs, signal: signal} = settings;
 let seen = settings.seen;
 let backoff = core.createBackoff({
  baseMs: 20,
  capMs: 1e3
 });
 let hasAsked = false;
 for (let tries = 0; tries < MAX_TRIES; tries += 1) {
  const pass = await acquisition.pass(seen, {
   signal: signal
  });
  seen = null;
  if (pass.kind === "owned") return pass;
  if (pass.kind === "busy") {
   const isNewlyDead = !hasAsked && await settings.proofs.ask(pass.view, settings.memory, {
    everyMs: pollMs,
    signal: signal
   });
   if (!isNewlyDead) return pass;
   hasAsked = true;
   seen = pass.view;
   continue;
  }
  core.throwIfAborted(signal);
  if (pass.kind === "again") seen = pass.seen;
  if (seen && tries === 0) continue;
  const step = backoff.next(clock.random());
  backoff = step.backoff;
  await core.sleep(clock, step.delayMs, signal);
 }
 const {doubt: doubt} = acquisition;
 if (doubt) throw new core.IndeterminateError(`whether ${key} was acquired stayed unknown`, {
  cause: doubt
 });
 throw new core.UnavailableError(`${key} changed ${MAX_TRIES} times while it was being acquired`);
}

const DEFAULT_POLL_MS = 5e3;

const READ_TIMEOUT_MS = 15e3;

function createLeaseManager(settings) {
 const {store: store, clock: clock, logger: logger = core.nullLogger, pollMs: tryPollMs = DEFAULT_POLL_MS, protocol: protocol = leaseProtocol} = settings;
 const proofs = createProofs({
  evidence: settings.evidence,
  clock: clock,
  logger: logger
 });
 const line = createPlaceQueue();
 const memories = new Map;
 const leases = new Set;
 const withdrawals = new Set;
 const closing = new AbortController;
 require$$0.setMaxListeners(0, closing.signal);
 const registerOf = key => core.createLeaseRegister({
  store: store,
  clock: clock,
  key: key
 });
 const memoryOf = key => {
  const memory = memories.get(key) ?? {
   observation: NOTHING_OBSERVED,
   dead: new Set
  };
  memories.set(key, memory);
  return memory;
 };
 const whileOpen = (signal, run) => core.withEither([ closing.signal, signal ], run);
 const open = (key, options, {mayQueue: mayQueue}) => {
  const timing = core.createTiming(options.leaseMs);
  const register = registerOf(key);
  const memory = memoryOf(key);
  const acquisition = createAcquisition({
   register: register,
   protocol: protocol,
   clock: clock,
   logger: logger,
   timing: timing,
   memory: memory,
   options: options,
   mayQueue: mayQueue
  });
  return {
   timing: timing,
   register: register,
   memory: memory,
   acquisition: acquisition
  };
 };
 const handOut = (key, pass, place, timing) => {
  const {view: view, entry: entry, confirmation: confirmation} = pass;
  const register = registerOf(key);
  let lease = null;
  lease = createLease({
   register: register,
   protocol: protocol,
   clock: clock,
   logger: logger,
   timing: timing,
   view: view,
   entry: entry,
   confirmation: confirmation,
   onEnd() {
    if (lease) leases.delete(lease);
    place.leave();
   }
  });
  if (!lease.signal.aborted) leases.add(lease);
  return lease;
 };
 const withdrawInBackground = (key, acquisition) => {
  const withdrawal = acquisition.abandon();
  if (!withdrawal) return;
  const report = withdrawal.then(result => logger.debug(`an acquisition of ${key} was given up; what it may have written: ${result}`), thrown => logger.warn(`an acquisition of ${key} was given up: ${core.toError(thrown).message}`)).finally(() => withdrawals.delete(report));
  withdrawals.add(report);
 };
 const busyWithOurselves = async (key, signal) => {
  const own = [ ...leases ].find(lease => lease.key === key);
  const view = own?.view ?? await registerOf(key).read({
   timeoutMs: READ_TIMEOUT_MS,
   signal: signal
  });
  const [first] = view.record?.entries ?? [];
  const holder = own?.holder ?? first?.holder ?? {
   text: "another acquisition of this process",
   host: "",
   pid: 0
  };
  return {
   acquired: false,
   holder: holder,
   view: view,
   retryAfterMs: first ? core.takeoverAfterMs(first.leaseMs) : tryPollMs
  };
 };
 return {
  read(key, options = {}) {
   return whileOpen(options.signal, async signal => {
    const view = await registerOf(key).read({
     timeoutMs: READ_TIMEOUT_MS,
     signal: signal
    });
    const memory = memoryOf(key);
    const beats = [ ...view.record?.entries ?? [], ...view.record?.tickets ?? [] ];
    memory.observation = protocol.observe(memory.observation, beats, clock.monotonicMs());
    return view;
   });
  },
  async tryAcquire(key, options) {
   assertPermits(options);
   return whileOpen(options.signal, async signal => {
    const {timing: timing, memory: memory, acquisition: acquisition} = open(key, options, {
     mayQueue: false
    });
    const place = line.tryEnter(key, options.permits ?? 1);
    if (!place) return busyWithOurselves(key, signal);
    let isOwned = false;
    try {
     const {seen: seen = null, observeSuspect: observeSuspect} = options;
     const trying = {
      key: key,
      clock: clock,
      acquisition: acquisition,
      proofs: proofs,
      memory: memory,
      pollMs: tryPollMs,
      signal: signal
     };
     let pass = await tryForOwnership({
      ...trying,
      seen: seen
     });
     if (observeSuspect && pass.kind === "busy" && pass.suspects.length > 0) {
      observeSuspect.onObserve?.(pass.holder);
      const pollMs = Math.max(observeSuspect.pollMs, store.capabilities.minPollMs);
      const openAlarm = () => createAlarm({
       store: store,
       key: key,
       clock: clock,
       logger: logger
      });
      const observed = await observeSuspects({
       ...trying,
       logger: logger,
       pollMs: pollMs,
       openAlarm: openAlarm,
       busy: pass
      });
      if (observed.kind === "owned") pass = observed;
      if (observed.kind === "changed") pass = await tryForOwnership({
       ...trying,
       seen: observed.view
      });
     }
     if (pass.kind === "busy") {
      const {view: view, holder: holder, retryAfterMs: retryAfterMs} = pass;
      return {
       acquired: false,
       holder: holder,
       view: view,
       retryAfterMs: retryAfterMs
      };
     }
     const lease = handOut(key, pass, place, timing);
     isOwned = true;
     return {
      acquired: true,
      lease: lease,
      view: lease.view
     };
    } finally {
     if (!isOwned) {
      place.leave();
      withdrawInBackground(key, acquisition);
     }
    }
   });
  },
  async acquire(key, options) {
   assertPermits(options);
   const {isDone: isDone = () => false, onWait: onWait = () => undefined, seen: seen = null} = options;
   return whileOpen(options.signal, async signal => {
    const {timing: timing, memory: memory, acquisition: acquisition} = open(key, options, {
     mayQueue: true
    });
    const place = await line.enter(key, {
     permits: options.permits ?? 1,
     signal: signal
    });
    let isOwned = false;
    try {
     const pass = await waitForOwnership({
      key: key,
      clock: clock,
      logger: logger,
      acquisition: acquisition,
      proofs: proofs,
      memory: memory,
      pollMs: Math.max(options.pollMs, store.capabilities.minPollMs),
      signal: signal,
      seen: seen,
      openAlarm: () => createAlarm({
       store: store,
       key: key,
       clock: clock,
       logger: logger
      }),
      onWait: onWait,
      isDone: isDone
     });
     if (pass.kind === "done") return null;
     const lease = handOut(key, pass, place, timing);
     isOwned = true;
     return lease;
    } finally {
     if (!isOwned) {
      place.leave();
      withdrawInBackground(key, acquisition);
     }
    }
   });
  },
  forceRelease(key, {holder: holder, signal: signal}) {
   return whileOpen(signal, joint => forceRelease({
    register: registerOf(key),
    clock: clock,
    logger: logger,
    holder: holder,
    timeoutMs: READ_TIMEOUT_MS,
    signal: joint
   }));
  },
  async close() {
   closing.abort(new core.CancelledError("the lease manager was closed"));
   for (const lease of [ ...leases ]) lease.abandon("its manager was closed");
   await Promise.all(withdrawals);
  }
 };
}

function assertPermits({permits: permits = 1}) {
 if (Number.isSafeInteger(permits) && permits >= 1 && permits <= core.MAX_PERMITS) return;
 throw new core.ConfigError([ {
  option: "permits",
  message: `must be from 1 to ${core.MAX_PERMITS}, not ${permits}`
 } ]);
}

const manager = Object.freeze(Object.defineProperty({
 __proto__: null,
 createLeaseManager: createLeaseManager
}, Symbol.toStringTag, {
 value: "Module"
}));

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

const turn = Object.freeze(Object.defineProperty({
 __proto__: null,
 takeTurn: takeTurn
}, Symbol.toStringTag, {
 value: "Module"
}));

exports.NOTHING_OBSERVED = NOTHING_OBSERVED;

exports.createAlarm = createAlarm;

exports.manager = manager;

exports.observe = observe;

exports.takeoverInMs = takeoverInMs;

exports.turn = turn;

exports.who = who;
