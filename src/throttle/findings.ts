/**
 * What one process has found out about the shared bucket and not yet carried into the record: the lowest ceiling, the highest
 * floor, the provider's count before the first block, and slots that will not be spent. Kept between reservations.
 * Invariant: a ceiling is never below what can be there, a floor never above what must be there: a count is a whole number
 * (up to one token more), it was taken before its answer arrived (the refill of the trip more), and what others have reserved
 * may or may not be in it.
 */
import type { RateSignal } from './contract.ts';
import { type Ceiling, outstandingOfOthers, type ReservationFacts } from './reservation.ts';
import { MAX_BLOCK, type SharedRecord } from './shared-record.ts';

/** A store that answers within this, or within this share of the time between two slots, is asked for every single one. */
const QUICK_MS = 5;
const QUICK_SHARE = 1 / 32;
const LEAST_BLOCK = 5;
/** One slot more per block for so much more latency. */
const LATENCY_PER_SLOT_MS = 200;
/** Answers that never come must not make the memory grow. */
const MAX_GRANTS = 1000;

/** How many slots to reserve at once: 1 on a quick store, 5 to 20 on a slow one. */
export function blockSize(latencyMs: number, emissionIntervalMs: number): number {
  if (latencyMs <= Math.max(QUICK_MS, emissionIntervalMs * QUICK_SHARE)) return 1;
  return Math.min(MAX_BLOCK, LEAST_BLOCK + Math.floor(latencyMs / LATENCY_PER_SLOT_MS));
}

interface Rate {
  readonly emissionIntervalMs: number;
  readonly burst: number;
}

/** Tokens at a time of this process's own clock: an anchor that moves must not make time pass. */
interface Count {
  readonly tokens: number;
  readonly atMs: number;
}

/** Findings as a reservation takes them; handed back to {@link Findings.carried}. */
export type Snapshot = Pick<ReservationFacts, 'seed' | 'ceiling' | 'floor' | 'unspent' | 'notBeforeMs'>;

export interface Findings {
  /** Slots of the latest block will not be spent. */
  abandoned(slots: number): void;
  /** A call is sent now; `record` is what is known, null where nothing is. */
  granted(record: SharedRecord | null): void;
  /** The provider was asked how many calls are left, after `record` was read. `tripMs`: how long that took. */
  counted(found: {
    remaining: number;
    record: SharedRecord | null;
    nowMs: number;
    tripMs: number;
    rate: Rate;
  }): void;
  /** The oldest call without an answer was answered. */
  answered(found: {
    signal: RateSignal;
    nowMs: number;
    tripMs: number;
    rate: Rate;
    /** Reserved and not sent yet: surely not in the count. */
    unsent: number;
    /** Sent and not answered: maybe in the count. */
    unanswered: number;
  }): void;
  /** For the next reservation, brought forward to now and set on the shared axis. */
  at(now: { nowMs: number; axisMs: number }): Snapshot;
  /** A reservation carried this into the record. */
  carried(snapshot: Snapshot): void;
}

/** Nothing found yet. `id` is the process's own lane. */
export function createFindings(id: string): Findings {
  let seed: Count | null = null;
  let ceiling: Count | null = null;
  let floor: (Count & { readonly total: number }) | null = null;
  let intervalMs = Number.POSITIVE_INFINITY;
  let unspent = 0;
  // By the own clock.
  let heldUntilMs: number | null = null;
  // What each call without an answer knew of the record when it was sent.
  let grants: ({ total: number; others: number } | null)[] = [];
  let carrying: { seed: Count | null; ceiling: Count | null; floor: Count | null } | null = null;

  const grown = (found: Count, nowMs: number) => found.tokens + (nowMs - found.atMs) / intervalMs;
  const lower = (tokens: number, atMs: number) => {
    if (!ceiling || tokens < grown(ceiling, atMs)) ceiling = { tokens, atMs };
  };
  const raise = (tokens: number, { atMs, total }: { atMs: number; total: number }) => {
    // Of two floors the one taken on fewer reservations is weaker by those made since.
    if (!floor || tokens >= grown(floor, atMs) - (total - floor.total)) floor = { tokens, atMs, total };
  };

  return {
    abandoned(slots) {
      unspent += slots;
    },
    granted(record) {
      grants.push(record && { total: record.total, others: outstandingOfOthers(record, id) });
      if (grants.length > MAX_GRANTS) grants = grants.slice(-MAX_GRANTS / 2);
    },
    counted({ remaining, record, nowMs, tripMs, rate }) {
      intervalMs = rate.emissionIntervalMs;
      seed = { tokens: remaining, atMs: nowMs };
      lower(remaining + 1 + tripMs / intervalMs, nowMs);
      if (record) raise(remaining - outstandingOfOthers(record, id), { atMs: nowMs, total: record.total });
    },
    answered({ signal, nowMs, tripMs, rate, unsent, unanswered }) {
      intervalMs = rate.emissionIntervalMs;
      const grant = grants.shift() ?? null;
      const regained = tripMs / intervalMs;
      if (signal.throttled) {
        lower(1 + regained - unsent, nowMs);
        if (signal.retryAfterMs !== undefined)
          heldUntilMs = Math.max(heldUntilMs ?? 0, nowMs + signal.retryAfterMs);
      } else if (signal.remaining !== undefined) {
        lower(signal.remaining + 1 + regained - unsent, nowMs);
        const least = grant && signal.remaining - grant.others - unsent - unanswered;
        if (grant && least !== null) raise(least, { atMs: nowMs, total: grant.total });
      }
    },
    at({ nowMs, axisMs }) {
      carrying = { seed, ceiling, floor };
      const set = (found: Count): Ceiling => ({ tokens: grown(found, nowMs), atMs: axisMs });
      return {
        seed: seed && set(seed),
        ceiling: ceiling && set(ceiling),
        floor: floor && { ...set(floor), total: floor.total },
        unspent,
        notBeforeMs: heldUntilMs !== null && heldUntilMs > nowMs ? heldUntilMs - nowMs + axisMs : null,
      };
    },
    carried(snapshot) {
      // What was found while the write was under way is for the next one.
      if (carrying?.seed === seed) seed = null;
      if (carrying?.ceiling === ceiling) ceiling = null;
      if (carrying?.floor === floor) floor = null;
      unspent = Math.max(0, unspent - snapshot.unspent);
    },
  };
}
