// The command line as a person meets it: wrong options, help, JSON on every path, secrets that never show, status.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StatusReport } from '../../src/app/contract.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { type CliWorld, createCliWorld } from '../support/cli.ts';

let world: CliWorld;
beforeEach(() => {
  world = createCliWorld();
});
afterEach(() => world.dispose());

const folderReap = (...more: string[]) => [
  ...['reap', '--provider', 'directory', '--root', 'apps', '--match', 'preview-.*', '--older-than', '1h'],
  ...['--store', 'file:store', ...more],
];

describe('wrong options', () => {
  test('all problems come at once, each named as it was written, with the nearest option', async () => {
    const { exitCode, stderr } = await world.run(
      [
        'reap',
        '--provder',
        'heroku',
        '--older-than',
        '7',
        '--limit',
        '-1',
        '--min-age',
        '1e9',
        '--protect',
        'a[b]',
      ],
      { env: { LOCKSTEP_CONCURRENCY: 'many' } },
    );
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/--provder.*--provider/);
    expect(stderr).toMatch(/--older-than.*7m/);
    expect(stderr).toMatch(/--limit/);
    expect(stderr).toMatch(/--min-age/);
    expect(stderr).toMatch(/--protect/);
    expect(stderr).toMatch(/LOCKSTEP_CONCURRENCY/);
    expect(stderr).toMatch(/--match.*required/);
  });

  test.each([
    ['', 'required'],
    ['.*', ''],
    ['(a+)+$', ''],
    ['production|hatchet-.*', 'production'],
    ['(?=x)', ''],
    ['[a-', ''],
  ])('the pattern %j is refused before anything is opened', async (pattern, why) => {
    const { exitCode, stderr } = await world.run(
      [
        'reap',
        '--provider',
        'heroku',
        '--match',
        pattern,
        '--older-than',
        '1h',
        '--store',
        'file:store',
        '--apply',
      ],
      { env: { HEROKU_API_KEY: 'k-1234567', HEROKU_API_URL: 'http://127.0.0.1:1' } },
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--match');
    expect(stderr).toContain(why);
    expect(() => readFileSync(join(world.folder, 'store', 'format'))).toThrow();
  });

  test('a missing credential names the variable and the cure', async () => {
    const { exitCode, stderr } = await world.run([
      'reap',
      '--provider',
      'heroku',
      '--match',
      'x-.*',
      '--older-than',
      '1h',
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/HEROKU_API_KEY.*authorizations:create/);
  });

  test('with --json the problems are in the result, which has the shape of the command', async () => {
    const result = await world.run(['reap', '--match', 'x', '--json']);
    expect(result.exitCode).toBe(2);
    expect(result.json()).toMatchObject({
      format: 1,
      command: 'reap',
      outcome: 'failed',
      exitCode: 2,
      counts: { listed: 0 },
      errors: expect.arrayContaining([{ option: '--provider', message: expect.any(String) }]),
    });
  });

  test('an unknown command names the nearest', async () => {
    const { exitCode, stderr } = await world.run(['statsu']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('status');
  });

  test('a broken config file says where it breaks', async () => {
    writeFileSync(join(world.folder, 'lockstep.config.json'), '{\n  "reap": { "match": }\n}\n');
    const { exitCode, stderr } = await world.run(folderReap());
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/lockstep\.config\.json.*line 2/);
  });
});

describe('help and version', () => {
  test('--version prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect((await world.run(['--version'])).stdout.trim()).toBe(version);
  });

  test('--help lists the commands, COMMAND --help its options; no command at all is an error', async () => {
    const overview = await world.run(['--help']);
    expect(overview.exitCode).toBe(0);
    expect(overview.stdout).toMatch(/reap[\s\S]*status[\s\S]*demo/);
    const reap = await world.run(['reap', '--help']);
    expect(reap.stdout).toContain('--older-than DURATION');
    expect((await world.run([])).exitCode).toBe(2);
  });
});

