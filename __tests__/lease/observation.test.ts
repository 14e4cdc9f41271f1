import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NOTHING_OBSERVED, observe, takeoverInMs } from '../../src/lease/observation.ts';

const beat = (seq: number, nonce = 'a') => ({ nonce, seq, leaseMs: 10_000 });

describe('an observation', () => {
  test('L4: what was never seen is waited for in full', () => {
    expect(takeoverInMs(NOTHING_OBSERVED, beat(0), 1e9)).toBe(10_100);
  });

  test('L4: time counts from the first sight of an unchanged beat', () => {
    let seen = observe(NOTHING_OBSERVED, [beat(3)], 1000);
    seen = observe(seen, [beat(3)], 6000);
    expect(takeoverInMs(seen, beat(3), 6000)).toBe(5100);
    expect(takeoverInMs(seen, beat(3), 11_100)).toBe(0);
  });

  test('L4: a renewal starts the wait anew', () => {
    const seen = observe(observe(NOTHING_OBSERVED, [beat(3)], 0), [beat(4)], 9000);
    expect(takeoverInMs(seen, beat(4), 12_000)).toBe(7100);
  });

  test('a stale read neither starts the wait anew nor lets its old beat be taken over', () => {
    let seen = observe(NOTHING_OBSERVED, [beat(4)], 0);
    seen = observe(seen, [beat(3)], 9000);
    expect(takeoverInMs(seen, beat(3), 20_000)).toBe(10_100);
    expect(takeoverInMs(observe(seen, [beat(4)], 9500), beat(4), 10_100)).toBe(0);
  });

  test('L2: each owner is observed by itself', () => {
    let seen = observe(NOTHING_OBSERVED, [beat(0), beat(0, 'b')], 0);
    seen = observe(seen, [beat(0), beat(1, 'b')], 5000);
    expect(takeoverInMs(seen, beat(0), 10_100)).toBe(0);
    expect(takeoverInMs(seen, beat(1, 'b'), 10_100)).toBe(5000);
  });

  test('L4: who is hidden by stale reads for up to two leases is still the one seen before, and its time goes on', () => {
    const seen = observe(observe(NOTHING_OBSERVED, [beat(3)], 1000), [], 21_000);
    expect(takeoverInMs(seen, beat(3), 21_000)).toBe(0);
    expect(takeoverInMs(observe(seen, [beat(4)], 21_000), beat(4), 21_000)).toBe(10_100);
    const later = observe(observe(NOTHING_OBSERVED, [beat(3)], 1000), [], 21_001);
    expect(takeoverInMs(later, beat(3), 21_001)).toBe(10_100);
  });

  test('who vanished for two leases is forgotten', () => {
    const seen = observe(observe(NOTHING_OBSERVED, [beat(0)], 0), [], 20_001);
    expect(seen.size).toBe(0);
  });

  test('a takeover is never due sooner than a lease and the drift after the beat changed', () => {
    const sights = fc.array(fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 9000 })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(sights, (steps) => {
        let nowMs = 0;
        let seen = NOTHING_OBSERVED;
        const firstSeenMs = new Map<number, number>();
        for (const [seq, elapsedMs] of steps) {
          nowMs += elapsedMs;
          seen = observe(seen, [beat(seq)], nowMs);
          if (!firstSeenMs.has(seq)) firstSeenMs.set(seq, nowMs);
          if (takeoverInMs(seen, beat(seq), nowMs) === 0) {
            expect(nowMs - (firstSeenMs.get(seq) ?? nowMs)).toBeGreaterThanOrEqual(10_100);
          }
        }
      }),
    );
  });
});
