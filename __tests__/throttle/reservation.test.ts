import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { blockSize } from '../../src/throttle/findings.ts';
import { tokensAt } from '../../src/throttle/gcra.ts';
import {
  BLOCK_LIFE_MS,
  decideGiveBack,
  decideReservation,
  outstandingOfOthers,
  type Reservation,
  type ReservationFacts,
} from '../../src/throttle/reservation.ts';
import {
  encodeSharedRecord,
  MAX_BLOCK,
  parseSharedRecord,
  type SharedRecord,
} from '../../src/throttle/shared-record.ts';

const RATE = { emissionIntervalMs: 100, burst: 50 };

const facts = (overrides: Partial<ReservationFacts> = {}): ReservationFacts => ({
  nowMs: 0,
  rate: RATE,
  reserve: 0,
  lane: { id: 'me', number: 1, inFlight: 0 },
  slots: 1,
  waiting: 1,
  unspent: 0,
  seed: null,
  ceiling: null,
  floor: null,
  notBeforeMs: null,
  ...overrides,
});

function reserved(reservation: Reservation): Reservation & { kind: 'reserved' } {
  if (reservation.kind !== 'reserved') throw new Error('it was put off');
  return reservation;
}

const take = (record: SharedRecord | null, overrides: Partial<ReservationFacts> = {}) =>
  reserved(decideReservation(record, facts(overrides)));
const tokens = (record: SharedRecord, nowMs: number) => tokensAt(record, nowMs);

describe('a reservation', () => {
  test('begins with what the provider counted, and each slot is due when its token is there', () => {
    const { record, dueMs } = take(null, { seed: { tokens: 1, atMs: 0 }, slots: 3 });
    expect(dueMs).toEqual([0, 100, 200]);
    expect(tokens(record, 0)).toBe(-2);
    expect(record).toMatchObject({ total: 3, asOfMs: 0, lanes: [{ id: 'me', number: 1, slots: 3 }] });
  });

  test('queues behind those of the others', () => {
    const first = take(null, { seed: { tokens: 0, atMs: 0 }, slots: 2 }).record;
    const second = take(first, { lane: { id: 'you', number: 1, inFlight: 0 }, nowMs: 50 });
    expect(second.dueMs).toEqual([300]);
  });

  test('takes one for each who waits where tokens are plenty, and no more than a block', () => {
    expect(take(null, { waiting: 7 }).dueMs).toHaveLength(7);
    expect(take(null, { waiting: 99 }).dueMs).toHaveLength(MAX_BLOCK);
    expect(take(null, { waiting: 99, seed: { tokens: 5, atMs: 0 } }).dueMs).toHaveLength(1);
  });

  test('never makes time go back: the axis has come as far as was written', () => {
    const ahead = take(null, { nowMs: 5000 }).record;
    expect(take(ahead, { nowMs: 10 }).record.asOfMs).toBe(5000);
  });

  test('leaves a reserve alone, and says how long until there is more', () => {
    const full = take(null, { seed: { tokens: 12, atMs: 0 }, reserve: 10, slots: 5 });
    expect(full.dueMs).toHaveLength(2);
    expect(decideReservation(full.record, facts({ reserve: 10 }))).toEqual({ kind: 'later', waitMs: 100 });
    expect(take(full.record, { reserve: 10, nowMs: 100 }).dueMs).toEqual([100]);
    // A reserve larger than the bucket must not mean never.
    expect(take(null, { reserve: 1000 }).dueMs).toHaveLength(1);
  });

  test('is lowered to what an answer showed, at once and only once', () => {
    const full = take(null).record;
    const ceiling = { tokens: 3, atMs: 0 };
    const first = take(full, { ceiling, lane: { id: 'a', number: 1, inFlight: 0 } }).record;
    expect(tokens(first, 0)).toBeCloseTo(2);
    const second = take(first, { ceiling, lane: { id: 'b', number: 1, inFlight: 0 } }).record;
    // The same finding of another process takes nothing more away than its own slot.
    expect(tokens(second, 0)).toBeCloseTo(1);
  });

  test('is raised to what must be there, less everything that may still be spent', () => {
    const empty = take(null, { seed: { tokens: 0, atMs: 0 }, slots: 20 }).record;
    const floor = { tokens: 30, atMs: 0, total: 20 };
    expect(tokens(take(empty, { floor }).record, 0)).toBeCloseTo(29);
    // Ten more were reserved since the count was taken: they may or may not have been spent.
    const later = take(empty, { slots: 10, lane: { id: 'b', number: 1, inFlight: 0 } }).record;
    expect(tokens(take(later, { floor }).record, 0)).toBeCloseTo(19);
  });

  test('counts what others may still spend: their latest blocks, and what was under way', () => {
    const one = take(null, { slots: 5, lane: { id: 'a', number: 1, inFlight: 2 } }).record;
    const two = take(one, { slots: 3, lane: { id: 'b', number: 1, inFlight: 0 } }).record;
    const again = take(two, { slots: 1, lane: { id: 'a', number: 2, inFlight: 1 } }).record;
    expect(outstandingOfOthers(again, 'b')).toBe(2);
    expect(outstandingOfOthers(again, 'a')).toBe(3);
  });

  test('forgets the block of a process that left or crashed once its slots can no longer be spent', () => {
    const dead = take(null, { slots: 3, seed: { tokens: 0, atMs: 0 } }).record;
    const soon = take(dead, { nowMs: 300 + BLOCK_LIFE_MS, lane: { id: 'b', number: 1, inFlight: 0 } }).record;
    expect(soon.lanes.map((lane) => lane.id)).toEqual(['me', 'b']);
    const late = take(dead, { nowMs: 301 + BLOCK_LIFE_MS, lane: { id: 'b', number: 1, inFlight: 0 } }).record;
    expect(late.lanes.map((lane) => lane.id)).toEqual(['b']);
  });

  test('obeys the wait the provider asked for, and so does whoever comes after', () => {
    const asked = take(null, { notBeforeMs: 5000 });
    expect(asked.dueMs).toEqual([5000]);
    const next = take(asked.record, { nowMs: 100, lane: { id: 'b', number: 1, inFlight: 0 } });
    expect(next.dueMs).toEqual([5000]);
    expect(take(null, { notBeforeMs: 1e12 }).record.notBeforeMs).toBe(24 * 3_600_000);
  });

  test('keeps what the bucket holds where the rate is another', () => {
    const old = take(null, { seed: { tokens: 10, atMs: 0 } }).record;
    const { record } = take(old, { rate: { emissionIntervalMs: 20, burst: 4500 } });
    expect(record).toMatchObject({ emissionIntervalMs: 20, burst: 4500 });
    expect(tokens(record, 0)).toBeCloseTo(8);
  });

  test('gives unspent slots back, once, and never more than the block was', () => {
    const { record } = take(null, { slots: 4, seed: { tokens: 4, atMs: 0 } });
    const left = decideGiveBack(record, { id: 'me', unspent: 3, nowMs: 0 });
    expect(left && tokens(left, 0)).toBeCloseTo(3);
    expect(left?.lanes).toEqual([]);
    expect(decideGiveBack(left, { id: 'me', unspent: 3, nowMs: 0 })).toBeNull();
    const many = decideGiveBack(record, { id: 'me', unspent: 99, nowMs: 0 });
    expect(many && tokens(many, 0)).toBeCloseTo(4);
    // In the next reservation: only while the lane is still there to show for it.
    expect(
      tokens(take(record, { unspent: 2, lane: { id: 'me', number: 2, inFlight: 0 } }).record, 0),
    ).toBeCloseTo(1);
    expect(
      tokens(take(left, { unspent: 2, lane: { id: 'me', number: 2, inFlight: 0 } }).record, 0),
    ).toBeCloseTo(2);
  });

  test('however many processes take turns, never gives out more slots in any time than there are tokens', () => {
    const step = fc.record({ who: fc.nat(4), gapMs: fc.nat(400), slots: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.nat(50), fc.array(step, { minLength: 1, maxLength: 40 }), (seed, steps) => {
        let record: SharedRecord | null = null;
        let nowMs = 0;
        const dueMs: number[] = [];
        for (const [number, { who, gapMs, slots }] of steps.entries()) {
          nowMs += gapMs;
          const lane = { id: `p${who}`, number: number + 1, inFlight: 0 };
          const done = take(record, { nowMs, slots, lane, seed: { tokens: seed, atMs: nowMs } });
          // What is written is what the next one reads.
          record = parseSharedRecord('k', encodeSharedRecord(done.record));
          dueMs.push(...done.dueMs);
        }
        const sorted = dueMs.sort((a, b) => a - b);
        const startMs = steps[0]?.gapMs ?? 0;
        for (const [at, slotMs] of sorted.entries())
          expect(at + 1).toBeLessThanOrEqual(seed + (slotMs - startMs) / RATE.emissionIntervalMs + 0.01);
      }),
    );
  });
});

