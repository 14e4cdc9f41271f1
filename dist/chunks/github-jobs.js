"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const PAGE = 100;

const MAX_PAGES = 5;

const ID = /^[1-9]\d{0,17}$/;

const NOTHING = Object.freeze({
 ended: [],
 endedIds: new Set
});

function createGitHubJobs(options) {
 const {client: client, repository: repository, run: run, attempt: attempt, logger: logger = core.nullLogger} = options;
 const {owner: owner, repo: repo} = repository;
 const path = `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/actions/runs/${run}/attempts/${attempt}/jobs`;
 let isClosed = !ID.test(run);
 const list = async signal => {
  const jobs = [];
  for (let page = 1; page <= MAX_PAGES; page += 1) {
   const read = await client.read(`${path}?per_page=${PAGE}&page=${page}`, {
    signal: signal
   });
   if (read.kind !== "found" || !core.isJsonObject(read.data)) return null;
   const {jobs: found, total_count: total} = read.data;
   if (!Array.isArray(found)) return null;
   jobs.push(...found.filter(core.isJsonObject));
   if (found.length < PAGE || typeof total === "number" && jobs.length >= total) break;
  }
  return jobs;
 };
 return {
  async look(question, {signal: signal}) {
   if (isClosed) return NOTHING;
   try {
    const jobs = await list(signal);
    return jobs ? judgeJobs(jobs, question, options) : NOTHING;
   } catch (error) {
    if (core.hasCode(error, "auth")) isClosed = true;
    logger.debug(`no evidence about the jobs of run ${run}: ${core.toError(error).message}`);
    return NOTHING;
   }
  }
 };
}

function judgeJobs(jobs, {members: members, claim: claim}, {run: run, attempt: attempt, jobName: jobName}) {
 const own = jobs.filter(job => job["run_attempt"] === undefined || job["run_attempt"] === attempt);
 const over = own.filter(job => job["status"] === "completed");
 const endedIds = new Set(over.map(job => String(job["id"])));
 if (jobName === null) return {
  ended: [],
  endedIds: endedIds
 };
 const ended = members.flatMap(member => {
  const same = own.filter(job => isNamed(job["name"], member, jobName));
  const last = same.every(job => job["status"] === "completed") ? same.at(-1) : undefined;
  if (!last || last["conclusion"] === "success") return [];
  return [ {
   name: member,
   run: run,
   attempt: attempt,
   detail: describeEnd(last)
  } ];
 });
 const skipped = over.find(job => job["conclusion"] === "skipped" && isUnexpanded(job["name"], jobName));
 const all = skipped ? members.map(name => ({
  name: name,
  run: run,
  attempt: attempt,
  detail: describeEnd(skipped)
 })) : ended;
 const {incarnation: incarnation, member: member} = claim ?? {};
 const isHolderOver = incarnation?.run === run && incarnation.attempt === attempt && own.some(job => isNamed(job["name"], member ?? "", jobName)) && own.every(job => !isNamed(job["name"], member ?? "", jobName) || job["status"] === "completed");
 if (isHolderOver && incarnation) endedIds.add(incarnation.id);
 return {
  ended: all,
  endedIds: endedIds
 };
}

function isNamed(name, member, jobName) {
 const wanted = jobName.replaceAll("{member}", member);
 return typeof name === "string" && (name === wanted || name.endsWith(` / ${wanted}`));
}

function isUnexpanded(name, jobName) {
 if (typeof name !== "string" || !jobName.includes("{member}")) return false;
 const [start = "", end = ""] = jobName.split("{member}");
 const isExpression = name.startsWith(start) && name.endsWith(end) && name.includes("${{");
 return isExpression || start.endsWith(" (") && name === start.slice(0, -2);
}

function describeEnd(job) {
 const how = typeof job["conclusion"] === "string" ? job["conclusion"].replaceAll("_", " ") : "ended";
 const page = typeof job["html_url"] === "string" ? `, see ${job["html_url"]}` : "";
 return core.plain(`its job ended as ${how}${page}`);
}

exports.createGitHubJobs = createGitHubJobs;

exports.judgeJobs = judgeJobs;
