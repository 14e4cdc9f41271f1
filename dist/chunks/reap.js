"use strict";

const node_path = require("node:path");

const core = require("./core.js");

const fs = require("node:fs");

const PROVIDER_NAMES = [ "heroku", "directory", "command", "module" ];

const HEROKU_API_URL = "https://api.heroku.com";

const COMMAND_TIMEOUT_MS = 3e5;

function parseProviderSettings(values, world) {
 const known = PROVIDER_NAMES.join(", ");
 const name = values.provider ?? "";
 if (name === "") return refused([ wrong("provider", `is required; known providers: ${known}`) ]);
 if (name === "heroku") return parseHeroku(values, world);
 if (name === "directory") return parseDirectory(values, world);
 if (name === "command") return parseCommands(values, world);
 if (name === "module") return parseModule(values, world);
 return refused([ wrong("provider", `there is no provider of this name; known providers: ${known}`) ]);
}

async function openProvider(settings, options) {
 const {clock: clock, timeoutMs: timeoutMs = 3e4, client: client} = options;
 switch (settings.provider) {
 case "directory":
  {
   const {createDirectoryProvider: createDirectoryProvider} = await Promise.resolve().then(() => directory);
   return await createDirectoryProvider({
    ...settings,
    clock: clock
   });
  }

 case "command":
  {
   const {createCommandProvider: createCommandProvider} = await Promise.resolve().then(() => require("./command.js"));
   const accountId = commandAccountId(settings);
   return createCommandProvider({
    ...settings,
    accountId: accountId,
    clock: clock,
    timeoutMs: COMMAND_TIMEOUT_MS
   });
  }

 case "module":
  {
   const {openModuleProvider: openModuleProvider} = await Promise.resolve().then(() => require("./module.js"));
   return await openModuleProvider({
    ...settings,
    clock: clock,
    timeoutMs: timeoutMs
   });
  }

 case "heroku":
  {
   const {createHerokuProvider: createHerokuProvider} = await Promise.resolve().then(() => require("./heroku.js"));
   return createHerokuProvider({
    ...settings,
    clock: clock,
    timeoutMs: timeoutMs,
    ...client === undefined ? {} : {
     client: client
    }
   });
  }
 }
}

function commandAccountId(settings) {
 return core.hashIdentity(settings.account === null ? [ "command", ...settings.list ] : [ "command", "account", settings.account ]);
}

function parseHeroku(values, {env: env}) {
 const problems = [];
 if (values.root) problems.push(wrong("root", "belongs to the directory provider, not to heroku"));
 const apiKey = (env["HEROKU_API_KEY"] ?? "").trim();
 if (apiKey === "") problems.push({
  ...wrongVariable("HEROKU_API_KEY", "is not set; make a key with `heroku authorizations:create` and pass it on"),
  isMissingCredential: true
 }); else if (!/^[\x21-\x7e]+$/.test(apiKey)) problems.push(wrongVariable("HEROKU_API_KEY", "has characters that no key has; was more than the key copied?"));
 const apiUrl = env["HEROKU_API_URL"]?.trim() || HEROKU_API_URL;
 const problem = describeUnfitUrl(apiUrl);
 if (problem !== null) problems.push(wrongVariable("HEROKU_API_URL", problem));
 if (problems.length > 0) return refused(problems);
 return {
  ok: true,
  settings: {
   provider: "heroku",
   apiUrl: apiUrl,
   apiKey: apiKey,
   team: values.herokuTeam || null,
   account: values.account || null
  }
 };
}

function parseDirectory(values, {env: env, cwd: cwd}) {
 const problems = [];
 if (values.herokuTeam) problems.push(wrong("herokuTeam", "belongs to the heroku provider, not to directory"));
 if (!values.root) problems.push(wrong("root", "is required by the directory provider; name the folder whose sub-folders are the apps"));
 if (problems.length > 0 || !values.root) return refused(problems);
 return {
  ok: true,
  settings: {
   provider: "directory",
   root: node_path.isAbsolute(values.root) ? values.root : node_path.join(cwd, values.root),
   home: env["HOME"] || env["USERPROFILE"] || null,
   cwd: cwd,
   account: values.account || null
  }
 };
}

function parseCommands(values, {env: env, childEnv: childEnv, cwd: cwd}) {
 const problems = [];
 const parse = (option, places) => {
  const text = values[option];
  if (!text) {
   problems.push(wrong(option, "is required by the command provider"));
   return null;
  }
  const words = core.parseWordsTemplate(text, places);
  if (words.ok) return words.value;
  problems.push(wrong(option, words.problem));
  return null;
 };
 const list = parse("listCommand", []);
 const get = parse("getCommand", [ "id" ]);
 const destroy = parse("destroyCommand", [ "id", "name" ]);
 if (!list || !get || !destroy) return refused(problems);
 const account = values.account || null;
 return {
  ok: true,
  settings: {
   provider: "command",
   list: list,
   get: get,
   destroy: destroy,
   env: childEnv ?? env,
   cwd: cwd,
   account: account
  }
 };
}

function parseModule(values, {env: env, cwd: cwd}) {
 const file = values.providerModule;
 if (!file) return refused([ wrong("providerModule", "is required by the module provider") ]);
 const path = node_path.isAbsolute(file) ? file : node_path.join(cwd, file);
 return {
  ok: true,
  settings: {
   provider: "module",
   path: path,
   env: env,
   cwd: cwd,
   account: values.account || null
  }
 };
}

function describeUnfitUrl(text) {
 if (!URL.canParse(text)) return `is not a URL; write ${HEROKU_API_URL} or leave it out`;
 const url = new URL(text);
 if (url.username !== "" || url.password !== "") return "must not carry a user name or password";
 if (url.search !== "" || url.hash !== "") return "must not have a query or a fragment";
 if (url.protocol === "https:") return null;
 if (url.protocol !== "http:") return "must start with https://";
 const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
 return isLoopback ? null : "must start with https://: over http the key would be readable on the way";
}

function refused(problems) {
 return {
  ok: false,
  problems: problems
 };
}

function wrong(option, message) {
 return {
  option: option,
  message: message,
  source: "option",
  isMissingCredential: false
 };
}

function wrongVariable(option, message) {
 return {
  option: option,
  message: message,
  source: "environment",
  isMissingCredential: false
 };
}

const open = Object.freeze(Object.defineProperty({
 __proto__: null,
 PROVIDER_NAMES: PROVIDER_NAMES,
 commandAccountId: commandAccountId,
 openProvider: openProvider,
 parseProviderSettings: parseProviderSettings
}, Symbol.toStringTag, {
 value: "Module"
}));

function herokuAccountId(settings) {
 if (settings.account !== null) return core.hashIdentity([ "heroku", "account", settings.account ]);
 const {origin: origin, pathname: pathname} = new URL(settings.apiUrl);
 const scope = settings.team === null ? "own" : `team:${settings.team}`;
 return core.hashIdentity([ "heroku", origin + pathname, scope, settings.apiKey ]);
}

async function locateAccount(settings, options) {
 const known = settings.provider === "heroku" ? herokuAccountId(settings) : settings.provider === "command" ? commandAccountId(settings) : null;
 if (known !== null) {
  const {provider: name} = settings;
  return {
   name: name,
   accountId: known,
   open: client => openProvider(settings, {
    ...options,
    client: client
   }),
   close: async () => undefined
  };
 }
 const provider = await openProvider(settings, options);
 let isHandedOut = false;
 return {
  name: provider.name,
  accountId: provider.accountId,
  async open() {
   isHandedOut = true;
   return provider;
  },
  async close() {
   if (!isHandedOut) await provider.close();
  }
 };
}

const MAX_HELD_READS = 200;

const SERVER_SKEW_MS = 12e4;

const MAX_NOTED = 100;

function judgeHold(view, {known: known, serverNowMs: serverNowMs}) {
 const entry = view.record?.entries[0];
 if (!entry) return {
  isHeld: false,
  seen: null
 };
 if (serverNowMs === null) return {
  isHeld: true,
  seen: known ?? null
 };
 const {nonce: nonce, seq: seq, leaseMs: leaseMs} = entry;
 const isSame = known !== undefined && known.nonce === nonce && known.seq === seq;
 if (!isSame) return {
  isHeld: true,
  seen: {
   nonce: nonce,
   seq: seq,
   serverMs: serverNowMs
  }
 };
 const unchangedMs = serverNowMs - known.serverMs;
 return {
  isHeld: unchangedMs <= core.takeoverAfterMs(leaseMs) + SERVER_SKEW_MS,
  seen: known
 };
}

function readBeats(note) {
 const held = note["held"];
 const beats = new Map;
 if (!core.isJsonObject(held)) return beats;
 for (const [id, value] of Object.entries(held)) {
  if (!core.isJsonObject(value)) continue;
  const {nonce: nonce, seq: seq, serverMs: serverMs} = value;
  if (typeof nonce === "string" && Number.isSafeInteger(seq) && Number.isFinite(serverMs)) beats.set(id, {
   nonce: nonce,
   seq: seq,
   serverMs: serverMs
  });
 }
 return beats;
}

function writeBeats(note, beats) {
 const {held: _before, ...rest} = note;
 return beats.size === 0 ? rest : {
  ...rest,
  held: Object.fromEntries([ ...beats ].slice(0, MAX_NOTED))
 };
}

const NO_COUNTS = Object.freeze({
 listed: 0,
 matched: 0,
 eligible: 0,
 deleted: 0,
 gone: 0,
 changed: 0,
 protected: 0,
 young: 0,
 unknownAge: 0,
 kept: 0,
 forbidden: 0,
 busy: 0,
 failed: 0,
 deferred: 0
});

function countApps(listed, apps, isApplied) {
 const verdicts = verdict => apps.filter(app => app.verdict === verdict).length;
 const outcomes = outcome => apps.filter(app => app.outcome === outcome).length;
 const counts = {
  listed: listed,
  matched: apps.length,
  eligible: verdicts("eligible"),
  deleted: outcomes("deleted"),
  gone: outcomes("gone"),
  changed: outcomes("changed"),
  protected: verdicts("protected"),
  young: verdicts("young"),
  unknownAge: verdicts("unknown-age"),
  kept: verdicts("kept"),
  forbidden: outcomes("forbidden"),
  busy: outcomes("busy"),
  failed: outcomes("failed"),
  deferred: outcomes("deferred")
 };
 const strayed = apps.find(app => app.verdict !== "eligible" && app.outcome !== null);
 core.invariant(!strayed, `an app with the verdict ${strayed?.verdict} has the outcome ${strayed?.outcome}`);
 assertIdentities(counts, isApplied);
 return counts;
}

function assertIdentities(counts, isApplied) {
 const byVerdict = counts.eligible + counts.protected + counts.young + counts.unknownAge + counts.kept;
 core.invariant(counts.matched === byVerdict, `${counts.matched} apps matched, but the verdicts add up to ${byVerdict}`);
 const byOutcome = counts.deleted + counts.gone + counts.changed + counts.forbidden + counts.busy + counts.failed + counts.deferred;
 const expected = isApplied ? counts.eligible : 0;
 core.invariant(byOutcome === expected, `${expected} outcomes were due, but the outcomes add up to ${byOutcome}`);
}

function concludePass(facts) {
 const {counts: counts, halts: halts, failure: failure} = facts;
 const left = counts.busy + counts.failed + counts.deferred;
 const isShort = left > 0 || !facts.isListComplete;
 const is = (outcome, reason, exitCode) => ({
  outcome: outcome,
  reason: reason,
  exitCode: exitCode
 });
 if (halts.has("interrupted")) return is("incomplete", "interrupted", core.exitCodeOf(halts.get("interrupted")));
 if (halts.has("lease-lost") && isShort) return is("incomplete", "lease-lost", 8);
 if (halts.has("unauthorized")) return is("failed", "unauthorized", 5);
 if (failure === "forbidden") return is("failed", "forbidden", 5);
 if (counts.forbidden > 0) return is("incomplete", "forbidden", 5);
 if (facts.isUnanswered) return is("failed", "unavailable", 6);
 if (halts.has("deadline") && isShort) return is("incomplete", "deadline", 3);
 if (halts.has("throttled") && isShort || failure === "throttled") return is("incomplete", "throttled", 3);
 if (!facts.isListComplete) return is("incomplete", "partial-list", 3);
 if (halts.has("conflict") && isShort) return is("incomplete", "conflict", 3);
 if (counts.failed > 0) return is("incomplete", "failed", 3);
 if (counts.busy > 0) return is("incomplete", "in-use", 3);
 if (counts.deferred > 0) return is("incomplete", facts.isCapped ? "max-deletes" : "deferred", 3);
 if (facts.shortfall > 0) return is("incomplete", "full", 3);
 if (!facts.isApplied) return is("planned", null, 0);
 return is(counts.eligible > 0 ? "reaped" : "clean", null, 0);
}

