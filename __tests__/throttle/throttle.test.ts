import { setMaxListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { CancelledError } from '../../src/base/errors.ts';
import type { ThrottleSettings } from '../../src/throttle/contract.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';

function setUp(settings: Partial<ThrottleSettings> = {}) {
  const clock = createManualClock();
  const throttle = createThrottle({
    settings: { emissionIntervalMs: 100, burst: 3, reserve: 0, ...settings },
    clock,
  });
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const granted: string[] = [];
  const take = (name: string, own: AbortSignal = signal) =>
    throttle.take({ signal: own }).then(
      () => void granted.push(`${name}@${Math.round(clock.monotonicMs())}`),
      (error: Error) => void granted.push(`${name}!${error.message}`),
    );
  return { clock, throttle, take, granted, signal };
}

describe('a throttle', () => {
  test('lets a burst go at once, then one per interval, first come, first served', async () => {
    const { clock, take, granted } = setUp();
    for (const name of ['a', 'b', 'c', 'd', 'e']) void take(name);
    await clock.advance(1000);
    expect(granted).toEqual(['a@0', 'b@0', 'c@0', 'd@100', 'e@200']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('says when the next call would go, behind those who wait', async () => {
    const { clock, throttle, take } = setUp();
    expect(throttle.delayMs()).toBe(0);
    for (const name of ['a', 'b', 'c', 'd']) void take(name);
    await settle();
    expect(throttle.delayMs()).toBe(200);
    await clock.advance(100);
    expect(throttle.delayMs()).toBe(100);
  });

  test('gives up a place in the queue when its caller does; those behind move up', async () => {
    const { clock, take, granted } = setUp({ burst: 1 });
    const quitter = new AbortController();
    void take('a');
    void take('b', quitter.signal);
    void take('c');
    await settle();
    quitter.abort(new CancelledError('enough'));
    await clock.advance(1000);
    expect(granted).toEqual(['a@0', 'b!enough', 'c@100']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('leaves no timer when the last who waits gives up, and none is granted after an abort', async () => {
    const { clock, throttle, take, granted } = setUp({ burst: 1 });
    const quitter = new AbortController();
    void take('a');
    void take('b', quitter.signal);
    await settle();
    expect(clock.pendingTimers).toBe(1);
    quitter.abort(new CancelledError('enough'));
    await settle();
    expect(clock.pendingTimers).toBe(0);
    await expect(throttle.take({ signal: quitter.signal })).rejects.toThrow('enough');
    expect(granted).toEqual(['a@0', 'b!enough']);
  });

  test('obeys Retry-After to the millisecond', async () => {
    const { clock, throttle, take, granted } = setUp();
    void take('a');
    await settle();
    throttle.observe({ throttled: true, retryAfterMs: 7000 });
    expect(throttle.delayMs()).toBe(7000);
    void take('b');
    await clock.advance(10_000);
    expect(granted).toEqual(['a@0', 'b@7000']);
    expect(throttle.throttledCount).toBe(1);
  });

  test('holds back also those who waited already', async () => {
    const { clock, throttle, take, granted } = setUp({ burst: 1 });
    void take('a');
    void take('b');
    await settle();
    throttle.observe({ throttled: true, retryAfterMs: 500 });
    await clock.advance(1000);
    expect(granted).toEqual(['a@0', 'b@500']);
  });

  test('believes the provider where it counts less than we do', async () => {
    const { clock, throttle, take, granted } = setUp({ burst: 4500, emissionIntervalMs: 800 });
    void take('list');
    await settle();
    throttle.observe({ throttled: false, remaining: 1 });
    void take('a');
    void take('b');
    await clock.advance(5000);
    expect(granted).toEqual(['list@0', 'a@0', 'b@800']);
  });

  test('sends nothing while nothing remains, until a refill is due', async () => {
    const { clock, throttle, take, granted } = setUp({ burst: 4500, emissionIntervalMs: 800 });
    void take('list');
    await settle();
    throttle.observe({ throttled: false, remaining: 0 });
    void take('a');
    await clock.advance(799);
    expect(granted).toEqual(['list@0']);
    await clock.advance(1);
    expect(granted).toEqual(['list@0', 'a@800']);
  });

  test('sends nothing before the reset of a budget that comes back all at once', async () => {
    const { clock, throttle, take, granted } = setUp({ burst: 60, emissionIntervalMs: 100 });
    void take('a');
    await settle();
    throttle.observe({ throttled: false, remaining: 0, limit: 60, resetMs: 40_000 });
    void take('b');
    await clock.advance(60_000);
    expect(granted).toEqual(['a@0', 'b@40000']);
  });

  test('does not wait for a bucket to be full where the reset only says when it will be', () => {
    const { throttle } = setUp({ burst: 60, emissionIntervalMs: 100 });
    throttle.observe({ throttled: false, remaining: 0, limit: 60, resetMs: 6000 });
    expect(throttle.delayMs()).toBe(100);
  });

  test('counts what is under way against what remains', async () => {
    const { throttle, take } = setUp({ burst: 100 });
    for (const name of ['a', 'b', 'c', 'd']) void take(name);
    await settle();
    // Three answers are out: of the 3 that remain, none is ours to spend.
    throttle.observe({ throttled: false, remaining: 3 });
    expect(throttle.delayMs()).toBe(100);
  });

  test('learns a larger budget than it was told to start with', async () => {
    const { throttle, take, granted } = setUp({ burst: 2 });
    void take('list');
    await settle();
    throttle.observe({ throttled: false, remaining: 4000, limit: 4500 });
    for (let n = 0; n < 100; n += 1) void take(`x${n}`);
    await settle();
    expect(granted).toHaveLength(101);
  });

  test('leaves the reserve to others', async () => {
    const { clock, throttle, take, granted } = setUp({ burst: 10, reserve: 8 });
    for (const name of ['a', 'b', 'c']) void take(name);
    await settle();
    expect(granted).toEqual(['a@0', 'b@0']);
    throttle.observe({ throttled: false, remaining: 6 });
    await clock.advance(10_000);
    // Two are under way or done, so 5 of the 10 may be left; the ninth is there after four more.
    expect(granted[2]).toBe('c@400');
  });

  test('with a reserve larger than the budget still goes, one call per refill of a full one', async () => {
    const { clock, take, granted } = setUp({ burst: 3, reserve: 100 });
    void take('a');
    void take('b');
    await clock.advance(1000);
    expect(granted).toEqual(['a@0', 'b@100']);
  });

  describe('where the provider tells nothing but 429', () => {
    const refuse = async (parts: ReturnType<typeof setUp>) => {
      const { clock, throttle, signal } = parts;
      let isGranted = false;
      void throttle.take({ signal }).then(() => {
        isGranted = true;
      });
      await settle();
      while (!isGranted) await clock.advanceToNext();
      throttle.observe({ throttled: true });
      return throttle.delayMs();
    };

    test('waits longer each time, with jitter, and never over a minute', async () => {
      const parts = setUp({ emissionIntervalMs: 800, burst: 100 });
      const waits: number[] = [];
      for (let n = 0; n < 60; n += 1) waits.push(await refuse(parts));
      expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
      expect(waits[10]).toBeGreaterThan(waits[0] as number);
      expect(waits[40]).toBeGreaterThan(30_000);
      expect(new Set(waits.slice(45)).size).toBeGreaterThan(5);
    });

    test('takes refusals of calls that were under way together for one piece of news', async () => {
      const { clock, throttle, take } = setUp({ emissionIntervalMs: 800, burst: 100 });
      for (const name of ['a', 'b', 'c', 'd']) void take(name);
      await clock.advance(50);
      for (let n = 0; n < 4; n += 1) throttle.observe({ throttled: true });
      expect(throttle.delayMs()).toBeLessThanOrEqual(1000);
      expect(throttle.throttledCount).toBe(4);
    });

    test('is at full speed again after a few calls went well', async () => {
      const parts = setUp({ emissionIntervalMs: 100, burst: 100 });
      for (let n = 0; n < 20; n += 1) await refuse(parts);
      const slowMs = parts.throttle.delayMs();
      expect(slowMs).toBeGreaterThan(5000);
      for (let n = 0; n < 60; n += 1) parts.throttle.observe({ throttled: false, remaining: 90, limit: 100 });
      await parts.clock.advance(slowMs);
      for (let n = 0; n < 5; n += 1) void parts.take(`x${n}`);
      await parts.clock.advance(600);
      expect(parts.granted).toHaveLength(5);
    });
  });
});
