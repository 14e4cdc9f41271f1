"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const checkRecord = require("./check-record.js");

const freshness = require("./freshness.js");

const result = require("./result.js");

function createCheckProbe({id: id, name: name, namespace: namespace, store: store, clock: clock}) {
 const key = checkRecord.checkKey(namespace, name);
 let sighting = null;
 const judge = async signal => {
  const askedAtMs = clock.monotonicMs();
  const entry = await store.get(key, {
   signal: signal
  });
  if (entry === null) {
   sighting = null;
   return result.createResult({
    status: "critical",
    detail: "nobody set it",
    absent: "upstream"
   });
  }
  const look = {
   revision: entry.revision,
   askedAtMs: askedAtMs,
   answeredAtMs: clock.monotonicMs()
  };
  sighting = freshness.observeRevision(sighting, look);
  const {status: status, output: output, ttlMs: ttlMs} = checkRecord.decodeCheckRecord(entry.value, name);
  if (ttlMs === null) return result.createResult({
   status: status,
   detail: output
  });
  const unchangedMs = freshness.unchangedForMs(sighting, look);
  if (freshness.isExpired(ttlMs, unchangedMs)) return result.createResult({
   status: "critical",
   detail: `no update for ${core.formatDuration(ttlMs)}`
  });
  return result.createResult({
   status: status,
   detail: output,
   recheckAfterMs: ttlMs - unchangedMs + 1
  });
 };
 return {
  id: id,
  watch: ({signal: signal}) => store.watch(key, {
   signal: signal
  }),
  async probe({signal: signal}) {
   core.throwIfAborted(signal);
   try {
    return await judge(signal);
   } catch (error) {
    core.throwIfAborted(signal);
    if (core.hasCode(error, "corrupt-record")) return result.createResult({
     status: "critical",
     detail: error.message,
     hint: "fatal"
    });
    return result.unreachable(`the store did not answer: ${core.toError(error).message}`);
   }
  },
  async close() {}
 };
}

exports.createCheckProbe = createCheckProbe;
