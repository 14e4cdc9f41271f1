/**
 * The thread in which the cache client runs, for one call. The client retries for up to 35 s without saying so, writes to
 * standard output and leaves timers behind; from outside a thread can be ended whatever it does.
 * Invariant: the paths never change and name nothing of this machine: their text is part of an entry's version, so two jobs
 * with different texts would never see each other.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { restoreCache, saveCache } from '@actions/cache';
import type { CacheOrder, CacheReply } from './cache-call.ts';

const FILE = '.cache/lockstep/sweep';
const PATHS = [`~/${FILE}`];

async function run({ kind, keys }: CacheOrder): Promise<CacheReply> {
  const [first = '', ...others] = keys;
  if (kind === 'look-up') {
    const key = await restoreCache([...PATHS], first, [first, ...others], { lookupOnly: true });
    return { kind: 'done', key: key ?? null };
  }
  // An entry needs a file; all that counts is in its name.
  const path = join(homedir(), FILE);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'lockstep\n');
  const id = await saveCache([...PATHS], first);
  return { kind: 'done', key: id < 0 ? null : first };
}

async function answer(order: CacheOrder): Promise<void> {
  const reply = await run(order).catch(
    (thrown: unknown): CacheReply => ({
      kind: 'failed',
      detail: thrown instanceof Error ? thrown.message : String(thrown),
    }),
  );
  parentPort?.postMessage(reply);
}

void answer(workerData as CacheOrder);
