"use strict";

const NOT_PERMITTED = /resource not accessible|must have (admin|push|write)|saml enforcement|ip allow list/i;

const LIMIT_TEXT = /rate limit|abuse detection/i;

function classifyAnswer(answer) {
 const {status: status} = answer;
 if (status >= 200 && status < 300) return {
  kind: "ok"
 };
 if (status === 304) return {
  kind: "not-modified"
 };
 if (status >= 300 && status < 400) return {
  kind: "moved"
 };
 if (status === 401) return {
  kind: "unauthorized"
 };
 if (status === 403) {
  if (NOT_PERMITTED.test(answer.text)) return {
   kind: "forbidden"
  };
  const isLimit = header(answer, "retry-after") !== undefined || header(answer, "x-ratelimit-remaining") === "0" || LIMIT_TEXT.test(answer.text);
  return isLimit ? {
   kind: "throttled",
   retryAfterMs: retryAfterMs(answer)
  } : {
   kind: "forbidden"
  };
 }
 if (status === 404) return {
  kind: "missing"
 };
 if (status === 408) return {
  kind: "unavailable"
 };
 if (status === 429) return {
  kind: "throttled",
  retryAfterMs: retryAfterMs(answer)
 };
 return status >= 400 && status < 500 ? {
  kind: "refused"
 } : {
  kind: "unavailable"
 };
}

const REFUSALS = [ [ /reference already exists/i, "already-exists" ], [ /not a fast[ -]?forward/i, "not-fast-forward" ], [ /reference does not exist/i, "no-such-ref" ], [ /repository is empty/i, "empty-repository" ] ];

function classifyRefRefusal(text) {
 return REFUSALS.find(([pattern]) => pattern.test(text))?.[1] ?? "unknown";
}

function parseRate(answer) {
 const limit = integer(header(answer, "x-ratelimit-limit"));
 const remaining = integer(header(answer, "x-ratelimit-remaining"));
 if (limit === null || remaining === null) return null;
 return {
  resource: header(answer, "x-ratelimit-resource") ?? "core",
  limit: limit,
  remaining: remaining,
  resetMs: resetMs(answer)
 };
}

function classifyGraphQlErrors(errors, rate) {
 const found = errors.map(error => {
  const fields = typeof error === "object" && error !== null ? error : {};
  return {
   type: textOf(fields["type"]),
   text: textOf(fields["message"])
  };
 });
 if (found.length === 0) return {
  kind: "ok"
 };
 if (found.some(({type: type, text: text}) => /RATE_?LIMIT/i.test(type) || LIMIT_TEXT.test(text))) {
  return {
   kind: "throttled",
   retryAfterMs: rate?.remaining === 0 ? rate.resetMs : null
  };
 }
 if (found.some(({type: type, text: text}) => /^(FORBIDDEN|INSUFFICIENT_SCOPES)$/.test(type) || NOT_PERMITTED.test(text))) {
  return {
   kind: "forbidden"
  };
 }
 if (found.some(({text: text}) => /something went wrong|timeout|timed out/i.test(text))) return {
  kind: "unavailable"
 };
 return found.every(({type: type}) => type === "NOT_FOUND") ? {
  kind: "missing"
 } : {
  kind: "refused"
 };
}

function textOf(value) {
 return typeof value === "string" ? value : "";
}

function header(answer, name) {
 const value = answer.headers[name];
 return value === undefined ? undefined : String(value).trim();
}

function integer(text) {
 return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function resetMs(answer) {
 const resetSeconds = integer(header(answer, "x-ratelimit-reset"));
 const serverNowMs = Date.parse(header(answer, "date") ?? "");
 return resetSeconds === null || Number.isNaN(serverNowMs) ? null : Math.max(0, resetSeconds * 1e3 - serverNowMs);
}

function retryAfterMs(answer) {
 const text = header(answer, "retry-after");
 const seconds = integer(text);
 if (seconds !== null) return seconds * 1e3;
 const spread = Date.parse(text ?? "") - Date.parse(header(answer, "date") ?? "");
 if (!Number.isNaN(spread)) return Math.max(0, spread);
 return header(answer, "x-ratelimit-remaining") === "0" ? resetMs(answer) : null;
}

exports.classifyAnswer = classifyAnswer;

exports.classifyGraphQlErrors = classifyGraphQlErrors;

exports.classifyRefRefusal = classifyRefRefusal;

exports.parseRate = parseRate;
