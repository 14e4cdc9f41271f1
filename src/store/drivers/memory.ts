/**
 * The store inside one process: every rule of the contract, no I/O. Tests and simulations share one MemoryBackend among many
 * handles. It does NOT coordinate processes, so no store URL leads here.
 * Invariant: an operation is applied in the very call that makes it, before anything is awaited; so calls are linearizable
 * in the order in which they were made.
 */
import { type Clock, throwIfAborted } from '../../base/clock.ts';
import { UnavailableError } from '../../base/errors.ts';
import { admitKey, admitValue, isUnderPrefix } from '../admission.ts';
import type { Entry, Revision, Store, StoreCapabilities, WriteResult } from '../contract.ts';
import { createEdges, type Edges } from '../edges.ts';

/** What several handles share. */
export interface MemoryBackend {
  read(key: string): Entry | null;
  write(key: string, expect: Revision | null, value: string | null): WriteResult;
  keys(): string[];
  /** Called after each change of the key; returns the unsubscription. */
  subscribe(key: string, listener: () => void): () => void;
}

export interface MemoryStoreOptions {
  /** Unused by the driver itself, which never waits; taken so that every driver opens alike. */
  clock: Clock;
  /** Shared with other handles; a fresh one unless given. */
  backend?: MemoryBackend;
}

const CAPABILITIES: StoreCapabilities = Object.freeze({
  linearizableReads: true,
  conditionalDelete: true,
  nativeWatch: true,
  multiKeyTxn: false,
  durable: 'process',
  minPollMs: 1,
});

/** An empty register file. */
export function createMemoryBackend(): MemoryBackend {
  const entries = new Map<string, Entry>();
  const listeners = new Map<string, Set<() => void>>();
  let writes = 0;

  // Unique for 2^32 writes and in no order, so that a caller who compares revisions by size is found out.
  const nextRevision = (): Revision => (Math.imul(++writes, 0x9e3779b1) >>> 0).toString(36);

  return {
    read: (key) => entries.get(key) ?? null,
    write(key, expect, value) {
      const current = entries.get(key) ?? null;
      if ((current?.revision ?? null) !== expect) return { ok: false, current };
      const revision = nextRevision();
      if (value === null) entries.delete(key);
      else entries.set(key, Object.freeze({ value, revision }));
      for (const listener of [...(listeners.get(key) ?? [])]) listener();
      return { ok: true, revision };
    },
    keys: () => [...entries.keys()],
    subscribe(key, listener) {
      const own = listeners.get(key) ?? new Set();
      listeners.set(key, own.add(listener));
      return () => {
        own.delete(listener);
        if (own.size === 0) listeners.delete(key);
      };
    },
  };
}

/** A handle on a backend. Whoever creates it closes it. */
export function createMemoryStore({ backend = createMemoryBackend() }: MemoryStoreOptions): Store {
  const watches = new Set<Edges>();
  let closed = false;

  const admit = (key: string, signal: AbortSignal | undefined) => {
    throwIfAborted(signal);
    if (closed) throw new UnavailableError('the store was closed');
    return admitKey(key);
  };

  return {
    url: 'memory:',
    capabilities: CAPABILITIES,
    async get(key, options = {}) {
      return backend.read(admit(key, options.signal));
    },
    async compareAndSet(key, expect, value, options = {}) {
      admit(key, options.signal);
      admitValue(key, value);
      return backend.write(key, expect, value);
    },
    async delete(key, expect, options = {}) {
      return backend.write(admit(key, options.signal), expect, null);
    },
    async list(prefix, options = {}) {
      throwIfAborted(options.signal);
      if (closed) throw new UnavailableError('the store was closed');
      return backend.keys().filter((key) => isUnderPrefix(key, prefix));
    },
    watch(key, { signal }) {
      const edges = createEdges(signal);
      if (closed) edges.end();
      if (edges.ended.aborted) return edges.watch;
      const unsubscribe = backend.subscribe(admitKey(key), () => edges.emit());
      watches.add(edges);
      edges.ended.addEventListener('abort', () => {
        unsubscribe();
        watches.delete(edges);
      });
      edges.connected();
      return edges.watch;
    },
    async close() {
      closed = true;
      for (const edges of [...watches]) edges.end();
    },
  };
}
