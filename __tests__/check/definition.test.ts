import { describe, expect, test } from '@jest/globals';
import { findAliasProblems } from '../../src/check/definition.ts';
import type { Target } from '../../src/probe/target.ts';

const check = (name: string): Target => ({ kind: 'check', name });

describe('an alias definition', () => {
  test('with distinct targets and an interval can run', () => {
    expect(findAliasProblems({ name: 'a', targets: [check('b'), check('c')], reconcileMs: 1 })).toEqual([]);
  });

  test.each([
    ['mirrors nothing', [], 'at least one'],
    ['mirrors itself', [check('b'), check('a')], 'itself'],
    ['names a target twice', [check('b'), check('b')], 'check:b twice'],
  ])('that %s is refused', (_, targets, words) => {
    expect(findAliasProblems({ name: 'a', targets, reconcileMs: 1 })).toEqual([
      { option: 'of', problem: expect.stringContaining(words) },
    ]);
  });

  test('all problems are told at once', () => {
    expect(findAliasProblems({ name: 'a', targets: [], reconcileMs: 0 })).toHaveLength(2);
  });
});
