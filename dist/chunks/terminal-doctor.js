"use strict";

const core = require("./core.js");

const reap = require("./reap.js");

const liveness = require("./liveness.js");

const NOT_TRIED = Object.freeze({
 status: "skipped",
 hint: null,
 exitCode: 0
});

async function examine(about, look) {
 try {
  const {value: value, ...finding} = await look();
  return {
   check: {
    status: "ok",
    hint: null,
    exitCode: 0,
    ...about,
    ...finding
   },
   value: value ?? null
  };
 } catch (thrown) {
  if (core.hasCode(thrown, "cancelled")) throw thrown;
  const error = core.toError(thrown);
  const {hint: hint = null} = error;
  const check = {
   ...about,
   status: "problem",
   found: error.message,
   hint: hint ?? null
  };
  return {
   check: {
    ...check,
    exitCode: core.exitCodeOf(error)
   },
   value: null
  };
 }
}

const PRECEDENCE = [ 1, 2, 9, 8, 5, 6, 4, 3 ];

function chooseDoctorExit(checks) {
 const codes = checks.filter(({status: status}) => status === "problem").map(({exitCode: exitCode}) => exitCode);
 return PRECEDENCE.find(code => codes.includes(code)) ?? codes.find(code => code !== 0) ?? 0;
}

async function checkProvider(context, what) {
 const {env: env, clock: clock} = context;
 const {values: values, signal: signal} = what;
 const provider = values.provider ?? (env["HEROKU_API_KEY"] ? "heroku" : null);
 const about = {
  name: "provider",
  tried: provider ? `open the account of ${provider}` : "find a credential"
 };
 if (provider === null) {
  return {
   ...NOT_TRIED,
   ...about,
   found: "none was named, and there is no HEROKU_API_KEY",
   hint: null
  };
 }
 const {herokuTeam: herokuTeam, root: root} = values;
 const parsed = reap.parseProviderSettings({
  provider: provider,
  herokuTeam: herokuTeam ?? undefined,
  root: root ?? undefined
 }, context);
 if (!parsed.ok) {
  const found = parsed.problems.map(({option: option, message: message}) => `${option} ${message}`).join("; ");
  const isExpected = context.isForkPullRequest === true;
  return {
   ...about,
   status: isExpected ? "skipped" : "problem",
   found: isExpected ? "a pull request from a fork gets no secrets" : found,
   hint: null,
   exitCode: isExpected ? 0 : 2
  };
 }
 const {check: check} = await examine(about, async () => {
  const {openProvider: openProvider} = await Promise.resolve().then(() => require("./reap.js")).then(n => n.open);
  const opened = await openProvider(parsed.settings, {
   clock: clock,
   client: "lockstep doctor"
  });
  try {
   const scope = await opened.open({
    signal: signal
   });
   const answer = scope.kind === "open" && herokuTeam ? await opened.list(null, {
    signal: signal
   }) : scope;
   if (answer.kind === "open") return {
    found: `opened ${core.plain(answer.label, 80)}`
   };
   if (answer.kind === "page") return {
    found: `the team answers; ${answer.apps.length} apps on its first page`
   };
   const text = `${provider} answered: ${core.plain(answer.detail)}`;
   if (answer.kind === "unauthorized" || answer.kind === "forbidden") throw new core.AuthError(text, {
    hint: KEY_HINT
   });
   throw new core.UnavailableError(text);
  } finally {
   await opened.close();
  }
 });
 return check;
}

const KEY_HINT = "make a key with `heroku authorizations:create`, store it as a secret and pass it as HEROKU_API_KEY";

const MAX_SKEW_MS = 6e4;

