import { P as throwIfAborted, b as hasCode, c as toError, f as formatDuration } from "./core.js";

import { c as checkKey, d as decodeCheckRecord } from "./check-record.js";

import { o as observeRevision, u as unchangedForMs, i as isExpired } from "./freshness.js";

import { c as createResult, u as unreachable } from "./result.js";

function createCheckProbe({id: id, name: name, namespace: namespace, store: store, clock: clock}) {
 const key = checkKey(namespace, name);
 let sighting = null;
 const judge = async signal => {
  const askedAtMs = clock.monotonicMs();
  const entry = await store.get(key, {
   signal: signal
  });
  if (entry === null) {
   sighting = null;
   return createResult({
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
  sighting = observeRevision(sighting, look);
  const {status: status, output: output, ttlMs: ttlMs} = decodeCheckRecord(entry.value, name);
  if (ttlMs === null) return createResult({
   status: status,
   detail: output
  });
  const unchangedMs = unchangedForMs(sighting, look);
  if (isExpired(ttlMs, unchangedMs)) return createResult({
   status: "critical",
   detail: `no update for ${formatDuration(ttlMs)}`
  });
  return createResult({
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
   throwIfAborted(signal);
   try {
    return await judge(signal);
   } catch (error) {
    throwIfAborted(signal);
    if (hasCode(error, "corrupt-record")) return createResult({
     status: "critical",
     detail: error.message,
     hint: "fatal"
    });
    return unreachable(`the store did not answer: ${toError(error).message}`);
   }
  },
  async close() {}
 };
}

export { createCheckProbe };
