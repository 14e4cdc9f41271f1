import { describe, expect, test } from '@jest/globals';
import { AuthError, UnavailableError } from '../../src/base/errors.ts';
import { createGitHubJobs, type JobsQuestion, judgeJobs } from '../../src/evidence/github-jobs.ts';
import type { GitHubRead } from '../../src/github/client.ts';

const job = (name: string, change: Record<string, unknown> = {}) => ({
  id: 1,
  name,
  run_attempt: 2,
  status: 'completed',
  conclusion: 'failure',
  html_url: 'https://github.com/o/r/actions/runs/7/job/1',
  ...change,
});
const about = { run: '7', attempt: 2, jobName: 'deploy ({member})' };
const question: JobsQuestion = { members: ['eu', 'us'], claim: null };
const endedIn = (...jobs: Record<string, unknown>[]) =>
  judgeJobs(jobs, question, about).ended.map(({ name }) => name);

describe('who will not come', () => {
  test.each([
    ['failed', { conclusion: 'failure' }, ['eu']],
    ['was cancelled', { conclusion: 'cancelled' }, ['eu']],
    ['was skipped', { conclusion: 'skipped' }, ['eu']],
    ['timed out', { conclusion: 'timed_out' }, ['eu']],
    ['succeeded', { conclusion: 'success' }, []],
    ['is running', { status: 'in_progress', conclusion: null }, []],
    ['is queued', { status: 'queued', conclusion: null }, []],
    ['ended in an earlier attempt', { run_attempt: 1 }, []],
  ])('a member whose job %s', (_what, change, names) => {
    expect(endedIn(job('deploy (eu)', change), job('test (us)'))).toEqual(names);
  });

  test('the detail says how, with the page', () => {
    const [lost] = judgeJobs([job('deploy (eu)', { conclusion: 'timed_out' })], question, about).ended;
    expect(lost).toEqual({
      name: 'eu',
      run: '7',
      attempt: 2,
      detail: 'its job ended as timed out, see https://github.com/o/r/actions/runs/7/job/1',
    });
  });

  test('jobs of a called workflow carry the name of the caller; of two with one name the running one counts', () => {
    expect(endedIn(job('production / deploy (eu)'))).toEqual(['eu']);
    expect(endedIn(job('deploy (eu)'), job('a / deploy (eu)', { status: 'in_progress' }))).toEqual([]);
  });

  test('a matrix that was skipped as a whole is one job, with its name not expanded', () => {
    const skipped = { conclusion: 'skipped' };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's expression syntax, as the API shows it.
    expect(endedIn(job('deploy (${{ matrix.region }})', skipped))).toEqual(['eu', 'us']);
    expect(endedIn(job('deploy', skipped))).toEqual(['eu', 'us']);
    expect(endedIn(job('deploy', { conclusion: 'failure' }))).toEqual([]);
  });

  test('without --job-name nobody is missed, but ended jobs are known by their id', () => {
    const { ended, endedIds } = judgeJobs([job('deploy (eu)', { id: 42 })], question, {
      ...about,
      jobName: null,
    });
    expect(ended).toEqual([]);
    expect([...endedIds]).toEqual(['42']);
  });

  test('a holder without an id of its own is known by its job', () => {
    const claim = { member: 'eu', incarnation: { run: '7', attempt: 2, id: 'nonce' } };
    const of = (...jobs: Record<string, unknown>[]) => [
      ...judgeJobs(jobs, { ...question, claim }, about).endedIds,
    ];
    expect(of(job('deploy (eu)', { id: 9 }))).toEqual(['9', 'nonce']);
    expect(of(job('deploy (eu)', { status: 'in_progress', conclusion: null }))).toEqual([]);
    expect(of(job('deploy (us)', { id: 9 }))).toEqual(['9']);
  });
});

describe('asking', () => {
  const { signal } = new AbortController();
  const ask = (read: (path: string) => Promise<GitHubRead>, run = '7') => {
    const paths: string[] = [];
    const jobs = createGitHubJobs({
      ...about,
      run,
      repository: { owner: 'o', repo: 'r' },
      client: {
        read(path) {
          paths.push(path);
          return read(path);
        },
      },
    });
    return { paths, look: () => jobs.look(question, { signal }) };
  };
  const found = (data: unknown) => async (): Promise<GitHubRead> => ({ kind: 'found', data, changed: true });

  test('one request covers all members; more jobs than a page are read to their end', async () => {
    const few = ask(found({ total_count: 1, jobs: [job('deploy (eu)')] }));
    expect((await few.look()).ended).toHaveLength(1);
    expect(few.paths).toEqual(['/repos/o/r/actions/runs/7/attempts/2/jobs?per_page=100&page=1']);
    const full = Array.from({ length: 100 }, (_, index) => job(`x${index}`));
    const many = ask(async (path) =>
      found({ total_count: 150, jobs: path.endsWith('=1') ? full : full.slice(50) })(),
    );
    await many.look();
    expect(many.paths).toHaveLength(2);
  });

  test.each([
    ['no such run', async (): Promise<GitHubRead> => ({ kind: 'missing' })],
    ['an answer of another shape', found({ jobs: 'none' })],
    ['an outage', () => Promise.reject(new UnavailableError('down'))],
  ])('%s proves nothing', async (_what, read) => {
    expect(await ask(read).look()).toEqual({ ended: [], endedIds: new Set() });
  });

  test('a missing permission is asked about once, a run that is none of GitHub never', async () => {
    const closed = ask(() => Promise.reject(new AuthError('no')));
    await closed.look();
    await closed.look();
    expect(closed.paths).toHaveLength(1);
    const local = ask(found({}), 'local');
    await local.look();
    expect(local.paths).toEqual([]);
  });
});
