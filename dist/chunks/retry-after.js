"use strict";

const MAX_RETRY_AFTER_MS = 36e5;

function parseRetryAfter(headers, wallMs) {
 const text = headers["retry-after"]?.trim();
 if (text === undefined || text === "") return undefined;
 if (/^\d+$/.test(text)) return Math.min(MAX_RETRY_AFTER_MS, Number(text) * 1e3);
 const atMs = Date.parse(text);
 if (!/[a-z]{3}/i.test(text) || Number.isNaN(atMs)) return undefined;
 const serverNowMs = Date.parse(headers["date"] ?? "");
 const nowMs = Number.isNaN(serverNowMs) ? wallMs : serverNowMs;
 return Math.min(MAX_RETRY_AFTER_MS, Math.max(0, atMs - nowMs));
}

exports.parseRetryAfter = parseRetryAfter;
