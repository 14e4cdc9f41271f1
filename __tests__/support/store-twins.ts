// Broken twins of the memory store: each makes one mistake that a driver could make, and names the case that must find it.
import { systemClock } from '../../src/base/clock.ts';
import type { Entry, Store } from '../../src/store/contract.ts';
import {
  createMemoryBackend,
  createMemoryStore,
  type MemoryBackend,
} from '../../src/store/drivers/memory.ts';
import { createEdges, type Edges } from '../../src/store/edges.ts';
import type { StoreSubject, StoreWorld } from '../conformance/store-suite.ts';
import { createFaultyNetwork } from './faulty-store.ts';
import { createManualClock, settle } from './manual-clock.ts';

export interface BrokenTwin {
  mistake: string;
  /** Rule and the beginning of the title of each case that must fail. */
  fails: readonly string[];
  subject: StoreSubject;
}

const clock = createManualClock();

function twin(
  about: { mistake: string; fails: readonly string[] },
  create: (backend: MemoryBackend) => Partial<StoreWorld>,
): BrokenTwin {
  return {
    ...about,
    subject: {
      name: about.mistake,
      // Only a case that fails waits this long.
      settleMs: 60,
      async create() {
        const backend = createMemoryBackend();
        const open = async () => createMemoryStore({ clock, backend });
        return { open, dispose: async () => undefined, ...create(backend) };
      },
    },
  };
}

/** A twin whose every handle is a memory store with some calls replaced. */
function handleTwin(
  mistake: string,
  fails: readonly string[],
  replace: (backend: MemoryBackend) => (store: Store) => Partial<Store>,
): BrokenTwin {
  return twin({ mistake, fails }, (backend) => {
    const replaced = replace(backend);
    return {
      async open() {
        const store = createMemoryStore({ clock, backend });
        return { ...store, ...replaced(store) };
      },
    };
  });
}

const currentOf = (backend: MemoryBackend, key: string) => backend.read(key)?.revision ?? null;

const never = <T>() => new Promise<T>(() => undefined);

