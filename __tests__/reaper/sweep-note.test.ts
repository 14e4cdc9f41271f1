import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ReapOutcome, SweepNote } from '../../src/reaper/contract.ts';
import { NO_COUNTS } from '../../src/reaper/counts.ts';
import {
  decideFresh,
  decideFull,
  lookAgain,
  readSweep,
  type Sight,
  writeSweep,
} from '../../src/reaper/sweep-note.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const sweepAt = (agoMs: number, outcome: ReapOutcome = 'reaped'): SweepNote => ({
  outcome,
  counts: { ...NO_COUNTS, deleted: 3 },
  at: new Date(NOW_MS - agoMs).toISOString(),
});
const isFresh = (sweep: SweepNote, options: { everyMs?: number; seenAt?: string | null } = {}) =>
  decideFresh({
    note: writeSweep({}, 'me', sweep),
    identity: 'me',
    everyMs: 600_000,
    nowWallMs: NOW_MS,
    ...options,
  }) !== null;

describe('a past sweep', () => {
  test.each<[ReapOutcome, boolean]>([
    ['reaped', true],
    ['clean', true],
    ['planned', false],
    ['skipped', false],
    ['incomplete', false],
    ['failed', false],
  ])('that ended as %s makes another unnecessary: %p', (outcome, expected) => {
    expect(isFresh(sweepAt(1000, outcome))).toBe(expected);
  });

  test.each([
    [0, true],
    [599_999, true],
    [600_000, false],
    // From the future: another machine's clock, or a forgery.
    [-1, false],
    [-86_400_000, false],
  ])('%d ms ago is fresh within 10 minutes: %p', (agoMs, expected) => {
    expect(isFresh(sweepAt(agoMs))).toBe(expected);
  });

  test('is never fresh with a window of 0', () => {
    expect(isFresh(sweepAt(0), { everyMs: 0 })).toBe(false);
  });

  test('that ended while we waited is fresh whatever the clocks say', () => {
    expect(isFresh(sweepAt(-5000), { seenAt: null })).toBe(true);
    expect(isFresh(sweepAt(-5000), { seenAt: sweepAt(100).at })).toBe(true);
    expect(isFresh(sweepAt(-5000), { seenAt: sweepAt(-5000).at })).toBe(false);
    expect(isFresh(sweepAt(-5000, 'incomplete'), { seenAt: null })).toBe(false);
  });

  test('of another identity says nothing', () => {
    const note = writeSweep({}, 'other', sweepAt(0));
    expect(decideFresh({ note, identity: 'me', everyMs: 600_000, nowWallMs: NOW_MS })).toBeNull();
    expect(readSweep(note, 'toString')).toBeNull();
  });
});

describe('a look', () => {
  test('knows since when what it sees can have been there: since the last look that found something else', () => {
    const first = lookAgain(null, null, 100);
    expect(first).toEqual({ stamp: null, absentAtMs: Number.NEGATIVE_INFINITY, lookedAtMs: 100 });
    const same = lookAgain(first, null, 200);
    expect(same).toMatchObject({ absentAtMs: Number.NEGATIVE_INFINITY, lookedAtMs: 200 });
    const changed = lookAgain(same, 'a', 350);
    expect(changed).toEqual({ stamp: 'a', absentAtMs: 200, lookedAtMs: 350 });
    expect(lookAgain(changed, 'a', 900)).toEqual({ stamp: 'a', absentAtMs: 200, lookedAtMs: 900 });
    expect(lookAgain(changed, 'b', 900).absentAtMs).toBe(350);
  });
});

