"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const answers = require("./answers.js");

const gitData = require("./git-data.js");

const terminalDoctor = require("./terminal-doctor.js");

const contract = require("./contract2.js");

async function tryRuns({env: env}, what) {
 const {github: github, jobId: jobId, signal: signal} = what;
 const run = env["GITHUB_RUN_ID"];
 const about = {
  name: "live",
  tried: "read this job by its id (`job-id`)"
 };
 if (!run || !jobId) {
  return [ {
   ...terminalDoctor.NOT_TRIED,
   ...about,
   found: "this is no step of an Action, or the runner does not tell the id"
  } ];
 }
 const repository = env["GITHUB_REPOSITORY"] ?? what.repository;
 const {check: check} = await terminalDoctor.examine(about, async () => {
  const read = await github.read(`/repos/${repository}/actions/jobs/${jobId}`, {
   signal: signal
  });
  if (read.kind !== "found") return {
   status: "warning",
   found: "GitHub knows no such job: evidence is per run"
  };
  const {status: status, run_id: runId, run_attempt: attempt} = read.data;
  const isOwn = String(runId) === run;
  const found = `status ${String(status)}, run ${String(runId)}, attempt ${String(attempt)}`;
  return isOwn && status === "in_progress" ? {
   found: found
  } : {
   status: "warning",
   found: found
  };
 });
 return [ check.status === "problem" ? {
  ...check,
  status: "warning",
  exitCode: 0
 } : check ];
}

const COUNTS = Object.fromEntries(contract.COUNT_NAMES.map(name => [ name, 0 ]));

async function tryCache({env: env, clock: clock, logger: logger}, signal) {
 const about = {
  ...terminalDoctor.NOT_TRIED,
  name: "live",
  tried: "save two names in the cache and look for the newer one"
 };
 const {createCacheSnapshot: createCacheSnapshot, hasCacheService: hasCacheService} = await Promise.resolve().then(() => require("./cache-snapshot.js"));
 if (!hasCacheService(env)) return {
  ...about,
  found: "not reachable here: only the step of an Action can"
 };
 const said = [];
 const store = createCacheSnapshot({
  clock: clock,
  env: env,
  logger: {
   ...logger,
   debug: text => void said.push(text)
  }
 });
 const everyMs = 36e5;
 const subject = {
  identity: core.hashIdentity([ String(clock.wallMs()), String(clock.random()) ]),
  everyMs: everyMs
 };
 const atMs = Math.floor(clock.wallMs() / everyMs) * everyMs;
 const snapshots = [ atMs, atMs + 1 ].map(each => ({
  outcome: "clean",
  counts: COUNTS,
  atMs: each
 }));
 const startMs = clock.monotonicMs();
 const saved = [];
 for (const snapshot of snapshots) saved.push(await store.write(subject, snapshot));
 const savedMs = clock.monotonicMs() - startMs;
 const found = await store.read(subject, {
  signal: signal
 });
 const readMs = clock.monotonicMs() - startMs - savedMs;
 const spent = `two saves ${core.formatDuration(Math.ceil(savedMs))}, look-up ${core.formatDuration(Math.ceil(readMs))}`;
 if (!saved.every(Boolean)) return {
  ...about,
  status: "warning",
  found: `not saved: ${said.join("; ") || "refused"}`
 };
 if (found?.atMs === atMs + 1) return {
  ...about,
  status: "ok",
  found: `the newer one; ${spent}`
 };
 const what = found ? "the older one" : `nothing (${said.join("; ") || "a miss"})`;
 return {
  ...about,
  status: "warning",
  found: `${what}; ${spent}`
 };
}

async function checkLive(context, what) {
 const {address: address, resolved: resolved, signal: signal} = what;
 const {github: github} = what.parts;
 const repository = core.parseRepository(address.location);
 if (!github || !repository.ok) {
  const tried = "facts about GitHub";
  return [ {
   ...terminalDoctor.NOT_TRIED,
   name: "live",
   tried: tried,
   found: `${address.url} is not a GitHub store`
  } ];
 }
 const {owner: owner, repo: repo} = repository.value;
 const prefix = `${resolved.values.refPrefix}/doctor/${core.createNonce().slice(0, 8)}`;
 const bench = createBench({
  github: github,
  base: `/repos/${owner}/${repo}/git`,
  signal: signal
 });
 const checks = await tryReferences(bench, prefix);
 const runner = {
  github: github,
  repository: `${owner}/${repo}`,
  jobId: resolved.values.jobId,
  signal: signal
 };
 checks.push(...await tryRuns(context, runner), await tryCache(context, signal));
 if (bench.made.length > 0) {
  checks.push({
   ...terminalDoctor.NOT_TRIED,
   name: "left behind",
   tried: "name what these tries made",
   found: bench.made.join(", "),
   hint: `remove them with: git push origin ${bench.made.map(ref => `:${ref}`).join(" ")}`
  });
 }
 return checks;
}

