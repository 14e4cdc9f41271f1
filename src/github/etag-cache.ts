/**
 * What was read before, by path, with the ETag to ask whether it still holds. A 304 does not count against the hourly budget.
 * GitHub's ETags belong to one token, so the cache belongs to one client and is never shared between jobs.
 */

export interface RememberedRead {
  /** As the server gave it, quotes and a leading W/ included. */
  readonly etag: string;
  readonly data: unknown;
}

export interface EtagCache {
  get(path: string): RememberedRead | undefined;
  set(path: string, read: RememberedRead): void;
}

/** Keeps the `limit` paths used last. */
export function createEtagCache(limit: number): EtagCache {
  const reads = new Map<string, RememberedRead>();
  return {
    get(path) {
      const read = reads.get(path);
      // A Map keeps the order of insertion: moved to the end, the first one is the one unused for longest.
      if (read !== undefined && reads.delete(path)) reads.set(path, read);
      return read;
    },
    set(path, read) {
      reads.delete(path);
      reads.set(path, read);
      const oldest = reads.keys().next();
      if (reads.size > limit && !oldest.done) reads.delete(oldest.value);
    },
  };
}
