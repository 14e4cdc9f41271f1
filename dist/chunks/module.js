"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const require$$1 = require("node:url");

const core = require("./core.js");

const foreignValues = require("./foreign-values.js");

const MAX_PAGE_APPS = 1e5;

const MAX_CURSOR = 64 * 1024;

const OBJECT_FORM = Object.freeze({
 createdAtMs: ({createdAtMs: createdAtMs}) => foreignValues.isAbsent(createdAtMs) ? null : typeof createdAtMs === "number" ? createdAtMs : undefined,
 protectedField: "isProtected"
});

function toModuleScopeAnswer(value) {
 return read("open", value, answer => answer["kind"] === "open" ? {
  kind: "open",
  meta: foreignValues.readAnswerMeta(answer["meta"]),
  label: textOf(answer["label"])
 } : null);
}

function toModuleListAnswer(value) {
 return read("list", value, answer => {
  const {kind: kind, apps: items, next: next, total: total, broken: said} = answer;
  if (kind !== "page" || !Array.isArray(items)) return null;
  const isNext = next === null || typeof next === "string" && next !== "" && next.length <= MAX_CURSOR;
  if (!isNext) return null;
  const apps = [];
  let broken = foreignValues.isAbsent(said) ? undefined : textOf(said);
  if (items.length > MAX_PAGE_APPS) broken ??= `a page has more than ${MAX_PAGE_APPS} apps`;
  for (const item of items.slice(0, MAX_PAGE_APPS)) {
   const app = foreignValues.readApp(item, OBJECT_FORM);
   if (app.ok) apps.push(app.app); else broken ??= `list: an app ${app.problem}`;
  }
  return {
   kind: "page",
   meta: foreignValues.readAnswerMeta(answer["meta"]),
   apps: apps,
   next: next,
   ...broken === undefined ? {} : {
    broken: broken
   },
   ...typeof total === "number" ? {
    total: total
   } : {}
  };
 });
}

function toModuleGetAnswer(value, id) {
 return read("get", value, answer => {
  const meta = foreignValues.readAnswerMeta(answer["meta"]);
  if (answer["kind"] === "gone") return {
   kind: "gone",
   meta: meta
  };
  const app = foreignValues.readApp(answer["app"], OBJECT_FORM);
  return answer["kind"] === "found" && app.ok && app.app.id === id ? {
   kind: "found",
   meta: meta,
   app: app.app
  } : null;
 });
}

function toModuleDestroyAnswer(value) {
 return read("destroy", value, answer => {
  const {kind: kind} = answer;
  const meta = foreignValues.readAnswerMeta(answer["meta"]);
  if (kind === "deleted" || kind === "accepted" || kind === "gone") return {
   kind: kind,
   meta: meta
  };
  if (kind === "changed" || kind === "busy") return {
   kind: kind,
   meta: meta,
   detail: textOf(answer["detail"])
  };
  return null;
 });
}

function toThrownFailure(call, thrown) {
 const said = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
 return foreignValues.createFailure("ambiguous", {
  status: null
 }, `the provider module's ${call} threw ${said}`);
}

function read(call, value, own) {
 const nonsense = () => foreignValues.createFailure("ambiguous", {
  status: null
 }, `the provider module's ${call} returned no answer of the contract`);
 if (!core.isJsonObject(value)) return nonsense();
 const answer = own(value);
 if (answer !== null) return answer;
 const {kind: kind} = value;
 if (!foreignValues.isFailureKind(kind)) return nonsense();
 return foreignValues.createFailure(kind, foreignValues.readAnswerMeta(value["meta"]), textOf(value["detail"]));
}

function textOf(value) {
 return core.plain(typeof value === "string" ? value : "no detail given");
}

const DEFAULT_PACE = Object.freeze({
 emissionIntervalMs: 100,
 burst: 10
});

const METHODS = [ "open", "list", "get", "destroy", "close" ];