function createBench(parts) {
 const {github: github, base: base, signal: signal} = parts;
 const made = [];
 const path = ref => ref.replace(/^refs\//, "").split("/").map(encodeURIComponent).join("/");
 return {
  made: made,
  async commit(parents) {
   const body = {
    message: `lockstep doctor ${core.createNonce()}\n`,
    tree: gitData.EMPTY_TREE,
    parents: parents
   };
   const written = await github.write({
    method: "POST",
    path: `${base}/commits`,
    body: body,
    signal: signal
   });
   const sha = written.kind === "done" ? written.data.sha : null;
   if (typeof sha === "string") return sha;
   throw new core.UnsupportedError(`no commit on the empty tree: ${describe(written)}`);
  },
  async create(ref, sha) {
   const written = await github.write({
    method: "POST",
    path: `${base}/refs`,
    body: {
     ref: ref,
     sha: sha
    },
    signal: signal
   });
   if (written.kind === "done" && !made.includes(ref)) made.push(ref);
   return written;
  },
  move: (ref, sha) => github.write({
   method: "PATCH",
   path: `${base}/refs/${path(ref)}`,
   body: {
    sha: sha,
    force: false
   },
   signal: signal
  }),
  async read(ref) {
   const read = await github.read(`${base}/ref/${path(ref)}`, {
    signal: signal
   });
   if (read.kind !== "found") return {
    sha: null,
    changed: true
   };
   const {object: object} = read.data;
   return {
    sha: object?.sha ?? null,
    changed: read.changed
   };
  },
  remaining: () => github.rate()?.remaining ?? null
 };
}

async function tryReferences(bench, prefix) {
 const checks = [];
 const attempt = async (tried, look) => {
  const {check: check, value: value} = await terminalDoctor.examine({
   name: "live",
   tried: tried
  }, look);
  checks.push(check);
  return value;
 };
 const ref = `${prefix}/register`;
 const first = await attempt(`create ${ref} at a commit on the empty tree`, async () => {
  const sha = await bench.commit([]);
  const created = await bench.create(ref, sha);
  if (created.kind === "done") return {
   found: "created: a namespace of one's own works",
   value: sha
  };
  return {
   ...problem(created),
   hint: "use --ref-prefix refs/heads/lockstep"
  };
 });
 if (first === null) return checks;
 await attempt("create it a second time", async () => expectRefusal(await bench.create(ref, await bench.commit([])), "already-exists"));
 const second = await attempt("move it to a child of its commit", async () => {
  const sha = await bench.commit([ first ]);
  const moved = await bench.move(ref, sha);
  return moved.kind === "done" ? {
   found: "moved",
   value: sha
  } : problem(moved);
 });
 if (second === null) return checks;
 await attempt("read it right after", async () => {
  const {sha: sha} = await bench.read(ref);
  return sha === second ? {
   found: "the new commit"
  } : {
   status: "warning",
   found: `an older state: ${sha ?? "none"}`
  };
 });
 await attempt("move it to the commit it is at", async () => {
  const moved = await bench.move(ref, second);
  return moved.kind === "done" ? {
   found: "accepted: a repeated move does no harm"
  } : {
   status: "warning",
   found: describe(moved)
  };
 });
 await attempt("move it to a commit beside it", async () => expectRefusal(await bench.move(ref, await bench.commit([ first ])), "not-fast-forward"));
 await attempt("move a reference that does not exist", async () => expectRefusal(await bench.move(`${prefix}/none`, second), "no-such-ref"));
 await attempt("move it to two children at the same moment", async () => {
  const [left, right] = [ await bench.commit([ second ]), await bench.commit([ second ]) ];
  const answers = await Promise.all([ bench.move(ref, left), bench.move(ref, right) ]);
  const won = answers.filter(({kind: kind}) => kind === "done").length;
  const found = answers.map(describe).join(" | ");
  if (won === 1) return {
   found: found
  };
  return won === 0 ? {
   status: "warning",
   found: found
  } : {
   status: "problem",
   found: found,
   exitCode: 1
  };
 });
 await attempt("read it twice, the second time with its ETag", async () => {
  await bench.read(ref);
  const before = bench.remaining();
  const {changed: changed} = await bench.read(ref);
  const after = bench.remaining();
  if (changed) return {
   status: "warning",
   found: "no 304 came: every look costs a request"
  };
  if (before === null || after === null) return {
   found: "304; this server has no limits"
  };
  const cost = before - after;
  return cost === 0 ? {
   found: "304, not counted"
  } : {
   status: "warning",
   found: `304, but ${cost} requests were counted meanwhile (by this or by another job)`
  };
 });
 return checks;
}

function expectRefusal(written, expected) {
 if (written.kind === "done") return {
  status: "problem",
  found: "accepted, which would let two own one lease"
 };
 const isKnown = answers.classifyRefRefusal(written.text) === expected;
 return {
  status: isKnown ? "ok" : "warning",
  found: describe(written)
 };
}

function problem(written) {
 return {
  status: "problem",
  found: describe(written),
  exitCode: 6
 };
}

function describe(written) {
 return written.kind === "done" ? "done" : `HTTP ${written.status}: ${core.plain(written.text)}`;
}

exports.checkLive = checkLive;