async function checkStore(context, what) {
 const {parts: parts, address: address, values: values, signal: signal} = what;
 const {store: store, github: github} = parts;
 const key = core.createKey(values.namespace, "doctor", "probe");
 const startMs = context.clock.monotonicMs();
 const read = await examine({
  name: "store",
  tried: `read one record of ${address.url}`
 }, async () => {
  await store.get(key, {
   signal: signal
  });
  const {linearizableReads: linearizableReads, nativeWatch: nativeWatch, durable: durable} = store.capabilities;
  const traits = [ `answered in ${core.formatDuration(Math.max(1, Math.round(context.clock.monotonicMs() - startMs)))}`, linearizableReads ? "reads are fresh" : "reads may lag behind writes", nativeWatch ? "changes are pushed" : "changes are polled for", durable === "process" ? "survives the death of processes, not of the machine" : "durable" ];
  return {
   found: traits.join("; ")
  };
 });
 if (read.check.status === "problem") return [ read.check ];
 const write = github ? await checkGitHubWrite(github, what) : await checkWrite(key, what);
 if (!github) return [ read.check, write ];
 return [ read.check, write, checkQuota(github, values.quotaFloor), checkClock(github), await checkEvidence(context, {
  github: github,
  signal: signal
 }), await checkCache(context, signal) ];
}

async function checkWrite(key, {parts: parts, signal: signal}) {
 const {store: store} = parts;
 const about = {
  name: "permission",
  tried: `write ${key}, a record of our own`
 };
 const {check: check} = await examine(about, async () => {
  const before = await store.get(key, {
   signal: signal
  });
  const written = await store.compareAndSet(key, before?.revision ?? null, '{"v":1}', {
   signal: signal
  });
  if (!written.ok) return {
   found: "somebody else wrote at the same moment"
  };
  if (!store.capabilities.conditionalDelete) return {
   found: "written"
  };
  const removed = await store.delete(key, written.revision, {
   signal: signal
  });
  return {
   found: removed.ok ? "written, and removed again" : "written"
  };
 });
 return check;
}

async function checkGitHubWrite(github, {address: address, signal: signal}) {
 const about = {
  name: "permission",
  tried: "make a commit that nothing points to (`contents: write`)"
 };
 const {check: check} = await examine(about, async () => {
  const repository = core.parseRepository(address.location);
  if (!repository.ok) throw new core.UnavailableError(`${address.url} ${repository.problem}`);
  const {createGitData: createGitData} = await Promise.resolve().then(() => require("./git-data.js"));
  const made = await createGitData(github, repository.value).createCommit({
   message: "lockstep doctor\n",
   parents: []
  }, {
   signal: signal
  });
  if (made.kind === "refused") throw new core.UnavailableError(`GitHub refused it: ${made.text}`);
  return {
   found: "the token may write"
  };
 });
 return check;
}

function checkQuota(github, given) {
 const about = {
  ...NOT_TRIED,
  name: "quota",
  tried: "read the headers of the answers so far"
 };
 const rate = github.rate();
 if (!rate) return {
  ...about,
  found: "this server has no limits, or does not tell them"
 };
 const reset = rate.resetMs === null ? "" : `, whole again in ${core.formatDuration(Math.max(1e3, rate.resetMs))}`;
 const found = `${rate.remaining} of ${rate.limit} requests are left${reset}; the floor is ${reap.quotaFloor(rate, given)}`;
 if (!reap.isBelowFloor(rate, given)) return {
  ...about,
  status: "ok",
  found: found
 };
 const hint = "clean-ups are skipped until the hour is over: give the jobs of a matrix their index, poll more rarely, or use an App token";
 return {
  ...about,
  status: "warning",
  found: found,
  hint: hint
 };
}

function checkClock(github) {
 const about = {
  ...NOT_TRIED,
  name: "clock",
  tried: "compare this machine's clock with GitHub's"
 };
 const aheadMs = github.serverAheadMs;
 if (aheadMs === null) return {
  ...about,
  found: "GitHub told no time"
 };
 const skewMs = Math.abs(aheadMs);
 const side = aheadMs > 0 ? "behind" : "ahead";
 if (skewMs <= MAX_SKEW_MS) return {
  ...about,
  status: "ok",
  found: "less than a minute apart"
 };
 return {
  ...about,
  status: "warning",
  found: `this machine is ${core.formatDuration(Math.round(skewMs / 1e4) * 1e4)} ${side}`,
  hint: "leases do not mind; how long a past sweep counts (`--every`) is judged wrongly. Set the clock by NTP"
 };
}

