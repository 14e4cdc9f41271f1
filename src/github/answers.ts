/**
 * What an answer of GitHub means: status, headers and the message of the body → a value. Pure; the only place that knows
 * GitHub's texts. NOT guaranteed: that a text stays as it is. A refusal whose text is not recognised is `unknown`, and
 * whoever asked finds out by reading; nothing here turns an unrecognised answer into "lost" or "denied".
 * Source: REST documentation on rate limits, conditional requests and git references; observed texts of the field.
 */

/** The part of an HTTP answer that is looked at. Header names in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  /** The body's `message`, or the body itself where it is text; empty where there was none. */
  readonly text: string;
}

/** The budget that an answer told of. */
export interface RateView {
  /** `core`, `graphql`, …: each is a budget of its own. */
  readonly resource: string;
  readonly limit: number;
  readonly remaining: number;
  /** Until the budget is whole again, by the server's own clock; null where it cannot be told. */
  readonly resetMs: number | null;
}

export type AnswerVerdict =
  | { readonly kind: 'ok' }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'missing' }
  /** The request was understood and not done (409, 422 and other 4xx). */
  | { readonly kind: 'refused' }
  | { readonly kind: 'unauthorized' }
  /** The credential may not do this. Never a limit: waiting does not help. */
  | { readonly kind: 'forbidden' }
  /** `retryAfterMs` is null where GitHub did not say; then at least a minute. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number | null }
  /** The repository was renamed or moved; not followed, since a followed POST may become a GET. */
  | { readonly kind: 'moved' }
  | { readonly kind: 'unavailable' };

// A 403 of this kind often carries the headers of an exhausted or healthy budget alike, so the text goes first.
const NOT_PERMITTED = /resource not accessible|must have (admin|push|write)|saml enforcement|ip allow list/i;
const LIMIT_TEXT = /rate limit|abuse detection/i;

/** Judges one answer. A 403 is a limit only where headers or text say so. */
export function classifyAnswer(answer: HttpAnswer): AnswerVerdict {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'ok' };
  if (status === 304) return { kind: 'not-modified' };
  if (status >= 300 && status < 400) return { kind: 'moved' };
  if (status === 401) return { kind: 'unauthorized' };
  if (status === 403) {
    if (NOT_PERMITTED.test(answer.text)) return { kind: 'forbidden' };
    const isLimit =
      header(answer, 'retry-after') !== undefined ||
      header(answer, 'x-ratelimit-remaining') === '0' ||
      LIMIT_TEXT.test(answer.text);
    return isLimit ? { kind: 'throttled', retryAfterMs: retryAfterMs(answer) } : { kind: 'forbidden' };
  }
  if (status === 404) return { kind: 'missing' };
  if (status === 408) return { kind: 'unavailable' };
  if (status === 429) return { kind: 'throttled', retryAfterMs: retryAfterMs(answer) };
  return status >= 400 && status < 500 ? { kind: 'refused' } : { kind: 'unavailable' };
}

/** Why git's side refused to make or move a reference. */
export type RefRefusal =
  | 'already-exists'
  | 'not-fast-forward'
  | 'no-such-ref'
  | 'empty-repository'
  | 'unknown';

const REFUSALS: readonly (readonly [RegExp, RefRefusal])[] = [
  [/reference already exists/i, 'already-exists'],
  [/not a fast[ -]?forward/i, 'not-fast-forward'],
  [/reference does not exist/i, 'no-such-ref'],
  [/repository is empty/i, 'empty-repository'],
];

/** Reads a 409 or 422 of git/refs and git/commits. "Reference update failed" and whatever else comes up is `unknown`. */
export function classifyRefRefusal(text: string): RefRefusal {
  return REFUSALS.find(([pattern]) => pattern.test(text))?.[1] ?? 'unknown';
}

/** The rate headers, or null where the server has none (limits are off by default on GitHub Enterprise Server). */
export function parseRate(answer: HttpAnswer): RateView | null {
  const limit = integer(header(answer, 'x-ratelimit-limit'));
  const remaining = integer(header(answer, 'x-ratelimit-remaining'));
  if (limit === null || remaining === null) return null;
  return {
    resource: header(answer, 'x-ratelimit-resource') ?? 'core',
    limit,
    remaining,
    resetMs: resetMs(answer),
  };
}

/** What the `errors` of a GraphQL answer mean; they come inside HTTP 200. `rate` is what its headers told. */
export function classifyGraphQlErrors(errors: readonly unknown[], rate: RateView | null): AnswerVerdict {
  const found = errors.map((error) => {
    const fields = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
    return { type: textOf(fields['type']), text: textOf(fields['message']) };
  });
  if (found.length === 0) return { kind: 'ok' };
  if (found.some(({ type, text }) => /RATE_?LIMIT/i.test(type) || LIMIT_TEXT.test(text))) {
    return { kind: 'throttled', retryAfterMs: rate?.remaining === 0 ? rate.resetMs : null };
  }
  if (
    found.some(({ type, text }) => /^(FORBIDDEN|INSUFFICIENT_SCOPES)$/.test(type) || NOT_PERMITTED.test(text))
  ) {
    return { kind: 'forbidden' };
  }
  if (found.some(({ text }) => /something went wrong|timeout|timed out/i.test(text)))
    return { kind: 'unavailable' };
  return found.every(({ type }) => type === 'NOT_FOUND') ? { kind: 'missing' } : { kind: 'refused' };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function header(answer: HttpAnswer, name: string): string | undefined {
  const value = answer.headers[name];
  return value === undefined ? undefined : String(value).trim();
}

function integer(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The server's clock against itself: the runner's own may be off by minutes. */
function resetMs(answer: HttpAnswer): number | null {
  const resetSeconds = integer(header(answer, 'x-ratelimit-reset'));
  const serverNowMs = Date.parse(header(answer, 'date') ?? '');
  return resetSeconds === null || Number.isNaN(serverNowMs)
    ? null
    : Math.max(0, resetSeconds * 1000 - serverNowMs);
}

/** Retry-After wins (it stands for the secondary limits); else the reset of an exhausted budget; else unsaid. */
function retryAfterMs(answer: HttpAnswer): number | null {
  const text = header(answer, 'retry-after');
  const seconds = integer(text);
  if (seconds !== null) return seconds * 1000;
  const spread = Date.parse(text ?? '') - Date.parse(header(answer, 'date') ?? '');
  if (!Number.isNaN(spread)) return Math.max(0, spread);
  return header(answer, 'x-ratelimit-remaining') === '0' ? resetMs(answer) : null;
}
