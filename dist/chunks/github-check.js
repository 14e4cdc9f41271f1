"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const contract = require("./contract.js");

const githubReader = require("./github-reader.js");

const result = require("./result.js");

const GOOD = new Set([ "success", "neutral", "skipped" ]);

function createGithubCheckProbe({id: id, target: target, reader: reader, repository: repository}) {
 const memory = githubReader.createGithubMemory(reader);
 const name = encodeURIComponent(target.name);
 const path = `/repos/${repository}/commits/${encodeURIComponent(target.ref)}/check-runs?check_name=${name}&filter=latest&per_page=100`;
 return {
  id: id,
  watch: null,
  async probe({signal: signal}) {
   const answer = await memory.read(path, signal);
   if (answer.kind === "result") return answer.result;
   const runs = core.isJsonObject(answer.body) ? githubReader.listOf(answer.body["check_runs"]) : null;
   return runs === null ? result.unreachable("GitHub: no list of check runs in the answer") : judgeRuns(runs);
  },
  async close() {}
 };
}

function judgeRuns(runs) {
 const results = runs.map(judgeRun);
 const worst = results.reduce((so, next) => so === null || rank(next) > rank(so) ? next : so, null);
 return worst ?? result.createResult({
  status: "unknown",
  detail: "no such check run",
  hint: "pending"
 });
}

function judgeRun(run) {
 const {status: status, conclusion: conclusion} = run;
 if (status !== "completed") return result.createResult({
  status: "warning",
  detail: typeof status === "string" ? core.plain(status, 40) : "not completed",
  hint: "pending"
 });
 const word = typeof conclusion === "string" ? core.plain(conclusion, 40) : "no conclusion";
 return result.createResult({
  status: GOOD.has(word) ? "passing" : "critical",
  detail: word
 });
}

function rank(result) {
 return contract.HEALTH_STATUSES.indexOf(result.status);
}

exports.createGithubCheckProbe = createGithubCheckProbe;
