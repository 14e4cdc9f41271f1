import { H as createRedactor, i as isJsonObject, p as plain } from "./core.js";

import { u as unreachable, p as parseDocument, c as createResult } from "./result.js";

import { p as parseRetryAfter } from "./retry-after.js";

function createHerokuReleaseProbe(options) {
 const {id: id, target: target, apiUrl: apiUrl, apiKey: apiKey, connections: connections, clock: clock} = options;
 const url = new URL(`${apiUrl.replace(/\/+$/, "")}/apps/${encodeURIComponent(target.app)}/releases`);
 const redact = createRedactor([ apiKey ]);
 let known = null;
 const judge = answer => {
  if (answer.status === 304 && known) return known.result;
  known = null;
  if (answer.status !== 200 && answer.status !== 206) return judgeRefusal(answer, clock, redact);
  const releases = parseDocument(answer.body);
  if (answer.cut || !Array.isArray(releases)) return unreachable("the API answered no list of releases");
  const result = judgeLatest(releases);
  const etag = answer.headers["etag"];
  if (etag !== undefined && !result.unreachable) known = {
   etag: etag,
   result: result
  };
  return result;
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
   return answer.kind === "answer" ? judge(answer) : unreachable(redact(answer.detail));
  },
  async close() {}
 };
}

function judgeLatest(releases) {
 if (releases.length === 0) return createResult({
  status: "unknown",
  detail: "no release yet",
  absent: "check",
  hint: "pending"
 });
 const latest = releases.filter(isJsonObject).reduce((best, release) => best !== null && Number(best["version"]) >= Number(release["version"]) ? best : release, null);
 const version = Number(latest?.["version"]);
 const status = latest?.["status"];
 if (!Number.isSafeInteger(version) || typeof status !== "string") return unreachable("the API answered a release without version and status");
 const detail = `release v${version} ${plain(status, 40)}`;
 if (status === "succeeded") return createResult({
  status: "passing",
  detail: detail
 });
 if (status === "pending") return createResult({
  status: "warning",
  detail: detail,
  hint: "pending"
 });
 return createResult({
  status: "critical",
  detail: detail,
  hint: "fatal"
 });
}

function judgeRefusal(answer, clock, redact) {
 const {status: status} = answer;
 const retryAfterMs = parseRetryAfter(answer.headers, clock.wallMs());
 const pause = retryAfterMs === undefined ? {} : {
  retryAfterMs: retryAfterMs
 };
 const document = parseDocument(answer.body);
 const message = isJsonObject(document) && typeof document["message"] === "string" ? document["message"] : "";
 const said = redact(`HTTP ${status}${message === "" ? "" : `: ${plain(message, 120)}`}`);
 if (status === 401 || status === 403) return createResult({
  status: "critical",
  detail: `HEROKU_API_KEY was refused: ${said}`,
  hint: "fatal"
 });
 if (status === 404) return createResult({
  status: "critical",
  detail: `no such app: ${said}`,
  absent: "upstream"
 });
 if (status === 429) return createResult({
  status: "warning",
  detail: said,
  hint: "pending",
  ...pause
 });
 return unreachable(said, retryAfterMs);
}

export { createHerokuReleaseProbe };
