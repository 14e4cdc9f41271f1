/**
 * Checks: named health records in a store, and aliases that mirror other health into a check of their own.
 * NOT guaranteed: that an alias is never wrong, only that it is never wrong for long: within one notification where the store
 * pushes, within one reconcile interval everywhere, whatever edges were lost.
 *
 *   subscribe ─▶ ready ─▶ read ─▶ rollup ─▶ claim (generation + 1) ─▶ write ──▶ wait { edge | reconcile timer | abort } ─┐
 *                          ▲                                                                                            │
 *                          └──────────────────── edge or timer: re-read everything ◀────────────────────────────────────┘
 *   the record shows a higher generation ─▶ replaced      abort ─▶ stopped (or timeout)      status wanted ─▶ reached
 *
 * A1  any critical upstream makes it critical, and the output names it       A2  a later passing never overwrites a warning
 * A3  all passing is passing                                                 A7  no check, but the upstream exists: passing
 * A8  no check and no upstream: critical                                     A9  a failed question never says "does not exist"
 * A10 the first failure in a row is tolerated, the second is critical        A11 backoff from the third, capped, reset by success
 * A13 subscribe first, then read, then loop                                  A14 edges carry no data, coalesce, never block
 * A15 every change of an upstream's record gives an edge (the store's S9)    A16 at most one reconcile interval between re-reads
 * A17 the old run has ended before the new one starts; its late write never lands (compare-and-set and generation)
 * A18 records are frozen values, never changed in place
 * A4–A6 and A12 of the specification are consul's alone. Source: hashicorp/consul #5876 and agent/checks/alias.go.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { CheckRecord } from '../probe/check-record.ts';
import type { HealthStatus, Probe } from '../probe/contract.ts';
import type { ObserveHealth } from '../probe/health.ts';
import type { Revision, Store } from '../store/contract.ts';

/** What checks and aliases stand on. All borrowed. */
export interface CheckWorld {
  readonly store: Store;
  readonly namespace: string;
  readonly clock: Clock;
  /** Who writes, as others see it. */
  readonly writer: string;
  readonly logger: Logger;
  /** How long one read or write of the store may take; also bounds a stop. 5 s unless given. */
  readonly operationTimeoutMs?: number;
}

/** What one read of a check told. */
export interface CheckView {
  /** `unknown` where nobody set it; `critical` where its time to live was seen to run out. */
  readonly status: HealthStatus;
  /** One printable line. */
  readonly output: string;
  /** Null where nobody set it. */
  readonly record: CheckRecord | null;
  readonly revision: Revision | null;
}

export interface SetCheckOptions {
  readonly status: Exclude<HealthStatus, 'unknown'>;
  readonly output?: string;
  /** Null (the default): stands until it is set again. */
  readonly ttlMs?: number | null;
  readonly signal?: AbortSignal | undefined;
}

export interface WaitCheckOptions {
  /** `passing` unless given. */
  readonly until?: HealthStatus;
  /** The reconcile interval beside the store's edges. */
  readonly pollMs: number;
  readonly signal: AbortSignal;
  /** Told of the first view and of each one with another status. */
  readonly onChange?: (view: CheckView) => void;
}

/** Plain checks of one store. */
export interface Checks {
  /**
   * Writes a new definition; whatever wrote it before (an alias, say) is replaced. IndeterminateError where even reading back
   * did not say whether it landed; CorruptRecordError leaves a foreign record untouched.
   */
  set(name: string, options: SetCheckOptions): Promise<CheckRecord>;
  /** One read. A single read cannot have observed an expiry, so it shows the stored status. */
  get(name: string, options?: { signal?: AbortSignal | undefined }): Promise<CheckView>;
  /**
   * Waits until the check has the status. Rejects with the signal's reason, or with UnavailableError where the store never
   * answered before that.
   */
  wait(name: string, options: WaitCheckOptions): Promise<CheckView>;
}

/** What an alias is: a name, and what it mirrors. */
export interface AliasDefinition {
  readonly name: string;
  /** Borrowed, with distinct ids; whoever opened them closes them after the alias has ended. */
  readonly upstreams: readonly Probe[];
  /** At most this long between two readings of an upstream and of the alias's own record. */
  readonly reconcileMs: number;
  /** End with `reached` once the alias was written with this status. */
  readonly until?: HealthStatus | undefined;
  /** Renewed in time while the alias lives; null (the default): the last status stands after it ended. */
  readonly ttlMs?: number | null;
}

/** A change of the alias's status that was written, told once. */
export interface AliasTransition {
  readonly name: string;
  /** Null where the check did not exist before. */
  readonly from: HealthStatus | null;
  readonly to: HealthStatus;
  /** The upstream whose change caused it; null where none can be named (an alias that took over another's record). */
  readonly upstream: string | null;
  readonly output: string;
}

export interface AliasWorld extends CheckWorld {
  readonly onTransition?: (transition: AliasTransition) => void;
  /** The rule from results to readings; only the tests of the incident swap it for a broken one. */
  readonly observe?: ObserveHealth;
}

export type AliasOutcome = 'reached' | 'stopped' | 'replaced' | 'timeout';

/** How a run of an alias ended. */
export interface AliasReport {
  readonly outcome: AliasOutcome;
  readonly name: string;
  /** As last written; `unknown` where it never wrote. */
  readonly status: HealthStatus;
  readonly output: string;
  readonly transitions: number;
  /** False where the store never took a write: then the caller may prefer "unavailable" to "timeout". */
  readonly written: boolean;
  /** The last error of the store, where the run ended without getting over it. */
  readonly lastError: Error | null;
}

/** A running alias. */
export interface Alias extends AsyncDisposable {
  readonly name: string;
  /**
   * Settles when the run has ended and nothing of it can write any more. Rejects with what no repetition cures:
   * CorruptRecordError, AuthError, InvariantError, UnsupportedError.
   */
  readonly done: Promise<AliasReport>;
  /** Ends the run and waits for its end: at most one operation of the store. */
  stop(): Promise<AliasReport>;
}
