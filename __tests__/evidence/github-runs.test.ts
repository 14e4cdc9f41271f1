import { afterEach, describe, expect, test } from '@jest/globals';
import type { EvidenceSubject } from '../../src/evidence/contract.ts';
import { isJobOver, isRunOver, parseRunPlace } from '../../src/evidence/github-decisions.ts';
import { createGitHubEvidence } from '../../src/evidence/github-runs.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { createMemoryRepository } from '../support/github-repository.ts';
import { createManualClock } from '../support/manual-clock.ts';

const SERVER = 'https://github.com';
const place = (holder: EvidenceSubject) => parseRunPlace(holder, SERVER);

describe('where a holder runs', () => {
  const whole = { run: '7', attempt: '2', job: '70' };
  test('is read from its run, attempt and job', () => {
    expect(place(whole)).toEqual({ run: '7', attempt: 2, job: '70', repository: null });
    expect(place({ run: '7' })).toEqual({ run: '7', attempt: null, job: null, repository: null });
  });
  test('may be another repository, where its URL says so for the same run on the own server', () => {
    const at = (url: string) => place({ ...whole, url })?.repository;
    expect(at(`${SERVER}/octo/app/actions/runs/7`)).toEqual({ owner: 'octo', repo: 'app' });
    expect(at(`${SERVER}/octo/app/actions/runs/7/job/70`)).toEqual({ owner: 'octo', repo: 'app' });
    expect(at(`${SERVER}/octo/app/actions/runs/8`)).toBeNull();
    expect(at('https://elsewhere.example/octo/app/actions/runs/7')).toBeNull();
    expect(at(`${SERVER}/octo/../../user/actions/runs/7`)).toBeNull();
    expect(at(`${SERVER}/octo/../actions/runs/7`)).toBeNull();
    expect(at(`${SERVER}/octo/%2e%2e/actions/runs/7`)).toBeNull();
  });
  test.each([{}, { run: '' }, { run: '../../user' }, { run: '0' }, { run: '7x' }, { run: '9'.repeat(30) }])(
    'is unknown for %j',
    (holder) => {
      expect(place(holder)).toBeNull();
    },
  );
  test('is only as precise as what is well formed', () => {
    expect(place({ run: '7', attempt: '../x', job: 'build' })).toMatchObject({ attempt: null, job: null });
  });
});

describe('what an answer proves', () => {
  const at = { run: '7', attempt: 2, job: '70', repository: null };
  test.each<[string, unknown, boolean]>([
    ['its job is completed', { id: 70, run_id: 7, run_attempt: 2, status: 'completed' }, true],
    ['its job runs', { id: 70, run_id: 7, run_attempt: 2, status: 'in_progress' }, false],
    ['another job is completed', { id: 71, run_id: 7, run_attempt: 2, status: 'completed' }, false],
    ['a job of another run is completed', { id: 70, run_id: 8, run_attempt: 2, status: 'completed' }, false],
    [
      'the job of an earlier attempt is completed',
      { id: 70, run_id: 7, run_attempt: 1, status: 'completed' },
      false,
    ],
    ['nonsense', 'completed', false],
    ['nothing', null, false],
  ])('job: %s', (_, data, isOver) => {
    expect(isJobOver(data, at)).toBe(isOver);
  });
  test.each<[string, unknown, boolean]>([
    ['its run is completed', { id: 7, run_attempt: 2, status: 'completed' }, true],
    ['its run goes on', { id: 7, run_attempt: 2, status: 'in_progress' }, false],
    ['its run waits', { id: 7, run_attempt: 2, status: 'queued' }, false],
    ['a later attempt goes on', { id: 7, run_attempt: 3, status: 'in_progress' }, true],
    [
      'an earlier attempt is completed (a stale answer)',
      { id: 7, run_attempt: 1, status: 'completed' },
      false,
    ],
    ['another run is completed', { id: 8, run_attempt: 2, status: 'completed' }, false],
    ['nonsense', [], false],
  ])('run: %s', (_, data, isOver) => {
    expect(isRunOver(data, at)).toBe(isOver);
  });
  test('without an attempt only the run as a whole counts', () => {
    const unknown = { ...at, attempt: null };
    expect(isRunOver({ id: 7, run_attempt: 3, status: 'in_progress' }, unknown)).toBe(false);
    expect(isRunOver({ id: 7, run_attempt: 3, status: 'completed' }, unknown)).toBe(true);
  });
});

