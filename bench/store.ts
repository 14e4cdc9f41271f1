// How much the file store costs over the bare system calls it cannot do without, side by side in one process, as ratios:
// absolute times belong to the machine, ratios to the code. Run: node --import ./scripts/register-ts.js bench/store.ts
import { link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { openFileStore } from '../src/store/drivers/file.ts';
import { createMemoryStore } from '../src/store/drivers/memory.ts';

const rounds = 600;
const value = JSON.stringify({ v: 1, state: 'held', token: 1, holder: 'x'.repeat(200) });

/** Runs the contenders in turn, round by round, so that a slow moment of the machine hits all of them. */
async function compare(contenders: Record<string, (round: number) => Promise<unknown>>) {
  const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(contenders)) {
      const startMs = systemClock.monotonicMs();
      await run(round);
      times.get(name)?.push(systemClock.monotonicMs() - startMs);
    }
  }
  return (name: string, share = 0.5) => {
    const sorted = (times.get(name) ?? []).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  };
}

const root = await mkdtemp(join(tmpdir(), 'lockstep-bench-'));
try {
  const raw = join(root, 'raw');
  await mkdir(raw);
  const store = await openFileStore({ path: join(root, 'store'), clock: systemClock });
  const memory = createMemoryStore({ clock: systemClock });
  const revisions: Record<string, string | null> = { file: null, memory: null };
  const write = (name: 'file' | 'memory') => async () => {
    const result = await (name === 'file' ? store : memory).compareAndSet(
      'a/b',
      revisions[name] ?? null,
      value,
    );
    if (!result.ok) throw new Error('a write without a rival was lost');
    revisions[name] = result.revision;
  };
  const few = await openFileStore({ path: join(root, 'few'), clock: systemClock });
  await few.compareAndSet('a/b', null, value);
  const only = join(root, 'few', 'a', 'b', '@');

  const at = await compare({
    'writeFile + link': async (round) => {
      await writeFile(join(raw, `tmp${round}`), value);
      await link(join(raw, `tmp${round}`), join(raw, String(round)));
    },
    'file compareAndSet': write('file'),
    'memory compareAndSet': write('memory'),
    'readdir + readFile': async () => {
      const [name = ''] = await readdir(only);
      await readFile(join(only, name), 'utf8');
    },
    'file get': () => few.get('a/b'),
    'file get, key absent': () => few.get('a/none'),
    [`file get after up to ${rounds} writes`]: () => store.get('a/b'),
  });

  const baseOf: Record<string, string> = {
    'file compareAndSet': 'writeFile + link',
    'file get': 'readdir + readFile',
    'file get, key absent': 'readdir + readFile',
    [`file get after up to ${rounds} writes`]: 'readdir + readFile',
  };
  const names = [
    'writeFile + link',
    'file compareAndSet',
    'memory compareAndSet',
    'readdir + readFile',
    ...Object.keys(baseOf).slice(1),
  ];
  for (const name of names) {
    const base = baseOf[name];
    const ratio = base ? `${(at(name) / at(base)).toFixed(2)} × ${base}` : '';
    process.stdout.write(
      `${name.padEnd(36)} p50 ${at(name).toFixed(3)} ms  p90 ${at(name, 0.9).toFixed(3)} ms  ${ratio}\n`,
    );
  }
  await Promise.all([store.close(), few.close(), memory.close()]);
} finally {
  await rm(root, { recursive: true, force: true });
}