describe('a sweep of folders, with no account', () => {
  const makeApps = (names: readonly string[]) => {
    for (const name of names) {
      mkdirSync(join(world.folder, 'apps', name), { recursive: true });
      writeFileSync(join(world.folder, 'apps', name, '.lockstep-created'), '2020-01-01T00:00:00Z');
    }
  };

  test('without --apply nothing is deleted and the plan says what would be', async () => {
    makeApps(['preview-1', 'preview-2', 'keep-me']);
    const result = await world.run(folderReap());
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toMatch(/2 of 2 matched apps would be deleted/);
    expect((await world.run(folderReap('--detailed-exitcode'))).exitCode).toBe(10);
  });

  test('with --apply what matches goes, what does not match stays, and a table says so', async () => {
    makeApps(['preview-1', 'preview-2', 'keep-me']);
    const result = await world.run(folderReap('--apply', '--protect', '*-2'));
    expect(result.stdout).toMatch(/preview-1.*deleted/);
    expect(result.stdout).toMatch(/preview-2.*protected/);
    expect(result.stdout).toMatch(/Reaped: 1 deleted, 1 protected/);
    const plan = (await world.run(folderReap('--json', '--every', '0s'))).json<ReapReport>();
    expect(plan.apps.map((app) => app.name)).toEqual(['preview-2']);
  });

  test('status shows the free lease with its token, and --json the same', async () => {
    makeApps(['preview-1']);
    await world.run(folderReap('--apply'));
    const report = (await world.run(['status', '--store', 'file:store', '--json'])).json<StatusReport>();
    expect(report.records).toEqual([
      expect.objectContaining({ kind: 'reap', state: 'free', fencingToken: 1, holder: null }),
    ]);
    expect((await world.run(['status', '--store', 'file:store'])).stdout).toMatch(
      /reap\s+directory-\S+\s+free/,
    );
  });
});

describe('secrets', () => {
  test('never show, not even when the provider repeats them', async () => {
    const { exitCode, stdout, stderr } = await world.run(
      [
        ...['reap', '--provider', 'heroku', '--match', 'x-.*', '--older-than', '1h', '--apply', '--json'],
        ...['--log-level', 'debug', '--store', 'file:store', '--timeout', '2s'],
      ],
      {
        env: {
          HEROKU_API_KEY: 'HRKU-very-secret-key',
          HEROKU_API_URL: 'http://127.0.0.1:9/HRKU-very-secret-key',
        },
      },
    );
    expect(exitCode).not.toBe(0);
    expect(`${stdout}${stderr}`).not.toContain('very-secret');
  });
});

describe('on a runner without a token', () => {
  test('reap is skipped with a notice, since a file store would coordinate nobody; status says what is missing', async () => {
    const env = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'o/r', HEROKU_API_KEY: 'k-1234567' };
    const args = ['--provider', 'heroku', '--match', 'x-.*', '--older-than', '1h', '--apply', '--json'];
    const reap = await world.run(['reap', ...args], { env });
    expect(reap.json()).toMatchObject({ outcome: 'skipped', reason: 'no-store', exitCode: 0 });
    expect(reap.stderr).toMatch(/token/);
    const status = await world.run(['status', '--json'], { env });
    expect(status.exitCode).toBe(2);
  });

  test('a job of a matrix beyond the electors is skipped without a request', async () => {
    const env = {
      HEROKU_API_KEY: 'k-1234567',
      HEROKU_API_URL: 'http://127.0.0.1:1',
      LOCKSTEP_JOB_INDEX: '3',
    };
    const args = [
      'reap',
      '--provider',
      'heroku',
      '--match',
      'x-.*',
      '--older-than',
      '1h',
      '--apply',
      '--json',
    ];
    const result = await world.run([...args, '--store', 'file:store'], { env });
    expect(result.json()).toMatchObject({
      outcome: 'skipped',
      reason: 'not-elected',
      requests: { store: 0 },
    });
  });
});
