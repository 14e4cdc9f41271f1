// The code cache with real processes: what one leaves, the next one runs; and nothing else is ever run.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type CodeCachePlace, codeCachePath } from '../../src/host/code-cache.ts';
import { cliEntry, createCliWorld } from '../support/cli.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const worlds: ReturnType<typeof createCliWorld>[] = [];

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.dispose();
});

function createWorld() {
  const world = createCliWorld();
  worlds.push(world);
  return world;
}

const program = (answer: string) =>
  `exports.tell = function tell() { return require('./other.js').mark + '${answer}'; };\n`;

/** A file, its notes' place, and a way to load it in a process of its own. */
function createFile() {
  const { folder } = createWorld();
  const file = join(folder, 'program.js');
  const notes = join(folder, 'cache', 'notes.bin');
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  writeFileSync(
    join(folder, 'other.js'),
    `exports.mark = require('./program.js').tell ? 'one of us: ' : 'a twin: ';`,
  );
  const load = (...how: string[]) => {
    const start = ['--import', pathToFileURL(join(root, 'scripts/register-ts.js')).href];
    const entry = join(root, '__tests__/host/code-cache-entry.ts');
    const run = spawnSync(process.execPath, [...start, entry, file, notes, ...how], { encoding: 'utf8' });
    return run.stderr === '' ? run.stdout : run.stderr;
  };
  return { file, notes, load };
}

describe('what is kept of a file', () => {
  test('is written when a process ended well, for this user alone, and run by the next one', () => {
    const { file, notes, load } = createFile();
    writeFileSync(file, program('yes'));
    expect(load()).toBe('one of us: yes');
    expect(statSync(notes).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(notes)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(notes))).toEqual(['notes.bin']);

    // The engine's notes under another text of the same length: that they speak shows that they are what is run.
    const [old, now] = [Buffer.from(program('yes')), Buffer.from(program('now'))];
    writeFileSync(file, now);
    writeFileSync(notes, Buffer.concat([now, readFileSync(notes).subarray(old.length)]));
    expect(load()).toBe('one of us: yes');
  });

  test('counts for nothing once the file has changed, however little', () => {
    const { file, notes, load } = createFile();
    writeFileSync(file, program('yes'));
    load();
    const before = readFileSync(notes);
    writeFileSync(file, program('now'));
    expect(load()).toBe('one of us: now');
    expect(readFileSync(notes).equals(before)).toBe(false);
    expect(load()).toBe('one of us: now');
  });

  test('counts for nothing where others may write it, or where it is damaged', () => {
    const { file, notes, load } = createFile();
    writeFileSync(file, program('yes'));
    load();
    const now = Buffer.from(program('now'));
    writeFileSync(file, now);
    writeFileSync(notes, Buffer.concat([now, readFileSync(notes).subarray(now.length)]));
    chmodSync(notes, 0o660);
    expect(load()).toBe('one of us: now');

    writeFileSync(notes, Buffer.concat([now, Buffer.from('no notes of any engine')]));
    expect(load()).toBe('one of us: now');
  });

  test('is nothing after a process that ended badly, or where nothing can be written', () => {
    const { file, notes, load } = createFile();
    writeFileSync(file, program('yes'));
    expect(load('badly')).toBe('one of us: yes');
    expect(existsSync(notes)).toBe(false);
    writeFileSync(dirname(notes), 'a file where the folder should be');
    expect(load()).toBe('one of us: yes');
  });
});

describe('where it is kept', () => {
  const place: CodeCachePlace = {
    env: { HOME: '/home/ann' },
    platform: 'linux',
    nodeVersion: '20.20.2',
    arch: 'x64',
    word: 'reap',
  };

  test.each<[string, Partial<CodeCachePlace>, string | null]>([
    ['in the home', {}, '/home/ann/.cache/lockstep/node20-x64-reap-core.bin'],
    [
      'in the cache folder of the desktop',
      { env: { HOME: '/home/ann', XDG_CACHE_HOME: '/c' } },
      '/c/lockstep/node20-x64-reap-core.bin',
    ],
    ['nowhere without a home', { env: {} }, null],
    [
      'nowhere where node is told to keep nothing',
      { env: { HOME: '/h', NODE_DISABLE_COMPILE_CACHE: '1' } },
      null,
    ],
    ['nowhere for a flag', { word: '--version' }, null],
    ['nowhere for a path', { word: '../x' }, null],
    ['nowhere without a word', { word: undefined }, null],
  ])('%s', (_, change, expected) => {
    expect(codeCachePath({ ...place, ...change }, 'core')).toBe(expected);
  });

  test.each(['core', 'reap'])('%s.js of dist can be kept: ASCII alone, and no import()', (name) => {
    const text = readFileSync(join(dirname(cliEntry), 'chunks', `${name}.js`), 'latin1');
    expect(/[^\t\n\r -~]/.exec(text)?.[0]).toBeUndefined();
    expect(text).not.toMatch(/\bimport\(/);
  });

  test('the command line keeps what it compiled, and says the same with it, without it and where it may not', async () => {
    const world = createWorld();
    const off = { env: { NODE_DISABLE_COMPILE_CACHE: '1' } };
    const without = await world.run(['status', '--store', 'file:store', '--json'], off);
    expect(readdirSync(world.folder)).not.toContain('.cache');
    const first = await world.run(['status', '--store', 'file:store', '--json']);
    expect(readdirSync(join(world.folder, '.cache/lockstep'))).toEqual([
      expect.stringMatching(/^node\d+-\w+-status-core\.bin$/),
    ]);
    const second = await world.run(['status', '--store', 'file:store', '--json']);
    expect([first.json(), second.json()]).toEqual([without.json(), without.json()]);
  });
});