async function checkEvidence({env: env}, {github: github, signal: signal}) {
 const [repository, run] = [ env["GITHUB_REPOSITORY"], env["GITHUB_RUN_ID"] ];
 const about = {
  name: "evidence",
  tried: "read this run (`actions: read`)"
 };
 if (!repository || !run) return {
  ...NOT_TRIED,
  ...about,
  found: "this is no run of a workflow"
 };
 const {check: check} = await examine(about, async () => {
  const read = await github.read(`/repos/${repository}/actions/runs/${run}`, {
   signal: signal
  });
  if (read.kind === "found") return {
   found: "a killed job is noticed before its lease ends"
  };
  return {
   status: "warning",
   found: "GitHub does not show this run",
   hint: EVIDENCE_HINT
  };
 });
 return check.status === "problem" ? {
  ...check,
  status: "warning",
  hint: EVIDENCE_HINT,
  exitCode: 0
 } : check;
}

const EVIDENCE_HINT = "a killed holder is waited for until its lease ends; give the job `permissions: actions: read` to notice it at once";

async function checkCache({env: env, clock: clock, logger: logger}, signal) {
 const about = {
  ...NOT_TRIED,
  name: "cache",
  tried: "look a name up in the cache of this workflow"
 };
 const {createCacheSnapshot: createCacheSnapshot, hasCacheService: hasCacheService} = await Promise.resolve().then(() => require("./cache-snapshot.js"));
 if (!hasCacheService(env)) {
  return {
   ...about,
   found: "not reachable here: only the step of an Action gets its address and token"
  };
 }
 let trouble = "";
 const note = message => {
  trouble = message;
 };
 const store = createCacheSnapshot({
  clock: clock,
  env: env,
  logger: {
   ...logger,
   debug: note
  }
 });
 const everyMs = Math.ceil(core.jitter(6e5, .1, clock.random()));
 await store.read({
  identity: "0".repeat(16),
  everyMs: everyMs
 }, {
  signal: signal
 });
 if (trouble === "") return {
  ...about,
  status: "ok",
  found: "answered"
 };
 return {
  ...about,
  status: "warning",
  found: trouble,
  hint: "nothing depends on it: without the cache each elected job asks the API once"
 };
}

const GITHUB_LIMITS = Object.freeze({
 requestsPerHour: 1e3,
 pointsPerMinute: 900,
 writesPerMinute: 80,
 writesPerHour: 500
});

const USUAL_PLAN = Object.freeze({
 sweepMs: 12e4,
 naivePollMs: 5e3,
 pollMs: 15e3,
 leaseMs: 6e5,
 electors: 3
});

const SWEEPER_REQUESTS = 5;

const SWEEPER_WRITES = 4;

const RECORD_READS = 2;

const WRITE_POINTS = 5;

const HEARTBEAT_MS = 3e4;

