// Jobs that need room, from the command line: `--limit`, `--headroom` and `--when-busy wait` together, with processes of dist.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { type CliWorld, createCliWorld } from '../support/cli.ts';

const HOUR_MS = 3_600_000;
let world: CliWorld;
let sandbox: HerokuSandbox | undefined;
beforeEach(() => {
  world = createCliWorld();
});
afterEach(async () => {
  await world.dispose();
  await sandbox?.close();
});

async function runJobs(jobs: number, apps: readonly { name: string; ageMs: number }[], ...more: string[]) {
  sandbox = await startHerokuSandbox({ clock: systemClock, apps, latencyMs: 20, appLimit: apps.length });
  const env = { HEROKU_API_URL: sandbox.url, HEROKU_API_KEY: 'key' };
  const args = [
    ...['reap', '--provider', 'heroku', '--match', 'ci-.*', '--apply', '--json', '--account', 'ci'],
    ...['--store', `file:${join(world.folder, 'store')}`, '--when-busy', 'wait', ...more],
  ];
  const results = await Promise.all(Array.from({ length: jobs }, () => world.run(args, { env })));
  const log = sandbox.log();
  return {
    reports: results.map((result) => result.json<ReapReport>()),
    errors: results.map((result) => result.stderr),
    left: sandbox.world.apps().map((app) => app['name']),
    lists: log.filter((entry) => entry.path === '/users/~/apps').length,
    refused: log.filter((entry) => entry.status === 429).length,
  };
}

describe('jobs that need room in a full account', () => {
  test('wait for the one that sweeps: the oldest go until the headroom is there, after one listing', async () => {
    const apps = Array.from({ length: 6 }, (_, at) => ({ name: `ci-${at}`, ageMs: (at + 1) * HOUR_MS }));
    const run = await runJobs(4, apps, '--limit', '6', '--headroom', '2');
    expect(run.left).toEqual(['ci-0', 'ci-1', 'ci-2', 'ci-3']);
    expect(run.lists).toBe(1);
    expect(run.reports.filter((report) => report.outcome === 'reaped')).toHaveLength(1);
    for (const report of run.reports) expect(report.exitCode).toBe(0);
  });

  test('share the throttle through the store where they are told to, and nothing is refused', async () => {
    const apps = Array.from({ length: 6 }, (_, at) => ({ name: `ci-${at}`, ageMs: (at + 1) * HOUR_MS }));
    const run = await runJobs(3, apps, '--older-than', '90m', '--limit', '6', '--share-throttle');
    expect(run.left).toEqual(['ci-0']);
    expect(run.refused).toBe(0);
    const sweeper = run.reports.find((report) => report.outcome === 'reaped');
    // What is free is not counted: the account, one list, five deletions.
    expect(sweeper?.requests).toMatchObject({ list: 1, get: 0, delete: 5, other: 1, throttled: 0 });
  });

  test('with nothing stale say who holds the places and when the next falls due, and exit 3', async () => {
    const apps = Array.from({ length: 3 }, (_, at) => ({ name: `ci-${at}`, ageMs: 60_000 + at * 1000 }));
    const run = await runJobs(1, apps, '--limit', '3', '--headroom', '1', '--older-than', '1h');
    expect(run.reports[0]).toMatchObject({ outcome: 'incomplete', reason: 'full', exitCode: 3 });
    expect(run.errors[0]).toMatch(/full: 3 apps are there, 2 may be; the next falls due in 58 m.*ci-2/);
    expect(run.lists).toBe(1);
  });
});
