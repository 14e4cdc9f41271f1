// `reap` as a step, through a harness that behaves like the runner; the sandbox's request log says what was really sent.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type HerokuSandbox,
  type SandboxSettings,
  startHerokuSandbox,
} from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { createRunnerWorld, type RunnerStep, type RunnerWorld, type StepResult } from '../support/runner.ts';

const DAY_MS = 86_400_000;
// With characters that Markdown and URLs write differently.
const KEY = 'HRKU-0a1b_2c3d+key~of*the:tests';
let world: RunnerWorld;
let sandbox: HerokuSandbox | undefined;

beforeEach(() => {
  world = createRunnerWorld();
});
afterEach(async () => {
  await world.dispose();
  await sandbox?.close();
  sandbox = undefined;
});

const staleApps = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    name: `review-${index.toString().padStart(4, '0')}`,
    ageMs: 9 * DAY_MS,
  }));

async function startSandbox(settings: SandboxSettings): Promise<void> {
  sandbox = await startHerokuSandbox({ clock: systemClock, apiKey: KEY, ...settings });
}

/** A `reap` step with a store of this world; `more` wins. */
function reapStep(more: RunnerStep = {}): Promise<StepResult> {
  return world.runStep({
    ...more,
    secrets: [KEY, ...(more.secrets ?? [])],
    env: { HEROKU_API_URL: sandbox?.url ?? 'http://127.0.0.1:9', HEROKU_API_KEY: KEY, ...more.env },
    with: {
      command: 'reap',
      provider: 'heroku',
      match: 'review-.*',
      'older-than': '7d',
      store: `file:${join(world.folder, 'store')}`,
      ...more.with,
    },
  });
}

const sent = (method: string) => (sandbox?.log() ?? []).filter((entry) => entry.method === method);
const messages = ({ main }: StepResult, kind: string) =>
  main.annotations.filter((each) => each.kind === kind).map((each) => each.message);

