"use strict";

const core = require("./core.js");

const board = require("./board.js");

const lease = require("./lease.js");

const liveness = require("./liveness.js");

const probes = require("./probes.js");

const gateReport = require("./gate-report.js");

const childProcess = require("./child-process.js");

const summary = require("./summary.js");

const summaryTimeline = require("./summary-timeline.js");

const MAX_MEMBERS = 256;

const MAX_MEMBER_NAME = 64;

const MAX_GITHUB_MEMBERS = 40;

function parseGateConfig(input) {
 const problems = [];
 const expected = [ ...new Set(input.members.map(name => name.trim()).filter(name => name !== "")) ].sort();
 if (input.gate.trim() === "") problems.push("the gate has no name");
 if (expected.length === 0) problems.push("no members are expected; name every one of them");
 if (expected.length > MAX_MEMBERS) problems.push(`${expected.length} members are expected; a gate has at most ${MAX_MEMBERS}`);
 for (const name of expected.filter(each => each.length > MAX_MEMBER_NAME)) problems.push(`the member name ${core.plain(name)} is longer than ${MAX_MEMBER_NAME} characters`);
 const api = input.requireApi === null ? null : board.parseApi(input.requireApi);
 if (api && !api.ok) problems.push(`the required API ${api.problem}`);
 if (problems.length > 0) return {
  ok: false,
  problem: problems.join("\n")
 };
 const requireApi = api?.ok ? api.value : null;
 const {versionScheme: versionScheme} = input;
 const configHash = core.hashIdentity([ JSON.stringify({
  expected: expected,
  requireApi: requireApi,
  versionScheme: versionScheme
 }) ]);
 return {
  ok: true,
  value: {
   gate: input.gate,
   expected: expected,
   requireApi: requireApi,
   versionScheme: versionScheme,
   configHash: configHash
  }
 };
}

function gateKeySegments(place, gate) {
 return place.scope === "run" ? [ "gate", place.repository, place.run, gate ] : [ "gate", place.repository, "env", place.environment, gate ];
}

function findParallelismProblem(config, job) {
 const count = config.expected.length;
 if (job.mode !== "wait" || job.maxParallel === null || job.maxParallel >= count) return null;
 return `only ${job.maxParallel} of the ${count} members can run at once, so those that wait would hold the runners ` + "of those that are missing; use mode announce in the matrix and mode wait-for in a job that needs it, " + "or raise max-parallel";
}

function findStoreProblem(config, storeUrl) {
 const count = config.expected.length;
 if (!storeUrl.startsWith("github:") || count <= MAX_GITHUB_MEMBERS) return null;
 return `a gate of ${count} members needs more requests than the GitHub store allows (at most ${MAX_GITHUB_MEMBERS} members); ` + "use an engine: redis://, postgres:// or etcd://";
}

function parsePointer(text) {
 if (text !== "" && !text.startsWith("/")) return {
  ok: false,
  problem: "is not a JSON pointer; start it with a slash, such as /schema"
 };
 if (/~(?![01])/.test(text)) return {
  ok: false,
  problem: "is not a JSON pointer; write ~ as ~0 and / within a name as ~1"
 };
 const tokens = text === "" ? [] : text.slice(1).split("/");
 return {
  ok: true,
  value: tokens.map(token => token.replaceAll("~1", "/").replaceAll("~0", "~"))
 };
}

function resolvePointer(document, pointer) {
 let value = document;
 for (const token of pointer) {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(token)) return undefined;
  if (!Object.hasOwn(value, token)) return undefined;
  value = value[token];
 }
 return value;
}

function readCarried(result, paths) {
 if (result.body === undefined) return {
  kind: "nothing"
 };
 const schema = readSchema(resolvePointer(result.body, paths.schemaPath));
 const api = readNames(resolvePointer(result.body, paths.apiPath));
 if (schema === undefined) return {
  kind: "unreadable",
  problem: "its schema is neither a text, an integer nor a list of these"
 };
 if (api === undefined) return {
  kind: "unreadable",
  problem: "its API is not a list of texts"
 };
 return {
  kind: "versions",
  schema: schema,
  api: api
 };
}

const notReadyYet = Object.freeze({
 successes: 0
});

function decideReadiness(state, result, rules) {
 const carried = readCarried(result, rules.paths);
 const problem = findProblem(result, carried, rules);
 const successes = problem === null ? state.successes + 1 : 0;
 const ready = successes >= rules.successes;
 const counted = ready ? "ready" : `${successes} of ${rules.successes} in a row`;
 return {
  state: Object.freeze({
   successes: successes
  }),
  ready: ready,
  fatal: result.hint === "fatal",
  carried: carried,
  detail: core.plain(`${result.detail}; ${problem ?? counted}`)
 };
}

function findProblem(result, carried, rules) {
 if (result.unreachable) return "cannot be asked";
 if (result.status !== "passing" || result.hint !== null) return "not yet";
 if (carried.kind === "nothing") return null;
 return carried.kind === "unreadable" ? carried.problem : rules.lacks(carried);
}

function readSchema(value) {
 if (value === undefined || value === null) return null;
 if (Array.isArray(value)) {
  const names = value.map(readScalar);
  return names.every(name => name !== undefined) ? names.join(",") : undefined;
 }
 return readScalar(value);
}

function readScalar(value) {
 if (typeof value === "string") return value;
 return typeof value === "number" && Number.isSafeInteger(value) ? String(value) : undefined;
}

function readNames(value) {
 if (value === undefined || value === null) return null;
 return Array.isArray(value) && value.every(name => typeof name === "string") ? value : undefined;
}

const NOT_FOR_ANNOUNCE = [ "migrate", "schemaProbe", "onLeave", "jobName" ];

const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/;

function checkGateOptions(resolved, storeUrl) {
 const {values: values} = resolved;
 const spellingOf = name => resolved.spellingOf(name);
 const problems = [ ...resolved.problems ];
 const add = (name, message) => problems.push({
  option: spellingOf(name),
  message: message
 });
 const isGiven = name => resolved.sourceOf(name) !== null;
 const parsed = parseGateConfig({
  gate: values.name ?? "",
  members: values.members,
  requireApi: isGiven("requireApi") ? values.requireApi : null,
  versionScheme: values.versionScheme
 });
 if (!parsed.ok && isGiven("members")) for (const line of parsed.problem.split("\n")) add("members", line);
 const member = values.member?.trim() ?? null;
 if (member === null && values.mode !== "wait-for") add("member", "is required: which of the members this job is");
 const isStranger = member !== null && parsed.ok && values.mode !== "wait-for" && !parsed.value.expected.includes(member);
 if (isStranger) add("member", `${core.plain(member, 64)} is not one of ${spellingOf("members")}: ${parsed.value.expected.join(", ")}`);
 const schema = values.schema === null ? null : board.parseSchema(values.schema, values.versionScheme);
 if (schema && !schema.ok) add("schema", schema.problem);
 const api = board.parseApi(values.api);
 if (!api.ok) add("api", api.problem);
 if (values.mode === "announce") {
  for (const name of NOT_FOR_ANNOUNCE) if (isGiven(name)) add(name, `has no effect with ${spellingOf("mode")} announce, whose job ends at once`);
 }
 if (values.scope === "environment" && !isGiven("environment")) add("environment", `is required with ${spellingOf("scope")} environment`);
 if (values.scope === "run" && isGiven("environment")) add("environment", `needs ${spellingOf("scope")} environment`);
 if (parsed.ok) {
  const isFree = values.maxParallel !== null && values.jobTotal !== null && values.maxParallel >= values.jobTotal;
  const problem = findParallelismProblem(parsed.value, {
   mode: values.mode,
   maxParallel: isFree ? null : values.maxParallel
  });
  if (problem !== null) add("maxParallel", problem);
  const storeProblem = storeUrl === null ? null : findStoreProblem(parsed.value, storeUrl);
  if (storeProblem !== null) add("members", storeProblem);
 }
 const schemaPath = parsePointer(values.schemaPath);
 if (!schemaPath.ok) add("schemaPath", schemaPath.problem);
 const apiPath = parsePointer(values.apiPath);
 if (!apiPath.ok) add("apiPath", apiPath.problem);
 const headers = parseHeaders(values.probeHeader);
 if (!headers) add("probeHeader", "has a line that is no header; write 'Name: value'");
 const isWhole = parsed.ok && schema?.ok && api.ok && schemaPath.ok && apiPath.ok && headers;
 if (problems.length > 0 || !isWhole) return {
  settings: null,
  problems: problems,
  isStranger: isStranger
 };
 const settings = Object.freeze({
  config: parsed.value,
  member: member,
  versions: {
   schema: schema.value,
   api: api.value
  },
  paths: {
   schemaPath: schemaPath.value,
   apiPath: apiPath.value
  },
  headers: headers
 });
 return {
  settings: settings,
  problems: problems,
  isStranger: isStranger
 };
}

function parseHeaders(lines) {
 const headers = {};
 for (const line of lines) {
  const [, name, value] = HEADER.exec(line) ?? [];
  if (name === undefined || value === undefined || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) return null;
  headers[name.toLowerCase()] = value.trim();
 }
 return headers;
}

const RESERVE_BYTES = 4 * 1024;

function encodeBoard(doc) {
 const text = [ doc, withoutProbes(doc), withoutTimes(withoutProbes(doc)) ].map(encode).find(fitsStore);
 if (text !== undefined) return text;
 throw new core.ConfigError([ {
  option: "members",
  message: describeSize(doc)
 } ]);
}

function findSizeProblem(expected, record) {
 const {schema: schema, api: api, incarnation: incarnation} = record;
 const doc = {
  format: board.GATE_FORMAT,
  gate: "",
  configHash: "",
  expected: expected,
  epoch: 1,
  phase: "failed",
  target: {
   schema: schema,
   api: api
  },
  schemaFloor: schema,
  claim: null,
  lastToken: 0,
  commits: [],
  members: Object.fromEntries(expected.map(name => [ name, record ])),
  failure: {
   epoch: 1,
   code: "timeout",
   by: "",
   missing: expected,
   behind: [],
   diverged: [],
   lost: expected,
   message: "x".repeat(board.MAX_MESSAGE),
   at: "",
   attempts: {
    [incarnation.run]: incarnation.attempt
   }
  },
  deadlineMs: 0,
  history: [],
  openEpochs: []
 };
 const size = Buffer.byteLength(encode(withoutTimes(withoutProbes(doc))));
 return size <= core.MAX_VALUE_BYTES - RESERVE_BYTES ? null : describeSize(doc);
}

function describeSize(doc) {
 const size = Buffer.byteLength(encode(withoutTimes(withoutProbes(doc))));
 return `the board of ${doc.expected.length} members may take ${size} bytes, a store holds ${core.MAX_VALUE_BYTES}; ` + "use shorter member names, fewer members, or version scheme integer or dotted";
}

function withoutProbes(doc) {
 return withRecords({
  ...doc,
  history: []
 }, ({observed: _observed, ...record}) => record);
}

function withoutTimes(doc) {
 return withRecords(doc, ({readyAt: _readyAt, ...record}) => ({
  ...record,
  since: ""
 }));
}

function withRecords(doc, change) {
 const members = Object.entries(doc.members).map(([name, record]) => [ name, change(record) ]);
 return {
  ...doc,
  members: Object.fromEntries(members)
 };
}

function fitsStore(text) {
 return Buffer.byteLength(text) <= core.MAX_VALUE_BYTES;
}

function encode(doc) {
 const members = Object.entries(doc.members).map(([name, record]) => {
  const {schema: schema, api: api, ...rest} = record;
  const isTarget = doc.target?.schema === schema && sameNames(doc.target.api, api);
  return [ name, isTarget ? rest : record ];
 });
 return JSON.stringify({
  ...doc,
  members: Object.fromEntries(members)
 });
}

function sameNames(a, b) {
 return a.length === b.length && a.every((name, index) => name === b[index]);
}

function createBoard({config: config, self: self}) {
 return {
  format: board.GATE_FORMAT,
  gate: config.gate,
  configHash: config.configHash,
  expected: config.expected,
  epoch: 1,
  phase: "announce",
  target: null,
  schemaFloor: null,
  claim: null,
  lastToken: 0,
  commits: [],
  members: {},
  failure: null,
  deadlineMs: self.timeoutMs,
  history: [],
  openEpochs: []
 };
}

function createFailure(doc, cause, ctx) {
 const blame = cause.blame ?? board.blameOf(doc, ctx.config);
 const ranks = [ ctx.self, ...Object.values(doc.members) ].map(each => each.incarnation);
 return {
  epoch: doc.epoch,
  code: cause.code,
  by: ctx.self.name,
  missing: blame.missing,
  behind: blame.behind,
  diverged: blame.diverged,
  lost: cause.lost ?? [],
  message: core.plain(cause.message, board.MAX_MESSAGE),
  at: ctx.at,
  attempts: Object.fromEntries(board.latestAttempts(ranks))
 };
}

function failGate(doc, cause, ctx) {
 const failure = createFailure(doc, cause, ctx);
 return {
  ...doc,
  phase: "failed",
  failure: failure,
  history: withHistory(doc, failure)
 };
}

