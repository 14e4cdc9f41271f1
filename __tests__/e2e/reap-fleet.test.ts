// The reaper's targets with real processes of dist against the Heroku sandbox. The sandbox's request log is the oracle: what a
// job says of itself is compared with what the provider saw.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type HerokuSandbox,
  type SandboxSettings,
  startHerokuSandbox,
} from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { type CliWorld, createCliWorld } from '../support/cli.ts';

const DAY_MS = 86_400_000;
let world: CliWorld;
let sandbox: HerokuSandbox | undefined;

beforeEach(() => {
  world = createCliWorld();
});
afterEach(async () => {
  await world.dispose();
  await sandbox?.close();
  sandbox = undefined;
});

const staleApps = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    name: `hatchet-t-${index.toString(16).padStart(10, '0')}`,
    ageMs: 9 * DAY_MS,
  }));

async function startSandbox(settings: SandboxSettings): Promise<HerokuSandbox> {
  sandbox = await startHerokuSandbox({ clock: systemClock, ...settings });
  return sandbox;
}

const reapArguments = (...more: string[]) => [
  ...[
    'reap',
    '--provider',
    'heroku',
    '--match',
    'hatchet-t-[a-f0-9]+',
    '--older-than',
    '7d',
    '--apply',
    '--json',
  ],
  ...['--account', 'ci', '--store', `file:${join(world.folder, 'store')}`, ...more],
];

const startJob = (name: string, ...more: string[]) =>
  world.start(reapArguments('--holder', name, ...more), {
    env: { HEROKU_API_URL: sandbox?.url ?? '', HEROKU_API_KEY: `key-of-${name}` },
  });

const runJobs = async (count: number, ...more: string[]) => {
  const jobs = Array.from({ length: count }, (_, index) => startJob(`job-${index}`, ...more));
  const results = await Promise.all(jobs.map((job) => job.result));
  return results.map((result) => ({ ...result, report: result.json<ReapReport>() }));
};

/** What the provider saw. */
function seen() {
  const log = sandbox?.log() ?? [];
  const deletes = log.filter((entry) => entry.method === 'DELETE');
  return {
    lists: log.filter((entry) => entry.method === 'GET' && entry.path.startsWith('/users/~/apps')).length,
    deletes: deletes.length,
    applied: new Set(deletes.filter((entry) => entry.applied).map((entry) => entry.appId)).size,
    duplicates: deletes.length - new Set(deletes.map((entry) => entry.appId)).size,
    reads: log.filter((entry) => entry.method === 'GET' && /^\/apps\/./.test(entry.path)).length,
    accounts: log.filter((entry) => entry.path === '/account').length,
    all: log.length,
  };
}

describe('of all the jobs that ask, one sweeps', () => {
  test.each([2, 8, 32])(
    '%d processes at once: one listing, each stale app deleted exactly once, the others go on knowing why',
    async (jobs) => {
      await startSandbox({ apps: staleApps(40), latencyMs: 5 });
      const results = await runJobs(jobs);
      expect(results.map((result) => result.exitCode)).toEqual(results.map(() => 0));
      expect(seen()).toMatchObject({
        lists: 1,
        deletes: 40,
        applied: 40,
        duplicates: 0,
        reads: 0,
        accounts: 1,
      });
      const reports = results.map((result) => result.report);
      const sweepers = reports.filter((report) => report.outcome === 'reaped');
      expect(sweepers).toHaveLength(1);
      expect(sweepers[0]?.counts).toMatchObject({ matched: 40, eligible: 40, deleted: 40 });
      for (const report of reports.filter((each) => each.outcome !== 'reaped')) {
        expect(report.outcome).toBe('skipped');
        expect(['busy', 'fresh']).toContain(report.reason);
        expect(report.requests).toMatchObject({ list: 0, get: 0, delete: 0, other: 0 });
      }
    },
  );

  test('a busy job names the holder', async () => {
    await startSandbox({
      apps: staleApps(4),
      faults: [{ match: { method: 'DELETE' }, act: { kind: 'hang' }, times: 1 }],
    });
    const first = startJob('the-sweeper');
    await first.untilError(/lease acquired/);
    const second = await startJob('the-other').result;
    expect(second.json<ReapReport>()).toMatchObject({
      outcome: 'skipped',
      reason: 'busy',
      holder: expect.stringContaining('the-sweeper'),
    });
    first.child.kill('SIGKILL');
  });

  test('a second pass inside the window sends nothing to the provider', async () => {
    await startSandbox({ apps: staleApps(3) });
    await runJobs(1);
    const before = seen().all;
    const [again] = await runJobs(1);
    expect(again?.report).toMatchObject({
      outcome: 'skipped',
      reason: 'fresh',
      exitCode: 0,
      requests: { store: 1 },
    });
    expect(seen().all).toBe(before);
  });

  test('whoever needs room waits for the release, not for a fixed time, and learns the result without a request', async () => {
    await startSandbox({ apps: staleApps(12), latencyMs: 20 });
    const results = await runJobs(6, '--when-busy', 'wait');
    expect(results.map((result) => result.report.outcome).sort()).toEqual([
      'reaped',
      ...Array.from({ length: 5 }, () => 'skipped'),
    ]);
    expect(seen()).toMatchObject({ lists: 1, deletes: 12, duplicates: 0 });
  });

  test('a killed holder costs the others one lease: at most two listings and the deletions in flight again', async () => {
    await startSandbox({ apps: staleApps(24), latencyMs: 25 });
    const jobs = [0, 1, 2].map((index) =>
      startJob(`job-${index}`, '--when-busy', 'wait', '--lease', '1s', '--poll', '100ms'),
    );
    const holder = await Promise.race(jobs.map(async (job) => job.untilError(/\b5\/24\b/).then(() => job)));
    holder.child.kill('SIGKILL');
    const results = await Promise.all(jobs.map((job) => job.result));
    const reports = results
      .filter((result) => result.signal === null)
      .map((result) => result.json<ReapReport>());
    expect(reports.map((report) => report.outcome).sort()).toEqual(['reaped', 'skipped']);
    expect(reports.find((report) => report.outcome === 'reaped')?.fencingToken).toBe(2);
    expect(seen().applied).toBe(24);
    expect(seen().lists).toBe(2);
    expect(seen().deletes).toBeLessThanOrEqual(24 + 4);
  });
});