function matrixCosts(plan) {
 const {jobs: jobs, sweepMs: sweepMs, naivePollMs: naivePollMs, pollMs: pollMs} = plan;
 const busy = Math.min(jobs, plan.parallel);
 const later = jobs - busy;
 const looks = 1 + Math.floor(sweepMs / naivePollMs);
 const backedOffLooks = countBackedOffLooks(sweepMs);
 const heartbeats = Math.max(0, Math.ceil(sweepMs / HEARTBEAT_MS) - 1);
 const perMinute = busy * Math.floor(6e4 / naivePollMs);
 const renewals = Math.max(0, Math.ceil(sweepMs / (plan.leaseMs / 3)) - 1);
 const own = SWEEPER_REQUESTS + RECORD_READS * renewals;
 const ownWrites = SWEEPER_WRITES + RECORD_READS * renewals;
 const electors = Math.min(plan.electors, jobs);
 const sweeperPoints = SWEEPER_WRITES * WRITE_POINTS + 1;
 const is = (design, cost) => ({
  design: design,
  requests: 0,
  writes: SWEEPER_WRITES,
  pointsPerMinute: 0,
  cacheLookUps: 0,
  isOurs: false,
  ...cost
 });
 return [ is("everybody polls", {
  requests: SWEEPER_REQUESTS + later + busy * looks,
  pointsPerMinute: perMinute + sweeperPoints
 }), is("everybody polls, backing off", {
  requests: SWEEPER_REQUESTS + later + busy * backedOffLooks,
  pointsPerMinute: busy * Math.min(backedOffLooks, 6) + sweeperPoints
 }), is("everybody polls with ETags, the holder renews every 30 s", {
  requests: SWEEPER_REQUESTS + later + 2 * busy + heartbeats * (busy + RECORD_READS),
  writes: SWEEPER_WRITES + RECORD_READS * heartbeats,
  pointsPerMinute: perMinute + sweeperPoints
 }), is("everybody polls with ETags", {
  requests: SWEEPER_REQUESTS + later + 2 * busy,
  pointsPerMinute: perMinute + sweeperPoints
 }), is("everybody asks once (no electors, no cache)", {
  requests: own + RECORD_READS * (jobs - 1),
  writes: ownWrites,
  pointsPerMinute: RECORD_READS * (busy - 1) + sweeperPoints,
  isOurs: true
 }), is("everybody reads the cache while waiting", {
  requests: SWEEPER_REQUESTS + busy,
  pointsPerMinute: busy + sweeperPoints,
  cacheLookUps: later + busy * (1 + Math.floor(sweepMs / pollMs))
 }), is("everybody asks once, the cache first (no electors)", {
  requests: own + RECORD_READS * (busy - 1),
  writes: ownWrites,
  pointsPerMinute: RECORD_READS * (busy - 1) + sweeperPoints,
  cacheLookUps: jobs,
  isOurs: true
 }), is(`${electors} electors (the default in a matrix)`, {
  requests: own + RECORD_READS * (electors - 1),
  writes: ownWrites,
  pointsPerMinute: RECORD_READS * (electors - 1) + sweeperPoints,
  isOurs: true
 }), is(`${electors} electors, the cache first`, {
  requests: own + RECORD_READS * (Math.min(electors, busy) - 1),
  writes: ownWrites,
  pointsPerMinute: RECORD_READS * (Math.min(electors, busy) - 1) + sweeperPoints,
  cacheLookUps: electors,
  isOurs: true
 }) ];
}

const LOST_WRITE_READS = 2 * RECORD_READS;

function gateCost(plan) {
 const {members: members, waitMs: waitMs, pollMs: pollMs} = plan;
 const changes = 2 * members + 1;
 const lost = Math.ceil(members + members ** 2 / 12);
 const writes = 2 * (changes + lost);
 const looks = Math.min(Math.ceil(1.5 * members ** 2), members * Math.ceil(waitMs / pollMs));
 const asked = members * Math.ceil(waitMs / liveness.evidenceEveryMs(members));
 const requests = writes + RECORD_READS * (members + looks) + LOST_WRITE_READS * lost + asked;
 return {
  members: members,
  writes: writes,
  requests: requests
 };
}

function judgeCost(cost, limits = GITHUB_LIMITS) {
 const is = reason => ({
  isWithin: reason === "",
  reason: reason
 });
 if (cost.requests > limits.requestsPerHour) return is(`more than the ${limits.requestsPerHour} requests of an hour`);
 if (cost.pointsPerMinute > GITHUB_LIMITS.pointsPerMinute) return is(`more than the ${GITHUB_LIMITS.pointsPerMinute} points of a minute`);
 if (cost.writes > GITHUB_LIMITS.writesPerHour) return is(`more than the ${GITHUB_LIMITS.writesPerHour} writes of an hour`);
 return is("");
}

