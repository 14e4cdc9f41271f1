// What a matrix costs of GitHub's budget, counted by the request log of a REST facade, with real processes of dist in the runner
// harness and the real cache client: 256 jobs in waves of 20, with and without electors and cache; then one waiter for an hour.
// Run: node --import ./scripts/register-ts.js bench/github.ts [JOBS]      (TEST_DIST_FOLDER for another build)

import { createHurriedClock } from '../__tests__/support/github-clock.ts';
import { startGitHubFacade } from '../__tests__/support/github-facade.ts';
import { runWaves, startMatrix } from '../__tests__/support/github-matrix.ts';
import { createMemoryRepository } from '../__tests__/support/github-repository.ts';
import { createGitHubEvidence } from '../src/evidence/github-runs.ts';
import { createGitHubClient } from '../src/github/client.ts';
import { createLeaseManager } from '../src/lease/manager.ts';
import { createGitHubStore } from '../src/store/drivers/github.ts';
import { printTable } from './pairs.ts';

const JOBS = Number(process.argv[2] ?? 256);
const PARALLEL = 20;

async function matrixRow(electors: number | null, hasCache: boolean) {
  const matrix = await startMatrix({ electors, hasCache, apps: 90, latencyMs: 200 });
  try {
    const reports = await runWaves(matrix, { jobs: JOBS, parallel: PARALLEL });
    const { facade, cache, sandbox } = matrix;
    const outcomes = new Map<string, number>();
    for (const { outcome, reason } of reports) {
      const name = reason === null ? outcome : reason;
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    }
    const costs = reports.map((_, index) => matrix.requestsOf(index).length);
    const sweepers = reports.filter(({ outcome }) => outcome === 'reaped').length;
    const losers = costs.filter(
      (_, index) => reports[index]?.reason === 'busy' || reports[index]?.reason === 'fresh',
    );
    const strangers = costs.filter((_, index) => reports[index]?.reason === 'not-elected');
    if (facade.violations.length > 0) throw new Error(facade.violations[0]);
    return {
      electors: electors ?? 'index unknown',
      cache: hasCache ? 'yes' : 'no',
      requests: facade.log.length,
      writes: facade.countOf(({ method }) => method !== 'GET'),
      'cache look-ups': cache.countOf('GetCacheEntryDownloadURL'),
      'dearest loser': Math.max(0, ...losers),
      'dearest not elected': Math.max(0, ...strangers),
      sweeps: sweepers,
      'deleted twice': sandbox.log().filter(({ method, status }) => method === 'DELETE' && status === 404)
        .length,
      outcomes: [...outcomes].map(([name, count]) => `${name} ${count}`).join(', '),
    };
  } finally {
    await matrix.dispose();
  }
}

/** One that waits for a lease of the default length that is renewed all the time, for one hour of a hurried clock. */
async function waiterRow() {
  const HURRY = 200;
  const HOUR_MS = 3_600_000;
  const facade = await startGitHubFacade({ git: createMemoryRepository() });
  facade.world.runs.set(7, { status: 'in_progress', conclusion: null, attempt: 1 });
  facade.world.jobs.set(1, { id: 1, name: 'build', runId: 7, runAttempt: 1, status: 'in_progress' });
  const clock = createHurriedClock(HURRY);
  const repository = { owner: 'octo', repo: 'demo' };
  const open = (token: string) => {
    const client = createGitHubClient({
      apiUrl: facade.apiUrl,
      token,
      clock,
      userAgent: 'bench',
      requestTimeoutMs: 600_000,
    });
    const store = createGitHubStore({ client, repository, clock, operationTimeoutMs: 600_000 });
    const evidence = createGitHubEvidence({ client, repository, clock });
    return createLeaseManager({ store, clock, evidence });
  };
  const holder = (job: number) => ({
    text: `job ${job}`,
    host: 'h',
    pid: job,
    run: '7',
    attempt: '1',
    job: String(job),
  });
  const [first, second] = [open('holder'), open('waiter')];
  const lease = await first.acquire('default/lock/x', {
    leaseMs: 600_000,
    holder: holder(1),
    pollMs: 15_000,
  });
  const patience = AbortSignal.timeout(HOUR_MS / HURRY);
  await second
    .acquire('default/lock/x', { leaseMs: 600_000, holder: holder(2), pollMs: 15_000, signal: patience })
    .catch(() => null);
  const asked = facade.log.filter(({ token }) => token === 'waiter');
  const row = {
    lease: '10 min',
    poll: '15 s',
    'requests an hour': asked.length,
    'of them counted': asked.filter(({ isCounted }) => isCounted).length,
    'about runs and jobs': asked.filter(({ path }) => path.includes('/actions/')).length,
    'still held': lease?.signal.aborted === false ? 'yes' : 'no',
  };
  await lease?.release();
  await Promise.all([first.close(), second.close()]);
  await facade.close();
  return row;
}

printTable('One waiter with the default lease, for an hour', [await waiterRow()]);
const rows = [];
for (const [electors, hasCache] of [
  [3, true],
  [3, false],
  [JOBS, true],
  [JOBS, false],
  [null, true],
] as const) {
  rows.push(await matrixRow(electors, hasCache));
}
printTable(`A matrix of ${JOBS} jobs in waves of ${PARALLEL}`, rows);
