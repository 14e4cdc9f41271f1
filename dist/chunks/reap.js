import { p as plain, h as hashIdentity, i as isJsonObject, t as takeoverAfterMs, a as invariant, e as exitCodeOf, b as hasCode, L as LockstepError, f as formatDuration, U as UnavailableError, c as toError, d as createDeadline, g as createKey, j as jitter, k as checkReapOptions, l as chooseStore, C as ConfigError, m as createNonce, n as isElected, o as createReleasers, q as openStoreParts, r as renderTable } from "./core.js";

import { isAbsolute, join, relative, resolve } from "node:path";

import { stat, readFile, writeFile } from "node:fs/promises";

function createHolder(context, options) {
 const {env: env, process: process} = context;
 const run = env["GITHUB_RUN_ID"];
 const attempt = env["GITHUB_RUN_ATTEMPT"];
 const url = runUrl(context, options.jobId);
 return {
  text: plain(options.holder ?? defaultText(context, options)),
  host: process.host,
  pid: process.pid,
  ...context.isRunner && run ? {
   run: run
  } : {},
  ...context.isRunner && attempt ? {
   attempt: attempt
  } : {},
  ...context.isRunner && options.jobId ? {
   job: options.jobId
  } : {},
  ...url ? {
   url: url
  } : {}
 };
}

function defaultText({env: env, isRunner: isRunner, process: process}, {jobIndex: jobIndex}) {
 const run = env["GITHUB_RUN_ID"];
 if (!isRunner || !run) return `${process.user}@${process.host}:${process.pid}`;
 const parts = [ `run ${run}` ];
 if (env["GITHUB_RUN_ATTEMPT"]) parts.push(`attempt ${env["GITHUB_RUN_ATTEMPT"]}`);
 if (env["GITHUB_JOB"]) parts.push(`job ${env["GITHUB_JOB"]}`);
 parts.push(jobIndex === undefined ? `pid ${process.pid} on ${process.host}` : `index ${jobIndex}`);
 return parts.join(", ");
}

function runUrl({env: env, isRunner: isRunner}, jobId) {
 const [server, repository, run] = [ env["GITHUB_SERVER_URL"], env["GITHUB_REPOSITORY"], env["GITHUB_RUN_ID"] ];
 if (!isRunner || !server || !repository || !run) return null;
 const runPage = `${server}/${repository}/actions/runs/${run}`;
 return jobId ? `${runPage}/job/${jobId}` : runPage;
}

function splitWords(text) {
 const words = [];
 let word = null;
 let quote = null;
 for (let at = 0; at < text.length; at += 1) {
  const char = text.charAt(at);
  const next = text.charAt(at + 1);
  if (quote === '"' && char === "\\" && (next === '"' || next === "\\")) {
   word = (word ?? "") + next;
   at += 1;
  } else if (quote !== null) {
   if (char === quote) quote = null; else word = (word ?? "") + char;
  } else if (char === '"' || char === "'") {
   quote = char;
   word ??= "";
  } else if (/\s/.test(char)) {
   if (word !== null) words.push(word);
   word = null;
  } else {
   word = (word ?? "") + char;
  }
 }
 if (quote !== null) return {
  ok: false,
  problem: `has a ${quote} that is never closed`
 };
 if (word !== null) words.push(word);
 return {
  ok: true,
  value: words
 };
}

const PLACE = /\{([a-z]+)\}/gi;

function parseWordsTemplate(text, places) {
 const words = splitWords(text);
 if (!words.ok) return words;
 const [file, ...args] = words.value;
 if (file === undefined || file === "") return {
  ok: false,
  problem: "needs a program and its arguments"
 };
 if (words.value.some(word => word.includes("\0"))) return {
  ok: false,
  problem: "contains a NUL character"
 };
 if (placesOf(file).length > 0) return {
  ok: false,
  problem: "names its program by a place, which an app would fill"
 };
 const unknown = args.flatMap(placesOf).find(place => !places.includes(place));
 if (unknown !== undefined) {
  const known = places.length > 0 ? places.map(place => `{${place}}`).join(" and ") : "none";
  return {
   ok: false,
   problem: `has the place {${plain(unknown, 40)}}; it may have ${known}`
  };
 }
 return {
  ok: true,
  value: Object.freeze([ file, ...args ])
 };
}

