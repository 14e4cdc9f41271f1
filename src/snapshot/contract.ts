/**
 * The shared snapshot: what a sweep came to, told to the other jobs through the cache of GitHub Actions, whose look-ups cost
 * none of the API's budget. Everything is in the NAME of a cache entry, so that a look-up is one request without a download.
 * NOT guaranteed: anything. Entries are seen by the same ref, its base and the default branch only; they are evicted, refused,
 * throttled; anybody who may write the cache can forge one. Invariant: a snapshot can only make a sweep unnecessary; it is
 * never a lock, and it names no app (caches of the default branch can be read from forks).
 */

/** What is counted, in the order of the key. Adding one needs a new format of the key. */
export const COUNT_NAMES = [
  'listed',
  'matched',
  'eligible',
  'deleted',
  'gone',
  'changed',
  'protected',
  'young',
  'unknownAge',
  'kept',
  'forbidden',
  'busy',
  'failed',
  'deferred',
] as const;

export type SnapshotCounts = Readonly<Record<(typeof COUNT_NAMES)[number], number>>;

/** A complete sweep. Others are never told: they make nothing unnecessary. */
export interface Snapshot {
  readonly outcome: 'reaped' | 'clean';
  readonly counts: SnapshotCounts;
  /** The sweeper's wall clock. */
  readonly atMs: number;
}

/** Which sweep is meant. */
export interface SnapshotSubject {
  /** A hash (hex digits) of all that makes two sweeps the same work. */
  readonly identity: string;
  /** How long a sweep counts; a window of the key. More than 0. */
  readonly everyMs: number;
}

/** One place that remembers snapshots. Neither call rejects: whatever goes wrong is a miss, and told to the log at `debug`. */
export interface SnapshotStore {
  /** The newest snapshot of the present window or the one before it; null where none is known in time. */
  read(subject: SnapshotSubject, options: { signal: AbortSignal }): Promise<Snapshot | null>;
  /** True where it was kept. */
  write(subject: SnapshotSubject, snapshot: Snapshot): Promise<boolean>;
}
