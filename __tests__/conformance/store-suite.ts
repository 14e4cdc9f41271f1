// What every store must do, as data: one entry per case, each named after the rule of src/store/contract.ts that it shows.
// `describeStore` runs all of them over one driver; a broken twin is run case by case and must fail the case meant for it.
// No case asserts how fast something is; `settleMs` only bounds how long a failing one waits.
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { createNonce } from '../../src/base/identity.ts';
import type { Store } from '../../src/store/contract.ts';
import { createKey } from '../../src/store/key.ts';
import { basicCases } from './store-cases-basic.ts';
import { callCases } from './store-cases-calls.ts';
import { watchCases } from './store-cases-watch.ts';

/** What a driver must lend itself to; one that cannot says why, in words that appear in the report. */
export type Ability = 'silence' | 'loseReply' | 'disconnect';

/** One driver over one fresh, empty place. */
export interface StoreWorld {
  /** Another handle on the same data; the suite closes it. */
  open(): Promise<Store>;
  /** A handle whose other side takes writes and never answers. */
  silence?(): Promise<SilentStore>;
  /** A handle whose next write is applied while its reply is lost. */
  loseReply?(): Promise<Store>;
  /** A handle whose watch can be cut off. */
  disconnect?(): Promise<{ store: Store; cut: () => Promise<void> }>;
  dispose(): Promise<void>;
}

export interface SilentStore {
  store: Store;
  /** Resolves when a write is on its way. */
  readonly sent: Promise<void>;
  /** Lets the driver's own deadline pass. */
  readonly passDeadline: () => Promise<void>;
}

export interface StoreSubject {
  name: string;
  create(): Promise<StoreWorld>;
  deviations?: Partial<Record<Ability, string>>;
  /** How long an edge or a lagging read may take before a case calls it missing. */
  settleMs: number;
}

/** What a case works with. */
export interface CaseContext {
  readonly world: StoreWorld;
  readonly store: Store;
  /** A second handle, as another process would have it. */
  readonly other: Store;
  readonly settleMs: number;
  /** A key of this case's own. */
  readonly key: (...names: string[]) => string;
  /** Rejects with `missing` unless the promise settles within `settleMs`. */
  readonly within: <T>(promise: Promise<T>, missing: string) => Promise<T>;
  /** Reads until `accepts`, for drivers whose reads may lag. */
  readonly readUntil: (
    store: Store,
    key: string,
    accepts: (value: string | null) => boolean,
  ) => Promise<void>;
}

export interface StoreCase {
  rule: string;
  title: string;
  needs?: Ability;
  run(context: CaseContext): Promise<void>;
}

export const STORE_CASES: readonly StoreCase[] = [...basicCases, ...callCases, ...watchCases];

/** Runs one case over a fresh world; rejects where the store breaks the rule. */
export async function runStoreCase(subject: StoreSubject, storeCase: StoreCase): Promise<void> {
  const world = await subject.create();
  const opened: Store[] = [];
  const open = async () => {
    const store = await world.open();
    opened.push(store);
    return store;
  };
  const namespace = `conformance-${createNonce()}`;
  const { settleMs } = subject;
  const within = <T>(promise: Promise<T>, missing: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = systemClock.startTimer(settleMs, () => reject(new Error(`missing: ${missing}`)));
      promise.then(resolve, reject).finally(() => timer.cancel());
    });
  try {
    await storeCase.run({
      world: { ...world, open },
      store: await open(),
      other: await open(),
      settleMs,
      key: (...names) => createKey(namespace, ...(names.length > 0 ? names : ['kind', 'name'])),
      within,
      async readUntil(store, key, accepts) {
        let isOver = false;
        const look = async () => {
          while (!isOver && !accepts((await store.get(key))?.value ?? null)) {
            await new Promise((resolve) => setImmediate(resolve));
          }
        };
        await within(look(), `the awaited value of ${key}`).finally(() => {
          isOver = true;
        });
      },
    });
  } finally {
    await Promise.all(opened.map((store) => store.close()));
    await world.dispose();
  }
}

/** Registers every case for one driver. */
export function describeStore(subject: StoreSubject): void {
  describe(`the ${subject.name} store`, () => {
    for (const storeCase of STORE_CASES) {
      const reason = storeCase.needs && subject.deviations?.[storeCase.needs];
      const title = `${storeCase.rule} ${storeCase.title}`;
      if (reason === undefined) test(title, () => runStoreCase(subject, storeCase));
      else test(`${title} (deviates: ${reason})`, () => expect(reason).not.toBe(''));
    }
  });
}