function isCoveredBy(failure, rank) {
 const {run: run, attempt: attempt} = rank;
 const failed = Object.entries(failure.attempts).map(([each, last]) => ({
  run: each,
  attempt: last
 }));
 const own = failed.find(each => each.run === run);
 if (own) return attempt <= own.attempt;
 const newest = board.newestRank(failed);
 return newest !== null && board.compareRanks(rank, newest) < 0;
}

function startEpoch(doc, ctx) {
 const {config: config, self: self} = ctx;
 const {openedAt: _openedAt, ...rest} = doc;
 const released = Object.entries(doc.members).filter(([name, record]) => record.state === "released" && config.expected.includes(name));
 return {
  ...rest,
  configHash: config.configHash,
  expected: config.expected,
  epoch: doc.epoch + 1,
  phase: "announce",
  target: null,
  members: Object.fromEntries(released),
  failure: null,
  deadlineMs: self.timeoutMs
 };
}

function returnToAnnounce(doc) {
 const members = Object.entries(doc.members).map(([name, record]) => {
  const {probedIn: _probedIn, readyAt: _readyAt, ...rest} = record;
  return [ name, {
   ...rest,
   state: record.state === "api-ready" ? "announced" : record.state
  } ];
 });
 return {
  ...doc,
  phase: "announce",
  members: Object.fromEntries(members)
 };
}

function openGate(doc, at) {
 return {
  ...doc,
  phase: "open",
  openedAt: at,
  openEpochs: [ ...doc.openEpochs, doc.epoch ].slice(-10)
 };
}

function endOfEpoch(doc, epoch, ctx) {
 if (doc.openEpochs.includes(epoch)) return "open";
 const message = `the gate went on to try ${doc.epoch} without this job, which took part in try ${epoch}`;
 const unknown = {
  missing: [],
  behind: [],
  diverged: []
 };
 return doc.history.find(failure => failure.epoch === epoch) ?? createFailure(doc, {
  code: "superseded",
  message: message,
  blame: unknown
 }, ctx);
}

function withHistory(doc, failure) {
 return [ ...doc.history, {
  ...failure,
  attempts: {}
 } ].slice(-5);
}

function readSchemaAnswer(result, {paths: paths, versionScheme: versionScheme}) {
 const unknown = why => ({
  kind: "unknown",
  detail: core.plain(why === "" ? result.detail : `${result.detail}; ${why}`),
  fatal: result.hint === "fatal"
 });
 if (result.unreachable || result.status !== "passing" || result.hint !== null) return unknown("");
 const carried = readCarried(result, paths);
 if (carried.kind === "nothing") return unknown("it printed no JSON");
 if (carried.kind === "unreadable") return unknown(carried.problem);
 if (carried.schema === null) return unknown("its JSON has no schema at the path");
 const parsed = board.parseSchema(carried.schema, versionScheme);
 if (!parsed.ok) return unknown(`its schema ${core.plain(carried.schema, 60)} ${parsed.problem}`);
 return {
  kind: "schema",
  schema: parsed.value,
  detail: result.detail
 };
}

async function askSchema(probe, rules, signal) {
 const result = await probe.probe({
  signal: signal
 });
 return {
  ...readSchemaAnswer(result, rules),
  retryAfterMs: result.retryAfterMs ?? 0
 };
}

function lacksVersions(carried, target, versionScheme) {
 if (carried.schema === null) return `its JSON has no schema; wanted is ${target.schema}`;
 const parsed = board.parseSchema(carried.schema, versionScheme);
 if (!parsed.ok) return `its schema ${core.plain(carried.schema, 60)} ${parsed.problem}`;
 if (!board.reaches(parsed.value, target.schema, versionScheme)) return `has schema ${core.plain(parsed.value, 60)}, wanted is ${core.plain(target.schema, 60)}`;
 const missing = target.api.filter(name => carried.api?.includes(name) !== true);
 return missing.length === 0 ? null : `lacks api ${core.plain(missing.join(" "), 120)}`;
}

async function confirmReadiness(settings) {
 const {clock: clock, probes: probes, target: target, versionScheme: versionScheme, signal: signal} = settings;
 const {paths: paths, successes: successes, pauseMs: pauseMs} = settings;
 const rules = {
  paths: paths,
  successes: successes,
  lacks: carried => lacksVersions(carried, target, versionScheme)
 };
 let states = probes.map(() => notReadyYet);
 for (;;) {
  const results = await Promise.all(probes.map(probe => probe.probe({
   signal: signal
  })));
  const rounds = results.map((result, at) => decideReadiness(states[at] ?? notReadyYet, result, rules));
  states = rounds.map(round => round.state);
  const observed = observationOf(probes, rounds, new Date(clock.wallMs()).toISOString());
  if (rounds.some(round => round.fatal)) return {
   kind: "hopeless",
   observed: observed
  };
  if (rounds.every(round => round.ready)) return {
   kind: "ready",
   observed: observed
  };
  settings.onRound(observed);
  await core.sleep(clock, Math.max(pauseMs, ...results.map(result => result.retryAfterMs ?? 0)), signal);
 }
}

function observationOf(probes, rounds, at) {
 const fatal = rounds.findIndex(each => each.fatal);
 const unready = rounds.findIndex(each => !each.ready);
 const worst = Math.max(0, fatal >= 0 ? fatal : unready);
 const round = rounds[worst];
 const carried = round?.carried.kind === "versions" ? round.carried : null;
 const detail = round ? `${probes[worst]?.id ?? ""}: ${round.detail}` : "nothing is asked";
 return {
  ...carried?.schema === null || carried === null ? {} : {
   schema: core.plain(carried.schema, 60)
  },
  ...carried?.api === null || carried === null ? {} : {
   api: carried.api.slice(0, 20).map(name => core.plain(name, 64))
  },
  at: at,
  detail: core.plain(detail, 160)
 };
}

async function runMigration(settings) {
 const {right: right, probe: probe, versionScheme: versionScheme, migrate: migrate, signal: signal, note: note} = settings;
 const {token: token, to: to} = right;
 let from = right.from;
 const fail = message => ({
  kind: "commit-failed",
  token: token,
  message: message
 });
 if (probe) {
  const found = settings.isTakeover ? await askUntilAnswered(settings, probe) : await ask(settings, probe);
  if (found.kind === "schema") {
   if (board.reaches(found.schema, to, versionScheme)) {
    note(`schema ${to} is there already (${found.detail}); nothing is run`);
    return {
     kind: "commit",
     token: token,
     from: from,
     to: to,
     how: "adopted"
    };
   }
   from = found.schema;
  } else if (settings.isTakeover) {
   return fail(`took over from a holder that stopped answering, and the schema probe fails: ${found.detail}`);
  } else note(`the schema probe has no answer yet (${found.detail}); the migration runs all the same`);
 }
 note(`migrating the schema ${from === null ? "" : `from ${from} `}to ${to}, token ${token}`);
 const end = await migrate({
  token: token,
  from: from,
  to: to,
  signal: signal
 });
 if (!end.ok) return fail(end.message);
 if (probe) {
  const after = await askUntilAnswered(settings, probe);
  if (after.kind !== "schema") return fail(`the migration ended well, but the schema probe fails: ${after.detail}`);
  if (board.compareSchema(after.schema, to, versionScheme) !== "equal") return fail(`the migration ended well, but the schema is ${core.plain(after.schema, 60)} and not ${core.plain(to, 60)}`);
 }
 return {
  kind: "commit",
  token: token,
  from: from,
  to: to,
  how: "ran"
 };
}

async function awaitSchema(settings) {
 let said = "";
 for (;;) {
  const {probe: probe, to: to, versionScheme: versionScheme, signal: signal} = settings;
  const answer = await askSchema(probe, settings, signal);
  if (answer.kind === "schema" && board.reaches(answer.schema, to, versionScheme)) return {
   kind: "adopt",
   worldSchema: answer.schema
  };
  const says = answer.kind === "schema" ? `schema ${answer.schema}, wanted is ${to}` : answer.detail;
  if (says !== said) settings.note(`the schema probe says: ${core.plain(says)}`);
  said = says;
  await core.sleep(settings.clock, Math.max(settings.pauseMs, answer.retryAfterMs), signal);
 }
}

function ask(settings, probe) {
 return askSchema(probe, settings, settings.signal);
}

async function askUntilAnswered(settings, probe) {
 let said = "";
 for (;;) {
  const answer = await askSchema(probe, settings, settings.signal);
  if (answer.kind === "schema" || answer.fatal) return answer;
  if (answer.detail !== said) settings.note(`waiting for the schema probe: ${answer.detail}`);
  said = answer.detail;
  await core.sleep(settings.clock, Math.max(settings.pauseMs, answer.retryAfterMs), settings.signal);
 }
}

const PAUSE_MS = 1e3;

const PUBLISH_EVERY_MS = 15e3;

const PUBLISH_RARELY_MS = 12e4;

function createActivities({options: options, post: post, crash: crash}) {
 const {clock: clock, self: self, config: config, paths: paths, successes: successes} = options;
 const pauseMs = Math.min(PAUSE_MS, options.pollMs);
 const ending = new AbortController;
 const running = new Set;
 const probing = new Map;
 const publisher = createPublisher(clock, options.hasBeats ? PUBLISH_EVERY_MS : PUBLISH_RARELY_MS);
 const triedTokens = new Set;
 let migratingToken = null;
 let lastObserved = null;
 const note = message => options.onProgress?.({
  kind: "note",
  level: "info",
  message: message
 });
 const start = (work, signal) => {
  const done = work().catch(thrown => {
   if (!signal.aborted) crash(core.toError(thrown));
  }).finally(() => running.delete(done));
  running.add(done);
 };
 const startProbing = (key, work) => {
  const own = new AbortController;
  const signal = AbortSignal.any([ own.signal, ending.signal ]);
  probing.set(key, own);
  start(async () => {
   try {
    await work(signal);
   } finally {
    if (probing.get(key) === own) probing.delete(key);
   }
  }, signal);
 };
 const keepProbing = wanted => {
  for (const [key, own] of probing) {
   if (wanted.has(key)) continue;
   probing.delete(key);
   own.abort();
  }
 };
 const startMigration = (right, isTakeover) => {
  const {migrate: migrate} = options;
  if (migratingToken !== null || migrate === null || triedTokens.has(right.token)) return;
  migratingToken = right.token;
  triedTokens.add(right.token);
  const {signal: signal} = ending;
  start(async () => {
   try {
    const {schemaProbe: probe} = options;
    const {versionScheme: versionScheme} = config;
    const settings = {
     clock: clock,
     right: right,
     probe: probe,
     paths: paths,
     versionScheme: versionScheme,
     pauseMs: pauseMs,
     migrate: migrate,
     isTakeover: isTakeover,
     signal: signal,
     note: note
    };
    post(await runMigration(settings));
   } finally {
    migratingToken = null;
   }
  }, signal);
 };
 const confirm = async (member, board, signal) => {
  const {target: target} = board;
  if (!target) return;
  const probes = await probesFor(member, board);
  const teller = createPublisher(clock, PUBLISH_EVERY_MS);
  const result = await confirmReadiness({
   clock: clock,
   probes: probes,
   target: target,
   versionScheme: config.versionScheme,
   paths: paths,
   successes: successes,
   pauseMs: pauseMs,
   signal: signal,
   onRound(observed) {
    if (teller.isDue(observed.detail)) note(`${core.plain(member.name)} is not ready: ${observed.detail}`);
    if (member.name !== self.name) return;
    lastObserved = observed;
    if (publisher.isDue(observed.detail)) post({
     kind: "observe",
     observed: observed
    });
   }
  });
  if (member.name === self.name) lastObserved = result.observed;
  post(eventOf(member, result));
 };
 const probesFor = async (member, board$1) => {
  const left = self.mode === "wait-for" ? board.recordOf(board$1, member.name)?.probe : undefined;
  if (options.ready.length > 0 || !left) return options.ready;
  const probe = await options.openMemberProbe(left);
  return probe ? [ probe ] : [];
 };
 const eventOf = (member, {kind: kind, observed: observed}) => {
  const {name: name, incarnation: incarnation} = member;
  if (kind === "ready") return {
   kind: "api-ready",
   ready: [ {
    name: name,
    incarnation: incarnation,
    observed: observed
   } ]
  };
  if (self.mode !== "wait-for") return {
   kind: "leave",
   reason: observed.detail,
   rolledBack: false,
   migrationEnded: true
  };
  const {run: run, attempt: attempt} = incarnation;
  return {
   kind: "lost",
   jobs: [ {
    name: name,
    run: run,
    attempt: attempt,
    detail: observed.detail,
    isBroken: true
   } ]
  };
 };
 return {
  get migratingToken() {
   return migratingToken;
  },
  get lastObserved() {
   return lastObserved;
  },
  follow(verdict, {doc: doc, isTakeover: isTakeover}) {
   const wanted = new Map;
   if (verdict.kind === "migrate") startMigration(verdict, isTakeover(verdict.token));
   if (verdict.kind === "probe-schema" && options.schemaProbe) {
    const {schemaProbe: probe} = options;
    const {versionScheme: versionScheme} = config;
    wanted.set(`schema ${verdict.epoch} ${verdict.to}`, async signal => {
     post(await awaitSchema({
      clock: clock,
      probe: probe,
      to: verdict.to,
      paths: paths,
      versionScheme: versionScheme,
      pauseMs: pauseMs,
      signal: signal,
      note: note
     }));
    });
   }
   if (verdict.kind === "confirm" && doc?.target) {
    for (const member of verdict.members) {
     const {name: name, incarnation: incarnation} = member;
     const key = JSON.stringify([ verdict.epoch, name, incarnation, targetKey(doc.target) ]);
     wanted.set(key, signal => confirm(member, doc, signal));
    }
   }
   keepProbing(new Set(wanted.keys()));
   for (const [key, work] of wanted) if (!probing.has(key)) startProbing(key, work);
  },
  async stop() {
   ending.abort();
   await Promise.all(running);
  }
 };
}

