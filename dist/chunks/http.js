"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const result = require("./result.js");

const retryAfter = require("./retry-after.js");

const MAX_REDIRECTS = 5;

const REDIRECTS = new Set([ 301, 302, 303, 307, 308 ]);

const MAX_SNIPPET = 120;

function createHttpProbe(options) {
 const {id: id, target: target, connections: connections, clock: clock} = options;
 const headers = createHeaders(options);
 const redact = core.createRedactor(secretsOf(options));
 let known = null;
 const ask = async signal => {
  let url = new URL(target.url);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
   const answer = await connections.get(url, {
    headers: {
     ...headers,
     ...known?.condition
    },
    signal: signal
   });
   if (answer.kind === "no-answer") return result.unreachable(redact(answer.detail));
   const location = answer.headers["location"];
   if (!REDIRECTS.has(answer.status) || location === undefined) return answer;
   const next = parseLocation(location, url);
   if (next === null) return critical(`HTTP ${answer.status} to a place that is not a URL`);
   if (next.origin !== url.origin) return critical(`HTTP ${answer.status} to ${next.origin}; only redirects within ${url.origin} are followed`);
   url = next;
  }
  return critical(`more than ${MAX_REDIRECTS} redirects`);
 };
 const judge = answer => {
  const {status: status} = answer;
  if (status === 304 && known) return known.result;
  if (status >= 200 && status < 300) {
   const result = judgeSuccess(answer);
   const condition = conditionOf(answer.headers);
   known = condition && result.hint === null ? {
    condition: condition,
    result: result
   } : null;
   return result;
  }
  known = null;
  const retryAfterMs = retryAfter.parseRetryAfter(answer.headers, clock.wallMs());
  return result.createResult({
   status: status === 429 ? "warning" : "critical",
   detail: `HTTP ${status}${snippet(answer, redact)}`,
   ...retryAfterMs === undefined ? {} : {
    retryAfterMs: retryAfterMs
   }
  });
 };
 return {
  id: id,
  watch: null,
  async probe({signal: signal}) {
   const answer = await ask(signal);
   return "kind" in answer ? judge(answer) : answer;
  },
  async close() {}
 };
}

function judgeSuccess(answer) {
 const type = answer.headers["content-type"] ?? "";
 const base = {
  status: "passing",
  detail: `HTTP ${answer.status}`
 };
 if (answer.cut) return result.createResult({
  ...base,
  detail: `${base.detail}, but its body is over 64 KiB`,
  hint: "pending"
 });
 if (/\b(html|xml)\b/i.test(type)) return result.createResult(base);
 const body = result.parseDocument(answer.body);
 if (body !== undefined) return result.createResult({
  ...base,
  body: body
 });
 if (/[/+]json\b/i.test(type) && !isScalar(answer.body)) return result.createResult({
  ...base,
  detail: `${base.detail}, but its JSON cannot be read`,
  hint: "pending"
 });
 return result.createResult(base);
}

function isScalar(text) {
 return /^\s*(true|false|null|-?\d[\d.eE+-]*|"[^"]*")?\s*$/.test(text);
}

function critical(detail) {
 return result.createResult({
  status: "critical",
  detail: detail
 });
}

function conditionOf(headers) {
 const etag = headers["etag"];
 if (etag !== undefined) return {
  "if-none-match": etag
 };
 const modified = headers["last-modified"];
 return modified === undefined ? null : {
  "if-modified-since": modified
 };
}

function snippet(answer, redact) {
 if (/\b(html|xml)\b/i.test(answer.headers["content-type"] ?? "")) return "";
 const line = answer.body.trimStart().split("\n", 1)[0]?.trim() ?? "";
 return line === "" ? "" : `: ${core.plain(redact(line), MAX_SNIPPET)}`;
}

function parseLocation(location, base) {
 if (!URL.canParse(location, base.href)) return null;
 const url = new URL(location, base);
 url.username = "";
 url.password = "";
 return url;
}

function createHeaders({target: target, headers: headers = {}}) {
 const own = {
  accept: "application/json, */*;q=0.5",
  "accept-encoding": "identity",
  "cache-control": "no-cache",
  "user-agent": "lockstep"
 };
 for (const [name, value] of Object.entries(headers)) own[name.toLowerCase()] = value;
 if (target.credentials && own["authorization"] === undefined) {
  const {user: user, password: password} = target.credentials;
  own["authorization"] = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
 }
 return own;
}

function secretsOf({target: target, headers: headers = {}}) {
 const secrets = Object.values(headers).flatMap(value => [ value, value.replace(/^\S+\s+/, "") ]);
 if (target.credentials) {
  const {user: user, password: password} = target.credentials;
  secrets.push(`${user}:${password}`, password);
 }
 secrets.push(...new URL(target.url).searchParams.values());
 return secrets;
}

exports.createHttpProbe = createHttpProbe;