function fillWords(template, values) {
 let problem = null;
 const fill = word => word.replace(PLACE, (place, name, at) => {
  const value = values[name] ?? place;
  if (value.includes("\0")) problem = `the ${name} contains a NUL character`;
  if (at === 0 && value.startsWith("-")) problem = `the ${name} ${plain(value, 60)} would be taken for an option`;
  return value;
 });
 const [file, ...args] = template;
 const filled = [ file, ...args.map(fill) ];
 return problem === null ? {
  ok: true,
  value: filled
 } : {
  ok: false,
  problem: problem
 };
}

function placesOf(word) {
 return [ ...word.matchAll(PLACE) ].map(match => match[1]);
}

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
   const {createDirectoryProvider: createDirectoryProvider} = await (import("./directory.js"));
   return await createDirectoryProvider({
    ...settings,
    clock: clock
   });
  }

 case "command":
  {
   const {createCommandProvider: createCommandProvider} = await (import("./command.js"));
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
   const {openModuleProvider: openModuleProvider} = await (import("./module.js"));
   return await openModuleProvider({
    ...settings,
    clock: clock,
    timeoutMs: timeoutMs
   });
  }

 case "heroku":
  {
   const {createHerokuProvider: createHerokuProvider} = await (import("./heroku.js"));
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
 return hashIdentity(settings.account === null ? [ "command", ...settings.list ] : [ "command", "account", settings.account ]);
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
   root: isAbsolute(values.root) ? values.root : join(cwd, values.root),
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
  const words = parseWordsTemplate(text, places);
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
 const path = isAbsolute(file) ? file : join(cwd, file);
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
 if (settings.account !== null) return hashIdentity([ "heroku", "account", settings.account ]);
 const {origin: origin, pathname: pathname} = new URL(settings.apiUrl);
 const scope = settings.team === null ? "own" : `team:${settings.team}`;
 return hashIdentity([ "heroku", origin + pathname, scope, settings.apiKey ]);
}

