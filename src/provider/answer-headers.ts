/**
 * What an HTTP answer's headers tell about the server's clock and the budget of calls. Pure. A header that cannot be read
 * counts as not sent: a guess here would become a wrong wait or a wrong age.
 */
import type { AnswerMeta } from './contract.ts';
import type { HttpExchange, HttpHeaders } from './http-request.ts';

const MAX_RETRY_AFTER_MS = 24 * 3_600_000;
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** An HTTP date (RFC 9110, the one form servers may send) as epoch ms; undefined for anything else. */
export function parseHttpDate(text: string | undefined): number | undefined {
  if (text === undefined || !IMF_FIXDATE.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? ms : undefined;
}

/**
 * `Retry-After` in ms from now: whole seconds, or a date taken relative to the server's own clock (`serverNowMs`; without it
 * the date says nothing). Undefined where it is absent, negative, unreadable or beyond a day.
 */
export function parseRetryAfter(
  text: string | undefined,
  serverNowMs: number | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  const atMs = parseHttpDate(text);
  const waitMs = /^\d{1,9}$/.test(text)
    ? Number(text) * 1000
    : atMs !== undefined && serverNowMs !== undefined
      ? atMs - serverNowMs
      : Number.NaN;
  return waitMs >= 0 && waitMs <= MAX_RETRY_AFTER_MS ? waitMs : undefined;
}

/** A count in a header; undefined unless it is a whole number. */
export function parseCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The part of an answer beside its content. `isThrottled` is the provider's own classification. */
export function readMeta(exchange: HttpExchange, isThrottled: boolean): AnswerMeta {
  const { headers, status } = exchange;
  const serverNowMs = parseHttpDate(headers['date']);
  const requestId = headers['request-id'] ?? headers['x-request-id'];
  return {
    status,
    ...(requestId === undefined ? {} : { requestId }),
    ...(serverNowMs === undefined ? {} : { serverNowMs }),
    ...(status === null ? {} : { rate: readRate(headers, isThrottled, serverNowMs) }),
  };
}

function readRate(headers: HttpHeaders, throttled: boolean, serverNowMs: number | undefined) {
  const retryAfterMs = parseRetryAfter(headers['retry-after'], serverNowMs);
  const remaining = parseCount(headers['ratelimit-remaining']);
  const limit = parseCount(headers['ratelimit-limit']);
  return {
    throttled,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(remaining === undefined ? {} : { remaining }),
    ...(limit === undefined ? {} : { limit }),
  };
}
