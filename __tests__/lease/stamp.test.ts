import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isSuspect, type Marked, markOf, takeoverByStampInMs } from '../../src/lease/stamp.ts';
import { createTiming, type Instant, validForMs } from '../../src/lease/timing.ts';

const LEASE_MS = 10_000;
const WALL_MS = Date.UTC(2026, 0, 1);
const BOOT = '04fdd084-3c38-43bb-8ec5-bc14032abe54';
const CLOCK = `${BOOT}/4026531834`;

/** `ms` after the machine's first instant, as a process of this clock reads it. */
const at = (ms: number, clockId: string | null = CLOCK, wallMs = WALL_MS + ms): Instant => ({
  // Each process counts from a start of its own.
  monotonicMs: ms % 977,
  wallMs,
  machine: clockId === null ? null : { clockId, ms: 500_000 + ms },
});
const marked = (sentAt: Instant): Marked => ({ leaseMs: LEASE_MS, ...markOf(sentAt) });
const NEVER = Number.POSITIVE_INFINITY;

describe('a stamp', () => {
  test('is the instant it was made of, never earlier', () => {
    const { stamp } = markOf({ ...at(0), machine: { clockId: CLOCK, ms: 12.000001 } });
    expect(stamp).toEqual({ clockId: CLOCK, ms: 13 });
    expect(markOf(at(0, null))).toEqual({ renewedAt: '2026-01-01T00:00:00.000Z' });
  });

  test.each([
    ['at once, for a lease and the drift', at(0), 10_100],
    ['later, for the rest', at(6000), 4100],
    ['a millisecond before the end', at(10_099), 1],
    ['at the end', at(10_100), 0],
    ['long after', at(1e9), 0],
    ['from the future', at(-1), NEVER],
    ['from far in the future', at(-1e6, CLOCK, WALL_MS + 1e6), NEVER],
    ['read on a machine of another boot', at(1e6, `04fdd084-3c38-43bb-8ec5-bc14032abe55/4026531834`), NEVER],
    ['read in another time namespace', at(1e6, `${BOOT}/4026532001`), NEVER],
    ['read where no clock has a name', at(1e6, null), NEVER],
    ['withheld by a wall clock that was set back', at(20_000, CLOCK, WALL_MS - 1), NEVER],
    ['withheld by a wall clock that saw less than a lease', at(20_000, CLOCK, WALL_MS + 3000), 7100],
    ['not hastened by a wall clock that was set forward', at(6000, CLOCK, WALL_MS + 1e9), 4100],
  ])('L4: read %s', (_, now, expected) => {
    expect(takeoverByStampInMs(marked(at(0)), now)).toBe(expected);
  });

  test.each<[string, Partial<Marked>]>([
    ['without a time', { stamp: { clockId: CLOCK, ms: 0 } }],
    ['with a time that is none', { stamp: { clockId: CLOCK, ms: 0 }, renewedAt: 'yesterday' }],
    ['that is not there', { renewedAt: '2025-01-01T00:00:00.000Z' }],
  ])('%s is no evidence', (_, fields) => {
    expect(takeoverByStampInMs({ leaseMs: LEASE_MS, ...fields }, at(0))).toBe(NEVER);
  });

  test('L5: whoever is stopped, and wherever, a holder has stopped before an observer of the same clock may come', () => {
    const timing = createTiming(LEASE_MS);
    const pause = fc.double({ min: 0, max: 30_000, noNaN: true });
    fc.assert(
      fc.property(
        pause,
        pause,
        pause,
        fc.integer({ min: -1e6, max: 1e6 }),
        (sending, reply, later, jumpMs) => {
          const sentAt = at(0);
          // Stopped between the stamp and the sending, until the reply, and after it; meanwhile somebody sets the wall clock.
          const repliedAt = at(sending + reply);
          const now = at(sending + reply + later, CLOCK, WALL_MS + sending + reply + later + jumpMs);
          if (takeoverByStampInMs(marked(sentAt), now) > 0) return;
          expect(validForMs(timing, { sentAt, repliedAt }, now)).toBe(0);
        },
      ),
    );
  });
});

describe('a suspect', () => {
  test.each([
    ['who has just renewed is none', at(0), false],
    ['nor is one within its lease', at(10_000), false],
    ['one who is silent for longer is', at(10_001, null), true],
    ['skew makes a living one suspect, which costs a wait', at(100, null, WALL_MS + 60_000), true],
    ['a little skew does not', at(0, null, WALL_MS - 9000), false],
    ['a time a lease ahead is as odd as an old one', at(0, null, WALL_MS - 10_001), true],
    [
      'an old stamp of the same clock is suspect, whatever the wall clock says',
      at(10_001, CLOCK, WALL_MS),
      true,
    ],
  ])('%s', (_, now, expected) => {
    expect(isSuspect(marked(at(0)), now)).toBe(expected);
  });

  test('one whose time cannot be told is: records of earlier versions have none', () => {
    expect(isSuspect({ leaseMs: LEASE_MS }, at(0))).toBe(true);
    expect(isSuspect({ leaseMs: LEASE_MS, renewedAt: 'soon' }, at(0))).toBe(true);
  });
});