const NO_REQUESTS = Object.freeze({
 list: 0,
 get: 0,
 delete: 0,
 other: 0,
 throttled: 0,
 store: 0
});

function createSkippedReport(reason, surroundings = {}) {
 return createEmptyReport({
  outcome: "skipped",
  reason: reason,
  exitCode: 0
 }, surroundings);
}

function createFailedReport(error, surroundings = {}) {
 const exitCode = core.exitCodeOf(error);
 if (core.hasCode(error, "cancelled")) return createEmptyReport({
  outcome: "incomplete",
  reason: "interrupted",
  exitCode: exitCode
 }, surroundings);
 if (core.hasCode(error, "lease-lost")) return createEmptyReport({
  outcome: "incomplete",
  reason: "lease-lost",
  exitCode: exitCode
 }, surroundings);
 const code = error instanceof core.LockstepError ? error.code : "invariant";
 const reason = code === "deadline" ? "busy" : code;
 return createEmptyReport({
  outcome: "failed",
  reason: reason,
  exitCode: exitCode
 }, surroundings);
}

function createReport(pass, surroundings) {
 return {
  ...createEmptyReport(pass, surroundings),
  counts: pass.counts,
  requests: {
   ...pass.requests,
   ...surroundings.requests
  },
  apps: pass.apps
 };
}

function createEmptyReport(conclusion, surroundings = {}) {
 return {
  format: 1,
  command: "reap",
  outcome: conclusion.outcome,
  reason: conclusion.reason,
  counts: NO_COUNTS,
  requests: {
   ...NO_REQUESTS,
   ...surroundings.requests
  },
  fencingToken: surroundings.fencingToken ?? null,
  holder: surroundings.holder ?? null,
  waitedMs: Math.round(surroundings.waitedMs ?? 0),
  durationMs: Math.round(surroundings.durationMs ?? 0),
  apps: [],
  exitCode: conclusion.exitCode
 };
}

const MAX_SWEEPS = 32;

const MAX_TOLD = 4;

const TOLD_LENGTH = 400;

const REASON_LENGTH = 40;

const LISTED_FOR_MS = 6e4;

const OUTCOMES = [ "reaped", "clean", "planned", "skipped", "incomplete", "failed" ];

const DONE = [ "reaped", "clean" ];

function readSweep(note, identity) {
 const sweeps = note["sweeps"];
 return core.isJsonObject(sweeps) && Object.hasOwn(sweeps, identity) ? parseSweep(sweeps[identity]) : null;
}

function writeSweep(note, identity, sweep) {
 const sweeps = core.isJsonObject(note["sweeps"]) ? note["sweeps"] : {};
 const others = Object.entries(sweeps).filter(([name]) => name !== identity).flatMap(([name, value]) => {
  const parsed = parseSweep(value);
  return parsed ? [ [ name, parsed ] ] : [];
 }).sort(([, a], [, b]) => Date.parse(b.at) - Date.parse(a.at)).slice(0, MAX_SWEEPS - 1).map(([name, other], at) => [ name, at < MAX_TOLD ? other : withoutFull(other) ]);
 return {
  ...note,
  sweeps: Object.fromEntries([ [ identity, sweep ], ...others ])
 };
}

function decideFresh({note: note, identity: identity, everyMs: everyMs, nowWallMs: nowWallMs, seenAt: seenAt}) {
 const sweep = readSweep(note, identity);
 if (!sweep || everyMs <= 0 || !DONE.includes(sweep.outcome)) return null;
 if (seenAt !== undefined && sweep.at !== seenAt) return sweep;
 const sinceMs = nowWallMs - Date.parse(sweep.at);
 return sinceMs >= 0 && sinceMs < everyMs ? sweep : null;
}

function lookAgain(before, stamp, nowMs) {
 if (before === null) return {
  stamp: stamp,
  absentAtMs: Number.NEGATIVE_INFINITY,
  lookedAtMs: nowMs
 };
 const absentAtMs = before.stamp === stamp ? before.absentAtMs : before.lookedAtMs;
 return {
  stamp: stamp,
  absentAtMs: absentAtMs,
  lookedAtMs: nowMs
 };
}

function decideFull({note: note, identity: identity, everyMs: everyMs, sight: sight}) {
 const sweep = readSweep(note, identity);
 if (!sweep?.full || everyMs <= 0 || sweep.outcome !== "incomplete" || sweep.reason !== "full") return null;
 const {listedAgoMs: listedAgoMs, nextDueMs: nextDueMs} = sweep.full;
 const ageMs = listedAgoMs + sight.lookedAtMs - sight.absentAtMs;
 const isDue = nextDueMs !== null && ageMs >= nextDueMs;
 return ageMs <= LISTED_FOR_MS && !isDue ? {
  ...sweep,
  full: sweep.full
 } : null;
}

function withoutFull({full: _full, ...rest}) {
 return rest;
}

function parseSweep(value) {
 if (!core.isJsonObject(value) || !core.isJsonObject(value["counts"])) return null;
 const outcome = OUTCOMES.find(one => one === value["outcome"]);
 const at = value["at"];
 if (outcome === undefined || typeof at !== "string" || Number.isNaN(Date.parse(at))) return null;
 const read = value["counts"];
 const counts = Object.fromEntries(Object.keys(NO_COUNTS).map(name => {
  const count = read[name];
  return [ name, typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? count : 0 ];
 }));
 const reason = value["reason"];
 const full = parseFull(value["full"]);
 return {
  outcome: outcome,
  counts: counts,
  at: at,
  ...typeof reason === "string" ? {
   reason: core.plain(reason, REASON_LENGTH)
  } : {},
  ...full ? {
   full: full
  } : {}
 };
}

function parseFull(value) {
 if (!core.isJsonObject(value)) return null;
 const {listedAgoMs: listedAgoMs, nextDueMs: nextDueMs, told: told} = value;
 const isSpan = span => typeof span === "number" && span >= 0;
 if (!isSpan(listedAgoMs) || !(nextDueMs === null || isSpan(nextDueMs)) || typeof told !== "string") return null;
 return {
  listedAgoMs: listedAgoMs,
  nextDueMs: nextDueMs,
  told: core.plain(told, TOLD_LENGTH)
 };
}

function findFresh({options: options}, view, seenAt) {
 return decideFresh({
  note: noteOf(view),
  identity: options.identity,
  everyMs: options.everyMs,
  nowWallMs: options.clock.wallMs(),
  ...seenAt === undefined ? {} : {
   seenAt: seenAt
  }
 });
}

function look(run, view) {
 const {identity: identity, clock: clock} = run.options;
 run.sight = lookAgain(run.sight, readSweep(noteOf(view), identity)?.at ?? null, clock.monotonicMs());
 return run.sight;
}

function findFull(run, view) {
 const {identity: identity, everyMs: everyMs} = run.options;
 return decideFull({
  note: noteOf(view),
  identity: identity,
  everyMs: everyMs,
  sight: look(run, view)
 });
}

function reportFull(run, {full: full}) {
 note(run.options, "warn", `counted while this job waited: ${full.told}`);
 return createEmptyReport({
  outcome: "incomplete",
  reason: "full",
  exitCode: 3
 }, surroundings(run));
}

async function recallFresh(run) {
 const {memory: memory, everyMs: everyMs, identity: identity, clock: clock, deadline: deadline} = run.options;
 if (!memory || everyMs <= 0) return null;
 const sweep = await memory.recall({
  signal: deadline.signal
 });
 if (!sweep) return null;
 return decideFresh({
  note: writeSweep({}, identity, sweep),
  identity: identity,
  everyMs: everyMs,
  nowWallMs: clock.wallMs()
 });
}

function skipFresh(run, sweep) {
 const {options: options} = run;
 if (sweep) {
  const agoMs = Math.max(0, options.clock.wallMs() - Date.parse(sweep.at));
  const result = sweep.outcome === "clean" ? "nothing was stale" : `${sweep.counts.deleted} apps were deleted`;
  note(options, "info", `swept ${core.formatDuration(agoMs)} ago: ${result}; nothing to do here`);
 }
 return createSkippedReport("fresh", surroundings(run));
}

function noteOf(view) {
 return view.record?.note ?? {};
}

function surroundings(run) {
 const {options: options, startMs: startMs} = run;
 return {
  fencingToken: run.token,
  holder: run.holder,
  waitedMs: run.waitedMs,
  durationMs: Math.round(options.clock.monotonicMs() - startMs),
  requests: {
   store: options.storeRequests()
  }
 };
}

function note(options, level, message) {
 emit(options, {
  kind: "note",
  level: level,
  message: message
 });
}

function emit({logger: logger, onEvent: onEvent}, event) {
 if (onEvent) onEvent(event); else if (event.kind === "note") logger[event.level](event.message);
}

const HASTY_ATTEMPTS = 2;

const BASE_MS = 50;

const CAP_MS = 5e3;

async function answered(options, call) {
 const {deadline: deadline, clock: clock, lease: lease} = options;
 const {signal: signal} = deadline;
 let isTold = false;
 try {
  return await core.retry({
   clock: clock,
   attempts: lease.whenBusy === "wait" ? Number.POSITIVE_INFINITY : HASTY_ATTEMPTS,
   baseMs: BASE_MS,
   capMs: CAP_MS,
   signal: signal,
   isRetryable: error => core.hasCode(error, "unavailable"),
   onRetry(error) {
    if (isTold) return;
    isTold = true;
    note(options, "info", `the store does not answer; trying again: ${core.plain(core.toError(error).message)}`);
   }
  }, call);
 } catch (thrown) {
  if (core.hasCode(thrown, "deadline") && signal.aborted) throw new core.UnavailableError("the store did not answer within the time budget", {
   cause: thrown
  });
  throw thrown;
 }
}

const RELEASE_TIMEOUT_MS = 15e3;

const HURRIED_RELEASE_TIMEOUT_MS = 3e3;

async function reap(options) {
 const startMs = options.clock.monotonicMs();
 const run = {
  options: options,
  startMs: startMs,
  waitedMs: 0,
  holder: null,
  token: null,
  sight: null
 };
 try {
  const report = await reapOnce(run);
  const {durationMs: durationMs, requests: requests} = surroundings(run);
  return {
   ...report,
   durationMs: durationMs,
   requests: {
    ...report.requests,
    ...requests
   }
  };
 } catch (thrown) {
  const error = core.toError(thrown);
  if (!(error instanceof core.LockstepError) || core.hasCode(error, "config") || core.hasCode(error, "invariant")) throw error;
  options.logger.error(error.hint === undefined ? error.message : `${error.message}. ${error.hint}`);
  return createFailedReport(error, surroundings(run));
 }
}

async function reapOnce(run) {
 const {options: options} = run;
 const {lease: lease, everyMs: everyMs, deadline: deadline} = options;
 const recalled = await recallFresh(run);
 if (recalled) return skipFresh(run, recalled);
 const mustLook = everyMs > 0 || options.findHindrance !== undefined;
 const seen = mustLook ? await answered(options, () => lease.manager.read(lease.key, {
  signal: deadline.signal
 })) : null;
 const fresh = seen && findFresh(run, seen);
 if (fresh) return skipFresh(run, fresh);
 if (seen) look(run, seen);
 if (!options.settings.apply) return await sweepAndReport(run, null);
 const hindrance = options.findHindrance?.() ?? null;
 if (hindrance !== null) return createSkippedReport(hindrance, surroundings(run));
 const seenAt = seen && (readSweep(noteOf(seen), options.identity)?.at ?? null);
 const {takeTurn: takeTurn} = await Promise.resolve().then(() => require("./lease.js")).then(n => n.turn);
 const turn = await takeTurn(run, seen, seenAt);
 if ("report" in turn) return turn.report;
 run.token = turn.lease.token;
 return await holdAndSweep(run, turn.lease, seenAt);
}

