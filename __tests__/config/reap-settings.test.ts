import { describe, expect, test } from '@jest/globals';
import { parseArguments } from '../../src/config/arguments.ts';
import { checkReapOptions, isElected } from '../../src/config/reap-settings.ts';
import { type ResolveRequest, resolveOptions } from '../../src/config/resolve.ts';

const GOOD = '--provider heroku --match ci-.* --older-than 7d';

async function check(line: string, rest: Partial<ResolveRequest<'reap'>> = {}) {
  const argv = ['reap', ...line.split(' ').filter(Boolean)];
  const flags = parseArguments(argv).flags;
  return checkReapOptions(await resolveOptions({ command: 'reap', host: 'cli', flags, ...rest }));
}

describe('reap options that fit together', () => {
  test('become settings; match and protect stay text', async () => {
    const { settings, problems, notes } = await check(
      `${GOOD} --protect a,id:b --limit 10 --headroom 9 --apply`,
    );
    expect(problems).toEqual([]);
    expect(notes).toEqual([]);
    expect(settings).toEqual({
      provider: 'heroku',
      match: 'ci-.*',
      protect: ['a', 'id:b'],
      herokuTeam: null,
      root: null,
      account: null,
      olderThanMs: 604_800_000,
      limit: 10,
      headroom: 9,
      minAgeMs: 300_000,
      maxDeletes: null,
      apply: true,
      onConflict: 'refresh-and-continue',
      concurrency: 4,
      whenBusy: 'skip',
      everyMs: 600_000,
      electors: null,
      jobIndex: null,
      jobTotal: null,
      reserve: 0,
      protectWhileHeld: false,
      shareThrottle: null,
      detailedExitcode: false,
    });
  });

  test.each([
    '--provider heroku --match x --limit 1',
    '--provider heroku --match x --limit 1 --headroom 0',
    '--provider heroku --match x --older-than 0s --heroku-team t',
    '--provider directory --root . --match x --older-than 1h --when-busy wait',
    `${GOOD} --job-index 3 --job-total 4 --electors 2`,
  ])('%s', async (line) => {
    expect(await check(line)).toMatchObject({ problems: [], settings: expect.anything() });
  });
});

describe('reap options that do not', () => {
  test.each<[string, string[]]>([
    ['', ['--provider', '--match', '--older-than']],
    ['--provider heroku --older-than 7d', ['--match']],
    ['--provider heroku --match x', ['--older-than']],
    ['--provider heroku --match x --older-than 7', ['--older-than']],
    ['--provider heroku --match x --limit many', ['--limit']],
    ['--provider heroku --match x --limit', ['--limit']],
    [`${GOOD} --headroom 2`, ['--headroom']],
    [`${GOOD} --limit 5 --headroom 5`, ['--headroom']],
    [`${GOOD} --limit 5x --headroom 5`, ['--limit']],
    [`${GOOD} --electors 2 --when-busy wait`, ['--electors']],
    [`${GOOD} --job-index 4 --job-total 4`, ['--job-index']],
    [`${GOOD} --root .`, ['--root']],
    ['--provider directory --match x --older-than 1h', ['--root']],
    ['--provider directory --root . --heroku-team t --match x --older-than 1h', ['--heroku-team']],
    ['--provider heroku --match x --older-than 1h --list-command x', ['--list-command']],
    [
      '--provider command --match x --older-than 1h',
      ['--list-command', '--get-command', '--destroy-command'],
    ],
    ['--provider module --match x --older-than 1h --root .', ['--root', '--provider-module']],
    ['--provider azure --match x --older-than 1h --root .', ['--provider']],
    [
      `${GOOD} --headroom 2 --electors 0 --root . --every 5`,
      ['--every', '--electors', '--headroom', '--root'],
    ],
  ])('%j: problems of %j', async (line, options) => {
    const { settings, problems } = await check(line);
    expect(settings).toBeNull();
    expect(problems.map((problem) => problem.option).sort()).toEqual([...options].sort());
  });

  test('both options of a relation are named as their users wrote them', async () => {
    const { problems } = await check(GOOD, {
      env: { LOCKSTEP_LIMIT: '5' },
      file: { name: 'lockstep.config.json', content: { reap: { headroom: 9 } } },
    });
    expect(problems).toEqual([
      { option: 'reap.headroom in lockstep.config.json', message: 'must be less than LOCKSTEP_LIMIT (5)' },
    ]);
  });

  test('an Action reads its own spelling', async () => {
    const inputs = { command: 'reap', provider: 'directory', match: 'x' };
    const { problems } = await check('', { host: 'action', inputs });
    expect(problems).toEqual([
      { option: 'older-than', message: 'is required, or limit: nothing says which apps are stale' },
      { option: 'root', message: 'is required with provider directory' },
    ]);
  });

  test('in the Action a module is refused, and no file may name what is run', async () => {
    const inputs = { command: 'reap', match: 'x', 'older-than': '1h' };
    const module = await check('', { host: 'action', inputs: { ...inputs, provider: 'module' } });
    expect(module.problems).toMatchObject([
      { option: 'provider', message: expect.stringContaining('command') },
    ]);

    const commands = { listCommand: 'a', getCommand: 'b', destroyCommand: 'c' };
    const file = { name: 'own.json', content: { reap: commands } };
    const inFile = await check('', { host: 'action', inputs: { ...inputs, provider: 'command' }, file });
    expect(inFile.problems.map(({ option }) => option)).toEqual([
      'reap.listCommand in own.json',
      'reap.getCommand in own.json',
      'reap.destroyCommand in own.json',
    ]);
    const asInputs = { 'list-command': 'a', 'get-command': 'b', 'destroy-command': 'c' };
    const given = await check('', {
      host: 'action',
      inputs: { ...inputs, provider: 'command', ...asInputs },
    });
    expect(given.problems).toEqual([]);
  });
});

describe('electors', () => {
  test.each<[string, number | null]>([
    ['', null],
    ['--job-index 0', 3],
    ['--job-index 7 --electors 5', 5],
    ['--job-index 0 --when-busy wait', null],
  ])('%j elects %j jobs (null: all)', async (line, electors) => {
    expect((await check(`${GOOD} ${line}`)).settings?.electors).toBe(electors);
  });

  test('without a job index have no effect, and a note says so', async () => {
    const { settings, notes } = await check(`${GOOD} --electors 2`);
    expect(settings?.electors).toBeNull();
    expect(notes).toEqual([expect.stringMatching(/^--electors has no effect.*--job-index/)]);
  });

  test.each([
    [null, null, true],
    [null, 9, true],
    [3, null, true],
    [3, 2, true],
    [3, 3, false],
  ])('of %j, the job %j is elected: %j', (electors, jobIndex, elected) => {
    expect(isElected({ electors, jobIndex })).toBe(elected);
  });
});
