"use strict";

const core = require("./core.js");

const result = require("./result.js");

const MAX_PATHS = 8;

function createGithubMemory(reader) {
 const known = new Map;
 return {
  async read(path, signal) {
   core.throwIfAborted(signal);
   const earlier = known.get(path);
   let answer;
   try {
    answer = await reader.get(path, {
     signal: signal,
     etag: earlier?.etag ?? null
    });
   } catch (error) {
    core.throwIfAborted(signal);
    return {
     kind: "result",
     result: result.unreachable(`GitHub: ${core.toError(error).message}`)
    };
   }
   if (answer.status === 304 && earlier) return {
    kind: "body",
    body: earlier.body
   };
   known.delete(path);
   if (answer.status !== 200) return {
    kind: "result",
    result: judgeRefusal(answer)
   };
   if (answer.etag !== null) known.set(path, {
    etag: answer.etag,
    body: answer.body
   });
   for (const oldest of known.keys()) {
    if (known.size <= MAX_PATHS) break;
    known.delete(oldest);
   }
   return {
    kind: "body",
    body: answer.body
   };
  }
 };
}

function listOf(value) {
 return Array.isArray(value) && value.every(core.isJsonObject) ? value : null;
}

function judgeRefusal({status: status, body: body, retryAfterMs: retryAfterMs}) {
 const message = core.isJsonObject(body) && typeof body["message"] === "string" ? body["message"] : "";
 const detail = `GitHub: HTTP ${status}${message === "" ? "" : `: ${core.plain(message, 120)}`}`;
 if (status === 404 || status === 422) return result.createResult({
  status: "critical",
  detail: detail,
  absent: "upstream"
 });
 if (status === 401) return result.createResult({
  status: "critical",
  detail: detail,
  hint: "fatal"
 });
 return result.unreachable(detail, retryAfterMs ?? undefined);
}

exports.createGithubMemory = createGithubMemory;

exports.listOf = listOf;
