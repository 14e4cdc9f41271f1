"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const gitData = require("./git-data.js");

const DEFAULT_REF_PREFIX = "refs/lockstep";

const MAX_REF_LENGTH = 200;

const LONG = "@/";

function refOf(prefix, key) {
 const ref = `${prefix}/${core.formatRefPath(key)}`;
 return ref.length <= MAX_REF_LENGTH ? ref : `${prefix}/${LONG}${core.hashIdentity([ key ])}`;
}

function keyOf(prefix, ref) {
 if (!ref.startsWith(`${prefix}/`)) return null;
 const path = ref.slice(prefix.length + 1);
 if (path.startsWith(LONG)) return "long";
 const key = core.parseRefPath(path);
 return key === null ? null : {
  key: key
 };
}

function refsUnder(prefix, keyPrefix) {
 const border = keyPrefix.replace(/\/+$/, "");
 if (border === "") return [ `${prefix}/` ];
 const path = core.formatRefPath(border);
 return [ `${prefix}/${path.slice(0, path.lastIndexOf("/"))}/`, `${prefix}/${LONG}` ];
}

function writeMessage(record) {
 const {key: key, value: value, nonce: nonce} = record;
 return `lockstep ${key}\n\n${JSON.stringify({
  v: 1,
  key: key,
  nonce: nonce,
  value: value
 })}\n`;
}

function readMessage(message, key) {
 const fields = parseMessage(message, key);
 const {value: value} = fields;
 if (fields["key"] !== key || typeof value !== "string") {
  throw new core.CorruptRecordError(`the commit that keeps ${key} keeps something else; it was left untouched`);
 }
 return value;
}

function readMessageKey(message) {
 try {
  const {key: key} = parseMessage(message, "a key");
  return typeof key === "string" ? key : null;
 } catch {
  return null;
 }
}

function parseMessage(message, key) {
 const what = `the commit that keeps ${key}`;
 if (!message.startsWith("lockstep ")) {
  throw new core.CorruptRecordError(`${what} was not written by lockstep; it was left untouched`);
 }
 const fields = core.parseJsonObject(message.slice(message.indexOf("\n\n") + 2), what);
 if (fields["v"] !== 1) {
  throw new core.CorruptRecordError(`${what} has the format ${JSON.stringify(fields["v"])}, not 1`, {
   hint: "a newer lockstep wrote it: update this one"
  });
 }
 return fields;
}

const CERTAIN = new Set([ "already-exists", "not-fast-forward", "no-such-ref" ]);

function decideMove({expect: expect, mine: mine, answer: answer, earlierDoubt: earlierDoubt, head: head}) {
 if (head === mine) return "applied";
 const isCertain = CERTAIN.has(answer) && !earlierDoubt;
 if (head === expect) return isCertain ? "lost-unseen" : "again";
 if (isCertain || answer === "no-such-ref" && head === null) return "lost";
 return head === null ? "again" : "search";
}

function decideSearch(facts) {
 const {expect: expect, mine: mine, parents: parents} = facts;
 if (parents.includes(mine)) return "applied";
 const [parent] = parents;
 if (parent === expect) return "lost";
 if (parent === undefined) return expect === null ? "lost" : "unrelated";
 return {
  next: parent
 };
}

const REMEMBERED = 64;

const SEARCH_DEPTH = 16;

const CREATE_ATTEMPTS = 3;

function createCommitChain(options) {
 const {data: data, clock: clock, url: url} = options;
 const commits = new Map;
 function remember(sha, commit) {
  commits.set(sha, commit);
  const oldest = commits.keys().next();
  if (commits.size > REMEMBERED && !oldest.done) commits.delete(oldest.value);
  return commit;
 }
 async function find(sha, signal) {
  const known = commits.get(sha);
  if (known !== undefined) return known;
  const commit = await data.readCommit(sha, {
   signal: signal
  });
  return commit && remember(sha, {
   message: commit.message,
   parents: commit.parents
  });
 }
 async function read(sha, signal) {
  const commit = await find(sha, signal);
  if (commit === null) throw new core.UnavailableError(`${url} does not show the commit ${sha} yet`);
  return commit;
 }
 return {
  async entryAt(key, head, signal) {
   if (head === null) return null;
   const {message: message} = await read(head, signal);
   return Object.freeze({
    value: readMessage(message, key),
    revision: head
   });
  },
  async keyAt(head, signal) {
   return readMessageKey((await read(head, signal)).message);
  },
  async findKey(sha, signal) {
   const commit = await find(sha, signal);
   return commit && readMessageKey(commit.message);
  },
  async create({key: key, expect: expect, value: value}, signal) {
   const parents = expect === null ? [] : [ expect ];
   const message = writeMessage({
    key: key,
    value: value,
    nonce: core.createNonce()
   });
   for (let attempt = 1; ;attempt += 1) {
    try {
     const creation = await data.createCommit({
      message: message,
      parents: parents
     }, {
      signal: signal
     });
     if (creation.kind === "created") remember(creation.sha, {
      message: message,
      parents: parents
     });
     return creation;
    } catch (error) {
     if (!core.hasCode(error, "indeterminate") || signal.aborted) throw error;
     if (attempt === CREATE_ATTEMPTS) {
      throw new core.UnavailableError(`${key} was not written: ${error.message}`, {
       cause: error
      });
     }
     await core.sleep(clock, 250 * attempt * (1 + clock.random()), signal);
    }
   }
  },
  async contains({expect: expect, mine: mine, head: head}, signal) {
   let at = head;
   for (let depth = 0; depth < SEARCH_DEPTH; depth += 1) {
    const {parents: parents} = await read(at, signal);
    const step = decideSearch({
     expect: expect,
     mine: mine,
     parents: parents
    });
    if (step === "unrelated") return undefined;
    if (step === "applied" || step === "lost") return step === "applied";
    at = step.next;
   }
   return undefined;
  }
 };
}

