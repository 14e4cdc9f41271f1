// What a lock costs: over the raw store, from hand to hand, in a crowd, and for an hour. Ratios belong to the code, milliseconds
// to the machine. Goals: at most one read and two writes uncontended; a waiter owns 20 ms after a release (file store).
// Run: node --import ./scripts/register-ts.js bench/lock.ts
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createManualClock } from '../__tests__/support/manual-clock.ts';
import { sleep, systemClock } from '../src/base/clock.ts';
import { createLeaseManager } from '../src/lease/manager.ts';
import { openFileStore } from '../src/store/drivers/file.ts';
import { createMemoryStore } from '../src/store/drivers/memory.ts';
import { meterStore } from '../src/store/metered.ts';
import { compare, median, printTable, round } from './pairs.ts';

const HANDOVERS = 200;
const CONTENDERS = 60;
const PROCESSES = 6;
const HOLD_MS = 5;
const holder = { text: 'bench', host: 'loopback', pid: process.pid };
const clock = systemClock;
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const options = { leaseMs: 60_000, holder, pollMs: 1000 };

/** The file store with a manager of its own, as every process has one. */
async function open(path: string) {
  const store = meterStore(await openFileStore({ path, clock, pollMs: 1000 }));
  const manager = createLeaseManager({ store, clock, pollMs: 1000 });
  const close = async () => {
    await manager.close();
    await store.close();
  };
  return { store, manager, close };
}

async function own(manager: ReturnType<typeof createLeaseManager>, key: string) {
  const lease = await manager.acquire(key, options);
  if (!lease) throw new Error('nobody said that the work is done');
  return lease;
}

/** A child: waits for the lock as often as it is told, and says when it owned it by the machine's own clock. */
async function wait(path: string, count: number): Promise<void> {
  const worlds = await Promise.all(Array.from({ length: count }, () => open(path)));
  process.on('message', (key: string) => {
    void Promise.all(
      worlds.map(async ({ manager }) => {
        const lease = await own(manager, key);
        process.send?.(nowMs());
        if (count > 1) await sleep(clock, HOLD_MS);
        await lease.release();
      }),
    ).then(() => process.send?.('done'));
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}

const next = (child: ChildProcess) => new Promise<unknown>((resolve) => child.once('message', resolve));

async function startWaiter(path: string, count: number): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['wait', path, String(count)]);
  await next(child);
  return child;
}

async function benchUncontended(path: string): Promise<void> {
  const { store, manager, close } = await open(path);
  const value = JSON.stringify({ v: 1, filler: 'x'.repeat(330) });
  let revision: string | null = null;
  const write = async () => {
    const result = await store.compareAndSet('bench/raw/key', revision, value);
    if (!result.ok) throw new Error('a write without a rival was lost');
    revision = result.revision;
  };
  const raw = async () => {
    await store.get('bench/raw/key');
    await write();
    await write();
  };
  const lock = async () => {
    const result = await manager.tryAcquire('bench/lock/key', options);
    if (!result.acquired) throw new Error('nobody else wants it');
    await result.lease.release();
  };
  const { medianMs, baselineMs, ratio } = await compare({ rounds: 400, subject: lock, baseline: raw });
  const before = store.requests;
  await lock();
  printTable('Uncontended acquire and release, file store', [
    {
      'store calls': store.requests - before,
      'median ms': round(medianMs),
      'the same calls, raw, ms': round(baselineMs),
      ratio: round(ratio),
    },
  ]);
  await close();
}

async function benchHandover(path: string): Promise<void> {
  const { manager, close } = await open(path);
  const waiter = await startWaiter(path, 1);
  const times: number[] = [];
  for (let turn = 0; turn < HANDOVERS; turn += 1) {
    const lease = await own(manager, 'bench/lock/handover');
    const owned = next(waiter);
    waiter.send('bench/lock/handover');
    // Until it has subscribed and waits.
    await sleep(clock, 25);
    const releasedMs = nowMs();
    await lease.release();
    times.push(Number(await owned) - releasedMs);
    await next(waiter);
  }
  waiter.disconnect();
  times.sort((a, b) => a - b);
  printTable('From release to the ownership of a waiter in another process, file store', [
    {
      turns: HANDOVERS,
      'median ms': round(median(times)),
      'p90 ms': round(times[Math.floor(HANDOVERS * 0.9)] ?? Number.NaN),
      'worst ms': round(times.at(-1) ?? Number.NaN),
    },
  ]);
  await close();
}

async function benchCrowd(path: string): Promise<void> {
  const waiters = await Promise.all(
    Array.from({ length: PROCESSES }, () => startWaiter(path, CONTENDERS / PROCESSES)),
  );
  const ends = waiters.map(
    (child) =>
      new Promise<void>((resolve) =>
        child.on('message', (said) => (said === 'done' ? resolve() : undefined)),
      ),
  );
  const startMs = nowMs();
  for (const child of waiters) child.send('bench/lock/crowd');
  await Promise.all(ends);
  const totalMs = nowMs() - startMs;
  for (const child of waiters) child.disconnect();
  printTable(`${CONTENDERS} contenders in ${PROCESSES} processes, each holds for ${HOLD_MS} ms, file store`, [
    {
      'total ms': round(totalMs, 0),
      'ideal ms (holding alone)': CONTENDERS * HOLD_MS,
      'times the ideal': round(totalMs / (CONTENDERS * HOLD_MS)),
      'ms from hand to hand': round(totalMs / CONTENDERS - HOLD_MS),
    },
  ]);
}

async function benchHour(): Promise<void> {
  const rows = [];
  for (const leaseMs of [10_000, 60_000, 600_000]) {
    const manual = createManualClock();
    const store = meterStore(createMemoryStore({ clock: manual }));
    const manager = createLeaseManager({ store, clock: manual });
    const result = await manager.tryAcquire('bench/lock/hour', { leaseMs, holder });
    if (!result.acquired) throw new Error('nobody else wants it');
    const before = store.requests;
    await manual.advance(3_600_000);
    result.lease.assertHeld();
    rows.push({ 'lease s': leaseMs / 1000, 'store calls in an hour': store.requests - before });
    await manager.close();
    await store.close();
  }
  printTable('Holding for an hour (by a manual clock): one write per renewal, no reads', rows);
}

const [role, path = '', count = '1'] = process.argv.slice(2);
if (role === 'wait') {
  await wait(path, Number(count));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  try {
    await benchUncontended(join(folder, 'store'));
    await benchHandover(join(folder, 'store'));
    await benchCrowd(join(folder, 'store'));
    await benchHour();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
