/**
 * The store: a compare-and-set register per key. Everything lockstep coordinates stands on this interface and nothing else.
 * NOT guaranteed: order between keys, wall-clock stamps, delivery of every edge, linearizable reads (see capabilities).
 *
 *            compareAndSet(null)            compareAndSet(current revision)
 *   absent ───────────────────────▶ value@r1 ───────────────────────────────▶ value@r2 ─▶ …
 *            any other expectation ─▶ { ok: false }, nothing changed         (delete: only gc, never locks)
 *
 * S1  of N concurrent creates (expect null) exactly one is ok      S2  of N concurrent writes on one revision exactly one is ok
 * S3  a stale revision changes nothing                             S4  A→B→A has a fresh revision each time
 * S5  ok:false is certain; whatever is doubtful throws IndeterminateError
 * S6  every operation settles within its signal's abort or the driver's own deadline + 50 ms, even if the peer is silent
 * S7  an abort after sending throws IndeterminateError, never "not applied"; before sending: the signal's reason
 * S8  one reads one's own write where linearizableReads; elsewhere a get may lag but never invents
 * S9  after `ready` any later change gives at least one edge (or a reconnect edge); edges coalesce and carry no data
 * S10 a watch ends only by abort; a lost connection is reconnected with backoff, and an edge follows
 * S11 close() ends watches, sockets and timers              S12 any UTF-8 value up to 64 KiB; keys as in store/key.ts
 * S13 two keys do not interfere                             S14 a writer killed anywhere leaves the old or the new value
 * S15 no wall clock in any result                           S16 list gives every key that was there throughout, once
 */

/** Opaque; compared for equality only, never ordered. */
export type Revision = string;

export interface Entry {
  /** UTF-8, at most {@link MAX_VALUE_BYTES}. */
  readonly value: string;
  readonly revision: Revision;
}

export const MAX_VALUE_BYTES = 64 * 1024;

export interface StoreCallOptions {
  signal?: AbortSignal | undefined;
}

/** `ok: false` only if the write was certainly not applied; `current` where the driver saw it anyway. */
export type WriteResult =
  | { readonly ok: true; readonly revision: Revision }
  | { readonly ok: false; readonly current?: Entry | null };

/** Edges without data. Subscribe, await `ready`, read, then wait for edges, with a reconcile timer beside them. */
export interface Watch extends AsyncIterable<void> {
  readonly ready: Promise<void>;
}

export interface StoreCapabilities {
  readonly linearizableReads: boolean;
  readonly conditionalDelete: boolean;
  /** Changes are pushed; otherwise the watch polls. */
  readonly nativeWatch: boolean;
  readonly multiKeyTxn: boolean;
  readonly durable: 'fsync' | 'process' | 'remote';
  /** Polling more often than this is unkind to the store. */
  readonly minPollMs: number;
}

/**
 * Errors of every operation: UnavailableError (certainly not applied), IndeterminateError (writes only), AuthError,
 * CorruptRecordError, or the signal's reason. A driver translates its engine's errors at its edge and nowhere else.
 */
export interface Store {
  /** For people: `file:/home/u/.local/state/lockstep`; never with credentials. */
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  get(key: string, options?: StoreCallOptions): Promise<Entry | null>;
  /** `expect: null` means "must not exist". */
  compareAndSet(
    key: string,
    expect: Revision | null,
    value: string,
    options?: StoreCallOptions,
  ): Promise<WriteResult>;
  /** Only where `conditionalDelete`; otherwise UnsupportedError. For gc; locks leave tombstones. */
  delete(key: string, expect: Revision, options?: StoreCallOptions): Promise<WriteResult>;
  /** The keys that start with the prefix, at a segment's border, in no particular order. For status and gc. */
  list(prefix: string, options?: StoreCallOptions): Promise<string[]>;
  /** The caller ends it by aborting the signal. */
  watch(key: string, options: { signal: AbortSignal }): Watch;
  close(): Promise<void>;
}