function targetKey({schema: schema, api: api}) {
 return `${schema} ${api.join(" ")}`;
}

function createPublisher(clock, everyMs) {
 let lastMs = clock.monotonicMs();
 let last = "";
 return {
  isDue(detail) {
   const nowMs = clock.monotonicMs();
   if (detail === last || nowMs - lastMs < everyMs) return false;
   lastMs = nowMs;
   last = detail;
   return true;
  }
 };
}

const MISMATCH_REASON = "config-mismatch";

function findRefusal(doc, record, ctx) {
 const {config: config, self: self} = ctx;
 const standing = board.surveyBoard(doc, config).get(self.name) ?? "missing";
 const isFrozen = doc.phase !== "announce";
 if (record.refused && standing === "stale") return refusal(doc, "behind", ctx);
 switch (standing) {
 case "present":
 case "missing":
  return null;

 case "left":
  return record.reason === MISMATCH_REASON ? refusal(doc, "config-mismatch", ctx) : refusal(doc, "member-left", ctx);

 case "downgrade":
  return refusal(doc, "schema-downgrade", ctx);

 case "stale":
  return findOvertaken(doc, record, ctx);

 case "behind":
 case "diverged":
  {
   const {schemaFloor: schemaFloor} = doc;
   const isDowngrade = isFrozen && schemaFloor !== null && !record.allowDowngrade && board.isBelow(record.schema, schemaFloor, config);
   return refusal(doc, isDowngrade ? "schema-downgrade" : standing, ctx);
  }
 }
}

function findWaitForRefusal(doc, relation, ctx) {
 switch (relation) {
 case "equal":
  return null;

 case "ahead":
  return createFailure(doc, {
   code: "behind",
   message: `the members agreed on ${describe(doc.target)}, this job asks for ${describe(ctx.self.versions)}`,
   blame: {
    missing: [],
    behind: doc.expected,
    diverged: []
   }
  }, ctx);

 case "behind":
 case "diverged":
  {
   const {schemaFloor: schemaFloor} = doc;
   const {self: self, config: config} = ctx;
   const isDowngrade = schemaFloor !== null && !self.allowDowngrade && board.isBelow(self.versions.schema, schemaFloor, config);
   return refusal(doc, isDowngrade ? "schema-downgrade" : relation, ctx);
  }
 }
}

function refusal(doc, code, ctx) {
 const {name: name} = ctx.self;
 const blame = board.blameOf(doc, ctx.config);
 const others = names => names.filter(each => each !== name);
 const isBehind = code === "behind" || code === "schema-downgrade";
 return createFailure(doc, {
  code: code,
  message: explain(doc, code, ctx),
  blame: {
   missing: others(blame.missing),
   behind: isBehind ? [ ...others(blame.behind), name ].sort() : others(blame.behind),
   diverged: code === "diverged" ? [ ...others(blame.diverged), name ].sort() : others(blame.diverged)
  }
 }, ctx);
}

function findOvertaken(doc, record, ctx) {
 if (doc.target === null) return null;
 const {relation: relation} = board.compareVersions(record, doc.target, ctx.config);
 return relation === "ahead" ? null : refusal(doc, board.relationToOthers(doc, record, ctx.config), ctx);
}

function explain(doc, code, ctx) {
 const {name: name, versions: versions} = ctx.self;
 const own = `${name} has ${describe(versions)}`;
 const difference = doc.target && board.compareVersions(versions, doc.target, ctx.config);
 const lists = difference ? listDifference(difference.missing, difference.extra) : "";
 switch (code) {
 case "behind":
  return `${own}, the others have ${describe(doc.target)}${lists}; deploy the newer version and run this job again`;

 case "diverged":
  return `${own}, the others ${describe(doc.target)}${lists}; neither contains the other: build all from one commit`;

 case "schema-downgrade":
  return `${own}, but schema ${doc.schemaFloor} is committed already; deploy at least that, or say allow-downgrade if this is meant`;

 case "config-mismatch":
  return `${own}, but this run's gate agreed on ${describe(doc.target)}; a new version needs a new run`;

 case "member-left":
  return `${own} and has left the gate`;
 }
}

function describe(versions) {
 if (!versions) return "no version yet";
 return `schema ${versions.schema}${versions.api.length > 0 ? `, api ${versions.api.join(" ")}` : ", no api"}`;
}

function listDifference(missing, extra) {
 const misses = missing.length > 0 ? `; misses api ${missing.join(" ")}` : "";
 return `${misses}${extra.length > 0 ? `; has api ${extra.join(" ")} that others lack` : ""}`;
}

function settle(doc, ctx) {
 const targeted = doc.phase === "announce" ? withTarget(doc, ctx) : doc;
 const announced = targeted.phase === "announce" ? leaveAnnounce(targeted, ctx) : targeted;
 const committed = announced.phase === "schema" ? advanceSchema(announced, ctx) : announced;
 return committed.phase === "api" || committed.phase === "open" ? confirmAndOpen(committed, ctx) : committed;
}

function fateOf(doc, ctx) {
 const {claim: claim} = doc;
 if (claim === null) return "none";
 if (board.isSameIncarnation(claim.incarnation, ctx.self.incarnation)) return "held";
 const record = board.recordOf(doc, claim.member);
 const successor = record && !board.isSameIncarnation(record.incarnation, claim.incarnation) && record.incarnation;
 if (successor && successor.run === claim.incarnation.run && board.compareRanks(successor, claim.incarnation) > 0) return "dead";
 return ctx.judgeHolder(claim);
}

function shouldProbeSchema(doc, ctx) {
 if (doc.phase !== "schema" || ctx.self.canMigrate || !ctx.self.canProbeSchema) return false;
 const survey = board.surveyBoard(doc, ctx.config);
 if (!mayTakePart(doc, survey, ctx) || fateOf(doc, ctx) === "held") return false;
 return board.committersOf(doc, survey).every(({committer: committer}) => committer === "probe");
}

function recordCommit(doc, commit, ctx) {
 const {self: self, config: config} = ctx;
 const full = {
  ...commit,
  member: self.name,
  incarnation: self.incarnation,
  at: ctx.at
 };
 const schemas = doc.schemaFloor === null ? [ commit.to ] : [ doc.schemaFloor, commit.to ];
 return {
  ...doc,
  commits: [ ...doc.commits, full ].slice(-10),
  schemaFloor: board.highestSchema(schemas, config.versionScheme),
  lastToken: Math.max(doc.lastToken, commit.token),
  claim: null
 };
}

function withTarget(doc, {config: config}) {
 const target = board.wantedTarget(doc, config);
 return JSON.stringify(target) === JSON.stringify(doc.target) ? doc : {
  ...doc,
  target: target
 };
}

function leaveAnnounce(doc, ctx) {
 const {config: config} = ctx;
 if (doc.target === null || !board.areAllPresent(board.surveyBoard(doc, config))) return doc;
 const isThere = board.reaches(doc.schemaFloor, doc.target.schema, config.versionScheme);
 return isThere ? {
  ...adoptFromDead(doc, ctx),
  phase: "api"
 } : {
  ...doc,
  phase: "schema"
 };
}

function advanceSchema(doc, ctx) {
 const {target: target} = doc;
 if (target === null) return doc;
 if (board.reaches(doc.schemaFloor, target.schema, ctx.config.versionScheme)) return {
  ...adoptFromDead(doc, ctx),
  phase: "api"
 };
 const survey = board.surveyBoard(doc, ctx.config);
 if (!mayTakePart(doc, survey, ctx)) return doc;
 const fate = fateOf(doc, ctx);
 if (fate === "held") return doc;
 const others = board.committersOf(doc, survey).filter(({name: name}) => name !== ctx.self.name);
 if (ctx.self.canMigrate) {
  if (fate !== "expired" || ctx.self.canProbeSchema) return takeClaim(doc, ctx);
  return others.some(({committer: committer}) => committer !== "migrate") ? doc : failCommitterLost(doc, ctx);
 }
 if (ctx.self.canProbeSchema || others.length > 0) return doc;
 const mayComeLater = Object.values(doc.members).some(record => record.state === "released");
 if (mayComeLater && ctx.self.mode !== "wait-for") return doc;
 if (fate !== "none") return failCommitterLost(doc, ctx);
 const commit = {
  token: doc.lastToken + 1,
  from: doc.schemaFloor,
  to: target.schema,
  how: "adopted"
 };
 return {
  ...recordCommit(doc, commit, ctx),
  phase: "api"
 };
}

function adoptFromDead(doc, ctx) {
 const {target: target, commits: commits} = doc;
 const isOver = doc.claim !== null && fateOf(doc, ctx) !== "held";
 if (target === null || !isOver || !mayTakePart(doc, board.surveyBoard(doc, ctx.config), ctx)) return doc;
 if (commits.some(({to: to}) => to === target.schema)) return doc;
 const from = commits.at(-1)?.to ?? null;
 return recordCommit(doc, {
  token: doc.lastToken + 1,
  from: from,
  to: target.schema,
  how: "adopted"
 }, ctx);
}

function takeClaim(doc, {self: self, at: at}) {
 const token = doc.lastToken + 1;
 const {name: member, incarnation: incarnation, leaseMs: leaseMs} = self;
 return {
  ...doc,
  claim: {
   member: member,
   incarnation: incarnation,
   token: token,
   beat: 0,
   leaseMs: leaseMs,
   since: at
  },
  lastToken: token
 };
}

function failCommitterLost(doc, ctx) {
 const holder = doc.claim?.member ?? "nobody";
 const message = `${holder} held the right to migrate and stopped answering; ` + "without a schema probe nobody can tell how far it came, and a migration must not run twice";
 return failGate(doc, {
  code: "committer-lost",
  message: message
 }, ctx);
}

function confirmAndOpen(doc, ctx) {
 const survey = board.surveyBoard(doc, ctx.config);
 const confirmed = mayTakePart(doc, survey, ctx) && !ctx.self.canProbeApi ? confirmOwn(doc, ctx) : doc;
 if (confirmed.phase === "open") return confirmed;
 const ready = board.readyMembers(confirmed, board.surveyBoard(confirmed, ctx.config));
 return ready.length === doc.expected.length ? openGate(confirmed, ctx.at) : confirmed;
}

function confirmOwn(doc, {self: self, at: at}) {
 const record = board.recordOf(doc, self.name);
 if (self.mode !== "wait" || record?.state !== "announced") return doc;
 const ready = {
  ...record,
  state: "api-ready",
  readyAt: at
 };
 return {
  ...doc,
  members: {
   ...doc.members,
   [self.name]: ready
  }
 };
}

function mayTakePart(doc, survey, {self: self, config: config, epoch: epoch}) {
 if (epoch !== null && epoch !== doc.epoch) return false;
 if (self.mode === "wait-for") return doc.target !== null && board.fits(self.versions, doc.target, config);
 const record = board.recordOf(doc, self.name);
 const isOwn = record !== undefined && board.isSameIncarnation(record.incarnation, self.incarnation);
 return isOwn && self.mode === "wait" && survey.get(self.name) === "present";
}

function verdictOf(doc, ctx) {
 return ctx.self.mode === "wait-for" ? verdictForWaiter(doc, ctx) : verdictForMember(doc, ctx);
}

function refuse(failure) {
 return {
  kind: "failed",
  epoch: failure.epoch,
  failure: failure,
  shared: false
 };
}

function superseded(doc, record, ctx) {
 const {run: run, attempt: attempt} = record.incarnation;
 const message = `${ctx.self.name} has announced itself again (run ${run}, attempt ${attempt}); that one counts`;
 return refuse(createFailure(doc, {
  code: "superseded",
  message: message
 }, ctx));
}

function verdictForMember(doc, ctx) {
 const {self: self} = ctx;
 const record = board.recordOf(doc, self.name);
 const isOwn = record !== undefined && board.isSameIncarnation(record.incarnation, self.incarnation);
 if (ctx.epoch !== null && ctx.epoch < doc.epoch && !(isOwn && self.mode === "announce")) return fromEarlierEpoch(doc, ctx.epoch, ctx);
 if (!record) return {
  kind: "announce",
  epoch: doc.epoch
 };
 if (!isOwn) {
  const isOlder = board.compareRanks(record.incarnation, self.incarnation) < 0;
  return isOlder ? {
   kind: "announce",
   epoch: doc.epoch
  } : superseded(doc, record, ctx);
 }
 if (doc.phase === "failed" && doc.failure && self.mode !== "announce") return sharedFailure(doc, doc.failure);
 if (doc.phase === "open" && record.state === "api-ready") return opened(doc, ctx);
 const refusal = findRefusal(doc, record, ctx);
 if (refusal) return refuse(refusal);
 if (self.mode === "announce") return {
  kind: "announced",
  epoch: doc.epoch
 };
 if (doc.phase === "schema") return inSchema(doc, ctx);
 if ((doc.phase === "api" || doc.phase === "open") && record.state === "announced") return {
  kind: "confirm",
  epoch: doc.epoch,
  members: [ {
   name: self.name,
   incarnation: self.incarnation
  } ]
 };
 return {
  kind: "wait",
  epoch: doc.epoch,
  phase: doc.phase
 };
}

