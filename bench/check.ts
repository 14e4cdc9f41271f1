// From an upstream's change to the alias that shows it: memory store, file store with a watch, and a thousand aliases of one
// upstream; and what an idle hour costs. Run: node --import ./scripts/register-ts.js bench/check.ts
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { nullLogger } from '../src/base/logger.ts';
import { startAlias } from '../src/check/alias.ts';
import { createChecks } from '../src/check/check.ts';
import type { Alias } from '../src/check/contract.ts';
import { createProbeOpener } from '../src/probe/open.ts';
import type { Store } from '../src/store/contract.ts';
import { openFileStore } from '../src/store/drivers/file.ts';
import { createMemoryStore } from '../src/store/drivers/memory.ts';
import { meterStore } from '../src/store/metered.ts';
import { median, printTable, round } from './pairs.ts';

const clock = systemClock;
const worldOf = (store: Store) => ({ store, namespace: 'bench', clock, writer: 'bench', logger: nullLogger });

async function startAliases(store: Store, count: number) {
  const opener = createProbeOpener({
    clock,
    store,
    namespace: 'bench',
    cwd: process.cwd(),
    env: {},
    redact: (text) => text,
    heroku: null,
    github: null,
  });
  const aliases: Alias[] = [];
  for (let index = 0; index < count; index += 1) {
    const upstreams = await opener.open([{ kind: 'check', name: 'db' }]);
    aliases.push(startAlias({ name: `alias-${index}`, upstreams, reconcileMs: 60_000 }, worldOf(store)));
  }
  return {
    async stop() {
      await Promise.all(aliases.map((alias) => alias.stop()));
      await opener.close();
    },
  };
}

/** Flips the upstream and waits until the last alias shows it. */
async function measure(store: Store, options: { aliases: number; rounds: number }): Promise<number[]> {
  const checks = createChecks(worldOf(store));
  await checks.set('db', { status: 'passing' });
  const running = await startAliases(store, options.aliases);
  const all = (until: 'passing' | 'critical') =>
    Promise.all(
      Array.from({ length: options.aliases }, (_, index) =>
        checks.wait(`alias-${index}`, { until, pollMs: 30_000, signal: new AbortController().signal }),
      ),
    );
  await all('passing');
  const samples: number[] = [];
  for (let round_ = 0; round_ < options.rounds; round_ += 1) {
    const status = round_ % 2 === 0 ? 'critical' : 'passing';
    const shown = all(status);
    const startMs = clock.monotonicMs();
    await checks.set('db', { status });
    await shown;
    samples.push(clock.monotonicMs() - startMs);
  }
  await running.stop();
  return samples;
}

const rows = [];
for (const [aliases, rounds] of [
  [1, 60],
  [1000, 4],
] as const) {
  const memory = createMemoryStore({ clock });
  const memoryMs = await measure(memory, { aliases, rounds });
  rows.push({
    store: 'memory',
    aliases,
    'median ms': round(median(memoryMs), 1),
    'largest ms': round(Math.max(...memoryMs), 1),
  });
  await memory.close();
}
for (const [aliases, rounds] of [
  [1, 60],
  [100, 4],
] as const) {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  const file = await openFileStore({ path: join(folder, 'store'), clock });
  const fileMs = await measure(file, { aliases, rounds });
  rows.push({
    store: 'file',
    aliases,
    'median ms': round(median(fileMs), 1),
    'largest ms': round(Math.max(...fileMs), 1),
  });
  await file.close();
  rmSync(folder, { recursive: true, force: true });
}
printTable('Upstream changed → alias shows it', rows);

// An idle stretch: how often the store is asked while nothing changes.
const metered = meterStore(createMemoryStore({ clock }));
const checks = createChecks(worldOf(metered));
await checks.set('db', { status: 'passing' });
const running = await startAliases(metered, 1);
await checks.wait('alias-0', { pollMs: 1000, signal: new AbortController().signal });
const before = metered.requests;
const IDLE_MS = 3000;
await new Promise<void>((resolve) => clock.startTimer(IDLE_MS, resolve));
printTable('While nothing changes', [
  {
    'idle seconds': IDLE_MS / 1000,
    'store calls': metered.requests - before,
    'reconcile interval': '60 s: one read and one look at the own record per interval',
  },
]);
await running.stop();
await metered.close();
