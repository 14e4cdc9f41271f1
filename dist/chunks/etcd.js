"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const engine = require("./engine.js");

const http = require("node:http");

const https = require("node:https");

const tlsFiles = require("./tls-files.js");

const PREFIX = "lockstep/";

function nameOf(key) {
 return toBase64(PREFIX + key);
}

function keyOfName(name) {
 return fromBase64(name).slice(PREFIX.length);
}

function rangeUnder(border) {
 const start = border === "" ? PREFIX.slice(0, -1) : PREFIX + border;
 return {
  key: toBase64(`${start}/`),
  range_end: toBase64(`${start}0`)
 };
}

const REVISION = /^[1-9]\d{0,17}$/;

function formatTransaction(write) {
 const {expect: expect, value: value} = write;
 const key = nameOf(write.key);
 const condition = expect === null ? {
  target: "CREATE",
  create_revision: "0"
 } : {
  target: "MOD",
  mod_revision: expect
 };
 const effect = value === null ? {
  request_delete_range: {
   key: key
  }
 } : {
  request_put: {
   key: key,
   value: toBase64(value)
  }
 };
 return {
  compare: [ {
   key: key,
   result: "EQUAL",
   ...condition
  } ],
  success: [ effect ],
  failure: [ {
   request_range: {
    key: key
   }
  } ]
 };
}

function entryOf(response) {
 const [first] = listOf(response, "kvs");
 if (!core.isJsonObject(first)) return null;
 return Object.freeze({
  value: fromBase64(first["value"]),
  revision: String(first["mod_revision"])
 });
}

function currentOf(answer) {
 const [first] = listOf(answer, "responses");
 return core.isJsonObject(first) ? entryOf(first["response_range"]) : undefined;
}

function revisionOf(answer) {
 const header = answer["header"];
 return core.isJsonObject(header) ? String(header["revision"]) : "";
}

function listOf(answer, name) {
 const value = core.isJsonObject(answer) ? answer[name] : undefined;
 return Array.isArray(value) ? value : [];
}

class EtcdRefusal extends Error {
 status;
 constructor(status, text) {
  super(text);
  this.name = "EtcdRefusal";
  this.status = status;
 }
}

function parseRefusal(status, body) {
 try {
  const answer = JSON.parse(body);
  const text = core.isJsonObject(answer) ? answer["message"] ?? answer["error"] : null;
  if (typeof text === "string") return new EtcdRefusal(status, text);
 } catch {}
 return new EtcdRefusal(status, `HTTP ${status}: ${body.slice(0, 200)}`);
}

function isTokenStale(thrown) {
 return thrown instanceof EtcdRefusal && /invalid auth token|revision of auth store is old/i.test(thrown.message);
}

function translateRefusal(thrown, about) {
 if (!(thrown instanceof EtcdRefusal)) return null;
 const text = about.redact(thrown.message);
 const message = `${about.what}: ${text}`;
 const cause = new Error(text);
 if (/authentication failed|user name is empty|invalid auth token|auth store is old/i.test(text)) {
  return new core.AuthError(message, {
   hint: "put the right user and password into the URL: etcd://USER:PASSWORD@HOST:2379",
   cause: cause
  });
 }
 if (/permission denied/i.test(text)) {
  return new core.AuthError(message, {
   hint: "grant the role of this user: etcdctl role grant-permission ROLE readwrite --prefix lockstep/",
   cause: cause
  });
 }
 if (/database space exceeded/i.test(text)) {
  return new core.UnavailableError(message, {
   hint: "compact and defragment etcd, then: etcdctl alarm disarm",
   cause: cause
  });
 }
 if (thrown.status === 429 || /too many requests|learner/i.test(text)) {
  return new core.UnavailableError(message, {
   hint: "see to the cluster: its log says more",
   cause: cause
  });
 }
 if (thrown.status >= 400 && thrown.status < 500 && ![ 408, 429, 499 ].includes(thrown.status)) {
  return new core.UnsupportedError(message, {
   hint: "lockstep needs etcd 3.4 or later with its JSON gateway",
   cause: cause
  });
 }
 return null;
}

function toBase64(text) {
 return Buffer.from(text, "utf8").toString("base64");
}

