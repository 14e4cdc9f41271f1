import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { locateAccount } from '../../src/provider/account.ts';
import { openProvider, type ProviderValues, parseProviderSettings } from '../../src/provider/open.ts';

const KEY = 'HRKU-0123456789abcdef';
const parse = (values: ProviderValues, env: Record<string, string> = { HEROKU_API_KEY: KEY }) =>
  parseProviderSettings(values, { env, cwd: '/work-folder' });
const problemsOf = (values: ProviderValues, env?: Record<string, string>) => {
  const parsed = parse(values, env);
  return parsed.ok ? [] : parsed.problems;
};

describe('the provider’s name', () => {
  test.each([[undefined], ['']])('%p is required, and the known ones are named', (provider) => {
    expect(problemsOf({ provider })).toMatchObject([
      { option: 'provider', message: expect.stringContaining('heroku, directory') },
    ]);
  });

  test('an unknown one is answered with the known ones', () => {
    expect(problemsOf({ provider: 'heroko' })).toMatchObject([
      { option: 'provider', message: expect.stringContaining('heroku, directory') },
    ]);
  });
});

describe('heroku', () => {
  test('takes its key and, where given, its URL, team and account', () => {
    expect(parse({ provider: 'heroku' })).toEqual({
      ok: true,
      settings: {
        provider: 'heroku',
        apiUrl: 'https://api.heroku.com',
        apiKey: KEY,
        team: null,
        account: null,
      },
    });
    const env = { HEROKU_API_KEY: `${KEY}\n`, HEROKU_API_URL: 'http://127.0.0.1:8080' };
    expect(parse({ provider: 'heroku', herokuTeam: 'core', account: 'ci' }, env)).toMatchObject({
      settings: { apiUrl: 'http://127.0.0.1:8080', apiKey: KEY, team: 'core', account: 'ci' },
    });
  });

  test.each([[{}], [{ HEROKU_API_KEY: '' }], [{ HEROKU_API_KEY: ' \n' }]])(
    'an absent key is marked as such, with the variable and the cure: %p',
    (env) => {
      expect(problemsOf({ provider: 'heroku' }, env as Record<string, string>)).toMatchObject([
        {
          option: 'HEROKU_API_KEY',
          source: 'environment',
          isMissingCredential: true,
          message: expect.stringContaining('heroku authorizations:create'),
        },
      ]);
    },
  );

  test('a key with something else in it is refused without being shown', () => {
    const problems = problemsOf({ provider: 'heroku' }, { HEROKU_API_KEY: `export A=1\n${KEY}` });
    expect(problems).toMatchObject([{ option: 'HEROKU_API_KEY', isMissingCredential: false }]);
    expect(JSON.stringify(problems)).not.toContain(KEY);
  });

  test.each([
    ['http://api.heroku.com'],
    ['http://127.0.0.1.example.com'],
    ['http://localhost.example.com'],
    ['ftp://api.heroku.com'],
    ['api.heroku.com'],
    ['https://me:pass@api.heroku.com'],
    ['https://api.heroku.com?x=1'],
  ])('%s is no place to send a key to', (HEROKU_API_URL) => {
    const problems = problemsOf({ provider: 'heroku' }, { HEROKU_API_KEY: KEY, HEROKU_API_URL });
    expect(problems).toMatchObject([{ option: 'HEROKU_API_URL', source: 'environment' }]);
    expect(JSON.stringify(problems)).not.toContain('pass@');
  });

  test.each([
    ['https://api.heroku.com/'],
    ['http://localhost:80'],
    ['http://[::1]:80'],
    ['http://127.1.2.3:80'],
  ])('%s is one', (HEROKU_API_URL) => {
    expect(parse({ provider: 'heroku' }, { HEROKU_API_KEY: KEY, HEROKU_API_URL }).ok).toBe(true);
  });

  test('all problems come at once', () => {
    const problems = problemsOf({ provider: 'heroku', root: '/x' }, { HEROKU_API_URL: 'nowhere' });
    expect(problems.map(({ option }) => option)).toEqual(['root', 'HEROKU_API_KEY', 'HEROKU_API_URL']);
  });
});

describe('directory', () => {
  test('takes a folder, relative to where the command runs', () => {
    const env = { HOME: '/home/me' };
    expect(parse({ provider: 'directory', root: 'apps' }, env)).toEqual({
      ok: true,
      settings: {
        provider: 'directory',
        root: '/work-folder/apps',
        home: '/home/me',
        cwd: '/work-folder',
        account: null,
      },
    });
    expect(parse({ provider: 'directory', root: '/srv/apps' })).toMatchObject({
      settings: { root: '/srv/apps' },
    });
  });

  test('needs it, and has no team', () => {
    const problems = problemsOf({ provider: 'directory', herokuTeam: 'core' });
    expect(problems.map(({ option }) => option)).toEqual(['herokuTeam', 'root']);
  });
});

describe('command', () => {
  const good = {
    provider: 'command',
    listCommand: 'apps list',
    getCommand: 'apps get {id}',
    destroyCommand: 'x {name}',
  };

  test('takes three command lines, split without a shell', () => {
    expect(parse(good)).toMatchObject({
      ok: true,
      settings: {
        list: ['apps', 'list'],
        get: ['apps', 'get', '{id}'],
        destroy: ['x', '{name}'],
        account: null,
      },
    });
  });

  test('all problems of the three come at once', () => {
    const problems = problemsOf({
      ...good,
      listCommand: 'list {id}',
      getCommand: '"get',
      destroyCommand: '',
    });
    expect(problems.map(({ option }) => option)).toEqual(['listCommand', 'getCommand', 'destroyCommand']);
  });

  test('jobs with the same list command, or the same name for the account, share it', async () => {
    const idOf = async (values: ProviderValues) => {
      const parsed = parse(values);
      if (!parsed.ok) throw new Error('not parsed');
      return (await locateAccount(parsed.settings, { clock: systemClock })).accountId;
    };
    expect(await idOf(good)).toBe(await idOf({ ...good, destroyCommand: 'y {id}' }));
    expect(await idOf(good)).not.toBe(await idOf({ ...good, listCommand: 'apps list --all' }));
    expect(await idOf({ ...good, account: 'ci' })).toBe(
      await idOf({ ...good, listCommand: 'other', account: 'ci' }),
    );
  });
});

describe('module', () => {
  test('takes a file, relative to where the command runs, and needs it', () => {
    expect(parse({ provider: 'module', providerModule: './p.mjs' })).toMatchObject({
      settings: { path: '/work-folder/p.mjs' },
    });
    expect(problemsOf({ provider: 'module' })).toMatchObject([{ option: 'providerModule' }]);
  });
});

describe('opening', () => {
  test.each([
    [{ provider: 'heroku' }, 'heroku'],
    [{ provider: 'directory', root: fileURLToPath(new URL('.', import.meta.url)) }, 'directory'],
  ])('%p', async (values, name) => {
    const parsed = parse(values);
    if (!parsed.ok) throw new Error('not parsed');
    const provider = await openProvider(parsed.settings, { clock: systemClock });
    expect(provider.name).toBe(name);
    await provider.close();
  });

  test('a folder that does not exist is a configuration error', async () => {
    const parsed = parse({ provider: 'directory', root: 'nowhere' });
    if (!parsed.ok) throw new Error('not parsed');
    await expect(openProvider(parsed.settings, { clock: systemClock })).rejects.toMatchObject({
      code: 'config',
      problems: [{ option: 'root' }],
    });
  });
});
