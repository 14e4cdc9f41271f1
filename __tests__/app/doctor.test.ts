// `doctor` against the REST facade: what it finds, what it says to do, and what it costs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CommandContext } from '../../src/app/contract.ts';
import { startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { type DoctorReport, runDoctor } from '../../src/app/doctor-command.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { doctorAction } from '../../src/host/action-doctor.ts';
import { createStyle } from '../../src/host/terminal.ts';
import { renderDoctor } from '../../src/host/terminal-doctor.ts';
import { type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { createMemoryRepository, createRealRepository } from '../support/github-repository.ts';

let folder: string;
let facade: GitHubFacade;
let clock: Clock;

beforeEach(async () => {
  clock = systemClock;
  folder = await mkdtemp(join(tmpdir(), 'lockstep-doctor-'));
  facade = await startGitHubFacade({ git: createMemoryRepository(), readOnlyTokens: ['reader'] });
});
afterEach(async () => {
  await facade.close();
  await rm(folder, { recursive: true, force: true });
});

async function examine(
  inputs: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<DoctorReport> {
  const resolved = await resolveOptions({
    command: 'doctor',
    host: 'action',
    inputs: { command: 'doctor', store: 'github:octo/demo', ...inputs },
  });
  const context: CommandContext = {
    clock,
    logger: nullLogger,
    env: { GITHUB_TOKEN: 'writer', GITHUB_API_URL: facade.apiUrl, HOME: folder, ...env },
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
  };
  return runDoctor(context, resolved);
}

const statuses = ({ checks }: DoctorReport) => checks.map(({ name, status }) => [name, status]);
const about = ({ checks }: DoctorReport, name: string) => checks.find((check) => check.name === name);

describe('doctor on the GitHub store', () => {
  test('finds a sound repository healthy, for three requests and one commit that nothing points to', async () => {
    facade.world.runs.set(7, { status: 'in_progress', conclusion: null, attempt: 1 });
    const report = await examine({}, { GITHUB_REPOSITORY: 'octo/demo', GITHUB_RUN_ID: '7' });
    expect(statuses(report)).toEqual([
      ['store', 'ok'],
      ['permission', 'ok'],
      ['quota', 'ok'],
      ['clock', 'ok'],
      ['evidence', 'ok'],
      ['cache', 'skipped'],
      ['provider', 'skipped'],
    ]);
    expect(report).toMatchObject({ outcome: 'healthy', exitCode: 0, store: 'github:octo/demo', costs: null });
    expect(facade.log.map(({ method, status }) => [method, status])).toEqual([
      ['GET', 404],
      ['POST', 201],
      ['GET', 200],
    ]);
    expect(facade.violations).toEqual([]);
  });

  test('says which permission a token lacks', async () => {
    const report = await examine({}, { GITHUB_TOKEN: 'reader' });
    expect(about(report, 'permission')).toMatchObject({
      status: 'problem',
      exitCode: 5,
      hint: expect.stringContaining('contents: write'),
    });
    expect(report).toMatchObject({ outcome: 'ailing', exitCode: 5 });
  });

  test('says that a token is refused, that nobody answers, that none is there', async () => {
    const refused = await examine({}, { GITHUB_TOKEN: 'bad' });
    expect(about(refused, 'store')).toMatchObject({ status: 'problem', exitCode: 5 });
    const absent = await examine({}, { GITHUB_TOKEN: '' });
    expect(about(absent, 'store')).toMatchObject({ status: 'problem', exitCode: 5 });
    const none = await examine({ store: '' }, { GITHUB_TOKEN: '' });
    expect(about(none, 'store')).toMatchObject({ status: 'warning' });
    expect(none.exitCode).toBe(0);
    const dead = await examine({ timeout: '30s' }, { GITHUB_API_URL: 'http://127.0.0.1:1' });
    expect(about(dead, 'store')).toMatchObject({ status: 'problem', exitCode: 6 });
  });

  test('warns of a budget below the floor', async () => {
    const report = await examine({ 'quota-floor': '4999' });
    expect(about(report, 'quota')).toMatchObject({
      status: 'warning',
      found: expect.stringContaining('4998 of 5000 requests are left'),
    });
    expect(report.exitCode).toBe(0);
  });

  test.each([
    [3_600_000, '1 h ahead'],
    [-3_600_000, '1 h behind'],
  ])('warns of a clock that is off by %d ms', async (offMs, text) => {
    clock = { ...systemClock, wallMs: () => systemClock.wallMs() + offMs };
    expect(about(await examine(), 'clock')).toMatchObject({
      status: 'warning',
      found: expect.stringContaining(text),
    });
  });

  test('tries the credential of the provider', async () => {
    const sandbox = await startHerokuSandbox({ clock: systemClock, apps: [], apiKey: 'right-key' });
    try {
      const env = { HEROKU_API_URL: sandbox.url };
      const right = await examine({}, { ...env, HEROKU_API_KEY: 'right-key' });
      expect(about(right, 'provider')).toMatchObject({ status: 'ok' });
      const wrong = await examine({}, { ...env, HEROKU_API_KEY: 'wrong-key' });
      expect(about(wrong, 'provider')).toMatchObject({ status: 'problem', exitCode: 5 });
      expect(JSON.stringify(wrong)).not.toContain('wrong-key');
    } finally {
      await sandbox.close();
    }
  });

  test('prints the bill of a matrix against the limit that the token has', async () => {
    const report = await examine({ jobs: '256' });
    expect(report.costs).toMatchObject({ jobs: 256, parallel: 20, requestsPerHour: 5000 });
    const text = renderDoctor(report, createStyle({ colors: false })).join('\n');
    expect(text).toMatch(/everybody polls +741 +4/);
    expect(text).toMatch(/3 electors \(the default in a matrix\) +9 +4/);
    expect(text).toContain('A gate of 256 members is too much for the GitHub store');
    expect(doctorAction.renderSummary(report)).toContain('| 741 |');
  });
});

describe('doctor --live', () => {
  test.each(['memory', 'git'])('finds in a repository (%s) what lockstep was built for', async (backend) => {
    await facade.close();
    const git = backend === 'git' ? createRealRepository(join(folder, 'repo')) : createMemoryRepository();
    facade = await startGitHubFacade({ git });
    facade.world.runs.set(7, { status: 'in_progress', conclusion: null, attempt: 1 });
    const job = { id: 42, name: 'live', runId: 7, runAttempt: 1 };
    facade.world.jobs.set(42, { ...job, status: 'in_progress' });
    const report = await examine(
      { live: 'true', 'job-id': '42' },
      { GITHUB_REPOSITORY: 'octo/demo', GITHUB_RUN_ID: '7' },
    );
    const live = report.checks.filter(({ name }) => name === 'live');
    expect(live.map(({ status, found }) => [status, found])).toEqual([
      ['ok', expect.stringContaining('a namespace of one')],
      ['ok', expect.stringContaining('Reference already exists')],
      ['ok', 'moved'],
      ['ok', 'the new commit'],
      ['ok', expect.stringContaining('a repeated move does no harm')],
      ['ok', expect.stringContaining('not a fast forward')],
      ['ok', expect.stringContaining('Reference does not exist')],
      ['ok', expect.stringMatching(/done/)],
      ['ok', '304, not counted'],
      ['ok', 'status in_progress, run 7, attempt 1'],
      ['skipped', expect.any(String)],
    ]);
    expect(about(report, 'left behind')?.hint).toMatch(
      /git push origin :refs\/lockstep\/doctor\/\w+\/register/,
    );
    expect(facade.log.length).toBeLessThanOrEqual(25);
    expect(facade.violations).toEqual([]);
  });

  test("says to use branches where a namespace of one's own is refused", async () => {
    facade.plan = ({ operation }) =>
      operation.endsWith('/git/refs') && operation.startsWith('POST')
        ? { kind: 'refuse', status: 422, message: 'refs/lockstep is not allowed', applied: false }
        : undefined;
    const report = await examine({ live: 'true' });
    const failed = report.checks.find(({ name, status }) => name === 'live' && status === 'problem');
    expect(failed).toMatchObject({ hint: expect.stringContaining('--ref-prefix refs/heads/lockstep') });
    expect(report.exitCode).toBe(6);
  });

  test('calls a server that lets two own one lease a problem', async () => {
    await facade.close();
    const git = createMemoryRepository();
    const forcing = { ...git, moveRef: (ref: string, sha: string) => git.moveRef(ref, sha, true) };
    facade = await startGitHubFacade({ git: forcing });
    const report = await examine({ live: 'true' });
    const problems = report.checks.filter(({ status }) => status === 'problem').map(({ tried }) => tried);
    expect(problems).toEqual(['move it to a commit beside it', 'move it to two children at the same moment']);
    expect(report.exitCode).toBe(1);
  });

  test('tries nothing on another store', async () => {
    const report = await examine({ store: `file:${join(folder, 'store')}`, live: 'true' });
    expect(about(report, 'live')).toMatchObject({ status: 'skipped' });
    expect(facade.log).toEqual([]);
  });
});
