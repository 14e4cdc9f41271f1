// What is shipped: self-contained, small where it starts, and exactly what the sources build.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const dist = join(root, 'dist');
const entries = readdirSync(dist).filter((name) => name.endsWith('.js'));

/** All files that starting an entry loads, before it does anything. */
function staticallyReachable(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const text = readFileSync(entry, 'utf8');
  for (const [, specifier] of text.matchAll(/^(?:const \S+ = )?require\("(\.[^"]+)"\);$/gm)) {
    staticallyReachable(resolve(dirname(entry), specifier as string), seen);
  }
  // The command line's entry loads this one by its name, out of the code cache.
  if (basename(entry) === 'cli.js') staticallyReachable(join(dist, 'chunks/core.js'), seen);
  return seen;
}

describe('dist', () => {
  test.each(entries)('nothing over 200 KB is statically reachable from %s', (entry) => {
    const files = [...staticallyReachable(join(dist, entry))];
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    expect({ files: files.map((file) => relative(dist, file)), bytes }).toMatchObject({
      bytes: expect.any(Number),
    });
    expect(files.length).toBeGreaterThan(1);
    expect(bytes).toBeLessThan(200_000);
  });

  test('runs in a folder of its own, with no node_modules anywhere', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-dist-'));
    try {
      cpSync(dist, join(folder, 'dist'), { recursive: true });
      const demo = ['dist/cli.js', 'demo', '--jobs', '2', '--apps', '3', '--latency', '1ms', '--json'];
      const output = execFileSync(process.execPath, demo, {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] },
      });
      expect(JSON.parse(output.trim().split('\n').at(-1) ?? '')).toMatchObject({
        exitCode: 0,
        totals: { deletedApps: 3, duplicates: 0, lists: 1 },
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('imports nothing that is not in it or part of node', () => {
    const foreign = readdirSync(dist, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.name.endsWith('.js'))
      .flatMap((entry) => {
        const text = readFileSync(join(entry.parentPath ?? entry.path, entry.name), 'utf8');
        return [...text.matchAll(/\b(?:require|import)\("([^"]+)"\)/g)].map((match) => match[1] as string);
      })
      .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier));
    expect([...new Set(foreign)]).toEqual([]);
  });

  test('every chunk can be loaded, whichever is asked for first', () => {
    const chunks = readdirSync(join(dist, 'chunks')).filter((name) => name !== 'cache-worker.js');
    expect(chunks.length).toBeGreaterThan(50);
    const load = `for (const name of process.argv.slice(1)) require(${JSON.stringify(join(dist, 'chunks'))} + '/' + name);`;
    for (const order of [chunks, [...chunks].reverse()]) {
      execFileSync(process.execPath, ['-e', load, ...order], { stdio: 'pipe' });
    }
  });

  test('is what the sources build', () => {
    execFileSync(process.execPath, ['scripts/check-dist.js'], { cwd: root, stdio: 'pipe' });
  }, 120_000);
});
