import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type RollupCheck,
  reduceChecks,
  rollUp,
  selectCause,
  type UpstreamReading,
} from '../../src/check/rollup.ts';
import { HEALTH_STATUSES, type HealthStatus } from '../../src/probe/contract.ts';

const check = (id: string, status: HealthStatus, output = 'x'): RollupCheck => ({ id, status, output });
const upstream = (
  id: string,
  status: HealthStatus | null,
  absent: 'upstream' | 'check' | null = null,
): UpstreamReading => ({ id, reading: status && { status, output: 'x', absent } });
const severity = (status: HealthStatus) => HEALTH_STATUSES.indexOf(status);

const checks = fc.array(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    status: fc.constantFrom(...HEALTH_STATUSES),
    output: fc.constantFrom('', 'x', 'y'),
  }),
  { maxLength: 8 },
);

describe('the rollup of checks', () => {
  test.each<[HealthStatus[], HealthStatus]>([
    [['passing', 'critical', 'warning', 'unknown'], 'critical'],
    [['passing', 'warning', 'unknown'], 'unknown'],
    [['warning', 'passing'], 'warning'],
    [['passing', 'warning'], 'warning'],
    [['passing', 'passing'], 'passing'],
  ])('%j is %s (A1, A2, A3)', (statuses, expected) => {
    const list = statuses.map((status, at) => check(`c${at}`, status));
    expect(reduceChecks(list, true).status).toBe(expected);
  });

  test('without a check an existing upstream is passing (A7) and a missing one critical (A8)', () => {
    expect(reduceChecks([], true).status).toBe('passing');
    expect(reduceChecks([], false).status).toBe('critical');
  });

  test('the reason names the worst check, the first by id among equals, and how many more there are', () => {
    const list = [check('z', 'critical'), check('m', 'critical', 'disk full'), check('a', 'warning')];
    expect(reduceChecks(list, true).reason).toBe('m is critical: disk full (and 1 more critical)');
  });

  test('the reason is one printable line whatever the outputs hold', () => {
    expect(reduceChecks([check('a', 'critical', 'x\n::error::y\u001b[2J')], true).reason).not.toMatch(
      /[\n\u001b]/,
    );
  });

  test('it does not depend on the order, reason included', () => {
    fc.assert(
      fc.property(
        checks,
        fc.boolean(),
        fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
        (list, exists, keys) => {
          const shuffled = list
            .map((item, at) => [keys[at] ?? 0, item] as const)
            .sort((a, b) => a[0] - b[0])
            .map(([, item]) => item);
          expect(reduceChecks(shuffled, exists)).toEqual(reduceChecks(list, exists));
        },
      ),
    );
  });

  test('it is monotone: one more check never makes it better, a critical one makes it critical', () => {
    fc.assert(
      fc.property(checks, fc.constantFrom(...HEALTH_STATUSES), (list, status) => {
        const before = reduceChecks(list, true).status;
        const after = reduceChecks([...list, check('new', status)], true).status;
        expect(severity(after)).toBeGreaterThanOrEqual(severity(before));
        expect(reduceChecks([...list, check('new', 'critical')], true).status).toBe('critical');
      }),
    );
  });

  test('it is idempotent: listing checks twice, or rolling up a rollup, changes nothing', () => {
    fc.assert(
      fc.property(checks, (list) => {
        const once = reduceChecks(list, true);
        expect(reduceChecks([...list, ...list], true)).toEqual(once);
        expect(reduceChecks([check('rollup', once.status)], true).status).toBe(once.status);
      }),
    );
  });
});

describe('the rollup of upstreams', () => {
  test('a missing upstream is critical however good the others are', () => {
    const rollup = rollUp([upstream('a', 'passing'), upstream('b', 'unknown', 'upstream')]);
    expect(rollup).toMatchObject({ status: 'critical', worst: 'b' });
  });

  test('an upstream that nobody judged yet counts as existing', () => {
    expect(rollUp([upstream('a', 'unknown', 'check')]).status).toBe('passing');
    expect(rollUp([upstream('a', 'unknown', 'check'), upstream('b', 'warning')]).status).toBe('warning');
  });

  test('an upstream that was not read yet is unknown, and no upstream at all critical', () => {
    expect(rollUp([upstream('a', null), upstream('b', 'passing')]).status).toBe('unknown');
    expect(rollUp([]).status).toBe('critical');
  });
});

describe('the cause of a transition', () => {
  const before = [upstream('a', 'passing'), upstream('b', 'warning'), upstream('c', 'passing')];

  test('is the deciding upstream where that one changed', () => {
    const after = [upstream('a', 'warning'), upstream('b', 'warning'), upstream('c', 'critical')];
    expect(selectCause(before, after)).toBe('c');
  });

  test('is the one that decided before where it got better', () => {
    expect(
      selectCause(before, [upstream('a', 'passing'), upstream('b', 'passing'), upstream('c', 'passing')]),
    ).toBe('b');
  });

  test('is nobody where nothing changed', () => {
    expect(selectCause(before, before)).toBeNull();
  });
});