function verdictForWaiter(doc, ctx) {
 if (ctx.epoch !== null && ctx.epoch < doc.epoch) return fromEarlierEpoch(doc, ctx.epoch, ctx);
 if (doc.phase === "failed" && doc.failure && (ctx.epoch === null || ctx.epoch === doc.epoch)) return sharedFailure(doc, doc.failure);
 const isFrozen = doc.phase !== "announce" && doc.phase !== "failed" && doc.target !== null;
 if (isFrozen && doc.target) {
  const {relation: relation} = board.compareVersions(ctx.self.versions, doc.target, ctx.config);
  if (relation === "ahead" && ctx.scope === "environment") return {
   kind: "wait",
   epoch: doc.epoch + 1,
   phase: doc.phase
  };
  const refusal = findWaitForRefusal(doc, relation, ctx);
  if (refusal) return refuse(refusal);
 }
 if (doc.phase === "open") return opened(doc, ctx);
 if (doc.phase === "schema") return inSchema(doc, ctx);
 const released = Object.entries(doc.members).filter(([, record]) => record.state === "released" && record.probedIn !== doc.epoch).map(([name, {incarnation: incarnation}]) => ({
  name: name,
  incarnation: incarnation
 }));
 if (doc.phase === "api" && released.length > 0) return {
  kind: "confirm",
  epoch: doc.epoch,
  members: released
 };
 return {
  kind: "wait",
  epoch: doc.epoch,
  phase: doc.phase
 };
}

function inSchema(doc, ctx) {
 const {claim: claim, epoch: epoch, target: target} = doc;
 if (claim && target && board.isSameIncarnation(claim.incarnation, ctx.self.incarnation)) return {
  kind: "migrate",
  epoch: epoch,
  token: claim.token,
  from: doc.schemaFloor,
  to: target.schema
 };
 if (target && shouldProbeSchema(doc, ctx)) return {
  kind: "probe-schema",
  epoch: epoch,
  to: target.schema
 };
 return {
  kind: "wait",
  epoch: epoch,
  phase: doc.phase
 };
}

function fromEarlierEpoch(doc, epoch, ctx) {
 const end = endOfEpoch(doc, epoch, ctx);
 if (end === "open") return {
  kind: "open",
  epoch: epoch,
  committed: hasCommitted(doc, ctx)
 };
 return {
  kind: "failed",
  epoch: epoch,
  failure: end,
  shared: true
 };
}

function sharedFailure(doc, failure) {
 return {
  kind: "failed",
  epoch: doc.epoch,
  failure: failure,
  shared: true
 };
}

function opened(doc, ctx) {
 return {
  kind: "open",
  epoch: doc.epoch,
  committed: hasCommitted(doc, ctx)
 };
}

function hasCommitted(doc, {self: self}) {
 return doc.commits.some(commit => board.isSameIncarnation(commit.incarnation, self.incarnation));
}

function announce(found, event, ctx) {
 const {self: self, config: config} = ctx;
 const board$1 = found ?? createBoard(ctx);
 const isMember = self.mode !== "wait-for";
 if (isMember && !config.expected.includes(self.name)) {
  const message = `${self.name} is not one of the expected members ${config.expected.join(", ")}`;
  return turnAway(board$1, "unexpected-member", {
   message: message,
   ctx: ctx
  });
 }
 if (board$1.configHash !== config.configHash && !mayBringConfig(board$1, ctx)) return turnAway(board$1, "config-mismatch", {
  message: describeMismatch(board$1, ctx),
  ctx: ctx
 });
 const record = isMember ? board.recordOf(board$1, self.name) : undefined;
 if (record && board.compareRanks(record.incarnation, self.incarnation) > 0) return {
  refused: superseded(board$1, record, ctx)
 };
 if (record && board.isSameIncarnation(record.incarnation, self.incarnation)) return {
  doc: board$1
 };
 if (board$1.phase === "failed" && board$1.failure && isCoveredBy(board$1.failure, self.incarnation)) {
  const {failure: failure, epoch: epoch} = board$1;
  return {
   refused: {
    kind: "failed",
    epoch: epoch,
    failure: failure,
    shared: true
   }
  };
 }
 const armed = seedFloor(armFor(board$1, ctx), event, ctx);
 return {
  doc: isMember ? withRecord(armed, ctx) : armed
 };
}

function turnAway(board, code, {message: message, ctx: ctx}) {
 const blame = {
  missing: [],
  behind: [],
  diverged: []
 };
 return {
  refused: refuse(createFailure(board, {
   code: code,
   message: message,
   blame: blame
  }, ctx))
 };
}

function armFor(board, ctx) {
 if (board.phase === "failed") return startEpoch(board, ctx);
 if (ctx.self.mode === "wait-for" || board.phase === "announce" || !startsUpgrade(board, ctx)) return board;
 return board.phase === "open" ? startEpoch(board, ctx) : returnToAnnounce(board);
}

function startsUpgrade(board$1, ctx) {
 const {self: self, config: config, scope: scope} = ctx;
 if (board$1.configHash !== config.configHash) return true;
 if (board$1.target === null || board.fits(self.versions, board$1.target, config)) return false;
 const isBelowFloor = board$1.schemaFloor !== null && board.isBelow(self.versions.schema, board$1.schemaFloor, config);
 if (isBelowFloor && !self.allowDowngrade) return false;
 const {relation: relation} = board.compareVersions(self.versions, board$1.target, config);
 if (board$1.phase !== "open") return isNewest(board$1, ctx) || scope === "environment" && relation === "ahead";
 if (scope === "run") return false;
 return relation === "ahead" || self.allowDowngrade || relation === "diverged" && isNewest(board$1, ctx);
}

function isNewest(board$1, {self: self}) {
 return Object.values(board$1.members).every(record => board.compareRanks(record.incarnation, self.incarnation) < 0);
}

function mayBringConfig(board, ctx) {
 if (ctx.scope !== "environment" || ctx.self.mode === "wait-for" || !isNewest(board, ctx)) return false;
 if (board.phase === "open") return true;
 return board.failure !== null && !isCoveredBy(board.failure, ctx.self.incarnation);
}

function describeMismatch(board, {config: config}) {
 const [theirs, ours] = [ board.expected.join(", "), config.expected.join(", ") ];
 if (theirs === ours) return `the members agree, but require-api or version-scheme differs from that of the first job`;
 return `the gate expects the members ${theirs}; this job names ${ours}`;
}

function seedFloor(board$1, {worldSchema: worldSchema}, {scope: scope, config: config}) {
 if (scope !== "run" || worldSchema === undefined) return board$1;
 const known = board$1.schemaFloor === null ? [] : [ board$1.schemaFloor ];
 const schemaFloor = board.highestSchema([ ...known, worldSchema ], config.versionScheme);
 return schemaFloor === board$1.schemaFloor ? board$1 : {
  ...board$1,
  schemaFloor: schemaFloor
 };
}

function withRecord(board, ctx) {
 const {self: self} = ctx;
 const isMismatch = board.phase !== "announce" && isAheadOf(board, ctx);
 const record = {
  incarnation: self.incarnation,
  ...self.versions,
  state: isMismatch ? "left" : self.mode === "announce" ? "released" : "announced",
  beat: 0,
  since: ctx.at,
  ...isMismatch ? {
   reason: MISMATCH_REASON
  } : {},
  ...committerOf(ctx),
  ...self.allowDowngrade ? {
   allowDowngrade: true
  } : {},
  ...self.probe ? {
   probe: self.probe
  } : {}
 };
 return {
  ...board,
  members: {
   ...board.members,
   [self.name]: record
  }
 };
}

function isAheadOf(board$1, {self: self, config: config}) {
 if (board$1.target === null) return false;
 return board.compareVersions(self.versions, board$1.target, config).relation === "ahead";
}

function committerOf({self: self}) {
 if (self.mode === "announce") return {};
 if (self.canMigrate) return {
  committer: self.canProbeSchema ? "both" : "migrate"
 };
 return self.canProbeSchema ? {
  committer: "probe"
 } : {};
}

function beat(doc, {token: token}, {self: self}) {
 if (token !== undefined) {
  const {claim: claim} = doc;
  return claim?.token === token ? {
   ...doc,
   claim: {
    ...claim,
    beat: claim.beat + 1
   }
  } : doc;
 }
 const record = board.ownRecord(doc, self);
 return record ? board.withOwnRecord(doc, self, {
  ...record,
  beat: record.beat + 1
 }) : doc;
}

function observe(doc, observed, {self: self}) {
 const record = board.ownRecord(doc, self);
 return record ? board.withOwnRecord(doc, self, {
  ...record,
  observed: observed
 }) : doc;
}

function confirm(doc, ready, ctx) {
 if (doc.phase !== "api" && doc.phase !== "open") return doc;
 if (ctx.epoch !== null && ctx.epoch !== doc.epoch) return doc;
 const survey = board.surveyBoard(doc, ctx.config);
 const marked = ready.flatMap(member => {
  const record = board.recordOf(doc, member.name);
  if (!record || !board.isSameIncarnation(record.incarnation, member.incarnation)) return [];
  if (survey.get(member.name) !== "present") return [];
  const next = markReady(doc, record, {
   member: member,
   ctx: ctx
  });
  return next ? [ [ member.name, next ] ] : [];
 });
 return marked.length === 0 ? doc : {
  ...doc,
  members: {
   ...doc.members,
   ...Object.fromEntries(marked)
  }
 };
}

function markReady(doc, record, {member: member, ctx: ctx}) {
 const {self: self, at: at} = ctx;
 const seen = member.observed ? {
  observed: member.observed
 } : {};
 if (self.mode === "wait-for") {
  if (record.state !== "released" || record.probedIn === doc.epoch || doc.phase === "open") return null;
  return {
   ...record,
   ...seen,
   probedIn: doc.epoch,
   readyAt: at
  };
 }
 const isOwn = member.name === self.name && board.isSameIncarnation(record.incarnation, self.incarnation);
 if (!isOwn || record.state !== "announced") return null;
 return {
  ...record,
  ...seen,
  state: "api-ready",
  readyAt: at
 };
}

function leave(doc, event, ctx) {
 const freed = event.migrationEnded ? withoutOwnClaim(doc, ctx) : doc;
 const record = board.ownRecord(freed, ctx.self);
 if (!record || record.state === "left" || record.state === "released") return freed;
 const isHerald = record.state === "api-ready" && !event.rolledBack;
 const isParticipant = board.surveyBoard(freed, ctx.config).get(ctx.self.name) === "present";
 const left = board.withOwnRecord(freed, ctx.self, {
  ...record,
  reason: event.reason,
  state: isHerald ? record.state : "left"
 });
 const isOver = freed.phase === "open" || freed.phase === "failed";
 if (isHerald || isOver || !isParticipant || ctx.self.onLeave === "wait") return left;
 const message = `${ctx.self.name} left before it was ready: ${event.reason}`;
 return failGate(left, {
  code: "member-left",
  message: message
 }, ctx);
}

function reportLost(doc, jobs, ctx) {
 if (doc.phase === "open" || doc.phase === "failed" || !isOfThisEpoch(doc, ctx)) return doc;
 const lost = jobs.filter(job => doc.expected.includes(job.name) && isLost(doc, job, ctx));
 if (lost.length === 0) return doc;
 const names = lost.map(({name: name}) => name).sort();
 const message = lost.map(({name: name, detail: detail}) => `${name} will not come: ${detail}`).join("; ");
 return failGate(doc, {
  code: "member-lost",
  message: message,
  lost: names
 }, ctx);
}

function isLost(doc, job, ctx) {
 const record = board.recordOf(doc, job.name);
 if (job.isBroken) {
  const isSame = record !== undefined && board.compareRanks(record.incarnation, job) === 0;
  return isSame && record.state === "released" && record.probedIn !== doc.epoch;
 }
 if (board.compareRanks(job, ctx.self.incarnation) < 0) return false;
 if (!record || record.state === "left") return true;
 const age = board.compareRanks(record.incarnation, job);
 if (age !== 0) return age < 0 && board.surveyBoard(doc, ctx.config).get(job.name) !== "present";
 return record.state === "announced" && doc.phase !== "schema";
}

function isOfThisEpoch(doc, {self: self, epoch: epoch}) {
 return self.mode === "wait-for" ? epoch === doc.epoch : board.ownRecord(doc, self) !== undefined;
}

function withoutOwnClaim(doc, {self: self}) {
 const isOwn = doc.claim !== null && board.isSameIncarnation(doc.claim.incarnation, self.incarnation);
 return isOwn ? {
  ...doc,
  claim: null
 } : doc;
}

function isRefusedToken(doc, token, {self: self}) {
 if (token === undefined || doc.claim?.token === token) return false;
 return !doc.commits.some(commit => commit.token === token && board.isSameIncarnation(commit.incarnation, self.incarnation));
}

