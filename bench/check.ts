// From an upstream's change to the alias that shows it, over every store, with the alias and those who look each on a
// connection of their own; and a thousand aliases of one upstream. What an idle hour costs is in check-idle.ts.
// Run: node --import ./scripts/register-ts.js bench/check.ts
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENGINES } from '../__tests__/support/engine-list.ts';
import { openEngine } from '../__tests__/support/engine-worlds.ts';
import { systemClock } from '../src/base/clock.ts';
import { nullLogger } from '../src/base/logger.ts';
import { startAlias } from '../src/check/alias.ts';
import { createChecks } from '../src/check/check.ts';
import { createCheckProbe } from '../src/probe/check.ts';
import type { Store } from '../src/store/contract.ts';
import { openFileStore } from '../src/store/drivers/file.ts';
import { createMemoryBackend, createMemoryStore } from '../src/store/drivers/memory.ts';
import { median, printTable, round } from './pairs.ts';

const clock = systemClock;
const namespace = 'bench';
const worldOf = (store: Store) => ({ store, namespace, clock, writer: 'bench', logger: nullLogger });

interface Plan {
  readonly store: string;
  readonly aliases: number;
  readonly rounds: number;
}

/** Flips the upstream on one connection and waits there until the last alias, on another one, shows it. */
async function measure(plan: Plan, open: () => Promise<Store>) {
  const [aliasStore, store] = [await open(), await open()];
  const prefix = `${plan.aliases}`;
  const checks = createChecks(worldOf(store));
  await checks.set(`${prefix}-db`, { status: 'passing' });
  const names = Array.from({ length: plan.aliases }, (_, at) => `${prefix}-alias-${at}`);
  const aliases = names.map((name) => {
    const upstreams = [createCheckProbe({ ...worldOf(aliasStore), id: 'check:db', name: `${prefix}-db` })];
    return startAlias({ name, upstreams, reconcileMs: 3_600_000 }, worldOf(aliasStore));
  });
  const all = (until: 'passing' | 'critical') =>
    Promise.all(
      names.map((name) =>
        checks.wait(name, { until, pollMs: 3_600_000, signal: new AbortController().signal }),
      ),
    );
  await all('passing');
  const samples: number[] = [];
  for (let at = 0; at < plan.rounds; at += 1) {
    const status = at % 2 === 0 ? 'critical' : 'passing';
    const shown = all(status);
    const startMs = clock.monotonicMs();
    await checks.set(`${prefix}-db`, { status });
    await shown;
    samples.push(clock.monotonicMs() - startMs);
  }
  await Promise.all(aliases.map((alias) => alias.stop()));
  await Promise.all([aliasStore.close(), store.close()]);
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    store: plan.store,
    aliases: plan.aliases,
    rounds: plan.rounds,
    'median ms': round(median(samples), 1),
    '90 % ms': round(sorted[Math.floor(sorted.length * 0.9)] ?? Number.NaN, 1),
    'largest ms': round(Math.max(...samples), 1),
  };
}

const rows = [];
for (const [aliases, rounds] of [
  [1, 100],
  [1000, 4],
] as const) {
  const backend = createMemoryBackend();
  const memory = async () => createMemoryStore({ clock, backend });
  rows.push(await measure({ store: 'memory', aliases, rounds }, memory));
}
const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
const file = () => openFileStore({ path: join(folder, 'store'), clock });
rows.push(await measure({ store: 'file', aliases: 1, rounds: 100 }, file));
rows.push(await measure({ store: 'file', aliases: 100, rounds: 4 }, file));
rmSync(folder, { recursive: true, force: true });
for (const engine of ENGINES) {
  if (!engine.isInstalled) continue;
  const server = await engine.start();
  const open = () => openEngine(server.url(), { pollMs: 3_600_000 });
  rows.push(await measure({ store: engine.name, aliases: 1, rounds: 100 }, open));
  rows.push(await measure({ store: engine.name, aliases: 1000, rounds: 4 }, open));
  await server.stop();
}
printTable('Upstream changed → alias shows it', rows);
