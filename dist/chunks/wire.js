import { D as DeadlineError, b as CorruptRecordError, I as InvariantError, a as ConfigError, t as toError, h as hasCode, c as LeaseLostError, i as invariant, U as UnavailableError, d as IndeterminateError, C as CancelledError, A as AuthError } from './errors.js';
import { t as throwIfAborted, b as sleep, d as abortReason, n as nullLogger } from './terminal.js';
import { createHash, randomUUID } from 'node:crypto';
import { win32, posix } from 'node:path';
import { p as plain } from './duration.js';

/**
 * One time budget for a whole command: an absolute point on the monotonic clock, an AbortSignal, and the user's own
 * cancellation joined to it. Passed down; every wait inside ends with it. Whoever creates one disposes it.
 * Invariant: after `dispose` no timer and no listener is left.
 */

                           
                                                                     
                        
                                                                                        
                               
                   
                        
                                                                      
                                        
                        
                  
 

                                  
               
                                       
                    
                                                 
                     
                                       
                       
 

/** Starts a budget now. The caller disposes it. */
function createDeadline({ clock, timeoutMs, waitingFor, parent }                 )           {
  const controller = new AbortController();
  const atMs = clock.monotonicMs() + timeoutMs;
  const onParentAbort = () => controller.abort(abortReason(parent               ));
  if (parent?.aborted) onParentAbort();
  else parent?.addEventListener('abort', onParentAbort, { once: true });
  const timer = Number.isFinite(timeoutMs)
    ? clock.startTimer(timeoutMs, () => controller.abort(new DeadlineError(waitingFor)), { background: true })
    : null;
  return {
    atMs,
    signal: controller.signal,
    remainingMs: () => Math.max(0, atMs - clock.monotonicMs()),
    sleep: (delayMs) => sleep(clock, delayMs, controller.signal),
    throwIfPassed: () => throwIfAborted(controller.signal),
    dispose() {
      timer?.cancel();
      parent?.removeEventListener('abort', onParentAbort);
    },
  };
}

/**
 * Runs `operation` with a deadline of its own below the caller's signal; settles within it even where the operation
 * ignores its signal. `onTimeout` says which error a late operation ends with (a doubtful write is not a plain timeout).
 */
async function withTimeout   (
  options                                               ,
  operation                                     ,
)             {
  const deadline = createDeadline(options);
  try {
    return await new Promise   ((resolve, reject) => {
      const onAbort = () => {
        const reason = abortReason(deadline.signal);
        const timedOut = reason instanceof DeadlineError && !options.parent?.aborted;
        reject(timedOut && options.onTimeout ? options.onTimeout() : reason);
      };
      if (deadline.signal.aborted) return onAbort();
      deadline.signal.addEventListener('abort', onAbort, { once: true });
      operation(deadline.signal).then(resolve, reject);
    });
  } finally {
    deadline.dispose();
  }
}

/** Names for things that must not collide: nonces for writes, short hashes for identities. */

/** A fresh UUID: marks one acquisition, one write, one process's incarnation. */
function createNonce()         {
  return randomUUID();
}

/**
 * A short stable hash of an ordered list of parts: 16 hex digits. Parts are length-prefixed, so that `['a','bc']` and
 * `['ab','c']` differ. Not a secret's protection: hash only what may be guessed, or salt it.
 */
function hashIdentity(parts                   )         {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return hash.digest('hex').slice(0, 16);
}

/**
 * Reading JSON that came from outside without trusting it: small checkers that either return a typed value or say at
 * which path what was expected. A record that fails is corrupt; nothing here repairs or guesses.
 */

/** A JSON object of unknown fields. */
                                                           

/** True for a plain object (not null, not an array). */
function isJsonObject(value         )                      {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses text that must be a JSON object; otherwise CorruptRecordError naming `what`. */
function parseJsonObject(text        , what        )             {
  let value         ;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CorruptRecordError(`${what} is not JSON; it was left untouched`, { cause });
  }
  if (!isJsonObject(value))
    throw new CorruptRecordError(`${what} is not a JSON object; it was left untouched`);
  return value;
}

/** A reader over one object: each method returns the field or throws CorruptRecordError with its path. */
                              
                               
                                                   
                                          
                                                                        
                                                                   
                                    
                                          
                           
 