function commit(doc, event, ctx) {
 if (doc.claim?.token !== event.token) return doc;
 const {token: token, from: from, to: to, how: how, ready: ready} = event;
 const committed = settle(recordCommit(doc, {
  token: token,
  from: from,
  to: to,
  how: how
 }, ctx), ctx);
 if (!ready) return committed;
 const {name: name, incarnation: incarnation} = ctx.self;
 return confirm(committed, [ {
  name: name,
  incarnation: incarnation,
  observed: ready
 } ], ctx);
}

function failCommit(doc, event, ctx) {
 if (doc.claim?.token !== event.token) return doc;
 const isOfThisEpoch = doc.phase === "schema" && ctx.epoch === doc.epoch;
 const failed = isOfThisEpoch ? failGate(doc, {
  code: "commit-failed",
  message: event.message
 }, ctx) : doc;
 return {
  ...failed,
  claim: null
 };
}

function adopt(doc, event, ctx) {
 const {target: target} = doc;
 if (target === null || !shouldProbeSchema(doc, ctx)) return doc;
 if (!board.reaches(event.worldSchema, target.schema, ctx.config.versionScheme)) return doc;
 const {lastToken: lastToken, schemaFloor: from} = doc;
 return recordCommit(doc, {
  token: lastToken + 1,
  from: from,
  to: target.schema,
  how: "adopted"
 }, ctx);
}

function meetDeadline(found, event, ctx) {
 const settled = core.deepFreeze(settle(found, ctx));
 if (settled.phase === "open" || settled.phase === "failed") {
  const verdict = verdictOf(settled, ctx);
  if (isFinal$1(verdict)) return {
   doc: settled,
   verdict: verdict
  };
  return {
   doc: found,
   verdict: refuse(timeoutOf(found, ctx))
  };
 }
 const verdict = verdictOf(found, ctx);
 if (isFinal$1(verdict)) return {
  doc: endAlone(found, verdict, ctx),
  verdict: verdict
 };
 if (!isCounted(found, ctx)) {
  const alone = refuse(timeoutOf(found, ctx));
  return {
   doc: endAlone(found, alone, ctx),
   verdict: alone
  };
 }
 const observed = event.observed ? observe(found, event.observed, ctx) : found;
 const doc = core.deepFreeze(failGate(observed, timeoutCause(observed, ctx), ctx));
 return {
  doc: doc,
  verdict: verdictOf(doc, ctx)
 };
}

function withoutBoard(event, ctx) {
 if (event.kind === "deadline") return refuse(timeoutOf(createBoard(ctx), ctx));
 return ctx.self.mode === "wait-for" ? {
  kind: "wait",
  epoch: ctx.epoch ?? 1,
  phase: "announce"
 } : {
  kind: "announce",
  epoch: 1
 };
}

function endAlone(doc, verdict, {self: self}) {
 return verdict.kind === "failed" && !verdict.shared ? core.deepFreeze(board.withRefusal(doc, self)) : doc;
}

function isFinal$1(verdict) {
 return verdict.kind === "open" || verdict.kind === "failed" || verdict.kind === "announced";
}

function isCounted(doc, ctx) {
 if (ctx.self.mode === "wait-for") return ctx.epoch === doc.epoch;
 return board.surveyBoard(doc, ctx.config).get(ctx.self.name) === "present";
}

function timeoutOf(doc, ctx) {
 return createFailure(doc, timeoutCause(doc, ctx), ctx);
}

function timeoutCause(doc, ctx) {
 const blame = board.blameOf(doc, ctx.config);
 const message = `${ctx.self.name} waited ${core.formatDuration(ctx.self.timeoutMs)}; ${describeWait(doc, blame)}`;
 return {
  code: "timeout",
  message: message,
  blame: blame
 };
}

function describeWait(doc, {missing: missing, behind: behind, diverged: diverged}) {
 if (doc.phase === "open") return "the gate is open, but its own API was never ready";
 const lists = [ [ "missing", missing ], [ "behind", behind ], [ "diverged", diverged ] ];
 const named = lists.filter(([, names]) => names.length > 0).map(([word, names]) => `${word}: ${names.join(", ")}`);
 const who = named.length > 0 ? named.join("; ") : "nobody in particular";
 switch (doc.phase) {
 case "schema":
  return doc.claim ? `${doc.claim.member} holds the right to migrate and has not committed` : `nobody has migrated the schema; ${who}`;

 case "api":
  return `the schema is committed, but not every API is ready; ${who}`;

 case "announce":
 case "failed":
  return who;
 }
}

function reduce(doc, event, ctx) {
 if (event.kind === "announce") {
  const announced = announce(doc, event, ctx);
  if ("refused" in announced) return {
   doc: doc,
   verdict: announced.refused
  };
  const joined = {
   ...ctx,
   epoch: announced.doc.epoch
  };
  if (ctx.self.mode === "wait-for" && doc === null) return {
   doc: doc,
   verdict: {
    kind: "wait",
    epoch: 1,
    phase: "announce"
   }
  };
  return conclude(announced.doc, joined);
 }
 if (doc === null) return {
  doc: doc,
  verdict: withoutBoard(event, ctx)
 };
 switch (event.kind) {
 case "look":
  return conclude(doc, ctx);

 case "beat":
  return conclude(beat(doc, event, ctx), ctx, isRefusedToken(doc, event.token, ctx));

 case "commit":
  return conclude(commit(doc, event, ctx), ctx, isRefusedToken(doc, event.token, ctx));

 case "commit-failed":
  return conclude(failCommit(doc, event, ctx), ctx, isRefusedToken(doc, event.token, ctx));

 case "adopt":
  return conclude(adopt(doc, event, ctx), ctx);

 case "api-ready":
  return conclude(confirm(doc, event.ready, ctx), ctx);

 case "observe":
  return conclude(observe(doc, event.observed, ctx), ctx);

 case "leave":
  return conclude(leave(doc, event, ctx), ctx);

 case "deadline":
  return meetDeadline(doc, event, ctx);

 case "lost":
  return conclude(reportLost(doc, event.jobs, ctx), ctx);
 }
}

function conclude(changed, ctx, isFenced = false) {
 const doc = settle(changed, ctx);
 if (isFenced) return {
  doc: core.deepFreeze(doc),
  verdict: {
   kind: "fenced",
   epoch: ctx.epoch ?? doc.epoch
  }
 };
 const verdict = verdictOf(doc, ctx);
 const isTurnedAway = verdict.kind === "failed" && !verdict.shared;
 return {
  doc: core.deepFreeze(isTurnedAway ? board.withRefusal(doc, ctx.self) : doc),
  verdict: verdict
 };
}

const READ_SHARE = 1.5;

const MIN_SLOT_MS = 2;

const MAX_WINDOW_MS = {
 polled: 6e4,
 pushed: 2500
};

const MAX_GROWTH = 3;

function createBoardRegister(settings) {
 const {store: store, clock: clock, key: key} = settings;
 let writes = 0;
 let conflicts = 0;
 let cheapestMs = Number.POSITIVE_INFINITY;
 let parsed = null;
 const docOf = entry => {
  if (entry === null) return null;
  if (parsed?.revision !== entry.revision) parsed = {
   revision: entry.revision,
   doc: board.parseBoard(entry.value, key)
  };
  return parsed.doc;
 };
 return {
  key: key,
  get writes() {
   return writes;
  },
  get conflicts() {
   return conflicts;
  },
  async apply(event, {context: context, signal: signal}) {
   let lost = 0;
   let entry = await store.get(key, {
    signal: signal
   });
   const foundRevision = entry?.revision ?? null;
   for (;;) {
    const before = docOf(entry);
    const revision = entry?.revision ?? null;
    const {doc: doc, verdict: verdict} = reduce(before, event, context(before));
    if (doc === null || doc === before) return {
     doc: doc,
     revision: revision,
     verdict: verdict,
     foundRevision: foundRevision,
     before: before,
     hasWritten: false
    };
    const text = encodeBoard(doc);
    let current;
    const sentMs = clock.monotonicMs();
    writes += 1;
    try {
     const result = await store.compareAndSet(key, revision, text, {
      signal: signal
     });
     if (result.ok) {
      parsed = {
       revision: result.revision,
       doc: doc
      };
      const {revision: written} = result;
      return {
       doc: doc,
       revision: written,
       verdict: verdict,
       foundRevision: foundRevision,
       before: before,
       hasWritten: true
      };
     }
     conflicts += 1;
     current = result.current;
    } catch (error) {
     if (!core.hasCode(error, "indeterminate")) throw error;
     core.throwIfAborted(signal);
    }
    lost += 1;
    cheapestMs = Math.min(cheapestMs, READ_SHARE * (clock.monotonicMs() - sentMs));
    const delayMs = pauseAfter(lost, {
     turn: turnOf(doc, context(before).self.name),
     costMs: cheapestMs,
     maxWindowMs: store.capabilities.nativeWatch ? MAX_WINDOW_MS.pushed : MAX_WINDOW_MS.polled,
     random: clock.random()
    });
    if (delayMs > 0) await core.sleep(clock, delayMs, signal);
    const isUsable = current !== undefined && delayMs === 0 && current?.revision !== revision;
    entry = isUsable ? current : await store.get(key, {
     signal: signal
    });
   }
  }
 };
}

function pauseAfter(lost, about) {
 const {turn: turn, costMs: costMs, maxWindowMs: maxWindowMs, random: random} = about;
 const fairMs = Math.min(Math.max(MIN_SLOT_MS, costMs), maxWindowMs / (turn?.of ?? 2));
 const slotMs = fairMs * Math.min(MAX_GROWTH, 1.15 ** (lost - 1));
 return Math.round(turn === null ? 2 * slotMs * random : (turn.before + random) * slotMs);
}

function turnOf({phase: phase, expected: expected, members: members}, self) {
 if (phase !== "announce" && phase !== "api") return null;
 const isAwaited = name => {
  const record = Object.hasOwn(members, name) ? members[name] : undefined;
  return phase === "announce" ? record === undefined : record?.state === "announced";
 };
 const others = expected.filter(name => name !== self && isAwaited(name));
 return {
  before: others.filter(name => name < self).length,
  of: others.length + 1
 };
}

function contendersOf({phase: phase, expected: expected, members: members}) {
 const records = Object.values(members);
 if (phase === "announce") return Math.max(2, expected.length - records.length);
 if (phase === "api") return Math.max(2, records.filter(({state: state}) => state === "announced").length);
 return 2;
}

function createPassing(options, deadline) {
 const {clock: clock, store: store, key: key, logger: logger, self: self, jobs: jobs, hasBeats: hasBeats, config: config} = options;
 const outbox = [];
 const watched = store.capabilities.nativeWatch ? store : {
  ...store,
  watch: watchNothing
 };
 const alarm = lease.createAlarm({
  store: watched,
  key: key,
  clock: clock,
  logger: logger
 });
 const isOwn = claim => board.isSameIncarnation(claim.incarnation, self.incarnation);
 const post = event => {
  const last = outbox.at(-1);
  if (event.kind === "api-ready" && last?.kind === "api-ready" && outbox.length > 1) outbox[outbox.length - 1] = {
   kind: "api-ready",
   ready: [ ...last.ready, ...event.ready ]
  }; else outbox.push(event);
  alarm.ring();
 };
 const passing = {
  options: options,
  register: createBoardRegister({
   store: store,
   clock: clock,
   key: key
  }),
  liveness: liveness.createLiveness({
   clock: clock,
   jobs: jobs,
   expected: config.expected,
   hasBeats: hasBeats,
   isOwn: isOwn
  }),
  activities: createActivities({
   options: options,
   post: post,
   crash(error) {
    passing.crashed ??= error;
    alarm.ring();
   }
  }),
  deadline: deadline,
  alarm: alarm,
  outbox: outbox,
  epoch: null,
  doc: null,
  revision: undefined,
  token: null,
  wakeupsByTimer: 0,
  crashed: null
 };
 return passing;
}

function contextOf(passing, doc) {
 const {options: options, liveness: liveness, epoch: epoch} = passing;
 const {config: config, scope: scope, self: self, clock: clock} = options;
 liveness.see(doc);
 const at = new Date(clock.wallMs()).toISOString();
 return {
  config: config,
  scope: scope,
  self: self,
  at: at,
  epoch: epoch,
  judgeHolder: liveness.judge
 };
}

function absorb(passing, {doc: doc, revision: revision, verdict: verdict}) {
 const {options: options} = passing;
 passing.epoch = verdict.epoch;
 passing.doc = doc;
 if (verdict.kind === "migrate") passing.token = verdict.token;
 if (passing.revision !== revision) options.onProgress?.({
  kind: "board",
  doc: doc
 });
 passing.revision = revision;
}

function isFinal(verdict) {
 return verdict.kind === "open" || verdict.kind === "announced" || verdict.kind === "failed";
}

function watchNothing(_key, {signal: signal}) {
 const edges = core.createEdges(signal);
 edges.connected();
 return edges.watch;
}

const LAST_WORD_MS = 5e3;

const LEAVE_MS = 2500;

