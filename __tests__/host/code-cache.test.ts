// The code cache with real processes: what one leaves, the next one runs; and nothing else is ever run.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
  `exports.tell = function tell() { return require('./other.js').mark + '${answer}'; };
exports.more = function more() { return ', and ${answer} again' + require('./later.js').late; };\n`;

/** Asked for late; it asks for the first one, and for itself by way of another. */
const LATER = `exports.late = require('./program.js').tell ? ', late' : ', late and a twin';
exports.again = () => require('./later.js') === exports;\n`;

/** A file with a second one beside it, their notes' place, and a way to load them in a process of its own. */
function createFiles() {
  const { folder } = createWorld();
  const file = join(folder, 'program.js');
  const second = join(folder, 'second.js');
  const notes = join(folder, 'cache', 'notes.bin');
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  writeFileSync(second, `exports.mark = require('./program.js').tell ? 'one of us' : 'a twin';\n`);
  writeFileSync(
    join(folder, 'other.js'),
    `exports.mark = require('./second.js').mark + ', ' + (require('./program.js').tell ? 'mine: ' : 'a twin: ');\n`,
  );
  writeFileSync(join(folder, 'later.js'), LATER);
  const load = (...how: string[]) => {
    const start = ['--import', pathToFileURL(join(root, 'scripts/register-ts.js')).href];
    const entry = join(root, '__tests__/host/code-cache-entry.ts');
    const files = [file, second].join(',');
    const run = spawnSync(process.execPath, [...start, entry, files, notes, ...how], { encoding: 'utf8' });
    return run.stderr === '' ? run.stdout : run.stderr;
  };
  /** Puts another text in the place of the first file's. */
  const relabel = (bytes: Buffer, from: string, to: string) => {
    const text = bytes.toString('latin1');
    expect(text).toContain(from);
    return Buffer.from(text.replace(from, to), 'latin1');
  };
  return { file, second, notes, load, relabel };
}

