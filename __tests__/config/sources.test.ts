import { describe, expect, test } from '@jest/globals';
import { inputsOf, readEnvironment, readInputs, readSections } from '../../src/config/sources.ts';

const names = (unknown: readonly { spelling: string }[]) => unknown.map((each) => each.spelling);

describe("an Action's inputs", () => {
  test('are taken by their names; blank ones are unset', () => {
    const { given, unknown } = readInputs({ 'older-than': '7d', match: ' ', nonsense: '' }, 'reap');
    expect([...given]).toEqual([['olderThan', { source: 'input', spelling: 'older-than', raw: '7d' }]]);
    expect(unknown).toEqual([]);
  });

  test.each(['oldr-than', 'olderThan', 'json', 'jobs', 'help', '__proto__'])('%s is unknown', (name) => {
    expect(names(readInputs(Object.fromEntries([[name, 'x']]), 'reap').unknown)).toEqual([name]);
  });

  test('an option of another command is unknown, except one that action.yml fills in by itself', () => {
    const inputs = { match: 'x', 'job-index': '0', 'job-total': '4', token: 't', 'job-id': '1' };
    expect(names(readInputs(inputs, 'status').unknown)).toEqual(['match']);
  });

  test('come from the variables of the runner', () => {
    expect(inputsOf({ 'INPUT_OLDER-THAN': '7d', INPUT_MATCH: '', PATH: '/bin' })).toEqual({
      'older-than': '7d',
      match: '',
    });
  });
});

describe('the environment', () => {
  test('gives LOCKSTEP_ variables; blank ones are unset', () => {
    const { given, unknown } = readEnvironment(
      {
        LOCKSTEP_OLDER_THAN: '7d',
        LOCKSTEP_STORE: '',
        LOCKSTEP_NONSENSE: ' ',
        PATH: '/bin',
        lockstep_match: 'x',
      },
      'reap',
    );
    expect([...given]).toEqual([
      ['olderThan', { source: 'env', spelling: 'LOCKSTEP_OLDER_THAN', raw: '7d' }],
    ]);
    expect(unknown).toEqual([]);
  });

  test.each([
    'LOCKSTEP_LOCK_NAME',
    'LOCKSTEP_FENCING_TOKEN',
    'LOCKSTEP_GATE_FROM',
    'LOCKSTEP_GATE_TO',
    'LOCKSTEP_SESSION',
    'LOCKSTEP_RESULT_REAP',
  ])('%s is never read', (name) => {
    expect(readEnvironment({ [name]: 'x' }, 'reap')).toMatchObject({ given: new Map(), unknown: [] });
  });

  test.each([
    'LOCKSTEP_LEESE',
    'LOCKSTEP_SESSIONS',
    'LOCKSTEP_OLDER-THAN',
    'LOCKSTEP_',
    'LOCKSTEP_HELP',
    'LOCKSTEP_TOKEN',
    'LOCKSTEP_NAME',
    'LOCKSTEP_JOBS',
  ])('%s is unknown', (name) => {
    expect(names(readEnvironment({ [name]: 'x' }, 'reap').unknown)).toEqual([name]);
  });

  test('a variable of another command is ignored: the steps of a job share their environment', () => {
    expect(readEnvironment({ LOCKSTEP_MATCH: 'x' }, 'status')).toMatchObject({
      given: new Map(),
      unknown: [],
    });
  });
});

describe('a config file', () => {
  const read = (content: unknown, command: 'reap' | 'status' = 'reap') =>
    readSections(content, { source: 'file', command, fileName: 'lockstep.config.json' });

  test('has common options at the top and one section a command', () => {
    const { given, unknown, problems } = read({
      $schema: './schema.json',
      store: 'file:/s',
      failOnError: true,
      reap: { olderThan: '7d', match: '' },
      status: { kind: 'lock' },
    });
    expect([...given.keys()]).toEqual(['store', 'failOnError', 'olderThan']);
    expect(given.get('olderThan')?.spelling).toBe('reap.olderThan in lockstep.config.json');
    expect(given.get('store')?.spelling).toBe('store in lockstep.config.json');
    expect([...unknown, ...problems]).toEqual([]);
  });

  test("a common option in the command's section wins over the top", () => {
    expect(read({ timeout: '1m', reap: { timeout: '2m' } }).given.get('timeout')?.raw).toBe('2m');
    expect(read({ timeout: '1m', reap: { timeout: '' } }).given.get('timeout')?.raw).toBe('1m');
    expect(read({ timeout: '1m', reap: { timeout: '2m' } }, 'status').given.get('timeout')?.raw).toBe('1m');
  });

  test('unknown names are found at the top and in every section', () => {
    const content = {
      stroe: 'x',
      match: 'y',
      demo: {},
      reap: { oldr: 1 },
      status: { match: 'x', kidn: 'lock' },
    };
    expect(names(read(content).unknown)).toEqual(
      ['stroe', 'match', 'demo', 'reap.oldr', 'status.match', 'status.kidn'].map(
        (path) => `${path} in lockstep.config.json`,
      ),
    );
  });

  test('names of the object prototype are names like others', () => {
    const content: unknown = JSON.parse('{"__proto__": {"store": "x"}, "constructor": 1}');
    const { given, unknown } = read(content);
    expect(given.size).toBe(0);
    expect(unknown.map((each) => each.name)).toEqual(['__proto__', 'constructor']);
  });

  test.each([null, [], 'text', 4])('%j is no configuration', (content) => {
    expect(read(content).problems).toEqual([
      { option: 'lockstep.config.json', message: 'must be an object' },
    ]);
  });

  test.each([null, [], 'name', true])('a section cannot be %j', (section) => {
    expect(read({ reap: section }).problems).toEqual([
      {
        option: 'reap in lockstep.config.json',
        message: 'must be an object with the options of this command',
      },
    ]);
  });
});

test('hook options have the shape of the config file and their own spelling', () => {
  const { given, unknown } = readSections(
    { store: 'file:/s', reap: { olderThan: '7d', oldr: 1, match: undefined } },
    { source: 'hook', command: 'reap' },
  );
  expect([...given.values()].map((each) => each.spelling)).toEqual(['store', 'olderThan']);
  expect(names(unknown)).toEqual(['reap.oldr']);
});
