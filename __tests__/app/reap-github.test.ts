// `reap` on the GitHub store as the command sees it: the whole wiring in this process, over the REST facade.
// The facade's request log says what each way of ending cost.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CommandContext } from '../../src/app/contract.ts';
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { runReap } from '../../src/app/reap-command.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { createGitHubStore } from '../../src/store/drivers/github.ts';
import { createHurriedClock } from '../support/github-clock.ts';
import { type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { faultsInTurn } from '../support/github-faults.ts';
import { createMemoryRepository } from '../support/github-repository.ts';

/** For what takes its time; calls have so much less real time to be answered, so no hurry without need. */
const HURRY = 8;
let folder: string;
let facade: GitHubFacade;
let sandbox: HerokuSandbox;
let notices: string[];
let errors: string[];
let exported: Map<string, string>;
let clock: Clock;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-reap-github-'));
  facade = await startGitHubFacade({ git: createMemoryRepository(), readOnlyTokens: ['reader'] });
  const apps = Array.from({ length: 3 }, (_, index) => ({ name: `ci-${index}`, ageMs: 9 * 86_400_000 }));
  sandbox = await startHerokuSandbox({ clock: systemClock, apps });
  [notices, errors, exported] = [[], [], new Map()];
  clock = systemClock;
});
afterEach(async () => {
  await facade.close();
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

interface Job {
  inputs?: Record<string, string>;
  env?: Record<string, string>;
  context?: Partial<CommandContext>;
}

/** One job of run 7; a step of an Action unless said otherwise. */
async function reapAs(token: string, { inputs = {}, env = {}, context = {} }: Job = {}): Promise<ReapReport> {
  const resolved = await resolveOptions({
    command: 'reap',
    host: 'action',
    inputs: {
      ...{ command: 'reap', provider: 'heroku', match: 'ci-.*', 'older-than': '7d', apply: 'true' },
      ...{ account: 'shared', timeout: '50m', ...inputs },
    },
  });
  const keep = (list: string[]) => (message: string) => void list.push(message);
  const drop = () => undefined;
  return runReap(
    {
      clock,
      logger: { error: keep(errors), warn: keep(errors), info: drop, debug: drop },
      env: {
        ...{
          GITHUB_API_URL: facade.apiUrl,
          GITHUB_REPOSITORY: 'octo/demo',
          GITHUB_SERVER_URL: 'https://github.com',
        },
        ...{ GITHUB_RUN_ID: '7', GITHUB_RUN_ATTEMPT: '1', GITHUB_JOB: 'build', RUNNER_TEMP: folder },
        ...{ HEROKU_API_KEY: 'key', HEROKU_API_URL: sandbox.url, GITHUB_TOKEN: token, ...env },
      },
      cwd: folder,
      signal: new AbortController().signal,
      isRunner: true,
      process: {
        pid: 1,
        who: async () => ({ host: 'here', user: 'me' }),
        execPath: '',
        execArgv: [],
        entry: '',
      },
      rest: null,
      onNotice: keep(notices),
      exportVariable: (name, value) => void exported.set(name, value),
      ...context,
    },
    resolved,
  );
}

/** Holds the sweeps' lease as another job of run 7. */
async function holdAs(job: number) {
  const client = createGitHubClient({ apiUrl: facade.apiUrl, token: 'holder', clock, userAgent: 'test' });
  const store = createGitHubStore({ client, repository: { owner: 'octo', repo: 'demo' }, clock });
  const manager = createLeaseManager({ store, clock });
  // The command's own name of the account, learned from a job that only looks.
  await reapAs('scout', { inputs: { apply: 'false' } });
  const [ref = ''] = facade.log
    .map(({ path }) => decodeURIComponent(path))
    .filter((path) => path.includes('/git/ref/'));
  const key = /refs?\/lockstep\/(.*)\/@$/.exec(ref)?.[1]?.replaceAll('=', '~') ?? '';
  const holder = { text: `job ${job}`, host: 'h', pid: 1, run: '7', attempt: '1', job: String(job) };
  const tried = await manager.tryAcquire(key, { leaseMs: 3_600_000, holder });
  if (!tried.acquired) throw new Error('somebody else holds the lease');
  facade.log.length = 0;
  return { manager, lease: tried.lease };
}

const counts = () => ({
  all: facade.log.length,
  writes: facade.countOf(({ method }) => method !== 'GET'),
});
const deletions = () => sandbox.log().filter(({ method }) => method === 'DELETE').length;

describe('what a sweep costs', () => {
  test('the sweeper: five requests; the next one learns it from two, and counts real requests', async () => {
    const first = await reapAs('one');
    expect(first).toMatchObject({ outcome: 'reaped', counts: { deleted: 3 }, requests: { store: 5 } });
    expect(counts()).toEqual({ all: 5, writes: 4 });
    facade.log.length = 0;
    const second = await reapAs('two');
    expect(second).toMatchObject({ outcome: 'skipped', reason: 'fresh', requests: { store: 2, list: 0 } });
    expect(counts()).toEqual({ all: 2, writes: 0 });
    expect(facade.violations).toEqual([]);
  });

  test('one that meets it busy: two reads, no write', async () => {
    const { manager, lease } = await holdAs(1);
    const report = await reapAs('loser');
    expect(report).toMatchObject({
      outcome: 'skipped',
      reason: 'busy',
      holder: 'job 1',
      requests: { store: 2 },
    });
    expect(counts()).toEqual({ all: 2, writes: 0 });
    await lease.release();
    await manager.close();
  });

  test('one that is not elected: nothing', async () => {
    const report = await reapAs('fourth', { inputs: { 'job-index': '3', 'job-total': '256' } });
    expect(report).toMatchObject({ outcome: 'skipped', reason: 'not-elected' });
    expect(facade.log).toEqual([]);
  });

  test('references go where --ref-prefix says, and a prefix that would take all branches is refused', async () => {
    await reapAs('one', { inputs: { 'ref-prefix': 'refs/heads/ci-locks' } });
    const moved = facade.log.filter(({ method }) => method === 'PATCH').map(({ path }) => path);
    expect(moved).toEqual([expect.stringContaining('/git/refs/heads/ci-locks/default/reap/')]);
    await expect(reapAs('one', { inputs: { 'ref-prefix': 'refs/heads' } })).rejects.toMatchObject({
      problems: [{ option: 'ref-prefix', message: expect.stringContaining('refs/heads/lockstep') }],
    });
  });
});

describe('a holder that GitHub reports as ended', () => {
  test('is succeeded long before its lease ends', async () => {
    clock = createHurriedClock(HURRY);
    const { manager } = await holdAs(1);
    facade.world.runs.set(7, { status: 'in_progress', conclusion: null, attempt: 1 });
    const job = { id: 1, name: 'build', runId: 7, runAttempt: 1 };
    facade.world.jobs.set(1, { ...job, status: 'completed', conclusion: 'cancelled' });
    // It will not renew any more: a dead job does not.
    await manager.close();
    const startMs = clock.monotonicMs();
    const report = await reapAs('successor', { inputs: { 'when-busy': 'wait', 'job-id': '2', poll: '2s' } });
    expect(report).toMatchObject({ outcome: 'reaped', fencingToken: 2 });
    expect(clock.monotonicMs() - startMs).toBeLessThan(1_800_000);
  });
});

describe('the budget', () => {
  test('below the floor a clean-up is skipped after its first read, with one notice', async () => {
    const report = await reapAs('poor', { inputs: { 'quota-floor': '5000' } });
    expect(report).toMatchObject({
      outcome: 'skipped',
      reason: 'low-quota',
      exitCode: 0,
      requests: { store: 1 },
    });
    expect(counts()).toEqual({ all: 1, writes: 0 });
    expect(notices).toEqual([expect.stringContaining('4999 of 5000 requests')]);
    expect([errors, deletions()]).toEqual([[], 0]);
  });

  test('with --every 0s, too, and without a floor not at all', async () => {
    const poor = await reapAs('poor', { inputs: { 'quota-floor': '5000', every: '0s' } });
    expect(poor).toMatchObject({ outcome: 'skipped', reason: 'low-quota' });
    expect(await reapAs('rich', { inputs: { 'quota-floor': '0' } })).toMatchObject({ outcome: 'reaped' });
  });

  test('an exhausted budget is not slept out, and fails nothing', async () => {
    await facade.close();
    facade = await startGitHubFacade({ git: createMemoryRepository(), budget: { perRepository: 0 } });
    const report = await reapAs('late');
    expect(report).toMatchObject({ outcome: 'skipped', reason: 'low-quota', exitCode: 0 });
    expect([notices.length, errors]).toEqual([1, []]);
    expect(facade.log).toHaveLength(1);
  });

  test('a secondary limit is obeyed: nothing is sent before its time, then the sweep goes on', async () => {
    const limit = {
      kind: 'limit',
      status: 429,
      message: 'secondary rate limit',
      retryAfterSeconds: 8,
    } as const;
    facade.plan = faultsInTurn([limit]);
    clock = createHurriedClock(HURRY);
    const startMs = clock.monotonicMs();
    const report = await reapAs('patient');
    expect(report).toMatchObject({ outcome: 'reaped' });
    expect(clock.monotonicMs() - startMs).toBeGreaterThan(8_000);
    expect(facade.log.map(({ status }) => status).slice(0, 2)).toEqual([429, 404]);
  });

  test('a limit of many minutes is left to a later run', async () => {
    const limit = {
      kind: 'limit',
      status: 403,
      message: 'secondary rate limit',
      retryAfterSeconds: 900,
    } as const;
    facade.plan = faultsInTurn([limit]);
    expect(await reapAs('hurried')).toMatchObject({ outcome: 'skipped', reason: 'low-quota', exitCode: 0 });
    expect(facade.log).toHaveLength(1);
  });

  test('the jobs of a matrix ask one after the other, without waiting for the first', async () => {
    clock = createHurriedClock(HURRY);
    const startMs = clock.monotonicMs();
    await reapAs('third', { inputs: { 'job-index': '2', 'job-total': '3' } });
    expect(clock.monotonicMs() - startMs).toBeGreaterThan(2_300);
  });
});

describe('a token that may only read', () => {
  test.each([
    ['in the repository itself', {}, 'contents: write'],
    ['in a pull request from a fork', { isForkPullRequest: true }, 'a pull request from a fork'],
  ])('%s: skipped with one notice, five requests at most, no deletion', async (_, context, text) => {
    const report = await reapAs('reader', { context });
    expect(report).toMatchObject({ outcome: 'skipped', reason: 'no-permission', exitCode: 0 });
    expect(notices).toEqual([expect.stringContaining(text)]);
    expect(counts().all).toBeLessThanOrEqual(5);
    expect([errors, deletions()]).toEqual([[], 0]);
  });

  test('that is none at all is a failure', async () => {
    expect(await reapAs('bad')).toMatchObject({ outcome: 'failed', reason: 'auth', exitCode: 5 });
    expect(errors).toHaveLength(1);
  });

  test("outside a runner it is the user's own mistake", async () => {
    const context = { isRunner: false };
    const report = await reapAs('reader', { inputs: { store: 'github:octo/demo' }, context });
    expect(report).toMatchObject({ outcome: 'failed', reason: 'auth', exitCode: 5 });
  });
});

describe('a later step of the same job', () => {
  /** A test runner's hook or a command line: no token, no key, no cache. */
  const later = (more: Job = {}) =>
    reapAs('', {
      ...more,
      env: { HEROKU_API_KEY: '', LOCKSTEP_SESSION: exported.get('LOCKSTEP_SESSION') ?? '', ...more.env },
    });

  test.each([
    ['swept', {}, 'fresh'],
    ['was not elected', { 'job-index': '3', 'job-total': '256' }, 'not-elected'],
  ])('has nothing to do and sends nothing where the step %s', async (_, inputs, reason) => {
    await reapAs('one', { inputs });
    const before = [facade.log.length, sandbox.log().length];
    expect(await later()).toMatchObject({ outcome: 'skipped', reason, exitCode: 0, requests: { store: 0 } });
    expect([facade.log.length, sandbox.log().length]).toEqual(before);
    expect([notices, errors]).toEqual([[], []]);
  });

  test('with other options, or none left to do, is told what it lacks', async () => {
    await reapAs('one');
    await expect(later({ inputs: { match: 'other-.*' } })).rejects.toMatchObject({
      problems: [{ option: 'HEROKU_API_KEY', message: expect.stringContaining('is not set') }],
    });
    await expect(later({ inputs: { every: '0s' } })).rejects.toMatchObject({ code: 'config' });
  });

  test('a step that planned, or failed, leaves nothing', async () => {
    await reapAs('one', { inputs: { apply: 'false' } });
    await reapAs('bad');
    expect([...exported]).toEqual([]);
  });
});
