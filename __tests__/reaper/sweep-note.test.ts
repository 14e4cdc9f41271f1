import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ReapOutcome, SweepNote } from '../../src/reaper/contract.ts';
import { NO_COUNTS } from '../../src/reaper/counts.ts';
import { decideFresh, readSweep, writeSweep } from '../../src/reaper/sweep-note.ts';

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