describe('a sweep', () => {
  test('deletes, and says so in log, outputs and summary; post has nothing to do', async () => {
    await startSandbox({ apps: [...staleApps(3), { name: 'review-young', ageMs: 1000 }] });
    const step = await reapStep({ with: { apply: 'true' } });
    const { main, post } = step;
    expect(main).toMatchObject({ exitCode: 0, annotations: [] });
    expect(sent('DELETE')).toHaveLength(3);
    expect(main.log).toMatch(/3\/3 review-000\d: deleted\n/);
    expect(main.log).toMatch(/^Reaped: 3 deleted/m);
    expect(main.commands.filter(({ name }) => name === 'group').map(({ data }) => data)).toEqual([
      'lockstep reap',
    ]);
    expect(main.commands.filter(({ name }) => name === 'endgroup')).toHaveLength(1);
    expect(step.result<ReapReport>()).toMatchObject({
      format: 1,
      command: 'reap',
      outcome: 'reaped',
      counts: { deleted: 3, young: 1 },
      fencingToken: 1,
    });
    const outputs = Object.fromEntries(main.outputs);
    expect(outputs).toMatchObject({
      outcome: 'reaped',
      reason: '',
      'fencing-token': '1',
      'exit-code': '0',
      truncated: 'false',
    });
    expect(JSON.parse(outputs['counts'] ?? '')).toMatchObject({ eligible: 3 });
    expect(JSON.parse(outputs['apps'] ?? '')).toHaveLength(4);
    expect(JSON.parse(readFileSync(outputs['result-file'] ?? '', 'utf8'))).toEqual(step.result());
    expect(main.summary).toContain('### ✅ lockstep reap: reaped');
    expect(main.summary).toContain('| review-0000 | 9&nbsp;d |');
    expect(main.summary).toMatch(/```mermaid\ngantt\n[\s\S]*deleted review-0001 :done, [\s\S]*\n```/);
    expect(main.state.size).toBe(0);
    expect(post).toMatchObject({ exitCode: 0, log: '', commands: [], summary: '' });
  });

  test('masks every credential before it says anything', async () => {
    await startSandbox({ apps: staleApps(1) });
    const { main } = await reapStep();
    const first = main.commands.findIndex(({ name }) => name !== 'add-mask');
    const masked = main.commands.slice(0, first).map(({ data }) => data);
    expect(masked).toEqual(expect.arrayContaining([KEY, 'ghs_TokenOfTheTestRunner0123456789abcdef']));
    expect(main.commands.slice(first).filter(({ name }) => name === 'add-mask')).toEqual([]);
  });

  test('is a plan without `apply`, told in the spelling of the Action', async () => {
    await startSandbox({ apps: staleApps(2) });
    const step = await reapStep();
    expect(step.main).toMatchObject({ exitCode: 0, annotations: [] });
    expect(step.main.outputs.get('outcome')).toBe('planned');
    expect(step.main.log).toContain('2 of 2 matched apps would be deleted. Set apply: true to do it.');
    expect(step.main.summary).toContain('Set `apply: true` to do it.');
    expect(step.main.summary).not.toContain('--apply');
    expect(sent('DELETE')).toEqual([]);
  });

  test('with `detailed-exitcode` a plan that found something has the exit code 10 and succeeds', async () => {
    await startSandbox({ apps: staleApps(2) });
    const { main } = await reapStep({ with: { 'detailed-exitcode': 'true' } });
    expect(main.exitCode).toBe(0);
    expect(main.outputs.get('exit-code')).toBe('10');
  });

  test('is skipped where one was made a moment ago, without a word to the provider', async () => {
    await startSandbox({ apps: staleApps(1) });
    await reapStep({ with: { apply: 'true' } });
    const before = sandbox?.log().length;
    const { main } = await reapStep({ with: { apply: 'true' } });
    expect(main).toMatchObject({ exitCode: 0, annotations: [] });
    expect(Object.fromEntries(main.outputs)).toMatchObject({ outcome: 'skipped', reason: 'fresh' });
    expect(sandbox?.log()).toHaveLength(before ?? -1);
  });

  test('that is incomplete warns, and fails the step where that is asked for', async () => {
    await startSandbox({ apps: staleApps(3) });
    const step = await reapStep({ with: { apply: 'true', 'max-deletes': '1' } });
    expect(step.main).toMatchObject({ exitCode: 0 });
    expect(messages(step, 'warning')).toEqual([
      expect.stringMatching(/^Incomplete \(max-deletes\): 1 deleted/),
    ]);
    expect(step.main.outputs.get('exit-code')).toBe('3');
    const strict = await reapStep({
      with: { apply: 'true', 'max-deletes': '1', 'fail-on-incomplete': 'true' },
    });
    expect(strict.main).toMatchObject({ exitCode: 3 });
    expect(messages(strict, 'error')).toEqual([expect.stringMatching(/^Incomplete/)]);
  });

  test('that the provider refuses fails the step', async () => {
    await startSandbox({ apps: staleApps(1), apiKey: 'another-key-altogether' });
    const step = await reapStep({ with: { apply: 'true' } });
    expect(step.main.exitCode).toBe(5);
    expect(messages(step, 'error')).toEqual([expect.stringMatching(/^Failed \(unauthorized\)/)]);
    expect(step.main.outputs.get('outcome')).toBe('failed');
  });
});

