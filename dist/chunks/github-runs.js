"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const ID = /^[1-9]\d{0,17}$/;

const RUN_URL = /^(https?:\/\/[^/]+)\/([^/]+\/[^/]+)\/actions\/runs\/(\d+)(?:[/?#]|$)/;

function parseRunPlace(holder, serverUrl) {
 const {run: run = "", attempt: attempt = "", job: job = ""} = holder;
 if (!ID.test(run)) return null;
 const [, server, name = "", runInUrl] = RUN_URL.exec(holder.url ?? "") ?? [];
 const repository = core.parseRepository(name);
 const isOwn = server !== undefined && server === serverUrl && runInUrl === run;
 return {
  run: run,
  attempt: ID.test(attempt) ? Number(attempt) : null,
  job: ID.test(job) ? job : null,
  repository: isOwn && repository.ok ? repository.value : null
 };
}

function isJobOver(data, place) {
 if (!core.isJsonObject(data) || data["status"] !== "completed") return false;
 const isSameJob = String(data["id"]) === place.job && String(data["run_id"]) === place.run;
 return isSameJob && (place.attempt === null || data["run_attempt"] === place.attempt);
}

function isRunOver(data, place) {
 if (!core.isJsonObject(data) || String(data["id"]) !== place.run) return false;
 const attempt = data["run_attempt"];
 if (place.attempt === null || typeof attempt !== "number") return data["status"] === "completed";
 if (attempt > place.attempt) return true;
 return attempt === place.attempt && data["status"] === "completed";
}

const REMEMBERED = 256;

function createGitHubEvidence(options) {
 const {client: client, clock: clock, logger: logger = core.nullLogger, serverUrl: serverUrl = null} = options;
 const {firstAskAfterMs: firstAskAfterMs = 1e4, askEveryMs: askEveryMs = 3e4, askEveryCountedMs: askEveryCountedMs = 18e4} = options;
 const known = new Map;
 const closed = new Set;
 function remember(id, knowledge) {
  known.delete(id);
  known.set(id, knowledge);
  const oldest = known.keys().next();
  if (known.size > REMEMBERED && !oldest.done) known.delete(oldest.value);
  return knowledge.isDead;
 }
 async function ask(base, place, about) {
  const {nowMs: nowMs, signal: signal} = about;
  const soon = nowMs + askEveryMs;
  const later = nowMs + askEveryCountedMs;
  if (place.job !== null && !about.hasNoJob) {
   const job = await client.read(`${base}/jobs/${place.job}`, {
    signal: signal
   });
   if (job.kind === "found") {
    return {
     isDead: isJobOver(job.data, place),
     askAgainAtMs: job.changed ? later : soon,
     hasNoJob: false
    };
   }
  }
  const run = await client.read(`${base}/runs/${place.run}`, {
   signal: signal
  });
  if (run.kind !== "found") return {
   isDead: false,
   askAgainAtMs: Number.POSITIVE_INFINITY,
   hasNoJob: true
  };
  return {
   isDead: isRunOver(run.data, place),
   askAgainAtMs: run.changed ? later : soon,
   hasNoJob: true
  };
 }
 return {
  async isDead(holder, {signal: signal}) {
   const place = parseRunPlace(holder, serverUrl);
   if (place === null) return false;
   const {owner: owner, repo: repo} = place.repository ?? options.repository;
   const base = `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/actions`;
   if (closed.has(base)) return false;
   const id = `${base} ${place.run} ${place.attempt ?? ""} ${place.job ?? ""}`;
   const before = known.get(id);
   const nowMs = clock.monotonicMs();
   if (before === undefined && firstAskAfterMs > 0) {
    return remember(id, {
     isDead: false,
     askAgainAtMs: nowMs + firstAskAfterMs,
     hasNoJob: false
    });
   }
   if (before !== undefined && (before.isDead || nowMs < before.askAgainAtMs)) return before.isDead;
   const hasNoJob = before?.hasNoJob ?? false;
   remember(id, {
    isDead: false,
    askAgainAtMs: nowMs + askEveryMs,
    hasNoJob: hasNoJob
   });
   try {
    return remember(id, await ask(base, place, {
     hasNoJob: hasNoJob,
     nowMs: nowMs,
     signal: signal
    }));
   } catch (error) {
    if (core.hasCode(error, "auth")) closed.add(base);
    logger.debug(`no evidence about run ${place.run}: ${core.toError(error).message}`);
    return false;
   }
  }
 };
}

exports.createGitHubEvidence = createGitHubEvidence;
