// A store behind a network that misbehaves on command: several actors share one memory backend, and a decider says per
// operation what goes wrong. Deterministic: all waiting is on the given (manual) clock, all chance is the decider's.
// The backend itself stays a correct register; `network.backend` shows the truth that no fault distorts.
import { abortReason, type Clock, throwIfAborted } from '../../src/base/clock.ts';
import { IndeterminateError, UnavailableError } from '../../src/base/errors.ts';
import { admitKey, admitValue, isUnderPrefix } from '../../src/store/admission.ts';
import type { Entry, Store, StoreCallOptions, Watch, WriteResult } from '../../src/store/contract.ts';
import { createMemoryBackend, type MemoryBackend } from '../../src/store/drivers/memory.ts';
import { createEdges } from '../../src/store/edges.ts';
import { createPauseGate, type PauseGate } from './store-actor.ts';

export interface FaultyOperation {
  readonly actor: string;
  readonly kind: 'get' | 'compareAndSet' | 'delete' | 'list' | 'edge';
  readonly key: string;
  /** Counts every operation and edge of the network, from 0. */
  readonly index: number;
}

// What may befall one operation.
//   refuse        not applied; the caller learns it at once: UnavailableError
//   lose-request  not applied; a write ends with IndeterminateError, a read with UnavailableError
//   lose-reply    applied; ends the same way
//   apply-late    the caller gives up first (as with lose-request), the request arrives `lateMs` after that
//   duplicate     applied, and the network delivers the request once more `lateMs` after the first; the first's reply counts
//   blackhole     not applied, and no answer ever: only the caller's signal ends it
export type Fault = 'refuse' | 'lose-request' | 'lose-reply' | 'apply-late' | 'duplicate' | 'blackhole';

export interface FaultPlan {
  fault?: Fault | undefined;
  /** How long the request travels before it is applied; 0 unless given. */
  requestMs?: number | undefined;
  /** How long the reply travels; 0 unless given. For an edge: how long it is delayed. */
  replyMs?: number | undefined;
  lateMs?: number | undefined;
  /** A get answers with what the key held this many changes ago (as far as it goes back). */
  staleBy?: number | undefined;
  /** The edge never arrives. */
  dropEdge?: boolean | undefined;
}

export type FaultDecider = (operation: FaultyOperation) => FaultPlan;

export interface AppliedChange {
  readonly actor: string;
  readonly key: string;
  /** Null for a deletion. */
  readonly entry: Entry | null;
  /** On the network's clock. */
  readonly atMs: number;
}

export interface FaultyStore extends Store {
  /** Stops the actor: nothing more is sent for it and nothing reaches it until `resume`. */
  pause(): void;
  resume(): void;
}

export interface FaultyNetwork {
  readonly backend: MemoryBackend;
  /** Every change in the order in which it was applied: what the store's history really was. */
  readonly changes: readonly AppliedChange[];
  /** Called right after each change was applied. */
  onChange(listener: (change: AppliedChange) => void): void;
  /** A store handle for one actor; `gate` lets the actor's clock stop together with it (see store-actor.ts). */
  open(actor: string, gate?: PauseGate): FaultyStore;
}

export interface FaultyNetworkOptions {
  clock: Clock;
  /** No faults unless given. */
  decide?: FaultDecider;
  backend?: MemoryBackend;
}

