/**
 * What a write says about its time, and what a reader may conclude from that alone. Pure. Short-lived processes never see a
 * record unchanged for a whole lease; without this a holder that was killed would keep all of them out for ever.
 *
 * Why a stamp may be believed although remote clocks are not (L4): holder and observer read one and the same kernel clock, so
 * nothing is compared but that clock with itself. The holder counts its validity from the stamp or earlier and stops at
 * stamp + lease − margin; the observer comes at stamp + lease × 1.01 or later; a pause of either only widens the gap.
 *
 * NOT guaranteed: that one name is one clock. Machines resumed from one memory snapshot share the boot id, and the one resumed
 * earlier is ahead: it would take every fresh stamp of the other for an old one. So the wall clock must agree that a lease has
 * passed. It can only withhold: what is withheld is decided by observation, as between machines.
 * Invariant: a stamp from the future, of another clock, or without a time beside it is no evidence.
 */
import type { LeaseMark } from './contract.ts';
import { type Instant, takeoverAfterMs } from './timing.ts';

/** Something that was marked by a write, for its lease. */
export interface Marked extends Partial<LeaseMark> {
  readonly leaseMs: number;
}

/** The mark of a write whose sender counts its validity from `sentAt`: the stamp is that instant, or up to a millisecond later. */
export function markOf(sentAt: Instant): LeaseMark {
  const { machine, wallMs } = sentAt;
  return {
    renewedAt: new Date(wallMs).toISOString(),
    ...(machine === null ? {} : { stamp: { clockId: machine.clockId, ms: Math.ceil(machine.ms) } }),
  };
}

/** How long until the stamp alone allows a takeover; 0 for now, Infinity where it is no evidence. */
export function takeoverByStampInMs(marked: Marked, now: Instant): number {
  const elapsedMs = Math.min(elapsedSinceStampMs(marked, now), wallElapsedMs(marked, now));
  // Not a number, too: a time that cannot be read.
  if (!(elapsedMs >= 0)) return Number.POSITIVE_INFINITY;
  return Math.max(0, takeoverAfterMs(marked.leaseMs) - elapsedMs);
}

/**
 * Whether it is worth observing: the last write looks older than its lease, or no time can be told. One that lies a lease in the
 * future is as odd: the writer's clock was wrong then, and waiting for it to come true could take for ever. Not evidence: clocks
 * that disagree make a living holder suspect, which costs the observer a wait until its next renewal.
 */
export function isSuspect(marked: Marked, now: Instant): boolean {
  const isRecent = Math.abs(wallElapsedMs(marked, now)) <= marked.leaseMs;
  return !isRecent || elapsedSinceStampMs(marked, now) > marked.leaseMs;
}

/** Negative where the stamp says nothing to a reader of this clock. */
function elapsedSinceStampMs({ stamp }: Marked, { machine }: Instant): number {
  const isSameClock = stamp !== undefined && machine !== null && stamp.clockId === machine.clockId;
  return isSameClock ? machine.ms - stamp.ms : Number.NEGATIVE_INFINITY;
}

function wallElapsedMs({ renewedAt }: Marked, { wallMs }: Instant): number {
  return renewedAt === undefined ? Number.NaN : wallMs - Date.parse(renewedAt);
}
