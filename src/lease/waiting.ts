/**
 * Waits for ownership: passes of an acquisition, and between them edges, a reconcile timer, the moment of a takeover and
 * the own ticket's renewals. NOT guaranteed: fairness (L13), unless all contenders queue. Invariants: subscribe first, then
 * read; no wait is longer than the reconcile interval (L12); every wait ends with the signal.
 */
import { type Backoff, createBackoff, jitter } from '../base/backoff.ts';
import { type Clock, sleep, throwIfAborted } from '../base/clock.ts';
import { hasCode, type ThrottledError, toError, UnavailableError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Alarm } from './alarm.ts';
import type { HolderInfo, LeaseView } from './contract.ts';
import type { Acquisition, KeyMemory, Pass } from './pass.ts';
import type { Proofs } from './proof.ts';

const RECONCILE_JITTER = 0.15;
const RETRY_BASE_MS = 20;
// The first to wake has almost no delay; each lost race doubles the spread, so that a crowd thins out by itself.
const EDGE_SPREAD_MS = 2;
const TAKEOVER_SPREAD_MS = 50;
const MAX_SUBSCRIBE_MS = 5000;

export interface WaitingSettings {
  key: string;
  clock: Clock;
  logger: Logger;
  acquisition: Acquisition;
  proofs: Proofs;
  memory: KeyMemory;
  pollMs: number;
  signal: AbortSignal;
  seen: LeaseView | null;
  openAlarm: () => Alarm;
  onWait: (holder: HolderInfo) => void;
  /** True ends the wait without ownership. */
  isDone: (view: LeaseView) => boolean;
}

/**
 * Until owned or done. Rejects with the signal's reason, except that a DeadlineError of a wait in which the store never
 * answered becomes UnavailableError; with errors of the store that no later try will change.
 */
export async function waitForOwnership(
  settings: WaitingSettings,
): Promise<(Pass & { kind: 'owned' }) | (Pass & { kind: 'done' })> {
  const { key, clock, acquisition, pollMs, signal } = settings;
  const fresh = createBackoff({ baseMs: RETRY_BASE_MS, capMs: pollMs });
  let backoff: Backoff = fresh;
  let seen = settings.seen;
  let lostRaces = 0;
  let hasAnswered = false;
  let trouble: Error | null = null;
  let holderNonce: string | null = null;
  let alarm: Alarm | null = null;

  try {
    for (;;) {
      throwIfAborted(signal);
      alarm?.clear();
      const pass = await tryPass(settings, seen);
      seen = null;
      if (pass.kind === 'owned' || pass.kind === 'done') return pass;
      if (pass.kind === 'failed') {
        trouble = pass.error;
      } else {
        hasAnswered ||= pass.kind === 'busy' || pass.doubt === null;
      }

      // A lost race is judged at once if the store told who won, otherwise after a little while; so is doubt.
      if (pass.kind !== 'busy') {
        const step = backoff.next(clock.random());
        const isFirst = backoff === fresh;
        backoff = step.backoff;
        if (pass.kind === 'again' && pass.doubt === null) {
          lostRaces += 1;
          seen = pass.seen;
          if (isFirst) continue;
        }
        await sleep(clock, Math.max(step.delayMs, pass.kind === 'failed' ? pass.notBeforeMs : 0), signal);
        continue;
      }

      backoff = fresh;
      if (pass.holderNonce !== holderNonce) {
        holderNonce = pass.holderNonce;
        settings.onWait(pass.holder);
      }
      // Subscribe first, then read again: what changed in between would not be told.
      if (!alarm) {
        alarm = settings.openAlarm();
        if (alarm.hasEdges) {
          await subscribed(alarm, settings);
          continue;
        }
      }
      const rung = alarm;
      void settings.proofs.ask(pass.view, settings.memory, { everyMs: pollMs, signal }).then((isNew) => {
        if (isNew) rung.ring();
      });
      const takeoverMs = pass.retryAfterMs + 1 + clock.random() * Math.min(TAKEOVER_SPREAD_MS, pollMs / 4);
      const reconcileMs = jitter(pollMs, RECONCILE_JITTER, clock.random());
      // At least a millisecond, so that time passes between two looks.
      const delayMs = Math.max(1, Math.ceil(Math.min(reconcileMs, takeoverMs, acquisition.ticketDueInMs())));
      if ((await alarm.wait(delayMs, signal)) === 'rung') {
        const spreadMs = Math.min(EDGE_SPREAD_MS * 2 ** Math.min(lostRaces, 20), pollMs / 4);
        await sleep(clock, spreadMs * clock.random(), signal);
      }
    }
  } catch (thrown) {
    const error = toError(thrown);
    if (!hasCode(error, 'deadline') || hasAnswered || !trouble) throw error;
    throw new UnavailableError(`the store never answered about ${key}: ${trouble.message}`, {
      cause: trouble,
    });
  } finally {
    alarm?.dispose();
  }
}

type TriedPass = Pass | { readonly kind: 'failed'; readonly error: Error; readonly notBeforeMs: number };

/** A pass, with trouble that may go away by itself as a value. */
async function tryPass(settings: WaitingSettings, seen: LeaseView | null): Promise<TriedPass> {
  const { acquisition, clock, logger, key, signal, isDone } = settings;
  try {
    return await acquisition.pass(seen, { signal, isDone });
  } catch (thrown) {
    throwIfAborted(signal);
    const error = toError(thrown);
    if ((error as { retryable?: unknown }).retryable !== true) throw error;
    logger.debug(`waiting for ${key} goes on: ${error.message}`);
    const retryAtMs = hasCode(error, 'throttled') ? (error as ThrottledError).retryAtMs : null;
    return { kind: 'failed', error, notBeforeMs: retryAtMs === null ? 0 : retryAtMs - clock.monotonicMs() };
  }
}

/** Until the subscription stands, but not for ever: without it the reconcile timer goes on alone. */
async function subscribed(alarm: Alarm, { clock, signal }: WaitingSettings): Promise<void> {
  const patience = new AbortController();
  const stop = () => patience.abort();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([alarm.ready, sleep(clock, MAX_SUBSCRIBE_MS, patience.signal)]);
  } catch {
    // Only our own abort ends the sleep early; the loop looks at the signal first.
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
