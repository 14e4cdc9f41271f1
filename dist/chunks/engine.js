"use strict";

const core = require("./core.js");

const RETRY_BASE_MS = 50;

const RETRY_CAP_MS = 5e3;

function createFollowing(settings) {
 const followed = new Map;
 let isClosed = false;
 return {
  watch(key, {signal: signal}) {
   const edges = core.createEdges(signal);
   if (isClosed) edges.end();
   if (edges.ended.aborted) return edges.watch;
   const follower = followed.get(key) ?? startFollower(key, settings);
   followed.set(key, follower);
   follower.join(edges);
   edges.ended.addEventListener("abort", () => {
    if (follower.leave(edges) === 0 && followed.get(key) === follower) followed.delete(key);
   });
   return edges.watch;
  },
  close() {
   isClosed = true;
   for (const follower of [ ...followed.values() ]) follower.end();
  }
 };
}

function startFollower(key, settings) {
 const {clock: clock, pollMs: pollMs, timeoutMs: timeoutMs} = settings;
 const ending = new AbortController;
 const {signal: signal} = ending;
 const ended = new Promise(resolve => {
  signal.addEventListener("abort", () => resolve("ended"), {
   once: true
  });
 });
 const members = new Set;
 const rested = core.createBackoff({
  baseMs: RETRY_BASE_MS,
  capMs: RETRY_CAP_MS
 });
 let isConnected = false;
 let toldSinceLook = false;
 let seen;
 let doubt = null;
 const connected = () => {
  isConnected = true;
  for (const edges of members) edges.connected();
 };
 const onChange = () => {
  toldSinceLook = true;
  for (const edges of members) edges.emit();
 };
 const look = async () => {
  const revision = await settings.look(key, signal);
  const isNews = seen !== undefined && revision !== seen;
  const wasTold = toldSinceLook;
  const isFirst = seen === undefined;
  seen = revision;
  toldSinceLook = false;
  if (!isConnected) return connected();
  if (isNews || isFirst) for (const edges of members) edges.emit();
  if (isNews && !wasTold) doubt?.();
 };
 const subscribeOnce = async () => {
  let attempt = null;
  const options = {
   clock: clock,
   timeoutMs: timeoutMs,
   waitingFor: `the subscription of ${key}`,
   parent: signal
  };
  try {
   return await core.withTimeout(options, limited => {
    attempt = settings.subscribe(key, onChange, limited);
    return attempt;
   });
  } catch (error) {
   void attempt?.then(late => late.end({
    isSuspect: false
   }), () => undefined);
   throw error;
  }
 };
 const subscribe = async () => {
  let backoff = rested;
  while (!signal.aborted) {
   try {
    const subscription = await subscribeOnce();
    const sinceMs = clock.monotonicMs();
    connected();
    const suspected = new Promise(resolve => {
     doubt = () => resolve("suspect");
    });
    const end = await Promise.race([ subscription.lost, suspected, ended ]);
    doubt = null;
    subscription.end({
     isSuspect: end === "suspect"
    });
    if (clock.monotonicMs() - sinceMs >= RETRY_CAP_MS) backoff = rested;
   } catch {
    if (signal.aborted) return;
    await look().catch(() => undefined);
   }
   const step = backoff.next(clock.random());
   backoff = step.backoff;
   await core.sleep(clock, step.delayMs, signal).catch(() => undefined);
  }
 };
 const poll = async () => {
  while (!signal.aborted) {
   await core.sleep(clock, core.jitter(pollMs, .1, clock.random()), signal).catch(() => undefined);
   if (!signal.aborted) await look().catch(() => undefined);
  }
 };
 void subscribe();
 void poll();
 return {
  join(edges) {
   members.add(edges);
   if (isConnected) edges.connected();
  },
  leave(edges) {
   members.delete(edges);
   if (members.size === 0) ending.abort();
   return members.size;
  },
  end() {
   for (const edges of [ ...members ]) edges.end();
  }
 };
}

const ENGINE_TIMEOUT_MS = 1e4;

const ENGINE_POLL_MS = 5e3;

