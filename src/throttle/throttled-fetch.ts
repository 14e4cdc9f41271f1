/**
 * Layer 3 for a user's own calls: `fetch` that waits for a slot of the throttle before each request, tells it what each answer
 * said, and sends again what was refused for the rate. A reserve in the throttle's settings keeps a share for the build.
 * NOT guaranteed: that a request is sent once. It is sent again only after a 429 (or a 403 that asks to wait), which was not
 * applied, and only where its body can be sent again.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { RateSignal, Throttle } from './contract.ts';

/** Refused this often, the last refusal is handed to the caller. */
const DEFAULT_ATTEMPTS = 6;
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

export interface ThrottledFetchOptions {
  /** What sends; the global `fetch` unless given. */
  readonly fetch?: typeof fetch;
  /** How often a refused request is sent at most; 6 unless given, 1 never sends again. */
  readonly attempts?: number;
  /** The machine's own unless given; reads `Retry-After` dates where the answer has no `Date`. */
  readonly clock?: Clock;
  /** Reads an answer's headers another way, for an API with names of its own. */
  readonly readSignal?: (response: Response) => RateSignal;
}

/**
 * A `fetch` paced by the throttle. It rejects as `fetch` does, and with the reason of `init.signal` while it waits for a slot.
 *
 * @example
 * const throttle = createThrottle({ settings: { emissionIntervalMs: 800, burst: 4500, reserve: 100 } });
 * const paced = throttledFetch(throttle);
 * const response = await paced('https://api.heroku.com/apps', { headers, signal: AbortSignal.timeout(60_000) });
 */
export function throttledFetch(throttle: Throttle, options: ThrottledFetchOptions = {}): typeof fetch {
  const { attempts = DEFAULT_ATTEMPTS, clock = systemClock } = options;
  const send = options.fetch ?? fetch;
  const read = options.readSignal ?? ((response: Response) => readRateSignal(response, clock.wallMs()));
  return async (input, init) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : new AbortController().signal);
    for (let attempt = 1; ; attempt += 1) {
      await throttle.take({ signal });
      const isLast = attempt >= attempts || !canBeRepeated(input, init);
      let response: Response;
      try {
        // A request is spent by sending; its copy is what goes out.
        response = await send(input instanceof Request && !isLast ? input.clone() : input, init);
      } catch (error) {
        // Without an answer nothing is known of the budget, but the call is no longer under way.
        throttle.observe({ throttled: false });
        throw error;
      }
      const told = read(response);
      throttle.observe(told);
      if (!told.throttled || isLast) return response;
      await response.body?.cancel();
    }
  };
}

/** What an answer's headers say about the budget: `Retry-After` in both forms, `RateLimit-*` and `X-RateLimit-*`. */
export function readRateSignal(
  response: Pick<Response, 'status' | 'headers'>,
  nowWallMs: number,
): RateSignal {
  const { status, headers } = response;
  const header = (name: string) => headers.get(`ratelimit-${name}`) ?? headers.get(`x-ratelimit-${name}`);
  const serverNowMs = Date.parse(headers.get('date') ?? '');
  const nowMs = Number.isFinite(serverNowMs) ? serverNowMs : nowWallMs;
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), nowMs);
  const remaining = parseCount(header('remaining'));
  const limit = parseCount(header('limit'));
  const resetMs = parseReset(header('reset'), nowMs);
  const isToldToWait = retryAfterMs !== undefined || remaining === 0;
  return {
    throttled: status === 429 || (status === 403 && isToldToWait),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(remaining === undefined ? {} : { remaining }),
    ...(limit === undefined ? {} : { limit }),
    ...(resetMs === undefined ? {} : { resetMs }),
  };
}

function parseRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return waitMs >= 0 && waitMs <= MAX_RETRY_AFTER_MS ? waitMs : undefined;
}

function parseCount(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Seconds from now, or since 1970 where the number is too large for a wait. */
function parseReset(text: string | null, nowMs: number): number | undefined {
  if (text === null || !/^\d{1,12}$/.test(text)) return undefined;
  const seconds = Number(text);
  const waitMs = seconds > 1e9 ? seconds * 1000 - nowMs : seconds * 1000;
  return waitMs >= 0 && waitMs <= MAX_RETRY_AFTER_MS ? waitMs : undefined;
}

/** A stream is gone once it was sent. */
function canBeRepeated(input: Parameters<typeof fetch>[0], init: Parameters<typeof fetch>[1]): boolean {
  const body = init?.body;
  if (body === undefined || body === null) return !(input instanceof Request) || !input.bodyUsed;
  return !(body instanceof ReadableStream);
}
