"use strict";

const core = require("./core.js");

const MAX_SCHEMA_CHARS = 16 * 1024;

const MAX_NAME_CHARS = 128;

const MAX_API_ENTRIES = 200;

function parseSchema(text, scheme) {
 const trimmed = text.trim();
 if (trimmed === "") return {
  ok: false,
  problem: "is empty"
 };
 if (trimmed.length > MAX_SCHEMA_CHARS) return {
  ok: false,
  problem: `is longer than ${MAX_SCHEMA_CHARS} characters`
 };
 switch (scheme) {
 case "integer":
  if (/^\d{1,40}$/.test(trimmed)) return {
   ok: true,
   value: trimmed
  };
  return {
   ok: false,
   problem: "is not a whole number of at most 40 digits; version-scheme dotted or list takes others"
  };

 case "dotted":
  if (/^\d{1,20}(\.\d{1,20}){0,9}$/.test(trimmed)) return {
   ok: true,
   value: trimmed
  };
  return {
   ok: false,
   problem: "is not numbers joined by dots, such as 1.12.0 (at most ten, without a prefix)"
  };

 case "list":
  {
   const ids = parseNames(trimmed.split(/[\s,]+/), "id");
   if (!ids.ok) return ids;
   if (ids.value.length === 0) return {
    ok: false,
    problem: "names no id"
   };
   return {
    ok: true,
    value: ids.value.join(",")
   };
  }
 }
}

function parseApi(names) {
 const parsed = parseNames(names, "API extension");
 if (parsed.ok && parsed.value.length > MAX_API_ENTRIES) return {
  ok: false,
  problem: `has more than ${MAX_API_ENTRIES} API extensions`
 };
 return parsed;
}

function parseNames(names, what) {
 const wanted = names.map(name => name.trim()).filter(name => name !== "");
 if (wanted.some(name => name.length > MAX_NAME_CHARS)) return {
  ok: false,
  problem: `has an ${what} of more than ${MAX_NAME_CHARS} characters`
 };
 return {
  ok: true,
  value: [ ...new Set(wanted) ].sort()
 };
}

function compareSchema(mine, theirs, scheme) {
 if (mine === theirs) return "equal";
 if (scheme === "list") {
  const [own, others] = [ new Set(listOf(mine)), new Set(listOf(theirs)) ];
  return relationOf({
   lacks: [ ...others ].some(id => !own.has(id)),
   has: [ ...own ].some(id => !others.has(id))
  });
 }
 const [own, others] = [ numbersOf(mine), numbersOf(theirs) ];
 for (let index = 0; index < Math.max(own.length, others.length); index += 1) {
  const [left, right] = [ own[index] ?? 0n, others[index] ?? 0n ];
  if (left !== right) return left < right ? "behind" : "ahead";
 }
 return "equal";
}

function highestSchema(schemas, scheme) {
 if (schemas.length === 0) return null;
 if (scheme === "list") return [ ...new Set(schemas.flatMap(listOf)) ].sort().join(",");
 return schemas.reduce((highest, schema) => compareSchema(schema, highest, scheme) === "ahead" ? schema : highest);
}

function reaches(schema, wanted, scheme) {
 if (schema === null) return false;
 const relation = compareSchema(schema, wanted, scheme);
 return relation === "equal" || relation === "ahead";
}

function compareVersions(mine, theirs, rules) {
 const counts = name => rules.requireApi === null || rules.requireApi.includes(name);
 const missing = theirs.api.filter(name => counts(name) && !mine.api.includes(name));
 const extra = mine.api.filter(name => counts(name) && !theirs.api.includes(name));
 const schema = compareSchema(mine.schema, theirs.schema, rules.versionScheme);
 const relation = relationOf({
  lacks: missing.length > 0 || schema === "behind" || schema === "diverged",
  has: extra.length > 0 || schema === "ahead" || schema === "diverged"
 });
 return {
  relation: relation,
  schema: schema,
  missing: missing,
  extra: extra
 };
}

function targetOf(versions, rules) {
 const schemas = versions.map(each => each.schema);
 const schema = highestSchema(schemas, rules.versionScheme);
 if (schema === null) return null;
 const api = rules.requireApi ?? versions.flatMap(each => each.api);
 return {
  schema: schema,
  api: [ ...new Set(api) ].sort()
 };
}

function relationOf({lacks: lacks, has: has}) {
 if (lacks) return has ? "diverged" : "behind";
 return has ? "ahead" : "equal";
}

function listOf(text) {
 return text.split(",").filter(id => id !== "");
}