function countBackedOffLooks(sweepMs) {
 let looks = 1;
 for (let [atMs, stepMs] = [ 2e3, 2e3 ]; atMs <= sweepMs; atMs += stepMs) {
  looks += 1;
  stepMs = Math.min(stepMs * 2, 3e4);
 }
 return looks;
}

async function runDoctor(context, resolved) {
 const {values: values} = resolved;
 const choice = core.chooseStore(context, resolved);
 const problems = [ ...resolved.problems, ...choice.kind === "problem" ? [ choice.problem ] : [] ];
 if (problems.length > 0 || choice.kind === "problem") throw new core.ConfigError(problems);
 const {clock: clock} = context;
 const releasers = core.createReleasers();
 const deadline = core.createDeadline({
  clock: clock,
  timeoutMs: values.timeoutMs,
  waitingFor: "the examination",
  parent: context.signal
 });
 const {signal: signal} = deadline;
 try {
  const checks = [];
  let requestsPerHour = null;
  if (choice.kind === "no-store") {
   checks.push({
    ...NOT_TRIED,
    name: "store",
    tried: "the default store of a runner",
    status: "warning",
    found: "there is no token, so there is no GitHub store: `reap` is skipped, the other commands fail",
    hint: "pass a token (`token`, or GITHUB_TOKEN), or name a store"
   });
  } else {
   const {address: address} = choice;
   const opened = await examine({
    name: "store",
    tried: `open ${address.url}`
   }, async () => {
    const parts = await core.openStoreParts(context, {
     address: address,
     values: values,
     releasers: releasers
    });
    return {
     found: "opened",
     value: parts
    };
   });
   if (opened.value) {
    checks.push(...await checkStore(context, {
     parts: opened.value,
     address: address,
     values: values,
     signal: signal
    }));
    requestsPerHour = opened.value.github?.rate()?.limit ?? null;
    if (values.live) {
     const {checkLive: checkLive} = await Promise.resolve().then(() => require("./doctor-command-live.js"));
     checks.push(...await checkLive(context, {
      parts: opened.value,
      address: address,
      resolved: resolved,
      signal: signal
     }));
    }
   } else checks.push(opened.check);
  }
  checks.push(await checkProvider(context, {
   values: values,
   signal: signal
  }));
  const exitCode = chooseDoctorExit(checks);
  return {
   format: 1,
   command: "doctor",
   outcome: exitCode === 0 ? "healthy" : "ailing",
   store: choice.kind === "store" ? choice.address.url : null,
   checks: checks,
   costs: values.jobs === null ? null : billOf({
    ...values,
    jobs: values.jobs,
    requestsPerHour: requestsPerHour
   }),
   exitCode: exitCode
  };
 } finally {
  deadline.dispose();
  await releasers.close();
 }
}

const USUAL_LIMIT = 1e3;

function billOf(given) {
 const {jobs: jobs, parallel: parallel} = given;
 const requestsPerHour = given.requestsPerHour ?? USUAL_LIMIT;
 const pollMs = given.pollMs ?? USUAL_PLAN.pollMs;
 const leaseMs = given.leaseMs ?? USUAL_PLAN.leaseMs;
 const designs = matrixCosts({
  ...USUAL_PLAN,
  jobs: jobs,
  parallel: parallel,
  pollMs: pollMs,
  leaseMs: leaseMs
 }).map(cost => ({
  ...cost,
  ...judgeCost(cost, {
   requestsPerHour: requestsPerHour
  })
 }));
 const gate = gateCost({
  members: jobs,
  waitMs: 6e5,
  pollMs: pollMs
 });
 const verdict = judgeCost({
  ...gate,
  pointsPerMinute: 0
 }, {
  requestsPerHour: requestsPerHour
 });
 return {
  jobs: jobs,
  parallel: parallel,
  requestsPerHour: requestsPerHour,
  designs: designs,
  gate: {
   ...gate,
   ...verdict
  },
  advice: adviceOf({
   jobs: jobs,
   designs: designs,
   isGateWithin: verdict.isWithin
  })
 };
}

