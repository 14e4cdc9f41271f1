/**
 * May the holder of the claim be replaced, as far as this observer can tell? The waiting is the lease's own decision
 * (`lease/observation.ts`): unchanged for the holder's lease on the observer's monotonic clock; it exists once.
 */
import { type Beat, type Observation, takeoverInMs } from '../lease/observation.ts';
import type { GateClaim } from './contract.ts';
import type { HolderFate } from './event.ts';

/** The claim's sign of life. Each token is an acquisition of its own. */
export function claimBeat(claim: GateClaim): Beat {
  return { nonce: `${claim.incarnation.id}#${claim.token}`, seq: claim.beat, leaseMs: claim.leaseMs };
}

export interface HolderSighting {
  readonly observation: Observation;
  /** The observer's monotonic clock. */
  readonly nowMs: number;
  /** Incarnation ids whose job the jobs API reports as completed. Errors and unknowns are not in it. */
  readonly endedIds: ReadonlySet<string>;
  /** False where holders do not beat on this store: then only proof counts, never a lease. */
  readonly hasBeats: boolean;
}

/** The judge for `ReduceContext.judgeHolder`. */
export function judgeHolder(claim: GateClaim, sighting: HolderSighting): HolderFate {
  if (sighting.endedIds.has(claim.incarnation.id)) return 'dead';
  if (!sighting.hasBeats) return 'held';
  return takeoverInMs(sighting.observation, claimBeat(claim), sighting.nowMs) === 0 ? 'expired' : 'held';
}