function numbersOf(text) {
 if (!/^\d+(\.\d+)*$/.test(text)) throw new core.CorruptRecordError("a schema version on the board is not a number; it was left untouched");
 return text.split(".").map(BigInt);
}

const GATE_FORMAT = 1;

const GATE_PHASES = [ "announce", "schema", "api", "open", "failed" ];

const GATE_FAILURE_CODES = [ "timeout", "behind", "diverged", "schema-downgrade", "commit-failed", "committer-lost", "member-left", "member-lost", "superseded", "unexpected-member", "config-mismatch", "store-unavailable" ];

const GATE_EXIT_CODES = Object.freeze({
 timeout: 7,
 behind: 21,
 diverged: 21,
 "schema-downgrade": 21,
 "commit-failed": 22,
 "committer-lost": 22,
 "member-left": 20,
 "member-lost": 20,
 superseded: 23,
 "unexpected-member": 2,
 "config-mismatch": 2,
 "store-unavailable": 6
});

const MEMBER_STATES = [ "announced", "api-ready", "released", "left" ];

const COMMITTER_KINDS = [ "migrate", "probe", "both" ];

const MAX_MESSAGE = 300;

function compareRanks(a, b) {
 return compareRuns(a.run, b.run) || a.attempt - b.attempt;
}

function compareRuns(a, b) {
 if (a === b) return 0;
 if (/^\d+$/.test(a) && /^\d+$/.test(b)) return BigInt(a) < BigInt(b) ? -1 : 1;
 return a < b ? -1 : 1;
}

function isSameIncarnation(a, b) {
 return a.id === b.id && compareRanks(a, b) === 0;
}

function newestRank(ranks) {
 return ranks.reduce((newest, rank) => newest === null || compareRanks(rank, newest) > 0 ? rank : newest, null);
}

function latestAttempts(ranks) {
 const latest = new Map;
 for (const {run: run, attempt: attempt} of ranks) latest.set(run, Math.max(attempt, latest.get(run) ?? attempt));
 return latest;
}

function surveyBoard(doc, rules) {
 const judging = judgingRecords(doc, rules);
 const newest = newestRank(judging.map(each => each.incarnation));
 return new Map(doc.expected.map(name => [ name, standingOf(doc, name, {
  rules: rules,
  newest: newest
 }) ]));
}

function recordOf(doc, name) {
 return Object.hasOwn(doc.members, name) ? doc.members[name] : undefined;
}

function ownRecord(doc, self) {
 const record = self.mode === "wait-for" ? undefined : recordOf(doc, self.name);
 return record && isSameIncarnation(record.incarnation, self.incarnation) ? record : undefined;
}

function withOwnRecord(doc, self, record) {
 return {
  ...doc,
  members: {
   ...doc.members,
   [self.name]: record
  }
 };
}

function withRefusal(doc, self) {
 const record = ownRecord(doc, self);
 const isUndecided = doc.phase === "announce" || doc.phase === "schema" || doc.phase === "api";
 if (!record || record.refused || record.state === "left" || !isUndecided) return doc;
 return withOwnRecord(doc, self, {
  ...record,
  refused: true
 });
}

function standingOf(doc, name, {rules: rules, newest: newest}) {
 const record = recordOf(doc, name);
 if (!record) return "missing";
 if (record.state === "left") return "left";
 if (doc.phase === "announce" && isRefusedDowngrade(doc, record, rules)) return "downgrade";
 const isFit = doc.target !== null && fits(record, doc.target, rules);
 const isOlder = newest !== null && compareRanks(record.incarnation, newest) < 0;
 if (isFit) return record.refused ? "stale" : "present";
 return isOlder ? "stale" : relationToOthers(doc, record, rules);
}

function isRefusedDowngrade(doc, record, rules) {
 if (doc.schemaFloor === null || record.allowDowngrade) return false;
 return isBelow(record.schema, doc.schemaFloor, rules);
}

function isBelow(schema, floor, rules) {
 const relation = compareSchema(schema, floor, rules.versionScheme);
 return relation === "behind" || relation === "diverged";
}

function fits(versions, target, rules) {
 return compareVersions(versions, target, rules).relation === "equal";
}

function wantedTarget(doc, rules) {
 const records = judgingRecords(doc, rules);
 const newest = newestRank(records.map(each => each.incarnation));
 if (newest === null) return doc.target;
 return targetOf(records.filter(each => compareRanks(each.incarnation, newest) === 0), rules);
}

function relationToOthers(doc, record, rules) {
 const rivals = judgingRecords(doc, rules).filter(each => compareRanks(each.incarnation, record.incarnation) >= 0).map(each => compareVersions(record, each, rules));
 if (doc.phase !== "announce" && doc.target) rivals.push(compareVersions(record, doc.target, rules));
 return rivals.some(each => each.relation === "diverged") ? "diverged" : "behind";
}

