/** What passes between the snapshot and the thread that runs the cache client. Plain values only. */

export interface CacheOrder {
  readonly kind: 'look-up' | 'save';
  /** Whole for a save; for a look-up prefixes, the first match wins. */
  readonly keys: readonly string[];
}

export type CacheReply =
  /** `key` is the matched or saved name; null for a miss or a refused save (the client does not tell them apart). */
  | { readonly kind: 'done'; readonly key: string | null }
  | { readonly kind: 'failed'; readonly detail: string };