function adviceOf(facts) {
 const {jobs: jobs, designs: designs, isGateWithin: isGateWithin} = facts;
 const everybody = designs.find(({design: design}) => design.startsWith("everybody asks once (no electors"));
 const advice = [];
 if (jobs > 3) {
  advice.push("Give each job its index (`job-index`, filled in by the Action): then only the first three ask at all.");
 }
 if (everybody && everybody.requests > 100) {
  advice.push("Where jobs cannot have an index, run `reap` as a step of the Action, so that the cache answers instead.");
 }
 if (!isGateWithin) {
  advice.push(`A gate of ${jobs} members is too much for the GitHub store: use an engine (redis, postgres, etcd), or an App token with a budget of its own.`);
 }
 return advice;
}

const doctorCommand = Object.freeze({
 run: (context, resolved) => runDoctor(context, resolved),
 render: (report, style) => renderDoctor(report, style)
});

function renderDoctor(report, style) {
 const problems = report.checks.filter(({status: status}) => status === "problem").length;
 const warnings = report.checks.filter(({status: status}) => status === "warning").length;
 return [ ...report.checks.flatMap(check => renderCheck(check, style)), ...renderCosts(report, style), problems > 0 ? style.red(`${count(problems, "problem")}, ${count(warnings, "warning")}.`) : warnings > 0 ? style.yellow(`No problem, ${count(warnings, "warning")}.`) : style.green("All is well.") ];
}

function renderCheck({name: name, status: status, tried: tried, found: found, hint: hint}, style) {
 const marks = {
  ok: style.green("ok     "),
  warning: style.yellow("warning"),
  problem: style.red("problem"),
  skipped: style.dim("skipped")
 };
 return [ `${marks[status]}  ${style.bold(name)}: ${core.plain(tried, 200)}`, `         ${core.plain(found, 600)}`, ...hint === null ? [] : [ `         \u2192 ${core.plain(hint, 400)}` ] ];
}

function renderCosts({costs: costs}, style) {
 if (costs === null) return [];
 const {jobs: jobs, parallel: parallel, requestsPerHour: requestsPerHour, designs: designs, gate: gate, advice: advice} = costs;
 const rows = designs.map(each => [ each.isOurs ? each.design : style.dim(each.design), String(each.requests), String(each.writes), String(each.pointsPerMinute), String(each.cacheLookUps), each.isWithin ? `${Math.ceil(100 * each.requests / requestsPerHour)} % of an hour` : style.red(each.reason) ]);
 const titles = [ "DESIGN", "REQUESTS", "WRITES", "POINTS A MINUTE", "CACHE", "OF THE BUDGET" ];
 const verdict = gate.isWithin ? "within the budget" : style.red(gate.reason);
 return [ "", `A matrix of ${jobs} jobs, ${parallel} at a time, one sweep of two minutes, ${requestsPerHour} requests an hour for the whole repository (a model, not a measurement; dim: not how lockstep works):`, ...core.renderTable([ titles.map(title => style.bold(title)), ...rows ], {
  right: [ 1, 2, 3, 4 ],
  indent: "  "
 }), `A gate of ${gate.members} members that wait ten minutes: about ${gate.requests} requests, ${gate.writes} of them writes: ${verdict}.`, ...advice.map(text => `\u2192 ${text}`), "" ];
}

function count(number, noun) {
 return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

const terminalDoctor = Object.freeze(Object.defineProperty({
 __proto__: null,
 doctorCommand: doctorCommand,
 renderDoctor: renderDoctor
}, Symbol.toStringTag, {
 value: "Module"
}));

exports.NOT_TRIED = NOT_TRIED;

exports.examine = examine;

exports.renderDoctor = renderDoctor;

exports.runDoctor = runDoctor;

exports.terminalDoctor = terminalDoctor;