function fromBase64(text) {
 return typeof text === "string" ? Buffer.from(text, "base64").toString("utf8") : "";
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const READ_CALL = {
 sending: () => undefined
};

function createEtcdGateway(address) {
 const {hosts: hosts, isTls: isTls, user: user, password: password} = address;
 const open = new Set;
 const agentOptions = {
  keepAlive: true,
  keepAliveMsecs: 5e3,
  scheduling: "lifo"
 };
 let agent = null;
 let token = null;
 let isAuthOff = false;
 let first = 0;
 let isClosed = false;
 const agentOf = () => {
  agent ??= isTls ? tlsFiles.readTlsFiles(address).then(files => new https.Agent({
   ...agentOptions,
   ...files
  })) : Promise.resolve(new http.Agent(agentOptions));
  agent.catch(() => {
   agent = null;
  });
  return agent;
 };
 const ask = async (about, call, onReached) => {
  const shared = await agentOf();
  if (isClosed) throw new core.UnavailableError(`${address.shown} was closed`);
  const {host: host, port: port} = hosts[about.at % hosts.length];
  const headers = {
   "content-type": "application/json",
   "content-length": Buffer.byteLength(about.text),
   "grpc-metadata-hasleader": "true",
   ...token === null ? {} : {
    authorization: token
   }
  };
  return new Promise((resolve, reject) => {
   const {signal: signal} = call;
   const send = isTls ? https.request : http.request;
   const request = send({
    host: host,
    port: port,
    path: about.path,
    method: "POST",
    headers: headers,
    agent: shared
   });
   open.add(request);
   const onAbort = () => request.destroy(new core.UnavailableError("given up"));
   const leave = () => {
    signal.removeEventListener("abort", onAbort);
   };
   signal.addEventListener("abort", onAbort, {
    once: true
   });
   request.once("close", () => {
    open.delete(request);
    leave();
   });
   request.on("error", reject);
   request.once("response", resolve);
   const depart = () => {
    try {
     onReached();
     call.sending();
     request.end(about.text);
    } catch (error) {
     request.destroy(error);
    }
   };
   request.once("socket", socket => {
    socket.setNoDelay(true);
    if (socket.connecting) socket.once(isTls ? "secureConnect" : "connect", depart); else depart();
   });
  });
 };
 const reach = async (path, body, call) => {
  const text = JSON.stringify(body);
  const start = first;
  for (let step = 0; ;step += 1) {
   let isReached = false;
   const at = start + step;
   try {
    return await ask({
     at: at,
     path: path,
     text: text
    }, call, () => {
     isReached = true;
    });
   } catch (error) {
    if (first === at) first = (at + 1) % hosts.length;
    const isLast = step + 1 >= hosts.length;
    if (isReached || isLast || call.signal.aborted || core.hasCode(error, "unsupported")) throw error;
   }
  }
 };
 const answerOf = async (path, body, call) => {
  const response = await reach(path, body, call);
  const text = await readAll(response);
  const answer = response.statusCode === 200 ? JSON.parse(text) : null;
  if (core.isJsonObject(answer)) return answer;
  throw parseRefusal(response.statusCode ?? 0, text);
 };
 const authenticate = async signal => {
  if (user === null || token !== null || isAuthOff) return;
  const credentials = {
   name: user,
   password: password ?? ""
  };
  try {
   const answer = await answerOf("/v3/auth/authenticate", credentials, {
    ...READ_CALL,
    signal: signal
   });
   token = String(answer["token"]);
  } catch (error) {
   if (!(error instanceof Error) || !/authentication is not enabled/i.test(error.message)) throw error;
   isAuthOff = true;
  }
 };
 return {
  async post(path, body, call) {
   await authenticate(call.signal);
   try {
    return await answerOf(path, body, call);
   } catch (error) {
    if (!isTokenStale(error) || user === null) throw error;
    token = null;
    isAuthOff = false;
    await authenticate(call.signal);
    return answerOf(path, body, call);
   }
  },
  async stream(path, {body: body, hear: hear, signal: signal}) {
   await authenticate(signal);
   const beginning = new AbortController;
   const onAbort = () => beginning.abort(signal.reason);
   signal.addEventListener("abort", onAbort, {
    once: true
   });
   try {
    const response = await reach(path, body, {
     ...READ_CALL,
     signal: beginning.signal
    });
    if (response.statusCode !== 200) {
     const refusal = parseRefusal(response.statusCode ?? 0, await readAll(response));
     if (isTokenStale(refusal)) token = null;
     throw refusal;
    }
    const ended = new Promise(resolve => response.once("close", resolve));
    readLines(response, hear);
    return {
     ended: ended,
     destroy: () => void response.destroy()
    };
   } finally {
    signal.removeEventListener("abort", onAbort);
   }
  },
  close() {
   isClosed = true;
   for (const request of open) request.destroy(new core.UnavailableError(`${address.shown} was closed`));
   agent?.then(opened => opened.destroy(), () => undefined);
  }
 };
}

async function readAll(response) {
 const chunks = [];
 let bytes = 0;
 for await (const chunk of response) {
  chunks.push(chunk);
  bytes += chunk.length;
  if (bytes > MAX_ANSWER_BYTES) throw new core.UnavailableError("an answer of etcd has no end");
 }
 return Buffer.concat(chunks).toString("utf8");
}

function readLines(response, hear) {
 let rest = "";
 response.setEncoding("utf8");
 response.on("error", () => {});
 response.on("data", chunk => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
   try {
    const value = JSON.parse(line);
    if (core.isJsonObject(value)) hear(value);
   } catch (error) {
    response.destroy(error);
   }
  }
 });
}

