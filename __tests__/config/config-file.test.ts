import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ConfigFileRequest, readConfigFile } from '../../src/config/config-file.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-config-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const write = (name: string, text: string) => writeFile(join(directory, name), text);
const read = (rest: Partial<ConfigFileRequest> = {}) =>
  readConfigFile({ directory, canRunCode: true, ...rest });
const named = (path: string, rest: Partial<ConfigFileRequest> = {}) =>
  read({ named: { path, spelling: '--config' }, ...rest });

describe('a config file that is looked for', () => {
  test('may be absent', async () => {
    expect(await read()).toEqual({ file: null, problems: [] });
    expect(await read({ directory: join(directory, 'nowhere') })).toEqual({ file: null, problems: [] });
  });

  test('is lockstep.config.json', async () => {
    await write('lockstep.config.json', '\ufeff{"store": "file:"}');
    expect(await read()).toEqual({
      file: { name: 'lockstep.config.json', content: { store: 'file:' } },
      problems: [],
    });
  });

  test('is lockstep.config.mjs', async () => {
    await write('lockstep.config.mjs', "export default { reap: { olderThan: '7d' } };");
    expect(await read()).toMatchObject({
      file: { name: 'lockstep.config.mjs', content: { reap: { olderThan: '7d' } } },
      problems: [],
    });
  });

  test('is not both', async () => {
    await write('lockstep.config.json', '{}');
    await write('lockstep.config.mjs', 'export default {};');
    expect(await read()).toMatchObject({ file: null, problems: [{ option: 'lockstep.config.json' }] });
  });

  test('is not looked for where code must not run', async () => {
    await write('lockstep.config.json', '{"reap": {"apply": true}}');
    await write('lockstep.config.mjs', 'throw new Error("ran")');
    expect(await read({ canRunCode: false })).toEqual({ file: null, problems: [] });
  });
});

describe('a config file that is named', () => {
  test('is read from the directory, under the name the user gave', async () => {
    await mkdir(join(directory, 'ci'));
    await write('ci/reap.json', '{"a": 1}');
    expect(await named('ci/reap.json', { canRunCode: false })).toEqual({
      file: { name: 'ci/reap.json', content: { a: 1 } },
      problems: [],
    });
    expect((await named(join(directory, 'ci/reap.json'))).file?.content).toEqual({ a: 1 });
  });

  test('is the only one', async () => {
    await write('lockstep.config.json', '{"broken');
    await write('own.json', '{}');
    expect(await named('own.json')).toEqual({ file: { name: 'own.json', content: {} }, problems: [] });
  });

  test.each([
    ['absent.json', 'there is no file absent.json'],
    ['absent.mjs', 'there is no file absent.mjs'],
    ['own.yaml', 'own.yaml ends neither in .json nor in .mjs'],
    ['folder.json', 'folder.json cannot be read: EISDIR'],
  ])('%s: %s', async (path, message) => {
    await mkdir(join(directory, 'folder.json'));
    expect(await named(path)).toEqual({ file: null, problems: [{ option: '--config', message }] });
  });

  test('is no module where code must not run', async () => {
    await write('own.mjs', 'globalThis.lockstepRan = true; export default {};');
    const { file, problems } = await named('own.mjs', { canRunCode: false });
    expect(file).toBeNull();
    expect(problems).toEqual([
      { option: '--config', message: 'own.mjs is a module; only a JSON file is read here' },
    ]);
    expect(globalThis).not.toHaveProperty('lockstepRan');
  });
});

describe('a broken config file', () => {
  test('is a problem with line and column, and nothing of its content', async () => {
    await write('lockstep.config.json', '{\n  "store": "redis://:hunter2@host",\n}');
    const { file, problems } = await read();
    expect(file).toBeNull();
    expect(problems).toEqual([
      { option: 'lockstep.config.json', message: 'line 3, column 1: a comma may not stand before }' },
    ]);
  });

  test('is never taken for an absent one', async () => {
    await mkdir(join(directory, 'lockstep.config.json'));
    expect(await read()).toEqual({
      file: null,
      problems: [{ option: 'lockstep.config.json', message: expect.stringContaining('EISDIR') }],
    });
  });

  test.each([
    ['export default {', 'SyntaxError'],
    ['throw new Error("no secret store");', 'Error: no secret store'],
    ['export const options = {};', 'has no default export'],
  ])('a module %j: %s', async (text, message) => {
    await write('lockstep.config.mjs', text);
    const { file, problems } = await read();
    expect(file).toBeNull();
    expect(problems).toEqual([{ option: 'lockstep.config.mjs', message: expect.stringContaining(message) }]);
  });
});
