"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const reap = require("./reap.js");

const http = require("node:http");

const https = require("node:https");

function _interopNamespaceDefault(e) {
 return Object.create(e, {
  default: {
   value: e
  }
 });
}

const http__namespace = _interopNamespaceDefault(http);

const https__namespace = _interopNamespaceDefault(https);

const MAX_RETRY_AFTER_MS = 24 * 36e5;

const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

function parseHttpDate(text) {
 if (text === undefined || !IMF_FIXDATE.test(text)) return undefined;
 const ms = Date.parse(text);
 return Number.isFinite(ms) ? ms : undefined;
}

function parseRetryAfter(text, serverNowMs) {
 if (text === undefined) return undefined;
 const atMs = parseHttpDate(text);
 const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1e3 : atMs !== undefined && serverNowMs !== undefined ? atMs - serverNowMs : Number.NaN;
 return waitMs >= 0 && waitMs <= MAX_RETRY_AFTER_MS ? waitMs : undefined;
}

function parseCount(text) {
 return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function readMeta(exchange, isThrottled) {
 const {headers: headers, status: status} = exchange;
 const serverNowMs = parseHttpDate(headers["date"]);
 const requestId = headers["request-id"] ?? headers["x-request-id"];
 return {
  status: status,
  ...requestId === undefined ? {} : {
   requestId: requestId
  },
  ...serverNowMs === undefined ? {} : {
   serverNowMs: serverNowMs
  },
  ...status === null ? {} : {
   rate: readRate(headers, isThrottled, serverNowMs)
  }
 };
}

function readRate(headers, throttled, serverNowMs) {
 const retryAfterMs = parseRetryAfter(headers["retry-after"], serverNowMs);
 const remaining = parseCount(headers["ratelimit-remaining"]);
 const limit = parseCount(headers["ratelimit-limit"]);
 return {
  throttled: throttled,
  ...retryAfterMs === undefined ? {} : {
   retryAfterMs: retryAfterMs
  },
  ...remaining === undefined ? {} : {
   remaining: remaining
  },
  ...limit === undefined ? {} : {
   limit: limit
  }
 };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function toScopeAnswer(answer) {
 const failure = toFailure(answer);
 if (failure) return {
  answer: failure,
  accountId: null
 };
 const account = parseObject(answer.exchange.body);
 const accountId = account?.["id"];
 if (typeof accountId !== "string" || accountId === "") return {
  answer: ambiguous(answer, "the answer is no account"),
  accountId: null
 };
 const email = account?.["email"];
 const label = typeof email === "string" && email !== "" ? email : accountId;
 return {
  answer: {
   kind: "open",
   meta: metaOf(answer.exchange),
   label: label
  },
  accountId: accountId
 };
}

function toRemaining({exchange: exchange}) {
 if (exchange.status !== 200 || exchange.problem !== null) return null;
 const remaining = parseObject(exchange.body)?.["remaining"];
 return typeof remaining === "number" && Number.isSafeInteger(remaining) && remaining >= 0 ? remaining : null;
}

function toListAnswer(answer, {scope: scope, askedRanges: askedRanges}) {
 const failure = toFailure(answer);
 if (failure) return failure;
 const items = parseJson(answer.exchange.body);
 if (!Array.isArray(items)) return ambiguous(answer, "the answer is no list");
 const apps = [];
 for (const item of items) {
  const app = parseHerokuApp(item, scope);
  if (app) apps.push(app);
 }
 const {next: next, broken: broken} = nextRange(answer.exchange, askedRanges);
 const unread = items.length - apps.length;
 const problem = broken ?? (unread > 0 ? `${unread} entries of the list cannot be read` : undefined);
 const page = {
  kind: "page",
  meta: metaOf(answer.exchange),
  apps: apps,
  next: next
 };
 return problem === undefined ? page : {
  ...page,
  broken: problem
 };
}

function toGetAnswer(answer, {id: id, scope: scope}) {
 if (isGone(answer.exchange)) return {
  kind: "gone",
  meta: metaOf(answer.exchange)
 };
 const failure = toFailure(answer);
 if (failure) return failure;
 const app = parseHerokuApp(parseJson(answer.exchange.body), scope);
 if (app === null || app.id !== id) return ambiguous(answer, "the answer is not the app asked for");
 return {
  kind: "found",
  meta: metaOf(answer.exchange),
  app: app
 };
}

function toDestroyAnswer(answer, id) {
 const {exchange: exchange} = answer;
 if (isGone(exchange)) return {
  kind: "gone",
  meta: metaOf(exchange)
 };
 const isComplete = exchange.problem === null;
 if (isComplete && (exchange.status === 409 || exchange.status === 422 || exchange.status === 423)) return {
  kind: "busy",
  meta: metaOf(exchange),
  detail: describe(answer)
 };
 const failure = toFailure(answer);
 if (failure) return failure;
 if (exchange.status === 202) return {
  kind: "accepted",
  meta: metaOf(exchange)
 };
 if (parseObject(exchange.body)?.["id"] !== id) return ambiguous(answer, "the answer does not name the deleted app");
 return {
  kind: "deleted",
  meta: metaOf(exchange)
 };
}

function parseHerokuApp(value, scope) {
 if (!core.isJsonObject(value)) return null;
 const id = value["id"];
 const name = value["name"];
 if (typeof id !== "string" || id === "" || typeof name !== "string" || name === "") return null;
 return {
  id: id,
  name: name,
  createdAtMs: reap.parseTimestamp(value["created_at"]),
  version: versionOf(value),
  state: "ready",
  isProtected: typeof value["archived_at"] === "string",
  inScope: isInScope(value, scope),
  parentId: null
 };
}

function parseAppLimit(status, body) {
 if (status !== 422) return null;
 const error = parseObject(body);
 const message = error?.["message"];
 if (error?.["id"] !== "invalid_params" || typeof message !== "string") return null;
 if (!/\bapp limit\b|\blimit of \d+ apps\b/i.test(message)) return null;
 const count = /\blimit of (\d{1,7})\b/i.exec(message)?.[1];
 return {
  limit: count === undefined ? null : Number(count)
 };
}

function isInScope(app, scope) {
 const team = app["team"];
 if (scope.kind === "team") {
  if (!core.isJsonObject(team)) return false;
  const isAskedById = UUID.test(scope.team) && team["id"] === undefined;
  return team["name"] === scope.team || team["id"] === scope.team || isAskedById;
 }
 const owner = app["owner"];
 const isOwn = scope.accountId !== null && core.isJsonObject(owner) && owner["id"] === scope.accountId;
 return isOwn && (team === null || team === undefined);
}

function versionOf(app) {
 const parts = [ app["released_at"], app["updated_at"], app["maintenance"] ];
 if (parts.every(part => part === undefined)) return null;
 return parts.map(part => JSON.stringify(part ?? null)).join("|");
}

function nextRange(exchange, askedRanges) {
 const next = exchange.headers["next-range"];
 if (next === undefined) {
  const isCut = exchange.status !== 200;
  return {
   next: null,
   broken: isCut ? "the answer is partial but does not say what follows" : undefined
  };
 }
 if (!/^[\x20-\x7e]{1,512}$/.test(next)) return {
  next: null,
  broken: "the next range cannot be read"
 };
 if (askedRanges.has(next)) return {
  next: null,
  broken: "the list leads back to a page already read"
 };
 return {
  next: next,
  broken: undefined
 };
}

function isGone(exchange) {
 return exchange.status === 404 && exchange.problem === null && parseObject(exchange.body)?.["id"] === "not_found";
}

function toFailure(answer) {
 const {status: status, problem: problem, body: body} = answer.exchange;
 const fail = kind => ({
  kind: kind,
  meta: metaOf(answer.exchange),
  detail: describe(answer)
 });
 if (status === null) return fail("ambiguous");
 if (status === 401) return fail("unauthorized");
 if (isThrottled(answer.exchange)) return fail("throttled");
 if (status === 403) return fail("forbidden");
 if (problem !== null || status < 200 || status === 408) return fail("ambiguous");
 if (status < 300) return null;
 const isOwnWord = status !== 404 || parseObject(body)?.["id"] !== undefined;
 return fail(status >= 400 && status < 500 && isOwnWord ? "invalid" : "ambiguous");
}

function isThrottled({status: status, headers: headers, body: body}) {
 if (status === 429) return true;
 if (status !== 403) return false;
 if (headers["retry-after"] !== undefined) return true;
 return headers["ratelimit-remaining"] === "0" && parseObject(body)?.["id"] !== "forbidden";
}

function metaOf(exchange) {
 return readMeta(exchange, isThrottled(exchange));
}

function ambiguous(answer, why) {
 const {status: status} = answer.exchange;
 const detail = `${answer.what}: status ${status ?? "none"}, ${why}`;
 return {
  kind: "ambiguous",
  meta: metaOf(answer.exchange),
  detail: core.plain(answer.redact(detail))
 };
}

function describe({exchange: exchange, what: what, redact: redact}) {
 const error = parseObject(exchange.body);
 const said = [ error?.["id"], error?.["message"] ].filter(part => typeof part === "string").join(": ");
 const parts = [ exchange.status === null ? "" : `status ${exchange.status}`, exchange.problem ?? "", said ];
 return core.plain(redact(`${what}: ${parts.filter(Boolean).join(", ")}`));
}

function parseJson(text) {
 try {
  return JSON.parse(text);
 } catch {
  return undefined;
 }
}

function parseObject(text) {
 const value = parseJson(text);
 return core.isJsonObject(value) ? value : null;
}

const IDLE_CONNECTION_MS = 4e3;

function createHttpClient({baseUrl: baseUrl, clock: clock, timeoutMs: timeoutMs}) {
 const transport = baseUrl.protocol === "https:" ? https__namespace : http__namespace;
 const agent = new transport.Agent({
  keepAlive: true,
  timeout: IDLE_CONNECTION_MS
 });
 const prefix = baseUrl.pathname.replace(/\/+$/, "");
 return {
  async send(call) {
   core.throwIfAborted(call.signal);
   return await exchange(() => transport.request({
    agent: agent,
    protocol: baseUrl.protocol,
    hostname: baseUrl.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: baseUrl.port,
    method: call.method,
    path: `${prefix}${call.path}`,
    headers: call.headers
   }), {
    call: call,
    clock: clock,
    timeoutMs: timeoutMs
   });
  },
  close: () => agent.destroy()
 };
}

function exchange(start, {call: call, clock: clock, timeoutMs: timeoutMs}) {
 return new Promise((resolve, reject) => {
  let status = null;
  let headers = {};
  const chunks = [];
  let size = 0;
  let isSettled = false;
  let request;
  try {
   request = start();
  } catch (error) {
   resolve({
    status: status,
    headers: headers,
    body: "",
    problem: `the request cannot be sent: ${describeFailure(error)}`
   });
   return;
  }
  const timer = clock.startTimer(timeoutMs, () => settle(`no complete answer within ${core.formatDuration(timeoutMs)}`));
  const onAbort = () => settle("cancelled");
  const settle = problem => {
   if (isSettled) return;
   isSettled = true;
   timer.cancel();
   call.signal.removeEventListener("abort", onAbort);
   if (problem !== null) request.destroy();
   if (call.signal.aborted) return reject(core.abortReason(call.signal));
   const body = problem === null ? Buffer.concat(chunks).toString("utf8") : "";
   resolve({
    status: status,
    headers: headers,
    body: body,
    problem: problem
   });
  };
  call.signal.addEventListener("abort", onAbort, {
   once: true
  });
  request.on("error", error => settle(describeFailure(error)));
  request.on("response", response => {
   status = response.statusCode ?? null;
   headers = singleHeaders(response.headers);
   response.on("data", chunk => {
    size += chunk.length;
    if (size > call.maxBodyBytes) settle(`the answer is larger than ${call.maxBodyBytes} bytes`); else chunks.push(chunk);
   });
   response.on("error", error => settle(describeFailure(error)));
   response.on("end", () => settle(response.complete ? null : "the answer broke off"));
  });
  request.end();
 });
}

function singleHeaders(raw) {
 const single = {};
 for (const [name, value] of Object.entries(raw)) if (typeof value === "string") single[name] = value;
 return single;
}

const FAILURES = Object.freeze({
 ECONNRESET: "the connection was reset",
 ECONNREFUSED: "the connection was refused",
 EPIPE: "the connection was closed",
 ENOTFOUND: "the host name could not be resolved",
 EAI_AGAIN: "the host name could not be resolved",
 ETIMEDOUT: "the connection timed out",
 EHOSTUNREACH: "the host is unreachable",
 ENETUNREACH: "the network is unreachable"
});

function describeFailure(error) {
 const code = error.code;
 if (code === undefined) return "the connection failed";
 return `${FAILURES[code] ?? "the connection failed"} (${code})`;
}

const PAGE_SIZE = 1e3;

const FIRST_RANGE = `id ..; max=${PAGE_SIZE}`;

const MAX_PAGE_BYTES = 4 * 1024 * 1024;

const MAX_BODY_BYTES = 64 * 1024;

function createHerokuProvider(options) {
 const {apiKey: apiKey, team: team, account: account, clock: clock, timeoutMs: timeoutMs} = options;
 const baseUrl = new URL(options.apiUrl);
 const client = createHttpClient({
  baseUrl: baseUrl,
  clock: clock,
  timeoutMs: timeoutMs
 });
 const redact = core.createRedactor([ apiKey ]);
 const headers = {
  accept: "application/vnd.heroku+json; version=3",
  authorization: `Bearer ${apiKey}`,
  "user-agent": userAgentOf(options.client)
 };
 let scope = team === null ? {
  kind: "own",
  accountId: null
 } : {
  kind: "team",
  team: team
 };
 let opening = null;
 const askedRanges = new Set;
 const send = async call => ({
  what: `${call.method} ${call.path}`,
  redact: redact,
  exchange: await client.send({
   method: call.method,
   path: call.path,
   signal: call.signal,
   headers: {
    ...headers,
    ...call.extra
   },
   maxBodyBytes: call.maxBodyBytes ?? MAX_BODY_BYTES
  })
 });
 const readAccount = async signal => {
  const {answer: answer, accountId: accountId} = toScopeAnswer(await send({
   method: "GET",
   path: "/account",
   signal: signal
  }));
  if (accountId !== null) scope = {
   kind: "own",
   accountId: accountId
  };
  return answer;
 };
 const findScopeFailure = async () => {
  const opened = await opening;
  if (opened === null || opened.kind === "open" || scope.kind === "team" || scope.accountId !== null) return null;
  return {
   kind: "invalid",
   meta: opened.meta,
   detail: `the account is not known: ${opened.detail}`
  };
 };
 return {
  name: "heroku",
  accountId: core.hashIdentity(account === null ? [ "heroku", baseUrl.origin + baseUrl.pathname, team === null ? "own" : `team:${team}`, apiKey ] : [ "heroku", "account", account ]),
  capabilities: {
   atomicPrecondition: false,
   openRequests: team === null ? 1 : 0,
   pageSize: PAGE_SIZE,
   listsWhileOpening: true
  },
  pace: {
   emissionIntervalMs: 800,
   burst: 4500
  },
  async open({signal: signal}) {
   if (team !== null) return {
    kind: "open",
    meta: {
     status: null
    },
    label: `team ${team}`
   };
   opening = readAccount(signal);
   return await opening;
  },
  async list(cursor, {signal: signal}) {
   if (cursor === null) askedRanges.clear();
   const range = cursor ?? FIRST_RANGE;
   askedRanges.add(range);
   const path = team === null ? "/users/~/apps" : `/teams/${encodeURIComponent(team)}/apps`;
   const answer = await send({
    method: "GET",
    path: path,
    signal: signal,
    extra: {
     range: range
    },
    maxBodyBytes: MAX_PAGE_BYTES
   });
   const scopeFailure = await findScopeFailure();
   const page = toListAnswer(answer, {
    scope: scope,
    askedRanges: askedRanges
   });
   return page.kind === "page" && scopeFailure ? scopeFailure : page;
  },
  async get(id, {signal: signal}) {
   const path = appPath(id);
   if (path === null) return refusedId(id);
   return toGetAnswer(await send({
    method: "GET",
    path: path,
    signal: signal
   }), {
    id: id,
    scope: scope
   });
  },
  async destroy(app, {signal: signal, fencingToken: fencingToken}) {
   const path = appPath(app.id);
   if (path === null) return refusedId(app.id);
   const extra = {
    "x-lockstep-fencing-token": String(fencingToken)
   };
   return toDestroyAnswer(await send({
    method: "DELETE",
    path: path,
    signal: signal,
    extra: extra
   }), app.id);
  },
  async countRemaining({signal: signal}) {
   return toRemaining(await send({
    method: "GET",
    path: "/account/rate-limits",
    signal: signal
   }));
  },
  classifyLimit: ({status: status, body: body}) => parseAppLimit(status, body),
  async close() {
   client.close();
  }
 };
}

function appPath(id) {
 if (id === "" || id === "." || id === ".." || id.includes("/") || id.length > 128) return null;
 return `/apps/${encodeURIComponent(id)}`;
}

function refusedId(id) {
 const shown = JSON.stringify(id.slice(0, 40));
 return {
  kind: "invalid",
  meta: {
   status: null
  },
  detail: `the app id ${shown} is not one to put in a path; nothing was sent`
 };
}

function userAgentOf(client) {
 const printable = client?.replace(/[^\x20-\x7e]|[()]/g, "").slice(0, 100);
 return printable ? `lockstep (${printable})` : "lockstep";
}

exports.createHerokuProvider = createHerokuProvider;