function readyMembers(doc, survey) {
 return doc.expected.filter(name => {
  const record = recordOf(doc, name);
  if (!record || survey.get(name) !== "present") return false;
  return record.state === "api-ready" || record.state === "released" && record.probedIn === doc.epoch;
 });
}

function areAllPresent(survey) {
 return [ ...survey.values() ].every(standing => standing === "present");
}

function committersOf(doc, survey) {
 return doc.expected.flatMap(name => {
  const record = recordOf(doc, name);
  if (!record?.committer || survey.get(name) !== "present") return [];
  if (doc.claim && isSameIncarnation(doc.claim.incarnation, record.incarnation)) return [];
  return [ {
   name: name,
   committer: record.committer
  } ];
 });
}

function blameOf(doc, rules) {
 const survey = surveyBoard(doc, rules);
 const named = (...wanted) => doc.expected.filter(name => wanted.includes(survey.get(name) ?? "missing"));
 const ready = readyMembers(doc, survey);
 const unready = doc.phase === "api" ? named("present").filter(name => !ready.includes(name)) : [];
 const awaited = doc.phase === "schema" ? awaitedCommitters(doc, survey) : [];
 const missing = new Set([ ...named("missing", "left", "stale"), ...awaited, ...unready ]);
 return {
  missing: [ ...missing ].sort(),
  behind: named("behind", "downgrade"),
  diverged: named("diverged")
 };
}

function awaitedCommitters(doc, survey) {
 return doc.claim ? [ doc.claim.member ] : committersOf(doc, survey).map(({name: name}) => name);
}

function judgingRecords(doc, rules) {
 return Object.values(doc.members).filter(record => record.state !== "left" && !(doc.phase === "announce" && isRefusedDowngrade(doc, record, rules)));
}

function parseBoard(text, what) {
 const fields = core.readFields(core.parseJsonObject(text, what), what);
 const format = fields.integer("format", {
  min: 1
 });
 if (format > GATE_FORMAT) throw new core.CorruptRecordError(`${what} has format ${format}, this version of lockstep knows ${GATE_FORMAT}; it was left untouched`, {
  hint: "Let all jobs use the newest version of lockstep."
 });
 const target = optional(fields, "target", parseVersions);
 const expected = strings(fields, "expected");
 const {raw: members} = fields.object("members");
 const strangers = Object.keys(members).filter(name => !expected.includes(name));
 if (strangers.length > 0 || expected.length === 0) throw new core.CorruptRecordError(`${what}.members does not fit expected; the record was left untouched`);
 const reader = fields.object("members");
 const openedAt = fields.optionalString("openedAt");
 return core.deepFreeze({
  format: GATE_FORMAT,
  gate: fields.string("gate"),
  configHash: fields.string("configHash"),
  expected: expected,
  epoch: fields.integer("epoch", {
   min: 1
  }),
  phase: fields.choice("phase", GATE_PHASES),
  target: target,
  schemaFloor: fields.raw["schemaFloor"] === null ? null : fields.string("schemaFloor"),
  claim: optional(fields, "claim", parseClaim),
  lastToken: token(fields, "lastToken", 0),
  commits: objects(fields, "commits").map(parseCommit),
  members: Object.fromEntries(Object.keys(members).map(name => [ name, parseMember(reader.object(name), target) ])),
  failure: optional(fields, "failure", parseFailure),
  ...openedAt === undefined ? {} : {
   openedAt: openedAt
  },
  deadlineMs: fields.integer("deadlineMs", {
   min: 0
  }),
  history: objects(fields, "history").map(parseFailure),
  openEpochs: fields.array("openEpochs").map(epoch => core.readFields({
   epoch: epoch
  }, what).integer("epoch"))
 });
}

function parseVersions(fields) {
 return {
  schema: fields.string("schema"),
  api: strings(fields, "api")
 };
}

function parseIncarnation(fields) {
 return {
  run: fields.string("run"),
  attempt: fields.integer("attempt", {
   min: 1
  }),
  id: fields.string("id")
 };
}

function parseClaim(fields) {
 return {
  member: fields.string("member"),
  incarnation: parseIncarnation(fields.object("incarnation")),
  token: token(fields, "token", 1),
  beat: fields.integer("beat", {
   min: 0
  }),
  leaseMs: fields.integer("leaseMs", {
   min: 1,
   max: core.MAX_LEASE_MS
  }),
  since: fields.string("since")
 };
}