async function holdAndSweep(run, lease, seenAt) {
 const {options: options} = run;
 let updateNote = null;
 let done = null;
 try {
  const fresh = findFresh(run, lease.view, seenAt);
  if (fresh) return skipFresh(run, fresh);
  const full = findFull(run, lease.view);
  if (full) return reportFull(run, full);
  emit(options, {
   kind: "acquired",
   token: lease.token
  });
  return await sweepAndReport(run, lease, (pass, beats) => {
   const swept = {
    outcome: pass.outcome,
    counts: pass.counts,
    at: new Date(options.clock.wallMs()).toISOString(),
    ...pass.reason === null ? {} : {
     reason: pass.reason
    }
   };
   updateNote = note => {
    const written = writeSweep(note, options.identity, {
     ...swept,
     ...fullOf(pass, options.clock)
    });
    return beats ? writeBeats(written, beats) : written;
   };
   done = swept;
  });
 } finally {
  await giveBack(run, lease, updateNote);
  if (done && !options.deadline.signal.aborted) await (options.memory?.remember(done));
 }
}

async function sweepAndReport(run, lease, onPass) {
 const {options: options} = run;
 const holds = options.holds && await openHolds(options, lease);
 const settings = {
  ...options.settings,
  match: await options.match.compile()
 };
 const {sweep: sweep} = await Promise.resolve().then(() => require("./sweep.js"));
 const {provider: provider, pace: pace} = await options.openProvider();
 try {
  const pass = await sweep({
   settings: settings,
   provider: provider,
   pace: pace,
   permit: lease,
   clock: options.clock,
   deadline: options.deadline,
   ...holds ? {
    holds: (apps, question) => holds.ask(apps, question)
   } : {},
   onEvent: event => emit(options, event)
  });
  onPass?.(pass, holds?.seen ?? null);
  const around = surroundings(run);
  return createReport(pass, {
   ...around,
   requests: {
    store: options.storeRequests(),
    throttled: pace.throttledCount
   }
  });
 } finally {
  await provider.close().catch(thrown => {
   options.logger.warn(`the provider could not be closed: ${core.plain(core.toError(thrown).message)}`);
  });
 }
}

function fullOf({full: full}, clock) {
 if (!full) return {};
 const {listedAtMs: listedAtMs, nextDueMs: nextDueMs, told: told} = full;
 return {
  full: {
   listedAgoMs: clock.monotonicMs() - listedAtMs,
   nextDueMs: nextDueMs,
   told: told
  }
 };
}

async function openHolds(options, lease) {
 const {holds: source} = options;
 if (!source) return undefined;
 const {createHolds: createHolds} = await Promise.resolve().then(() => require("./holds.js"));
 const known = readBeats(lease ? noteOf(lease.view) : {});
 const onUnread = error => note(options, "warn", `whether an app is in use could not be read, so it stays: ${core.plain(error.message)}`);
 return createHolds({
  source: source,
  known: known,
  onUnread: onUnread
 });
}

async function giveBack(run, lease, updateNote) {
 const {clock: clock, deadline: deadline, logger: logger} = run.options;
 const timeoutMs = deadline.signal.aborted ? HURRIED_RELEASE_TIMEOUT_MS : RELEASE_TIMEOUT_MS;
 const budget = core.createDeadline({
  clock: clock,
  timeoutMs: timeoutMs,
  waitingFor: "the release of the lease"
 });
 try {
  const released = await lease.release({
   signal: budget.signal,
   ...updateNote ? {
    updateNote: updateNote
   } : {}
  });
  if (released === "unknown") logger.warn("whether the lease was given back is unknown; it will run out by itself");
 } catch (thrown) {
  logger.warn(`the lease was not given back and will run out by itself: ${core.plain(core.toError(thrown).message)}`);
 } finally {
  budget.dispose();
 }
}

function appLeaseKey(namespace, {name: name, accountId: accountId}, appId) {
 return core.createKey(namespace, "app", `${name}-${accountId}`, appId);
}

const READ_ATTEMPTS = 3;

const READ_BACKOFF = Object.freeze({
 baseMs: 100,
 capMs: 1e3
});

function createHoldsSource(manager, {namespace: namespace, account: account, clock: clock}) {
 const isRetryable = error => core.hasCode(error, "unavailable");
 return {
  readHold: (appId, {signal: signal}) => core.retry({
   clock: clock,
   attempts: READ_ATTEMPTS,
   ...READ_BACKOFF,
   signal: signal,
   isRetryable: isRetryable
  }, () => manager.read(appLeaseKey(namespace, account, appId), {
   signal: signal
  }))
 };
}

const FLOOR_SHARE = .2;

const SPREAD_STEP_MS = 1500;

const MAX_SPREAD_MS = 3e3;

const SPREAD_JITTER = .2;

const MAX_PATIENCE_MS = 61e3;

const MAX_WAITS = 2;

function quotaFloor(rate, given) {
 return given ?? Math.ceil(rate.limit * FLOOR_SHARE);
}

function isBelowFloor(rate, given) {
 return rate !== null && rate.remaining < quotaFloor(rate, given);
}

function describeQuota(rate, given) {
 if (!isBelowFloor(rate, given) || rate === null) {
  return "GitHub limits requests at the moment, so this clean-up is left to a later run";
 }
 return `${rate.remaining} of ${rate.limit} requests of GitHub's hourly budget are left, less than the floor of ${quotaFloor(rate, given)}, so this clean-up is left to a later run`;
}

function startDelayMs(jobIndex, random) {
 const stepMs = Math.min((jobIndex ?? 0) * SPREAD_STEP_MS, MAX_SPREAD_MS);
 return Math.round(core.jitter(stepMs, SPREAD_JITTER, random));
}

function createPatientManager(manager, options) {
 const {clock: clock, deadline: deadline} = options;
 let delayMs = options.delayMs;
 const patiently = async call => {
  const firstMs = delayMs;
  delayMs = 0;
  if (firstMs > 0) await deadline.sleep(firstMs);
  for (let waits = 0; ;waits += 1) {
   try {
    return await call();
   } catch (error) {
    const retryAtMs = core.hasCode(error, "throttled") ? error.retryAtMs : null;
    if (retryAtMs === null || waits >= MAX_WAITS) throw error;
    const leftMs = Math.max(0, retryAtMs - clock.monotonicMs());
    if (leftMs > MAX_PATIENCE_MS || leftMs >= deadline.remainingMs()) throw error;
    await deadline.sleep(leftMs * (1 + SPREAD_JITTER * clock.random()) + 1);
   }
  }
 };
 return {
  read: (key, given) => patiently(() => manager.read(key, given)),
  tryAcquire: (key, given) => patiently(() => manager.tryAcquire(key, given)),
  acquire: (key, given) => manager.acquire(key, given)
 };
}

const MAX_UNBOUNDED = 3;

const MAX_SIZE = 300;

const TOKENS = [ [ "open", /\((?:\?:)?(?!\?)/y ], [ "close", /\)/y ], [ "or", /\|/y ], [ "atom", /[A-Za-z0-9_ /:@#%&,;=~'"<>!-]|\.|\\[dw.\-_/+*?()[\]{}|^$\\]|\[\^?(?:[A-Za-z0-9_.]-[A-Za-z0-9_.]|[A-Za-z0-9_.])+-?\]/y ] ];

const QUANTIFIER = /(?:([*+?])|\{(\d{1,3})(?:(,)(\d{1,3})?)?\})\??/y;

function readPlainPattern(text) {
 if (!isPlain(text)) return null;
 try {
  const whole = new RegExp(`^(?:${text})$`);
  return name => whole.test(name);
 } catch {
  return null;
 }
}

function isPlain(text) {
 let depth = 0;
 let unbounded = 0;
 let size = text.length;
 let isEmptyBranch = true;
 for (let at = 0; at < text.length; ) {
  const found = readToken(text, at);
  if (!found) return false;
  at += found.length;
  if (found.kind === "open") depth += 1;
  if (found.kind === "open" || found.kind === "or") {
   isEmptyBranch = true;
   continue;
  }
  if (found.kind === "close") {
   depth -= 1;
   if (depth < 0 || isEmptyBranch) return false;
  }
  isEmptyBranch = false;
  QUANTIFIER.lastIndex = at;
  const quantifier = QUANTIFIER.exec(text);
  if (!quantifier) continue;
  const [{length: length}, sign, min, comma, max] = quantifier;
  if (found.kind === "close" && sign !== "?") return false;
  if (sign === "*" || sign === "+" || comma !== undefined && max === undefined) unbounded += 1;
  const count = Number(max ?? min ?? 1);
  if (max !== undefined && Number(min) > count) return false;
  size *= Math.max(1, count);
  at += length;
 }
 return depth === 0 && unbounded <= MAX_UNBOUNDED && size <= MAX_SIZE;
}

function readToken(text, at) {
 for (const [kind, pattern] of TOKENS) {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (found) return {
   kind: kind,
   length: found[0].length
  };
 }
 return null;
}

function hasNestedRepetition(pattern) {
 const stack = [ {
  branches: [ [] ]
 } ];
 const top = () => stack[stack.length - 1];
 const branch = () => top().branches[top().branches.length - 1];
 for (let at = 0; at < pattern.length; ) {
  const char = pattern[at];
  if (char === "(") {
   at += groupHeadLength(pattern, at);
   if (pattern[at - 1] !== ")") stack.push({
    branches: [ [] ]
   });
   continue;
  }
  if (char === "|") {
   top().branches.push([]);
   at += 1;
   continue;
  }
  let item;
  let isNested = false;
  if (char === ")" && stack.length > 1) {
   const group = stack.pop();
   isNested = group.branches.some(isLooseBranch);
   item = {
    isLoose: isNested,
    separates: group.branches.every(items => items.some(one => one.separates))
   };
   at += 1;
  } else {
   item = {
    isLoose: false,
    separates: !/[.^$]/.test(char)
   };
   at += atomLength(pattern, at);
  }
  const quantifier = readQuantifier(pattern, at);
  if (quantifier) {
   at += quantifier.length;
   if (quantifier.isUnbounded && isNested) return true;
   item = {
    isLoose: item.isLoose || quantifier.isUnbounded,
    separates: item.separates && quantifier.min > 0 && !quantifier.isUnbounded
   };
  }
  branch().push(item);
 }
 return false;
}

function isLooseBranch(items) {
 return items.some(item => item.isLoose) && !items.some(item => item.separates);
}

function groupHeadLength(pattern, at) {
 const head = /^\((?:\?(?:P?<[^>]*>|[a-zA-Z-]*[:)]))?/.exec(pattern.slice(at));
 return head?.[0].length ?? 1;
}

function atomLength(pattern, at) {
 const rest = pattern.slice(at);
 const found = /^\\Q[\s\S]*?(?:\\E|$)/.exec(rest) ?? /^\\(?:[pP]\{[^}]*\}|x\{[^}]*\}|[\s\S])/.exec(rest) ?? /^\[\^?\]?(?:\[:[^\]]*:\]|\\[\s\S]|[^\]\\])*\]/.exec(rest);
 return found?.[0].length ?? 1;
}

function readQuantifier(pattern, at) {
 const found = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(pattern.slice(at));
 if (!found) return null;
 const [{length: length}, sign, min, comma, max] = found;
 if (sign !== undefined) return {
  length: length,
  min: sign === "+" ? 1 : 0,
  isUnbounded: sign !== "?"
 };
 return {
  length: length,
  min: Number(min),
  isUnbounded: comma !== undefined && max === ""
 };
}

const MAX_NAME_LENGTH = 256;

const MAX_PATTERN_LENGTH = 512;

const MAX_PROGRAM_SIZE = 1e3;

const CANARY_NAMES = Object.freeze([ "", "production", "prod", "staging", "main", "master", "live", "www", "web", "app", "api", "db", "database", "default" ]);

