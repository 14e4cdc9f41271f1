import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ProbeResult } from '../../src/probe/contract.ts';
import { isExpired, observeRevision, unchangedForMs } from '../../src/probe/freshness.ts';
import { observeHealth, unasked } from '../../src/probe/health.ts';
import { createResult, unreachable } from '../../src/probe/result.ts';

const ok = createResult({ status: 'passing', detail: 'fine' });
const bad = createResult({ status: 'critical', detail: 'HTTP 500' });
const none = unreachable('connection refused');
const run = (...results: ProbeResult[]) => results.reduce(observeHealth, unasked);

describe('the consecutive-failure rule', () => {
  test('one failure is tolerated: the reading stays the very same value', () => {
    const before = run(ok);
    expect(observeHealth(before, none).reading).toBe(before.reading);
  });

  test('from the second in a row it is critical and says why', () => {
    expect(run(ok, none, none).reading).toEqual({
      status: 'critical',
      output: 'cannot be asked: connection refused',
      absent: null,
    });
  });

  test('an answer in between forgives, however bad it is', () => {
    expect(run(none, bad, none).reading?.output).toBe('HTTP 500');
    expect(run(none, ok, none, ok, none).reading?.status).toBe('passing');
  });

  test('a critical answer counts at once', () => {
    expect(run(ok, bad).reading?.status).toBe('critical');
  });

  test('nothing is known after a first failure', () => {
    expect(run(none)).toEqual({ failures: 1, reading: null });
  });

  test('states are frozen', () => {
    const state = run(ok, none);
    expect([Object.isFrozen(state), Object.isFrozen(state.reading)]).toEqual([true, true]);
  });
});

describe('freshness by observation', () => {
  const look = (revision: string, askedAtMs: number, answeredAtMs = askedAtMs) => ({
    revision,
    askedAtMs,
    answeredAtMs,
  });

  test('counts from after the first answer to before the latest question', () => {
    const sighting = observeRevision(null, look('r1', 0, 40));
    expect(unchangedForMs(sighting, look('r1', 100, 900))).toBe(60);
  });

  test('a new revision starts again, whatever its value says', () => {
    const first = observeRevision(null, look('r1', 0));
    const second = observeRevision(first, look('r2', 5000));
    expect(second).toEqual({ revision: 'r2', seenAtMs: 5000 });
    expect(unchangedForMs(first, look('r2', 5000))).toBe(0);
  });

  test('without a time to live nothing expires; with one only what stood longer', () => {
    expect([isExpired(null, 1e12), isExpired(10, 10), isExpired(10, 11)]).toEqual([false, false, true]);
  });

  test('a reader never sees an expiry earlier than the time to live after it first saw the revision', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), fc.nat({ max: 1000 }), (at, roundTripMs, laterMs, ttlMs) => {
        const first = look('r', at, at + roundTripMs);
        const unchangedMs = unchangedForMs(observeRevision(null, first), look('r', at + laterMs));
        if (isExpired(ttlMs, unchangedMs)) expect(laterMs).toBeGreaterThan(ttlMs);
      }),
    );
  });
});
