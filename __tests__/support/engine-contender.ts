// A real process that wants one lease over an engine, round after round. What it does inside is checked by the file system:
// two inside at a time fail on `inside`, and the tokens are appended to `tokens` in the order of ownership.
// It prints a line per event: `inside TOKEN`, `done`; with `keep` it holds what it got until it is killed.
import { appendFileSync, closeSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import { openEngine } from './engine-worlds.ts';

export interface ContenderOrder {
  url: string;
  folder: string;
  rounds: number;
  leaseMs: number;
  keep?: boolean;
}

const order = JSON.parse(process.argv[2] ?? '{}') as ContenderOrder;
const clock = systemClock;
const pollMs = 1000;
const store = await openEngine(order.url, { pollMs });
const manager = createLeaseManager({ store, clock, pollMs });
const holder = { text: `contender ${process.pid}`, host: 'loopback', pid: process.pid };
const inside = join(order.folder, 'inside');

for (let round = 0; round < order.rounds; round += 1) {
  const lease = await manager.acquire('default/lock/contended', { leaseMs: order.leaseMs, holder, pollMs });
  if (lease === null) throw new Error('nobody said that the work is done');
  lease.assertHeld();
  // Right before the effect, which fails where somebody else is inside.
  if (!order.keep) closeSync(openSync(inside, 'wx'));
  appendFileSync(join(order.folder, 'tokens'), `${lease.token}\n`);
  process.stdout.write(`inside ${lease.token}\n`);
  if (order.keep) await sleep(clock, 3_600_000);
  await sleep(clock, 5);
  lease.assertHeld();
  unlinkSync(inside);
  await lease.release();
}
process.stdout.write('done\n');
await manager.close();
await store.close();