const ANY_NAMES = Object.freeze([ "x", "0", "a-name-that-nobody-would-ever-choose-for-a-stale-app", "Customer Portal (EU)" ]);

const EXAMPLE = "write a pattern for whole names, such as ci-[a-f0-9]+";

async function checkPattern(text) {
 const matches = text.trim() !== "" && text.length <= MAX_PATTERN_LENGTH ? readPlainPattern(text) : null;
 if (!matches) {
  const parsed = await parsePattern(text);
  if (!parsed.ok) return parsed;
  return {
   ok: true,
   value: {
    source: text,
    compile: async () => parsed.value
   }
  };
 }
 const problem = findBreadth(core.plain(text, 80), matches);
 if (problem !== null) return {
  ok: false,
  problem: problem
 };
 const compile = async () => {
  const parsed = await parsePattern(text);
  core.invariant(parsed.ok, `the plain pattern ${core.plain(text, 80)} was refused by the engine`);
  return parsed.value;
 };
 return {
  ok: true,
  value: {
   source: text,
   compile: compile
  }
 };
}

async function parsePattern(text) {
 const refuse = problem => ({
  ok: false,
  problem: problem
 });
 if (text.trim() === "") return refuse(`is empty; ${EXAMPLE}`);
 if (text.length > MAX_PATTERN_LENGTH) return refuse(`is longer than ${MAX_PATTERN_LENGTH} characters; ${EXAMPLE}`);
 const shown = core.plain(text, 80);
 const {RE2JS: RE2JS} = await Promise.resolve().then(() => require("./re2js.js"));
 let compiled;
 try {
  RE2JS.compile(text);
  compiled = RE2JS.compile(`^(?:${text})$`);
 } catch (thrown) {
  return refuse(`"${shown}" cannot be used: ${explain(text, core.toError(thrown))}`);
 }
 if (hasNestedRepetition(text)) return refuse(`"${shown}" repeats a repetition (such as (a+)+), which can match one name in very many ways; repeat once`);
 if (compiled.programSize() > MAX_PROGRAM_SIZE) return refuse(`"${shown}" is too large once compiled; use smaller repeat counts`);
 const matches = name => name.length <= MAX_NAME_LENGTH && compiled.matches(name);
 const problem = findBreadth(shown, matches);
 return problem === null ? {
  ok: true,
  value: Object.freeze({
   source: text,
   matches: matches
  })
 } : refuse(problem);
}

function findBreadth(shown, matches) {
 const canary = CANARY_NAMES.find(matches);
 if (canary === "") return `"${shown}" matches the empty name; require at least a prefix`;
 if (canary !== undefined) return `"${shown}" matches the name "${canary}", which no sweep may delete; require a prefix that only stale apps have`;
 return ANY_NAMES.some(matches) ? `"${shown}" matches nearly any name; require a prefix that only stale apps have` : null;
}