export const BROKEN_TWINS: readonly BrokenTwin[] = [
  handleTwin(
    'checks, then writes',
    ['S1 of many concurrent creations', 'S2 of many concurrent writes'],
    (backend) => (store) => ({
      async compareAndSet(key, expect, value) {
        const seen = await store.get(key);
        await settle();
        if ((seen?.revision ?? null) !== expect) return { ok: false };
        return backend.write(key, currentOf(backend, key), value);
      },
    }),
  ),
  handleTwin('takes any revision for the current one', ['S3 a stale revision'], (backend) => () => ({
    compareAndSet: async (key, _, value) => backend.write(key, currentOf(backend, key), value),
  })),
  handleTwin('deletes blindly', ['S3 a conditional delete'], (backend) => () => ({
    delete: async (key) => backend.write(key, currentOf(backend, key), null),
  })),
  handleTwin(
    'makes the revision from the value',
    ['S4 A to B to A', 'S4 a key that was deleted'],
    (backend) => () => {
      const translate = (key: string, expect: string | null) =>
        expect !== null && backend.read(key)?.value === expect ? currentOf(backend, key) : expect;
      return {
        async get(key) {
          const value = backend.read(key)?.value;
          return value === undefined ? null : { value, revision: value };
        },
        async compareAndSet(key, expect, value) {
          const result = backend.write(key, translate(key, expect), value);
          return result.ok ? { ok: true, revision: value } : { ok: false };
        },
        delete: async (key, expect) => backend.write(key, translate(key, expect), null),
      };
    },
  ),
  twin(
    { mistake: 'lets its client send a write again', fails: ['S5 a write that was applied'] },
    (backend) => ({
      async loseReply() {
        const network = createFaultyNetwork({ clock, backend, decide: () => ({ fault: 'lose-reply' }) });
        const lossy = network.open('lossy');
        const good = createMemoryStore({ clock, backend });
        return {
          ...lossy,
          compareAndSet: (key, expect, value) =>
            lossy.compareAndSet(key, expect, value).catch(() => good.compareAndSet(key, expect, value)),
        };
      },
    }),
  ),
  handleTwin('applies what it reported as lost', ['S5 a lost write is false'], (backend) => (store) => ({
    async compareAndSet(key, expect, value) {
      const result = await store.compareAndSet(key, expect, value);
      if (!result.ok && expect !== null) backend.write(key, currentOf(backend, key), value);
      return result;
    },
  })),
  twin(
    {
      mistake: 'ignores its signal and has no deadline',
      fails: [
        'S6 a call whose other side is silent settles when',
        'S6 a call whose other side is silent settles within',
      ],
    },
    () => ({
      async silence() {
        const store = createMemoryStore({ clock });
        return {
          store: { ...store, compareAndSet: never },
          sent: Promise.resolve(),
          passDeadline: async () => undefined,
        };
      },
    }),
  ),
  twin({ mistake: 'calls an aborted write lost', fails: ['S7 an abort after sending'] }, () => ({
    async silence() {
      const store = createMemoryStore({ clock });
      return {
        store: {
          ...store,
          compareAndSet: (_key, _expect, _value, options = {}) =>
            new Promise((resolve) => options.signal?.addEventListener('abort', () => resolve({ ok: false }))),
        },
        sent: Promise.resolve(),
        passDeadline: async () => undefined,
      };
    },
  })),
  handleTwin('sends although its signal was aborted', ['S7 an abort before sending'], () => (store) => ({
    compareAndSet: (key, expect, value) => store.compareAndSet(key, expect, value),
  })),
  handleTwin('leaves a listener on every signal', ['S7 a call that is done'], () => (store) => ({
    get(key, options = {}) {
      options.signal?.addEventListener('abort', () => undefined);
      return store.get(key, options);
    },
  })),
  handleTwin('answers reads from a cache', ['S8 a read after a write'], () => (store) => {
    const cache = new Map<string, Entry | null>();
    return {
      async get(key) {
        if (!cache.has(key)) cache.set(key, await store.get(key));
        return cache.get(key) ?? null;
      },
    };
  }),
  handleTwin('cuts long values', ['S12 a value over the limit'], () => (store) => ({
    compareAndSet: (key, expect, value) => store.compareAndSet(key, expect, value.slice(0, 1000)),
  })),
  handleTwin('does not look at keys', ['S12 a key that was not made'], (backend) => () => ({
    get: async (key) => backend.read(key),
    compareAndSet: async (key, expect, value) => backend.write(key, expect, value),
  })),
  handleTwin('unescapes keys on their way to disk', ['S13 keys that look alike'], () => (store) => {
    const flat = (key: string) => key.replaceAll('~2f', '/');
    return {
      get: (key) => store.get(flat(key)),
      compareAndSet: (key, expect, value) => store.compareAndSet(flat(key), expect, value),
    };
  }),
  handleTwin('writes in place, in two halves', ['S14 a reader during writes'], (backend) => (store) => ({
    async compareAndSet(key, expect, value) {
      const half = await store.compareAndSet(key, expect, value.slice(0, value.length / 2));
      await settle();
      await settle();
      return half.ok ? backend.write(key, half.revision, value) : half;
    },
  })),
  handleTwin('stamps its revisions with the wall clock', ['S15 a result carries'], (backend) => (store) => {
    const stamped = (revision: string) => `${systemClock.wallMs()}-${revision}`;
    return {
      async get(key) {
        const entry = await store.get(key);
        return entry && { ...entry, revision: stamped(entry.revision) };
      },
      compareAndSet: async (key, expect, value) =>
        backend.write(key, expect?.replace(/^\d+-/, '') ?? null, value),
    };
  }),
  handleTwin('lists by the letters of the prefix', ['S16 list gives each key'], (backend) => () => ({
    list: async (prefix) => backend.keys().filter((key) => key.startsWith(prefix)),
  })),
  handleTwin('lists what was deleted', ['S16 list leaves out'], (backend) => (store) => {
    const ever = new Set<string>();
    return {
      compareAndSet(key, expect, value) {
        for (const each of [...backend.keys(), key]) ever.add(each);
        return store.compareAndSet(key, expect, value);
      },
      delete: async (key, expect) => backend.write(key, expect, null),
      async list(prefix) {
        for (const key of ['gone']) ever.add(`${prefix}/${key}`);
        return [...ever].filter((key) => key.startsWith(`${prefix}/`));
      },
    };
  }),
  twin(
    { mistake: 'gives an edge before the value is there', fails: ['S9 whoever reads at edges alone'] },
    (backend) => {
      const watches = new Set<Edges>();
      return {
        async open() {
          const store = createMemoryStore({ clock, backend });
          return {
            ...store,
            async compareAndSet(key, expect, value) {
              for (const edges of watches) edges.emit();
              await settle();
              await settle();
              return store.compareAndSet(key, expect, value);
            },
            watch(_, { signal }) {
              const edges = createEdges(signal);
              watches.add(edges);
              edges.connected();
              return edges.watch;
            },
          };
        },
      };
    },
  ),
  handleTwin('gives data with its edges', ['S9 edges carry no data'], (backend) => (store) => ({
    watch(key, options) {
      const watch = store.watch(key, options);
      const iterator = watch[Symbol.asyncIterator]();
      const next = async () => {
        const result = await iterator.next();
        // The type forbids it, as it should; a JavaScript driver could do it all the same.
        return result.done
          ? result
          : ({ done: false, value: backend.read(key) } as unknown as IteratorResult<void>);
      };
      return { ready: watch.ready, [Symbol.asyncIterator]: () => ({ next }) };
    },
  })),
  handleTwin('gives no edge when it connects', ['S9 one edge is there as soon'], (backend) => () => ({
    watch(key, { signal }) {
      const edges = createEdges(signal);
      backend.subscribe(key, () => edges.emit());
      return { ...edges.watch, ready: Promise.resolve() };
    },
  })),
  handleTwin('wakes one watch only', ['S9 several watches of one key'], (backend) => () => ({
    watch(key, { signal }) {
      const edges = createEdges(signal);
      backend.subscribe(key, () => edges.emit());
      const others = (lastWatch.get(backend) ?? []).concat(edges);
      lastWatch.set(backend, others);
      edges.connected();
      if (others.length > 1) edges.end();
      return edges.watch;
    },
  })),
  handleTwin('ends its watch with the loop', ['S10 leaving the loop'], () => (store) => ({
    watch(key, { signal }) {
      const own = new AbortController();
      const watch = store.watch(key, { signal: AbortSignal.any([signal, own.signal]) });
      return {
        ready: watch.ready,
        [Symbol.asyncIterator]: () => ({
          next: () => watch[Symbol.asyncIterator]().next(),
          async return() {
            own.abort();
            return { done: true as const, value: undefined };
          },
        }),
      };
    },
  })),
  handleTwin('throws when its watch is aborted', ['S10 an abort ends the watch'], () => (store) => ({
    watch(key, { signal }) {
      const watch = store.watch(key, { signal });
      const next = async () => {
        const result = await watch[Symbol.asyncIterator]().next();
        if (result.done) throw new Error('aborted');
        return result;
      };
      return { ready: watch.ready, [Symbol.asyncIterator]: () => ({ next }) };
    },
  })),
  twin(
    { mistake: 'gives up its watch when it is cut off', fails: ['S10 a watch that was cut off'] },
    (backend) => ({
      async disconnect() {
        const store = createMemoryStore({ clock, backend });
        const connection = new AbortController();
        return {
          store: {
            ...store,
            watch: (key, { signal }) =>
              store.watch(key, { signal: AbortSignal.any([signal, connection.signal]) }),
          },
          cut: async () => connection.abort(),
        };
      },
    }),
  ),
  handleTwin('works on after close', ['S11 after close', 'S11 close ends the watches'], () => () => ({
    close: async () => undefined,
  })),
];

const lastWatch = new WeakMap<MemoryBackend, Edges[]>();
