// Cases of the register itself: S1–S4, S8, S12–S16.
import { expect } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { MAX_VALUE_BYTES, type Store, type WriteResult } from '../../src/store/contract.ts';
import { createKey } from '../../src/store/key.ts';
import type { StoreCase } from './store-suite.ts';

/** Writes and insists. */
export async function mustWrite(store: Store, key: string, expectRevision: string | null, value: string) {
  const result = await store.compareAndSet(key, expectRevision, value);
  expect(result).toMatchObject({ ok: true });
  return (result as Extract<WriteResult, { ok: true }>).revision;
}

const racers = 12;

export const basicCases: readonly StoreCase[] = [
  {
    rule: 'S1',
    title: 'of many concurrent creations exactly one succeeds, and its value is there',
    async run({ store, other, key, readUntil }) {
      const results = await Promise.all(
        Array.from({ length: racers }, (_, i) => (i % 2 ? store : other).compareAndSet(key(), null, `v${i}`)),
      );
      expect(results.filter((r) => r.ok)).toHaveLength(1);
      await readUntil(store, key(), (value) => value === `v${results.findIndex((r) => r.ok)}`);
    },
  },
  {
    rule: 'S2',
    title: 'of many concurrent writes on one revision exactly one succeeds, round after round',
    async run({ store, other, key, readUntil }) {
      let revision = await mustWrite(store, key(), null, 'start');
      for (let round = 0; round < 5; round += 1) {
        const results = await Promise.all(
          Array.from({ length: racers }, (_, i) =>
            (i % 2 ? store : other).compareAndSet(key(), revision, `${round}-${i}`),
          ),
        );
        const winners = results.flatMap((r, i) => (r.ok ? [{ i, revision: r.revision }] : []));
        expect(winners).toHaveLength(1);
        revision = winners[0]?.revision ?? '';
        await readUntil(other, key(), (value) => value === `${round}-${winners[0]?.i}`);
      }
    },
  },
  {
    rule: 'S3',
    title: 'a stale revision changes nothing',
    async run({ store, key, readUntil }) {
      const first = await mustWrite(store, key(), null, 'one');
      const second = await mustWrite(store, key(), first, 'two');
      expect(await store.compareAndSet(key(), first, 'late')).toMatchObject({ ok: false });
      expect(await store.compareAndSet(key(), null, 'late')).toMatchObject({ ok: false });
      await readUntil(store, key(), (value) => value === 'two');
      await mustWrite(store, key(), second, 'three');
    },
  },
  {
    rule: 'S3',
    title: 'a revision on a key that is not there changes nothing',
    async run({ store, key }) {
      const revision = await mustWrite(store, key('kind', 'there'), null, 'x');
      for (const wrong of [revision, '1', '', 'no revision at all']) {
        expect(await store.compareAndSet(key(), wrong, 'x')).toMatchObject({ ok: false });
      }
      expect(await store.get(key())).toBeNull();
    },
  },
  {
    rule: 'S3',
    title: 'a conditional delete with a stale revision removes nothing, with the current one it removes',
    async run({ store, other, key, readUntil }) {
      const first = await mustWrite(store, key(), null, 'one');
      if (!store.capabilities.conditionalDelete) {
        await expect(store.delete(key(), first)).rejects.toMatchObject({ code: 'unsupported' });
        return;
      }
      const second = await mustWrite(store, key(), first, 'two');
      expect(await store.delete(key(), first)).toMatchObject({ ok: false });
      await readUntil(other, key(), (value) => value === 'two');
      expect(await store.delete(key(), second)).toMatchObject({ ok: true });
      await readUntil(other, key(), (value) => value === null);
      expect(await store.delete(key(), second)).toMatchObject({ ok: false });
      expect(await store.compareAndSet(key(), second, 'late')).toMatchObject({ ok: false });
    },
  },
  {
    rule: 'S4',
    title: 'A to B to A has a fresh revision, and the first one is stale',
    async run({ store, key }) {
      const first = await mustWrite(store, key(), null, 'A');
      const second = await mustWrite(store, key(), first, 'B');
      const third = await mustWrite(store, key(), second, 'A');
      expect(new Set([first, second, third]).size).toBe(3);
      expect(await store.compareAndSet(key(), first, 'late')).toMatchObject({ ok: false });
    },
  },
  {
    rule: 'S4',
    title: 'a key that was deleted and made again has a fresh revision',
    async run({ store, other, key }) {
      if (!store.capabilities.conditionalDelete) return;
      const revisions = new Set<string>();
      for (let round = 0; round < 3; round += 1) {
        const revision = await mustWrite(store, key(), null, 'same');
        revisions.add(revision);
        expect(await other.delete(key(), revision)).toMatchObject({ ok: true });
      }
      expect(revisions.size).toBe(3);
      await mustWrite(store, key(), null, 'again');
      for (const old of revisions) {
        expect(await store.compareAndSet(key(), old, 'late')).toMatchObject({ ok: false });
      }
    },
  },
  {
    rule: 'S8',
    title: 'a read after a write has the written value and its revision, through any handle',
    async run({ store, other, key, readUntil }) {
      let revision: string | null = null;
      for (const value of ['one', 'two', 'three']) {
        revision = await mustWrite(store, key(), revision, value);
        if (!store.capabilities.linearizableReads) await readUntil(other, key(), (found) => found === value);
        else {
          expect(await store.get(key())).toEqual({ value, revision });
          expect(await other.get(key())).toEqual({ value, revision });
        }
      }
    },
  },
  {
    rule: 'S8',
    title: 'a key that nobody wrote reads as null',
    async run({ store, key }) {
      expect(await store.get(key())).toBeNull();
    },
  },
  {
    rule: 'S12',
    title: 'any Unicode value up to the limit comes back as it was',
    async run({ store, other, key, readUntil }) {
      const values = [
        '',
        ' ',
        '\u0000\u0001\n\r\n',
        'é ß 漢字 🦑 \u202e\ufeff',
        '{"v":1}',
        'x'.repeat(MAX_VALUE_BYTES),
        '漢'.repeat(Math.floor(MAX_VALUE_BYTES / 3)),
      ];
      let revision: string | null = null;
      for (const value of values) {
        revision = await mustWrite(store, key(), revision, value);
        await readUntil(other, key(), (found) => found === value);
      }
    },
  },
  {
    rule: 'S12',
    title: 'a value over the limit, or half a surrogate pair, is refused and nothing changes',
    async run({ store, key, readUntil }) {
      const revision = await mustWrite(store, key(), null, 'kept');
      for (const value of [
        'x'.repeat(MAX_VALUE_BYTES + 1),
        '漢'.repeat(MAX_VALUE_BYTES / 2),
        'half \ud800',
      ]) {
        await expect(store.compareAndSet(key(), revision, value)).rejects.toMatchObject({
          code: 'unsupported',
        });
      }
      await readUntil(store, key(), (value) => value === 'kept');
    },
  },
  {
    rule: 'S12',
    title: 'a key that was not made by createKey is refused',
    async run({ store }) {
      for (const key of [
        '',
        '/',
        'a//b',
        'a/',
        '/a',
        '../a',
        'a/../b',
        '.git/x',
        'UPPER',
        'a b',
        'a\\b',
        'a@',
      ]) {
        await expect(store.get(key)).rejects.toMatchObject({ code: 'invariant' });
        await expect(store.compareAndSet(key, null, 'x')).rejects.toMatchObject({ code: 'invariant' });
      }
    },
  },
  {
    rule: 'S13',
    title: 'keys that look alike do not interfere',
    async run({ store, other, key, readUntil }) {
      const keys = [
        key('a'),
        key('a', 'b'),
        key('a', 'b', 'c'),
        key('a/b'),
        key('A'),
        key('a.lock'),
        key('a', '.'),
        key('a', '..'),
        key('@'),
        key('con'),
        key('~40'),
        key('x'.repeat(200)),
        key('x'.repeat(200), 'x'),
        key('x'.repeat(201)),
        key('é'.repeat(100)),
      ];
      expect(new Set(keys).size).toBe(keys.length);
      const revisions = new Map<string, string>();
      for (const each of keys) revisions.set(each, await mustWrite(store, each, null, `of ${each}`));
      for (const each of keys) await readUntil(other, each, (value) => value === `of ${each}`);
      const [first = '', second = ''] = keys;
      await mustWrite(store, first, revisions.get(first) ?? '', 'changed');
      await readUntil(other, second, (value) => value === `of ${second}`);
      expect((await store.list(key('a').split('/')[0] ?? '')).sort()).toEqual([...keys].sort());
    },
  },
  {
    rule: 'S13',
    title: "one key's revision means nothing to another",
    async run({ store, key }) {
      const of = {
        a: await mustWrite(store, key('a'), null, 'x'),
        b: await mustWrite(store, key('b'), null, 'x'),
      };
      expect(await store.compareAndSet(key('a'), of.b, 'late')).toMatchObject({ ok: false });
    },
  },
  {
    rule: 'S14',
    title: 'a reader during writes sees whole values only, and never goes back where reads are linearizable',
    async run({ store, other, key }) {
      const wholeValue = (n: number) => `${n}:`.repeat(2000);
      let isOver = false;
      const read = async () => {
        for (let last = -1; !isOver; await new Promise((resolve) => setImmediate(resolve))) {
          const value = (await other.get(key()))?.value;
          if (value === undefined) continue;
          const n = Number.parseInt(value, 10);
          expect(value === wholeValue(n)).toBe(true);
          if (store.capabilities.linearizableReads) expect(n).toBeGreaterThanOrEqual(last);
          last = n;
        }
      };
      const write = async () => {
        let revision: string | null = null;
        for (let n = 0; n < 20; n += 1) revision = await mustWrite(store, key(), revision, wholeValue(n));
      };
      const writing = write().finally(() => {
        isOver = true;
      });
      await Promise.all([writing, read()]);
    },
  },
  {
    rule: 'S15',
    title: 'a result carries a value and a revision, and no wall clock',
    async run({ store, key }) {
      const written = await store.compareAndSet(key(), null, 'x');
      const lost = await store.compareAndSet(key(), null, 'y');
      const entry = await store.get(key());
      expect(Object.keys(written).sort()).toEqual(['ok', 'revision']);
      expect(Object.keys(lost).filter((name) => name !== 'current')).toEqual(['ok']);
      expect(Object.keys(entry ?? {}).sort()).toEqual(['revision', 'value']);
      const nowMs = systemClock.wallMs();
      const numbers = (entry?.revision.match(/\d{10,13}/g) ?? []).map(Number);
      const day = 86_400_000;
      expect(numbers.filter((n) => Math.abs(n - nowMs) < day || Math.abs(n * 1000 - nowMs) < day)).toEqual(
        [],
      );
    },
  },
  {
    rule: 'S16',
    title: "list gives each key under the prefix once, at a segment's border, however often it was written",
    async run({ store, other, key }) {
      const under = [key('lock', 'a'), key('lock', 'a', 'b'), key('lock', 'c')];
      const beside = [key('locks', 'a'), key('gate', 'a')];
      for (const each of [...under, ...beside]) {
        const revision = await mustWrite(store, each, null, '1');
        await mustWrite(store, each, revision, '2');
      }
      expect((await other.list(key('lock'))).sort()).toEqual([...under].sort());
      expect((await other.list(`${key('lock')}/`)).sort()).toEqual([...under].sort());
      expect((await other.list(key('lock', 'a'))).sort()).toEqual(under.slice(0, 2).sort());
      expect(await other.list(key('loc'))).toEqual([]);
      const all = await other.list('');
      expect(all.filter((each) => [...under, ...beside].includes(each))).toHaveLength(5);
    },
  },
  {
    rule: 'S16',
    title: 'list leaves out what was deleted and keeps what was there throughout',
    async run({ store, other, key }) {
      const steady = ['a', 'b', 'c'].map((name) => key('steady', name));
      for (const each of steady) await mustWrite(store, each, null, 'x');
      if (store.capabilities.conditionalDelete) {
        const revision = await mustWrite(store, key('steady', 'gone'), null, 'x');
        await store.delete(key('steady', 'gone'), revision);
      }
      const listings = await Promise.all([
        other.list(key('steady')),
        ...Array.from({ length: 5 }, (_, i) => store.compareAndSet(key('other', `${i}`), null, 'x')),
        other.list(key('steady')),
      ]);
      for (const listing of [listings[0], listings.at(-1)])
        expect([...(listing as string[])].sort()).toEqual(steady);
    },
  },
  {
    rule: 'S12',
    title: 'every name, however odd, is a key of its own',
    async run({ store, other, key, readUntil }) {
      const names = [
        '..',
        '.',
        '.lock',
        'x.lock',
        'ÄÖ',
        'a b',
        '~',
        '-',
        '--force',
        'refs/heads/x',
        'a\\b',
        '\u0000',
        '@{0}',
      ];
      for (const name of names) await mustWrite(store, key('odd', name), null, name);
      for (const name of names) await readUntil(other, key('odd', name), (value) => value === name);
      expect(await store.list(createKey('never', 'used'))).toEqual([]);
    },
  },
];
