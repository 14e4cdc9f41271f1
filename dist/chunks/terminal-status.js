"use strict";

const core = require("./core.js");

const board = require("./board.js");

const checkRecord = require("./check-record.js");

function describeBoard(text, what) {
 const doc = board.parseBoard(text, what);
 const isDotted = /\./.test(doc.target?.schema ?? "");
 const isList = /[^\d.]/.test(doc.target?.schema ?? "");
 const survey = board.surveyBoard(doc, {
  requireApi: doc.target?.api ?? null,
  versionScheme: isList ? "list" : isDotted ? "dotted" : "integer"
 });
 const ready = board.readyMembers(doc, survey);
 const present = doc.expected.filter(name => survey.get(name) === "present");
 const absent = doc.expected.filter(name => survey.get(name) !== "present");
 const isOver = doc.phase === "open" || doc.phase === "failed";
 const parts = [ `${ready.length} of ${doc.expected.length} ready`, doc.target === null ? "" : `schema ${doc.target.schema}`, absent.length > 0 && !isOver ? `waits for ${absent.slice(0, 5).join(", ")}` : "", doc.failure === null ? "" : `${doc.failure.code}: ${doc.failure.message}`, doc.epoch > 1 ? `try ${doc.epoch}` : "" ];
 return {
  state: doc.phase,
  holder: doc.claim?.member ?? null,
  fencingToken: doc.lastToken > 0 ? doc.lastToken : null,
  leaseMs: doc.claim?.leaseMs ?? null,
  waiters: isOver ? 0 : present.length - ready.length,
  detail: parts.filter(part => part !== "").join("; ")
 };
}

const NOTHING = Object.freeze({
 holder: null,
 fencingToken: null,
 leaseMs: null,
 waiters: null,
 url: null,
 detail: null
});

function describeEntry(subject, entry) {
 const {kind: kind, name: name} = subject;
 try {
  return {
   kind: kind,
   name: name,
   ...describeFacts(subject, entry)
  };
 } catch (error) {
  if (!core.hasCode(error, "corrupt-record")) throw error;
  return {
   kind: kind,
   name: name,
   state: "corrupt",
   ...NOTHING
  };
 }
}

function describeFacts(subject, entry) {
 if (entry === null) return {
  state: "free",
  ...NOTHING
 };
 if (subject.kind === "check") return describeCheck(subject, entry.value);
 if (subject.kind === "gate") return {
  ...NOTHING,
  ...describeBoard(entry.value, subject.name)
 };
 return describeLease(core.parseRecord(subject.name, entry.value));
}

function describeLease(record) {
 const holders = record.entries.map(entry => entry.holder.text);
 const first = record.entries[0];
 return {
  ...NOTHING,
  state: record.state,
  holder: holders.length > 0 ? holders.join(", ") : null,
  fencingToken: record.token,
  leaseMs: first?.leaseMs ?? null,
  waiters: record.tickets.length > 0 ? record.tickets.length : null,
  url: first?.holder.url ?? null,
  detail: first ? `since ${first.since}` : null
 };
}

function describeCheck({name: name, nowWallMs: nowWallMs}, value) {
 const record = checkRecord.decodeCheckRecord(value, name);
 const ageMs = Math.max(0, nowWallMs - Date.parse(record.setAt));
 const parts = [ Number.isFinite(ageMs) ? `${core.formatDuration(ageMs)} old` : "", record.ttlMs === null ? "" : `valid for ${core.formatDuration(record.ttlMs)}`, record.upstreams.length === 0 ? "" : `mirrors ${record.upstreams.join(", ")}`, record.output ];
 return {
  ...NOTHING,
  state: record.status,
  holder: record.writer,
  detail: parts.filter(part => part !== "").join("; ")
 };
}

const KINDS = [ "lock", "reap", "gate", "check" ];

async function runStatus(context, resolved) {
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
  const records = await core.withTimeout({
   clock: context.clock,
   timeoutMs: values.timeoutMs,
   waitingFor: "the store",
   parent: context.signal,
   onTimeout: () => new core.UnavailableError("the store did not show all of its records in time")
  }, signal => readRecords(store, {
   context: context,
   values: values,
   signal: signal
  }));
  return {
   format: 1,
   command: "status",
   records: records,
   exitCode: 0
  };
 } finally {
  await releasers.close();
 }
}

async function readRecords(store, options) {
 const {context: context, values: values, signal: signal} = options;
 const keys = await store.list(`${core.createKey(values.namespace)}/`, {
  signal: signal
 });
 const records = [];
 for (const key of keys.sort()) {
  const [, kind, ...names] = core.splitKey(key);
  const name = names.join("/");
  const wanted = KINDS.find(each => each === kind);
  if (!wanted || values.kind && values.kind !== wanted || values.name && values.name !== name) continue;
  const entry = await store.get(key, {
   signal: signal
  });
  records.push(describeEntry({
   kind: wanted,
   name: name,
   nowWallMs: context.clock.wallMs()
  }, entry));
 }
 return records;
}

const TITLES = [ "KIND", "NAME", "STATE", "HOLDER", "TOKEN", "LEASE", "WAITING", "DETAIL", "JOB" ];

const statusCommand = Object.freeze({
 run: (context, resolved) => runStatus(context, resolved),
 render(report, style) {
  const {records: records} = report;
  if (records.length === 0) return [ "Nobody holds anything, and nobody ever did." ];
  const rows = records.map(record => [ record.kind, core.plain(record.name, 60), record.state === "free" ? style.dim("free") : style.bold(core.plain(record.state, 30)), record.holder === null ? "" : core.plain(record.holder, 60), record.fencingToken === null ? "" : String(record.fencingToken), record.leaseMs === null ? "" : core.formatDuration(record.leaseMs), record.waiters === null ? "" : String(record.waiters), record.detail === null ? "" : core.plain(record.detail, 100), record.url === null ? "" : core.plain(record.url, 120) ]);
  return core.renderTable([ TITLES.map(title => style.bold(title)), ...rows ], {
   right: [ 4, 5, 6 ]
  });
 }
});

const terminalStatus = Object.freeze(Object.defineProperty({
 __proto__: null,
 statusCommand: statusCommand
}, Symbol.toStringTag, {
 value: "Module"
}));

exports.runStatus = runStatus;

exports.statusCommand = statusCommand;

exports.terminalStatus = terminalStatus;
