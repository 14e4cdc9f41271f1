import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createPatientManager,
  describeQuota,
  isBelowFloor,
  quotaFloor,
  startDelayMs,
} from '../../src/app/quota.ts';
import { createDeadline } from '../../src/base/deadline.ts';
import { ThrottledError, UnavailableError } from '../../src/base/errors.ts';
import type { LeaseManager, LeaseView } from '../../src/lease/contract.ts';
import { createManualClock } from '../support/manual-clock.ts';

const rate = (remaining: number, limit = 1000) => ({ resource: 'core', limit, remaining, resetMs: 60_000 });

describe('the floor of the budget', () => {
  test.each([
    [200, null, false],
    [199, null, true],
    [0, null, true],
    [40, 50, true],
    [50, 50, false],
    [0, 0, false],
  ])('with %d of 1000 left and a floor of %s a clean-up is left: %s', (remaining, given, isLeft) => {
    expect(isBelowFloor(rate(remaining), given)).toBe(isLeft);
  });

  test('a server without limits has none', () => {
    expect(isBelowFloor(null, 50)).toBe(false);
  });

  test('is a fifth of whatever the limit is', () => {
    expect([1000, 5000, 15_000, 3].map((limit) => quotaFloor({ limit }, null))).toEqual([200, 1000, 3000, 1]);
  });

  test('the notice says what is left, and for a limit of another kind says so', () => {
    expect(describeQuota(rate(7), null)).toContain('7 of 1000 requests');
    expect(describeQuota(rate(900), null)).toContain('limits requests at the moment');
    expect(describeQuota(null, null)).toContain('limits requests at the moment');
  });
});

describe('the first attempts of a matrix', () => {
  test('are a second and a half apart, the first at once, none later than three and a half', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (index, random) => {
          const delayMs = startDelayMs(index, random);
          const middleMs = Math.min(index, 2) * 1500;
          expect(delayMs).toBeGreaterThanOrEqual(0.8 * middleMs - 1);
          expect(delayMs).toBeLessThanOrEqual(1.2 * middleMs + 1);
        },
      ),
    );
    expect(startDelayMs(null, 0.9)).toBe(0);
  });
});

describe('patience', () => {
  const view: LeaseView = { revision: null, record: null };

  /** A manager whose reads meet these errors first. */
  function start(
    errors: (Error | ((nowMs: number) => Error))[],
    options: { delayMs?: number; timeoutMs?: number } = {},
  ) {
    const clock = createManualClock();
    const calls: number[] = [];
    const read = async () => {
      calls.push(clock.monotonicMs());
      const error = errors.shift();
      if (error) throw typeof error === 'function' ? error(clock.monotonicMs()) : error;
      return view;
    };
    const manager = { read, tryAcquire: read, acquire: read } as unknown as LeaseManager;
    const deadline = createDeadline({
      clock,
      timeoutMs: options.timeoutMs ?? 600_000,
      waitingFor: 'the test',
    });
    const patient = createPatientManager(manager, { clock, deadline, delayMs: options.delayMs ?? 0 });
    return { clock, calls, result: patient.read('k').catch((error: unknown) => error) };
  }
  const throttledFor = (ms: number) => (nowMs: number) =>
    new ThrottledError('limited', { retryAtMs: nowMs + ms });

  test('begins after its delay', async () => {
    const { clock, calls, result } = start([], { delayMs: 2000 });
    await clock.advance(1999);
    expect(calls).toEqual([]);
    await clock.advance(1);
    expect(await result).toBe(view);
  });

  test('waits out a limit that ends within a minute, and never comes back before', async () => {
    const { clock, calls, result } = start([throttledFor(30_000), throttledFor(60_000)]);
    await clock.advance(200_000);
    expect(await result).toBe(view);
    expect(calls).toHaveLength(3);
    expect((calls[1] ?? 0) - (calls[0] ?? 0)).toBeGreaterThan(30_000);
    expect((calls[2] ?? 0) - (calls[1] ?? 0)).toBeGreaterThan(60_000);
  });

  test.each([
    ['takes most of an hour', [throttledFor(1_800_000)], {}, 1],
    ['outlasts the command', [throttledFor(30_000)], { timeoutMs: 20_000 }, 1],
    ['comes a third time', [throttledFor(10), throttledFor(10), throttledFor(10)], {}, 3],
    ['names no end', [new ThrottledError('limited', { retryAtMs: null })], {}, 1],
  ])('a limit that %s is not waited for', async (_, errors, options, count) => {
    const { clock, calls, result } = start(errors, options);
    await clock.advance(10_000);
    expect(await result).toMatchObject({ code: 'throttled' });
    expect(calls).toHaveLength(count);
  });

  test('another error goes through at once', async () => {
    const { result } = start([new UnavailableError('down')]);
    expect(await result).toMatchObject({ code: 'unavailable' });
  });
});