describe('a sweep that found the account full', () => {
  const full = (more: Partial<NonNullable<SweepNote['full']>> = {}): SweepNote => ({
    ...sweepAt(0, 'incomplete'),
    reason: 'full',
    full: { listedAgoMs: 2000, nextDueMs: null, told: 'full: 5 apps are there', ...more },
  });
  const seenFor = (ms: number): Sight => ({ stamp: 'x', absentAtMs: 1000 - ms, lookedAtMs: 1000 });
  const decide = (sweep: SweepNote, sight = seenFor(1000), everyMs = 600_000) =>
    decideFull({ note: writeSweep({}, 'me', sweep), identity: 'me', everyMs, sight });

  test('counts for who saw its note appear, with what it told', () => {
    expect(decide(full())).toEqual(full());
  });

  test('counts for nobody who finds its note at the first look: it may be of any age', () => {
    expect(decide(full(), lookAgain(null, 'x', 1000))).toBeNull();
  });

  test.each([
    [2000, 58_000, true],
    [2000, 58_001, false],
    [60_000, 0, true],
    [60_001, 0, false],
  ])('listed %d ms before a note that appeared within %d ms stands: %p', (listedAgoMs, ms, stands) => {
    expect(decide(full({ listedAgoMs }), seenFor(ms)) !== null).toBe(stands);
  });

  test.each([
    [3001, true],
    [3000, false],
    [0, false],
  ])('with the next app due %d ms after its list, 3 s ago at most, stands: %p', (nextDueMs, stands) => {
    expect(decide(full({ nextDueMs })) !== null).toBe(stands);
  });

  test('never counts with freshness off, for another identity, or by an outcome that says something else', () => {
    expect(decide(full(), seenFor(1), 0)).toBeNull();
    const note = writeSweep({}, 'other', full());
    expect(decideFull({ note, identity: 'me', everyMs: 1, sight: seenFor(1) })).toBeNull();
    const { reason: _reason, ...silent } = full();
    const { full: _full, ...bare } = full();
    for (const sweep of [
      silent,
      bare,
      { ...full(), reason: 'deadline' },
      { ...full(), outcome: 'failed' as const },
    ])
      expect(decide(sweep)).toBeNull();
  });

  test('is no done sweep: within the window it suppresses nothing', () => {
    expect(isFresh(full(), { seenAt: null })).toBe(false);
  });

  test('whatever it tells is printable and short, and of many others only the newest keep it', () => {
    let note = {};
    for (let n = 0; n < 40; n += 1)
      note = writeSweep(note, `id${n}`, {
        ...full({ told: 'é\u001b[31m'.repeat(2000) }),
        at: sweepAt(-n * 1000).at,
      });
    note = writeSweep(note, 'me', full());
    const { sweeps } = note as { sweeps: Record<string, SweepNote> };
    expect(Object.entries(sweeps).filter(([, sweep]) => sweep.full)).toHaveLength(5);
    expect(sweeps['id39']?.full?.told).not.toContain('\u001b');
    expect(sweeps['id30']).toMatchObject({ outcome: 'incomplete', reason: 'full' });
    // Beside the beats of a hundred owners it must fit into one value of the store.
    expect(Buffer.byteLength(JSON.stringify(note))).toBeLessThan(24 * 1024);
  });

  test.each([
    [{ listedAgoMs: -1, nextDueMs: null, told: '' }],
    [{ listedAgoMs: 'x', nextDueMs: null, told: '' }],
    [{ listedAgoMs: 1, told: '' }],
    [{ listedAgoMs: 1, nextDueMs: -5, told: '' }],
    [{ listedAgoMs: 1, nextDueMs: null, told: 7 }],
    [[]],
    [null],
  ])('with %j for a finding says nothing about the account', (damage) => {
    const note = { sweeps: { me: { ...full(), full: damage } } };
    expect(decideFull({ note, identity: 'me', everyMs: 1, sight: seenFor(1) })).toBeNull();
    expect(readSweep(note, 'me')).toMatchObject({ outcome: 'incomplete', reason: 'full' });
  });
});

describe('the note', () => {
  test('carries other fields through and is never changed in place', () => {
    const note = Object.freeze({ kept: 1, sweeps: Object.freeze({ other: sweepAt(5) }) });
    expect(writeSweep(note, 'me', sweepAt(0))).toEqual({
      kept: 1,
      sweeps: { me: sweepAt(0), other: sweepAt(5) },
    });
  });

  test('keeps the newest 32, and one’s own even among stamps from the future', () => {
    let note = {};
    for (let n = 0; n < 40; n += 1) note = writeSweep(note, `id${n}`, sweepAt(-n * 1000));
    note = writeSweep(note, 'me', sweepAt(999_999));
    const { sweeps } = note as { sweeps: Record<string, unknown> };
    expect(Object.keys(sweeps)).toHaveLength(32);
    expect(sweeps).toHaveProperty('me');
    expect(sweeps).toHaveProperty('id39');
    expect(sweeps).not.toHaveProperty('id8');
  });

  test('that is damaged anywhere counts as no sweep, and does not stop the next', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (damage) => {
        for (const note of [
          { sweeps: damage },
          { sweeps: { me: damage } },
          { sweeps: { me: { ...sweepAt(0), at: damage } } },
        ]) {
          const fresh = decideFresh({
            note: note as Record<string, unknown>,
            identity: 'me',
            everyMs: 1,
            nowWallMs: 0,
          });
          expect(fresh).toBeNull();
          expect(readSweep(writeSweep(note as Record<string, unknown>, 'me', sweepAt(0)), 'me')).toEqual(
            sweepAt(0),
          );
        }
      }),
    );
  });
});
