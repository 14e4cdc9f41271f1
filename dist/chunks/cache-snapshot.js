"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const require$$1 = require("node:worker_threads");

const core = require("./core.js");

const contract = require("./contract2.js");

var _documentCurrentScript = typeof document !== "undefined" ? document.currentScript : null;

const FORMAT = "lockstep-sweep-1";

const IDENTITY = /^[0-9a-f]{1,64}$/;

const REST = /^([rc])-([0-9a-z]{1,11})-([0-9a-z.]+)$/;

const OUTCOMES = {
 r: "reaped",
 c: "clean"
};

function formatSnapshotKey(subject, snapshot) {
 const {outcome: outcome, counts: counts, atMs: atMs} = snapshot;
 const numbers = [ atMs, ...contract.COUNT_NAMES.map(name => counts[name]) ];
 if (!isUsable(subject) || !numbers.every(number => Number.isSafeInteger(number) && number >= 0)) {
  return null;
 }
 const letter = outcome === "reaped" ? "r" : "c";
 const [time = "", ...rest] = numbers.map(number => number.toString(36));
 return `${prefixOf(subject, windowOf(subject, atMs))}${letter}-${time}-${rest.join(".")}`;
}

function snapshotPrefixes(subject, nowWallMs) {
 if (!isUsable(subject)) return [];
 const window = windowOf(subject, nowWallMs);
 return [ window, window - 1 ].filter(each => each >= 0).map(each => prefixOf(subject, each));
}

function parseSnapshotKey(subject, key) {
 const head = isUsable(subject) ? `${FORMAT}-${subject.identity}-` : null;
 if (head === null || !key.startsWith(head)) return null;
 const [window = ""] = key.slice(head.length).split("-", 1);
 const [, letter, time = "", numbers = ""] = REST.exec(key.slice(head.length + window.length + 1)) ?? [];
 if (letter === undefined) return null;
 const counts = numbers.split(".").map(text => Number.parseInt(text, 36));
 const snapshot = {
  outcome: OUTCOMES[letter],
  counts: Object.fromEntries(contract.COUNT_NAMES.map((name, index) => [ name, counts[index] ])),
  atMs: Number.parseInt(time, 36)
 };
 return counts.length === contract.COUNT_NAMES.length && formatSnapshotKey(subject, snapshot) === key ? snapshot : null;
}

function isUsable({identity: identity, everyMs: everyMs}) {
 return IDENTITY.test(identity) && Number.isFinite(everyMs) && everyMs > 0;
}

function windowOf({everyMs: everyMs}, wallMs) {
 return Math.floor(wallMs / everyMs);
}

function prefixOf({identity: identity}, window) {
 return `${FORMAT}-${identity}-${window.toString(36)}-`;
}

function hasCacheService(env) {
 return Boolean(env["ACTIONS_RESULTS_URL"] && env["ACTIONS_RUNTIME_TOKEN"]);
}

function createCacheSnapshot(options) {
 const {clock: clock, logger: logger = core.nullLogger, readTimeoutMs: readTimeoutMs = 5e3, writeTimeoutMs: writeTimeoutMs = 1e4} = options;
 const env = clientEnvironment(options.env);
 async function call(order, timeoutMs, parent) {
  const what = order.kind === "save" ? "the cache did not take the snapshot" : "the cache told nothing";
  try {
   const reply = await core.withTimeout({
    clock: clock,
    timeoutMs: timeoutMs,
    waitingFor: "the cache",
    ...parent ? {
     parent: parent
    } : {}
   }, signal => runInThread(order, env, signal));
   if (reply.kind === "done") return reply.key;
   logger.debug(`${what}: ${reply.detail}`);
  } catch (thrown) {
   logger.debug(`${what}: ${core.toError(thrown).message}`);
  }
  return null;
 }
 return {
  async read(subject, {signal: signal}) {
   const keys = snapshotPrefixes(subject, clock.wallMs());
   if (keys.length === 0) return null;
   const key = await call({
    kind: "look-up",
    keys: keys
   }, readTimeoutMs, signal);
   return key === null ? null : parseSnapshotKey(subject, key);
  },
  async write(subject, snapshot) {
   const key = formatSnapshotKey(subject, snapshot);
   return key !== null && await call({
    kind: "save",
    keys: [ key ]
   }, writeTimeoutMs) !== null;
  }
 };
}

const NEEDED = /^(ACTIONS_(RESULTS_URL|CACHE_URL|RUNTIME_TOKEN|CACHE_SERVICE_V2|CACHE_MODE|ORCHESTRATION_ID)|RUNNER_(TEMP|OS|ARCH)|GITHUB_(SERVER_URL|WORKSPACE|REPOSITORY|RUN_ID)|(HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|SEGMENT_DOWNLOAD_TIMEOUT_MINS|PATH|HOME|USERPROFILE|SYSTEMROOT|TEMP|TMP|TMPDIR)$/i;

function clientEnvironment(env) {
 return Object.fromEntries(Object.entries(env).filter(([name]) => NEEDED.test(name)));
}

async function runInThread(order, env, signal) {
 core.throwIfAborted(signal);
 const file = (typeof document === "undefined" ? require("u" + "rl").pathToFileURL(__filename).href : _documentCurrentScript && _documentCurrentScript.tagName.toUpperCase() === "SCRIPT" && _documentCurrentScript.src || new URL("chunks/cache-snapshot.js", document.baseURI).href).endsWith(".ts") ? "./cache-worker.ts" : "./cache-worker.js";
 const worker = new require$$1.Worker(new URL(file, typeof document === "undefined" ? require("u" + "rl").pathToFileURL(__filename).href : _documentCurrentScript && _documentCurrentScript.tagName.toUpperCase() === "SCRIPT" && _documentCurrentScript.src || new URL("chunks/cache-snapshot.js", document.baseURI).href), {
  workerData: order,
  env: env,
  stdout: true,
  stderr: true
 });
 worker.stdout.resume();
 worker.stderr.resume();
 const stop = () => void worker.terminate();
 signal.addEventListener("abort", stop, {
  once: true
 });
 try {
  return await new Promise((resolve, reject) => {
   worker.once("message", reply => resolve(reply));
   worker.once("error", reject);
   worker.once("exit", () => reject(new core.UnavailableError("the cache client ended without an answer")));
  });
 } finally {
  signal.removeEventListener("abort", stop);
  await worker.terminate();
 }
}

exports.clientEnvironment = clientEnvironment;

exports.createCacheSnapshot = createCacheSnapshot;

exports.hasCacheService = hasCacheService;
