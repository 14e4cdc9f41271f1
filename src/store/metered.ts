/**
 * Counts what is asked of a store, for `requests.store` of a report. It counts calls, not packets: what a driver sends for a
 * watch, or to settle one call, is not seen here.
 */
import type { Store } from './contract.ts';

export interface MeteredStore extends Store {
  /** Calls of get, compareAndSet, delete and list so far, the failed ones included. */
  readonly requests: number;
}

/** Wraps a store; closing the wrapper closes the store. */
export function meterStore(store: Store): MeteredStore {
  let requests = 0;
  const count = <T>(call: () => Promise<T>): Promise<T> => {
    requests += 1;
    return call();
  };
  return {
    url: store.url,
    capabilities: store.capabilities,
    get: (key, options) => count(() => store.get(key, options)),
    compareAndSet: (key, expect, value, options) =>
      count(() => store.compareAndSet(key, expect, value, options)),
    delete: (key, expect, options) => count(() => store.delete(key, expect, options)),
    list: (prefix, options) => count(() => store.list(prefix, options)),
    watch: (key, options) => store.watch(key, options),
    close: () => store.close(),
    get requests() {
      return requests;
    },
  };
}