async function passDeadline(passing) {
 const {activities: activities, outbox: outbox} = passing;
 const observed = activities.lastObserved;
 const late = [ ...outbox.splice(0), {
  kind: "deadline",
  ...observed ? {
   observed: observed
  } : {}
 } ];
 let end = null;
 const stopped = activities.stop();
 for (const event of late) {
  const applied = await sayLast(passing, event, LAST_WORD_MS);
  if (applied instanceof Error) {
   end = unavailable(passing, applied);
   break;
  }
  if (isFinal(applied.verdict)) end = applied.verdict;
 }
 await stopped;
 await giveClaimBack(passing, LAST_WORD_MS);
 return end ?? unavailable(passing, new Error("the board did not decide"));
}

async function leaveEarly(passing) {
 const {options: options, activities: activities, doc: doc} = passing;
 const reason = core.plain(core.toError(options.signal.reason).message, 200);
 const stopped = activities.stop();
 const leave = {
  kind: "leave",
  reason: reason,
  rolledBack: false
 };
 const applied = await sayLast(passing, {
  ...leave,
  migrationEnded: false
 }, LEAVE_MS);
 await stopped;
 await giveClaimBack(passing, LEAVE_MS);
 if (!(applied instanceof Error) && isFinal(applied.verdict)) return applied.verdict;
 const board = doc ?? createBoard(contextOf(passing, null));
 const message = `${options.self.name} left the gate: ${reason}`;
 return createFailure(board, {
  code: "member-left",
  message: message
 }, contextOf(passing, doc));
}

async function giveClaimBack(passing, limitMs) {
 const {options: options, doc: doc, outbox: outbox} = passing;
 const {claim: claim} = doc ?? {};
 if (!claim || !board.isSameIncarnation(claim.incarnation, options.self.incarnation)) return;
 const message = "the migration was stopped before it had ended";
 const found = outbox.find(event => event.kind === "commit" || event.kind === "commit-failed");
 await sayLast(passing, found ?? {
  kind: "commit-failed",
  token: claim.token,
  message: message
 }, limitMs);
}

async function sayLast(passing, event, limitMs) {
 const {clock: clock} = passing.options;
 const limit = core.createDeadline({
  clock: clock,
  timeoutMs: limitMs,
  waitingFor: "the store to take the last word"
 });
 try {
  const context = doc => contextOf(passing, doc);
  const applied = await passing.register.apply(event, {
   context: context,
   signal: limit.signal
  });
  absorb(passing, applied);
  return applied;
 } catch (thrown) {
  const error = core.toError(thrown);
  const isOver = limit.signal.aborted || error.retryable === true;
  if (!isOver) throw error;
  return error;
 } finally {
  limit.dispose();
 }
}

function unavailable(passing, error) {
 const {doc: doc, options: options} = passing;
 const board = doc ?? createBoard(contextOf(passing, null));
 const message = `${options.store.url} does not answer, so nobody knows whether the gate is open: ${error.message}`;
 return createFailure(board, {
  code: "store-unavailable",
  message: message
 }, contextOf(passing, doc));
}

const BASE_MS = 200;

const CAP_MS = 5e3;

function createTroubles({clock: clock, onProgress: onProgress}, deadline) {
 const fresh = core.createBackoff({
  baseMs: BASE_MS,
  capMs: CAP_MS
 });
 let backoff = fresh;
 return {
  async survive(call) {
   try {
    const result = await call();
    if (backoff !== fresh) onProgress?.({
     kind: "note",
     level: "info",
     message: "the store answers again"
    });
    backoff = fresh;
    return result;
   } catch (thrown) {
    deadline.throwIfPassed();
    const error = core.toError(thrown);
    if (error.retryable !== true) throw error;
    if (backoff === fresh) {
     const message = `the store does not answer, waiting goes on: ${core.plain(error.message)}`;
     onProgress?.({
      kind: "note",
      level: "warn",
      message: message
     });
    }
    const step = backoff.next(clock.random());
    backoff = step.backoff;
    const retryAtMs = core.hasCode(error, "throttled") ? error.retryAtMs : null;
    await deadline.sleep(Math.max(step.delayMs, 1, retryAtMs === null ? 0 : retryAtMs - clock.monotonicMs()));
    return null;
   }
  }
 };
}

const JITTER = .15;

const CROWD = 8;

const SPREAD_PER_MEMBER_MS = 4;

const MAX_SPREAD_MS = 1e3;

const MAX_SUBSCRIBE_MS = 5e3;

const WORLD_PROBE_MS = 5e3;

async function passGate(options) {
 const {clock: clock, store: store, key: key, self: self, signal: signal} = options;
 const startMs = clock.monotonicMs();
 const deadline = core.createDeadline({
  clock: clock,
  timeoutMs: self.timeoutMs,
  waitingFor: `the gate ${options.config.gate}`,
  parent: signal
 });
 const passing = createPassing(options, deadline);
 const {activities: activities, alarm: alarm} = passing;
 const conclude = (final, about = {}) => {
  const isVerdict = "kind" in final;
  const failure = !isVerdict ? final : final.kind === "failed" ? final.failure : null;
  return {
   doc: passing.doc,
   run: {
    outcome: failure || !isVerdict ? "failed" : final.kind === "open" ? "open" : "announced",
    failure: failure,
    epoch: passing.epoch ?? 1,
    committed: ownCommit(passing) !== undefined,
    token: ownCommit(passing)?.token ?? passing.token,
    waitedMs: Math.round(clock.monotonicMs() - startMs),
    wakeupsByTimer: passing.wakeupsByTimer
   },
   interrupted: false,
   wasOver: false,
   writes: passing.register.writes,
   conflicts: passing.register.conflicts,
   ...about
  };
 };
 try {
  try {
   const {final: final, wasOver: wasOver} = await walk(passing);
   return conclude(final, {
    wasOver: wasOver
   });
  } catch (error) {
   if (passing.crashed) throw passing.crashed;
   if (signal.aborted) return conclude(await leaveEarly(passing), {
    interrupted: true
   });
   if (!deadline.signal.aborted) throw error;
   return conclude(await passDeadline(passing));
  }
 } finally {
  await activities.stop();
  alarm.dispose();
  deadline.dispose();
  options.logger.debug(`gate ${key} in ${store.url}: ${passing.register.writes} writes`);
 }
}

async function walk(passing) {
 const {options: options, outbox: outbox, activities: activities, alarm: alarm, deadline: deadline, liveness: liveness} = passing;
 const {clock: clock, self: self} = options;
 const troubles = createTroubles(options, deadline);
 let final = null;
 let nextBeatMs = Number.POSITIVE_INFINITY;
 let woken = "edge";
 let wasOver = false;
 await subscribed(passing);
 outbox.push({
  kind: "announce",
  ...await askWorld(passing)
 });
 for (;;) {
  if (passing.crashed) throw passing.crashed;
  alarm.clear();
  const due = outbox[0];
  const token = activities.migratingToken;
  const isBeat = !due && token !== null && options.hasBeats && clock.monotonicMs() >= nextBeatMs;
  const event = due ?? (isBeat && token !== null ? {
   kind: "beat",
   token: token
  } : {
   kind: "look"
  });
  const applied = await troubles.survive(() => passing.register.apply(event, {
   context: doc => contextOf(passing, doc),
   signal: deadline.signal
  }));
  if (applied === null) continue;
  if (due && outbox[0] === due) outbox.shift();
  if (isBeat) nextBeatMs = clock.monotonicMs() + self.leaseMs / 3;
  if (event.kind === "look" && woken === "timer" && isNews(passing, applied)) passing.wakeupsByTimer += 1;
  woken = "edge";
  absorb(passing, applied);
  const {verdict: verdict} = applied;
  if (verdict.kind === "announce" && final === null) outbox.push({
   kind: "announce"
  });
  if (isFinal(verdict)) {
   wasOver ||= event.kind === "announce" && verdict.kind === "failed" && verdict.shared && !applied.hasWritten;
   final ??= verdict;
  }
  if (outbox.length > 0) continue;
  activities.follow(final ?? verdict, {
   doc: applied.doc,
   isTakeover: liveness.isTakeover
  });
  if (activities.migratingToken !== null && nextBeatMs === Number.POSITIVE_INFINITY) nextBeatMs = clock.monotonicMs() + self.leaseMs / 3;
  if (activities.migratingToken === null) nextBeatMs = Number.POSITIVE_INFINITY;
  if (final !== null && activities.migratingToken === null) return {
   final: final,
   wasOver: wasOver
  };
  if (verdict.kind === "fenced") continue;
  woken = await rest(passing, nextBeatMs - clock.monotonicMs());
 }
}

async function rest(passing, beatInMs) {
 const {options: options, alarm: alarm, liveness: liveness, deadline: deadline, doc: doc} = passing;
 const {clock: clock, config: config, pollMs: pollMs} = options;
 const reconcileMs = core.jitter(pollMs, JITTER, clock.random());
 const takeoverMs = liveness.takeoverInMs(doc) ?? Number.POSITIVE_INFINITY;
 const evidenceMs = liveness.evidenceInMs() ?? Number.POSITIVE_INFINITY;
 const soonestMs = Math.min(reconcileMs, takeoverMs, evidenceMs, beatInMs);
 const rung = await alarm.wait(Math.max(1, Math.ceil(soonestMs)), deadline.signal) === "rung";
 if (rung) {
  const spreadMs = doc === null || config.expected.length <= CROWD ? 0 : spreadOf(doc);
  if (spreadMs > 0 && passing.outbox.length === 0) await deadline.sleep(spreadMs * clock.random());
  return "edge";
 }
 if (liveness.evidenceInMs() === 0) {
  const {jobs: jobs} = await liveness.ask(doc, deadline.signal);
  if (jobs.length > 0 && doc) passing.outbox.push({
   kind: "lost",
   jobs: jobs
  });
 }
 return soonestMs === reconcileMs ? "timer" : "edge";
}

function spreadOf(doc) {
 const awaited = doc.phase === "schema" ? doc.expected.length / 4 : contendersOf(doc);
 return Math.min(MAX_SPREAD_MS, SPREAD_PER_MEMBER_MS * awaited);
}

function isNews(passing, {foundRevision: foundRevision, hasWritten: hasWritten}) {
 return hasWritten || foundRevision !== passing.revision;
}

function ownCommit({doc: doc, options: options}) {
 return doc?.commits.findLast(each => board.isSameIncarnation(each.incarnation, options.self.incarnation));
}

async function askWorld({options: options, deadline: deadline}) {
 const {schemaProbe: schemaProbe, paths: paths, config: config, scope: scope, clock: clock} = options;
 if (!schemaProbe || scope !== "run") return {};
 const limit = core.createDeadline({
  clock: clock,
  timeoutMs: WORLD_PROBE_MS,
  waitingFor: "a probe",
  parent: deadline.signal
 });
 try {
  const rules = {
   paths: paths,
   versionScheme: config.versionScheme
  };
  const answer = await askSchema(schemaProbe, rules, limit.signal);
  return answer.kind === "schema" ? {
   worldSchema: answer.schema
  } : {};
 } catch (error) {
  if (deadline.signal.aborted || !limit.signal.aborted) throw error;
  return {};
 } finally {
  limit.dispose();
 }
}

async function subscribed({alarm: alarm, options: options, deadline: deadline}) {
 const {clock: clock} = options;
 const limit = core.createDeadline({
  clock: clock,
  timeoutMs: MAX_SUBSCRIBE_MS,
  waitingFor: "a watch",
  parent: deadline.signal
 });
 try {
  const late = new Promise(resolve => {
   limit.signal.addEventListener("abort", () => resolve(), {
    once: true
   });
  });
  await Promise.race([ alarm.ready, late ]);
  deadline.throwIfPassed();
 } finally {
  limit.dispose();
 }
}

function viewMembers(doc, ctx) {
 const survey = doc ? board.surveyBoard(doc, ctx.config) : null;
 const ready = doc && survey ? new Set(board.readyMembers(doc, survey)) : new Set;
 return (doc?.expected ?? ctx.config.expected).map(name => viewMember(name, {
  doc: doc,
  standing: survey?.get(name) ?? "missing",
  isReady: ready.has(name),
  ctx: ctx
 }));
}

function viewMember(name, subject) {
 const {doc: doc, ctx: ctx} = subject;
 const record = doc ? board.recordOf(doc, name) : undefined;
 const state = stateOf(name, subject);
 const label = labelOf(name, state, subject);
 const url = record ? ctx.linkOf(record.incarnation) : null;
 return {
  name: core.plain(name),
  state: state,
  label: label,
  schema: record ? core.plain(record.schema) : null,
  api: (record?.api ?? []).map(each => core.plain(each)),
  since: record ? core.plain(record.since) : null,
  readyAt: record?.readyAt === undefined ? null : core.plain(record.readyAt),
  url: url === null ? null : core.plain(url),
  detail: detailOf(name, state, subject),
  advice: adviceFor(label, record)
 };
}

function stateOf(name, {doc: doc, standing: standing, ctx: ctx}) {
 if (ctx.failure?.lost.includes(name)) return "lost";
 const record = doc ? board.recordOf(doc, name) : undefined;
 switch (standing) {
 case "missing":
 case "left":
 case "behind":
 case "diverged":
  return standing;

 case "downgrade":
  return "behind";

 case "stale":
  return "superseded";

 case "present":
  return record?.state ?? "missing";
 }
}

