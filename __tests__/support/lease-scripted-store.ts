// A store that plays a script: each call must be the one the script expects next, and one call too many fails the test. So
// a protocol is pinned to its exact requests, not only to its result.
import { IndeterminateError, UnavailableError } from '../../src/base/errors.ts';
import type { HolderInfo, LeaseEntry, LeaseRecord } from '../../src/lease/contract.ts';
import type { Entry, Store, StoreCapabilities, WriteResult } from '../../src/store/contract.ts';
import { createEdges, type Edges } from '../../src/store/edges.ts';

export interface WriteCall {
  readonly expect: string | null;
  readonly record: LeaseRecord;
}

type Reply<T> = T | Error | Promise<T>;
export type Step =
  | { readonly call: 'get'; readonly reply: Reply<Entry | null> }
  | { readonly call: 'compareAndSet'; readonly reply: Reply<WriteResult> };

export const sees = (record: LeaseRecord | null, revision = 'r1'): Step => ({
  call: 'get',
  reply: record === null ? null : { value: JSON.stringify(record), revision },
});
export const seesText = (value: string): Step => ({ call: 'get', reply: { value, revision: 'r1' } });
export const failsToRead = (): Step => ({ call: 'get', reply: new UnavailableError('no answer') });
export const applies = (revision: string): Step => ({
  call: 'compareAndSet',
  reply: { ok: true, revision },
});
export const refuses = (current?: { record: LeaseRecord; revision: string }): Step => ({
  call: 'compareAndSet',
  reply: current
    ? { ok: false, current: { value: JSON.stringify(current.record), revision: current.revision } }
    : { ok: false },
});
export const leavesInDoubt = (): Step => ({
  call: 'compareAndSet',
  reply: new IndeterminateError('no reply'),
});
export const failsToWrite = (): Step => ({ call: 'compareAndSet', reply: new UnavailableError('no answer') });
export const isSilent = (call: 'get' | 'compareAndSet'): Step => ({
  call,
  reply: new Promise<never>(() => {
    // Never settles: the peer is silent.
  }),
});
/** A reply in the test's own hands. */
export const answersWith = (reply: Promise<WriteResult>): Step => ({ call: 'compareAndSet', reply });

export interface ScriptedStore extends Store {
  readonly writes: readonly WriteCall[];
  /** Adds to the script. */
  goOn(...steps: Step[]): void;
  /** Throws unless the script was played to its end and nothing else was asked. */
  verify(): void;
  emitEdge(): void;
  readonly openWatches: number;
}

export function createScriptedStore(
  steps: readonly Step[],
  capabilities: Partial<StoreCapabilities> = {},
): ScriptedStore {
  const script = [...steps];
  const writes: WriteCall[] = [];
  const watches = new Set<Edges>();
  const surprises: string[] = [];

  const play = async <T>(call: Step['call']): Promise<T> => {
    const step = script.shift();
    if (step?.call !== call) {
      surprises.push(`${call} where the script has ${step?.call ?? 'nothing more'}`);
      throw new UnavailableError(surprises.at(-1) ?? '');
    }
    const reply = await (step.reply as Reply<T>);
    if (reply instanceof Error) throw reply;
    return reply;
  };

  return {
    url: 'scripted:',
    capabilities: {
      linearizableReads: true,
      conditionalDelete: false,
      nativeWatch: true,
      multiKeyTxn: false,
      durable: 'process',
      minPollMs: 1,
      ...capabilities,
    },
    writes,
    get: () => play<Entry | null>('get'),
    compareAndSet(_, expect, value) {
      writes.push({ expect, record: JSON.parse(value) as LeaseRecord });
      return play<WriteResult>('compareAndSet');
    },
    delete: async () => {
      surprises.push('delete');
      throw new UnavailableError('locks never delete');
    },
    list: async () => [],
    watch(_, { signal }) {
      const edges = createEdges(signal);
      watches.add(edges);
      edges.ended.addEventListener('abort', () => watches.delete(edges));
      edges.connected();
      return edges.watch;
    },
    close: async () => undefined,
    goOn: (...more) => void script.push(...more),
    verify() {
      if (script.length > 0) surprises.push(`${script.length} calls of the script were not made`);
      if (surprises.length > 0) throw new Error(surprises.join('; '));
    },
    emitEdge() {
      for (const edges of watches) edges.emit();
    },
    get openWatches() {
      return watches.size;
    },
  };
}

export const HOLDER: HolderInfo = Object.freeze({ text: 'somebody', host: 'there', pid: 7 });

/** An entry of somebody else. */
export function entryOf(nonce: string, fields: Partial<LeaseEntry> = {}): LeaseEntry {
  return {
    token: 1,
    nonce,
    seq: 0,
    leaseMs: 10_000,
    holder: { ...HOLDER, text: nonce },
    since: '2026-01-01T00:00:00.000Z',
    ...fields,
  };
}

/** A record whose state fits its entries and whose token is at least theirs. */
export function recordOf(entries: readonly LeaseEntry[], fields: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    v: 1,
    state: entries.length > 0 ? 'held' : 'free',
    token: Math.max(0, ...entries.map((entry) => entry.token)),
    permits: 1,
    entries,
    tickets: [],
    note: {},
    ...fields,
  };
}
