// When the lease on an app may be removed: the decision as tables and properties.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ClockReading, decideFreeApp } from '../../src/app/gc-apps.ts';
import type { LeaseRecord } from '../../src/lease/contract.ts';
import { createRecord, encodeRecord, parseRecord } from '../../src/lease/record.ts';
import { withOwner, withoutNonce } from '../../src/lease/transition.ts';

const OLD_MS = 1000;
const HOLDER = { text: 'job', host: 'h', pid: 1 };
const hold = (record: LeaseRecord, nonce: string) => {
  const owner = { nonce, seq: 0, leaseMs: 60_000, holder: HOLDER, since: '2026-01-01T00:00:00.000Z' };
  return withOwner(record, owner, { entries: new Set(), tickets: new Set() });
};
const free = (record: LeaseRecord, nonce: string) => withoutNonce(record, nonce, record.note);
const freed = free(hold(createRecord(1), 'a'), 'a');
const machine = (ms: number, wallMs = ms, clockId = 'boot-1'): ClockReading => ({ clockId, ms, wallMs });
const github = (ms: number): ClockReading => ({ clockId: 'api.github.com', ms });
const decide = (record: LeaseRecord, ...readings: ClockReading[]) =>
  decideFreeApp(record, { readings, oldMs: OLD_MS });
/** The record with the mark that `gc` leaves, through the store and back. */
const marked = (record: LeaseRecord, ...readings: ClockReading[]): LeaseRecord => {
  const verdict = decide(record, ...readings);
  if (verdict.kind !== 'mark') throw new Error(`it was to be marked, not ${verdict.kind}`);
  return parseRecord('k', encodeRecord('k', { ...record, note: verdict.note }));
};

describe('a lease on an app', () => {
  test('that is held is kept, and not marked either', () => {
    expect(decide(hold(createRecord(1), 'a'), github(5))).toEqual({ kind: 'keep' });
    expect(decide(hold(marked(freed, github(0)), 'b'), github(9e9))).toEqual({ kind: 'keep' });
  });

  test('that is waited for is kept', () => {
    const ticket = { nonce: 't', seq: 0, leaseMs: 60_000, holder: HOLDER };
    expect(decide({ ...freed, tickets: [ticket] }, github(5))).toEqual({ kind: 'keep' });
  });

  test('that is free is marked at the first look, whatever else its note carries, and not again', () => {
    const verdict = decide({ ...freed, note: { theirs: 1 } }, github(5), machine(7));
    expect(verdict).toEqual({
      kind: 'mark',
      note: { theirs: 1, gc: { token: 1, seen: [github(5), machine(7)] } },
    });
    expect(decide(marked(freed, github(5)), github(6))).toEqual({ kind: 'keep' });
  });

  test('is kept where no clock can be read', () => {
    expect(decide(freed)).toEqual({ kind: 'keep' });
    expect(decide(marked(freed, github(0)))).toEqual({ kind: 'keep' });
  });

  test.each([
    [github(0), github(OLD_MS), 'keep'],
    [github(0), github(OLD_MS + 1), 'remove'],
    [github(5000), github(0), 'keep'],
    [machine(0), machine(OLD_MS + 1), 'remove'],
    // The wall must agree, whichever of the two is slower.
    [machine(0, 0), machine(OLD_MS + 1, OLD_MS), 'keep'],
    [machine(0, 0), machine(OLD_MS, OLD_MS + 1), 'keep'],
    [machine(0, 0), { clockId: 'boot-1', ms: 9e9 }, 'keep'],
    // Of two clocks nothing is concluded; the second one is noted beside the first.
    [machine(0), machine(9e9, 9e9, 'boot-2'), 'mark'],
    [machine(0), github(9e9), 'mark'],
  ] as const)('marked at %j, looked at when it is %j: %s', (then, now, kind) => {
    expect(decide(marked(freed, then), now).kind).toBe(kind);
  });

  test('that was held in between is as young as at the first look', () => {
    const again = free(hold(marked(freed, github(0)), 'b'), 'b');
    expect(again.note).toHaveProperty('gc');
    expect(decide(again, github(9e9)).kind).toBe('mark');
    expect(decide(marked(again, github(9e9)), github(9e9 + OLD_MS))).toEqual({ kind: 'keep' });
  });

  test('remembers a few clocks, and the first reading of each', () => {
    let record = marked(freed, machine(0, 0, 'boot-0'));
    for (let n = 1; n <= 5; n += 1) record = marked(record, machine(n, n, `boot-${n}`));
    expect(record.note['gc']).toMatchObject({ seen: [2, 3, 4, 5].map((n) => machine(n, n, `boot-${n}`)) });
    expect(decide(record, machine(OLD_MS + 3, OLD_MS + 3, 'boot-2')).kind).toBe('remove');
  });

  test('with a damaged mark is never removed for it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (damage, part) => {
        for (const gc of [
          damage,
          { token: 1, seen: damage },
          { token: 1, seen: [{ clockId: 'api.github.com', ms: part === 0 ? 'x' : part, wallMs: 'x' }] },
        ]) {
          const record = { ...freed, note: { gc } } as LeaseRecord;
          expect(decide(record, github(9e9)).kind).toBe('mark');
        }
      }),
    );
  });
});