function explain(text, error) {
 if (/\(\?<?[=!]/.test(text)) return "look-ahead and look-behind are not supported; name what to keep with a protect rule";
 if (/\\[1-9]|\\k</.test(text)) return "back-references are not supported";
 return core.plain(error.message.replace(/^error parsing regexp: /, "").replace(/: `.*`$/s, ""), 120);
}

const MAX_RULE_LENGTH = 256;

const FIELD = /^([a-z][a-z_-]*):/i;

const REGEX_SIGNS = /[[\]{}()^$|+\\]|\.\*/;

function parseProtect(text) {
 const problem = findProblem(text);
 if (problem !== null) return {
  ok: false,
  problem: problem
 };
 if (text.startsWith("id:")) {
  const id = text.slice("id:".length);
  return {
   ok: true,
   value: {
    source: text,
    protects: app => app.id === id
   }
  };
 }
 const glob = Array.from(text);
 return {
  ok: true,
  value: {
   source: text,
   protects: app => matchesGlob(glob, Array.from(app.name))
  }
 };
}

function findProblem(text) {
 if (text.trim() === "") return "is empty; write a whole name with * and ?, or id:ID";
 const shown = `"${core.plain(text, 80)}"`;
 if (text.length > MAX_RULE_LENGTH) return `${shown} is longer than ${MAX_RULE_LENGTH} characters; no name is that long`;
 if (/^\s|\s$/.test(text)) return `${shown} starts or ends with a space; remove it`;
 if (/[\u0000-\u001f\u007f]/.test(text)) return `${shown} contains a control character`;
 if (text.includes(",")) return `${shown} contains a comma; write one rule each`;
 const field = FIELD.exec(text)?.[1];
 if (field === "id") {
  return /^id:[^\s*?]+$/.test(text) ? null : `${shown} is not an id; write id: and the exact id, without * and ?`;
 }
 if (field !== undefined) return `${shown} names the unknown field ${core.plain(field, 40)}; only id:ID is known`;
 if (text.startsWith("!")) return `${shown} starts with !; a rule can only protect`;
 if (REGEX_SIGNS.test(text)) return `${shown} looks like a regular expression; write a whole name with * and ?, or id:ID`;
 return null;
}

function matchesGlob(glob, name) {
 let at = 0;
 let starAt = -1;
 let resumeAt = 0;
 for (let nameAt = 0; nameAt < name.length; ) {
  if (glob[at] === "*") {
   starAt = at;
   resumeAt = nameAt;
   at += 1;
  } else if (at < glob.length && (glob[at] === "?" || glob[at] === name[nameAt])) {
   at += 1;
   nameAt += 1;
  } else if (starAt >= 0) {
   at = starAt + 1;
   resumeAt += 1;
   nameAt = resumeAt;
  } else {
   return false;
  }
 }
 while (glob[at] === "*") at += 1;
 return at === glob.length;
}

async function checkReap(context, resolved, {mayLackCredential: mayLackCredential}) {
 const {values: values} = resolved;
 const checked = core.checkReapOptions(resolved);
 const problems = [ ...checked.problems ];
 const add = (name, message) => problems.push({
  option: resolved.spellingOf(name),
  message: message
 });
 let match = null;
 if (values.match !== null) {
  const parsed = await checkPattern(values.match);
  if (parsed.ok) match = parsed.value; else add("match", parsed.problem);
 }
 const protect = [];
 for (const text of values.protect) {
  const parsed = parseProtect(text);
  if (parsed.ok) protect.push(parsed.value); else add("protect", parsed.problem);
 }
 const choice = core.chooseStore(context, resolved);
 if (choice.kind === "problem") problems.push(choice.problem);
 const provider = parseProviderSettings(present(values), context);
 const missingCredential = [];
 if (!provider.ok) {
  for (const {option: name, message: message, source: source, isMissingCredential: isMissingCredential} of provider.problems) {
   const option = source === "environment" ? name : resolved.spellingOf(name);
   if (isMissingCredential) missingCredential.push({
    option: option,
    message: message
   });
   if (isMissingCredential && mayLackCredential) continue;
   if (!problems.some(each => each.option === option)) problems.push({
    option: option,
    message: message
   });
  }
 }
 const options = checked.settings;
 const isWithoutCredential = !provider.ok && provider.problems.every(each => each.isMissingCredential);
 const isUsable = provider.ok || isWithoutCredential && mayLackCredential;
 if (problems.length > 0 || !options || !match || !isUsable || choice.kind === "problem") {
  throw new core.ConfigError(problems);
 }
 for (const note of checked.notes) context.logger.warn(note);
 return {
  options: options,
  settings: {
   ...options,
   protect: protect
  },
  match: match,
  providerSettings: provider.ok ? provider.settings : null,
  missingCredential: missingCredential,
  choice: choice
 };
}

function identityOf(options, account) {
 return core.hashIdentity([ account.name, account.accountId, ...rulesOf(options) ]);
}

function workOf({env: env}, {values: values}, options) {
 const place = Object.entries({
  ...present(values),
  apiUrl: env["HEROKU_API_URL"]
 });
 return core.hashIdentity([ ...place.flatMap(([name, text]) => [ name, text ?? "" ]), ...rulesOf(options) ]);
}

function rulesOf(options) {
 return [ options.match, [ ...options.protect ].sort().join("\n"), String(options.olderThanMs), String(options.limit), String(options.headroom), String(options.minAgeMs), ...options.protectWhileHeld ? [ "protect-while-held" ] : [] ];
}

function present(values) {
 const {provider: provider, herokuTeam: herokuTeam, root: root, account: account, listCommand: listCommand, getCommand: getCommand, destroyCommand: destroyCommand, providerModule: providerModule} = values;
 return {
  provider: provider ?? undefined,
  herokuTeam: herokuTeam ?? undefined,
  root: root ?? undefined,
  account: account ?? undefined,
  listCommand: listCommand ?? undefined,
  getCommand: getCommand ?? undefined,
  destroyCommand: destroyCommand ?? undefined,
  providerModule: providerModule ?? undefined
 };
}

const SESSION_VARIABLE = "LOCKSTEP_SESSION";

const MAX_BYTES = 4096;

const LASTING = [ "fresh", "busy", "not-elected", "low-quota", "no-permission" ];

function createSession(report, about) {
 const isDone = report.outcome === "reaped" || report.outcome === "clean";
 const reason = isDone ? "fresh" : LASTING.find(each => each === report.reason);
 return reason !== undefined && (isDone || report.outcome === "skipped") ? {
  ...about,
  reason: reason
 } : null;
}

function formatSession(session) {
 return JSON.stringify({
  v: 1,
  ...session
 });
}

function parseSession(text) {
 let value;
 try {
  value = JSON.parse(text);
 } catch {
  return null;
 }
 if (!core.isJsonObject(value) || value["v"] !== 1) return null;
 const {work: work, identity: identity, atMs: atMs, place: place} = value;
 const reason = LASTING.find(each => each === value["reason"]);
 if (reason === undefined || !isHash(work) || identity !== null && !isHash(identity)) return null;
 if (typeof atMs !== "number" || !Number.isSafeInteger(atMs) || typeof place !== "string") return null;
 return {
  work: work,
  identity: identity,
  reason: reason,
  atMs: atMs,
  place: place
 };
}

function decideSession(session, question) {
 const {reason: reason} = session;
 const sinceMs = question.nowWallMs - session.atMs;
 if (sinceMs < 0 || sinceMs >= question.everyMs) return null;
 if (session.place !== question.place || session.work !== question.work) return null;
 if (session.identity !== null && question.identity !== null && session.identity !== question.identity) {
  return null;
 }
 return question.whenBusy === "wait" && reason !== "fresh" ? null : reason;
}

function placeOf({env: env}) {
 return [ env["GITHUB_RUN_ID"], env["GITHUB_RUN_ATTEMPT"], env["GITHUB_JOB"] ].map(part => part ?? "").join("/");
}

async function leaveSession(context, compose) {
 const folder = context.env["RUNNER_TEMP"];
 if (!context.exportVariable || !folder) return;
 const session = compose();
 if (!session) return;
 const path = node_path.join(folder, `lockstep-session-${core.createNonce()}.json`);
 try {
  await core.writeFile(path, formatSession(session), {
   flag: "wx",
   mode: 384
  });
  context.exportVariable(SESSION_VARIABLE, path);
 } catch (thrown) {
  context.logger.debug(`later steps will ask again: ${core.toError(thrown).message}`);
 }
}

async function readSession(context) {
 const {[SESSION_VARIABLE]: path, RUNNER_TEMP: folder} = context.env;
 if (!path || !folder) return null;
 const within = node_path.relative(node_path.resolve(folder), node_path.resolve(path));
 if (within === "" || within.startsWith("..") || node_path.isAbsolute(within)) return null;
 try {
  const {size: size} = await core.stat(path);
  return size <= MAX_BYTES ? parseSession(await core.readFile(path, "utf8")) : null;
 } catch (thrown) {
  context.logger.debug(`the session of an earlier step cannot be read: ${core.toError(thrown).message}`);
  return null;
 }
}

function isHash(value) {
 return typeof value === "string" && /^[0-9a-f]{16}$/.test(value);
}

async function openSweepMemory(context, subject) {
 const {env: env, clock: clock, logger: logger} = context;
 const {key: key, identity: identity, everyMs: everyMs} = subject;
 if (everyMs <= 0 || !env["ACTIONS_RUNTIME_TOKEN"] || !env["ACTIONS_RESULTS_URL"]) return null;
 const {createCacheSnapshot: createCacheSnapshot} = await Promise.resolve().then(() => require("./cache-snapshot.js"));
 const store = createCacheSnapshot({
  clock: clock,
  env: env,
  logger: logger
 });
 const about = {
  identity: core.hashIdentity([ key, identity, String(everyMs) ]),
  everyMs: everyMs
 };
 return {
  async recall(options) {
   const snapshot = await store.read(about, options);
   if (!snapshot) return null;
   const {outcome: outcome, counts: counts, atMs: atMs} = snapshot;
   return {
    outcome: outcome,
    counts: counts,
    at: new Date(atMs).toISOString()
   };
  },
  async remember({outcome: outcome, counts: counts, at: at}) {
   if (outcome === "reaped" || outcome === "clean") {
    await store.write(about, {
     outcome: outcome,
     counts: counts,
     atMs: Date.parse(at)
    });
   }
  }
 };
}

async function runReap(context, resolved) {
 const {clock: clock, signal: signal} = context;
 const session = await readSession(context);
 const mayLackCredential = context.isForkPullRequest === true || session !== null;
 const checked = await checkReap(context, resolved, {
  mayLackCredential: mayLackCredential
 });
 const {options: options, providerSettings: providerSettings} = checked;
 const self = () => ({
  work: workOf(context, resolved, options),
  place: placeOf(context)
 });
 const leave = async (report, identity) => {
  await leaveSession(context, () => createSession(report, {
   ...self(),
   identity: identity,
   atMs: clock.wallMs()
  }));
  return report;
 };
 if (!core.isElected(options)) return leave(createSkippedReport("not-elected"), null);
 const releasers = core.createReleasers();
 const deadline = core.createDeadline({
  clock: clock,
  timeoutMs: resolved.values.timeoutMs,
  waitingFor: "the sweep",
  parent: signal
 });
 try {
  const account = providerSettings && await locateAccount(providerSettings, {
   clock: clock
  });
  if (account) releasers.add(() => account.close());
  const identity = account && identityOf(options, account);
  const {everyMs: everyMs, whenBusy: whenBusy} = options;
  const question = {
   identity: identity,
   everyMs: everyMs,
   whenBusy: whenBusy,
   nowWallMs: clock.wallMs()
  };
  const told = session && decideSession(session, {
   ...self(),
   ...question
  });
  if (told) {
   context.logger.info("an earlier step of this job has seen to it; nothing to do here");
   return createSkippedReport(told);
  }
  if (!account && !context.isForkPullRequest) throw new core.ConfigError(checked.missingCredential);
  if (!account || !identity) return await leave(skipWithNotice(context, NO_CREDENTIAL), null);
  const parts = {
   account: account,
   identity: identity,
   deadline: deadline,
   releasers: releasers
  };
  return await leave(await sweepOnce(context, {
   resolved: resolved,
   checked: checked,
   ...parts
  }), identity);
 } catch (error) {
  if (context.isForkPullRequest && core.hasCode(error, "auth")) return skipWithNotice(context, READ_ONLY);
  throw error;
 } finally {
  deadline.dispose();
  await releasers.close();
 }
}

async function sweepOnce(context, parts) {
 const {clock: clock, logger: logger} = context;
 const {account: account, identity: identity, deadline: deadline, releasers: releasers} = parts;
 const {values: values} = parts.resolved;
 const {options: options, settings: settings, match: match, choice: choice} = parts.checked;
 if (choice.kind === "no-store") return skipWithNotice(context, NO_STORE);
 const store = await core.openStoreParts(context, {
  address: choice.address,
  values: values,
  releasers: releasers
 });
 const {github: github} = store;
 const key = core.createKey(values.namespace, "reap", `${account.name}-${account.accountId}`);
 const memory = await openSweepMemory(context, {
  key: key,
  identity: identity,
  everyMs: options.everyMs
 });
 const holder = () => core.createHolder(context, {
  holder: values.holder ?? undefined,
  jobIndex: options.jobIndex ?? undefined,
  jobId: values.jobId ?? undefined
 });
 const errors = [];
 const report = await reap({
  settings: settings,
  match: match,
  lease: {
   manager: github ? managerFor(context, {
    store: store,
    parts: parts
   }) : store.manager,
   key: key,
   leaseMs: store.leaseMs,
   holder: holder,
   pollMs: store.pollMs,
   whenBusy: options.whenBusy
  },
  identity: identity,
  everyMs: options.everyMs,
  openProvider: async () => {
   const provider = await account.open((await holder()).text);
   const {isSharedByDefault: isSharedByDefault, openPace: openPace} = await Promise.resolve().then(() => require("./pace.js"));
   const isShared = options.shareThrottle ?? isSharedByDefault(choice.address);
   const shared = isShared ? {
    store: store.store,
    namespace: values.namespace
   } : null;
   const pace = await openPace({
    provider: provider,
    reserve: options.reserve,
    shared: shared,
    clock: clock,
    logger: logger,
    releasers: releasers
   });
   return {
    provider: provider,
    pace: pace
   };
  },
  clock: clock,
  logger: {
   ...logger,
   error: message => void errors.push(message)
  },
  deadline: deadline,
  storeRequests: () => store.requests(),
  onEvent: context.onReapEvent,
  ...memory ? {
   memory: memory
  } : {},
  ...options.protectWhileHeld ? {
   holds: createHoldsSource(store.manager, {
    namespace: values.namespace,
    account: account,
    clock: clock
   })
  } : {},
  ...github ? {
   findHindrance: () => isBelowFloor(github.rate(), values.quotaFloor) ? "low-quota" : null
  } : {}
 });
 const skipped = excuseOf(context, {
  report: report,
  store: store,
  quotaFloor: values.quotaFloor
 });
 for (const message of errors) (skipped ? logger.info : logger.error)(message);
 if (skipped) {
  const {requests: requests, waitedMs: waitedMs, durationMs: durationMs} = report;
  return skipWithNotice(context, skipped, {
   requests: requests,
   waitedMs: waitedMs,
   durationMs: durationMs
  });
 }
 const hasCandidates = report.outcome === "planned" && report.counts.eligible > 0 && report.exitCode === 0;
 return options.detailedExitcode && hasCandidates ? {
  ...report,
  exitCode: 10
 } : report;
}

function managerFor({clock: clock}, {store: store, parts: parts}) {
 const {apply: apply, jobIndex: jobIndex} = parts.checked.options;
 const delayMs = apply ? startDelayMs(jobIndex, clock.random()) : 0;
 return createPatientManager(store.manager, {
  clock: clock,
  deadline: parts.deadline,
  delayMs: delayMs
 });
}

function excuseOf(context, {report: report, store: store, quotaFloor: quotaFloor}) {
 const {github: github} = store;
 const lowQuota = {
  reason: "low-quota",
  message: describeQuota(github?.rate() ?? null, quotaFloor)
 };
 if (report.reason === "low-quota") return lowQuota;
 if (report.outcome !== "failed") return null;
 if (github && report.reason === "throttled") return lowQuota;
 if (report.reason !== "auth") return null;
 if (context.isForkPullRequest) return READ_ONLY;
 return context.isRunner && github && github.counts.forbidden > 0 ? NOT_PERMITTED : null;
}

const NO_STORE = {
 reason: "no-store",
 message: "this runner has no token for the GitHub store, so nothing was coordinated and nothing deleted; pass a token, or a store"
};

const NO_CREDENTIAL = {
 reason: "no-permission",
 message: "a pull request from a fork gets no secrets, so there is no credential for the provider and nothing was cleaned up; runs of the repository itself do it"
};

const READ_ONLY = {
 reason: "no-permission",
 message: "a pull request from a fork gets a token that may only read, so nothing was coordinated and nothing cleaned up; runs of the repository itself do it"
};

const NOT_PERMITTED = {
 reason: "no-permission",
 message: "the token may not write to the repository of the store, so nothing was coordinated and nothing cleaned up; give the job `permissions: contents: write`, or another store"
};

function skipWithNotice(context, {reason: reason, message: message}, surroundings = {}) {
 if (context.onNotice) context.onNotice(message); else context.logger.warn(message);
 return createSkippedReport(reason, surroundings);
}

const MAX_ROWS = 60;

function describeReapEvent(event) {
 switch (event.kind) {
 case "waiting":
  return {
   level: "info",
   message: `waiting for ${core.plain(event.holder)}, which is sweeping`
  };

 case "acquired":
  return {
   level: "info",
   message: `lease acquired, fencing token ${event.token}`
  };

 case "page":
  return {
   level: "debug",
   message: `page ${event.page}: ${count(event.apps, "app")}`
  };

 case "planned":
  return {
   level: "info",
   message: `listed ${count(event.counts.listed, "app")}: ${event.counts.matched} match, ${event.counts.eligible} stale`
  };

 case "app":
  return {
   level: "info",
   message: `${event.done}/${event.eligible} ${core.plain(event.app.name)}: ${event.app.outcome ?? event.app.verdict}`
  };

 case "note":
  return {
   level: event.level,
   message: core.plain(event.message, 500)
  };
 }
}

function renderReapReport(report, style) {
 const shown = report.apps.slice(0, MAX_ROWS);
 const rows = shown.map(app => [ core.plain(app.name, 60), app.ageMs === null ? "?" : core.formatDuration(app.ageMs), style.dim(core.plain(app.reason, 60)), paintOutcome(app, style) ]);
 const table = rows.length === 0 ? [] : core.renderTable([ [ "APP", "AGE", "RULE", "OUTCOME" ].map(title => style.bold(title)), ...rows ], {
  right: [ 1 ]
 });
 const more = report.apps.length - shown.length;
 return [ ...table, ...more > 0 ? [ style.dim(`\u2026 and ${more} more; --json has them all`) ] : [], ...table.length > 0 ? [ "" ] : [], summarizeReap(report, style) ];
}

function summarizeReap(report, style, applyHint) {
 const {requests: requests} = report;
 const sent = requests.list + requests.get + requests.delete + requests.other;
 const cost = style.dim(`${count(sent, "request")} to the provider, ${requests.store} to the store, ${core.formatDuration(report.durationMs)}`);
 return `${describeOutcome(report, style, applyHint)} ${cost}`;
}

function describeOutcome(report, style, applyHint = "Add --apply to do it.") {
 const {counts: counts, reason: reason} = report;
 switch (report.outcome) {
 case "reaped":
  return style.green(`Reaped: ${listCounts(counts)}.`);

 case "clean":
  return style.green("Clean: nothing is stale.");

 case "planned":
  return `Plan: ${counts.eligible} of ${count(counts.matched, "matched app")} would be deleted. ${applyHint}`;

 case "skipped":
  return style.green(`Skipped: ${skipReason(report)}.`);

 case "incomplete":
  return style.yellow(`Incomplete (${reason ?? "something is left"}): ${listCounts(counts)}.`);

 case "failed":
  return style.red(`Failed (${reason ?? "unknown"}): ${listCounts(counts)}.`);
 }
}

function skipReason(report) {
 switch (report.reason) {
 case "busy":
  return `${core.plain(report.holder ?? "another job")} is sweeping`;

 case "fresh":
  return `${core.plain(report.holder ?? "another job")} swept a moment ago`;

 case "not-elected":
  return "the first jobs of the matrix sweep, this one need not";

 case "no-store":
  return "no store is reachable from this runner";

 case "no-permission":
  return "the token may not write here (a pull request from a fork)";

 case "low-quota":
  return "the API budget is low, and the build needs it more";

 default:
  return report.reason ?? "nothing to do";
 }
}

function listCounts(counts) {
 const parts = [ [ counts.deleted, "deleted" ], [ counts.gone, "already gone" ], [ counts.changed, "changed meanwhile" ], [ counts.forbidden, "forbidden" ], [ counts.busy, "in use" ], [ counts.failed, "failed" ], [ counts.deferred, "left for the next sweep" ], [ counts.young, "too young" ], [ counts.protected, "protected" ], [ counts.unknownAge, "of unknown age" ], [ counts.kept, "kept" ] ];
 const words = parts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
 return words.length > 0 ? words.join(", ") : "nothing was done";
}

function paintOutcome(app, style) {
 const word = app.outcome ?? app.verdict;
 if (word === "deleted" || word === "gone") return style.green(word);
 if (word === "forbidden" || word === "failed") return style.red(word);
 if (word === "eligible" || word === "busy" || word === "deferred" || word === "changed") return style.yellow(word);
 return word;
}

function count(n, noun) {
 return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

function systemCodeOf(error) {
 const code = error?.code;
 return typeof code === "string" ? code : "";
}

const LINK_REFUSED = new Set([ "EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK", "EINVAL", "UNKNOWN" ]);

const NOT_LINKED = new Set([ "EPERM", "EACCES", "EROFS", "ENOSPC", "EDQUOT", "ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP" ]);

function isLinkRefused(error) {
 return LINK_REFUSED.has(systemCodeOf(error));
}

function translateFileError(thrown, root) {
 if (thrown instanceof core.LockstepError) return thrown;
 const cause = core.toError(thrown);
 const code = systemCodeOf(thrown);
 if (code === "") return new core.InvariantError(`the file store failed: ${cause.message}`, {
  cause: cause
 });
 const at = `the file store at ${root}`;
 const elsewhere = "or choose another path for the store";
 if (code === "EACCES" || code === "EPERM") {
  return new core.AuthError(`${at} may not be used by this user: ${cause.message}`, {
   hint: `give this user read and write access to the folder, ${elsewhere}`,
   cause: cause
  });
 }
 if (code === "EROFS") {
  return new core.UnsupportedError(`${at} is on a read-only file system`, {
   hint: `mount it writable, ${elsewhere}`,
   cause: cause
  });
 }
 if (code === "ENOTDIR" || code === "EEXIST" || code === "ELOOP" || code === "ENAMETOOLONG") {
  return new core.UnsupportedError(`${at} is not usable as a folder: ${cause.message}`, {
   hint: `remove what is in its way, ${elsewhere}`,
   cause: cause
  });
 }
 if (code === "ENOSPC" || code === "EDQUOT") {
  return new core.UnavailableError(`${at} is full: ${cause.message}`, {
   hint: `free some space there, ${elsewhere}`,
   cause: cause
  });
 }
 return new core.UnavailableError(`${at} did not answer as it should: ${cause.message}`, {
  cause: cause
 });
}

function translateLinkError(thrown, root) {
 const code = systemCodeOf(thrown);
 if (NOT_LINKED.has(code)) return translateFileError(thrown, root);
 if (isLinkRefused(thrown) && code !== "UNKNOWN") return noHardLinks(root, thrown);
 return new core.IndeterminateError(`linking a revision in ${root} failed in the middle: ${core.toError(thrown).message}`, {
  cause: thrown
 });
}

function noHardLinks(root, cause) {
 return new core.UnsupportedError(`the file system at ${root} has no hard links (${core.toError(cause).message}); without them a killed process could leave half a record`, {
  hint: "put the store on a local disk of the machine (ext4, xfs, APFS, NTFS), not on exFAT, FAT or a shared mount",
  cause: cause
 });
}

const REVISIONS_FOLDER = "@";

const TEMPORARY_FOLDER = "@tmp";

const FORMAT_FILE = "@format";

const FORMAT = "lockstep file store 1\n";

const MAX_PIECE = 200;

const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/;

function namesOf(key) {
 return key.split("/").flatMap(segment => {
  const pieces = segment.match(new RegExp(`.{1,${MAX_PIECE}}`, "g")) ?? [ segment ];
  return pieces.map((piece, i) => `${RESERVED.test(piece) ? "+" : ""}${piece}${i < pieces.length - 1 ? "+" : ""}`);
 });
}

function foldersOf(root, key) {
 const folders = [ root ];
 for (const name of [ ...namesOf(key), REVISIONS_FOLDER ]) folders.push(node_path.join(folders.at(-1) ?? root, name));
 return folders;
}

function folderOf(root, key) {
 return node_path.join(root, ...namesOf(key), REVISIONS_FOLDER);
}

function keyOfNames(names) {
 return names.map(name => `${name.startsWith("+") ? name.slice(1) : name}/`).join("").replaceAll("+/", "").slice(0, -1);
}

function formatRevisionName(number) {
 return String(number).padStart(16, "0");
}

function parseRevisionName(name) {
 return /^\d{16}$/.test(name) && Number.isSafeInteger(Number(name)) ? Number(name) : null;
}

function selectHead(names) {
 let head = 0;
 for (const name of names) head = Math.max(head, parseRevisionName(name) ?? 0);
 return head;
}

const KEPT_REVISIONS = 64;

const KEPT_MS = 36e5;

const HEADER = /^lockstep 1 ([0-9a-z-]{1,64}) ([0-9a-z-]{1,64}) (\d{1,7}|x)$/;

const NONE = "-";

function formatRevision(record, value) {
 const length = record.value === null ? "x" : value.length;
 const header = Buffer.from(`lockstep 1 ${record.nonce} ${record.previous ?? NONE} ${length}\n`);
 return Buffer.concat([ header, value ]);
}

function parseRevision(bytes, path) {
 const end = bytes.indexOf(10);
 const match = HEADER.exec(bytes.subarray(0, Math.max(0, end)).toString("latin1"));
 if (!match) {
  throw new core.CorruptRecordError(`${path} is not a revision that this version can read; it was left untouched`, {
   hint: "it was written by a newer version, or cut by a power failure; remove the file to go back one revision"
  });
 }
 const [, nonce = "", previous, length] = match;
 const value = bytes.subarray(end + 1);
 if (value.length !== (length === "x" ? 0 : Number(length))) {
  throw new core.CorruptRecordError(`${path} is cut short; it was left untouched`, {
   hint: "a power failure does this; remove the file to go back one revision, or open the store with fsync"
  });
 }
 return {
  nonce: nonce,
  previous: previous === undefined || previous === NONE ? null : previous,
  value: length === "x" ? null : value.toString("utf8")
 };
}

function formatToken(number, nonce) {
 return `${number}.${nonce}`;
}

function parseToken(revision) {
 const match = /^([1-9]\d{0,15})\.([0-9a-z-]+)$/.exec(revision);
 return match?.[2] === undefined ? null : {
  number: Number(match[1]),
  nonce: match[2]
 };
}

function selectCollectable(numbers) {
 return [ ...numbers ].sort((a, b) => a - b).slice(0, -KEPT_REVISIONS);
}

function isPastKeeping(modifiedMs, newestMs) {
 return newestMs - modifiedMs > KEPT_MS;
}

function decideLinked({mine: mine, head: head, successor: successor}) {
 if (head === mine.number) return "applied";
 if (head < mine.number || successor === null) return "unknown";
 return successor.previous === mine.nonce ? "applied" : "zombie";
}

const COLLECT_EVERY = KEPT_REVISIONS / 2;

const MAX_KNOWN = 256;

const MAX_STEPS = 4;

function createFileRegister({root: root, volume: volume, tidy: tidy}) {
 const known = new Map;
 const remember = (folder, head) => {
  if (known.size >= MAX_KNOWN) known.clear();
  if (head) known.set(folder, {
   number: head.number,
   nonce: head.record.nonce
  });
  return head;
 };
 const walkHead = async folder => {
  let trusted = known.get(folder);
  for (let step = 0; trusted && step < MAX_STEPS; step += 1) {
   const next = await volume.read(folder, trusted.number + 1);
   const still = await volume.read(folder, trusted.number);
   if (still?.nonce !== trusted.nonce) return null;
   if (next === null) return {
    number: trusted.number,
    record: still
   };
   trusted = {
    number: trusted.number + 1,
    nonce: next.nonce
   };
  }
  return null;
 };
 const listHead = async folder => {
  for (let attempt = 0; attempt < 3; attempt += 1) {
   const number = await volume.headOf(folder);
   if (number === 0) return null;
   const record = await volume.read(folder, number);
   if (record) return {
    number: number,
    record: record
   };
  }
  throw new core.UnavailableError(`${folder} changes faster than it can be read`);
 };
 const readHead = async folder => remember(folder, await walkHead(folder) ?? await listHead(folder));
 const write = async ({folder: folder, expect: expect, value: value, bytes: bytes}, call) => {
  for (let attempt = 0; attempt < 3; attempt += 1) {
   const nonce = core.createNonce();
   const prepareFile = previous => volume.writePrivate(nonce, formatRevision({
    nonce: nonce,
    previous: previous,
    value: value
   }, bytes));
   try {
    let before;
    if (expect === null) {
     before = await readHead(folder);
     if (before && before.record.value !== null) return {
      ok: false,
      current: entryOf(before)
     };
     if (before === null) await volume.makeFolder(folder);
     await prepareFile(before?.record.nonce ?? null);
    } else {
     const token = parseToken(expect);
     if (token === null) return {
      ok: false
     };
     const [record] = await Promise.all([ volume.read(folder, token.number), prepareFile(token.nonce) ]);
     if (record?.nonce !== token.nonce || record.value === null) return {
      ok: false
     };
     before = {
      number: token.number,
      record: record
     };
    }
    const mine = {
     number: (before?.number ?? 0) + 1,
     nonce: nonce
    };
    call.sending();
    const isLinked = await publish(folder, mine);
    if (isLinked === false) return {
     ok: false
    };
    if (isLinked && await countsAsWritten(folder, mine, before)) {
     known.set(folder, mine);
     if (mine.number % COLLECT_EVERY === 0) tidy(volume.collect(folder, mine.number));
     return {
      ok: true,
      revision: formatToken(mine.number, nonce)
     };
    }
    if (isLinked) return {
     ok: false
    };
    await volume.makeFolder(folder);
   } finally {
    tidy(volume.discardPrivate(nonce));
   }
  }
  throw new core.UnavailableError(`${folder} is removed again and again while it is written to`);
 };
 const publish = async (folder, mine) => {
  try {
   await volume.publish(mine.nonce, node_path.join(folder, formatRevisionName(mine.number)));
   return true;
  } catch (error) {
   if (systemCodeOf(error) === "ENOENT") return null;
   if (systemCodeOf(error) !== "EEXIST") throw translateLinkError(error, root);
  }
  const there = await inDoubt(volume.read(folder, mine.number));
  if (there === null) throw new core.IndeterminateError(`revision ${mine.number} in ${folder} came and went`);
  return there.nonce === mine.nonce;
 };
 const countsAsWritten = async (folder, mine, before) => {
  if (before !== null) {
   const still = await inDoubt(volume.read(folder, before.number));
   if (still?.nonce === before.record.nonce) return true;
  }
  const head = await inDoubt(volume.headOf(folder));
  const successor = head > mine.number ? await inDoubt(volume.read(folder, mine.number + 1)) : null;
  const verdict = decideLinked({
   mine: mine,
   head: head,
   successor: successor
  });
  if (verdict === "unknown") {
   throw new core.IndeterminateError(`revision ${mine.number} in ${folder} was written after such a long stop that nobody can tell whether it counted`);
  }
  if (verdict === "zombie") tidy(volume.withdraw(folder, mine.number));
  return verdict === "applied";
 };
 return {
  readHead: readHead,
  write: write
 };
}

function entryOf({number: number, record: record}) {
 if (record.value === null) return null;
 return Object.freeze({
  value: record.value,
  revision: formatToken(number, record.nonce)
 });
}

async function inDoubt(step) {
 try {
  return await step;
 } catch (cause) {
  throw new core.IndeterminateError("a revision was linked but could not be checked", {
   cause: cause
  });
 }
}

function createVolume({root: root, fsync: fsync, reads: reads, linkFile: linkFile = core.link}) {
 const temporary = node_path.join(root, TEMPORARY_FOLDER);
 const syncFolder = async folder => {
  if (!fsync || process.platform === "win32") return;
  const handle = await core.openFile(folder);
  try {
   await handle.sync();
  } finally {
   await handle.close();
  }
 };
 const makeOne = async folder => {
  const first = await core.mkdir(folder, {
   recursive: true,
   mode: 448
  });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = node_path.dirname(made)) await syncFolder(node_path.dirname(made));
 };
 const removeOld = async (paths, newestMs, stopAtYoung) => {
  for (const path of paths) {
   const found = await core.stat(path).catch(nullIfAbsent);
   if (found && isPastKeeping(found.mtimeMs, newestMs)) await core.unlink(path).catch(nullIfAbsent); else if (found && stopAtYoung) return;
  }
 };
 return {
  async headOf(folder) {
   const names = await reads.readdir(folder).catch(nullIfAbsent);
   return names ? selectHead(names) : 0;
  },
  async read(folder, number) {
   const path = node_path.join(folder, formatRevisionName(number));
   const bytes = await reads.readFile(path).catch(nullIfAbsent);
   return bytes ? parseRevision(bytes, path) : null;
  },
  async writePrivate(nonce, bytes) {
   const path = node_path.join(temporary, nonce);
   const handle = await core.openFile(path, "wx", 384).catch(async error => {
    nullIfAbsent(error);
    await makeOne(temporary);
    return core.openFile(path, "wx", 384);
   });
   try {
    await handle.writeFile(bytes);
    if (fsync) await handle.sync();
   } finally {
    await handle.close();
   }
  },
  async discardPrivate(nonce) {
   await core.unlink(node_path.join(temporary, nonce)).catch(nullIfAbsent);
  },
  async publish(nonce, path) {
   await linkFile(node_path.join(temporary, nonce), path);
   await syncFolder(node_path.dirname(path));
  },
  async makeFolder(folder) {
   await makeOne(temporary);
   await makeOne(folder);
  },
  async withdraw(folder, number) {
   await core.unlink(node_path.join(folder, formatRevisionName(number))).catch(nullIfAbsent);
  },
  async collect(folder, newest) {
   const {mtimeMs: mtimeMs} = await core.stat(node_path.join(folder, formatRevisionName(newest)));
   const numbers = (await core.readdir(folder)).map(parseRevisionName).filter(number => number !== null);
   const paths = selectCollectable(numbers).map(number => node_path.join(folder, formatRevisionName(number)));
   await removeOld(paths, mtimeMs, true);
   const strays = (await core.readdir(temporary)).map(name => node_path.join(temporary, name));
   await removeOld(strays, mtimeMs, false);
  }
 };
}

function nullIfAbsent(error) {
 if (systemCodeOf(error) === "ENOENT") return null;
 throw error;
}

function startFileWatch(options) {
 const {clock: clock, edges: edges, folders: folders, watchFolder: watchFolder = fs.watch} = options;
 const deepest = folders.length - 1;
 let current = null;
 let timer = null;
 let seen = 0;
 const detach = () => {
  current?.close();
  current = null;
 };
 const watchLevel = level => {
  try {
   const watcher = watchFolder(folders[level] ?? "", (_, filename) => onEvent(level, filename));
   watcher.on("error", () => {
    if (current?.level === level) detach();
    edges.emit();
   });
   detach();
   current = {
    level: level,
    close: () => watcher.close()
   };
   return true;
  } catch {
   return false;
  }
 };
 const attach = () => {
  let isDeeper = true;
  while (isDeeper && !edges.ended.aborted) {
   const above = current?.level ?? -1;
   isDeeper = false;
   for (let level = deepest; level > above && !isDeeper; level -= 1) isDeeper = watchLevel(level);
  }
 };
 const onEvent = (level, filename) => {
  if (edges.ended.aborted) return;
  if (level < deepest) attach();
  const number = level === deepest && filename !== null ? parseRevisionName(filename) : null;
  if (number !== null && number <= seen) return;
  if (number !== null) seen = number;
  edges.emit();
 };
 const look = async () => {
  try {
   return await options.readHead();
  } catch {
   return -1;
  }
 };
 const poll = async () => {
  const before = seen;
  const head = await look();
  if (edges.ended.aborted) return;
  if (head !== before && seen === before) {
   detach();
   seen = head;
   edges.emit();
  }
  attach();
  schedule();
 };
 const schedule = () => {
  timer = clock.startTimer(core.jitter(options.pollMs, .1, clock.random()), () => void poll());
 };
 const start = async () => {
  attach();
  const head = await look();
  if (edges.ended.aborted) return;
  seen = Math.max(seen, head);
  edges.connected();
  schedule();
 };
 edges.ended.addEventListener("abort", () => {
  timer?.cancel();
  detach();
 });
 void start();
}

const MIN_POLL_MS = 50;

async function openFileStore(options) {
 const {clock: clock, fsync: fsync = false, timeoutMs: timeoutMs = 1e4, seams: seams = {}} = options;
 const pollMs = Math.max(MIN_POLL_MS, options.pollMs ?? 1e3);
 const root = node_path.resolve(options.path);
 const reads = core.readsBelow(root);
 const volume = createVolume({
  root: root,
  fsync: fsync,
  reads: reads,
  linkFile: seams.linkFile
 });
 const what = `opening the file store at ${root}`;
 await core.runCall({
  clock: clock,
  timeoutMs: timeoutMs,
  signal: undefined,
  what: what
 }, () => prepare(root, volume, reads));
 const watches = new Set;
 const tidying = new Set;
 let isClosed = false;
 const tidy = work => {
  const quiet = work.catch(() => undefined).finally(() => tidying.delete(quiet));
  tidying.add(quiet);
 };
 const register = createFileRegister({
  root: root,
  volume: volume,
  tidy: tidy
 });
 const run = (about, operation) => {
  if (isClosed) return Promise.reject(new core.UnavailableError(`the file store at ${root} was closed`));
  const what = `${about.name} ${about.key} in the file store at ${root}`;
  return core.runCall({
   clock: clock,
   timeoutMs: timeoutMs,
   signal: about.signal,
   what: what
  }, async call => {
   try {
    return await operation(call);
   } catch (error) {
    throw translateFileError(error, root);
   }
  });
 };
 const collectKeys = async (folder, names) => {
  const found = await core.readdir(folder, {
   withFileTypes: true
  }).catch(error => {
   if (systemCodeOf(error) === "ENOENT") return [];
   throw error;
  });
  const inner = await Promise.all(found.map(async entry => {
   const path = node_path.join(folder, entry.name);
   if (entry.name === REVISIONS_FOLDER) return await isPresent(path) ? [ keyOfNames(names) ] : [];
   return entry.isDirectory() && !entry.name.startsWith("@") ? collectKeys(path, [ ...names, entry.name ]) : [];
  }));
  return inner.flat();
 };
 const isPresent = async folder => {
  try {
   const head = await register.readHead(folder);
   return head !== null && head.record.value !== null;
  } catch (error) {
   if (error instanceof core.LockstepError && error.code === "corrupt-record") return true;
   throw error;
  }
 };
 const change = (key, about, signal) => {
  const folder = folderOf(root, core.admitKey(key));
  return run({
   name: about.name,
   key: key,
   signal: signal
  }, call => register.write({
   ...about,
   folder: folder
  }, call));
 };
 return {
  url: `file:${root}`,
  capabilities: Object.freeze({
   linearizableReads: true,
   conditionalDelete: true,
   nativeWatch: true,
   multiKeyTxn: false,
   durable: fsync ? "fsync" : "process",
   minPollMs: MIN_POLL_MS
  }),
  async get(key, {signal: signal} = {}) {
   const folder = folderOf(root, core.admitKey(key));
   return run({
    name: "get",
    key: key,
    signal: signal
   }, async () => {
    const head = await register.readHead(folder);
    return head && entryOf(head);
   });
  },
  async compareAndSet(key, expect, value, {signal: signal} = {}) {
   return change(key, {
    name: "compareAndSet",
    expect: expect,
    value: value,
    bytes: core.admitValue(key, value)
   }, signal);
  },
  async delete(key, expect, {signal: signal} = {}) {
   return change(key, {
    name: "delete",
    expect: expect,
    value: null,
    bytes: Buffer.alloc(0)
   }, signal);
  },
  async list(prefix, {signal: signal} = {}) {
   const border = prefix.replace(/\/+$/, "");
   const names = border === "" ? [] : namesOf(core.admitKey(border));
   return run({
    name: "list",
    key: prefix,
    signal: signal
   }, () => collectKeys(node_path.join(root, ...names), names));
  },
  watch(key, {signal: signal}) {
   const folders = foldersOf(root, core.admitKey(key));
   const edges = core.createEdges(signal);
   if (isClosed) edges.end();
   if (edges.ended.aborted) return edges.watch;
   watches.add(edges);
   edges.ended.addEventListener("abort", () => watches.delete(edges));
   const readNewest = () => volume.headOf(folderOf(root, key));
   startFileWatch({
    clock: clock,
    pollMs: pollMs,
    folders: folders,
    edges: edges,
    readHead: readNewest,
    watchFolder: seams.watchFolder
   });
   return edges.watch;
  },
  async close() {
   isClosed = true;
   for (const edges of [ ...watches ]) edges.end();
   await Promise.all(tidying);
  }
 };
}

async function prepare(root, volume, reads) {
 const formatPath = node_path.join(root, FORMAT_FILE);
 try {
  const found = await reads.readFile(formatPath).catch(error => {
   if (systemCodeOf(error) === "ENOENT") return null;
   throw error;
  });
  if (found?.toString() === FORMAT) return;
  if (found !== null) {
   throw new core.UnsupportedError(`${root} holds a store of another version`, {
    hint: "use one version of lockstep on a machine, or another path for the store"
   });
  }
  const nonce = core.createNonce();
  await volume.makeFolder(root);
  await volume.writePrivate(nonce, Buffer.from(FORMAT));
  try {
   await volume.publish(nonce, formatPath);
  } catch (error) {
   if (systemCodeOf(error) !== "EEXIST") throw isLinkRefused(error) ? noHardLinks(root, error) : error;
  } finally {
   await volume.discardPrivate(nonce);
  }
 } catch (error) {
  throw translateFileError(error, root);
 }
}

const file = Object.freeze(Object.defineProperty({
 __proto__: null,
 openFileStore: openFileStore
}, Symbol.toStringTag, {
 value: "Module"
}));

const reapCommand = Object.freeze({
 run: (context, resolved) => runReap({
  ...context,
  onReapEvent(event) {
   const line = describeReapEvent(event);
   if (line) context.logger[line.level](line.message);
  }
 }, resolved),
 render: (report, style) => renderReapReport(report, style)
});

const terminalReap = Object.freeze(Object.defineProperty({
 __proto__: null,
 reapCommand: reapCommand
}, Symbol.toStringTag, {
 value: "Module"
}));

const ISO_8601 = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

const EARLIEST_MS = Date.UTC(2e3, 0, 1);

function parseTimestamp(value) {
 const match = typeof value === "string" ? ISO_8601.exec(value) : null;
 if (!match) return null;
 const [year, month, day] = match.slice(1, 4).map(Number);
 if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return null;
 const ms = Date.parse(match[0]);
 return ms >= EARLIEST_MS ? ms : null;
}

const TRASH = /^\.lockstep-trash-(\d{1,15}|unknown)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const MAX_MARKER_BYTES = 64;

const LOOKS_AT_ONCE = 32;

function trashName(createdAtMs, nonce) {
 return `.lockstep-trash-${createdAtMs === null ? "unknown" : Math.trunc(createdAtMs)}-${nonce}`;
}

function isTrashName(name) {
 return TRASH.test(name);
}

async function readApps(options) {
 const apps = [];
 const names = await readNames(options.root);
 for (let start = 0; start < names.length; start += LOOKS_AT_ONCE) {
  const batch = names.slice(start, start + LOOKS_AT_ONCE);
  apps.push(...(await Promise.all(batch.map(name => readEntry(name, options)))).flat());
 }
 return apps;
}

async function readApp(place, options) {
 const stats = await lookAt(place.path);
 if (stats === null || !stats.isDirectory() || stats.dev !== options.device) return null;
 const age = place.trash === null ? await readAge(place.path, stats, options.marker) : ageInName(place.trash);
 return {
  path: place.path,
  trash: place.trash,
  app: {
   id: `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`,
   name: place.name,
   createdAtMs: age.createdAtMs,
   version: `${stats.mtimeNs}|${age.version}`,
   state: place.trash === null ? "ready" : "delete-failed",
   isProtected: `${options.cwd}${node_path.sep}`.startsWith(`${place.path}${node_path.sep}`),
   inScope: true,
   parentId: null
  }
 };
}

async function lookAt(path, {lstat: lstat} = core.pooledReads) {
 try {
  return await lstat(path);
 } catch (error) {
  if (isMissing(error)) return null;
  throw error;
 }
}

function isMissing(error) {
 return error.code === "ENOENT";
}

async function readEntry(name, options) {
 const path = node_path.join(options.root, name);
 if (!isTrashName(name)) {
  const found = await readApp({
   path: path,
   name: name,
   trash: null
  }, options);
  return found ? [ found ] : [];
 }
 const stats = await lookAt(path);
 if (stats === null || !stats.isDirectory() || stats.dev !== options.device) return [];
 const left = await Promise.all((await readTrash(path)).map(inner => readApp({
  path: node_path.join(path, inner),
  name: inner,
  trash: path
 }, options)));
 return left.filter(app => app !== null);
}

async function readTrash(path) {
 try {
  return await readNames(path);
 } catch (error) {
  if (isMissing(error) || error.code === "EACCES") return [];
  throw error;
 }
}

async function readNames(folder) {
 const raw = await core.readdir(folder, {
  encoding: "buffer"
 });
 return raw.flatMap(bytes => {
  const name = bytes.toString("utf8");
  return Buffer.from(name, "utf8").equals(bytes) ? [ name ] : [];
 });
}

function ageInName(trash) {
 const text = TRASH.exec(trash.slice(trash.lastIndexOf(node_path.sep) + 1))?.[1];
 const createdAtMs = text === undefined || text === "unknown" ? null : Number(text);
 return {
  createdAtMs: createdAtMs,
  version: "trash"
 };
}

async function readAge(path, stats, marker) {
 const {O_RDONLY: O_RDONLY, O_NOFOLLOW: O_NOFOLLOW, O_NONBLOCK: O_NONBLOCK} = fs.constants;
 try {
  const file = await core.openFile(node_path.join(path, marker), O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
  try {
   const own = await file.stat({
    bigint: true
   });
   const version = String(own.mtimeNs);
   if (!own.isFile() || own.size > BigInt(MAX_MARKER_BYTES)) return {
    createdAtMs: null,
    version: version
   };
   const text = (await file.readFile("utf8")).trim();
   return {
    createdAtMs: text === "" ? Number(own.mtimeMs) : parseTimestamp(text),
    version: version
   };
  } finally {
   await file.close();
  }
 } catch (error) {
  if (isMissing(error)) return {
   createdAtMs: Number(stats.mtimeMs),
   version: "none"
  };
  return {
   createdAtMs: null,
   version: "unreadable"
  };
 }
}

async function removeApp({app: app, path: path, trash: trash}, {signal: signal, ...options}) {
 const before = await readApp({
  path: path,
  name: app.name,
  trash: trash
 }, options);
 if (before === null) return await lookAt(path) === null ? {
  kind: "gone"
 } : changed("is no folder any more");
 const difference = describeDifference(app, before.app);
 if (difference !== null) return changed(difference);
 if (trash !== null) return await empty({
  path: path,
  trash: trash,
  signal: signal
 });
 core.throwIfAborted(signal);
 const own = node_path.join(options.root, trashName(app.createdAtMs, core.createNonce()));
 await core.mkdir(own, {
  mode: 448
 });
 const moved = node_path.join(own, node_path.basename(path));
 try {
  await core.rename(path, moved);
 } catch (error) {
  await core.rmdir(own);
  if (isMissing(error)) return {
   kind: "gone"
  };
  throw error;
 }
 const taken = await readApp({
  path: moved,
  name: app.name,
  trash: null
 }, options);
 const late = taken === null ? "is no folder any more" : describeDifference(app, taken.app);
 if (late !== null) return changed(`${late}; ${await putBack({
  moved: moved,
  path: path,
  own: own
 })}`);
 return await empty({
  path: moved,
  trash: own,
  signal: signal
 });
}

async function tidyTrash(root, isTrash) {
 for (const name of (await core.readdir(root)).filter(isTrash)) await removeIfEmpty(node_path.join(root, name));
}

async function empty(place) {
 try {
  for (const name of await core.readdir(place.path)) {
   core.throwIfAborted(place.signal);
   await core.rm(node_path.join(place.path, name), {
    recursive: true,
    force: true
   });
  }
  await core.rmdir(place.path);
 } catch (error) {
  if (isMissing(error)) return {
   kind: "gone"
  };
  throw error;
 }
 await removeIfEmpty(place.trash);
 return {
  kind: "deleted"
 };
}

async function putBack(place) {
 const isFree = await lookAt(place.path) === null;
 const target = isFree ? place.path : node_path.join(node_path.dirname(place.path), `${node_path.basename(place.path)}.kept-${core.createNonce()}`);
 await core.rename(place.moved, target);
 await removeIfEmpty(place.own);
 return isFree ? "it was put back" : `its place was taken, so it was kept as ${node_path.basename(target)}`;
}

async function removeIfEmpty(folder) {
 try {
  await core.rmdir(folder);
 } catch (error) {
  const {code: code} = error;
  if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
 }
}

function describeDifference(listed, found) {
 if (found.id !== listed.id) return "another folder has its name now";
 return found.version === listed.version ? null : "it was modified since it was listed";
}

function changed(detail) {
 return {
  kind: "changed",
  detail: detail
 };
}

const CREATED_MARKER = ".lockstep-created";

async function createDirectoryProvider(options) {
 const {clock: clock} = options;
 const {root: root, device: device, inode: inode, birthNs: birthNs} = await resolveRoot(options);
 const marker = options.marker ?? CREATED_MARKER;
 let found = null;
 const listing = async () => {
  found ??= {
   root: root,
   device: device,
   marker: marker,
   cwd: await resolved(options.cwd, core.readsBelow(options.cwd)) ?? options.cwd
  };
  return found;
 };
 let offsetMs = 0;
 let hasDestroyed = false;
 const places = new Map;
 const meta = () => ({
  status: null,
  serverNowMs: clock.wallMs() + offsetMs
 });
 const attempt = async (what, signal, act) => {
  core.throwIfAborted(signal);
  try {
   const now = await lookAt(root);
   if (now === null || !now.isDirectory() || now.dev !== device || now.ino !== inode) return failed("invalid", `${what}: ${root} is not the folder it was`);
   return await act();
  } catch (error) {
   core.throwIfAborted(signal);
   return toFailure(what, error);
  }
 };
 const failed = (kind, detail) => ({
  kind: kind,
  meta: meta(),
  detail: core.plain(detail)
 });
 const toFailure = (what, error) => {
  const {code: code} = error;
  if (code === undefined) throw error;
  const isRefused = code === "EACCES" || code === "EPERM" || code === "EROFS";
  return failed(isRefused ? "forbidden" : "ambiguous", `${what}: ${code}`);
 };
 const look = async () => {
  const entries = await readApps(await listing());
  places.clear();
  for (const entry of entries) places.set(entry.app.id, entry);
  return entries.map(entry => entry.app);
 };
 return {
  name: "directory",
  accountId: core.hashIdentity(options.account === null ? [ "directory", root, String(inode), String(birthNs) ] : [ "directory", "account", options.account ]),
  capabilities: {
   atomicPrecondition: true,
   openRequests: 1,
   pageSize: Number.MAX_SAFE_INTEGER
  },
  pace: {
   emissionIntervalMs: 1,
   burst: 1e3
  },
  open: ({signal: signal}) => attempt(`open ${root}`, signal, async () => {
   offsetMs = await readClock(root, clock) - clock.wallMs();
   return {
    kind: "open",
    meta: meta(),
    label: root
   };
  }),
  list: (_cursor, {signal: signal}) => attempt(`list ${root}`, signal, async () => {
   const apps = await look();
   return {
    kind: "page",
    meta: meta(),
    apps: apps,
    next: null,
    total: apps.length
   };
  }),
  get: (id, {signal: signal}) => attempt(`look for ${id}`, signal, async () => {
   const app = (await look()).find(entry => entry.id === id);
   return app ? {
    kind: "found",
    meta: meta(),
    app: app
   } : {
    kind: "gone",
    meta: meta()
   };
  }),
  destroy: (app, {signal: signal}) => attempt(`remove ${app.name}`, signal, async () => {
   if (!places.has(app.id)) await look();
   const place = places.get(app.id);
   if (!place) return {
    kind: "gone",
    meta: meta()
   };
   hasDestroyed = true;
   try {
    const removal = await removeApp({
     ...place,
     app: app
    }, {
     ...await listing(),
     signal: signal
    });
    return removal.kind === "changed" ? {
     ...removal,
     meta: meta(),
     detail: core.plain(`${app.name}: ${removal.detail}`)
    } : {
     kind: removal.kind,
     meta: meta()
    };
   } catch (error) {
    const {code: code} = error;
    if (code !== "EBUSY" && code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    return {
     kind: "busy",
     meta: meta(),
     detail: core.plain(`remove ${app.name}: ${code}`)
    };
   }
  }),
  async close() {
   if (hasDestroyed) await tidyTrash(root, isTrashName);
  }
 };
}

async function resolveRoot({root: given, home: home}) {
 const reads = core.readsBelow(given);
 const root = await resolved(given, reads);
 const stats = root === null ? null : await lookAt(root, reads);
 const refuse = message => {
  throw new core.ConfigError([ {
   option: "root",
   message: message
  } ]);
 };
 if (root === null || stats === null) return refuse(`${given} does not exist; name an existing folder`);
 if (!stats.isDirectory()) return refuse(`${given} is not a folder`);
 const realHome = home === null ? null : await resolved(home, core.readsBelow(home)) ?? home;
 const problem = describeUnfitRoot(root, realHome);
 if (problem !== null) return refuse(problem);
 return {
  root: root,
  device: stats.dev,
  inode: stats.ino,
  birthNs: stats.birthtimeNs
 };
}

function describeUnfitRoot(root, home) {
 const withSlash = path => path.endsWith(node_path.sep) ? path : `${path}${node_path.sep}`;
 if (/^([A-Za-z]:)?[\\/]*$/.test(root)) return "is the root of the whole file system; name a folder of its own";
 if (home !== null && withSlash(home).startsWith(withSlash(root))) return `${root} is or contains the home folder; name a folder of its own`;
 return null;
}

async function resolved(path, reads) {
 try {
  return await reads.realpath(path);
 } catch (error) {
  const {code: code} = error;
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return null;
  throw error;
 }
}

async function readClock(root, clock) {
 const probe = node_path.join(root, trashName(null, core.createNonce()));
 try {
  await core.mkdir(probe, {
   mode: 448
  });
 } catch {
  return clock.wallMs();
 }
 const stats = await lookAt(probe);
 await core.rmdir(probe);
 return stats === null ? clock.wallMs() : Number(stats.mtimeMs);
}

const directory = Object.freeze(Object.defineProperty({
 __proto__: null,
 CREATED_MARKER: CREATED_MARKER,
 createDirectoryProvider: createDirectoryProvider,
 describeUnfitRoot: describeUnfitRoot
}, Symbol.toStringTag, {
 value: "Module"
}));

exports.MAX_HELD_READS = MAX_HELD_READS;

exports.MAX_NAME_LENGTH = MAX_NAME_LENGTH;

exports.answered = answered;

exports.concludePass = concludePass;

exports.countApps = countApps;

exports.createFailedReport = createFailedReport;

exports.createSkippedReport = createSkippedReport;

exports.describeOutcome = describeOutcome;

exports.describeReapEvent = describeReapEvent;

exports.emit = emit;

exports.file = file;

exports.findFresh = findFresh;

exports.findFull = findFull;

exports.isBelowFloor = isBelowFloor;

exports.judgeHold = judgeHold;

exports.note = note;

exports.open = open;

exports.parseProviderSettings = parseProviderSettings;

exports.parseTimestamp = parseTimestamp;

exports.quotaFloor = quotaFloor;

exports.reportFull = reportFull;

exports.runReap = runReap;

exports.skipFresh = skipFresh;

exports.summarizeReap = summarizeReap;

exports.surroundings = surroundings;

exports.terminalReap = terminalReap;