describe('evidence from GitHub', () => {
  let facade: GitHubFacade;
  const holder = { run: '7', attempt: '1', job: '70' };
  afterEach(async () => {
    await facade.close();
    expect(facade.violations).toEqual([]);
  });

  async function start(firstAskAfterMs = 0) {
    facade = await startGitHubFacade({ git: createMemoryRepository() });
    const clock = createManualClock();
    const client = createGitHubClient({
      apiUrl: facade.apiUrl,
      token: 'token-1',
      clock,
      readAttempts: 1,
      userAgent: 'test',
    });
    const evidence = createGitHubEvidence({
      client,
      clock,
      repository: { owner: 'octo', repo: 'demo' },
      serverUrl: SERVER,
      firstAskAfterMs,
    });
    const { signal } = new AbortController();
    facade.world.runs.set(7, { status: 'in_progress', conclusion: null, attempt: 1 });
    const job = { id: 70, name: 'build', status: 'in_progress' as const, runId: 7, runAttempt: 1 };
    facade.world.jobs.set(70, job);
    const end = (id = 70) =>
      facade.world.jobs.set(id, { ...job, id, status: 'completed', conclusion: 'cancelled' });
    return { clock, end, isDead: (of: EvidenceSubject = holder) => evidence.isDead(of, { signal }) };
  }

  test('a holder whose job goes on is not dead; once it is completed it is, for one request each', async () => {
    const { clock, end, isDead } = await start();
    expect(await isDead()).toBe(false);
    end();
    expect(await isDead()).toBe(false);
    await clock.advance(180_000);
    expect(await isDead()).toBe(true);
    expect(facade.log.map(({ path }) => path)).toEqual(Array(2).fill('/repos/octo/demo/actions/jobs/70'));
  });

  test('whoever looks only once pays nothing, whoever waits asks after a while', async () => {
    const { clock, end, isDead } = await start(10_000);
    end();
    expect(await isDead()).toBe(false);
    await clock.advance(9_999);
    expect(await isDead()).toBe(false);
    expect(facade.log).toEqual([]);
    await clock.advance(1);
    expect(await isDead()).toBe(true);
  });

  test('death is final and not asked about again', async () => {
    const { clock, end, isDead } = await start();
    end();
    expect(await isDead()).toBe(true);
    await clock.advance(3_600_000);
    expect(await isDead()).toBe(true);
    expect(facade.log).toHaveLength(1);
  });

  test('asking about an unchanged job is not counted and therefore more frequent', async () => {
    const { clock, end, isDead } = await start();
    for (let minute = 0; minute < 60; minute += 1) {
      await isDead();
      await clock.advance(60_000);
    }
    expect(facade.countOf(({ isCounted }) => isCounted)).toBe(1);
    expect(facade.log.length).toBeGreaterThan(50);
    end();
    expect(await isDead()).toBe(true);
  });

  test('a job that changes all the time costs at most 20 requests an hour', async () => {
    const { clock, isDead } = await start();
    for (let second = 0; second < 3600; second += 15) {
      facade.world.jobs.set(70, {
        id: 70,
        name: `step ${second}`,
        status: 'in_progress',
        runId: 7,
        runAttempt: 1,
      });
      await isDead();
      await clock.advance(15_000);
    }
    expect(facade.countOf(({ isCounted }) => isCounted)).toBe(20);
  });

  test('where GitHub knows no such job the run is asked, and the job no more', async () => {
    const { clock, isDead } = await start();
    facade.world.jobs.clear();
    expect(await isDead()).toBe(false);
    facade.world.runs.set(7, { status: 'completed', conclusion: 'failure', attempt: 1 });
    await clock.advance(180_000);
    expect(await isDead()).toBe(true);
    expect(facade.log.map(({ path }) => path.replace('/repos/octo/demo/actions/', ''))).toEqual([
      'jobs/70',
      'runs/7',
      'runs/7',
    ]);
  });

  test('a holder without a job is judged by its run', async () => {
    const { isDead } = await start();
    facade.world.runs.set(7, { status: 'in_progress', conclusion: null, attempt: 2 });
    expect(await isDead({ run: '7', attempt: '1' })).toBe(true);
  });

  test('a run that GitHub does not know is no evidence, and is asked about once', async () => {
    const { clock, isDead } = await start();
    expect(await isDead({ run: '404' })).toBe(false);
    await clock.advance(3_600_000);
    expect(await isDead({ run: '404' })).toBe(false);
    expect(facade.log).toHaveLength(1);
  });

  test('a missing permission is no evidence, and nothing is asked again', async () => {
    const { clock, end, isDead } = await start();
    end();
    facade.plan = () => ({ kind: 'limit', status: 403, message: 'Resource not accessible by integration' });
    expect(await isDead()).toBe(false);
    await clock.advance(3_600_000);
    expect(await isDead()).toBe(false);
    expect(await isDead({ run: '8' })).toBe(false);
    expect(facade.log).toHaveLength(1);
  });

  test.each(['error', 'drop-before', 'limit'] as const)(
    'trouble (%s) is no evidence, and is asked again',
    async (kind) => {
      const { clock, end, isDead } = await start();
      end();
      facade.plan = () =>
        kind === 'error'
          ? { kind, status: 502, applied: false }
          : kind === 'limit'
            ? { kind, status: 429, message: 'slow down', retryAfterSeconds: 1 }
            : { kind };
      expect(await isDead()).toBe(false);
      facade.plan = () => undefined;
      await clock.advance(30_000);
      expect(await isDead()).toBe(true);
    },
  );

  test('a holder that does not run on GitHub costs nothing', async () => {
    const { isDead } = await start();
    expect(await isDead({})).toBe(false);
    expect(facade.log).toEqual([]);
  });
});
