/**
 * Evidence that a holder is dead, so that a waiter need not wait out its lease. NOT guaranteed: an answer; whoever cannot tell
 * says no. Evidence only ever shortens a wait: safety stays with compare-and-set and the fencing token.
 * The shape is that of the lease's own `Evidence`, repeated since floors do not import sideways.
 */

/** The part of a holder that evidence looks at. It was read from a store: it may be forged, and is checked. */
export interface EvidenceSubject {
  readonly run?: string;
  readonly attempt?: string;
  readonly job?: string;
  readonly url?: string;
}

export interface HolderEvidence {
  /** True only where the holder is proven dead. Never rejects. */
  isDead(holder: EvidenceSubject, options: { signal: AbortSignal }): Promise<boolean>;
}
