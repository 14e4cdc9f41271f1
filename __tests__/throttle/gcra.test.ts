import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  availableAtMs,
  createGcra,
  takeToken,
  tokensAt,
  withBurst,
  withTokens,
} from '../../src/throttle/gcra.ts';

const bucket = (burst = 5, emissionIntervalMs = 100) => createGcra({ burst, emissionIntervalMs }, 0);

describe('a GCRA bucket', () => {
  test('starts full, empties by one each take, and regains one per interval', () => {
    let state = bucket();
    for (let n = 0; n < 5; n += 1) state = takeToken(state, 0);
    expect(tokensAt(state, 0)).toBe(0);
    expect(tokensAt(state, 250)).toBe(2.5);
    expect(tokensAt(state, 9999)).toBe(5);
  });

  test('says when so many tokens are there', () => {
    const empty = withTokens(bucket(), 0, 1000);
    expect(availableAtMs(empty, 1, 1000)).toBe(1100);
    expect(availableAtMs(empty, 5, 1000)).toBe(1500);
    expect(availableAtMs(empty, 6, 1000)).toBe(Infinity);
    expect(availableAtMs(empty, 1, 2000)).toBe(2000);
  });

  test('holds no more than its size, and may be overdrawn', () => {
    expect(tokensAt(withTokens(bucket(), 99, 0), 0)).toBe(5);
    expect(tokensAt(withTokens(bucket(), -3, 0), 0)).toBe(-3);
  });

  test('of another size keeps what it holds', () => {
    const two = withTokens(bucket(), 2, 0);
    expect(tokensAt(withBurst(two, 4500, 0), 0)).toBe(2);
    expect(tokensAt(withBurst(bucket(), 3, 0), 0)).toBe(3);
  });

  test('takes rates that make no sense for the least that does', () => {
    const state = createGcra({ burst: 0, emissionIntervalMs: 0 }, 0);
    expect(state.burst).toBe(1);
    expect(availableAtMs(takeToken(state, 0), 1, 0)).toBe(0);
  });

  test('never grants more in any window than its size and what it regained', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.array(fc.nat(3000), { maxLength: 60 }),
        (burst, interval, gaps) => {
          let state = bucket(burst, interval);
          let nowMs = 0;
          const grants: number[] = [];
          for (const gapMs of gaps) {
            nowMs = Math.max(nowMs + gapMs, availableAtMs(state, 1, nowMs + gapMs));
            state = takeToken(state, nowMs);
            grants.push(nowMs);
          }
          for (const [first, from] of grants.entries())
            for (const [offset, to] of grants.slice(first).entries())
              expect(offset + 1).toBeLessThanOrEqual(burst + (to - from) / interval + 1e-3);
        },
      ),
    );
  });
});