async function locateAccount(settings, options) {
 const known = settings.provider === "heroku" ? herokuAccountId(settings) : settings.provider === "command" ? commandAccountId(settings) : null;
 if (known !== null) {
  const {provider: name} = settings;
  return {
   name: name,
   accountId: known,
   open: () => openProvider(settings, options),
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
  isHeld: unchangedMs <= takeoverAfterMs(leaseMs) + SERVER_SKEW_MS,
  seen: known
 };
}

function readBeats(note) {
 const held = note["held"];
 const beats = new Map;
 if (!isJsonObject(held)) return beats;
 for (const [id, value] of Object.entries(held)) {
  if (!isJsonObject(value)) continue;
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
 invariant(!strayed, `an app with the verdict ${strayed?.verdict} has the outcome ${strayed?.outcome}`);
 assertIdentities(counts, isApplied);
 return counts;
}

function assertIdentities(counts, isApplied) {
 const byVerdict = counts.eligible + counts.protected + counts.young + counts.unknownAge + counts.kept;
 invariant(counts.matched === byVerdict, `${counts.matched} apps matched, but the verdicts add up to ${byVerdict}`);
 const byOutcome = counts.deleted + counts.gone + counts.changed + counts.forbidden + counts.busy + counts.failed + counts.deferred;
 const expected = isApplied ? counts.eligible : 0;
 invariant(byOutcome === expected, `${expected} outcomes were due, but the outcomes add up to ${byOutcome}`);
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
 if (halts.has("interrupted")) return is("incomplete", "interrupted", exitCodeOf(halts.get("interrupted")));
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
 const exitCode = exitCodeOf(error);
 if (hasCode(error, "cancelled")) return createEmptyReport({
  outcome: "incomplete",
  reason: "interrupted",
  exitCode: exitCode
 }, surroundings);
 if (hasCode(error, "lease-lost")) return createEmptyReport({
  outcome: "incomplete",
  reason: "lease-lost",
  exitCode: exitCode
 }, surroundings);
 const code = error instanceof LockstepError ? error.code : "invariant";
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

const OUTCOMES = [ "reaped", "clean", "planned", "skipped", "incomplete", "failed" ];

const DONE = [ "reaped", "clean" ];

function readSweep(note, identity) {
 const sweeps = note["sweeps"];
 return isJsonObject(sweeps) && Object.hasOwn(sweeps, identity) ? parseSweep(sweeps[identity]) : null;
}

function writeSweep(note, identity, sweep) {
 const sweeps = isJsonObject(note["sweeps"]) ? note["sweeps"] : {};
 const others = Object.entries(sweeps).filter(([name]) => name !== identity).flatMap(([name, value]) => {
  const parsed = parseSweep(value);
  return parsed ? [ [ name, parsed ] ] : [];
 }).sort(([, a], [, b]) => Date.parse(b.at) - Date.parse(a.at)).slice(0, MAX_SWEEPS - 1);
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

function parseSweep(value) {
 if (!isJsonObject(value) || !isJsonObject(value["counts"])) return null;
 const outcome = OUTCOMES.find(one => one === value["outcome"]);
 const at = value["at"];
 if (outcome === undefined || typeof at !== "string" || Number.isNaN(Date.parse(at))) return null;
 const read = value["counts"];
 const counts = Object.fromEntries(Object.keys(NO_COUNTS).map(name => {
  const count = read[name];
  return [ name, typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? count : 0 ];
 }));
 return {
  outcome: outcome,
  counts: counts,
  at: at
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
  note(options, "info", `swept ${formatDuration(agoMs)} ago: ${result}; nothing to do here`);
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

async function answered(deadline, call) {
 try {
  return await call;
 } catch (thrown) {
  if (hasCode(thrown, "deadline") && deadline.signal.aborted) throw new UnavailableError("the store did not answer within the time budget", {
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
  token: null
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
  const error = toError(thrown);
  if (!(error instanceof LockstepError) || hasCode(error, "config") || hasCode(error, "invariant")) throw error;
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
 const seen = mustLook ? await answered(deadline, lease.manager.read(lease.key, {
  signal: deadline.signal
 })) : null;
 const fresh = seen && findFresh(run, seen);
 if (fresh) return skipFresh(run, fresh);
 if (!options.settings.apply) return await sweepAndReport(run, null);
 const hindrance = options.findHindrance?.() ?? null;
 if (hindrance !== null) return createSkippedReport(hindrance, surroundings(run));
 const seenAt = seen && (readSweep(noteOf(seen), options.identity)?.at ?? null);
 const {takeTurn: takeTurn} = await (import("./turn.js"));
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
  emit(options, {
   kind: "acquired",
   token: lease.token
  });
  return await sweepAndReport(run, lease, (pass, beats) => {
   const swept = {
    outcome: pass.outcome,
    counts: pass.counts,
    at: new Date(options.clock.wallMs()).toISOString()
   };
   updateNote = note => {
    const written = writeSweep(note, options.identity, swept);
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
 const {sweep: sweep} = await (import("./sweep.js"));
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
   options.logger.warn(`the provider could not be closed: ${plain(toError(thrown).message)}`);
  });
 }
}

async function openHolds(options, lease) {
 const {holds: source} = options;
 if (!source) return undefined;
 const {createHolds: createHolds} = await (import("./holds.js"));
 const known = readBeats(lease ? noteOf(lease.view) : {});
 const onUnread = error => note(options, "warn", `whether an app is in use could not be read, so it stays: ${plain(error.message)}`);
 return createHolds({
  source: source,
  known: known,
  onUnread: onUnread
 });
}

async function giveBack(run, lease, updateNote) {
 const {clock: clock, deadline: deadline, logger: logger} = run.options;
 const timeoutMs = deadline.signal.aborted ? HURRIED_RELEASE_TIMEOUT_MS : RELEASE_TIMEOUT_MS;
 const budget = createDeadline({
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
  logger.warn(`the lease was not given back and will run out by itself: ${plain(toError(thrown).message)}`);
 } finally {
  budget.dispose();
 }
}

function appLeaseKey(namespace, {name: name, accountId: accountId}, appId) {
 return createKey(namespace, "app", `${name}-${accountId}`, appId);
}

function createHoldsSource(manager, {namespace: namespace, account: account}) {
 return {
  readHold: (appId, options) => manager.read(appLeaseKey(namespace, account, appId), options)
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
 return Math.round(jitter(stepMs, SPREAD_JITTER, random));
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
    const retryAtMs = hasCode(error, "throttled") ? error.retryAtMs : null;
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
 const problem = findBreadth(plain(text, 80), matches);
 if (problem !== null) return {
  ok: false,
  problem: problem
 };
 const compile = async () => {
  const parsed = await parsePattern(text);
  invariant(parsed.ok, `the plain pattern ${plain(text, 80)} was refused by the engine`);
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
 const shown = plain(text, 80);
 const {RE2JS: RE2JS} = await (import("./re2js.js"));
 let compiled;
 try {
  RE2JS.compile(text);
  compiled = RE2JS.compile(`^(?:${text})$`);
 } catch (thrown) {
  return refuse(`"${shown}" cannot be used: ${explain(text, toError(thrown))}`);
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
 return plain(error.message.replace(/^error parsing regexp: /, "").replace(/: `.*`$/s, ""), 120);
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
 const shown = `"${plain(text, 80)}"`;
 if (text.length > MAX_RULE_LENGTH) return `${shown} is longer than ${MAX_RULE_LENGTH} characters; no name is that long`;
 if (/^\s|\s$/.test(text)) return `${shown} starts or ends with a space; remove it`;
 if (/[\u0000-\u001f\u007f]/.test(text)) return `${shown} contains a control character`;
 if (text.includes(",")) return `${shown} contains a comma; write one rule each`;
 const field = FIELD.exec(text)?.[1];
 if (field === "id") {
  return /^id:[^\s*?]+$/.test(text) ? null : `${shown} is not an id; write id: and the exact id, without * and ?`;
 }
 if (field !== undefined) return `${shown} names the unknown field ${plain(field, 40)}; only id:ID is known`;
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
 const checked = checkReapOptions(resolved);
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
 const choice = chooseStore(context, resolved);
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
  throw new ConfigError(problems);
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
 return hashIdentity([ account.name, account.accountId, ...rulesOf(options) ]);
}

function workOf({env: env}, {values: values}, options) {
 const place = Object.entries({
  ...present(values),
  apiUrl: env["HEROKU_API_URL"]
 });
 return hashIdentity([ ...place.flatMap(([name, text]) => [ name, text ?? "" ]), ...rulesOf(options) ]);
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
 if (!isJsonObject(value) || value["v"] !== 1) return null;
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

async function leaveSession(context, session) {
 const folder = context.env["RUNNER_TEMP"];
 if (!session || !context.exportVariable || !folder) return;
 const path = join(folder, `lockstep-session-${createNonce()}.json`);
 try {
  await writeFile(path, formatSession(session), {
   flag: "wx",
   mode: 384
  });
  context.exportVariable(SESSION_VARIABLE, path);
 } catch (thrown) {
  context.logger.debug(`later steps will ask again: ${toError(thrown).message}`);
 }
}

async function readSession(context) {
 const {[SESSION_VARIABLE]: path, RUNNER_TEMP: folder} = context.env;
 if (!path || !folder) return null;
 const within = relative(resolve(folder), resolve(path));
 if (within === "" || within.startsWith("..") || isAbsolute(within)) return null;
 try {
  const {size: size} = await stat(path);
  return size <= MAX_BYTES ? parseSession(await readFile(path, "utf8")) : null;
 } catch (thrown) {
  context.logger.debug(`the session of an earlier step cannot be read: ${toError(thrown).message}`);
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
 const {createCacheSnapshot: createCacheSnapshot} = await (import("./cache-snapshot.js"));
 const store = createCacheSnapshot({
  clock: clock,
  env: env,
  logger: logger
 });
 const about = {
  identity: hashIdentity([ key, identity, String(everyMs) ]),
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
 const place = placeOf(context);
 const work = workOf(context, resolved, options);
 const leave = async (report, identity) => {
  await leaveSession(context, createSession(report, {
   work: work,
   identity: identity,
   place: place,
   atMs: clock.wallMs()
  }));
  return report;
 };
 if (!isElected(options)) return leave(createSkippedReport("not-elected"), null);
 const releasers = createReleasers();
 const deadline = createDeadline({
  clock: clock,
  timeoutMs: resolved.values.timeoutMs,
  waitingFor: "the sweep",
  parent: signal
 });
 try {
  const holder = createHolder(context, {
   holder: resolved.values.holder ?? undefined,
   jobIndex: options.jobIndex ?? undefined,
   jobId: resolved.values.jobId ?? undefined
  });
  const account = providerSettings && await locateAccount(providerSettings, {
   clock: clock,
   client: holder.text
  });
  if (account) releasers.add(() => account.close());
  const identity = account && identityOf(options, account);
  const {everyMs: everyMs, whenBusy: whenBusy} = options;
  const question = {
   work: work,
   identity: identity,
   place: place,
   everyMs: everyMs,
   whenBusy: whenBusy,
   nowWallMs: clock.wallMs()
  };
  const told = session && decideSession(session, question);
  if (told) {
   context.logger.info("an earlier step of this job has seen to it; nothing to do here");
   return createSkippedReport(told);
  }
  if (!account && !context.isForkPullRequest) throw new ConfigError(checked.missingCredential);
  if (!account || !identity) return await leave(skipWithNotice(context, NO_CREDENTIAL), null);
  const parts = {
   account: account,
   identity: identity,
   holder: holder,
   deadline: deadline,
   releasers: releasers
  };
  return await leave(await sweepOnce(context, {
   resolved: resolved,
   checked: checked,
   ...parts
  }), identity);
 } catch (error) {
  if (context.isForkPullRequest && hasCode(error, "auth")) return skipWithNotice(context, READ_ONLY);
  throw error;
 } finally {
  deadline.dispose();
  await releasers.close();
 }
}

async function sweepOnce(context, parts) {
 const {clock: clock, logger: logger} = context;
 const {account: account, identity: identity, holder: holder, deadline: deadline, releasers: releasers} = parts;
 const {values: values} = parts.resolved;
 const {options: options, settings: settings, match: match, choice: choice} = parts.checked;
 if (choice.kind === "no-store") return skipWithNotice(context, NO_STORE);
 const store = await openStoreParts(context, {
  address: choice.address,
  values: values,
  releasers: releasers
 });
 const {github: github} = store;
 const key = createKey(values.namespace, "reap", `${account.name}-${account.accountId}`);
 const memory = await openSweepMemory(context, {
  key: key,
  identity: identity,
  everyMs: options.everyMs
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
   const provider = await account.open();
   const {isSharedByDefault: isSharedByDefault, openPace: openPace} = await (import("./pace.js"));
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
    account: account
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
   message: `waiting for ${plain(event.holder)}, which is sweeping`
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
   message: `${event.done}/${event.eligible} ${plain(event.app.name)}: ${event.app.outcome ?? event.app.verdict}`
  };

 case "note":
  return {
   level: event.level,
   message: plain(event.message, 500)
  };
 }
}

function renderReapReport(report, style) {
 const shown = report.apps.slice(0, MAX_ROWS);
 const rows = shown.map(app => [ plain(app.name, 60), app.ageMs === null ? "?" : formatDuration(app.ageMs), style.dim(plain(app.reason, 60)), paintOutcome(app, style) ]);
 const table = rows.length === 0 ? [] : renderTable([ [ "APP", "AGE", "RULE", "OUTCOME" ].map(title => style.bold(title)), ...rows ], {
  right: [ 1 ]
 });
 const more = report.apps.length - shown.length;
 return [ ...table, ...more > 0 ? [ style.dim(`\u2026 and ${more} more; --json has them all`) ] : [], ...table.length > 0 ? [ "" ] : [], summarizeReap(report, style) ];
}

function summarizeReap(report, style, applyHint) {
 const {requests: requests} = report;
 const sent = requests.list + requests.get + requests.delete + requests.other;
 const cost = style.dim(`${count(sent, "request")} to the provider, ${requests.store} to the store, ${formatDuration(report.durationMs)}`);
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
  return `${plain(report.holder ?? "another job")} is sweeping`;

 case "fresh":
  return `${plain(report.holder ?? "another job")} swept a moment ago`;

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

export { MAX_NAME_LENGTH as M, describeReapEvent as a, createHolder as b, createFailedReport as c, describeOutcome as d, splitWords as e, fillWords as f, answered as g, findFresh as h, isBelowFloor as i, skipFresh as j, createSkippedReport as k, surroundings as l, emit as m, note as n, countApps as o, parseProviderSettings as p, quotaFloor as q, runReap as r, summarizeReap as s, concludePass as t, MAX_HELD_READS as u, judgeHold as v, open as w, terminalReap as x };
