// Model-based: random sequences of calls through two handles against a plain Map, and the answers must agree throughout.
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { isUnderPrefix } from '../../src/store/admission.ts';
import type { Store, WriteResult } from '../../src/store/contract.ts';
import type { StoreSubject } from '../conformance/store-suite.ts';

interface Model {
  values: Map<string, { value: string; revision: string }>;
  /** Every revision ever given for a key, the last one last. */
  given: Map<string, string[]>;
  canDelete: boolean;
}

interface Real {
  stores: readonly Store[];
}

const keys = ['a', 'a/b', 'a/b/c', 'ab', 'z.z'];

/** Which revision a command expects: the current, an older one, another key's, or none. */
type Expectation = 'current' | 'older' | 'foreign' | 'none';

function expectationOf(model: Model, key: string, kind: Expectation): string | null {
  const given = model.given.get(key) ?? [];
  if (kind === 'current') return model.values.get(key)?.revision ?? null;
  if (kind === 'older') return given.at(-2) ?? '1.x';
  if (kind === 'foreign') return model.values.get(keys.find((other) => other !== key) ?? '')?.revision ?? 'x';
  return null;
}

function checkWrite(
  model: Model,
  about: { key: string; wanted: string | null },
  result: WriteResult,
): boolean {
  const current = model.values.get(about.key) ?? null;
  expect(result.ok).toBe((current?.revision ?? null) === about.wanted);
  if (!result.ok) {
    if (result.current !== undefined) expect(result.current).toEqual(current);
    return false;
  }
  const given = model.given.get(about.key) ?? [];
  expect(given).not.toContain(result.revision);
  model.given.set(about.key, [...given, result.revision]);
  return true;
}

class Write implements fc.AsyncCommand<Model, Real> {
  readonly about: { handle: number; key: string; kind: Expectation; value: string | null };

  constructor(about: Write['about']) {
    this.about = about;
  }

  check(model: Readonly<Model>): boolean {
    if (this.about.value === null && !model.canDelete) return false;
    // A deletion expects a revision.
    return this.about.value !== null || expectationOf(model, this.about.key, this.about.kind) !== null;
  }

  async run(model: Model, { stores }: Real): Promise<void> {
    const { handle, key, kind, value } = this.about;
    const store = stores[handle] as Store;
    const wanted = expectationOf(model, key, kind);
    const result =
      value === null ? await store.delete(key, wanted ?? '') : await store.compareAndSet(key, wanted, value);
    if (!checkWrite(model, { key, wanted }, result) || !result.ok) return;
    if (value === null) model.values.delete(key);
    else model.values.set(key, { value, revision: result.revision });
  }

  toString(): string {
    return `write(${JSON.stringify(this.about)})`;
  }
}

class Read implements fc.AsyncCommand<Model, Real> {
  readonly about: { handle: number; key: string };

  constructor(about: Read['about']) {
    this.about = about;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, { stores }: Real): Promise<void> {
    const { handle, key } = this.about;
    const store = stores[handle] as Store;
    expect(await store.get(key)).toEqual(model.values.get(key) ?? null);
    const under = [...model.values.keys()].filter((each) => isUnderPrefix(each, key));
    expect((await store.list(key)).sort()).toEqual(under.sort());
  }

  toString(): string {
    return `read(${JSON.stringify(this.about)})`;
  }
}

const handle = fc.nat(1);
const key = fc.constantFrom(...keys);
const kind = fc.constantFrom<Expectation>('current', 'current', 'current', 'none', 'older', 'foreign');
const commands = fc.commands(
  [
    fc.record({ handle, key, kind, value: fc.string({ maxLength: 4 }) }).map((about) => new Write(about)),
    fc.record({ handle, key, kind, value: fc.constant(null) }).map((about) => new Write(about)),
    fc.record({ handle, key }).map((about) => new Read(about)),
  ],
  { maxCommands: 40 },
);

/** Random sequences over a subject; rejects with the smallest one on which it disagrees with a Map. */
export async function checkAgainstMap(subject: StoreSubject, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      const world = await subject.create();
      const stores = [await world.open(), await world.open()];
      try {
        const canDelete = stores.every((store) => store.capabilities.conditionalDelete);
        const model: Model = { values: new Map(), given: new Map(), canDelete };
        await fc.asyncModelRun(() => ({ model, real: { stores } }), sequence);
      } finally {
        await Promise.all(stores.map((store) => store.close()));
        await world.dispose();
      }
    }),
    { numRuns },
  );
}
