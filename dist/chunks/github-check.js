import { i as isJsonObject, p as plain } from "./core.js";

import { H as HEALTH_STATUSES } from "./contract.js";

import { l as listOf, c as createGithubMemory } from "./github-reader.js";

import { u as unreachable, c as createResult } from "./result.js";

const GOOD = new Set([ "success", "neutral", "skipped" ]);

function createGithubCheckProbe({id: id, target: target, reader: reader, repository: repository}) {
 const memory = createGithubMemory(reader);
 const name = encodeURIComponent(target.name);
 const path = `/repos/${repository}/commits/${encodeURIComponent(target.ref)}/check-runs?check_name=${name}&filter=latest&per_page=100`;
 return {
  id: id,
  watch: null,
  async probe({signal: signal}) {
   const answer = await memory.read(path, signal);
   if (answer.kind === "result") return answer.result;
   const runs = isJsonObject(answer.body) ? listOf(answer.body["check_runs"]) : null;
   return runs === null ? unreachable("GitHub: no list of check runs in the answer") : judgeRuns(runs);
  },
  async close() {}
 };
}

function judgeRuns(runs) {
 const results = runs.map(judgeRun);
 const worst = results.reduce((so, next) => so === null || rank(next) > rank(so) ? next : so, null);
 return worst ?? createResult({
  status: "unknown",
  detail: "no such check run",
  hint: "pending"
 });
}

function judgeRun(run) {
 const {status: status, conclusion: conclusion} = run;
 if (status !== "completed") return createResult({
  status: "warning",
  detail: typeof status === "string" ? plain(status, 40) : "not completed",
  hint: "pending"
 });
 const word = typeof conclusion === "string" ? plain(conclusion, 40) : "no conclusion";
 return createResult({
  status: GOOD.has(word) ? "passing" : "critical",
  detail: word
 });
}

function rank(result) {
 return HEALTH_STATUSES.indexOf(result.status);
}

export { createGithubCheckProbe };
