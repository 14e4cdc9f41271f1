// The reducer against S1–S6 and L1–L4: every order of every step of three members, with faults at any moment. Bounded here;
// `__tests__/simulation/gate-soak.ts` goes deep.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { explore, walk } from '../simulation/gate-explore.ts';
import { DEFAULTS } from '../simulation/gate-model.ts';
import { MUTANTS } from '../simulation/gate-mutants.ts';
import { CALM, DEEP, FAULTY } from '../simulation/gate-scenarios.ts';

describe('three members, every order of events', () => {
  test.each(CALM)(
    'without faults all open, woken by no timer, in at most 2N + 1 writes: $name',
    ({ options }) => {
      const { isComplete, maxWrites, ends } = explore(options, { maxStates: 20_000, recoverEvery: 1 });
      expect(isComplete).toBe(true);
      expect(ends).toBeGreaterThan(0);
      expect(maxWrites).toBeLessThanOrEqual(7);
    },
  );

  test.each(FAULTY)('no invariant breaks with $name', ({ options }) => {
    expect(explore(options, { maxStates: 2500, recoverEvery: 12 }).states).toBeGreaterThan(400);
  });

  test('no invariant breaks on long random lives with many faults', () => {
    fc.assert(
      fc.property(fc.constantFrom(...DEEP), fc.infiniteStream(fc.nat()), ({ options }, choices) => {
        walk(options, (count) => (choices.next().value ?? 0) % Math.max(1, count));
      }),
      { numRuns: 150 },
    );
  });
});

describe('wrong designs are caught', () => {
  test.each(MUTANTS)('$name', ({ options, violates }) => {
    expect(() => explore(options, { maxStates: 20_000, recoverEvery: 1 })).toThrow(violates);
  });

  test.each(MUTANTS)('$name: the right design passes in the same situation', ({ options }) => {
    const { reduce, wakeUp, boardKey } = DEFAULTS;
    const writes = options.writes === 'blind-claim' ? 'split' : options.writes;
    const right = { ...options, reduce, wakeUp, boardKey, writes };
    expect(explore(right, { maxStates: 1200, recoverEvery: 12 }).states).toBeGreaterThan(100);
  });
});
