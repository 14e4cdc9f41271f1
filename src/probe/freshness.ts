/**
 * Whether a record with a time to live was renewed, judged by the reader's own observation of an unchanged revision on its
 * own monotonic clock; stamps of other machines are never compared. Pure.
 * NOT guaranteed: a single read cannot know an age, so a reader that just came sees the stored status.
 */
import type { Revision } from '../store/contract.ts';

/** Since when this reader has known this revision. */
export interface Sighting {
  readonly revision: Revision;
  /** Monotonic; when the answer that first showed it had arrived. */
  readonly seenAtMs: number;
}

/** One read: when it was sent, when its answer had arrived, which revision it showed. */
export interface Look {
  readonly revision: Revision;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

/** The sighting after a look: the same one while the revision stands, a new one when it moved. */
export function observeRevision(sighting: Sighting | null, look: Look): Sighting {
  if (sighting?.revision === look.revision) return sighting;
  return Object.freeze({ revision: look.revision, seenAtMs: look.answeredAtMs });
}

/**
 * For how long the revision is known to have stood unchanged: from after the first answer to before the latest question,
 * so that neither round trip counts against the writer.
 */
export function unchangedForMs(sighting: Sighting, look: Look): number {
  return sighting.revision === look.revision ? Math.max(0, look.askedAtMs - sighting.seenAtMs) : 0;
}

/** True once nobody renewed it for longer than its time to live; never without one. */
export function isExpired(ttlMs: number | null, unchangedMs: number): boolean {
  return ttlMs !== null && unchangedMs > ttlMs;
}
