import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideClaim } from '../../src/check/claim.ts';
import { type IntervalFacts, selectDelay } from '../../src/check/interval.ts';
import type { CheckRecord } from '../../src/probe/check-record.ts';

describe('when an upstream is read again', () => {
  const facts: IntervalFacts = {
    reconcileMs: 60_000,
    hasEdges: false,
    failures: 0,
    retryAfterMs: undefined,
    recheckAfterMs: undefined,
    random: 0.5,
  };

  test('with edges the reconcile interval is kept exactly, without them it is spread a little below', () => {
    expect(selectDelay({ ...facts, hasEdges: true, random: 0.99 })).toBe(60_000);
    expect(selectDelay({ ...facts, random: 0 })).toBe(60_000);
    expect(selectDelay({ ...facts, random: 0.999 })).toBeGreaterThanOrEqual(54_000);
  });

  test('the first two failures are asked again soon, from the third the pause doubles, capped (A11)', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((failures) =>
      selectDelay({ ...facts, failures, random: 1 }),
    );
    expect(delays).toEqual([1000, 1000, 2000, 4000, 8000, 16_000, 32_000, 54_000, 54_000]);
  });

  test('a time to live that runs out brings the next reading forward, Retry-After puts it off', () => {
    expect(selectDelay({ ...facts, recheckAfterMs: 700 })).toBe(700);
    expect(selectDelay({ ...facts, retryAfterMs: 90_000 })).toBe(90_000);
  });

  test('it is never a busy loop, and never later than the interval unless the target asked', () => {
    fc.assert(
      fc.property(
        fc.record({
          reconcileMs: fc.integer({ min: 1, max: 10_000_000 }),
          hasEdges: fc.boolean(),
          failures: fc.nat({ max: 5000 }),
          retryAfterMs: fc.constant(undefined),
          recheckAfterMs: fc.option(fc.nat(), { nil: undefined }),
          random: fc.double({ min: 0, max: 0.999, noNaN: true }),
        }),
        (some) => {
          const delayMs = selectDelay(some);
          expect(delayMs).toBeGreaterThanOrEqual(1);
          expect(delayMs).toBeLessThanOrEqual(some.reconcileMs);
        },
      ),
    );
  });
});

describe('what a run may do to the record', () => {
  const record = (fields: Partial<CheckRecord>): CheckRecord => ({
    v: 1,
    status: 'passing',
    output: 'o',
    writer: 'w',
    generation: 3,
    run: 'other',
    nonce: 'n1',
    setAt: '',
    ttlMs: null,
    upstreams: [],
    ...fields,
  });
  const wanted = { status: 'passing', output: 'o', ttlMs: null, upstreams: [] } as const;
  const plan = { wanted, renew: false };
  const mine = { run: 'mine', generation: 4, nonce: 'n1' };

  test('before its claim it takes over whatever is there, one generation higher', () => {
    const fresh = { run: 'mine', generation: null, nonce: null };
    expect(decideClaim(null, fresh, plan)).toEqual({ kind: 'write', generation: 1 });
    expect(decideClaim(record({}), fresh, plan)).toEqual({ kind: 'write', generation: 4 });
  });

  test('a higher generation, or its own one written by another run, means that it was replaced', () => {
    expect(decideClaim(record({ generation: 5 }), mine, plan).kind).toBe('replaced');
    expect(decideClaim(record({ generation: 4 }), mine, plan).kind).toBe('replaced');
  });

  test('a lower generation, or no record at all, is written over', () => {
    expect(decideClaim(record({ generation: 3 }), mine, plan)).toEqual({ kind: 'write', generation: 4 });
    expect(decideClaim(null, mine, plan)).toEqual({ kind: 'write', generation: 4 });
  });

  test('its own record is kept while it says what is wanted, unless it must be renewed', () => {
    const own = record({ run: 'mine', generation: 4 });
    expect(decideClaim(own, mine, plan).kind).toBe('keep');
    expect(decideClaim(own, mine, { wanted, renew: true }).kind).toBe('write');
    expect(decideClaim(own, mine, { wanted: { ...wanted, output: 'new' }, renew: false }).kind).toBe('write');
  });

  test('an older write of its own is a lagging read, not a reason to be content', () => {
    expect(decideClaim(record({ run: 'mine', generation: 4, nonce: 'n0' }), mine, plan).kind).toBe('write');
  });

  test('a claim whose answer was lost is recognised by its run', () => {
    const inDoubt = { run: 'mine', generation: null, nonce: null };
    expect(decideClaim(record({ run: 'mine', generation: 9 }), inDoubt, plan)).toEqual({
      kind: 'keep',
      generation: 9,
    });
  });
});
