/**
 * The lease: exclusive (or counted, with permits) ownership of a key for a while, with a fencing token that rises with each
 * change of owner. NOT guaranteed: that the holder still owns it at the moment its effect arrives elsewhere. A paused
 * process may have one effect in flight; a resource that can should refuse older tokens, others need idempotent effects.
 *
 *              acquire: token = lastToken + 1                    renew: seq + 1, same token
 *   free ────────────────────────────────────────▶ held by nonce ───────────┐
 *    ▲                                              │   │  ▲───────────────┘
 *    └── release: CAS on own nonce, tombstone ──────┘   └─▶ takeover: the same (nonce, seq) was SEEN unchanged for
 *        keeps token and note                               leaseMs × 1.01 by the observer's own monotonic clock,
 *                                                           or is as old on the one clock both read, or evidence
 *                                                           that the holder is dead; token + 1
 *
 * Invariants L1–L16 are those of the specification; the ones a maintainer breaks first:
 * L3 the holder counts from BEFORE sending; L4 the observer from AFTER seeing, and never reads remote clocks: a stamp counts
 * only where observer and holder read the very same clock (stamp.ts), which is one clock compared with itself;
 * L6 `signal` fires by local timer without I/O and never un-fires; L9 an unknown outcome is settled by reading one's nonce;
 * L10 release invalidates the handle first and can never free another's lease; L16 a foreign record is never overwritten.
 */
import type { JsonObject } from '../base/codec.ts';
import type { Revision } from '../store/contract.ts';

/** Who holds, as others see it. Everything but `text` is optional context; all of it came from outside when read back. */
export interface HolderInfo {
  readonly text: string;
  readonly host: string;
  readonly pid: number;
  readonly run?: string;
  readonly attempt?: string;
  readonly job?: string;
  readonly url?: string;
}

/** A reading of the clock that the processes of one machine share: the instant from which the writer's validity counts. */
export interface LeaseStamp {
  /** Tells nothing to a reader of another clock. */
  readonly clockId: string;
  /** Whole milliseconds, rounded up. */
  readonly ms: number;
}

/** What each write of a holder or waiter says about its time. */
export interface LeaseMark {
  /** The writer's wall clock. Makes others look longer, or withholds a takeover by stamp; it never gives one. */
  readonly renewedAt: string;
  /** Absent where the writer's machine has no clock that can be named. */
  readonly stamp?: LeaseStamp;
}

/** One owner. `nonce` marks the acquisition, `seq` rises per renewal: together they tell "unchanged" from "alive". */
export interface LeaseEntry extends Partial<LeaseMark> {
  readonly token: number;
  readonly nonce: string;
  readonly seq: number;
  readonly leaseMs: number;
  readonly holder: HolderInfo;
  /** Wall clock of the holder at acquisition; information for people only. */
  readonly since: string;
}

/** A place in the queue with a lease of its own, so that a dead waiter is skipped (order `fifo` only). */
export interface LeaseTicket extends Partial<LeaseMark> {
  readonly nonce: string;
  readonly seq: number;
  readonly leaseMs: number;
  readonly holder: HolderInfo;
}

/** The whole record of a key; never deleted. `note` is carried through by every transition: what the next one should know. */
export interface LeaseRecord {
  readonly v: 1;
  readonly state: 'held' | 'free';
  /** The highest token ever given; never falls. */
  readonly token: number;
  /** At most this many entries; all contenders of a key must agree. */
  readonly permits: number;
  readonly entries: readonly LeaseEntry[];
  readonly tickets: readonly LeaseTicket[];
  readonly note: JsonObject;
}

/** What one read of a key told. */
export interface LeaseView {
  readonly revision: Revision | null;
  /** Null where nobody ever held it. */
  readonly record: LeaseRecord | null;
}

/** Says whether a holder is proven dead. An error or an unknown is no evidence; it only ever shortens a wait. */
export interface Evidence {
  isDead(holder: HolderInfo, options: { signal: AbortSignal }): Promise<boolean>;
}