const ROUNDS = 4;

const SHA = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

function createRefMover(parts) {
 const {data: data, chain: chain, clock: clock, logger: logger} = parts;
 async function lost(key, head, signal) {
  try {
   return {
    ok: false,
    current: await chain.entryAt(key, head, signal)
   };
  } catch (error) {
   if (core.hasCode(error, "corrupt-record")) throw error;
   logger.debug(`${key} was lost; who won could not be read: ${core.toError(error).message}`);
   return {
    ok: false
   };
  }
 }
 async function moveOnce(target, isDoubtful, call) {
  const {ref: ref, expect: expect, mine: sha} = target;
  const {signal: signal} = call;
  call.sending();
  try {
   if (expect === null) return await data.createRef({
    ref: ref,
    sha: sha
   }, {
    signal: signal
   });
   return await data.moveRef({
    ref: ref,
    sha: sha
   }, {
    signal: signal
   });
  } catch (error) {
   if (core.hasCode(error, "indeterminate") && !signal.aborted) return {
    kind: "doubtful"
   };
   throw isDoubtful ? doubt(ref, error) : error;
  }
 }
 async function search(target, signal) {
  const {key: key, expect: expect} = target;
  try {
   const isApplied = await chain.contains(target, signal);
   if (isApplied !== undefined || expect === null) return isApplied;
   return await chain.keyAt(expect, signal) === key ? undefined : false;
  } catch (error) {
   logger.debug(`the history of ${target.key} could not be read: ${core.toError(error).message}`);
   return undefined;
  }
 }
 async function isOver(target, signal) {
  const {key: key, expect: expect, head: head} = target;
  if (await chain.findKey(expect, signal) !== key) return true;
  return head !== null && await chain.contains({
   expect: expect,
   mine: expect,
   head: head
  }, signal) === true;
 }
 async function settle(target, call) {
  const {key: key, ref: ref, expect: expect, mine: mine} = target;
  const {signal: signal} = call;
  let isDoubtful = false;
  let backoff = core.createBackoff({
   baseMs: 500,
   capMs: 4e3
  });
  for (let round = 1; ;round += 1) {
   const done = await moveOnce(target, isDoubtful, call);
   if (done.kind === "moved") return {
    ok: true,
    revision: mine
   };
   const answer = done.kind === "refused" ? done.refusal : "doubtful";
   const earlierDoubt = isDoubtful;
   if (answer === "doubtful" || answer === "unknown") isDoubtful = true;
   let head;
   try {
    head = await data.readRef(ref, {
     signal: signal
    });
   } catch (error) {
    if (isDoubtful) throw doubt(ref, error);
    return {
     ok: false
    };
   }
   const verdict = decideMove({
    expect: expect,
    mine: mine,
    answer: answer,
    earlierDoubt: earlierDoubt,
    head: head
   });
   if (verdict === "applied") return {
    ok: true,
    revision: mine
   };
   if (verdict === "lost-unseen") return {
    ok: false
   };
   if (verdict === "lost") return lost(key, head, signal);
   if (verdict === "search" && head !== null) {
    const isApplied = await search({
     ...target,
     head: head
    }, signal);
    if (isApplied === true) return {
     ok: true,
     revision: mine
    };
    if (isApplied === false) return lost(key, head, signal);
   }
   if (round === ROUNDS) throw doubt(ref, new Error(`no clear answer in ${ROUNDS} attempts`));
   const step = backoff.next(clock.random());
   backoff = step.backoff;
   await core.sleep(clock, step.delayMs, signal);
  }
 }
 return {
  async compareAndSet(target, call) {
   const {key: key, ref: ref, expect: expect} = target;
   const {signal: signal} = call;
   if (expect !== null && !SHA.test(expect)) return {
    ok: false
   };
   const creation = await chain.create(target, signal);
   if (creation.kind === "created") return settle({
    ...target,
    mine: creation.sha
   }, call);
   const head = await data.readRef(ref, {
    signal: signal
   });
   if (expect !== null && head !== expect && await isOver({
    key: key,
    expect: expect,
    head: head
   }, signal)) {
    return lost(key, head, signal);
   }
   throw new core.UnavailableError(`GitHub refused to keep a value for ${key} (${creation.text})`);
  }
 };
}