describe('configuration', () => {
  test('every problem at once, as inputs are spelled, before anything is sent', async () => {
    await startSandbox({ apps: staleApps(1) });
    const step = await reapStep({
      env: { HEROKU_API_KEY: '' },
      with: {
        'older-than': '7',
        limit: '-1',
        'min-age': 'soon',
        olderthan: '7d',
        protect: '/x/',
        match: '(',
      },
    });
    expect(step.main.exitCode).toBe(2);
    const errors = messages(step, 'error').join('\n');
    for (const name of ['older-than', 'limit', 'min-age', 'olderthan', 'match', 'HEROKU_API_KEY'])
      expect(errors).toMatch(new RegExp(`^${name} `, 'm'));
    expect(errors).toContain('did you mean older-than?');
    expect(errors).not.toContain('--');
    expect(step.result<{ errors: unknown[] }>().errors.length).toBeGreaterThanOrEqual(6);
    expect(step.main.summary).toContain('| input | problem |');
    expect(sandbox?.log()).toEqual([]);
  });

  test('more problems than annotations are all in the log', async () => {
    const bad = ['limit', 'headroom', 'max-deletes', 'electors', 'concurrency', 'reserve', 'quota-floor'];
    const durations = ['older-than', 'min-age', 'every', 'timeout', 'poll', 'lease'];
    const inputs = Object.fromEntries([...bad, ...durations].map((name) => [name, 'x']));
    const step = await reapStep({ with: inputs });
    expect(messages(step, 'error').length).toBeLessThan(10);
    const all = `${messages(step, 'error').join('\n')}\n${step.main.log.replaceAll('error: ', '')}`;
    for (const name of Object.keys(inputs)) expect(all).toMatch(new RegExp(`^${name} `, 'm'));
  });

  test.each([
    ['', /^command is required; one of .*reap/],
    ['raep', /^command "raep" is not one of .*reap/],
    ['demo', /^command "demo" is not one of/],
  ])('the command %j is named as a problem', async (command, message) => {
    const step = await reapStep({ with: { command } });
    expect(step.main.exitCode).toBe(2);
    expect(messages(step, 'error')).toEqual([expect.stringMatching(message)]);
    expect(step.result()).toMatchObject({ format: 1, command: '', exitCode: 2 });
  });

  test('a LOCKSTEP_* variable of the job is no option', async () => {
    await startSandbox({ apps: staleApps(2) });
    const { main } = await reapStep({
      env: {
        LOCKSTEP_APPLY: 'true',
        LOCKSTEP_MIN_AGE: 'nonsense',
        LOCKSTEP_NO_SUCH: '1',
        LOCKSTEP_JSON: '1',
      },
    });
    expect(main).toMatchObject({ exitCode: 0 });
    expect(main.outputs.get('outcome')).toBe('planned');
    expect(sent('DELETE')).toEqual([]);
  });

  test('a config file in the workspace counts only when it is named, and its store password is masked', async () => {
    await startSandbox({ apps: staleApps(2) });
    const path = join(world.workspace, 'lockstep.config.json');
    writeFileSync(path, JSON.stringify({ reap: { apply: true } }));
    expect((await reapStep()).main.outputs.get('outcome')).toBe('planned');
    expect((await reapStep({ with: { config: 'lockstep.config.json' } })).main.outputs.get('outcome')).toBe(
      'reaped',
    );
    writeFileSync(path, JSON.stringify({ store: 'nonsense://user:pass-from-the-file@host' }));
    const step = await reapStep({
      with: { config: 'lockstep.config.json', store: '' },
      secrets: ['pass-from-the-file'],
    });
    expect(step.main.exitCode).toBe(2);
    expect(step.main.commands).toContainEqual(
      expect.objectContaining({ name: 'add-mask', data: 'pass-from-the-file' }),
    );
  });

  test('a module as config file is refused and never run', async () => {
    const proof = join(world.folder, 'ran');
    writeFileSync(
      join(world.workspace, 'lockstep.config.mjs'),
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(proof)}, ''); export default {};`,
    );
    await startSandbox({ apps: [] });
    expect((await reapStep()).main.exitCode).toBe(0);
    const step = await reapStep({ with: { config: 'lockstep.config.mjs' } });
    expect(step.main.exitCode).toBe(2);
    expect(messages(step, 'error')).toEqual([
      expect.stringMatching(/^config .*only a JSON file is read here/),
    ]);
    expect(existsSync(proof)).toBe(false);
  });
});

describe('names from outside', () => {
  const hostile = [
    'review-::set-output name=outcome::pwned',
    '::error::review',
    'review-##[set-env name=PATH]pwned',
    'review-\n::warning::pwned',
    'review-\r::warning::pwned',
    'review-\u2028::warning::pwned',
    ':\u200b:warning::review',
    'review-\u001b[31mred\u001b[0m',
    'review-| a | **b** <img src=x onerror=alert(1)> [x](javascript:alert) @octocat #1',
    'review-```\n# pwned\n```',
    'gantt-review',
    'review-%%{init: {}}%% section x :crit, 0, 1',
    '%0A::warning::review',
    `review-${'x'.repeat(1_000_000)}`,
  ];

  test('cannot become commands, annotations, markup, colours or other outputs', async () => {
    await startSandbox({
      apps: hostile.map((name, index) => ({ name, id: `id-${index}`, ageMs: 9 * DAY_MS })),
    });
    const step = await reapStep({ with: { apply: 'true', match: '(?s).*review.*' } });
    const { main } = step;
    expect(main.annotations).toEqual([]);
    const names = new Set(main.commands.map(({ name }) => name));
    expect([...names].sort()).toEqual(['add-mask', 'debug', 'endgroup', 'group']);
    expect(main.outputs.get('outcome')).toBe('reaped');
    expect([...main.exported.keys()]).toEqual(['LOCKSTEP_SESSION']);
    expect(`${main.log}${main.summary}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028]/);
    expect(main.summary).not.toMatch(/<img|\*\*b\*\*|@octocat|^# pwned/m);
    // Printed by a later step, an output is no command either.
    for (const value of main.outputs.values()) expect(value).not.toMatch(/##\[|::|\n/);
    const apps = step.result<ReapReport>().apps;
    // The long name alone is over what a list may weigh, so the list is cut before it and whole in the file.
    expect(main.outputs.get('truncated')).toBe('true');
    expect(step.result()).toMatchObject({ truncated: true });
    const whole = JSON.parse(readFileSync(main.outputs.get('result-file') ?? '', 'utf8')) as ReapReport;
    expect(new Set(whole.apps.map((app) => app.name))).toEqual(new Set(hostile));
    expect(whole.apps.slice(0, apps.length)).toEqual(apps);
  });

  test('that contain a credential show it nowhere, not in the file of the whole result either', async () => {
    await startSandbox({ apps: [{ name: `review-${KEY}`, ageMs: 9 * DAY_MS }] });
    const { main } = await reapStep({ with: { apply: 'true' } });
    expect(sent('DELETE')).toHaveLength(1);
    expect(main.log).toContain('review-***: deleted');
    const whole = readFileSync(main.outputs.get('result-file') ?? '', 'utf8');
    expect(whole).toContain('"name":"review-***"');
    expect(whole).not.toContain(KEY);
  });

  test('a thousand of them fit: lists are cut at 200 KB, the summary stays short', async () => {
    const apps = Array.from({ length: 1000 }, (_, index) => ({
      name: `review-${index}-${'|&<>*'.repeat(45)}`,
      ageMs: 9 * DAY_MS,
    }));
    await startSandbox({ apps });
    const step = await reapStep();
    expect(step.main.exitCode).toBe(0);
    expect(Buffer.byteLength(step.main.outputs.get('apps') ?? '')).toBeLessThan(200_001);
    expect(Buffer.byteLength(step.main.summary)).toBeLessThan(400_000);
    expect(step.main.summary).toMatch(/… and 700 more; the file that the output `result-file` names/);
    expect(step.main.outputs.get('truncated')).toBe('true');
  });
});

describe('a pull request from a fork', () => {
  const fork = {
    name: 'pull_request',
    payload: {
      pull_request: {
        head: { repo: { full_name: 'stranger/repo', fork: true } },
        base: { repo: { full_name: 'octo/repo' } },
      },
    },
  };

  test('has no credential: skipped with one notice, and never a failed step', async () => {
    await startSandbox({ apps: staleApps(1) });
    const step = await reapStep({ event: fork, env: { HEROKU_API_KEY: '' }, with: { apply: 'true' } });
    expect(step.main.exitCode).toBe(0);
    expect(Object.fromEntries(step.main.outputs)).toMatchObject({
      outcome: 'skipped',
      reason: 'no-permission',
    });
    expect(step.main.annotations).toEqual([
      { kind: 'notice', message: expect.stringContaining('a pull request from a fork gets no secrets') },
    ]);
    expect(sandbox?.log()).toEqual([]);
  });

  test('still says what else is wrong', async () => {
    const step = await reapStep({ event: fork, env: { HEROKU_API_KEY: '' }, with: { limit: 'x' } });
    expect(step.main.exitCode).toBe(2);
    expect(messages(step, 'error')).toEqual([expect.stringMatching(/^limit /)]);
  });

  test('of the repository itself needs its credential', async () => {
    const own = { full_name: 'octo/repo' };
    const payload = { pull_request: { head: { repo: own }, base: { repo: own } } };
    const step = await reapStep({ event: { name: 'pull_request', payload }, env: { HEROKU_API_KEY: '' } });
    expect(step.main.exitCode).toBe(2);
    expect(messages(step, 'error')).toEqual([expect.stringMatching(/^HEROKU_API_KEY is not set/)]);
  });
});

test('without a token and a store nothing is coordinated: skipped with one notice', async () => {
  await startSandbox({ apps: staleApps(1) });
  const step = await reapStep({ token: '', with: { store: '', apply: 'true' } });
  expect(step.main.exitCode).toBe(0);
  expect(Object.fromEntries(step.main.outputs)).toMatchObject({ outcome: 'skipped', reason: 'no-store' });
  expect(step.main.annotations.map(({ kind }) => kind)).toEqual(['notice']);
  expect(sandbox?.log()).toEqual([]);
});

describe('cancelling', () => {
  test('leaves a partial result, gives the lease back, and post has nothing to do', async () => {
    await startSandbox({ apps: staleApps(40), latencyMs: 30 });
    const step = await reapStep({ with: { apply: 'true', concurrency: '1' }, cancelWhen: /\b3\/40\b/ });
    expect(step.main).toMatchObject({ exitCode: 130, signal: null });
    const report = step.result<ReapReport>();
    expect(report).toMatchObject({ outcome: 'incomplete', reason: 'interrupted', exitCode: 130 });
    expect(report.counts.deleted).toBeGreaterThanOrEqual(3);
    expect(report.counts.deferred).toBeGreaterThan(0);
    expect(step.main.summary).toContain('lockstep reap: incomplete');
    expect(step.post).toMatchObject({ exitCode: 0, log: '' });
    const next = await reapStep({ with: { apply: 'true' } });
    expect(next.result<ReapReport>()).toMatchObject({ outcome: 'reaped', fencingToken: 2 });
  });

  test('ends with a result and a free lease before the runner gets impatient, also when the provider never answers', async () => {
    const hang = { match: { method: 'DELETE' }, act: { kind: 'hang' as const } };
    await startSandbox({ apps: staleApps(4), faults: [{ ...hang, skip: 1, times: 3 }] });
    const step = await reapStep({ with: { apply: 'true', concurrency: '2' }, cancelWhen: /\b1\/4\b/ });
    expect(step.main).toMatchObject({ exitCode: 130, signal: null });
    expect(step.result<ReapReport>()).toMatchObject({ outcome: 'incomplete', reason: 'interrupted' });
    const next = await reapStep();
    expect(next.main.outputs.get('outcome')).toBe('planned');
    const status = await world.runStep({
      with: { command: 'status', store: `file:${join(world.folder, 'store')}` },
    });
    expect(status.main.outputs.get('records')).toContain('"state":"free"');
  });
});

test('`status` shows who held what', async () => {
  await startSandbox({ apps: staleApps(1) });
  await reapStep({ with: { apply: 'true' } });
  const store = `file:${join(world.folder, 'store')}`;
  const step = await world.runStep({ with: { command: 'status', store } });
  expect(step.main.exitCode).toBe(0);
  expect(JSON.parse(step.main.outputs.get('records') ?? '')).toEqual([
    expect.objectContaining({ kind: 'reap', state: 'free', fencingToken: 1 }),
  ]);
  expect(step.main.summary).toContain('| kind | name | state |');
});
