/**
 * The handle on an owned entry: how long it is certain, the signal when it no longer is, renewals, the release.
 * NOT guaranteed: that a paused process notices in time; a stopped process runs no timers, so `assertHeld` re-reads both
 * clocks and is called right before each effect (L8). All timers are in the background: a program that has nothing else to
 * do ends, and its lease runs out; whoever holds one for a child has the child to stay alive for.
 * Invariants: invalid once, invalid for ever (L6); invalid before the release is sent (L10); one renewal at a time.
 */

import { jitter } from '../base/backoff.ts';
import { abortReason, type Clock, type Timer } from '../base/clock.ts';
import type { JsonObject } from '../base/codec.ts';
import { InvariantError, LeaseLostError, toError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Lease, LeaseEntry, LeaseView, ReleaseResult } from './contract.ts';
import type { LeaseProtocol } from './protocol.ts';
import type { LeaseRegister } from './register.ts';
import { renewEntry } from './renewal.ts';
import { type Confirmation, type LeaseTiming, readInstant } from './timing.ts';
import { withdraw } from './withdrawal.ts';

const RENEW_JITTER = 0.1;
// Half of a value: the rest is for owners and waiters.
const MAX_NOTE_BYTES = 32 * 1024;

export interface LeaseSettings {
  register: LeaseRegister;
  protocol: LeaseProtocol;
  clock: Clock;
  logger: Logger;
  timing: LeaseTiming;
  /** The record with our entry in it, when that was confirmed. */
  view: LeaseView;
  entry: LeaseEntry;
  confirmation: Confirmation;
  /** Called once: when it is lost, or after a release came to its end. */
  onEnd(): void;
}

/** A lease as the manager sees it. */
export interface ManagedLease extends Lease {
  readonly holder: LeaseEntry['holder'];
  /** Stops renewing and ends validity at once, without a word to the store. */
  abandon(reason: string): void;
}

/** The handle on an entry that was just written. The caller releases it. */
export function createLease(settings: LeaseSettings): ManagedLease {
  const { register, protocol, clock, logger, timing, entry } = settings;
  const { key } = register;
  const own = { nonce: entry.nonce, token: entry.token };
  const controller = new AbortController();
  const { signal } = controller;
  let { view, confirmation } = settings;
  let confirmedSeq = entry.seq;
  let isGone = false;
  let hasEnded = false;
  let renewal: Promise<void> | null = null;
  let release: Promise<ReleaseResult> | null = null;
  let lossTimer: Timer | null = null;
  let renewTimer: Timer | null = null;

  const invalidate = (error: LeaseLostError) => {
    if (signal.aborted) return;
    lossTimer?.cancel();
    renewTimer?.cancel();
    controller.abort(error);
  };
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    settings.onEnd();
  };
  const lose = (error: LeaseLostError) => {
    if (signal.aborted) return;
    logger.warn(error.message);
    invalidate(error);
    end();
  };

  // The only place where time passes judgement; the timers merely see to it that somebody asks.
  const validForMs = (): number => {
    if (signal.aborted) return 0;
    const leftMs = protocol.validForMs(timing, confirmation, readInstant(clock));
    if (leftMs <= 0) lose(new LeaseLostError(`the lease on ${key} is lost: it could not be renewed in time`));
    return leftMs;
  };
  const assertHeld = () => {
    if (validForMs() <= 0) throw abortReason(signal);
  };

  const watchValidity = () => {
    const leftMs = validForMs();
    if (leftMs > 0) lossTimer = clock.startTimer(leftMs, watchValidity, { background: true });
  };
  const scheduleRenewal = () => {
    const sinceMs = clock.monotonicMs() - confirmation.sentAt.monotonicMs;
    const dueMs = Math.max(0, jitter(timing.renewEveryMs, RENEW_JITTER, clock.random()) - sinceMs);
    // A failed renewal has ended the lease; there is nobody here to tell.
    renewTimer = clock.startTimer(dueMs, () => void renew().catch(() => undefined), { background: true });
  };
  const keep = () => {
    lossTimer?.cancel();
    renewTimer?.cancel();
    watchValidity();
    if (!signal.aborted) scheduleRenewal();
  };

  const renewNow = async (): Promise<void> => {
    try {
      const renewed = await renewEntry({
        register,
        protocol,
        clock,
        timing,
        own,
        view,
        confirmedSeq,
        signal,
      });
      view = renewed.view;
      confirmedSeq = renewed.seq;
      // An answer that comes after the end of validity does not bring it back (L6).
      assertHeld();
      confirmation = renewed.confirmation;
      keep();
    } catch (thrown) {
      const error = toError(thrown) as LeaseLostError;
      isGone ||= !signal.aborted;
      lose(error);
      throw error;
    }
  };
  const renew = (): Promise<void> => {
    renewal ??= renewNow().finally(() => {
      renewal = null;
    });
    return renewal;
  };

  const releaseNow = async (options: Parameters<Lease['release']>[0] = {}): Promise<ReleaseResult> => {
    // 1. Invalid from here on, whatever the store will say.
    invalidate(new LeaseLostError(`the lease on ${key} was released`));
    // 2. A renewal under way would be in the tombstone's way.
    await renewal?.catch(() => undefined);
    // 3. Out of the record, unless somebody else is known to have it.
    const note = guardNote(key, options.updateNote);
    try {
      const result: ReleaseResult = isGone
        ? 'already-lost'
        : await withdraw({
            register,
            protocol,
            clock,
            logger,
            own,
            leaseMs: timing.leaseMs,
            callTimeoutMs: timing.callTimeoutMs,
            from: view,
            updateNote: note.update,
            signal: options.signal,
          });
      const trouble = note.trouble();
      if (trouble) throw trouble;
      return result;
    } finally {
      end();
    }
  };

  keep();
  return {
    key,
    token: own.token,
    nonce: own.nonce,
    holder: entry.holder,
    signal,
    get view() {
      return view;
    },
    validForMs,
    assertHeld,
    async renew() {
      assertHeld();
      await renew();
    },
    release(options) {
      release ??= releaseNow(options);
      return release;
    },
    abandon(reason) {
      invalidate(new LeaseLostError(`the lease on ${key} was given up: ${reason}`));
      end();
    },
    async [Symbol.asyncDispose]() {
      await this.release();
    },
  };
}

/** A note that cannot be made must not keep the lease: the tombstone then carries the old one, and the trouble is told after. */
function guardNote(key: string, update: (note: JsonObject) => JsonObject = (note) => note) {
  let trouble: Error | null = null;
  return {
    trouble: () => trouble,
    update: (note: JsonObject): JsonObject => {
      try {
        const next = update(note);
        const bytes = Buffer.byteLength(JSON.stringify(next));
        if (bytes <= MAX_NOTE_BYTES) return next;
        trouble = new InvariantError(
          `the note for ${key} takes ${bytes} bytes, at most ${MAX_NOTE_BYTES} fit`,
        );
      } catch (thrown) {
        trouble = toError(thrown);
      }
      return note;
    },
  };
}