export function createFaultyNetwork(options: FaultyNetworkOptions): FaultyNetwork {
  const { clock, backend = createMemoryBackend(), decide = (): FaultPlan => ({}) } = options;
  const changes: AppliedChange[] = [];
  const listeners: ((change: AppliedChange) => void)[] = [];
  let index = 0;

  const plan = (actor: string, kind: FaultyOperation['kind'], key: string) =>
    decide({ actor, kind, key, index: index++ });

  const write = (actor: string, key: string, expect: string | null, value: string | null): WriteResult => {
    const result = backend.write(key, expect, value);
    if (result.ok) {
      const entry = value === null ? null : { value, revision: result.revision };
      const change = { actor, key, entry, atMs: clock.monotonicMs() };
      changes.push(change);
      for (const listener of listeners) listener(change);
    }
    return result;
  };

  const readStale = (key: string, staleBy: number): Entry | null => {
    if (staleBy === 0) return backend.read(key);
    const history: (Entry | null)[] = [null, ...changes.filter((c) => c.key === key).map((c) => c.entry)];
    return history[Math.max(0, history.length - 1 - staleBy)] ?? null;
  };

  const open = (actor: string, gate: PauseGate = createPauseGate()): FaultyStore => {
    const closing = new AbortController();

    const call = <T>(
      about: {
        kind: 'get' | 'compareAndSet' | 'delete' | 'list';
        key: string;
        signal: AbortSignal | undefined;
      },
      apply: (staleBy: number) => T,
    ): Promise<T> => {
      throwIfAborted(about.signal);
      if (closing.signal.aborted) throw new UnavailableError('the store was closed');
      const {
        fault,
        requestMs = 0,
        replyMs = 0,
        lateMs = 0,
        staleBy = 0,
      } = plan(actor, about.kind, about.key);
      const isWrite = about.kind === 'compareAndSet' || about.kind === 'delete';
      const doubt = (cause?: Error) =>
        isWrite
          ? new IndeterminateError(`no reply to ${about.kind} ${about.key}`, { cause })
          : (cause ?? new UnavailableError(`no reply to ${about.kind} ${about.key}`));

      return new Promise<T>((resolve, reject) => {
        const onAbort = () => settle(() => reject(doubt(abortReason(about.signal as AbortSignal))));
        // What reaches the actor waits while the actor is stopped.
        const settle = (deliver: () => void) => {
          about.signal?.removeEventListener('abort', onAbort);
          gate.run(deliver);
        };
        const after = (delayMs: number, step: () => void) => {
          if (delayMs > 0) clock.startTimer(delayMs, step);
          else step();
        };
        about.signal?.addEventListener('abort', onAbort, { once: true });
        gate.run(() => {
          if (fault === 'blackhole') return;
          after(requestMs, () => {
            const isLost = fault === 'refuse' || fault === 'lose-request' || fault === 'apply-late';
            const result = isLost ? undefined : apply(staleBy);
            if (fault === 'duplicate') after(lateMs, () => apply(staleBy));
            after(replyMs, () => {
              if (fault === 'apply-late') after(lateMs, () => apply(staleBy));
              settle(() => {
                if (fault === 'refuse')
                  reject(new UnavailableError(`${about.kind} ${about.key} was refused`));
                else if (isLost || fault === 'lose-reply') reject(doubt());
                else resolve(result as T);
              });
            });
          });
        });
      });
    };

    const watch = (key: string, signal: AbortSignal): Watch => {
      const edges = createEdges(AbortSignal.any([signal, closing.signal]));
      if (edges.ended.aborted) return edges.watch;
      const unsubscribe = backend.subscribe(key, () => {
        const { dropEdge = false, replyMs = 0 } = plan(actor, 'edge', key);
        if (dropEdge) return;
        if (replyMs === 0) gate.run(() => edges.emit());
        else clock.startTimer(replyMs, () => gate.run(() => edges.emit()));
      });
      edges.ended.addEventListener('abort', unsubscribe);
      gate.run(() => edges.connected());
      return edges.watch;
    };

    return {
      url: `faulty:${actor}`,
      capabilities: {
        linearizableReads: false,
        conditionalDelete: true,
        nativeWatch: true,
        multiKeyTxn: false,
        durable: 'remote',
        minPollMs: 1,
      },
      get: async (key, { signal }: StoreCallOptions = {}) =>
        call({ kind: 'get', key: admitKey(key), signal }, (staleBy) => readStale(key, staleBy)),
      async compareAndSet(key, expect, value, { signal }: StoreCallOptions = {}) {
        admitValue(admitKey(key), value);
        return call({ kind: 'compareAndSet', key, signal }, () => write(actor, key, expect, value));
      },
      delete: async (key, expect, { signal }: StoreCallOptions = {}) =>
        call({ kind: 'delete', key, signal }, () => write(actor, key, expect, null)),
      list: async (prefix, { signal }: StoreCallOptions = {}) =>
        call({ kind: 'list', key: prefix, signal }, () =>
          backend.keys().filter((k) => isUnderPrefix(k, prefix)),
        ),
      watch: (key, { signal }) => watch(key, signal),
      async close() {
        closing.abort();
      },
      pause: () => gate.pause(),
      resume: () => gate.resume(),
    };
  };

  return { backend, changes, onChange: (listener) => void listeners.push(listener), open };
}

/** How often each thing goes wrong, as shares of 1; what is left out never happens. */
export interface FaultRates {
  refuse?: number;
  loseRequest?: number;
  loseReply?: number;
  applyLate?: number;
  duplicate?: number;
  staleRead?: number;
  dropEdge?: number;
  /** Upper bound of each leg's travel, uniform from 0. */
  maxDelayMs?: number;
  /** Upper bound of a late request's or a duplicate's extra travel. */
  maxLateMs?: number;
}

/** A decider that draws from a seeded source: the same seed and the same calls give the same faults. */
export function createRandomFaults(random: () => number, rates: FaultRates): FaultDecider {
  return ({ kind }) => {
    const delay = () => Math.floor(random() * (rates.maxDelayMs ?? 0));
    const base: FaultPlan = { requestMs: delay(), replyMs: delay() };
    const draw = random();
    if (kind === 'edge') return { ...base, dropEdge: draw < (rates.dropEdge ?? 0) };
    const ladder: [Fault, number][] = [
      ['refuse', rates.refuse ?? 0],
      ['lose-request', rates.loseRequest ?? 0],
      ['lose-reply', rates.loseReply ?? 0],
      ['apply-late', rates.applyLate ?? 0],
      ['duplicate', rates.duplicate ?? 0],
    ];
    let below = 0;
    const fault = ladder.find(([, rate]) => {
      below += rate;
      return draw < below;
    })?.[0];
    const isStale = kind === 'get' && random() < (rates.staleRead ?? 0);
    return {
      ...base,
      fault,
      lateMs: Math.floor(random() * (rates.maxLateMs ?? 0)),
      staleBy: isStale ? 1 + Math.floor(random() * 3) : 0,
    };
  };
}