export interface AcquireOptions {
  /** 1 s to 1 h. */
  leaseMs: number;
  holder: HolderInfo;
  signal?: AbortSignal | undefined;
  /** 1 unless given; every contender of the key must use the same number, otherwise ConfigError. */
  permits?: number;
  /** `fifo` queues with tickets; `any` (the default) is a compare-and-set race. */
  order?: 'any' | 'fifo';
}

export interface TryAcquireOptions extends AcquireOptions {
  /** A view read just before by `read`, which saves the first read. A stale one only costs a retry. */
  seen?: LeaseView;
  /**
   * For callers that would go away when it is busy, and that live too short to see an unchanged record for a whole lease. When
   * whoever is in the way looks dead by the wall clock, it is observed: for at most its lease × 1.01 and one `pollMs`, or until
   * the record changes; then the answer is as if asked at that moment. The wall clock only decides whether to look longer. A
   * holder that renews costs nothing. A deadline of `signal` that passes meanwhile answers busy.
   */
  observeSuspect?: {
    readonly pollMs: number;
    /** Told once, before the observation. */
    readonly onObserve?: (holder: HolderInfo) => void;
  };
}

export type TryAcquireResult =
  | { readonly acquired: true; readonly lease: Lease; readonly view: LeaseView }
  | {
      readonly acquired: false;
      /** Who holds it now (the oldest entry). */
      readonly holder: HolderInfo;
      readonly view: LeaseView;
      /** After this long an unchanged record may be taken over. */
      readonly retryAfterMs: number;
    };

export type ReleaseResult = 'released' | 'already-lost' | 'unknown';

/** Ownership. The one who acquired it releases it; it renews itself (every third of the lease, with jitter) until then. */
export interface Lease extends AsyncDisposable {
  readonly key: string;
  readonly token: number;
  readonly nonce: string;
  /** Aborts with LeaseLostError the moment ownership is no longer certain; never un-fires. */
  readonly signal: AbortSignal;
  /** The record as this handle last wrote it. */
  readonly view: LeaseView;
  /** How long ownership is certain without a renewal; 0 once lost or released. Re-reads the clocks. */
  validForMs(): number;
  /** Throws LeaseLostError unless the lease is certainly held now. Call it right before each effect. */
  assertHeld(): void;
  /** Renews now. Rejects with LeaseLostError when ownership is gone; transient store errors are retried until validity ends. */
  renew(): Promise<void>;
  /**
   * Gives it back. The handle is invalid from the first instant; idempotent. `updateNote` makes the tombstone's note from
   * the present one (pure; may run more than once). `unknown`: the store never said; the lease will run out by itself.
   */
  release(options?: {
    updateNote?: (note: JsonObject) => JsonObject;
    signal?: AbortSignal;
  }): Promise<ReleaseResult>;
}

/** Hands out leases of one store. One per process and store; closing releases nothing, it stops observing and renewing. */
export interface LeaseManager {
  /** One read; CorruptRecordError for a foreign record. */
  read(key: string, options?: { signal?: AbortSignal | undefined }): Promise<LeaseView>;
  /**
   * At most one read and one write where uncontended (one write with `seen`). Never waits for a holder; with `observeSuspect`
   * it finds out whether a silent one is dead.
   */
  tryAcquire(key: string, options: TryAcquireOptions): Promise<TryAcquireResult>;
  /**
   * Waits until owned, by edges with a reconcile timer beside them. Rejects with the signal's reason (DeadlineError,
   * CancelledError); then no ownership is left behind (L14). `onWait` is told each time the holder it waits for changes.
   */
  acquire(
    key: string,
    options: AcquireOptions & {
      pollMs: number;
      seen?: LeaseView;
      onWait?: (holder: HolderInfo) => void;
      /** Looked at after each read while waiting: true ends the wait without ownership (the work is already done). */
      isDone?: (view: LeaseView) => boolean;
    },
  ): Promise<Lease | null>;
  /**
   * Takes a key over by the protocol whoever holds it, and frees it: the next token is higher, the old holder's is refused.
   * Returns the token written, or null where it was free already.
   */
  forceRelease(key: string, options: { holder: HolderInfo; signal?: AbortSignal }): Promise<number | null>;
  close(): Promise<void>;
}
