/**
 * What the client knows of GitHub's limits: the budgets that the headers told, and until when nothing may be sent. Going on
 * sending while limited lengthens the ban, so a request that comes too early fails here without leaving the process.
 * NOT guaranteed: that no answer is a 429; other jobs spend the same budget, and some limits are not published.
 */
import { createBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { ThrottledError } from '../base/errors.ts';
import { type HttpAnswer, parseRate, type RateView } from './answers.ts';

/** What was sent so far. Counted against the hourly budget: `sent - notModified`. */
export interface RequestCounts {
  readonly sent: number;
  readonly notModified: number;
  readonly writes: number;
  readonly throttled: number;
  /** Answers that said that this token may not do what was asked. */
  readonly forbidden: number;
}

export interface Limits {
  /** Throws ThrottledError while the time that was told has not come; otherwise counts one request. */
  admit(method: string): void;
  /** Takes in the headers of an answer. */
  observe(answer: HttpAnswer): void;
  /** An answer was a limit: nothing is admitted before it ends. Null where GitHub did not say when. */
  block(retryAfterMs: number | null, what: string): ThrottledError;
  /** An answer was a refusal for want of permission. */
  forbid(): void;
  /** How far the server's clock is ahead of this machine's, to the second; null before the first answer. */
  readonly serverAheadMs: number | null;
  /** An answer was none: the next unsaid wait starts at a minute again. */
  clear(): void;
  rate(resource: string): RateView | null;
  readonly counts: RequestCounts;
}

// Where a secondary limit names no time, GitHub asks for at least a minute, then longer each time.
const UNSAID_WAIT = createBackoff({ baseMs: 60_000, capMs: 15 * 60_000 });

/** Limits of one token. */
export function createLimits(clock: Clock): Limits {
  const rates = new Map<string, RateView>();
  const counts = { sent: 0, notModified: 0, writes: 0, throttled: 0, forbidden: 0 };
  let blockedUntilMs = Number.NEGATIVE_INFINITY;
  let unsaidWait = UNSAID_WAIT;
  let serverAheadMs: number | null = null;

  return {
    admit(method) {
      if (clock.monotonicMs() < blockedUntilMs) {
        throw new ThrottledError('GitHub asked to wait; nothing was sent', { retryAtMs: blockedUntilMs });
      }
      counts.sent += 1;
      if (method !== 'GET') counts.writes += 1;
    },
    observe(answer) {
      const rate = parseRate(answer);
      if (rate !== null) rates.set(rate.resource, rate);
      if (answer.status === 304) counts.notModified += 1;
      const serverMs = Date.parse(String(answer.headers['date'] ?? ''));
      if (!Number.isNaN(serverMs)) serverAheadMs = serverMs - clock.wallMs();
    },
    block(retryAfterMs, what) {
      counts.throttled += 1;
      let waitMs = retryAfterMs;
      if (waitMs === null) {
        // The ceiling itself, not a random part of it: the first wait must not be shorter than a minute.
        const step = unsaidWait.next(1);
        unsaidWait = step.backoff;
        waitMs = step.delayMs;
      }
      blockedUntilMs = Math.max(blockedUntilMs, clock.monotonicMs() + waitMs);
      return new ThrottledError(`GitHub limits requests; ${what} was not done`, {
        retryAtMs: blockedUntilMs,
        hint: 'fewer jobs at a time, a longer --poll, or an App token with a budget of its own',
      });
    },
    forbid() {
      counts.forbidden += 1;
    },
    get serverAheadMs() {
      return serverAheadMs;
    },
    clear() {
      unsaidWait = UNSAID_WAIT;
    },
    rate: (resource) => rates.get(resource) ?? null,
    get counts() {
      return { ...counts };
    },
  };
}
