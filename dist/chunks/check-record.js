import { p as plain, aJ as readFields, ao as parseJsonObject, ab as CorruptRecordError, V as deepFreeze, g as createKey } from "./core.js";

import { H as HEALTH_STATUSES } from "./contract.js";

const MAX_GENERATION = 2 ** 53 - 2 ** 20;

const MAX_TTL_MS = 3650 * 864e5;

const MAX_OUTPUT = 1024;

const MAX_UPSTREAMS = 40;

function checkKey(namespace, name) {
 return createKey(namespace, "check", name);
}

function encodeCheckRecord(record) {
 return JSON.stringify({
  ...record,
  output: plain(record.output, MAX_OUTPUT),
  writer: plain(record.writer),
  upstreams: record.upstreams.slice(0, MAX_UPSTREAMS).map(id => plain(id))
 });
}

function decodeCheckRecord(value, name) {
 const what = `the record of check ${plain(name)}`;
 const fields = readFields(parseJsonObject(value, what), what);
 if (fields.raw["v"] !== 1) throw new CorruptRecordError(`${what} has another format or a newer version; it was left untouched`);
 return deepFreeze({
  v: 1,
  status: fields.choice("status", HEALTH_STATUSES),
  output: plain(fields.string("output"), MAX_OUTPUT),
  writer: plain(fields.string("writer")),
  generation: fields.integer("generation", {
   min: 1,
   max: MAX_GENERATION
  }),
  run: fields.string("run"),
  nonce: fields.string("nonce"),
  setAt: plain(fields.string("setAt")),
  ttlMs: fields.raw["ttlMs"] === null ? null : fields.integer("ttlMs", {
   min: 1,
   max: MAX_TTL_MS
  }),
  upstreams: fields.array("upstreams").map(id => {
   if (typeof id === "string") return plain(id);
   throw new CorruptRecordError(`${what}.upstreams should hold strings; the record was left untouched`);
  })
 });
}

export { checkKey as c, decodeCheckRecord as d, encodeCheckRecord as e };