describe('what is kept of the files', () => {
  test('is written when a process ended well, for this user alone, and run by the next one', () => {
    const { file, notes, load, relabel } = createFiles();
    writeFileSync(file, program('yes'));
    expect(load()).toBe('one of us, mine: yes');
    expect(statSync(notes).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(notes)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(notes))).toEqual(['notes.bin']);

    // The engine's notes under another text of the same length: that they speak shows that they are what is run.
    writeFileSync(file, program('now'));
    writeFileSync(notes, relabel(readFileSync(notes), program('yes'), program('now')));
    expect(load()).toBe('one of us, mine: yes');
  });

  test('grows with each way a process ends, and not with a process that is not to be kept', () => {
    const { file, notes, load, relabel } = createFiles();
    writeFileSync(file, program('yes'));
    expect(load('unkept')).toBe('one of us, mine: yes');
    expect(existsSync(notes)).toBe(false);
    load();
    const first = readFileSync(notes);
    load();
    load('unkept');
    expect(readFileSync(notes).equals(first)).toBe(true);
    load('more');
    const second = readFileSync(notes);
    expect(second.length).toBeGreaterThan(first.length);
    load();
    load('more');
    expect(readFileSync(notes).equals(second)).toBe(true);

    // Both ways are in it: what they call speaks as it did, whatever the text says now.
    writeFileSync(file, program('now'));
    writeFileSync(notes, relabel(second, program('yes'), program('now')));
    expect(load('more')).toBe('one of us, mine: yes, and yes again, late');
  });

  test('has a part of its own for what is asked for later', () => {
    const { file, notes, load, relabel } = createFiles();
    writeFileSync(file, program('yes'));
    load();
    expect(readdirSync(dirname(notes))).toEqual(['notes.bin']);
    expect(load('more')).toBe('one of us, mine: yes, and yes again, late');
    expect(readdirSync(dirname(notes))).toEqual(['notes.bin', 'notes.bin.later']);

    const later = join(dirname(file), 'later.js');
    const changed = LATER.replace("', late'", "', LATE'");
    writeFileSync(later, changed);
    writeFileSync(`${notes}.later`, relabel(readFileSync(`${notes}.later`), LATER, changed));
    expect(load('more')).toBe('one of us, mine: yes, and yes again, late');
    writeFileSync(later, LATER.replace("', late'", "', NEWER'"));
    expect(load('more')).toBe('one of us, mine: yes, and yes again, NEWER');
  });

  test.each(['first', 'second'] as const)(
    'counts for nothing once the %s has changed, however little',
    (which) => {
      const { file, second, notes, load } = createFiles();
      writeFileSync(file, program('yes'));
      load();
      const before = readFileSync(notes);
      if (which === 'first') writeFileSync(file, program('now'));
      else writeFileSync(second, readFileSync(second, 'utf8').replace('one of us', 'one of me'));
      const expected = which === 'first' ? 'one of us, mine: now' : 'one of me, mine: yes';
      expect(load()).toBe(expected);
      expect(readFileSync(notes).equals(before)).toBe(false);
      expect(load()).toBe(expected);
    },
  );

  test('counts for nothing where a text has grown by what follows it in the notes', () => {
    const { file, notes, load } = createFiles();
    writeFileSync(file, program('yes'));
    load();
    const kept = readFileSync(notes, 'latin1');
    writeFileSync(file, `${program('yes')}\n// and more`);
    expect(load()).toBe('one of us, mine: yes');
    expect(readFileSync(notes, 'latin1')).not.toBe(kept);
  });

  test('counts for nothing where others may write it, or where it is damaged', () => {
    const { file, notes, load, relabel } = createFiles();
    writeFileSync(file, program('yes'));
    load();
    writeFileSync(file, program('now'));
    const foreign = relabel(readFileSync(notes), program('yes'), program('now'));
    writeFileSync(notes, foreign);
    chmodSync(notes, 0o660);
    expect(load()).toBe('one of us, mine: now');

    writeFileSync(notes, foreign.subarray(0, foreign.length - 100));
    expect(load()).toBe('one of us, mine: now');
    writeFileSync(
      notes,
      Buffer.concat([foreign.subarray(0, 140_000), Buffer.from('no notes of any engine')]),
    );
    expect(load()).toBe('one of us, mine: now');
  });

  test('is nothing after a process that ended badly, or where nothing can be written', () => {
    const { file, notes, load } = createFiles();
    writeFileSync(file, program('yes'));
    expect(load('badly')).toBe('one of us, mine: yes');
    expect(existsSync(notes)).toBe(false);
    writeFileSync(dirname(notes), 'a file where the folder should be');
    expect(load()).toBe('one of us, mine: yes');
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

  test.each(['core', 'reap', 'lease'])('%s.js of dist can be kept: ASCII alone, and no import()', (name) => {
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

  test('a sweep leaves nothing to be read by the many that only learn its result; they keep what they need themselves', async () => {
    const world = createWorld();
    mkdirSync(join(world.folder, 'apps'));
    const rule = ['--match', 'x-[0-9]+', '--older-than', '1h', '--apply', '--store', 'file:store', '--json'];
    const reap = (...more: string[]) =>
      world.run(['reap', '--provider', 'directory', '--root', 'apps', ...rule, ...more]);
    const endings = () => {
      const [name = 'none'] = readdirSync(join(world.folder, '.cache/lockstep'));
      return readFileSync(join(world.folder, '.cache/lockstep', name), 'latin1')
        .slice(0, 256)
        .trim();
    };
    expect((await reap()).json()).toMatchObject({ outcome: 'clean' });
    expect(existsSync(join(world.folder, '.cache'))).toBe(false);
    expect((await reap('--job-index', '3')).json()).toMatchObject({ reason: 'not-elected' });
    expect(endings()).toBe('not-elected');
    expect((await reap()).json()).toMatchObject({ outcome: 'skipped', reason: 'fresh' });
    expect(endings()).toBe('not-elected fresh');
  });
});
