import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Clock } from '../../src/base/clock.ts';
import {
  assertTiming,
  createTiming,
  type Instant,
  type LeaseTiming,
  readInstant,
  takeoverAfterMs,
  validForMs,
} from '../../src/lease/timing.ts';

const at = (monotonicMs: number, wallMs = monotonicMs) => ({ monotonicMs, wallMs, machine: null });

describe('the lengths of a lease', () => {
  test.each([
    [1000, 250, 250],
    [10_000, 500, 2500],
    [60_000, 3000, 15_000],
    [600_000, 30_000, 15_000],
    [3_600_000, 180_000, 15_000],
  ])('of %d ms has a margin of %d ms and calls of at most %d ms', (leaseMs, marginMs, callTimeoutMs) => {
    expect(createTiming(leaseMs)).toMatchObject({ marginMs, callTimeoutMs, takeoverAfterMs: leaseMs * 1.01 });
  });

  test.each([0, 999, 3_600_001, 1000.5, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d ms is refused',
    (leaseMs) => {
      const message = `must be from 1s to 1h, not ${leaseMs} ms`;
      expect(() => createTiming(leaseMs)).toThrow(
        expect.objectContaining({ code: 'config', problems: [{ option: 'lease', message }] }),
      );
    },
  );

  test('every length that is allowed keeps all relations', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 3_600_000 }), (leaseMs) => {
        expect(() => createTiming(leaseMs)).not.toThrow();
      }),
    );
  });

  test.each<[Partial<LeaseTiming>, string[]]>([
    [
      { renewDeadlineMs: 10_000 },
      ['the lease must be longer than the renew deadline', 'the validity must outlast the renew deadline'],
    ],
    [{ renewEveryMs: 5000, renewDeadlineMs: 6000 }, ['the renew deadline must exceed 1.2 renew intervals']],
    [{ renewDeadlineMs: 9500 }, ['the validity must outlast the renew deadline']],
    [{ callTimeoutMs: 2501 }, ['a call to the store must end within a quarter of the lease']],
    [{ marginMs: 499 }, ['the margin must be 5 %, at least 250 ms']],
    [{ takeoverAfterMs: 10_099 }, ['an observer must wait the lease and the drift']],
  ])('a lease of 10 s with %j breaks: %j', (changed, messages) => {
    const timing = { ...createTiming(10_000), ...changed };
    expect(() => assertTiming(timing)).toThrow(
      expect.objectContaining({ problems: messages.map((message) => ({ option: 'lease', message })) }),
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

  const shared = (ms: number, clockId = 'boot'): Instant => ({
    ...at(1000),
    machine: { clockId, ms },
  });
  test.each<[string, Instant, Instant, number]>([
    ['the monotonic clock, from where it stood', at(1000), at(3000), 7500],
    ['the wall clock, from where it stood', at(1000, 5000), at(1000, 8000), 6500],
    ["the machine's clock, from where it stood", shared(100), shared(4100), 5500],
    ["no clock of another machine's", shared(100), shared(9e9, 'other'), 9500],
    ['nothing where the later reading has no name', shared(100), at(1000), 9500],
    ['nothing where the earlier reading has no name', at(1000), shared(9e9), 9500],
  ])('L7: elapsed time is told by %s', (_, sentAt, now, expected) => {
    expect(validForMs(createTiming(10_000), { sentAt, repliedAt: sentAt }, now)).toBe(expected);
  });

  test('L5: the shared clock is read last, so that a stop in between never makes the stamp older than the validity', () => {
    const reads: string[] = [];
    const read = <T>(name: string, value: T) => {
      reads.push(name);
      return value;
    };
    const machine = { clockId: 'boot', ms: 3 };
    const clock = {
      monotonicMs: () => read('monotonic', 1),
      wallMs: () => read('wall', 2),
      machineTime: () => read('machine', machine),
    } as Partial<Clock> as Clock;
    expect(readInstant(clock)).toEqual({ monotonicMs: 1, wallMs: 2, machine });
    expect(reads.at(-1)).toBe('machine');
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
