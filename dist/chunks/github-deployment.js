"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const githubReader = require("./github-reader.js");

const result = require("./result.js");

const STATUS_OF = new Map([ [ "success", "passing" ], [ "in_progress", "warning" ], [ "queued", "warning" ], [ "pending", "warning" ], [ "failure", "critical" ], [ "error", "critical" ], [ "inactive", "critical" ] ]);

function createGithubDeploymentProbe(options) {
 const {id: id, target: target, reader: reader, repository: repository} = options;
 const memory = githubReader.createGithubMemory(reader);
 const path = `/repos/${repository}/deployments`;
 const query = `?environment=${encodeURIComponent(target.environment)}&per_page=1`;
 return {
  id: id,
  watch: null,
  async probe({signal: signal}) {
   const deployments = await memory.read(`${path}${query}`, signal);
   if (deployments.kind === "result") return deployments.result;
   const latest = githubReader.listOf(deployments.body)?.[0];
   if (latest === undefined) return judgeNone(deployments.body);
   const deploymentId = latest["id"];
   if (typeof deploymentId !== "number") return result.unreachable("GitHub: a deployment without an id");
   const statuses = await memory.read(`${path}/${deploymentId}/statuses?per_page=1`, signal);
   return statuses.kind === "result" ? statuses.result : judgeStatuses(statuses.body);
  },
  async close() {}
 };
}

function judgeNone(body) {
 return Array.isArray(body) && body.length === 0 ? result.createResult({
  status: "unknown",
  detail: "no deployment there",
  hint: "pending"
 }) : result.unreachable("GitHub: no list of deployments in the answer");
}

function judgeStatuses(body) {
 const statuses = githubReader.listOf(body);
 if (statuses === null) return result.unreachable("GitHub: no list of deployment statuses in the answer");
 const state = statuses[0]?.["state"];
 if (state === undefined) return result.createResult({
  status: "warning",
  detail: "deployment without a status yet",
  hint: "pending"
 });
 if (typeof state !== "string") return result.unreachable("GitHub: a deployment status without a state");
 const status = STATUS_OF.get(state);
 const detail = `deployment ${core.plain(state.replaceAll("_", " "), 40)}`;
 if (status === undefined) return result.createResult({
  status: "unknown",
  detail: detail
 });
 return result.createResult({
  status: status,
  detail: detail,
  hint: status === "warning" ? "pending" : null
 });
}

exports.createGithubDeploymentProbe = createGithubDeploymentProbe;