function doubt(ref, cause) {
 return new core.IndeterminateError(`whether ${ref} was moved is unknown: ${core.toError(cause).message}`, {
  cause: cause
 });
}

const CAPABILITIES = Object.freeze({
 linearizableReads: false,
 conditionalDelete: false,
 nativeWatch: false,
 multiKeyTxn: false,
 durable: "remote",
 minPollMs: 2e3
});

function createGitHubStore(options) {
 const {client: client, repository: repository, clock: clock, logger: logger = core.nullLogger} = options;
 const {refPrefix: refPrefix = DEFAULT_REF_PREFIX, pollMs: pollMs = 15e3, operationTimeoutMs: operationTimeoutMs = 3e4} = options;
 const url = `github:${repository.owner}/${repository.repo}`;
 const data = gitData.createGitData(client, repository);
 const chain = createCommitChain({
  data: data,
  clock: clock,
  url: url
 });
 const mover = createRefMover({
  data: data,
  chain: chain,
  clock: clock,
  logger: logger
 });
 const watches = new Set;
 let closed = false;
 const run = (what, signal, operation) => {
  core.throwIfAborted(signal);
  if (closed) throw new core.UnavailableError("the store was closed");
  return core.runCall({
   clock: clock,
   timeoutMs: operationTimeoutMs,
   signal: signal,
   what: `${what} in ${url}`
  }, operation);
 };
 async function poll(ref, edges) {
  const rested = core.createBackoff({
   baseMs: pollMs,
   capMs: 8 * pollMs
  });
  let failing = rested;
  let seen;
  while (!edges.ended.aborted) {
   let waitMs = core.jitter(pollMs, .2, clock.random());
   try {
    const head = await data.readRef(ref, {
     signal: edges.ended
    });
    if (seen === undefined) edges.connected(); else if (head !== seen) edges.emit();
    seen = head;
    failing = rested;
   } catch (error) {
    if (edges.ended.aborted) return;
    logger.debug(`${ref} could not be looked at: ${core.toError(error).message}`);
    seen = undefined;
    const step = failing.next(clock.random());
    failing = step.backoff;
    waitMs += step.delayMs;
    const atMs = core.hasCode(error, "throttled") ? error.retryAtMs : null;
    if (atMs !== null) waitMs += Math.max(0, atMs - clock.monotonicMs());
   }
   try {
    await core.sleep(clock, waitMs, edges.ended);
   } catch {
    return;
   }
  }
 }
 async function listKeys(prefix, signal) {
  const keys = new Set;
  for (const start of refsUnder(refPrefix, prefix)) {
   for (const {ref: ref, sha: sha} of await data.listRefs(start, {
    signal: signal
   })) {
    const found = keyOf(refPrefix, ref);
    const key = found === "long" ? await chain.keyAt(sha, signal) : found?.key;
    if (key && core.isUnderPrefix(key, prefix)) keys.add(key);
   }
  }
  return [ ...keys ];
 }
 return {
  url: url,
  capabilities: CAPABILITIES,
  async get(key, options = {}) {
   const ref = refOf(refPrefix, core.admitKey(key));
   return run(`get ${key}`, options.signal, async ({signal: signal}) => chain.entryAt(key, await data.readRef(ref, {
    signal: signal
   }), signal));
  },
  async compareAndSet(key, expect, value, options = {}) {
   const ref = refOf(refPrefix, core.admitKey(key));
   core.admitValue(key, value);
   return run(`compareAndSet ${key}`, options.signal, call => mover.compareAndSet({
    key: key,
    ref: ref,
    expect: expect,
    value: value
   }, call));
  },
  async delete(key) {
   throw new core.UnsupportedError(`${url} cannot delete ${core.admitKey(key)}: GitHub deletes references without a condition`);
  },
  async list(prefix, options = {}) {
   return run(`list ${prefix}`, options.signal, ({signal: signal}) => listKeys(prefix, signal));
  },
  watch(key, {signal: signal}) {
   const edges = core.createEdges(signal);
   const ref = refOf(refPrefix, core.admitKey(key));
   if (closed) edges.end();
   if (edges.ended.aborted) return edges.watch;
   watches.add(edges);
   edges.ended.addEventListener("abort", () => watches.delete(edges), {
    once: true
   });
   void poll(ref, edges);
   return edges.watch;
  },
  async close() {
   closed = true;
   for (const edges of [ ...watches ]) edges.end();
  },
  remainingQuota: () => client.rate()
 };
}

exports.createGitHubStore = createGitHubStore;
