/**
 * What a run of an alias may do to the record it just read, pure. Each run claims the check with a generation one higher than what
 * it found; from then on a higher generation (or the same one by another run) means that it was replaced.
 * Invariant: no verdict lets a run write over a higher generation, so a stopped, paused or broken run can never write last
 * (consul #5876: an old watcher wrote its stale status after the new one had initialised).
 */
import type { CheckRecord } from '../probe/check-record.ts';
import type { HealthStatus } from '../probe/contract.ts';

/** A run's identity: the nonce of its life, and its generation once it has claimed. */
export interface RunIdentity {
  readonly run: string;
  /** Null before the claim. */
  readonly generation: number | null;
  /** The nonce of the run's last write that is known to have landed; null where none is, or where one is in doubt. */
  readonly nonce: string | null;
}

/** What the alias should say now. */
export interface WantedRecord {
  readonly status: HealthStatus;
  readonly output: string;
  readonly ttlMs: number | null;
  readonly upstreams: readonly string[];
}

export type ClaimVerdict =
  | { readonly kind: 'replaced'; readonly by: CheckRecord }
  /** The record says it already. */
  | { readonly kind: 'keep'; readonly generation: number }
  | { readonly kind: 'write'; readonly generation: number };

/** The verdict on `current` (null where there is no record). `renew` asks for a write even where nothing changed. */
export function decideClaim(
  current: CheckRecord | null,
  identity: RunIdentity,
  { wanted, renew }: { wanted: WantedRecord; renew: boolean },
): ClaimVerdict {
  // A claim of ours whose answer was lost did land after all.
  const isOwn = current !== null && current.run === identity.run;
  if (isOwn) {
    const says = current.status === wanted.status && current.output === wanted.output;
    // An older write of ours is a read that lags; writing then costs a lost compare-and-set and a second look.
    const isLatest = identity.nonce === null || identity.nonce === current.nonce;
    return { kind: says && isLatest && !renew ? 'keep' : 'write', generation: current.generation };
  }
  if (identity.generation === null) return { kind: 'write', generation: (current?.generation ?? 0) + 1 };
  // The record is gone (a store that lost its data): the run still stands and writes it again.
  if (current === null || current.generation < identity.generation)
    return { kind: 'write', generation: identity.generation };
  return { kind: 'replaced', by: current };
}