function labelOf(name, state, {doc: doc, isReady: isReady}) {
 if (doc?.phase === "schema" && doc.claim?.member === name) return "UPGRADING";
 switch (state) {
 case "api-ready":
  return "READY";

 case "announced":
 case "released":
  return isReady ? "READY" : "WAITING";

 case "missing":
 case "superseded":
  return "MISSING";

 case "behind":
 case "diverged":
  return "NEEDS UPGRADE";

 case "lost":
  return "LOST";

 case "left":
  return "LEFT";
 }
}

const ADVICE = Object.freeze({
 READY: null,
 WAITING: null,
 UPGRADING: null,
 MISSING: "look whether its job was started, is queued for a runner, or failed before the gate",
 "NEEDS UPGRADE": "deploy the version the others have to it, then run its job again",
 LOST: "read the log of its job, then re-run the failed jobs",
 LEFT: "its job was stopped or cannot get ready; mend that, then re-run the failed jobs"
});

function adviceFor(label, record) {
 const said = record?.observed?.detail;
 if (label === "WAITING" && said !== undefined) return `find out why it is not ready; it said ${core.plain(said, 200)}`;
 if (label === "LEFT" && record?.reason === MISMATCH_REASON) return "start a new run for its version; this one has agreed on another";
 return ADVICE[label];
}

function detailOf(name, state, {doc: doc, standing: standing, ctx: ctx}) {
 const record = doc ? board.recordOf(doc, name) : undefined;
 if (!doc || !record) return state === "lost" ? core.plain(ctx.failure?.message ?? "") : "has not announced itself";
 const parts = state === "lost" ? [ core.plain(ctx.failure?.message ?? "") ] : [];
 const {claim: claim} = doc;
 if (claim && claim.member === name) {
  const isOld = !board.isSameIncarnation(claim.incarnation, record.incarnation);
  parts.push(`${isOld ? "an earlier run of it holds" : "holds"} the right to migrate (token ${claim.token}) since ${claim.since}`);
 }
 const committed = doc.commits.find(each => each.to === doc.target?.schema);
 if (committed?.member === name) parts.push(`${committed.how === "ran" ? "migrated to" : "found"} schema ${committed.to} (token ${committed.token})`);
 if (standing === "stale") parts.push(`only attempt ${record.incarnation.attempt} of run ${record.incarnation.run} announced; its re-run has not come`);
 if (standing === "downgrade") parts.push(`schema ${record.schema} is below the committed ${doc.schemaFloor}`);
 if ((standing === "behind" || standing === "diverged") && doc.target) {
  const {missing: missing, extra: extra} = board.compareVersions(record, doc.target, ctx.config);
  parts.push(`has ${describe(record)}, wanted is ${describe(doc.target)}${listDifference(missing, extra)}`);
 }
 if (record.reason !== undefined) parts.push(record.reason);
 if (record.observed) parts.push(`last probe at ${record.observed.at}: ${record.observed.detail}`);
 return core.plain(parts.join("; "), 400);
}

function createGateReport(doc, run, ctx) {
 const {failure: failure} = run;
 const names = list => (list ?? []).map(name => core.plain(name));
 return {
  format: 1,
  command: "gate",
  outcome: run.outcome,
  code: failure?.code ?? null,
  phase: run.outcome === "open" ? "open" : doc?.phase ?? "announce",
  epoch: run.epoch,
  committed: run.committed,
  token: run.token,
  waitedMs: run.waitedMs,
  wakeupsByTimer: run.wakeupsByTimer,
  members: viewMembers(doc, {
   ...ctx,
   failure: failure
  }).map(({name: name, state: state, schema: schema, api: api, detail: detail}) => ({
   name: name,
   state: state,
   schema: schema ?? "",
   api: api,
   detail: detail
  })),
  missing: names(failure?.missing),
  behind: names(failure?.behind),
  diverged: names(failure?.diverged),
  lost: names(failure?.lost),
  exitCode: failure ? board.GATE_EXIT_CODES[failure.code] : 0
 };
}

function describeGate(doc, run) {
 const waited = core.formatDuration(run.waitedMs);
 if (run.outcome === "open") return `The gate is open: ${core.plain(describe(doc?.target ?? null))} (waited ${waited}).`;
 if (run.outcome === "announced") return "Announced; a wait-for job opens the gate.";
 return `The gate did not open (${run.failure?.code ?? "unknown"}): ${core.plain(run.failure?.message ?? "", 400)}`;
}

function describeMember(view) {
 const version = view.schema === null ? "" : `schema ${view.schema}`;
 const since = view.readyAt ?? view.since;
 const parts = [ `${view.name}  ${view.label.padEnd(13)}`, version, since === null ? "" : `since ${since}`, view.detail, view.url ?? "", "" ];
 return parts.filter(part => part !== "").join("  ");
}

function changedMembers(before, now) {
 const known = new Map(before.map(view => [ view.name, view ]));
 return now.filter(view => {
  const old = known.get(view.name);
  return old === undefined || old.label !== view.label || old.schema !== view.schema || old.state !== view.state;
 });
}

async function openGateJobs(context, options) {
 const {env: env, isRunner: isRunner, logger: logger} = context;
 const repository = core.parseRepository(env["GITHUB_REPOSITORY"] ?? "");
 if (!isRunner || options.run !== env["GITHUB_RUN_ID"] || !repository.ok) return null;
 const client = options.client ?? await core.openGitHub(context);
 if (!client) return null;
 const {createGitHubJobs: createGitHubJobs} = await Promise.resolve().then(() => require("./github-jobs.js"));
 return createGitHubJobs({
  ...options,
  client: client,
  repository: repository.value,
  logger: logger
 });
}

function parseGateTargets(resolved, world, problems) {
 const {values: values} = resolved;
 const parse = (text, name) => {
  const parsed = probes.parseTarget(text);
  const problem = parsed.ok ? probes.findTargetProblem(parsed.value, world) : parsed.problem;
  if (problem !== null) problems.push({
   option: resolved.spellingOf(name),
   message: problem
  });
  return parsed.ok && problem === null ? [ parsed.value ] : [];
 };
 const [schemaProbe = null] = values.schemaProbe === null ? [] : parse(values.schemaProbe, "schemaProbe");
 if (schemaProbe && schemaProbe.kind !== "http" && schemaProbe.kind !== "command") {
  const message = `must answer JSON: https://\u2026 or command:\u2026, not ${schemaProbe.kind}:`;
  problems.push({
   option: resolved.spellingOf("schemaProbe"),
   message: message
  });
 }
 const ready = values.ready.flatMap(text => parse(text, "ready"));
 if (values.mode === "announce" && ready.length === values.ready.length) {
  const problem = findBoardProblem(ready, values.probeHeader.length > 0);
  if (problem !== null) problems.push({
   option: resolved.spellingOf("ready"),
   message: problem
  });
 }
 return {
  schemaProbe: schemaProbe,
  ready: ready
 };
}

function boardProbeOf([target]) {
 return target && {
  kind: target.kind,
  url: target.kind === "http" ? target.url : probes.displayTarget(target)
 };
}

function parseBoardProbe({kind: kind, url: url}) {
 const parsed = probes.parseTarget(url);
 if (!parsed.ok || parsed.value.kind !== kind || kind === "command") return null;
 return parsed.value.kind === "http" && parsed.value.credentials !== null ? null : parsed.value;
}

function findBoardProblem(ready, hasHeaders) {
 const instead = "give it to the wait-for job instead";
 const [first] = ready;
 if (ready.length > 1) return `with mode announce only one target can be left for the wait-for job; ${instead}`;
 if (first?.kind === "command") return `a command cannot be left for the wait-for job; ${instead}`;
 const isSecret = first?.kind === "http" && (first.credentials !== null || first.url.includes("?") || hasHeaders);
 return isSecret ? `a target with a user, a query or headers may hold secrets, and the board is not the place for them; ${instead}` : null;
}

const KILL_AFTER_MS = 3500;

const MAX_LINE = 1e3;

const MAX_TAIL = 200;

function createMigration(context, command) {
 const {env: env, cwd: cwd, clock: clock, logger: logger} = context;
 const redact = probes.createHiding(context);
 return async ({token: token, from: from, to: to, signal: signal}) => {
  const lines = createLines(line => logger.info(`  ${core.plain(redact(line), MAX_LINE)}`));
  const [file, ...args] = shellOf(command, env);
  const end = await childProcess.runChild({
   file: file,
   args: args,
   cwd: cwd,
   env: {
    ...context.childEnv ?? env,
    LOCKSTEP_FENCING_TOKEN: String(token),
    LOCKSTEP_GATE_FROM: from ?? "",
    LOCKSTEP_GATE_TO: to
   },
   clock: clock,
   timeoutMs: Number.POSITIVE_INFINITY,
   signal: signal,
   killAfterMs: KILL_AFTER_MS,
   onOutput: (stream, chunk) => lines.take(stream, chunk)
  });
  lines.flush();
  if (end.kind === "not-started") return {
   ok: false,
   message: `the shell ${core.plain(file)} cannot be started (${end.code})`
  };
  if (end.kind === "timed-out") return {
   ok: false,
   message: "the migration took too long"
  };
  if (end.exitCode === 0) return {
   ok: true
  };
  const how = end.exitCode === null ? `was ended by ${end.signalName}` : `ended with exit code ${end.exitCode}`;
  const tail = lastLines(redact(end.stderrTail));
  return {
   ok: false,
   message: `the migration ${how}${tail === "" ? "" : `: ${tail}`}`
  };
 };
}

function shellOf(command, env) {
 if (process.platform !== "win32") return [ "sh", "-c", command ];
 return [ env["ComSpec"] ?? "cmd.exe", "/d", "/s", "/c", command ];
}

function lastLines(text) {
 const lines = text.split(/\r\n|\n|\r/).map(line => line.trim());
 const joined = lines.filter(line => line !== "").join(" | ");
 return core.plain(joined.length > MAX_TAIL ? `\u2026${joined.slice(-MAX_TAIL)}` : joined, MAX_TAIL + 1);
}

function createLines(onLine) {
 const rests = {
  stdout: Buffer.alloc(0),
  stderr: Buffer.alloc(0)
 };
 const say = bytes => {
  const line = bytes.toString("utf8").trimEnd();
  if (line !== "") onLine(line);
 };
 return {
  take(stream, chunk) {
   let rest = Buffer.concat([ rests[stream], chunk ]);
   for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
    say(rest.subarray(0, end));
    rest = rest.subarray(end + 1);
   }
   if (rest.length > 16 * 1024) {
    say(rest);
    rest = Buffer.alloc(0);
   }
   rests[stream] = rest;
  },
  flush() {
   say(rests.stdout);
   say(rests.stderr);
  }
 };
}

async function runGate(context, resolved) {
 const {clock: clock, signal: signal} = context;
 const {values: values} = resolved;
 const {settings: settings, targets: targets, address: address, run: run, attempt: attempt} = await checkEverything(context, resolved);
 const startMs = clock.monotonicMs();
 const releasers = core.createReleasers();
 try {
  const {store: store, pollMs: pollMs, leaseMs: leaseMs, github: github} = await core.openStoreParts(context, {
   address: address,
   values: values,
   releasers: releasers
  });
  const {headers: headers, paths: paths, config: config} = settings;
  const about = {
   store: store,
   namespace: values.namespace,
   releasers: releasers
  };
  const {schemaProbe: schemaProbe, ready: ready} = targets;
  const [probe = null] = schemaProbe ? await probes.openProbes(context, {
   ...about,
   headers: headers,
   targets: [ schemaProbe ]
  }) : [];
  const self = await createSelf(context, {
   resolved: resolved,
   settings: settings,
   targets: targets,
   run: run,
   attempt: attempt,
   leaseMs: leaseMs
  });
  const linkOf = createLinks(context);
  const log = createProgressLog(context, {
   startMs: startMs,
   config: config,
   linkOf: linkOf
  });
  const passage = await passGate({
   store: store,
   key: core.createKey(values.namespace, ...gateKeySegments(placeOf(context, resolved, run), config.gate)),
   clock: clock,
   logger: context.logger,
   config: config,
   scope: values.scope,
   self: self,
   pollMs: pollMs,
   hasBeats: address.scheme !== "github",
   migrate: values.migrate === null ? null : createMigration(context, values.migrate),
   schemaProbe: probe,
   ready: await probes.openProbes(context, {
    ...about,
    headers: headers,
    targets: ready
   }),
   async openMemberProbe(left) {
    const target = parseBoardProbe(left);
    if (!target) return null;
    const [opened = null] = await probes.openProbes(context, {
     ...about,
     targets: [ target ]
    });
    return opened;
   },
   paths: paths,
   successes: values.successes,
   jobs: await openGateJobs(context, {
    client: github,
    jobName: values.jobName,
    run: run,
    attempt: attempt
   }),
   signal: signal,
   onProgress: progress => log.take(progress)
  });
  return log.conclude(passage, hintOf(context, resolved, {
   passage: passage,
   run: run,
   attempt: attempt
  }));
 } finally {
  await releasers.close();
 }
}

