import { V as deepFreeze, p as plain } from "./core.js";

function createResult(findings) {
 return deepFreeze({
  unreachable: false,
  absent: null,
  hint: null,
  ...findings,
  detail: plain(findings.detail)
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
  return typeof value === "object" && value !== null ? deepFreeze(value) : undefined;
 } catch {
  return undefined;
 }
}

export { createResult as c, parseDocument as p, unreachable as u };
