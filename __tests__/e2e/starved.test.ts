// Target 8 with real processes of dist in real time: 20 calls are left of the account, 40 apps are to go, and many jobs ask at
// once. The sandbox's log is the oracle.
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { type CliWorld, createCliWorld } from '../support/cli.ts';

const DAY_MS = 86_400_000;
const APPS = 40;
const TOKENS = 20;
const REFILL_MS = 800;

let world: CliWorld;
const sandboxes: HerokuSandbox[] = [];
beforeEach(() => {
  world = createCliWorld();
});
afterEach(async () => {
  await world.dispose();
  await Promise.all(sandboxes.splice(0).map((sandbox) => sandbox.close()));
});

async function runFleet(jobs: number, ...more: string[]) {
  const sandbox = await startHerokuSandbox({
    clock: systemClock,
    apps: Array.from({ length: APPS }, (_, at) => ({ name: `ci-${at}`, ageMs: 9 * DAY_MS })),
    rateLimit: { capacity: 4500, refillPerMinute: 60_000 / REFILL_MS, remaining: TOKENS },
    latencyMs: 20,
  });
  sandboxes.push(sandbox);
  const args = [
    ...['reap', '--provider', 'heroku', '--match', 'ci-[0-9]+', '--older-than', '7d', '--apply', '--json'],
    ...['--account', 'ci', '--store', `file:${join(world.folder, `store-${sandboxes.length}`)}`, ...more],
  ];
  const env = { HEROKU_API_URL: sandbox.url, HEROKU_API_KEY: 'key' };
  const results = await Promise.all(Array.from({ length: jobs }, () => world.run(args, { env })));
  const log = sandbox.log().filter((entry) => entry.path !== '/account/rate-limits');
  // While the jobs started, the bucket regained a little: what was there after the first call counts.
  const remaining = log[0]?.remaining ?? 0;
  return {
    results,
    outcomes: results.map((result) => result.json<ReapReport>().outcome),
    tookMs:
      Math.max(...log.map((entry) => entry.endedAtMs)) - Math.min(...log.map((entry) => entry.startedAtMs)),
    deleted: log.filter((entry) => entry.applied).length,
    // The account, the list and the deletions, less what is there: the rest comes one by one.
    idealMs: (APPS + 1 - remaining) * REFILL_MS,
    refused: log.filter((entry) => entry.status === 429).length,
    requests: log.length,
    left: sandbox.world.apps().length,
  };
}

test('8 and 32 jobs with 20 calls left clear 40 apps in 1.15 times the ideal time, with hardly a refusal', async () => {
  const fleets = [runFleet(8), runFleet(32, '--share-throttle')];
  for (const fleet of await Promise.all(fleets)) {
    expect(fleet.results.map((result) => result.exitCode)).toEqual(fleet.results.map(() => 0));
    expect(fleet.outcomes.filter((outcome) => outcome === 'reaped')).toHaveLength(1);
    expect(fleet).toMatchObject({ left: 0, deleted: APPS });
    expect(fleet.refused / fleet.requests).toBeLessThanOrEqual(0.05);
    expect(fleet.tookMs).toBeLessThanOrEqual(1.15 * fleet.idealMs);
  }
}, 90_000);
