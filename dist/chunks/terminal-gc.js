"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const MARK = "gc";

const MAX_CLOCK_ID_LENGTH = 64;

function decideFreeApp(record, {readings: readings, oldMs: oldMs}) {
 if (record.state !== "free" || record.tickets.length > 0) return {
  kind: "keep"
 };
 const known = readMark(record);
 if (readings.some(now => known.some(then => elapsedMs(then, now) > oldMs))) return {
  kind: "remove"
 };
 const unknown = readings.filter(now => !known.some(({clockId: clockId}) => clockId === now.clockId));
 if (unknown.length === 0) return {
  kind: "keep"
 };
 const seen = [ ...known, ...unknown ].slice(-4);
 return {
  kind: "mark",
  note: {
   ...record.note,
   [MARK]: {
    token: record.token,
    seen: seen
   }
  }
 };
}

function elapsedMs(then, now) {
 if (then.clockId !== now.clockId) return Number.NEGATIVE_INFINITY;
 const wallMs = then.wallMs === undefined ? Number.POSITIVE_INFINITY : (now.wallMs ?? 0) - then.wallMs;
 return Math.min(now.ms - then.ms, wallMs);
}

function readMark({note: note, token: token}) {
 const mark = note[MARK];
 if (!core.isJsonObject(mark) || mark["token"] !== token || !Array.isArray(mark["seen"])) return [];
 return mark["seen"].slice(-4).flatMap(seen => {
  if (!core.isJsonObject(seen)) return [];
  const {clockId: clockId, ms: ms, wallMs: wallMs} = seen;
  if (typeof clockId !== "string" || clockId.length > MAX_CLOCK_ID_LENGTH || !Number.isFinite(ms)) return [];
  if (wallMs !== undefined && !Number.isFinite(wallMs)) return [];
  return [ {
   clockId: clockId,
   ms: ms,
   ...wallMs === undefined ? {} : {
    wallMs: wallMs
   }
  } ];
 });
}

const RERUN_MS = 31 * 864e5;

const MAX_QUESTIONS = 100;

const MAX_MARKS = 1e3;

function findGateRun(segments) {
 const [, kind, repository = "", run = "", ...gate] = segments;
 if (kind !== "gate" || gate.length !== 1 || !/^[1-9]\d{0,17}$/.test(run)) return null;
 const parsed = core.parseRepository(repository);
 return parsed.ok ? {
  ...parsed.value,
  run: run
 } : null;
}

function isOverForGood(data, run, githubNowMs) {
 if (!core.isJsonObject(data) || String(data["id"]) !== run || data["status"] !== "completed") return false;
 const stamps = [ data["created_at"], data["run_started_at"], data["updated_at"] ];
 const times = stamps.map(stamp => typeof stamp === "string" ? Date.parse(stamp) : Number.NaN);
 return times.every(timeMs => githubNowMs - timeMs > RERUN_MS);
}

async function runGc(context, resolved) {
 const {values: values} = resolved;
 const problems = [ ...resolved.problems ];
 const address = core.requireStore(context, resolved, problems);
 if (problems.length > 0 || !address) throw new core.ConfigError(problems);
 const releasers = core.createReleasers();
 try {
  const {store: store} = await core.openStoreParts(context, {
   address: address,
   values: values,
   releasers: releasers
  });
  if (!store.capabilities.conditionalDelete) {
   throw new core.UnsupportedError(`${store.url} cannot delete a record only if it is unchanged`, {
    hint: "nothing needs to be removed there: records are small, and one per name"
   });
  }
  return await core.withTimeout({
   clock: context.clock,
   timeoutMs: values.timeoutMs,
   waitingFor: "the store",
   parent: context.signal,
   onTimeout: () => new core.UnavailableError("not all records were looked at in time", {
    hint: "what was removed is gone; the next call goes on where this one stopped"
   })
  }, signal => removeUseless(store, {
   context: context,
   namespace: values.namespace,
   signal: signal
  }));
 } finally {
  await releasers.close();
 }
}

