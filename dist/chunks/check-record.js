"use strict";

const core = require("./core.js");

const contract = require("./contract.js");

const MAX_GENERATION = 2 ** 53 - 2 ** 20;

const MAX_TTL_MS = 3650 * 864e5;

const MAX_OUTPUT = 1024;

const MAX_UPSTREAMS = 40;

function checkKey(namespace, name) {
 return core.createKey(namespace, "check", name);
}

function encodeCheckRecord(record) {
 return JSON.stringify({
  ...record,
  output: core.plain(record.output, MAX_OUTPUT),
  writer: core.plain(record.writer),
  upstreams: record.upstreams.slice(0, MAX_UPSTREAMS).map(id => core.plain(id))
 });
}

function decodeCheckRecord(value, name) {
 const what = `the record of check ${core.plain(name)}`;
 const fields = core.readFields(core.parseJsonObject(value, what), what);
 if (fields.raw["v"] !== 1) throw new core.CorruptRecordError(`${what} has another format or a newer version; it was left untouched`);
 return core.deepFreeze({
  v: 1,
  status: fields.choice("status", contract.HEALTH_STATUSES),
  output: core.plain(fields.string("output"), MAX_OUTPUT),
  writer: core.plain(fields.string("writer")),
  generation: fields.integer("generation", {
   min: 1,
   max: MAX_GENERATION
  }),
  run: fields.string("run"),
  nonce: fields.string("nonce"),
  setAt: core.plain(fields.string("setAt")),
  ttlMs: fields.raw["ttlMs"] === null ? null : fields.integer("ttlMs", {
   min: 1,
   max: MAX_TTL_MS
  }),
  upstreams: fields.array("upstreams").map(id => {
   if (typeof id === "string") return core.plain(id);
   throw new core.CorruptRecordError(`${what}.upstreams should hold strings; the record was left untouched`);
  })
 });
}

exports.checkKey = checkKey;

exports.decodeCheckRecord = decodeCheckRecord;

exports.encodeCheckRecord = encodeCheckRecord;