function openEtcdStore({url: url, ...settings}) {
 const parsed = core.parseServerUrl(url);
 core.invariant(parsed.ok, "an etcd store is opened by a parsed address");
 const address = parsed.value;
 const hide = core.createRedactor(address.password === null ? [] : [ address.password ]);
 const redact = text => core.plain(hide(text));
 const gateway = createEtcdGateway(address);
 const engine$1 = {
  url: address.shown,
  redact: redact,
  translate: (thrown, what) => translateRefusal(thrown, {
   what: what,
   redact: redact
  }),
  async read(key, {signal: signal}) {
   return entryOf(await gateway.post("/v3/kv/range", {
    key: nameOf(key)
   }, {
    signal: signal,
    sending: readsOnly
   }));
  },
  async write(write, call) {
   if (write.expect !== null && !REVISION.test(write.expect)) return {
    ok: false
   };
   const answer = await gateway.post("/v3/kv/txn", formatTransaction(write), call);
   if (answer["succeeded"] === true) return {
    ok: true,
    revision: revisionOf(answer)
   };
   const current = currentOf(answer);
   return current === undefined ? {
    ok: false
   } : {
    ok: false,
    current: current
   };
  },
  async list(border, {signal: signal}) {
   const ranges = [ rangeUnder(border), ...border === "" ? [] : [ {
    key: nameOf(border)
   } ] ];
   const answers = await Promise.all(ranges.map(range => gateway.post("/v3/kv/range", {
    ...range,
    keys_only: true
   }, {
    signal: signal,
    sending: readsOnly
   })));
   return answers.flatMap(answer => listOf(answer, "kvs")).map(found => keyOfName(core.isJsonObject(found) ? found["key"] : undefined));
  },
  subscribe: (key, onChange, signal) => subscribe(gateway, {
   key: key,
   onChange: onChange,
   signal: signal
  }),
  async close() {
   gateway.close();
  }
 };
 return engine.createEngineStore(engine$1, settings);
}

function readsOnly() {}

async function subscribe(gateway, about) {
 const {key: key, onChange: onChange, signal: signal} = about;
 let confirm = () => undefined;
 let fail = () => undefined;
 const confirmed = new Promise((resolve, reject) => {
  confirm = resolve;
  fail = reject;
 });
 confirmed.catch(() => undefined);
 let isCancelled = () => undefined;
 const cancelled = new Promise(resolve => {
  isCancelled = resolve;
 });
 const hear = line => {
  const result = line["result"];
  if (!core.isJsonObject(result) || result["canceled"] === true) {
   fail(new core.UnavailableError(`etcd ended the watch of ${key}`));
   return isCancelled();
  }
  if (result["created"] === true) confirm();
  if (listOf(result, "events").length > 0) onChange();
 };
 const body = {
  create_request: {
   key: nameOf(key)
  }
 };
 const stream = await gateway.stream("/v3/watch", {
  body: body,
  hear: hear,
  signal: signal
 });
 void stream.ended.then(() => fail(new core.UnavailableError(`etcd closed the watch of ${key}`)));
 const onAbort = () => stream.destroy();
 signal.addEventListener("abort", onAbort, {
  once: true
 });
 try {
  await confirmed;
 } catch (error) {
  stream.destroy();
  throw error;
 } finally {
  signal.removeEventListener("abort", onAbort);
 }
 return {
  lost: Promise.race([ stream.ended, cancelled ]),
  end: () => stream.destroy()
 };
}

exports.openEtcdStore = openEtcdStore;
