import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assertTiming, createTiming, takeoverAfterMs, validForMs } from '../../src/lease/timing.ts';

const at = (monotonicMs: number, wallMs = monotonicMs) => ({ monotonicMs, wallMs, machine: null });

describe('the lengths of a lease', () => {
  test.each([
    [1000, 250, 250],
    [10_000, 500, 2500],
    [60_000, 3000, 15_000],
    [600_000, 30_000, 15_000],
  ])('of %d ms has a margin of %d ms and calls of at most %d ms', (leaseMs, marginMs, callTimeoutMs) => {
    expect(createTiming(leaseMs)).toMatchObject({ marginMs, callTimeoutMs, takeoverAfterMs: leaseMs * 1.01 });
  });

  test.each([0, 999, 3_600_001, 1000.5, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d ms is refused',
    (leaseMs) => {
      expect(() => createTiming(leaseMs)).toThrow(expect.objectContaining({ code: 'config' }));
    },
  );

  test('every length that is allowed keeps all relations', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 3_600_000 }), (leaseMs) => {
        expect(() => createTiming(leaseMs)).not.toThrow();
      }),
    );
  });

  test('all relations that do not hold are told at once', () => {
    const timing = {
      ...createTiming(10_000),
      renewDeadlineMs: 20_000,
      renewEveryMs: 20_000,
      callTimeoutMs: 5000,
    };
    let problems: readonly unknown[] = [];
    try {
      assertTiming(timing);
    } catch (error) {
      problems = (error as { problems: readonly unknown[] }).problems;
    }
    expect(problems).toHaveLength(4);
  });

  test('L3: validity counts from before sending, however late the reply', () => {
    const timing = createTiming(10_000);
    expect(validForMs(timing, { sentAt: at(0), repliedAt: at(2000) }, at(2000))).toBe(7500);
    expect(validForMs(timing, { sentAt: at(0), repliedAt: at(9000) }, at(9500))).toBe(0);
  });

  test('L7: the larger of monotonic and wall elapsed counts', () => {
    const timing = createTiming(10_000);
    const confirmation = { sentAt: at(0, 1e6), repliedAt: at(0, 1e6) };
    expect(validForMs(timing, confirmation, at(1000, 1e6 + 60_000))).toBe(0);
    expect(validForMs(timing, confirmation, at(4000, 1e6 - 60_000))).toBe(5500);
  });

  test('L5: with clock rates 1 % off either way a holder stops before its observer takes over', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 3_600_000 }),
        fc.double({ min: -0.01, max: 0.01, noNaN: true }),
        fc.double({ min: -0.01, max: 0.01, noNaN: true }),
        (leaseMs, holderDrift, observerDrift) => {
          const timing = createTiming(leaseMs);
          // True time at which each is done, both starting at 0: the observer cannot have seen it before it was sent.
          const holderEndsMs = (leaseMs - timing.marginMs) / (1 + holderDrift);
          const takeoverMs = takeoverAfterMs(leaseMs) / (1 + observerDrift);
          expect(holderEndsMs).toBeLessThan(takeoverMs);
        },
      ),
    );
  });
});