const CAPABILITIES = Object.freeze({
 linearizableReads: true,
 conditionalDelete: true,
 nativeWatch: true,
 multiKeyTxn: false,
 durable: "remote",
 minPollMs: 100
});

function createEngineStore(engine, settings) {
 const {clock: clock, timeoutMs: timeoutMs = ENGINE_TIMEOUT_MS} = settings;
 const pollMs = Math.max(CAPABILITIES.minPollMs, settings.pollMs ?? ENGINE_POLL_MS);
 let isClosed = false;
 const run = (about, operation) => {
  if (isClosed) return Promise.reject(new core.UnavailableError(`${engine.url} was closed`));
  const what = `${about.name} ${about.key} in ${engine.url}`;
  return core.runCall({
   clock: clock,
   timeoutMs: timeoutMs,
   signal: about.signal,
   what: what
  }, async call => {
   let isSent = false;
   const sending = () => {
    call.sending();
    isSent = true;
   };
   try {
    return await operation({
     signal: call.signal,
     sending: sending
    });
   } catch (thrown) {
    throw judge(engine, {
     thrown: thrown,
     what: what,
     isSent: isSent
    });
   }
  });
 };
 const read = (key, signal) => run({
  name: "get",
  key: key,
  signal: signal
 }, call => engine.read(key, call));
 const following = createFollowing({
  clock: clock,
  pollMs: pollMs,
  timeoutMs: timeoutMs,
  subscribe: (key, onChange, signal) => engine.subscribe(key, onChange, signal),
  look: async (key, signal) => (await read(key, signal))?.revision ?? null
 });
 return {
  url: engine.url,
  capabilities: CAPABILITIES,
  async get(key, {signal: signal} = {}) {
   return read(core.admitKey(key), signal);
  },
  async compareAndSet(key, expect, value, {signal: signal} = {}) {
   core.admitKey(key);
   core.admitValue(key, value);
   const write = {
    key: key,
    expect: expect,
    value: value
   };
   return run({
    name: "compareAndSet",
    key: key,
    signal: signal
   }, call => engine.write(write, call));
  },
  async delete(key, expect, {signal: signal} = {}) {
   const write = {
    key: core.admitKey(key),
    expect: expect,
    value: null
   };
   return run({
    name: "delete",
    key: key,
    signal: signal
   }, call => engine.write(write, call));
  },
  async list(prefix, {signal: signal} = {}) {
   const border = prefix.replace(/\/+$/, "");
   if (border !== "") core.admitKey(border);
   return run({
    name: "list",
    key: prefix,
    signal: signal
   }, call => engine.list(border, call));
  },
  watch: (key, options) => following.watch(core.admitKey(key), options),
  async close() {
   if (isClosed) return;
   isClosed = true;
   following.close();
   await engine.close();
  }
 };
}

function judge(engine, about) {
 const {thrown: thrown, what: what, isSent: isSent} = about;
 if (thrown instanceof core.LockstepError) return thrown;
 const known = engine.translate(thrown, what);
 if (known) return known;
 const text = engine.redact(thrown instanceof Error ? messageOf(thrown) : String(thrown));
 const cause = new Error(text);
 if (isSent) return new core.IndeterminateError(`${what}: ${text}; the outcome is open`, {
  cause: cause
 });
 const code = thrown?.code;
 if (typeof code === "string" && UNTRUSTED.test(code)) {
  return new core.UnsupportedError(`${what}: the server's certificate is not trusted: ${text}`, {
   hint: "name the certificate authority in the URL (see docs/stores.md), or set NODE_EXTRA_CA_CERTS",
   cause: cause
  });
 }
 return new core.UnavailableError(`${what}: ${text}`, {
  hint: "check that the server runs and that this machine may reach it",
  cause: cause
 });
}

const UNTRUSTED = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)|ERR_TLS_)/;

function messageOf(error) {
 if (error.message !== "") return error.message;
 const inner = error instanceof AggregateError ? error.errors.find(each => each instanceof Error) : null;
 return inner?.message ?? error.code ?? error.name;
}

exports.ENGINE_TIMEOUT_MS = ENGINE_TIMEOUT_MS;

exports.createEngineStore = createEngineStore;