async function removeUseless(store, options) {
 const {context: context, namespace: namespace, signal: signal} = options;
 const {logger: logger} = context;
 const removed = [];
 const kept = {};
 const judge = await openJudge(context);
 const readings = readClocks(context, judge);
 let marked = 0;
 for (const key of (await store.list(`${core.createKey(namespace)}/`, {
  signal: signal
 })).sort()) {
  const segments = core.splitKey(key);
  const [, kind = "", ...names] = segments;
  const gateRun = findGateRun(segments);
  const isApp = isAppLease(segments) && readings.length > 0;
  const entry = isApp || gateRun && judge ? await store.get(key, {
   signal: signal
  }) : null;
  const verdict = entry && isApp ? judgeApp(key, {
   entry: entry,
   readings: readings,
   logger: logger
  }) : null;
  if (verdict?.kind === "mark" && entry && marked < MAX_MARKS) {
   const text = core.encodeRecord(key, {
    ...verdict.record,
    note: verdict.note
   });
   if ((await store.compareAndSet(key, entry.revision, text, {
    signal: signal
   })).ok) marked += 1;
  }
  const isUseless = verdict?.kind === "remove" || !isApp && gateRun && judge && await judge.isOver(gateRun, signal);
  if (entry && isUseless && (await store.delete(key, entry.revision, {
   signal: signal
  })).ok) {
   removed.push({
    kind: kind,
    name: names.join("/")
   });
  } else kept[kind] = (kept[kind] ?? 0) + 1;
 }
 if (!judge && kept["gate"]) logger.info(NO_JUDGE);
 if (marked > 0) logger.info(`${marked} leases on apps are free; they go when they stay so for a month`);
 const outcome = removed.length > 0 ? "cleaned" : "clean";
 return {
  format: 1,
  command: "gc",
  outcome: outcome,
  removed: removed,
  kept: kept,
  exitCode: 0
 };
}

const NO_JUDGE = "gates of completed runs were kept: only in a job with a token, by GitHub's own stamps, can it be told that they are over";

function isAppLease(segments) {
 return segments.length === 4 && segments[1] === "app";
}

function readClocks({clock: clock}, judge) {
 const {machine: machine, wallMs: wallMs} = core.readInstant(clock);
 const own = machine ? [ {
  clockId: machine.clockId,
  ms: Math.ceil(machine.ms),
  wallMs: wallMs
 } ] : [];
 const github = judge?.readGitHubClock() ?? null;
 return github === null ? own : [ ...own, github ];
}

function judgeApp(key, {entry: entry, readings: readings, logger: logger}) {
 try {
  const record = core.parseRecord(key, entry.value);
  return {
   ...decideFreeApp(record, {
    readings: readings,
    oldMs: RERUN_MS
   }),
   record: record
  };
 } catch (thrown) {
  if (!core.hasCode(thrown, "corrupt-record")) throw thrown;
  logger.warn(`kept: ${core.plain(thrown.message)}`);
  return null;
 }
}

async function openJudge(context) {
 const {env: env, isRunner: isRunner, signal: signal} = context;
 const own = core.parseRepository(env["GITHUB_REPOSITORY"] ?? "");
 const runId = env["GITHUB_RUN_ID"];
 const client = isRunner && own.ok && runId ? await core.openGitHub(context) : null;
 if (!client || !own.ok || !runId) return null;
 const data = await readRun(client, {
  ...own.value,
  run: runId
 }, signal);
 const stamp = core.isJsonObject(data) ? data["run_started_at"] : null;
 const githubNowMs = typeof stamp === "string" ? Date.parse(stamp) : Number.NaN;
 let questions = 0;
 return {
  readGitHubClock() {
   const {serverAheadMs: serverAheadMs, apiUrl: apiUrl} = client;
   if (serverAheadMs === null) return null;
   return {
    clockId: new URL(apiUrl).host,
    ms: context.clock.wallMs() + serverAheadMs
   };
  },
  async isOver(run, abort) {
   questions += 1;
   return questions <= MAX_QUESTIONS && isOverForGood(await readRun(client, run, abort), run.run, githubNowMs);
  }
 };
}

async function readRun(client, {owner: owner, repo: repo, run: run}, signal) {
 const answer = await client.read(`/repos/${owner}/${repo}/actions/runs/${run}`, {
  signal: signal
 });
 return answer.kind === "found" ? answer.data : null;
}

const gcCommand = Object.freeze({
 run: (context, resolved) => runGc(context, resolved),
 render(report) {
  const {removed: removed, kept: kept} = report;
  const counts = Object.entries(kept).map(([kind, count]) => `${count} ${core.plain(kind, 20)}`);
  return [ ...removed.map(({kind: kind, name: name}) => `removed ${core.plain(kind, 20)} ${core.plain(name, 100)}`), `${removed.length} removed, kept: ${counts.length > 0 ? counts.join(", ") : "nothing"}.` ];
 }
});

exports.gcCommand = gcCommand;