async function openModuleProvider(options) {
 const {path: path, account: account, clock: clock, timeoutMs: timeoutMs} = options;
 const raw = await makeProvider(options);
 const foreign = checkShape(raw, path);
 const accountId = account === null ? foreign.accountId : core.hashIdentity([ "module", "account", account ]);
 const guarded = async (call, signal, act) => {
  core.throwIfAborted(signal);
  return await core.withTimeout({
   clock: clock,
   timeoutMs: timeoutMs,
   parent: signal,
   waitingFor: `the provider module's ${call}`,
   onTimeout: () => new core.UnavailableError("it did not answer in time")
  }, act);
 };
 const call = async (name, signal, use) => {
  try {
   return use.read(await guarded(name, signal, use.act));
  } catch (thrown) {
   core.throwIfAborted(signal);
   return toThrownFailure(name, thrown);
  }
 };
 return {
  name: foreign.name,
  accountId: accountId,
  capabilities: foreign.capabilities,
  pace: foreign.pace,
  open: options => call("open", options.signal, {
   act: async signal => raw.open({
    signal: signal
   }),
   read: toModuleScopeAnswer
  }),
  list: (cursor, options) => call("list", options.signal, {
   act: async signal => raw.list(cursor, {
    signal: signal
   }),
   read: toModuleListAnswer
  }),
  get: (id, options) => call("get", options.signal, {
   act: async signal => raw.get(id, {
    signal: signal
   }),
   read: value => toModuleGetAnswer(value, id)
  }),
  destroy: (app, options) => call("destroy", options.signal, {
   act: async signal => raw.destroy(app, {
    ...options,
    signal: signal
   }),
   read: toModuleDestroyAnswer
  }),
  close: async () => raw.close()
 };
}

async function makeProvider(options) {
 const {path: path, env: env, cwd: cwd, account: account} = options;
 let loaded;
 try {
  loaded = await (import(require$$1.pathToFileURL(path).href));
 } catch (cause) {
  throw refusal(path, `could not be loaded: ${describe(cause)}; \`node ${core.plain(path)}\` shows where`, cause);
 }
 if (typeof loaded.createProvider !== "function") throw refusal(path, "exports no function createProvider");
 try {
  return await loaded.createProvider({
   env: env,
   cwd: cwd,
   account: account
  });
 } catch (cause) {
  throw refusal(path, `could not make its provider: ${describe(cause)}`, cause);
 }
}

function checkShape(value, path) {
 if (!core.isJsonObject(value)) throw refusal(path, "createProvider returned no object");
 const missing = METHODS.filter(name => typeof value[name] !== "function");
 if (missing.length > 0) throw refusal(path, `its provider has no ${missing.join(", ")}`);
 const {name: name, accountId: accountId} = value;
 if (typeof name !== "string" || !/^[a-z][a-z0-9-]{0,31}$/.test(name)) throw refusal(path, "its provider needs a name of lower-case letters, digits and dashes, 32 at most");
 if (typeof accountId !== "string" || !/^[A-Za-z0-9._-]{1,64}$/.test(accountId)) throw refusal(path, "its provider needs an accountId of letters, digits, dots and dashes, 64 at most");
 return {
  name: name,
  accountId: accountId,
  capabilities: readCapabilities(value, path),
  pace: readPace(value, path)
 };
}

function readCapabilities(value, path) {
 const given = value["capabilities"];
 if (!core.isJsonObject(given)) throw refusal(path, "its provider has no capabilities");
 const {atomicPrecondition: atomicPrecondition, openRequests: openRequests, pageSize: pageSize, listsWhileOpening: listsWhileOpening = false} = given;
 const isSound = typeof atomicPrecondition === "boolean" && (openRequests === 0 || openRequests === 1) && typeof pageSize === "number" && pageSize >= 1 && typeof listsWhileOpening === "boolean";
 if (!isSound) throw refusal(path, "its capabilities need atomicPrecondition (boolean), openRequests (0 or 1) and pageSize; listsWhileOpening is a boolean");
 return Object.freeze({
  atomicPrecondition: atomicPrecondition,
  openRequests: openRequests,
  pageSize: pageSize,
  listsWhileOpening: listsWhileOpening
 });
}

function readPace(value, path) {
 const given = value["pace"];
 if (given === undefined) return DEFAULT_PACE;
 const {emissionIntervalMs: emissionIntervalMs, burst: burst} = core.isJsonObject(given) ? given : {};
 const isSound = typeof emissionIntervalMs === "number" && emissionIntervalMs > 0 && emissionIntervalMs <= 36e5 && typeof burst === "number" && Number.isSafeInteger(burst) && burst >= 1;
 if (!isSound) throw refusal(path, "its pace needs emissionIntervalMs and burst, both above 0");
 return Object.freeze({
  emissionIntervalMs: emissionIntervalMs,
  burst: burst
 });
}

function refusal(path, problem, cause) {
 return new core.ConfigError([ {
  option: "providerModule",
  message: `${core.plain(path)} ${problem}`
 } ], {
  cause: cause
 });
}

function describe(thrown) {
 return core.plain(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
}

exports.openModuleProvider = openModuleProvider;