function parseCommit(fields) {
 return {
  token: token(fields, "token", 1),
  member: fields.string("member"),
  incarnation: parseIncarnation(fields.object("incarnation")),
  from: fields.raw["from"] === null ? null : fields.string("from"),
  to: fields.string("to"),
  how: fields.choice("how", [ "ran", "adopted" ]),
  at: fields.string("at")
 };
}

function parseMember(fields, target) {
 const isTarget = target !== null && fields.raw["schema"] === undefined;
 const readyAt = fields.optionalString("readyAt");
 const reason = fields.optionalString("reason");
 const observed = optional(fields, "observed", parseObservation);
 const probe = optional(fields, "probe", each => ({
  kind: each.string("kind"),
  url: each.string("url")
 }));
 return {
  incarnation: parseIncarnation(fields.object("incarnation")),
  ...isTarget ? target : parseVersions(fields),
  state: fields.choice("state", MEMBER_STATES),
  beat: fields.integer("beat", {
   min: 0
  }),
  since: fields.string("since"),
  ...readyAt === undefined ? {} : {
   readyAt: readyAt
  },
  ...has(fields, "committer") ? {
   committer: fields.choice("committer", COMMITTER_KINDS)
  } : {},
  ...fields.raw["allowDowngrade"] === true ? {
   allowDowngrade: true
  } : {},
  ...has(fields, "probedIn") ? {
   probedIn: fields.integer("probedIn", {
    min: 1
   })
  } : {},
  ...reason === undefined ? {} : {
   reason: reason
  },
  ...fields.raw["refused"] === true ? {
   refused: true
  } : {},
  ...observed ? {
   observed: observed
  } : {},
  ...probe ? {
   probe: probe
  } : {}
 };
}

function parseObservation(fields) {
 const schema = fields.optionalString("schema");
 return {
  ...schema === undefined ? {} : {
   schema: schema
  },
  ...has(fields, "api") ? {
   api: strings(fields, "api")
  } : {},
  at: fields.string("at"),
  detail: fields.string("detail")
 };
}

function parseFailure(fields) {
 const attempts = fields.object("attempts");
 return {
  epoch: fields.integer("epoch", {
   min: 1
  }),
  code: fields.choice("code", GATE_FAILURE_CODES),
  by: fields.string("by"),
  missing: strings(fields, "missing"),
  behind: strings(fields, "behind"),
  diverged: strings(fields, "diverged"),
  lost: strings(fields, "lost"),
  message: fields.string("message"),
  at: fields.string("at"),
  attempts: Object.fromEntries(Object.keys(attempts.raw).map(run => [ run, attempts.integer(run, {
   min: 1
  }) ]))
 };
}

function token(fields, name, min) {
 return fields.integer(name, {
  min: min,
  max: core.MAX_TOKEN
 });
}

function has(fields, name) {
 return fields.raw[name] !== undefined && fields.raw[name] !== null;
}

function optional(fields, name, parse) {
 return has(fields, name) ? parse(fields.object(name)) : null;
}

function strings(fields, name) {
 return fields.array(name).map(value => {
  if (typeof value === "string") return value;
  throw new core.CorruptRecordError(`a list of texts holds something else in ${name}; the record was left untouched`);
 });
}

function objects(fields, name) {
 return fields.array(name).map((value, index) => {
  if (core.isJsonObject(value)) return core.readFields(value, `${name}[${index}]`);
  throw new core.CorruptRecordError(`${name}[${index}] should be an object; the record was left untouched`);
 });
}

exports.GATE_EXIT_CODES = GATE_EXIT_CODES;

exports.GATE_FORMAT = GATE_FORMAT;

exports.MAX_MESSAGE = MAX_MESSAGE;

exports.areAllPresent = areAllPresent;

exports.blameOf = blameOf;

exports.committersOf = committersOf;

exports.compareRanks = compareRanks;

exports.compareSchema = compareSchema;

exports.compareVersions = compareVersions;

exports.fits = fits;

exports.highestSchema = highestSchema;

exports.isBelow = isBelow;

exports.isSameIncarnation = isSameIncarnation;

exports.latestAttempts = latestAttempts;

exports.newestRank = newestRank;

exports.ownRecord = ownRecord;

exports.parseApi = parseApi;

exports.parseBoard = parseBoard;

exports.parseSchema = parseSchema;

exports.reaches = reaches;

exports.readyMembers = readyMembers;

exports.recordOf = recordOf;

exports.relationToOthers = relationToOthers;

exports.surveyBoard = surveyBoard;

exports.wantedTarget = wantedTarget;

exports.withOwnRecord = withOwnRecord;

exports.withRefusal = withRefusal;
