"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const result = require("./result.js");

const retryAfter = require("./retry-after.js");

function createHerokuReleaseProbe(options) {
 const {id: id, target: target, apiUrl: apiUrl, apiKey: apiKey, connections: connections, clock: clock} = options;
 const url = new URL(`${apiUrl.replace(/\/+$/, "")}/apps/${encodeURIComponent(target.app)}/releases`);
 const redact = core.createRedactor([ apiKey ]);
 let known = null;
 const judge = answer => {
  if (answer.status === 304 && known) return known.result;
  known = null;
  if (answer.status !== 200 && answer.status !== 206) return judgeRefusal(answer, clock, redact);
  const releases = result.parseDocument(answer.body);
  if (answer.cut || !Array.isArray(releases)) return result.unreachable("the API answered no list of releases");
  const result$1 = judgeLatest(releases);
  const etag = answer.headers["etag"];
  if (etag !== undefined && !result$1.unreachable) known = {
   etag: etag,
   result: result$1
  };
  return result$1;
 };
 return {
  id: id,
  watch: null,
  async probe({signal: signal}) {
   const headers = {
    accept: "application/vnd.heroku+json; version=3",
    authorization: `Bearer ${apiKey}`,
    range: "version ..; order=desc,max=1",
    "user-agent": "lockstep"
   };
   if (known) headers["if-none-match"] = known.etag;
   const answer = await connections.get(url, {
    headers: headers,
    signal: signal
   });
   return answer.kind === "answer" ? judge(answer) : result.unreachable(redact(answer.detail));
  },
  async close() {}
 };
}

function judgeLatest(releases) {
 if (releases.length === 0) return result.createResult({
  status: "unknown",
  detail: "no release yet",
  absent: "check",
  hint: "pending"
 });
 const latest = releases.filter(core.isJsonObject).reduce((best, release) => best !== null && Number(best["version"]) >= Number(release["version"]) ? best : release, null);
 const version = Number(latest?.["version"]);
 const status = latest?.["status"];
 if (!Number.isSafeInteger(version) || typeof status !== "string") return result.unreachable("the API answered a release without version and status");
 const detail = `release v${version} ${core.plain(status, 40)}`;
 if (status === "succeeded") return result.createResult({
  status: "passing",
  detail: detail
 });
 if (status === "pending") return result.createResult({
  status: "warning",
  detail: detail,
  hint: "pending"
 });
 return result.createResult({
  status: "critical",
  detail: detail,
  hint: "fatal"
 });
}

function judgeRefusal(answer, clock, redact) {
 const {status: status} = answer;
 const retryAfterMs = retryAfter.parseRetryAfter(answer.headers, clock.wallMs());
 const pause = retryAfterMs === undefined ? {} : {
  retryAfterMs: retryAfterMs
 };
 const document = result.parseDocument(answer.body);
 const message = core.isJsonObject(document) && typeof document["message"] === "string" ? document["message"] : "";
 const said = `HTTP ${status}${message === "" ? "" : `: ${core.plain(redact(message), 120)}`}`;
 if (status === 401 || status === 403) return result.createResult({
  status: "critical",
  detail: `HEROKU_API_KEY was refused: ${said}`,
  hint: "fatal"
 });
 if (status === 404) return result.createResult({
  status: "critical",
  detail: `no such app: ${said}`,
  absent: "upstream"
 });
 if (status === 429) return result.createResult({
  status: "warning",
  detail: said,
  hint: "pending",
  ...pause
 });
 return result.unreachable(said, retryAfterMs);
}

exports.createHerokuReleaseProbe = createHerokuReleaseProbe;