describe('what the provider may do meanwhile', () => {
  test('an app that answers 403 for ever is quarantined; the other ten go, within 14 requests', async () => {
    const apps = [...staleApps(10), { name: 'hatchet-t-ffffffffff', ageMs: 30 * DAY_MS }];
    await startSandbox({
      apps,
      faults: [
        {
          match: { app: 'hatchet-t-ffffffffff', method: 'DELETE' },
          act: { kind: 'answer', status: 403, body: '{"id":"forbidden","message":"no"}' },
        },
      ],
    });
    const [job] = await runJobs(1);
    expect(job?.report.counts).toMatchObject({ deleted: 10, forbidden: 1 });
    expect(job?.exitCode).toBe(5);
    expect(seen().all).toBeLessThanOrEqual(14);
  });

  test('5xx and broken connections end nothing: every app goes, none is counted twice', async () => {
    await startSandbox({
      apps: staleApps(10),
      faults: [
        { match: { method: 'DELETE' }, act: { kind: 'answer', status: 503, body: '' }, times: 2 },
        { match: { method: 'DELETE' }, act: { kind: 'reset', when: 'after' }, times: 2 },
      ],
    });
    const [job] = await runJobs(1);
    expect(job?.report).toMatchObject({
      outcome: 'reaped',
      exitCode: 0,
      counts: { eligible: 10, deleted: 10 },
    });
    expect(seen().applied).toBe(10);
  });

  test('a full account with nothing stale costs one listing and says who holds the places and when the next falls due', async () => {
    const young = staleApps(5).map((app) => ({ ...app, ageMs: 60_000 }));
    await startSandbox({ apps: young });
    const [job] = await runJobs(1, '--limit', '5');
    expect(job?.report).toMatchObject({ outcome: 'incomplete', reason: 'full', exitCode: 3 });
    expect(seen()).toMatchObject({ lists: 1, deletes: 0 });
    expect(job?.stderr).toMatch(/hatchet-t-/);
    expect(job?.stderr).toMatch(/due/);
  });

  test('apps of teams and of others neither count against the limit nor go', async () => {
    const others = Array.from({ length: 20 }, (_, index) => ({
      name: `hatchet-t-${(0xabc000 + index).toString(16).padStart(10, '0')}`,
      ageMs: 9 * DAY_MS,
      ...(index % 2 === 0 ? { team: 'acme' } : { owner: 'else@example.com' }),
    }));
    await startSandbox({ apps: [...staleApps(1), ...others] });
    const [job] = await runJobs(1, '--limit', '3');
    expect(job?.report.counts).toMatchObject({ matched: 1, deleted: 1 });
    expect(seen().applied).toBe(1);
  });
});

describe('interruption', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s ends with a partial report, exit %d, and the lease given back',
    async (signal, exitCode) => {
      await startSandbox({ apps: staleApps(30), latencyMs: 40 });
      const job = startJob('job-0', '--concurrency', '2');
      await job.untilError(/\b3\/30\b/);
      job.child.kill(signal);
      const result = await job.result;
      const report = result.json<ReapReport>();
      expect(result.exitCode).toBe(exitCode);
      expect(report).toMatchObject({ outcome: 'incomplete', exitCode });
      const { counts } = report;
      expect(counts.deleted).toBeGreaterThanOrEqual(3);
      expect(counts.eligible).toBe(
        counts.deleted +
          counts.gone +
          counts.changed +
          counts.forbidden +
          counts.busy +
          counts.failed +
          counts.deferred,
      );
      const next = await startJob('job-1').result;
      expect(next.json<ReapReport>()).toMatchObject({ outcome: 'reaped', fencingToken: 2 });
      expect(seen().duplicates).toBe(0);
    },
  );
});
