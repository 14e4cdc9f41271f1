// A lock as a row of `status`: who holds it since when, with a link to the job, how many wait; what is damaged hides nothing.
import { describe, expect, test } from '@jest/globals';
import type { CommandContext } from '../../src/app/contract.ts';
import { createHolder } from '../../src/app/holder.ts';
import { describeEntry } from '../../src/app/status-record.ts';
import { nullLogger } from '../../src/base/logger.ts';
import type { LeaseRecord } from '../../src/lease/contract.ts';
import { entryOf, HOLDER, recordOf } from '../support/lease-scripted-store.ts';
import { createManualClock } from '../support/manual-clock.ts';

const clock = createManualClock();
const row = (value: string) =>
  describeEntry({ kind: 'lock', name: 'db', nowWallMs: clock.wallMs() }, { value, revision: 'r1' });
const rowOf = (record: LeaseRecord) => row(JSON.stringify(record));

/** A job of a run on GitHub. */
const context: CommandContext = {
  clock,
  logger: nullLogger,
  env: {
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'octo/demo',
    GITHUB_RUN_ID: '7',
    GITHUB_RUN_ATTEMPT: '2',
    GITHUB_JOB: 'deploy',
  },
  cwd: '/',
  signal: new AbortController().signal,
  isRunner: true,
  process: {
    pid: 1,
    who: async () => ({ host: 'runner', user: 'runner' }),
    execPath: '',
    execArgv: [],
    entry: '',
  },
  rest: null,
};

describe('a lock in status', () => {
  test('that a job holds links to that job', async () => {
    const holder = await createHolder(context, { jobIndex: 3, jobId: '99' });
    const entry = entryOf('n1', { token: 5, leaseMs: 60_000, holder, since: '2026-11-20T10:00:00.000Z' });
    expect(rowOf(recordOf([entry]))).toEqual({
      kind: 'lock',
      name: 'db',
      state: 'held',
      holder: 'run 7, attempt 2, job deploy, index 3',
      fencingToken: 5,
      leaseMs: 60_000,
      waiters: null,
      url: 'https://github.com/octo/demo/actions/runs/7/job/99',
      detail: 'since 2026-11-20T10:00:00.000Z',
    });
  });

  test('without the id of its job links to the run', async () => {
    expect((await createHolder(context, {})).url).toBe('https://github.com/octo/demo/actions/runs/7');
  });

  test('names all who hold it, and how many are in line', () => {
    const tickets = ['a', 'b'].map((nonce) => ({ nonce, seq: 0, leaseMs: 1000, holder: HOLDER }));
    const record = recordOf([entryOf('n1', { token: 1 }), entryOf('n2', { token: 2 })], {
      permits: 2,
      tickets,
    });
    expect(rowOf(record)).toMatchObject({
      state: 'held',
      holder: 'n1, n2',
      fencingToken: 2,
      waiters: 2,
      url: null,
    });
  });

  test('that is free remembers its token', () => {
    expect(rowOf(recordOf([], { token: 8 }))).toMatchObject({ state: 'free', holder: null, fencingToken: 8 });
  });

  test('that somebody else damaged is shown as such', () => {
    expect(row('{"v":2}')).toMatchObject({ state: 'corrupt', holder: null, fencingToken: null });
  });
});