/** A reader for `object`; `path` prefixes every complaint. */
function readFields(object            , path        )              {
  const fail = (name        , expected        )        => {
    throw new CorruptRecordError(`${path}.${name} should be ${expected}; the record was left untouched`);
  };
  return {
    raw: object,
    string(name) {
      const value = object[name];
      return typeof value === 'string' ? value : fail(name, 'a string');
    },
    optionalString(name) {
      const value = object[name];
      return value === undefined || typeof value === 'string' ? value : fail(name, 'a string or absent');
    },
    integer(name, { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = {}) {
      const value = object[name];
      const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
      return fits ? value : fail(name, `an integer from ${min} to ${max}`);
    },
    choice(name, choices) {
      const value = object[name];
      const found = choices.find((choice) => choice === value);
      return found ?? fail(name, `one of ${choices.join(', ')}`);
    },
    object(name) {
      const value = object[name];
      return isJsonObject(value) ? readFields(value, `${path}.${name}`) : fail(name, 'an object');
    },
    array(name) {
      const value = object[name];
      return Array.isArray(value) ? (value                      ) : fail(name, 'a list');
    },
  };
}

/** Freezes a value and all it holds; returns it. Records are values (consul #5876: one was changed in place). */
function deepFreeze   (value   )    {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/**
 * Backoff as an immutable value: `next` gives the delay and the state to use the time after. Full jitter, so that
 * processes which failed together do not come back together (hatchet #198: every loser slept the same 7 s).
 */

                                  
                                        
                 
                                    
                
                                                       
                  
 

                          
                                                                     
                                                              
 

/** A fresh backoff. Source: the "full jitter" variant of exponential backoff (AWS architecture blog, 2015). */
function createBackoff(settings                 , attempt = 0)          {
  return {
    next(random) {
      const ceilingMs = Math.min(settings.capMs, settings.baseMs * (settings.factor ?? 2) ** attempt);
      return { delayMs: Math.round(ceilingMs * random), backoff: createBackoff(settings, attempt + 1) };
    },
  };
}

/** A delay spread over ±`share` of itself (0.1 = ±10 %). */
function jitter(delayMs        , share        , random        )         {
  return delayMs * (1 - share + 2 * share * random);
}

/**
 * The store: a compare-and-set register per key. Everything lockstep coordinates stands on this interface and nothing else.
 * NOT guaranteed: order between keys, wall-clock stamps, delivery of every edge, linearizable reads (see capabilities).
 *
 *            compareAndSet(null)            compareAndSet(current revision)
 *   absent ───────────────────────▶ value@r1 ───────────────────────────────▶ value@r2 ─▶ …
 *            any other expectation ─▶ { ok: false }, nothing changed         (delete: only gc, never locks)
 *
 * S1  of N concurrent creates (expect null) exactly one is ok      S2  of N concurrent writes on one revision exactly one is ok
 * S3  a stale revision changes nothing                             S4  A→B→A has a fresh revision each time
 * S5  ok:false is certain; whatever is doubtful throws IndeterminateError
 * S6  every operation settles within its signal's abort or the driver's own deadline + 50 ms, even if the peer is silent
 * S7  an abort after sending throws IndeterminateError, never "not applied"; before sending: the signal's reason
 * S8  one reads one's own write where linearizableReads; elsewhere a get may lag but never invents
 * S9  after `ready` any later change gives at least one edge (or a reconnect edge); edges coalesce and carry no data
 * S10 a watch ends only by abort; a lost connection is reconnected with backoff, and an edge follows
 * S11 close() ends watches, sockets and timers              S12 any UTF-8 value up to 64 KiB; keys as in store/key.ts
 * S13 two keys do not interfere                             S14 a writer killed anywhere leaves the old or the new value
 * S15 no wall clock in any result                           S16 list gives every key that was there throughout, once
 */

/** Opaque; compared for equality only, never ordered. */
                              

                        
                                                
                         
                              
 

const MAX_VALUE_BYTES = 64 * 1024;

                                   
                                   
 

/** `ok: false` only if the write was certainly not applied; `current` where the driver saw it anyway. */
                         
                                                      
                                                            

/** Edges without data. Subscribe, await `ready`, read, then wait for edges, with a reconcile timer beside them. */
                                                    
                                
 

                                    
                                      
                                      
                                                       
                                
                                
                                                   
                                                             
                             
 

/**
 * Errors of every operation: UnavailableError (certainly not applied), IndeterminateError (writes only), AuthError,
 * CorruptRecordError, or the signal's reason. A driver translates its engine's errors at its edge and nowhere else.
 */

/**
 * The lease record as text: parsed without trust, written within bounds. What does not parse is corrupt and is never
 * overwritten (L16; consul carries a flag value for the same reason). Nothing here decides who owns.
 * Invariant: whatever `encodeRecord` writes, `parseRecord` reads back as an equal, frozen value of at most 64 KiB.
 */
                                                                                                 

/** A lease is at least this long: below it the margins would eat it. */
const MIN_LEASE_MS = 1000;
/** And at most this long: a forged record could otherwise lock a key for good. */
const MAX_LEASE_MS = 3_600_000;
/** No token is higher. The distance to 2^53 keeps arithmetic on tokens exact in every reader. */
const MAX_TOKEN = 2 ** 53 - 2 ** 20;
/** At most this many owners of one key. */
const MAX_PERMITS = 100;
/** At most this many places in a queue; whoever comes later waits without one. */
const MAX_TICKETS = 100;
// The queue may fill half of a value, so that every ticket can still become an entry.
const MAX_QUEUED_BYTES = MAX_VALUE_BYTES / 2;
const MAX_NONCE_LENGTH = 64;
// In bytes of JSON; together under 700 per holder.
const HOLDER_BYTES = Object.freeze({ text: 200, host: 100, run: 40, attempt: 20, job: 100, url: 200 });

/** The record of a key that nobody ever held. */
function createRecord(permits        )              {
  return deepFreeze({ v: 1, state: 'free', token: 0, permits, entries: [], tickets: [], note: {} });
}

/** What a read of the store told, as a view. CorruptRecordError for anything but a record of this version. */
function parseView(key        , entry              )            {
  if (entry === null) return Object.freeze({ revision: null, record: null });
  return Object.freeze({ revision: entry.revision, record: parseRecord(key, entry.value) });
}

/** Parses a record. CorruptRecordError where it is foreign, damaged, newer, or breaks an invariant of its own. */
function parseRecord(key        , text        )              {
  const what = `the lease record of ${key}`;
  const fields = readFields(parseJsonObject(text, what), what);
  if (fields.raw['v'] !== 1) {
    throw new CorruptRecordError(`${what} is not of version 1; it was left untouched`, {
      hint: 'another program uses this key, or a newer lockstep wrote it: choose another namespace or update lockstep',
    });
  }
  const token = fields.integer('token', { min: 0, max: MAX_TOKEN });
  const permits = fields.integer('permits', { min: 1, max: MAX_PERMITS });
  const entries = objects(fields, 'entries', what).map((entry) => ({
    token: entry.integer('token', { min: 1, max: token }),
    ...parseBeat(entry),
    since: entry.string('since'),
  }));
  const tickets = objects(fields, 'tickets', what).map(parseBeat);
  const state = fields.choice('state', ['held', 'free']         );
  const problem = disagreement({ state, permits, entries, tickets });
  if (problem) throw new CorruptRecordError(`${what} ${problem}; it was left untouched`);
  return deepFreeze({ v: 1, state, token, permits, entries, tickets, note: fields.object('note').raw });
}

/**
 * The record as text. Rejects with CorruptRecordError where tokens are used up and with ConfigError where it outgrew a
 * value of the store (too many permits with long holder names, or too long a note).
 */
function encodeRecord(key        , record             )         {
  const problem = disagreement(record);
  if (problem) throw new InvariantError(`a lease record of ${key} was made that ${problem}`);
  if (record.token > MAX_TOKEN) throw new CorruptRecordError(`the tokens of ${key} are used up`);
  const text = JSON.stringify(record);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES) {
    const message = `the lease record of ${key} would take ${bytes} bytes of ${MAX_VALUE_BYTES}; use fewer permits, shorter holder names or a shorter note`;
    throw new ConfigError([{ option: '', message }]);
  }
  return text;
}

/** Whether one more ticket is welcome: the queue is bounded in number and in bytes. */
function hasRoomForTicket(record             )          {
  return record.tickets.length < MAX_TICKETS && Buffer.byteLength(JSON.stringify(record)) <= MAX_QUEUED_BYTES;
}

/** A holder cut to what a record may carry. */
function boundHolder(holder            )             {
  const { text, host, pid, run, attempt, job, url } = holder;
  return deepFreeze({
    text: cut(text, HOLDER_BYTES.text),
    host: cut(host, HOLDER_BYTES.host),
    pid,
    ...(run === undefined ? {} : { run: cut(run, HOLDER_BYTES.run) }),
    ...(attempt === undefined ? {} : { attempt: cut(attempt, HOLDER_BYTES.attempt) }),
    ...(job === undefined ? {} : { job: cut(job, HOLDER_BYTES.job) }),
    ...(url === undefined ? {} : { url: cut(url, HOLDER_BYTES.url) }),
  });
}

function objects(fields             , name        , what        )                {
  return fields.array(name).map((item, index) => {
    const path = `${what}.${name}[${index}]`;
    if (!isJsonObject(item))
      throw new CorruptRecordError(`${path} should be an object; it was left untouched`);
    return readFields(item, path);
  });
}

function parseBeat(fields             )              {
  return {
    nonce: fields.string('nonce'),
    seq: fields.integer('seq', { min: 0 }),
    leaseMs: fields.integer('leaseMs', { min: MIN_LEASE_MS, max: MAX_LEASE_MS }),
    holder: parseHolder(fields.object('holder')),
  };
}

function parseHolder(fields             )             {
  const optional = (['run', 'attempt', 'job', 'url']         ).flatMap((name) => {
    const value = fields.optionalString(name);
    return value === undefined ? [] : [[name, value]         ];
  });
  return {
    text: fields.string('text'),
    host: fields.string('host'),
    pid: fields.integer('pid', { min: 0 }),
    ...Object.fromEntries(optional),
  };
}

/** What contradicts itself in a record, in words that follow its name; null where nothing does. */
function disagreement(record   
                         
                  
                                 
                                  
 )                {
  const { state, permits, entries, tickets } = record;
  if ((state === 'held') !== entries.length > 0) return `is ${state} with ${entries.length} owners`;
  if (entries.length > permits) return `has ${entries.length} owners for ${permits} permits`;
  if (tickets.length > MAX_TICKETS) return `has ${tickets.length} tickets`;
  for (const list of [entries, tickets]) {
    const nonces = new Set(list.map((item) => item.nonce));
    if (nonces.size < list.length) return 'names one acquisition twice';
    if ([...nonces].some((nonce) => nonce === '' || nonce.length > MAX_NONCE_LENGTH))
      return 'has a bad nonce';
  }
  if (new Set(entries.map((entry) => entry.token)).size < entries.length) return 'gives one token twice';
  return null;
}

/** Cuts a text so that its JSON form takes at most `maxBytes` bytes between the quotes; never inside a character. */
function cut(text        , maxBytes        )         {
  let bytes = 0;
  let kept = '';
  for (const char of text) {
    bytes += Buffer.byteLength(JSON.stringify(char)) - 2;
    if (bytes > maxBytes) return kept;
    kept += char;
  }
  return kept;
}

/**
 * The lengths that make up a lease, and the relations between them. Pure.
 * Invariant (L5): a holder stops at sentAt + leaseMs − margin on its clock, an observer takes over no sooner than
 * leaseMs × 1.01 after seeing on its own; with clock rates within 1 % of each other the two never overlap.
 */
                                              

/** By how much the rates of two clocks may differ. */
const DRIFT_SHARE = 0.01;
const MIN_MARGIN_MS = 250;
const MARGIN_SHARE = 0.05;
// A store that is silent for this long is asked anew, however long the lease.
const MAX_CALL_MS = 15_000;

                              
                           
                                                                   
                            
                             
                                
                                                                                                    
                                   
                                                 
                                 
                                                                        
                                   
 

/**
 * Derives all lengths from the lease's and checks their relations (source: client-go's leader election refuses to be built
 * with lengths that contradict one another). ConfigError where the lease is out of bounds.
 */
function createTiming(leaseMs        )              {
  if (!Number.isSafeInteger(leaseMs) || leaseMs < MIN_LEASE_MS || leaseMs > MAX_LEASE_MS) {
    throw new ConfigError([{ option: 'lease', message: `must be from 1s to 1h, not ${leaseMs} ms` }]);
  }
  const timing              = Object.freeze({
    leaseMs,
    marginMs: Math.max(MIN_MARGIN_MS, leaseMs * MARGIN_SHARE),
    renewEveryMs: leaseMs / 3,
    renewDeadlineMs: (leaseMs * 2) / 3,
    callTimeoutMs: Math.min(leaseMs / 4, MAX_CALL_MS),
    takeoverAfterMs: takeoverAfterMs(leaseMs),
  });
  assertTiming(timing);
  return timing;
}

/** ConfigError naming every relation that does not hold. */
function assertTiming(timing             )       {
  const { leaseMs, marginMs, renewEveryMs, renewDeadlineMs, callTimeoutMs } = timing;
  const relations                                          = [
    [leaseMs > renewDeadlineMs, 'the lease must be longer than the renew deadline'],
    [renewDeadlineMs > 1.2 * renewEveryMs, 'the renew deadline must exceed 1.2 renew intervals'],
    [leaseMs - marginMs > renewDeadlineMs, 'the validity must outlast the renew deadline'],
    [callTimeoutMs <= leaseMs / 4, 'a call to the store must end within a quarter of the lease'],
    [marginMs >= Math.max(MIN_MARGIN_MS, leaseMs * MARGIN_SHARE), 'the margin must be 5 %, at least 250 ms'],
    [timing.takeoverAfterMs >= leaseMs * (1 + DRIFT_SHARE), 'an observer must wait the lease and the drift'],
  ];
  const problems = relations.filter(([holds]) => !holds).map(([, message]) => ({ option: 'lease', message }));
  if (problems.length > 0) throw new ConfigError(problems);
}

/** How long an observer must have seen no change before it may take over (L4). */
function takeoverAfterMs(leaseMs        )         {
  return leaseMs * (1 + DRIFT_SHARE);
}

/** One reading of both clocks of this machine. */
                          
                               
                          
 

function readInstant(clock       )          {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}

/** When a write that gave or prolonged ownership was sent, and when its answer (or its read-back) came. */
                               
                           
                              
 

/**
 * For how long ownership is certain at `now`; 0 once it is over. Counted from BEFORE sending (L3: the reply may have taken
 * any time), by the larger of both clocks' elapsed times (L7: a suspended machine stops the monotonic one).
 */
function validForMs(timing             , confirmation              , now         )         {
  const { sentAt } = confirmation;
  const elapsedMs = Math.max(now.monotonicMs - sentAt.monotonicMs, now.wallMs - sentAt.wallMs);
  // Whole milliseconds, so that a timer of this length ends it: a rest of nothing would be waited for again and again.
  return Math.max(0, Math.floor(timing.leaseMs - timing.marginMs - elapsedMs));
}

/**
 * Takes one acquisition out of the record: its entry, its ticket, or a write of it that may still be under way. Used by a
 * release and, in the background, by an acquisition that was given up (L14). Invariants: it changes nothing that belongs to
 * another nonce; a doubtful tombstone is never followed by a blind second one (etcd #22082: that one removed a newer lock).
 */
                                                   

/** A withdrawal ends within this: after a lease's time nothing is left to withdraw anyway. */
const MAX_BUDGET_MS = 20_000;
const BACKOFF = Object.freeze({ baseMs: 50, capMs: 2000 });

                                     
                          
                          
               
                 
                                                                                      
                
                  
                        
                                                   
                         
     
                                                                                                                              
                                                            
     
                          
                                                
                                   
 

/** `already-lost`: there was nothing of ours. Rejects with CorruptRecordError only; any other trouble is `unknown`. */
async function withdraw(settings                    )                         {
  const { register, protocol, clock, own, outdatePermits, signal } = settings;
  const deadline = createDeadline({
    clock,
    timeoutMs: Math.min(settings.leaseMs, MAX_BUDGET_MS),
    waitingFor: `the release of ${register.key}`,
    ...(signal ? { parent: signal } : {}),
  });
  const call = { timeoutMs: settings.callTimeoutMs, signal: deadline.signal };
  let backoff          = createBackoff(BACKOFF);
  let view = settings.from;
  let isDoubtful = false;
  try {
    for (;;) {
      try {
        // 1. Look, unless the last answer showed the record.
        view ??= await register.read(call);
        const verdict = protocol.decideRelease(view, own, settings.updateNote);

        // 2. Nothing of ours there, and newer than all we wrote. After a doubtful tombstone that means: it landed (L9).
        if (verdict.kind === 'gone') return isDoubtful ? 'released' : 'already-lost';

        // 3. The tombstone, or what makes a write under way impossible. From an unchanged record it is the very same write.
        const isOutdating = verdict.kind === 'stale' && outdatePermits !== undefined;
        const record =
          verdict.kind === 'write' ? verdict.record : (view.record ?? createRecord(outdatePermits ?? 1));
        if (verdict.kind === 'write' || isOutdating) {
          const outcome = await register.write(view, record, call);
          if (outcome.kind === 'applied') return isOutdating ? 'already-lost' : 'released';
          isDoubtful ||= outcome.kind === 'doubtful' && verdict.kind === 'write';
          view = outcome.kind === 'refused' ? outcome.view : null;
          if (view) continue;
        } else {
          view = null;
        }
      } catch (thrown) {
        const error = toError(thrown);
        if (hasCode(error, 'corrupt-record')) throw error;
        if (deadline.signal.aborted || (error                           ).retryable !== true) {
          settings.logger.warn(
            `${register.key} could not be released: ${error.message}; it will run out by itself`,
          );
          return 'unknown';
        }
        view = null;
      }
      // 4. Doubt, a stale read, a race, or no answer: again, a little later.
      if (deadline.signal.aborted) return 'unknown';
      const step = backoff.next(clock.random());
      backoff = step.backoff;
      if (!(await sleptUndisturbed(deadline.sleep(step.delayMs)))) return 'unknown';
    }
  } finally {
    deadline.dispose();
  }
}

/** False where the sleep was cut short by the deadline: that is an answer here, not an error. */
async function sleptUndisturbed(sleep               )                   {
  try {
    await sleep;
    return true;
  } catch {
    // The only reason a sleep rejects is its signal.
    return false;
  }
}

/**
 * One acquisition under one nonce, pass by pass: read, judge, write. It never waits; who calls it decides when the next
 * pass is due. NOT guaranteed: that a pass settles anything. Invariants: every write of this acquisition carries the same
 * nonce, so the store never holds two entries of it; a write in doubt is read back and sent again unchanged until it is
 * settled (L9); whoever gives up calls `abandon` (L14).
 */
                                              

/** What this process knows of a key, shared by all its acquisitions. */
                            
                           
                                            
                            
 

                                      
                          
                          
               
                 
                      
                    
                          
                                                    
                    
                                                          
                                       
 

                  
     
                             
                               
                                 
                                          
     
     
                            
                               
                                  
                                   
                                    
     
                                                                                                 
                                                                                             
                              

                              
                                                                                                       
                                                                   
                                                            
                               
                                                                                  
                          
                                                                         
                                           
 

// After this many stale-looking reads a write that can no longer be applied counts as lost.
const MAX_UNDECIDED_READS = 5;

                                          
                           
                               
                             
                        
                                  
 

/** A fresh acquisition; holds nothing that needs disposal but what `abandon` takes out. */
function createAcquisition(settings                     )              {
  const { register, protocol, clock, timing, memory, options } = settings;
  const nonce = createNonce();
  const holder = boundHolder(options.holder);
  // From when on a write that was ever in doubt counts, by what it wrote; until it is known to be lost.
  const doubted = new Map                 ();
  let highestToken = 0;
  let pending                 = null;
  let nextSeq = 0;
  let ticketSentMs                = null;

  const judge = (view           )                 =>
    protocol.decideAcquire({
      key: register.key,
      view,
      observation: memory.observation,
      nowMs: clock.monotonicMs(),
      deadNonces: memory.dead,
      request: {
        nonce,
        leaseMs: timing.leaseMs,
        holder,
        since: new Date(clock.wallMs()).toISOString(),
        permits: options.permits ?? 1,
        order: options.order ?? 'any',
        mayQueue: settings.mayQueue,
        nextSeq,
        isTicketDue: ticketDueInMs() <= 0,
      },
    });
  const ticketDueInMs = () =>
    ticketSentMs === null
      ? Number.POSITIVE_INFINITY
      : timing.renewEveryMs - (clock.monotonicMs() - ticketSentMs);
  const call = (signal             ) => ({ timeoutMs: timing.callTimeoutMs, signal });
  const isStillValid = (sentAt         ) => {
    const now = readInstant(clock);
    return protocol.validForMs(timing, { sentAt, repliedAt: now }, now) > 0;
  };

  const owned = (view           , entry            , sentAt         )       => {
    pending = null;
    nextSeq = Math.max(nextSeq, entry.seq + 1);
    // A process that was stopped until now has an entry without any validity left: it is renewed first.
    if (!isStillValid(sentAt)) {
      doubted.set(nameOf(entry), sentAt);
      return { kind: 'again', seen: view, doubt: null };
    }
    return { kind: 'owned', view, entry, confirmation: { sentAt, repliedAt: readInstant(clock) } };
  };

  /** Sends an entry of ours, new, renewed, or once more. */
  const claim = async (
    write                                            ,
    signal             ,
  )                => {
    const { from, record, entry } = write;
    const sentBeforeAt = doubted.get(nameOf(entry));
    highestToken = Math.max(highestToken, entry.token);
    const outcome = await register.write(from, record, call(signal));
    if (outcome.kind === 'applied') {
      return owned(outcome.view, entry, sentBeforeAt ?? outcome.confirmation.sentAt);
    }
    if (outcome.kind === 'refused') {
      if (pending) pending = { ...pending, isClosed: true };
      return { kind: 'again', seen: outcome.view, doubt: null };
    }
    nextSeq = Math.max(nextSeq, entry.seq + 1);
    doubted.set(nameOf(entry), sentBeforeAt ?? outcome.sentAt);
    const { error } = outcome;
    if (pending?.record !== record) {
      pending = { nonce, token: entry.token, from, record, entry, error, isClosed: false, undecidedReads: 0 };
    }
    return { kind: 'again', seen: null, doubt: error };
  };

  /** Null where the write in doubt is settled as lost, and the record is to be judged anew. */
  const settle = async (view           , write         , signal             )                       => {
    const isOutdated = register.isFresh && view.revision !== write.from.revision;
    const isClosed = write.isClosed || isOutdated;
    const verdict = protocol.decideReadBack(view, { nonce, token: write.token, isClosed }, register.isFresh);
    if (verdict.kind === 'owned') {
      const sentAt = doubted.get(nameOf(verdict.entry));
      if (sentAt) return owned(view, verdict.entry, sentAt);
    }
    if (verdict.kind === 'lost') doubted.delete(nameOf(write.entry));
    if (verdict.kind === 'owned' || verdict.kind === 'lost' || write.undecidedReads >= MAX_UNDECIDED_READS) {
      pending = null;
      return null;
    }
    pending = { ...write, isClosed, undecidedReads: write.undecidedReads + (isClosed ? 1 : 0) };
    if (isClosed) return { kind: 'again', seen: null, doubt: write.error };
    return claim(write, signal);
  };

  const enqueue = async (
    view           ,
    verdict                                    ,
    signal             ,
  )                            => {
    nextSeq = verdict.ticket.seq + 1;
    const sentMs = clock.monotonicMs();
    ticketSentMs ??= sentMs;
    const outcome = await register.write(view, verdict.record, call(signal));
    if (outcome.kind === 'refused') return { kind: 'again', seen: outcome.view, doubt: null };
    if (outcome.kind === 'doubtful') return { kind: 'again', seen: null, doubt: outcome.error };
    ticketSentMs = sentMs;
    return outcome.view;
  };

  return {
    get doubt() {
      return pending?.error ?? null;
    },
    ticketDueInMs,
    async pass(seen, signal) {
      // 1. Look, unless somebody just did. What is seen counts from after the answer (L4).
      let view = seen ?? (await register.read(call(signal)));
      const beats = [...(view.record?.entries ?? []), ...(view.record?.tickets ?? [])];
      memory.observation = protocol.observe(memory.observation, beats, clock.monotonicMs());

      // 2. A write in doubt comes first: no other write of ours may be judged while it is open (L9).
      if (pending) {
        const settled = await settle(view, pending, signal);
        if (settled) return settled;
      }
      if (settings.isDone(view)) return { kind: 'done' };

      // 3. Judge. A place in the queue is taken or renewed first; the record is then judged as it became.
      let verdict = judge(view);
      if (verdict.kind === 'queue') {
        const queued = await enqueue(view, verdict, signal);
        if ('kind' in queued) return queued;
        view = queued;
        verdict = judge(view);
      }
      switch (verdict.kind) {
        case 'wait':
          return { ...verdict, kind: 'busy', view };
        case 'queue':
          return { kind: 'again', seen: view, doubt: null };
        // 4. Compare and set on exactly what was judged.
        case 'take':
          return claim({ from: view, record: verdict.record, entry: verdict.entry }, signal);
        // 5. An old write of ours showed up. Its validity is over or near: a renewal of it gives a full one.
        case 'own': {
          const entry = { ...verdict.entry, seq: nextSeq };
          return claim({ from: view, record: replaceEntry(verdict.record, entry), entry }, signal);
        }
      }
    },
    abandon() {
      if (doubted.size === 0 && ticketSentMs === null) return null;
      return withdraw({
        register,
        protocol,
        clock,
        logger: settings.logger,
        own: { nonce, token: doubted.size > 0 ? highestToken : 0 },
        leaseMs: timing.leaseMs,
        callTimeoutMs: timing.callTimeoutMs,
        from: null,
        ...(doubted.size > 0 ? { outdatePermits: options.permits ?? 1 } : {}),
      });
    },
  };
}

/** One write: a `seq` is raised after each doubt, so that token and seq name what was sent. */
function nameOf({ token, seq }            )         {
  return `${token}.${seq}`;
}

function replaceEntry(record             , entry            )              {
  return {
    ...record,
    entries: record.entries.map((present) => (present.nonce === entry.nonce ? entry : present)),
  };
}

/**
 * What wakes a waiting acquisition: edges of a watch, somebody's ring, or a delay. Edges are hints; whoever is woken reads
 * (L12). Invariants: a ring between `clear` and `wait` is not lost; `dispose` leaves no watch, timer or listener.
 */
                                                
                                                  

                        
                                                                                        
                                
               
                                                            
                
                                                                   
                                                                        
                  
 

/** Subscribes at once. The caller disposes it. */
function createAlarm(settings                                                             )        {
  const { store, key, clock, logger } = settings;
  const controller = new AbortController();
  let hasRung = false;
  let wake                      = null;

  const ring = () => {
    hasRung = true;
    wake?.();
  };
  const report = (thrown         ) => {
    if (controller.signal.aborted) return;
    logger.debug(`watching ${key} failed, waiting goes on by polling: ${toError(thrown).message}`);
  };

  const watch = store.watch(key, { signal: controller.signal });
  const pump = async () => {
    for await (const _ of watch) ring();
  };
  pump().catch(report);

  return {
    ready: watch.ready.catch(report),
    ring,
    clear() {
      hasRung = false;
    },
    wait(delayMs, signal) {
      throwIfAborted(signal);
      if (hasRung) return Promise.resolve('rung');
      return new Promise((resolve, reject) => {
        const finish = (settle            ) => () => {
          wake = null;
          timer.cancel();
          signal.removeEventListener('abort', onAbort);
          settle();
        };
        const onAbort = finish(() => reject(abortReason(signal)));
        const timer = clock.startTimer(
          delayMs,
          finish(() => resolve('timer')),
        );
        wake = finish(() => resolve('rung'));
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
    dispose() {
      controller.abort();
    },
  };
}

/**
 * One renewal of an owned entry, tried until it is confirmed, until ownership is known to be gone, or until the lease's
 * validity ends (then its signal aborts). NOT guaranteed: that no renewal is on its way when this ends; it changes only our
 * own entry. Invariants: a confirmation counts from the first sending of the write that landed (L3, L9); a `seq` is sent with
 * one record only, so that the one found in the store tells which write landed.
 */

                                  
                          
                          
               
                      
                
                                                          
                  
                       
                                                                                                                       
                      
 

                          
                           
                       
                                      
 

/** Rejects with LeaseLostError: ownership is gone, or the validity ended first (then the cause is the last trouble). */
async function renewEntry(settings                 )                   {
  const { register, protocol, clock, timing, own, confirmedSeq, signal } = settings;
  const call = { timeoutMs: timing.callTimeoutMs };
  const sentAtBySeq = new Map                 ();
  let nextSeq = confirmedSeq + 1;
  let doubtful                                                  = null;
  // The known record saves a read; another contender may have changed it (a ticket, another permit's owner).
  let view                   = settings.view;
  let backoff          = createBackoff({ baseMs: timing.leaseMs / 60, capMs: timing.leaseMs / 12 });
  let trouble                   ;

  while (!signal.aborted) {
    try {
      // 1. What is there now?
      view ??= await register.read(call);
      const isUnchanged          = doubtful !== null && doubtful.from.revision === view.revision;
      const verdict               =
        doubtful !== null && isUnchanged
          ? { kind: 'write', record: doubtful.record }
          : protocol.decideRenew(view, own, { confirmedSeq, nextSeq });

      // 2. Somebody else's: lost. A doubtful renewal of ours: confirmed, from its own sending on.
      if (verdict.kind === 'lost') throw new LeaseLostError(lostMessage(register.key, view));
      if (verdict.kind === 'renewed') {
        const sentAt = sentAtBySeq.get(verdict.seq);
        invariant(sentAt, `${register.key} shows a renewal that was never sent`);
        return { view, seq: verdict.seq, confirmation: { sentAt, repliedAt: readInstant(clock) } };
      }

      // 3. Renew on exactly what was judged; a doubtful write that may still be valid goes out again unchanged.
      if (verdict.kind === 'write') {
        const outcome = await register.write(view, verdict.record, call);
        const seq = nextSeq - (isUnchanged ? 1 : 0);
        if (outcome.kind === 'applied') {
          const sentAt = sentAtBySeq.get(seq) ?? outcome.confirmation.sentAt;
          return { view: outcome.view, seq, confirmation: { ...outcome.confirmation, sentAt } };
        }
        if (outcome.kind === 'refused') {
          view = outcome.view;
          if (view) continue;
        } else {
          trouble = outcome.error;
          if (!isUnchanged) {
            sentAtBySeq.set(seq, outcome.sentAt);
            doubtful = { from: view, record: verdict.record };
            nextSeq += 1;
          }
        }
      }
    } catch (thrown) {
      trouble = toError(thrown);
      if (hasCode(trouble, 'lease-lost')) throw trouble;
      if (hasCode(trouble, 'corrupt-record') || hasCode(trouble, 'invariant')) {
        throw new LeaseLostError(`the lease on ${register.key} is lost: ${trouble.message}`, {
          cause: trouble,
        });
      }
    }
    // 4. Not yet: again until the validity ends. Failing at once would give up a lease that is still ours.
    view = null;
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    await sleepUntilAborted(settings, step.delayMs);
  }
  const reason = abortReason(signal);
  throw new LeaseLostError(reason.message, { cause: trouble ?? reason });
}

async function sleepUntilAborted({ clock, signal }                 , delayMs        )                {
  try {
    await sleep(clock, delayMs, signal);
  } catch (error) {
    // An abort ends the loop that called; anything else is a bug in the clock.
    if (!signal.aborted) throw error;
  }
}

function lostMessage(key        , view           )         {
  const [owner] = view.record?.entries ?? [];
  return owner
    ? `the lease on ${key} is lost: ${owner.holder.text} has it now, with token ${owner.token}`
    : `the lease on ${key} is lost: it was taken over and freed`;
}

/**
 * The handle on an owned entry: how long it is certain, the signal when it no longer is, renewals, the release.
 * NOT guaranteed: that a paused process notices in time; a stopped process runs no timers, so `assertHeld` re-reads both
 * clocks and is called right before each effect (L8). All timers are in the background: a program that has nothing else to
 * do ends, and its lease runs out; whoever holds one for a child has the child to stay alive for.
 * Invariants: invalid once, invalid for ever (L6); invalid before the release is sent (L10); one renewal at a time.
 */


const RENEW_JITTER = 0.1;
// Half of a value: the rest is for owners and waiters.
const MAX_NOTE_BYTES = 32 * 1024;

                                
                          
                          
               
                 
                      
                                                                  
                  
                    
                             
                                                                          
                
 

/** A lease as the manager sees it. */
                                             
                                        
                                                                               
                                
 

/** The handle on an entry that was just written. The caller releases it. */
function createLease(settings               )               {
  const { register, protocol, clock, logger, timing, entry } = settings;
  const { key } = register;
  const own = { nonce: entry.nonce, token: entry.token };
  const controller = new AbortController();
  const { signal } = controller;
  let { view, confirmation } = settings;
  let confirmedSeq = entry.seq;
  let isGone = false;
  let hasEnded = false;
  let renewal                       = null;
  let release                                = null;
  let lossTimer               = null;
  let renewTimer               = null;

  const invalidate = (error                ) => {
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
  const lose = (error                ) => {
    if (signal.aborted) return;
    logger.warn(error.message);
    invalidate(error);
    end();
  };

  // The only place where time passes judgement; the timers merely see to it that somebody asks.
  const validForMs = ()         => {
    if (signal.aborted) return 0;
    const leftMs = protocol.validForMs(timing, confirmation, readInstant(clock));
    if (leftMs <= 0) lose(new LeaseLostError(`the lease on ${key} is lost: it could not be renewed in time`));
    return leftMs;
  };
  const assertHeld = () => {
    if (validForMs() <= 0) throw abortReason(signal);
  };

  const watchValidity = () => {
    const leftMs = validForMs();
    if (leftMs > 0) lossTimer = clock.startTimer(leftMs, watchValidity, { background: true });
  };
  const scheduleRenewal = () => {
    const sinceMs = clock.monotonicMs() - confirmation.sentAt.monotonicMs;
    const dueMs = Math.max(0, jitter(timing.renewEveryMs, RENEW_JITTER, clock.random()) - sinceMs);
    // A failed renewal has ended the lease; there is nobody here to tell.
    renewTimer = clock.startTimer(dueMs, () => void renew().catch(() => undefined), { background: true });
  };
  const keep = () => {
    lossTimer?.cancel();
    renewTimer?.cancel();
    watchValidity();
    if (!signal.aborted) scheduleRenewal();
  };

  const renewNow = async ()                => {
    try {
      const renewed = await renewEntry({
        register,
        protocol,
        clock,
        timing,
        own,
        view,
        confirmedSeq,
        signal,
      });
      view = renewed.view;
      confirmedSeq = renewed.seq;
      // An answer that comes after the end of validity does not bring it back (L6).
      assertHeld();
      confirmation = renewed.confirmation;
      keep();
    } catch (thrown) {
      const error = toError(thrown)                  ;
      isGone ||= !signal.aborted;
      lose(error);
      throw error;
    }
  };
  const renew = ()                => {
    renewal ??= renewNow().finally(() => {
      renewal = null;
    });
    return renewal;
  };

  const releaseNow = async (options                                  = {})                         => {
    // 1. Invalid from here on, whatever the store will say.
    invalidate(new LeaseLostError(`the lease on ${key} was released`));
    // 2. A renewal under way would be in the tombstone's way.
    await renewal?.catch(() => undefined);
    // 3. Out of the record, unless somebody else is known to have it.
    const note = guardNote(key, options.updateNote);
    try {
      const result                = isGone
        ? 'already-lost'
        : await withdraw({
            register,
            protocol,
            clock,
            logger,
            own,
            leaseMs: timing.leaseMs,
            callTimeoutMs: timing.callTimeoutMs,
            from: view,
            updateNote: note.update,
            signal: options.signal,
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
    key,
    token: own.token,
    nonce: own.nonce,
    holder: entry.holder,
    signal,
    get view() {
      return view;
    },
    validForMs,
    assertHeld,
    async renew() {
      assertHeld();
      await renew();
    },
    release(options) {
      release ??= releaseNow(options);
      return release;
    },
    abandon(reason) {
      invalidate(new LeaseLostError(`the lease on ${key} was given up: ${reason}`));
      end();
    },
    async [Symbol.asyncDispose]() {
      await this.release();
    },
  };
}

/** A note that cannot be made must not keep the lease: the tombstone then carries the old one, and the trouble is told after. */
function guardNote(key        , update                                   = (note) => note) {
  let trouble               = null;
  return {
    trouble: () => trouble,
    update: (note            )             => {
      try {
        const next = update(note);
        const bytes = Buffer.byteLength(JSON.stringify(next));
        if (bytes <= MAX_NOTE_BYTES) return next;
        trouble = new InvariantError(
          `the note for ${key} takes ${bytes} bytes, at most ${MAX_NOTE_BYTES} fit`,
        );
      } catch (thrown) {
        trouble = toError(thrown);
      }
      return note;
    },
  };
}

/**
 * What one observer has seen of a key's owners and waiters, and since when on its own monotonic clock. A value; pure.
 * NOT guaranteed: that an unchanged beat means a dead holder; the compare-and-set on what was seen is the judge (L4).
 * Invariant: `sinceMs` is read AFTER the answer that first showed the beat, and no stamp of another machine enters here.
 */

/** A sign of life: `nonce` says who, `seq` rises as long as it lives. Entries and tickets are such; gates have their own. */
                       
                         
                       
                           
 

                    
                       
                           
                              
                           
 

/** Beats by nonce. Created empty, replaced by {@link observe}. */
                                                        

const NOTHING_OBSERVED              = new Map();

/**
 * The observation after an answer that came at `nowMs` and showed these beats. A lower `seq` than one already seen is a
 * stale read and changes nothing; a nonce that vanished is kept for two leases, since a stale read may hide it for a while.
 */
function observe(observation             , beats                 , nowMs        )              {
  const next = new Map                  ();
  for (const [nonce, sighting] of observation) {
    if (nowMs - sighting.lastSeenMs <= 2 * sighting.leaseMs) next.set(nonce, sighting);
  }
  for (const { nonce, seq, leaseMs } of beats) {
    const known = observation.get(nonce);
    const isKnown = known !== undefined && known.seq >= seq;
    next.set(nonce, {
      seq: isKnown ? known.seq : seq,
      sinceMs: isKnown ? known.sinceMs : nowMs,
      lastSeenMs: nowMs,
      leaseMs,
    });
  }
  return next;
}

/** How long until a beat that stays unchanged may be replaced; 0 for now, the whole wait where it was never seen. */
function takeoverInMs(observation             , beat      , nowMs        )         {
  const known = observation.get(beat.nonce);
  if (known === undefined || known.seq !== beat.seq) return takeoverAfterMs(beat.leaseMs);
  return Math.max(0, takeoverAfterMs(beat.leaseMs) - (nowMs - known.sinceMs));
}

/**
 * The queue inside one process (L15): at most as many acquisitions of a key go on or hold at once as it has permits, the
 * others wait in line without asking the store. It decides nothing about other processes.
 * Invariant: every place that was given is left exactly once; leaving twice does nothing.
 */

                        
                
 

                             
                                                                    
                                                                                        
                                                                
                                                       
 

                
                
                                                    
 

/** An empty queue; holds no timers. */
function createPlaceQueue()             {
  const lines = new Map              ();

  const admitNext = (key        , line      ) => {
    const [first] = line.waiting;
    if (first && line.taken < first.permits) {
      line.waiting.shift();
      first.admit();
      admitNext(key, line);
    } else if (!first && line.taken === 0) {
      lines.delete(key);
    }
  };
  const take = (key        , line      )        => {
    line.taken += 1;
    let hasLeft = false;
    return {
      leave() {
        if (hasLeft) return;
        hasLeft = true;
        line.taken -= 1;
        admitNext(key, line);
      },
    };
  };
  const tryEnter = (key        , permits        )               => {
    const line = lines.get(key) ?? { taken: 0, waiting: [] };
    if (line.waiting.length > 0 || line.taken >= permits) return null;
    lines.set(key, line);
    return take(key, line);
  };

  return {
    tryEnter,
    async enter(key, { permits, signal }) {
      throwIfAborted(signal);
      const place = tryEnter(key, permits);
      if (place) return place;
      const line = lines.get(key)        ;
      return new Promise       ((resolve, reject) => {
        const waiter = {
          permits,
          admit() {
            signal.removeEventListener('abort', onAbort);
            resolve(take(key, line));
          },
        };
        const onAbort = () => {
          line.waiting.splice(line.waiting.indexOf(waiter), 1);
          reject(abortReason(signal));
          // The one behind may want a permit count that fits already.
          admitNext(key, line);
        };
        line.waiting.push(waiter);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}

/**
 * Asks an Evidence whether holders are dead, at most once per interval and holder. NOT guaranteed: an answer; an error, a
 * timeout or a "no" leaves the wait as it is. Invariant: evidence only ever shortens a wait, it never gives ownership; the
 * compare-and-set does.
 */
                                              
                                                
                                                  
                                                         

const MAX_QUESTION_MS = 10_000;

                         
                                                                                                   
      
                    
                      
                                                      
                      
 

/** Remembers whom it asked about and when; nothing to dispose. */
function createProofs(settings   
                                 
               
                 
 )         {
  const { evidence, clock, logger } = settings;
  const askedAtMs = new Map                ();

  return {
    async ask(view, memory, { everyMs, signal }) {
      if (!evidence || !view.record) return false;
      const nowMs = clock.monotonicMs();
      for (const [nonce, atMs] of askedAtMs) if (nowMs - atMs >= everyMs) askedAtMs.delete(nonce);
      const beats = [...view.record.entries, ...view.record.tickets];
      const due = beats.filter(({ nonce }) => !memory.dead.has(nonce) && !askedAtMs.has(nonce));
      for (const { nonce } of due) askedAtMs.set(nonce, nowMs);

      const answers = await Promise.all(
        due.map(async ({ nonce, holder }) => {
          try {
            const isDead = await withTimeout(
              { clock, timeoutMs: MAX_QUESTION_MS, waitingFor: 'evidence about a holder', parent: signal },
              (limited) => evidence.isDead(holder, { signal: limited }),
            );
            return isDead ? [nonce] : [];
          } catch (thrown) {
            logger.debug(`no evidence about a holder: ${toError(thrown).message}`);
            return [];
          }
        }),
      );
      const dead = answers.flat();
      // Those who are gone from the record need no remembering.
      const present = [...memory.dead].filter((nonce) => beats.some((beat) => beat.nonce === nonce));
      memory.dead = new Set([...present, ...dead]);
      return dead.length > 0;
    },
  };
}

/**
 * The record before → the record after: one function per change of the state diagram. Pure; nothing decides here whether
 * a change is allowed. Invariants: `token` never falls and rises by one with each new owner (L1), also over a tombstone;
 * `note` and whatever belongs to others is carried through; the result is frozen.
 */
                                                                          

/** The record with another owner. Of the present ones those in `without` are dropped; so is the owner's own ticket. */
function withOwner(
  record             ,
  owner                           ,
  without                                                                ,
)              {
  const token = record.token + 1;
  const kept = record.entries.filter((entry) => !without.entries.has(entry.nonce));
  return deepFreeze({
    ...record,
    state: 'held',
    token,
    entries: [...kept, { ...owner, token }],
    tickets: record.tickets.filter(({ nonce }) => nonce !== owner.nonce && !without.tickets.has(nonce)),
  });
}

/** The record with the owner's or waiter's sign of life renewed to `seq`. */
function withBeat(record             , nonce        , seq        )              {
  const renew =                        (item   )    => (item.nonce === nonce ? { ...item, seq } : item);
  return deepFreeze({
    ...record,
    entries: record.entries.map(renew),
    tickets: record.tickets.map(renew),
  });
}

/** The record with one more place at the end of the queue. */
function withTicket(record             , ticket             )              {
  return deepFreeze({ ...record, tickets: [...record.tickets, ticket] });
}

/** The tombstone: the record without this acquisition's entry and ticket; the token stays (L1, L10). */
function withoutNonce(record             , nonce        , note            )              {
  const entries = record.entries.filter((entry) => entry.nonce !== nonce);
  return deepFreeze({
    ...record,
    state: entries.length > 0 ? 'held' : 'free',
    entries,
    tickets: record.tickets.filter((ticket) => ticket.nonce !== nonce),
    note,
  });
}

/** The record without any owner, and a token that no former owner has. */
function withoutOwners(record             )              {
  return deepFreeze({ ...record, state: 'free', token: record.token + 1, entries: [] });
}

/**
 * What to do about a record, given what was seen of it: pure functions from values to verdicts, no I/O, no clock. The
 * manager and the handle only act on them. NOT guaranteed: that a verdict still fits when it is carried out; each write is
 * a compare-and-set on the very revision that was judged, and that is the judge.
 *
 *   decideAcquire ─▶ own │ take (create, free, over) │ queue │ wait      decideReadBack ─▶ owned │ lost │ undecided
 *   decideRenew   ─▶ renewed │ write │ lost │ stale                      decideRelease  ─▶ write │ gone │ stale
 *
 * Invariant: reads may be stale. Tokens tell: a record with a token at least ours that does not name our nonce was written
 * after ours, so we are out; one with a lower token is older than our write and proves nothing (L9).
 */
                                                   

/** Who asks, under which nonce (the same for the whole acquisition), and how. */
                                 
                         
                           
                              
                                            
                         
                           
                                 
                                                                                           
                             
                                                                                                                              
                           
                                                             
                                
 

/** All that an acquisition is judged by. */
                                   
                       
                           
                                    
                                        
                         
                                                              
                                           
                                   
 

                            
                                                              
                                                                                      
     
                            
                                                         
                                 
                                   
     
                                                    
                                                                                          
     
                            
                                                                     
                                  
                                   
                                    
      

/** Whether this acquisition may write itself into the record, and what. ConfigError where permits disagree. */
function decideAcquire(situation                  )                 {
  const { observation, nowMs, deadNonces, request } = situation;
  const leftMs = (beat      ) => (deadNonces.has(beat.nonce) ? 0 : takeoverInMs(observation, beat, nowMs));
  const isAlive = (beat      ) => leftMs(beat) > 0;

  // 1. All contenders must mean the same number of places.
  const record = agreeOnPermits(situation, isAlive);

  // 2. A write of ours whose outcome was unknown may have landed meanwhile (L9).
  const own = record.entries.find((entry) => entry.nonce === request.nonce);
  if (own) return { kind: 'own', entry: own, record };

  // 3. There is a place if owners that live, and in a queue the living ahead of us, leave one.
  const alive = record.entries.filter(isAlive);
  const deadTickets = record.tickets.filter((ticket) => ticket.nonce !== request.nonce && !isAlive(ticket));
  const ahead = request.order === 'fifo' ? livingAhead(record, request.nonce, isAlive) : [];
  const [first] = [...alive, ...ahead];
  if (!first || alive.length + ahead.length < record.permits) {
    // An owner that stopped renewing is robbed only where no place is free: it may be merely slow.
    const isFull = record.entries.length >= record.permits;
    const robbed = isFull ? record.entries.find((entry) => !isAlive(entry)) : undefined;
    return take(situation, record, { robbed, deadTickets });
  }

  // 4. Otherwise queue up where that is wanted, and wait.
  return (
    queue(record, request) ?? {
      kind: 'wait',
      holder: first.holder,
      holderNonce: first.nonce,
      retryAfterMs: Math.min(...[...alive, ...ahead].map(leftMs)),
    }
  );
}

/** A write of an acquisition whose outcome is not known. */
                                 
                         
                                 
                         
                                                                                                   
                             
 

                             
                                                          
                             
                                                                                                                    
                                   

/** What a later read tells about a doubtful acquisition (L9). `isFresh`: the read cannot be stale. */
function decideReadBack(view           , pending                , isFresh         )                  {
  const entry = view.record?.entries.find((candidate) => candidate.nonce === pending.nonce);
  if (entry) return { kind: 'owned', entry };
  if (view.record !== null && view.record.token >= pending.token) return { kind: 'lost' };
  return isFresh && pending.isClosed ? { kind: 'lost' } : { kind: 'undecided' };
}

/** An owner as it knows itself. */
                           
                         
                         
 

                          
                                                                           
                                                      
                                                            
                             
                                                            
                               

/** How to renew: `confirmedSeq` is the last one known to be stored, `nextSeq` one that was never sent before. */
function decideRenew(
  view           ,
  own          ,
  seqs                                           ,
)               {
  const entry = view.record?.entries.find((candidate) => candidate.nonce === own.nonce);
  if (view.record === null || !entry) return isOlder(view, own) ? { kind: 'stale' } : { kind: 'lost' };
  if (entry.seq > seqs.confirmedSeq) return { kind: 'renewed', seq: entry.seq };
  return { kind: 'write', record: withBeat(view.record, own.nonce, seqs.nextSeq) };
}

                            
                                                            
                                                                             
                             
                               

/** How to release: a tombstone on our own entry, never a change of another's (L10). */
function decideRelease(
  view           ,
  own          ,
  updateNote                                   = (note) => note,
)                 {
  const { record } = view;
  const isOurs = (item             ) => item.nonce === own.nonce;
  if (record?.entries.some(isOurs) || record?.tickets.some(isOurs)) {
    return { kind: 'write', record: withoutNonce(record, own.nonce, updateNote(record.note)) };
  }
  return isOlder(view, own) ? { kind: 'stale' } : { kind: 'gone' };
}

function isOlder(view           , own          )          {
  return (view.record?.token ?? 0) < own.token;
}

function agreeOnPermits(
  { key, view, request }                  ,
  isAlive                         ,
)              {
  const { permits } = request;
  if (view.record === null) return createRecord(permits);
  if (view.record.permits === permits) return view.record;
  const { entries, tickets } = view.record;
  // With nobody left to disagree the new number holds from here on.
  if (![...entries, ...tickets].some(isAlive) && entries.length <= permits)
    return { ...view.record, permits };
  const message = `${key} is in use with ${view.record.permits} permits, not ${permits}; all contenders must use the same number`;
  throw new ConfigError([{ option: 'permits', message }]);
}

function livingAhead(
  record             ,
  nonce        ,
  isAlive                         ,
)                         {
  const position = record.tickets.findIndex((ticket) => ticket.nonce === nonce);
  return record.tickets.slice(0, position < 0 ? undefined : position).filter(isAlive);
}

function take(
  { view, request }                  ,
  record             ,
  left                                                                         ,
)                 {
  const { nonce, leaseMs, holder, since, nextSeq } = request;
  const { robbed } = left;
  const next = withOwner(
    record,
    { nonce, seq: nextSeq, leaseMs, holder, since },
    {
      entries: new Set(robbed ? [robbed.nonce] : []),
      tickets: new Set(left.deadTickets.map((ticket) => ticket.nonce)),
    },
  );
  const entry = next.entries.at(-1)              ;
  const how = view.record === null ? 'create' : robbed ? 'take-over' : 'take-free';
  return { kind: 'take', how, entry, record: next };
}

function queue(record             , request                )                        {
  if (request.order !== 'fifo' || !request.mayQueue) return null;
  const { nonce, leaseMs, holder, nextSeq, isTicketDue } = request;
  const own = record.tickets.find((ticket) => ticket.nonce === nonce);
  if (own) {
    if (!isTicketDue) return null;
    const ticket = { ...own, seq: nextSeq };
    return { kind: 'queue', ticket, record: withBeat(record, nonce, ticket.seq) };
  }
  // A full queue is waited for like a holder.
  if (!hasRoomForTicket(record)) return null;
  const ticket = { nonce, seq: nextSeq, leaseMs, holder };
  return { kind: 'queue', ticket, record: withTicket(record, ticket) };
}

/**
 * The pure decisions as one value. The manager and the handle take all judgement from here and have none of their own, so
 * the whole protocol is exchangeable in one place: a simulation replaces one decision at a time and must find out.
 */

                                
                                               
                                                 
                                           
                                               
                                   
                                         
 

/** The protocol of the specification. */
const leaseProtocol                = Object.freeze({
  decideAcquire,
  decideReadBack,
  decideRenew,
  decideRelease,
  observe,
  validForMs,
});

/**
 * One key of the store as a lease record: reads and compare-and-sets with a time limit each, and what became of them.
 * NOT guaranteed: that a read is fresh. Invariant: whatever is not certain is `doubtful`; only errors that a driver throws
 * when it certainly applied nothing are thrown on. An abort after sending is doubt, too (S7, L14).
 */

                                      
                                                            
                    
                                   
 

                          
                                                                                               
                                                                                  
                                                                 
                                                
                                                                                   

/** A lease record in a store. */
                                
                       
                                                                           
                            
                                                         
                                                                                          
                                                                                                   
 

// Errors by which a driver says that a write was certainly not applied.
const CERTAIN                         = new Set([
  'unavailable',
  'throttled',
  'auth',
  'unsupported',
  'config',
  'corrupt-record',
  'invariant',
]);

/** The register of one key. Holds nothing that needs disposal. */
function createLeaseRegister(settings                                             )                {
  const { store, clock, key } = settings;
  const limit = ({ timeoutMs, signal }                     )           =>
    createDeadline({
      clock,
      timeoutMs,
      waitingFor: `${store.url} to answer about ${key}`,
      ...(signal ? { parent: signal } : {}),
    });

  return {
    key,
    isFresh: store.capabilities.linearizableReads,
    async read(options) {
      throwIfAborted(options.signal);
      const deadline = limit(options);
      try {
        const entry = await settled(deadline, store.get(key, { signal: deadline.signal }));
        return parseView(key, entry);
      } catch (error) {
        if (!deadline.signal.aborted) throw error;
        throwIfAborted(options.signal);
        const { url } = store;
        throw new UnavailableError(`${url} did not answer about ${key} within ${options.timeoutMs} ms`, {
          cause: error,
        });
      } finally {
        deadline.dispose();
      }
    },
    async write(from, record, options) {
      throwIfAborted(options.signal);
      const value = encodeRecord(key, record);
      const deadline = limit(options);
      const sentAt = readInstant(clock);
      try {
        const sent = store.compareAndSet(key, from.revision, value, { signal: deadline.signal });
        const result = await settled(deadline, sent);
        if (!result.ok) return { kind: 'refused', view: refusedView(key, from, result) };
        const view = Object.freeze({ revision: result.revision, record });
        return { kind: 'applied', view, confirmation: { sentAt, repliedAt: readInstant(clock) } };
      } catch (thrown) {
        const error = toError(thrown);
        if (CERTAIN.has((error                        ).code             )) throw error;
        return { kind: 'doubtful', sentAt, error };
      } finally {
        deadline.dispose();
      }
    },
  };
}

function refusedView(key        , from           , result                             )                   {
  if (result.current === undefined) return null;
  const view = parseView(key, result.current);
  // A driver that read back stale shows what was just refused: judging it again would spin.
  return view.revision === from.revision ? null : view;
}

/** The operation's end or the deadline's, whichever is first: a driver that ignores its signal must not hold us up. */
async function settled   ({ signal }          , operation            )             {
  let onAbort = () => {
    // Replaced below, before it can be called.
  };
  const aborted = new Promise       ((_, reject) => {
    onAbort = () => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([operation, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The forced release, for people: whoever holds a key loses it, by the protocol. NOT guaranteed: that the old holder stops
 * before its next renewal or check. Invariant: the tombstone's token is higher than any owner's, so theirs are refused.
 */

const MAX_TRIES$1 = 10;

                                       
                          
               
                 
                                    
                     
                    
                      
 

/** The token written, or null where nobody held it. IndeterminateError where the store did not say in time. */
async function forceRelease(settings                      )                         {
  const { register, clock, signal } = settings;
  const call = { timeoutMs: settings.timeoutMs, signal };
  let backoff = createBackoff({ baseMs: 50, capMs: 2000 });
  let doubtedToken                = null;
  let doubt                   ;

  for (let tries = 0; tries < MAX_TRIES$1; tries += 1) {
    // 1. Who has it? A doubtful tombstone shows itself by its token; whatever came after it is not ours to end.
    const view = await register.read(call);
    const { record } = view;
    if (doubtedToken !== null && record !== null && record.token >= doubtedToken) return doubtedToken;
    if (record === null || record.entries.length === 0) return null;

    // 2. Over the very record that was seen.
    const tombstone = withoutOwners(record);
    const outcome = await register.write(view, tombstone, call);
    if (outcome.kind === 'applied') {
      const former = record.entries.map((entry) => entry.holder.text).join(', ');
      settings.logger.info(`${settings.holder.text} took ${register.key} from ${former} and freed it`);
      return tombstone.token;
    }
    if (outcome.kind === 'doubtful') {
      doubtedToken = tombstone.token;
      doubt = outcome.error;
    }
    // 3. A race or doubt: look again.
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    await sleep(clock, step.delayMs, signal);
  }
  throw new IndeterminateError(`whether ${register.key} was freed stayed unknown`, { cause: doubt });
}

/**
 * Tries for ownership without waiting for anybody: passes of an acquisition until one says owned or busy. Only races and
 * doubt are tried again. NOT guaranteed: an answer while the store gives none; its errors go through.
 */
                                                                     
                                               
                                         

const MAX_TRIES = 10;

                                 
              
               
                           
                 
                    
                                                              
                 
                      
                         
 

/** IndeterminateError where a write stayed in doubt, UnavailableError where every try lost a race without meeting an owner. */
async function tryForOwnership(settings                )                                             {
  const { key, clock, acquisition, pollMs, signal } = settings;
  let seen = settings.seen;
  let backoff = createBackoff({ baseMs: 20, capMs: 1000 });
  let hasAsked = false;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const pass = await acquisition.pass(seen, signal);
    seen = null;
    if (pass.kind === 'owned') return pass;
    if (pass.kind === 'busy') {
      const isNewlyDead =
        !hasAsked && (await settings.proofs.ask(pass.view, settings.memory, { everyMs: pollMs, signal }));
      if (!isNewlyDead) return pass;
      hasAsked = true;
      seen = pass.view;
      continue;
    }
    throwIfAborted(signal);
    // Who won a first race is judged at once; after that a crowd is given time to thin out.
    if (pass.kind === 'again') seen = pass.seen;
    if (seen && tries === 0) continue;
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    await sleep(clock, step.delayMs, signal);
  }
  const { doubt } = acquisition;
  if (doubt) throw new IndeterminateError(`whether ${key} was acquired stayed unknown`, { cause: doubt });
  throw new UnavailableError(`${key} changed ${MAX_TRIES} times while it was being acquired`);
}

/**
 * Waits for ownership: passes of an acquisition, and between them edges, a reconcile timer, the moment of a takeover and
 * the own ticket's renewals. NOT guaranteed: fairness (L13), unless all contenders queue. Invariants: subscribe first, then
 * read; no wait is longer than the reconcile interval (L12); every wait ends with the signal.
 */
                                                
                                                                     
                                        
                                                           
                                         

const RECONCILE_JITTER = 0.15;
const RETRY_BASE_MS = 20;
// The first to wake has almost no delay; each lost race doubles the spread, so that a crowd thins out by itself.
const EDGE_SPREAD_MS = 2;
const TAKEOVER_SPREAD_MS = 50;
const MAX_SUBSCRIBE_MS = 5000;

                                  
              
               
                 
                           
                 
                    
                 
                      
                         
                         
                                       
 

/**
 * Until owned or done. Rejects with the signal's reason, except that a DeadlineError of a wait in which the store never
 * answered becomes UnavailableError; with errors of the store that no later try will change.
 */
async function waitForOwnership(
  settings                 ,
)                                                                  {
  const { key, clock, acquisition, pollMs, signal } = settings;
  const fresh = createBackoff({ baseMs: RETRY_BASE_MS, capMs: pollMs });
  let backoff          = fresh;
  let seen = settings.seen;
  let lostRaces = 0;
  let hasAnswered = false;
  let trouble               = null;
  let holderNonce                = null;
  let alarm               = null;

  try {
    for (;;) {
      throwIfAborted(signal);
      alarm?.clear();
      const pass = await tryPass(settings, seen);
      seen = null;
      if (pass.kind === 'owned' || pass.kind === 'done') return pass;
      if (pass.kind === 'failed') {
        trouble = pass.error;
      } else {
        hasAnswered ||= pass.kind === 'busy' || pass.doubt === null;
      }

      // A lost race is judged at once if the store told who won, otherwise after a little while; so is doubt.
      if (pass.kind !== 'busy') {
        const step = backoff.next(clock.random());
        const isFirst = backoff === fresh;
        backoff = step.backoff;
        if (pass.kind === 'again' && pass.doubt === null) {
          lostRaces += 1;
          seen = pass.seen;
          if (isFirst) continue;
        }
        await sleep(clock, Math.max(step.delayMs, pass.kind === 'failed' ? pass.notBeforeMs : 0), signal);
        continue;
      }

      backoff = fresh;
      if (pass.holderNonce !== holderNonce) {
        holderNonce = pass.holderNonce;
        settings.onWait(pass.holder);
      }
      // Subscribe first, then read again: what changed in between would not be told.
      if (!alarm) {
        alarm = settings.openAlarm();
        await subscribed(alarm, settings);
        continue;
      }
      const rung = alarm;
      void settings.proofs.ask(pass.view, settings.memory, { everyMs: pollMs, signal }).then((isNew) => {
        if (isNew) rung.ring();
      });
      const takeoverMs = pass.retryAfterMs + 1 + clock.random() * Math.min(TAKEOVER_SPREAD_MS, pollMs / 4);
      const reconcileMs = jitter(pollMs, RECONCILE_JITTER, clock.random());
      // At least a millisecond, so that time passes between two looks.
      const delayMs = Math.max(1, Math.ceil(Math.min(reconcileMs, takeoverMs, acquisition.ticketDueInMs())));
      if ((await alarm.wait(delayMs, signal)) === 'rung') {
        const spreadMs = Math.min(EDGE_SPREAD_MS * 2 ** Math.min(lostRaces, 20), pollMs / 4);
        await sleep(clock, spreadMs * clock.random(), signal);
      }
    }
  } catch (thrown) {
    const error = toError(thrown);
    if (!hasCode(error, 'deadline') || hasAnswered || !trouble) throw error;
    throw new UnavailableError(`the store never answered about ${key}: ${trouble.message}`, {
      cause: trouble,
    });
  } finally {
    alarm?.dispose();
  }
}

                                                                                                         

/** A pass, with trouble that may go away by itself as a value. */
async function tryPass(settings                 , seen                  )                     {
  const { acquisition, clock, logger, key, signal } = settings;
  try {
    return await acquisition.pass(seen, signal);
  } catch (thrown) {
    throwIfAborted(signal);
    const error = toError(thrown);
    if ((error                           ).retryable !== true) throw error;
    logger.debug(`waiting for ${key} goes on: ${error.message}`);
    const retryAtMs = hasCode(error, 'throttled') ? (error                  ).retryAtMs : null;
    return { kind: 'failed', error, notBeforeMs: retryAtMs === null ? 0 : retryAtMs - clock.monotonicMs() };
  }
}

/** Until the subscription stands, but not for ever: without it the reconcile timer goes on alone. */
async function subscribed(alarm       , { clock, signal }                 )                {
  const patience = new AbortController();
  const stop = () => patience.abort();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([alarm.ready, sleep(clock, MAX_SUBSCRIBE_MS, patience.signal)]);
  } catch {
    // Only our own abort ends the sleep early; the loop looks at the signal first.
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/**
 * Hands out leases of one store: one read and one write where nobody else wants the key, a patient wait where somebody has
 * it. NOT guaranteed: that closing frees anything; leases of a closed manager run out by themselves.
 * Invariants: one line per key inside the process (L15); whatever an acquisition that gave up may have left in the store is
 * taken out in the background, within bounds (L14); a foreign record is never overwritten (L16).
 */

const DEFAULT_POLL_MS = 5000;
const READ_TIMEOUT_MS = 15_000;

                                       
                                   
               
               
                  
                                                 
                      
                                                                      
                  
                                                                
                           
 

/** A manager over a store. The caller closes it before the store. */
function createLeaseManager(settings                      )               {
  const {
    store,
    clock,
    logger = nullLogger,
    pollMs: tryPollMs = DEFAULT_POLL_MS,
    protocol = leaseProtocol,
  } = settings;
  const proofs = createProofs({ evidence: settings.evidence, clock, logger });
  const line = createPlaceQueue();
  const memories = new Map                   ();
  const leases = new Set              ();
  const withdrawals = new Set               ();
  const closing = new AbortController();

  const registerOf = (key        ) => createLeaseRegister({ store, clock, key });
  const memoryOf = (key        )            => {
    const memory = memories.get(key) ?? { observation: NOTHING_OBSERVED, dead: new Set() };
    memories.set(key, memory);
    return memory;
  };

  /** Runs with a signal that the caller's abort and the closing both end. */
  const whileOpen = async    (
    signal                         ,
    run                                    ,
  )             => {
    throwIfAborted(closing.signal);
    throwIfAborted(signal);
    const joint = new AbortController();
    const sources = [closing.signal, ...(signal ? [signal] : [])];
    const links = sources.map((source) => {
      const onAbort = () => joint.abort(abortReason(source));
      source.addEventListener('abort', onAbort, { once: true });
      return () => source.removeEventListener('abort', onAbort);
    });
    try {
      return await run(joint.signal);
    } finally {
      for (const unlink of links) unlink();
    }
  };

  const open = (
    key        ,
    options                ,
    extra                                                             ,
  ) => {
    const timing = createTiming(options.leaseMs);
    const register = registerOf(key);
    const memory = memoryOf(key);
    const acquisition = createAcquisition({
      register,
      protocol,
      clock,
      logger,
      timing,
      memory,
      options,
      ...extra,
    });
    return { timing, register, memory, acquisition };
  };

  const handOut = (
    key        ,
    pass                          ,
    place       ,
    timing             ,
  )               => {
    const { view, entry, confirmation } = pass;
    const register = registerOf(key);
    let lease                      = null;
    lease = createLease({
      register,
      protocol,
      clock,
      logger,
      timing,
      view,
      entry,
      confirmation,
      onEnd() {
        if (lease) leases.delete(lease);
        place.leave();
      },
    });
    if (!lease.signal.aborted) leases.add(lease);
    return lease;
  };

  /** L14: what may have landed is taken out, and that is told. */
  const withdrawInBackground = (key        , acquisition             ) => {
    const withdrawal = acquisition.abandon();
    if (!withdrawal) return;
    const report = withdrawal
      .then(
        (result) =>
          logger.debug(`an acquisition of ${key} was given up; what it may have written: ${result}`),
        (thrown         ) => logger.warn(`an acquisition of ${key} was given up: ${toError(thrown).message}`),
      )
      .finally(() => withdrawals.delete(report));
    withdrawals.add(report);
  };

  const busyWithOurselves = async (key        , signal             )                            => {
    const own = [...leases].find((lease) => lease.key === key);
    const view = own?.view ?? (await registerOf(key).read({ timeoutMs: READ_TIMEOUT_MS, signal }));
    const [first] = view.record?.entries ?? [];
    const holder = own?.holder ??
      first?.holder ?? { text: 'another acquisition of this process', host: '', pid: 0 };
    return {
      acquired: false,
      holder,
      view,
      retryAfterMs: first ? takeoverAfterMs(first.leaseMs) : tryPollMs,
    };
  };

  return {
    read(key, options = {}) {
      return whileOpen(options.signal, async (signal) => {
        const view = await registerOf(key).read({ timeoutMs: READ_TIMEOUT_MS, signal });
        const memory = memoryOf(key);
        const beats = [...(view.record?.entries ?? []), ...(view.record?.tickets ?? [])];
        memory.observation = protocol.observe(memory.observation, beats, clock.monotonicMs());
        return view;
      });
    },

    async tryAcquire(key, options) {
      assertPermits(options);
      return whileOpen(options.signal, async (signal) => {
        const { timing, memory, acquisition } = open(key, options, { mayQueue: false, isDone: () => false });
        const place = line.tryEnter(key, options.permits ?? 1);
        if (!place) return busyWithOurselves(key, signal);
        let isOwned = false;
        try {
          const { seen = null } = options;
          const pass = await tryForOwnership({
            key,
            clock,
            acquisition,
            proofs,
            memory,
            pollMs: tryPollMs,
            signal,
            seen,
          });
          if (pass.kind === 'busy') {
            const { view, holder, retryAfterMs } = pass;
            return { acquired: false, holder, view, retryAfterMs };
          }
          const lease = handOut(key, pass, place, timing);
          isOwned = true;
          return { acquired: true, lease, view: lease.view };
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
      const { isDone = () => false, onWait = () => undefined, seen = null } = options;
      return whileOpen(options.signal, async (signal) => {
        const { timing, memory, acquisition } = open(key, options, { mayQueue: true, isDone });
        // 1. The line inside this process.
        const place = await line.enter(key, { permits: options.permits ?? 1, signal });
        let isOwned = false;
        try {
          // 2. The wait among processes.
          const pass = await waitForOwnership({
            key,
            clock,
            logger,
            acquisition,
            proofs,
            memory,
            pollMs: Math.max(options.pollMs, store.capabilities.minPollMs),
            signal,
            seen,
            openAlarm: () => createAlarm({ store, key, clock, logger }),
            onWait,
          });
          if (pass.kind === 'done') return null;
          const lease = handOut(key, pass, place, timing);
          isOwned = true;
          return lease;
        } finally {
          // 3. Nothing is left behind by one that gave up.
          if (!isOwned) {
            place.leave();
            withdrawInBackground(key, acquisition);
          }
        }
      });
    },

    forceRelease(key, { holder, signal }) {
      return whileOpen(signal, (joint) =>
        forceRelease({
          register: registerOf(key),
          clock,
          logger,
          holder,
          timeoutMs: READ_TIMEOUT_MS,
          signal: joint,
        }),
      );
    },

    async close() {
      closing.abort(new CancelledError('the lease manager was closed'));
      for (const lease of [...leases]) lease.abandon('its manager was closed');
      await Promise.all(withdrawals);
    },
  };
}

function assertPermits({ permits = 1 }                )       {
  if (Number.isSafeInteger(permits) && permits >= 1 && permits <= MAX_PERMITS) return;
  throw new ConfigError([{ option: 'permits', message: `must be from 1 to ${MAX_PERMITS}, not ${permits}` }]);
}

/**
 * Counts what is asked of a store, for `requests.store` of a report. It counts calls, not packets: what a driver sends for a
 * watch, or to settle one call, is not seen here.
 */
                                           

                                             
                                                                                       
                            
 

/** Wraps a store; closing the wrapper closes the store. */
function meterStore(store       )               {
  let requests = 0;
  const count =    (call                  )             => {
    requests += 1;
    return call();
  };
  return {
    url: store.url,
    capabilities: store.capabilities,
    get: (key, options) => count(() => store.get(key, options)),
    compareAndSet: (key, expect, value, options) =>
      count(() => store.compareAndSet(key, expect, value, options)),
    delete: (key, expect, options) => count(() => store.delete(key, expect, options)),
    list: (prefix, options) => count(() => store.list(prefix, options)),
    watch: (key, options) => store.watch(key, options),
    close: () => store.close(),
    get requests() {
      return requests;
    },
  };
}

/** Names of GitHub repositories as users write them. Checked before anything is sent, so that a typo is a message, not a 404. */
                                                  

                                 
                         
                        
 

/** `OWNER/REPO`; GitHub's own rules for both parts, leniently. */
function parseRepository(text        )                         {
  const match = /^([A-Za-z0-9][A-Za-z0-9_-]{0,99})\/([A-Za-z0-9._-]{1,100})$/.exec(text);
  const [, owner, repo] = match ?? [];
  if (owner === undefined || repo === undefined || repo === '.' || repo === '..') {
    return { ok: false, problem: 'is not a repository; write OWNER/REPO' };
  }
  return { ok: true, value: { owner, repo } };
}

/**
 * From a store URL to a store: parsing is pure and happens while the configuration is read, opening comes later and loads
 * only the driver that is wanted. A driver is one entry of the table below.
 * Invariant: `url` of an address, and every problem text, can be shown to anybody; `location` may carry credentials and goes
 * to the driver alone.
 */
                                           

/** Where a store is, checked and ready to be opened. */
                               
                           
                          
                                            
                       
                                                                                               
                            
                                                                  
                                   
 

                                
                                
                          
                                                              
                           
 

/** What parsing needs to know of the world. */
                                   
                                    
              
                                                    
                                         
                             
 

                                    
               
                                                                       
                              
                                                               
                              
     
                                                                                                                      
                                    
     
                                                                                
 

                  
                                                       
                           
                                                
                                                                        
                                                                           
 

const FILE_DEFAULTS                = Object.freeze({ pollMs: 1000, leaseMs: 60_000 });

const GITHUB_DEFAULTS                = Object.freeze({ pollMs: 15_000, leaseMs: 600_000 });

const SCHEMES                                   = Object.freeze({
  file: {
    example: 'file:PATH',
    parse: parseFileUrl,
    async open({ location }, settings) {
      const { openFileStore } = await import('./file.js');
      return openFileStore({ ...settings, path: location });
    },
  },
  github: {
    example: 'github:OWNER/REPO',
    parse: parseGitHubUrl,
    async open({ location }, { clock, pollMs, github }) {
      const repository = parseRepository(location);
      invariant(repository.ok, 'a GitHub store is opened by a parsed address');
      if (!github) {
        throw new AuthError('a GitHub store needs a token', {
          hint: 'set GITHUB_TOKEN, or pass the input `token`',
        });
      }
      const { createGitHubStore } = await import('./github.js');
      const { client, refPrefix } = github;
      return createGitHubStore({
        client,
        clock,
        repository: repository.value,
        ...(pollMs === undefined ? {} : { pollMs }),
        ...(refPrefix === undefined ? {} : { refPrefix }),
      });
    },
  },
});

/** A store URL as the user wrote it, or what is wrong with it in words that follow the option's name. Opens nothing. */
function parseStoreUrl(text        , settings                  )                       {
  const examples = Object.values(SCHEMES).map((scheme) => scheme.example);
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(0, colon)).toLowerCase();
  const isPath = colon < 0 ? /[\\/.]/.test(text) : name.length <= 1 || /[\\/.]/.test(name);
  if (isPath) return { ok: false, problem: `is a path, not a store URL; write file:${showStoreUrl(text)}` };
  const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
  if (scheme) return scheme.parse(text.slice(colon + 1), settings);
  const what = colon < 0 ? 'is not a store URL' : `names no known kind of store: ${plain(name, 40)}:`;
  return { ok: false, problem: `${what}; write one of ${examples.join(', ')}` };
}

/** Loads the driver and opens the store. The caller closes it. Errors are the driver's: what failed, and what to do. */
function openStore(address              , settings                   )                 {
  const scheme = Object.hasOwn(SCHEMES, address.scheme) ? SCHEMES[address.scheme] : undefined;
  invariant(scheme, `no driver for ${address.scheme}:`);
  return scheme.open(address, settings);
}

/** A URL without what could be a secret: no user, no password, no query; one printable line. */
function showStoreUrl(text        )         {
  const bare = text.replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/]*@/i, '$1//').replace(/[?#].*$/s, '');
  return plain(bare);
}

function parseGitHubUrl(rest        )                       {
  const repository = parseRepository(rest);
  if (!repository.ok) return { ok: false, problem: 'names no repository; write github:OWNER/REPO' };
  const url = `github:${rest}`;
  return {
    ok: true,
    value: Object.freeze({ scheme: 'github', url, location: rest, defaults: GITHUB_DEFAULTS }),
  };
}

function parseFileUrl(rest        , settings                  )                       {
  const path = (settings.platform ?? process.platform) === 'win32' ? win32 : posix;
  const fail = (problem        )                       => ({ ok: false, problem });
  const found = (location        )                       => ({
    ok: true,
    value: Object.freeze({
      scheme: 'file',
      url: `file:${plain(location, 1024)}`,
      location,
      defaults: FILE_DEFAULTS,
    }),
  });
  if (rest.includes('\u0000')) return fail('has a NUL character in its path');
  if (rest.startsWith('~')) return fail('starts with ~, which only a shell expands; write the whole path');
  if (/^\/\/[^/]/.test(rest))
    return fail('names a host; a file store is a folder of this machine: write file:PATH');
  if (rest !== '') return found(path.resolve(settings.cwd, rest.replace(/^\/\/(?=\/)/, '')));

  const { env } = settings;
  const absolute = (name        ) => {
    const value = env[name];
    // The XDG specification has relative paths ignored; for the others they would depend on where one stands.
    return value !== undefined && path.isAbsolute(value) ? value : undefined;
  };
  if (path === win32) {
    const local = absolute('LOCALAPPDATA');
    if (local) return found(win32.join(local, 'lockstep'));
    return fail('needs a path, since LOCALAPPDATA is not set; write file:PATH');
  }
  const state = absolute('XDG_STATE_HOME');
  if (state) return found(posix.join(state, 'lockstep'));
  const home = absolute('HOME');
  if (home) return found(posix.join(home, '.local', 'state', 'lockstep'));
  return fail('needs a path, since neither XDG_STATE_HOME nor HOME is set; write file:PATH');
}

/**
 * The composition root: the one place that builds stores, lease managers, throttles and providers for a command.
 * Invariant: whatever is opened here is closed by `close`, last opened first, also after an error.
 */
                                                    

/** Things that must be closed, last opened first; the first error is kept. */
                            
                                          
                         
 

function createReleasers()            {
  const releases                          = [];
  return {
    add: (release) => void releases.push(release),
    async close() {
      const errors          = [];
      for (let release = releases.pop(); release; release = releases.pop()) {
        await release().catch((error         ) => errors.push(toError(error)));
      }
      if (errors[0]) throw errors[0];
    },
  };
}

                         
                         
                                                                           
  

/** Where the parties meet, decided before anything is opened. */
                         
                                                              
                                                                                          
                                 
                                                                  

/** The store the user named, or the default of where we are. */
function chooseStore(
  context                ,
  resolved                                                                                     ,
)              {
  const { env, cwd, isRunner } = context;
  const given = resolved.values.store;
  const repository = env['GITHUB_REPOSITORY'];
  if (given === null && isRunner && (!env['GITHUB_TOKEN'] || !repository)) return { kind: 'no-store' };
  const url = given ?? (isRunner ? `github:${repository}` : 'file:');
  const parsed = parseStoreUrl(url, { env, cwd });
  if (parsed.ok) return { kind: 'store', address: parsed.value };
  return { kind: 'problem', problem: { option: resolved.spellingOf('store'), message: parsed.problem } };
}

/** Defaults that depend on the store: a store that is dear to ask is asked rarely. */
const DEFAULTS = {
  file: { pollMs: 1000, leaseMs: 60_000 },
  engine: { pollMs: 5000, leaseMs: 60_000 },
  github: { pollMs: 15_000, leaseMs: 600_000 },
}         ;

function kindOf({ scheme }              )                        {
  return scheme === 'file' || scheme === 'github' ? scheme : 'engine';
}

/** A store with a lease manager over it. */
                             
                               
                                 
                          
                           
 

/** Opens the store; `releasers` closes it, after the manager. */
async function openStoreParts(
  context                ,
  options                                                                       ,
)                      {
  const { clock, logger } = context;
  const { address, values, releasers } = options;
  const pollMs = values.pollMs ?? DEFAULTS[kindOf(address)].pollMs;
  const store = meterStore(await openStore(address, { clock, pollMs }));
  releasers.add(() => store.close());
  const manager = createLeaseManager({ store, clock, logger, pollMs });
  releasers.add(() => manager.close());
  return { store, manager, pollMs, leaseMs: values.leaseMs ?? DEFAULTS[kindOf(address)].leaseMs };
}

export { MAX_VALUE_BYTES as M, createDeadline as a, chooseStore as b, createBackoff as c, createReleasers as d, createNonce as e, hashIdentity as h, isJsonObject as i, jitter as j, openStoreParts as o, parseJsonObject as p };
