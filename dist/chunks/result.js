"use strict";

const core = require("./core.js");

function createResult(findings) {
 return core.deepFreeze({
  unreachable: false,
  absent: null,
  hint: null,
  ...findings,
  detail: core.plain(findings.detail)
 });
}

function unreachable(detail, retryAfterMs) {
 return createResult({
  status: "unknown",
  detail: detail,
  unreachable: true,
  ...retryAfterMs === undefined ? {} : {
   retryAfterMs: retryAfterMs
  }
 });
}

function parseDocument(text) {
 try {
  const value = JSON.parse(text);
  return typeof value === "object" && value !== null ? core.deepFreeze(value) : undefined;
 } catch {
  return undefined;
 }
}

exports.createResult = createResult;

exports.parseDocument = parseDocument;

exports.unreachable = unreachable;
