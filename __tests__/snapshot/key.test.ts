import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { COUNT_NAMES, type Snapshot, type SnapshotCounts } from '../../src/snapshot/contract.ts';
import { formatSnapshotKey, parseSnapshotKey, snapshotPrefixes } from '../../src/snapshot/key.ts';

const subjects = fc.record({
  identity: fc.stringMatching(/^[0-9a-f]{16}$/),
  everyMs: fc.integer({ min: 1, max: 30 * 86_400_000 }),
});
const snapshots: fc.Arbitrary<Snapshot> = fc.record({
  outcome: fc.constantFrom('reaped', 'clean'),
  counts: fc
    .tuple(...COUNT_NAMES.map(() => fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })))
    .map(
      (numbers) => Object.fromEntries(COUNT_NAMES.map((name, at) => [name, numbers[at]])) as SnapshotCounts,
    ),
  atMs: fc.integer({ min: 0, max: 10 ** 14 }),
});
const subject = { identity: 'abcdef0123456789', everyMs: 600_000 };
const zero = Object.fromEntries(COUNT_NAMES.map((name) => [name, 0])) as SnapshotCounts;

describe('the name of a snapshot', () => {
  test('is read back as it was, and fits into a cache', () => {
    fc.assert(
      fc.property(subjects, snapshots, (of, snapshot) => {
        const key = formatSnapshotKey(of, snapshot) ?? '';
        expect(key.length).toBeLessThanOrEqual(512);
        expect(key).toMatch(/^[a-z0-9.-]+$/);
        expect(parseSnapshotKey(of, key)).toEqual(snapshot);
      }),
    );
  });

  test('is found by prefix from its own time until a whole window has passed', () => {
    fc.assert(
      fc.property(
        subjects,
        snapshots,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (of, snapshot, share) => {
          const key = formatSnapshotKey(of, snapshot) ?? '';
          const prefixes = snapshotPrefixes(of, snapshot.atMs + Math.floor(share * of.everyMs));
          expect(prefixes.some((prefix) => key.startsWith(prefix))).toBe(true);
        },
      ),
    );
  });

  test('is not found two windows later, nor by another identity or window', () => {
    const key = formatSnapshotKey(subject, { outcome: 'clean', counts: zero, atMs: 1_000_000 }) ?? '';
    const isFound = (of: typeof subject, nowMs: number) =>
      snapshotPrefixes(of, nowMs).some((prefix) => key.startsWith(prefix));
    expect(isFound(subject, 1_000_000)).toBe(true);
    expect(isFound(subject, 1_000_000 + 1_200_000)).toBe(false);
    expect(isFound({ ...subject, identity: 'abcdef012345678' }, 1_000_000)).toBe(false);
    expect(parseSnapshotKey({ ...subject, everyMs: 60_000 }, key)).toBeNull();
  });

  test('nothing that this version would not have written is believed', () => {
    fc.assert(
      fc.property(fc.string(), fc.stringMatching(/^[a-z0-9.,-]*$/), (any, alike) => {
        expect(parseSnapshotKey(subject, any)).toBeNull();
        const near = `lockstep-sweep-1-${subject.identity}-${alike}`;
        const parsed = parseSnapshotKey(subject, near);
        if (parsed !== null) expect(formatSnapshotKey(subject, parsed)).toBe(near);
      }),
    );
    const key = formatSnapshotKey(subject, { outcome: 'reaped', counts: zero, atMs: 1_000_000 }) ?? '';
    for (const forged of [`${key}.0`, key.slice(0, -2), key.replace('-r-', '-x-'), `${key},`, `${key}-0`]) {
      expect(parseSnapshotKey(subject, forged)).toBeNull();
    }
  });

  test.each([
    ['a negative count', { ...zero, deleted: -1 }, subject],
    ['half a count', { ...zero, deleted: 0.5 }, subject],
    ['an identity that is no hash', zero, { ...subject, identity: 'my-app,1' }],
    ['no window', zero, { ...subject, everyMs: 0 }],
  ])('%s has none', (_, counts, of) => {
    expect(formatSnapshotKey(of, { outcome: 'reaped', counts, atMs: 1 })).toBeNull();
  });
});
