// A matrix on GitHub as it runs: steps of the built Action in the runner harness, the REST facade, the real cache client against a
// cache service, and a later step of the same job. The request logs say what each job cost.
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { createCliWorld } from '../support/cli.ts';
import { randomFaults } from '../support/github-faults.ts';
import { type Matrix, type MatrixSettings, runWaves, startMatrix } from '../support/github-matrix.ts';

let matrix: Matrix;

afterEach(() => matrix.dispose());

const start = async (settings: Partial<MatrixSettings>) => {
  matrix = await startMatrix({ electors: 3, hasCache: true, apps: 4, latencyMs: 0, ...settings });
};
const deletions = () => matrix.sandbox.log().filter(({ method }) => method === 'DELETE');
const listings = () => matrix.sandbox.log().filter(({ path }) => path.endsWith('/apps'));

describe('a matrix on GitHub', () => {
  test('one job sweeps; the next elector asks the cache alone; the others ask nobody, nor do their later steps', async () => {
    await start({});
    const first = await matrix.runJob(0);
    expect(first.result<ReapReport>()).toMatchObject({ outcome: 'reaped', counts: { deleted: 4 } });
    expect(matrix.requestsOf(0)).toHaveLength(5);
    expect(matrix.cache.entries.map(({ isReady }) => isReady)).toEqual([true]);

    const second = await matrix.runJob(1);
    expect(second.result<ReapReport>()).toMatchObject({
      outcome: 'skipped',
      reason: 'fresh',
      requests: { store: 0, list: 0 },
    });
    expect(matrix.requestsOf(1)).toEqual([]);
    expect(second.main.log).toContain('4 apps were deleted');

    const before = [matrix.facade.log.length, matrix.cache.log.length, matrix.sandbox.log().length];
    const fourth = await matrix.runJob(3);
    expect(fourth.result<ReapReport>()).toMatchObject({ outcome: 'skipped', reason: 'not-elected' });
    expect(fourth.main.annotations).toEqual([]);

    // What the runner gives to a `run:` step of that job: neither token nor cache, and no key of the provider.
    const session = fourth.main.exported.get('LOCKSTEP_SESSION') ?? '';
    expect(readFileSync(session, 'utf8')).not.toMatch(/review|HRKU|ghs_/);
    const cli = createCliWorld({
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'octo/repo',
      GITHUB_RUN_ID: '777',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_JOB: 'test',
      RUNNER_TEMP: matrix.worldOf(3).temp,
      HEROKU_API_URL: matrix.sandbox.url,
      LOCKSTEP_SESSION: session,
    });
    const args = [
      'reap',
      '--provider',
      'heroku',
      '--match',
      'review-.*',
      '--older-than',
      '7d',
      '--apply',
      '--json',
    ];
    const later = await cli.run(args);
    expect(later.json<ReapReport>()).toMatchObject({
      outcome: 'skipped',
      reason: 'not-elected',
      exitCode: 0,
    });
    const forged = await cli.run(args, { env: { GITHUB_RUN_ID: '778' } });
    expect(forged.exitCode).toBe(2);
    await cli.dispose();
    expect([matrix.facade.log.length, matrix.cache.log.length, matrix.sandbox.log().length]).toEqual(before);
    expect(matrix.facade.violations).toEqual([]);
  });

  test('a cache that refuses everything is no annotation and no failure', async () => {
    await start({});
    matrix.cache.plan = () => ({ kind: 'status', status: 429, retryAfterSeconds: 60 });
    const first = await matrix.runJob(0);
    expect(first.main).toMatchObject({ exitCode: 0, annotations: [] });
    expect(first.result<ReapReport>()).toMatchObject({ outcome: 'reaped' });
    const second = await matrix.runJob(1);
    expect(second.result<ReapReport>()).toMatchObject({ reason: 'fresh', requests: { store: 2 } });
  });

  test('in bad weather, all at once: one sweeps, every app is deleted once, nobody fails', async () => {
    await start({ electors: 6, hasCache: false, plan: randomFaults({ seed: 5, share: 0.1 }) });
    const reports = await runWaves(matrix, { jobs: 6, parallel: 6 });
    expect(reports.filter(({ outcome }) => outcome === 'reaped')).toHaveLength(1);
    expect(new Set(reports.map(({ outcome }) => outcome))).toEqual(new Set(['reaped', 'skipped']));
    expect(deletions().map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(listings().length).toBe(1);
    expect(matrix.facade.violations).toEqual([]);
  });
});
