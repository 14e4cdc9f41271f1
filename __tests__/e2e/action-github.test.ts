// A step with the default store: the repository itself, reached with the step's token. The facade's request log says what it cost.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { createMemoryRepository } from '../support/github-repository.ts';
import { createRunnerWorld, type RunnerStep, type RunnerWorld } from '../support/runner.ts';

const WRITER = 'ghs_WriterWriterWriterWriterWriterWrite';
const READER = 'ghs_ReaderReaderReaderReaderReaderReade';
const KEY = 'key-of-the-tests-0123';
let world: RunnerWorld;
let facade: GitHubFacade;
let sandbox: HerokuSandbox;

beforeEach(async () => {
  world = createRunnerWorld();
  facade = await startGitHubFacade({
    git: createMemoryRepository(),
    name: 'octo/repo',
    readOnlyTokens: [READER],
  });
  sandbox = await startHerokuSandbox({
    clock: systemClock,
    apps: [{ name: 'review-1', ageMs: 9 * 86_400_000 }],
  });
});
afterEach(async () => {
  await world.dispose();
  await sandbox.close();
  await facade.close();
});

const reapStep = (step: RunnerStep) =>
  world.runStep({
    ...step,
    secrets: [KEY],
    env: {
      GITHUB_API_URL: facade.apiUrl,
      HEROKU_API_URL: sandbox.url,
      HEROKU_API_KEY: KEY,
      GITHUB_TOKEN: '',
    },
    with: {
      command: 'reap',
      provider: 'heroku',
      match: 'review-.*',
      'older-than': '7d',
      apply: 'true',
      ...step.with,
    },
  });

const fork = {
  name: 'pull_request',
  payload: {
    pull_request: {
      head: { repo: { full_name: 'stranger/repo' } },
      base: { repo: { full_name: 'octo/repo' } },
    },
  },
};

test('the token input reaches the store, and nothing of it is left in log, outputs, summary or state', async () => {
  const step = await reapStep({ token: WRITER });
  expect(step.main).toMatchObject({ exitCode: 0, annotations: [] });
  expect(step.result<ReapReport>()).toMatchObject({ outcome: 'reaped', fencingToken: 1 });
  expect(new Set(facade.log.map(({ token }) => token))).toEqual(new Set([WRITER]));
  expect(facade.violations).toEqual([]);
});

test('a fork with a token that may only read: skipped with one notice, five requests at most', async () => {
  const step = await reapStep({ token: READER, event: fork });
  expect(step.main.exitCode).toBe(0);
  expect(step.result<ReapReport>()).toMatchObject({ outcome: 'skipped', reason: 'no-permission' });
  expect(step.main.annotations).toEqual([
    { kind: 'notice', message: expect.stringContaining('a token that may only read') },
  ]);
  expect(facade.log.length).toBeLessThanOrEqual(5);
  expect(sandbox.log()).toEqual([]);
});

test('the same token in the repository itself fails no job either: one notice says which permission is missing', async () => {
  const step = await reapStep({ token: READER });
  expect(step.main.exitCode).toBe(0);
  expect(step.result<ReapReport>()).toMatchObject({ outcome: 'skipped', reason: 'no-permission' });
  expect(step.main.annotations).toEqual([
    { kind: 'notice', message: expect.stringContaining('`permissions: contents: write`') },
  ]);
  expect(facade.log.length).toBeLessThanOrEqual(5);
  expect(sandbox.log()).toEqual([]);
});

test('a token that GitHub does not know fails the step', async () => {
  const step = await reapStep({ token: 'bad-token-of-the-tests' });
  expect(step.main.exitCode).toBe(5);
  expect(step.main.annotations.map(({ kind }) => kind)).toContain('error');
  expect(step.main.annotations.map(({ kind }) => kind)).not.toContain('notice');
});
