import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { gateCost, judgeCost, matrixCosts, USUAL_PLAN } from '../../src/app/quota-model.ts';

const costOf = (jobs: number, parallel: number) => {
  const costs = matrixCosts({ ...USUAL_PLAN, jobs, parallel });
  return (design: string) => {
    const found = costs.find((each) => each.design === design);
    if (!found) throw new Error(`there is no design called ${design}`);
    return found;
  };
};

describe('the bill of a matrix of 256 jobs and a sweep of two minutes', () => {
  // Computed by hand for GitHub's plans: 20 jobs at a time (Free), 60 (Team), 256 (larger runners).
  test.each([
    ['everybody polls', [741, 1701, 6405]],
    ['everybody polls, backing off', [401, 681, 2053]],
    ['everybody polls with ETags', [281, 321, 517]],
    ['everybody polls with ETags, the holder renews every 30 s', [347, 507, 1291]],
    ['everybody reads the cache while waiting', [25, 65, 261]],
    ['everybody asks once (no electors, no cache)', [515, 515, 515]],
    ['everybody asks once, the cache first (no electors)', [43, 123, 515]],
    ['3 electors (the default in a matrix)', [9, 9, 9]],
  ])('%s: %j requests', (design, requests) => {
    expect([20, 60, 256].map((parallel) => costOf(256, parallel)(design).requests)).toEqual(requests);
  });

  test('the cache is looked at as often as waiting jobs would poll', () => {
    const looks = [20, 60, 256].map(
      (parallel) => costOf(256, parallel)('everybody reads the cache while waiting').cacheLookUps,
    );
    expect(looks).toEqual([416, 736, 2304]);
  });

  test('only what fits every limit fits', () => {
    expect(judgeCost(costOf(256, 20)('everybody polls'))).toEqual({ isWithin: true, reason: '' });
    expect(judgeCost(costOf(256, 60)('everybody polls')).reason).toContain('1000 requests of an hour');
    expect(judgeCost(costOf(256, 256)('everybody polls with ETags')).reason).toContain(
      '900 points of a minute',
    );
    expect(judgeCost(costOf(256, 256)('3 electors (the default in a matrix)')).isWithin).toBe(true);
    expect(judgeCost({ requests: 600, writes: 501, pointsPerMinute: 0 }).reason).toContain('500 writes');
    expect(
      judgeCost({ requests: 600, writes: 1, pointsPerMinute: 0 }, { requestsPerHour: 500 }).isWithin,
    ).toBe(false);
  });

  test('whatever the matrix, electors cost least of the designs that ask the API, and no number is nonsense', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 }), (jobs, parallel) => {
        const costs = matrixCosts({ ...USUAL_PLAN, jobs, parallel });
        const least = Math.min(...costs.filter(({ isOurs }) => isOurs).map(({ requests }) => requests));
        expect(costs.at(-1)?.requests).toBe(least);
        for (const { requests, writes, pointsPerMinute, cacheLookUps } of costs) {
          for (const number of [requests, writes, pointsPerMinute, cacheLookUps]) {
            expect(Number.isInteger(number) && number >= 0).toBe(true);
          }
        }
      }),
    );
  });
});

test('the bill of a gate: ten members fit into an hour, thirty do not', () => {
  const cost = (members: number) => gateCost({ members, waitMs: 600_000, pollMs: 15_000 });
  expect(cost(10).requests).toBeLessThan(1000);
  expect(cost(30).requests).toBeGreaterThan(1000);
  expect(cost(2).requests).toBeLessThan(cost(3).requests);
  // Who waits longer polls more often, and asks the jobs API more often.
  const longer = gateCost({ members: 10, waitMs: 1_200_000, pollMs: 15_000 });
  expect(longer.requests).toBeGreaterThan(cost(10).requests);
  expect(longer.writes).toBe(cost(10).writes);
});
