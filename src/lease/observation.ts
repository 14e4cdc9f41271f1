/**
 * What one observer has seen of a key's owners and waiters, and since when on its own monotonic clock. A value; pure.
 * NOT guaranteed: that an unchanged beat means a dead holder; the compare-and-set on what was seen is the judge (L4).
 * Invariant: `sinceMs` is read AFTER the answer that first showed the beat, and no stamp of another machine enters here.
 */
import { takeoverAfterMs } from './timing.ts';

/** A sign of life: `nonce` says who, `seq` rises as long as it lives. Entries and tickets are such; gates have their own. */
export interface Beat {
  readonly nonce: string;
  readonly seq: number;
  readonly leaseMs: number;
}

interface Sighting {
  readonly seq: number;
  readonly sinceMs: number;
  readonly lastSeenMs: number;
  readonly leaseMs: number;
}

/** Beats by nonce. Created empty, replaced by {@link observe}. */
export type Observation = ReadonlyMap<string, Sighting>;

export const NOTHING_OBSERVED: Observation = new Map();

/**
 * The observation after an answer that came at `nowMs` and showed these beats. A lower `seq` than one already seen is a
 * stale read and changes nothing; a nonce that vanished is kept for two leases, since a stale read may hide it for a while.
 */
export function observe(observation: Observation, beats: readonly Beat[], nowMs: number): Observation {
  const next = new Map<string, Sighting>();
  for (const [nonce, sighting] of observation) {
    if (nowMs - sighting.lastSeenMs <= 2 * sighting.leaseMs) next.set(nonce, sighting);
  }
  for (const { nonce, seq, leaseMs } of beats) {
    const known = observation.get(nonce);
    const isKnown = known !== undefined && known.seq >= seq;
    next.set(nonce, {
      seq: isKnown ? known.seq : seq,
      sinceMs: isKnown ? known.sinceMs : nowMs,
      lastSeenMs: nowMs,
      leaseMs,
    });
  }
  return next;
}

/** How long until a beat that stays unchanged may be replaced; 0 for now, the whole wait where it was never seen. */
export function takeoverInMs(observation: Observation, beat: Beat, nowMs: number): number {
  const known = observation.get(beat.nonce);
  if (known === undefined || known.seq !== beat.seq) return takeoverAfterMs(beat.leaseMs);
  return Math.max(0, takeoverAfterMs(beat.leaseMs) - (nowMs - known.sinceMs));
}