async function checkEverything(context, resolved) {
 const storeProblems = [];
 const address = core.requireStore(context, resolved, storeProblems);
 const {settings: settings, problems: problems, isStranger: isStranger} = checkGateOptions(resolved, address?.url ?? null);
 problems.push(...storeProblems);
 const targets = parseGateTargets(resolved, probes.probeCredentials(context), problems);
 const {env: env, isRunner: isRunner} = context;
 const {values: values} = resolved;
 const run = values.run ?? (isRunner && env["GITHUB_RUN_ID"] || "local");
 const attempt = values.attempt ?? (isRunner && readAttempt(env["GITHUB_RUN_ATTEMPT"]) || 1);
 if (settings && problems.length === 0) {
  const self = await createSelf(context, {
   resolved: resolved,
   settings: settings,
   targets: targets,
   run: run,
   attempt: attempt,
   leaseMs: 6e4
  });
  const problem = findSizeProblem(settings.config.expected, sampleRecord(self));
  if (problem !== null) problems.push({
   option: resolved.spellingOf("members"),
   message: problem
  });
 }
 if (problems.length > 0 && isStranger) throw new gateReport.UnexpectedMemberError(problems);
 if (problems.length > 0 || !settings || !address) throw new core.ConfigError(problems);
 return {
  settings: settings,
  targets: targets,
  address: address,
  run: run,
  attempt: attempt
 };
}

function readAttempt(text) {
 return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : null;
}

async function createSelf({env: env, isRunner: isRunner, process: process}, about) {
 const {settings: settings, targets: targets, run: run, attempt: attempt, leaseMs: leaseMs} = about;
 const {values: values} = about.resolved;
 const {mode: mode} = values;
 const id = values.jobId ?? core.createNonce();
 const {user: user, host: host} = await process.who();
 const label = isRunner && env["GITHUB_JOB"] || `${user}@${host}`;
 const probe = mode === "announce" ? boardProbeOf(targets.ready) : undefined;
 return {
  name: settings.member ?? `wait-for job ${label}`.slice(0, 64),
  incarnation: {
   run: run,
   attempt: attempt,
   id: id
  },
  versions: settings.versions,
  mode: mode,
  canMigrate: values.migrate !== null,
  canProbeSchema: targets.schemaProbe !== null,
  canProbeApi: targets.ready.length > 0,
  allowDowngrade: values.allowDowngrade,
  onLeave: values.onLeave,
  timeoutMs: values.timeoutMs,
  leaseMs: leaseMs,
  ...probe ? {
   probe: probe
  } : {}
 };
}

function sampleRecord({incarnation: incarnation, versions: versions, probe: probe}) {
 const at = "2026-01-01T00:00:00.000Z";
 return {
  incarnation: incarnation,
  ...versions,
  state: "api-ready",
  beat: 0,
  since: at,
  readyAt: at,
  committer: "both",
  ...probe ? {
   probe: probe
  } : {}
 };
}

function placeOf(context, {values: values}, run) {
 const repository = context.isRunner && context.env["GITHUB_REPOSITORY"] || "local";
 return values.scope === "run" ? {
  scope: "run",
  repository: repository,
  run: run
 } : {
  scope: "environment",
  repository: repository,
  environment: values.environment ?? ""
 };
}

function createLinks({env: env, isRunner: isRunner}) {
 const [server, repository] = [ env["GITHUB_SERVER_URL"], env["GITHUB_REPOSITORY"] ];
 return ({run: run, attempt: attempt, id: id}) => {
  if (!isRunner || !server || !repository || !/^\d+$/.test(run)) return null;
  const page = `${server}/${repository}/actions/runs/${run}`;
  return /^\d+$/.test(id) ? `${page}/job/${id}` : `${page}/attempts/${attempt}`;
 };
}

function createProgressLog(context, {startMs: startMs, config: config, linkOf: linkOf}) {
 const {clock: clock} = context;
 let before = [];
 const viewsOf = (doc, failure) => viewMembers(doc, {
  config: config,
  failure: failure,
  linkOf: linkOf
 });
 const atMs = () => Math.round(clock.monotonicMs() - startMs);
 return {
  take(progress) {
   if (progress.kind === "note") return context.onGateEvent?.(progress);
   const {doc: doc} = progress;
   const views = viewsOf(doc, null);
   const changed = changedMembers(before, views);
   before = views;
   const {phase: phase = "announce", epoch: epoch = 1} = doc ?? {};
   context.onGateEvent?.({
    kind: "members",
    changed: changed,
    phase: phase,
    epoch: epoch,
    atMs: atMs()
   });
  },
  conclude({doc: doc, run: run, interrupted: interrupted}, hint) {
   const views = viewsOf(doc, run.failure);
   context.onGateEvent?.({
    kind: "end",
    headline: describeGate(doc, run),
    views: views,
    hint: hint,
    atMs: atMs()
   });
   const report = createGateReport(doc, run, {
    config: config,
    failure: run.failure,
    linkOf: linkOf
   });
   return interrupted ? {
    ...report,
    exitCode: core.exitCodeOf(context.signal.reason)
   } : report;
  }
 };
}

function hintOf(context, resolved, {passage: passage, run: run, attempt: attempt}) {
 const {failure: failure} = passage.run;
 if (!failure || passage.interrupted) return null;
 if (passage.wasOver && !context.isRunner) return `this is attempt ${attempt} of run ${run}, which failed; try again with ${resolved.spellingOf("attempt")} ${attempt + 1} in every member`;
 if (passage.wasOver) return "this attempt of the run had failed already; re-run the failed jobs, all of them, once it has ended";
 if (failure.code === "store-unavailable") return "nothing is known about the others; re-run this job";
 if (failure.code === "timeout" || failure.code === "member-lost" || failure.code === "member-left") return context.isRunner ? "re-run the failed jobs: those that come again join the same gate" : `start all members again with ${resolved.spellingOf("attempt")} ${attempt + 1}`;
 return null;
}

const MAX_ROWS = 60;

const MAX_BARS = 60;

function createGateLog() {
 let phase = null;
 let epoch = 0;
 return {
  describe(event) {
   if (event.kind === "note") return [ {
    level: event.level,
    message: core.plain(event.message, 600)
   } ];
   if (event.kind === "end") return [];
   const lines = event.changed.map(view => ({
    level: event.phase === "failed" ? "info" : levelOf(view.label),
    message: describeMember({
     ...view
    })
   }));
   const isNew = event.phase !== phase || event.epoch !== epoch;
   if (!isNew) return lines;
   phase = event.phase;
   epoch = event.epoch;
   return [ ...lines, {
    level: "info",
    message: `${PHASES[event.phase]}${epoch > 1 ? ` (try ${epoch})` : ""}`
   } ];
  }
 };
}

const PHASES = Object.freeze({
 announce: "waiting for all members to announce themselves",
 schema: "all members are here; the schema comes first",
 api: "the schema is there; waiting for every API to be ready",
 open: "the gate is open",
 failed: "the gate has failed"
});

function levelOf(label) {
 return label === "LOST" || label === "LEFT" || label === "NEEDS UPGRADE" ? "warn" : "info";
}

function renderGateReport(report, end, style) {
 if (!end) return [];
 const rows = worstFirst(end.views).slice(0, MAX_ROWS);
 const cells = rows.map(view => [ view.name, paintLabel(view.label, style), view.schema ?? "", view.api.join(" "), timeOf(view.readyAt ?? view.since), [ view.detail, view.url ?? "" ].filter(part => part !== "").join("  ") ]);
 const head = [ "MEMBER", "STATE", "SCHEMA", "API", "SINCE", "WHAT" ].map(title => style.bold(title));
 const more = end.views.length - rows.length;
 const headline = report.outcome === "failed" ? style.red(end.headline) : style.green(end.headline);
 return [ ...core.renderTable([ head, ...cells ]), ...more > 0 ? [ style.dim(`\u2026 and ${more} more; the JSON result has them all`) ] : [], "", headline, ...adviceLines(report, end).map(line => `\u2192 ${line}`) ];
}

function adviceLines(report, {views: views, hint: hint}) {
 const byAdvice = new Map;
 if (report.outcome === "failed") {
  for (const {name: name, advice: advice} of views) {
   if (advice !== null) byAdvice.set(advice, [ ...byAdvice.get(advice) ?? [], name ]);
  }
 }
 const lines = [ ...byAdvice ].map(([advice, names]) => `${listNames(names)}: ${advice}`);
 return hint === null ? lines : [ ...lines, hint ];
}

function createGateTimes() {
 const phases = [];
 const labels = new Map;
 return {
  onEvent(event) {
   if (event.kind !== "members") return;
   if (phases.at(-1)?.phase !== event.phase) phases.push({
    phase: event.phase,
    startMs: event.atMs
   });
   for (const {name: name, label: label} of event.changed) {
    const spans = labels.get(name) ?? [];
    if (spans.at(-1)?.label !== label) spans.push({
     label: label,
     startMs: event.atMs
    });
    labels.set(name, spans);
   }
  },
  read: endMs => ({
   phases: closeSpans(phases, endMs),
   members: [ ...labels ].flatMap(([name, spans]) => closeSpans(spans, endMs).map(span => ({
    name: name,
    ...span
   })))
  })
 };
}

function closeSpans(spans, endMs) {
 return spans.map((span, at) => ({
  ...span,
  endMs: spans[at + 1]?.startMs ?? Math.max(endMs, span.startMs)
 }));
}

function renderGateSummary(report, end, times) {
 const mark = report.outcome === "open" ? "\u2705" : report.outcome === "announced" ? "\ud83d\udce3" : "\u274c";
 const title = `### ${mark} lockstep gate: ${report.code ?? report.outcome}`;
 if (!end) return title;
 const views = worstFirst(end.views);
 const rows = views.slice(0, MAX_ROWS * 5).map(view => [ core.forMarkdown(view.name, 80), view.label === "READY" || view.label === "WAITING" ? view.label : `**${view.label}**`, core.forMarkdown(view.schema ?? "", 80), core.forMarkdown(view.api.join(" "), 160), core.forMarkdown(timeOf(view.readyAt ?? view.since), 40), [ core.forMarkdown(view.detail, 300), linkOf(view.url) ].filter(part => part !== "").join(" ") ]);
 return summary.joinParts([ title, core.forMarkdown(end.headline, 600), adviceLines(report, end).map(line => `- ${core.forMarkdown(line, 600)}`).join("\n"), summary.renderMarkdownTable([ "member", "state", "schema", "api", "since", "what" ], rows), summaryTimeline.renderTimeline([ {
  title: "Phases",
  bars: times.phases.filter(({phase: phase}) => phase !== "open").map(phaseBar)
 }, {
  title: "Members",
  bars: memberBars(times)
 } ]), `<sub>${costOf(report)}</sub>` ]);
}

function phaseBar({phase: phase, startMs: startMs, endMs: endMs}) {
 return {
  word: phase,
  name: "",
  startMs: startMs,
  endMs: endMs,
  kind: phase === "failed" ? "trouble" : "normal"
 };
}

function memberBars({members: members}) {
 const bars = members.map(({name: name, label: label, startMs: startMs, endMs: endMs}, at) => {
  const isMissed = label === "MISSING" && members[at + 1]?.name !== name;
  const kind = label === "READY" ? "done" : levelOf(label) === "warn" || isMissed ? "trouble" : "normal";
  const bar = {
   word: label.toLowerCase(),
   name: core.plain(name, 60),
   startMs: startMs,
   endMs: endMs,
   kind: kind
  };
  return {
   member: name,
   bar: bar
  };
 });
 const troubled = new Set(bars.filter(({bar: bar}) => bar.kind === "trouble").map(({member: member}) => member));
 const isTroubled = ({member: member}) => troubled.has(member);
 const shown = bars.length <= MAX_BARS ? bars : [ ...bars.filter(isTroubled), ...bars.filter(each => !isTroubled(each)) ].slice(0, MAX_BARS);
 return shown.map(({bar: bar}) => bar);
}

function costOf(report) {
 const parts = [ `waited ${core.formatDuration(report.waitedMs)}`, `${report.wakeupsByTimer} wake-ups by timer`, ...report.epoch > 1 ? [ `try ${report.epoch}` ] : [], ...report.token === null ? [] : [ `fencing token ${report.token}` ], ...report.committed ? [ "this job committed the schema" ] : [] ];
 return parts.join(" \xb7 ");
}

function linkOf(url) {
 const isPage = url !== null && /^https?:\/\/[\w.:-]+\/[\w./-]+\/actions\/runs\/[\w/]+$/.test(url);
 return isPage ? `[job](${url})` : "";
}

function worstFirst(views) {
 const rank = view => view.advice !== null ? 0 : view.label === "READY" ? 2 : 1;
 return [ ...views ].sort((a, b) => rank(a) - rank(b));
}

function paintLabel(label, style) {
 switch (label) {
 case "READY":
  return style.green(label);

 case "WAITING":
 case "UPGRADING":
  return style.cyan(label);

 case "MISSING":
 case "NEEDS UPGRADE":
  return style.yellow(label);

 case "LOST":
 case "LEFT":
  return style.red(label);
 }
}

function listNames(names) {
 return names.length <= 5 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}

function timeOf(at) {
 return /T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(at ?? "")?.[1]?.concat("Z") ?? at ?? "";
}

exports.adviceLines = adviceLines;

exports.createGateLog = createGateLog;

exports.createGateTimes = createGateTimes;

exports.renderGateReport = renderGateReport;

exports.renderGateSummary = renderGateSummary;

exports.runGate = runGate;