describe('a block', () => {
  test.each([
    [0.5, 800, 1],
    [5, 20, 1],
    [6, 20, 5],
    [20, 800, 1],
    [100, 800, 5],
    [400, 800, 7],
    [1000, 800, 10],
    [60_000, 800, 20],
  ])('on a store that takes %d ms, with %d ms from slot to slot, has %d', (latencyMs, intervalMs, slots) => {
    expect(blockSize(latencyMs, intervalMs)).toBe(slots);
  });
});

describe('the shared record', () => {
  const good = take(null).record;

  test('reads back as it was written, and is frozen', () => {
    const read = parseSharedRecord('k', encodeSharedRecord(good));
    expect(read).toEqual(good);
    expect(Object.isFrozen(read.lanes)).toBe(true);
  });

  test.each([
    ['no JSON', '{'],
    ['a newer version', JSON.stringify({ ...good, v: 2 })],
    ['a time before the axis', JSON.stringify({ ...good, asOfMs: -1 })],
    ['a number too large to count with', JSON.stringify({ ...good, total: 2 ** 60 })],
    ['no rate', JSON.stringify({ ...good, emissionIntervalMs: 0 })],
    ['a bucket nobody could have overdrawn so far', JSON.stringify({ ...good, tatMs: 1e12 })],
    ['a wait nobody would ask for', JSON.stringify({ ...good, notBeforeMs: 1e9 })],
    ['blocks that are none', JSON.stringify({ ...good, lanes: [7] })],
    ['a block too large', JSON.stringify({ ...good, lanes: [{ ...good.lanes[0], slots: 21 }] })],
  ])('with %s is corrupt', (_, text) => {
    expect(() => parseSharedRecord('k', text)).toThrow(expect.objectContaining({ code: 'corrupt-record' }));
  });
});
