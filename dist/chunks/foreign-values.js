"use strict";

const core = require("./core.js");

const MAX_ID = 1024;

const STATES = [ "ready", "transitional", "deleting", "delete-failed" ];

const FAILURES = [ "unauthorized", "forbidden", "throttled", "ambiguous", "invalid" ];

const MAX_WAIT_MS = 864e5;

function readApp(value, form) {
 if (!core.isJsonObject(value)) return {
  ok: false,
  problem: "is not an object"
 };
 const {id: id, name: name, version: version, state: state, inScope: inScope, parentId: parentId} = value;
 const isProtected = value[form.protectedField];
 const createdAtMs = form.createdAtMs(value);
 if (typeof id !== "string" || id === "" || id.length > MAX_ID || id.includes("\0")) return wrong("id", "a text that is not empty");
 if (typeof name !== "string" || name.includes("\0")) return wrong("name", "a text");
 if (createdAtMs === undefined) return wrong("createdAt", "a time or absent");
 if (!isAbsent(version) && typeof version !== "string") return wrong("version", "a text or absent");
 if (!isAbsent(parentId) && typeof parentId !== "string") return wrong("parentId", "a text or absent");
 if (!isAbsent(isProtected) && typeof isProtected !== "boolean") return wrong(form.protectedField, "true, false or absent");
 if (!isAbsent(inScope) && typeof inScope !== "boolean") return wrong("inScope", "true, false or absent");
 const known = isAbsent(state) ? "ready" : STATES.find(each => each === state);
 if (known === undefined) return wrong("state", `one of ${STATES.join(", ")}`);
 return {
  ok: true,
  app: Object.freeze({
   id: id,
   name: name,
   createdAtMs: createdAtMs,
   version: version ?? null,
   state: known,
   isProtected: isProtected ?? false,
   inScope: inScope ?? true,
   parentId: parentId ?? null
  })
 };
}

function wrong(field, expected) {
 return {
  ok: false,
  problem: `has the field ${field}, which should be ${expected}`
 };
}

function isAbsent(value) {
 return value === undefined || value === null;
}

function isFailureKind(kind) {
 return FAILURES.some(each => each === kind);
}

function createFailure(kind, meta, detail) {
 return {
  kind: kind,
  meta: meta,
  detail: core.plain(detail)
 };
}

function readAnswerMeta(value) {
 if (!core.isJsonObject(value)) return {
  status: null
 };
 const {status: status, requestId: requestId, serverNowMs: serverNowMs, rate: rate} = value;
 return {
  status: typeof status === "number" && Number.isInteger(status) ? status : null,
  ...typeof requestId === "string" ? {
   requestId: core.plain(requestId, 64)
  } : {},
  ...isTime(serverNowMs) ? {
   serverNowMs: serverNowMs
  } : {},
  ...core.isJsonObject(rate) ? {
   rate: readRate(rate)
  } : {}
 };
}

function readRate(rate) {
 const {throttled: throttled, retryAfterMs: retryAfterMs, remaining: remaining, limit: limit, resetMs: resetMs} = rate;
 return {
  throttled: throttled === true,
  ...isWait(retryAfterMs) ? {
   retryAfterMs: retryAfterMs
  } : {},
  ...isCount(remaining) ? {
   remaining: remaining
  } : {},
  ...isCount(limit) ? {
   limit: limit
  } : {},
  ...isWait(resetMs) ? {
   resetMs: resetMs
  } : {}
 };
}

function isWait(value) {
 return typeof value === "number" && value >= 0 && value <= MAX_WAIT_MS;
}

function isCount(value) {
 return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isTime(value) {
 return typeof value === "number" && Number.isFinite(value) && value > 0;
}

exports.createFailure = createFailure;

exports.isAbsent = isAbsent;

exports.isFailureKind = isFailureKind;

exports.isWait = isWait;

exports.readAnswerMeta = readAnswerMeta;

exports.readApp = readApp;
