// A real process that holds a lock itself, without a child, and writes to a fenced sink: `lock-holder.ts STORE_FOLDER SINK_FOLDER`.
// It prints `held TOKEN`, then at each tick `wrote` or, once it may not any more, `refused CODE` and what the sink says to a
// write that was already under way: `sink fenced` or `sink open`. A line on its input blocks its loop for so many ms.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { toError } from '../../src/base/errors.ts';
import { guard, newestFile } from '../../src/lease/guard.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';

const [path = '', sink = ''] = process.argv.slice(2);
const clock = systemClock;
const store = await openFileStore({ path, clock, pollMs: 100 });
const manager = createLeaseManager({ store, clock, pollMs: 100 });
const say = (line: string) => process.stdout.write(`${line}\n`);

process.stdin.setEncoding('utf8').on('data', (text: string) => {
  const untilMs = performance.now() + Number(text);
  while (performance.now() < untilMs) Math.sqrt(untilMs);
});

const holder = { text: `holder ${process.pid}`, host: 'loopback', pid: process.pid };
const lease = await manager.acquire('default/lock/fenced', { leaseMs: 1000, holder, pollMs: 100 });
if (lease === null) throw new Error('nobody said that the work is done');
const own = guard(lease.token);
mkdirSync(sink, { recursive: true });
const write = () => writeFileSync(join(sink, own.fileName('state')), String(lease.token));
write();
say(`held ${lease.token}`);
for (;;) {
  await sleep(clock, 20);
  try {
    lease.assertHeld();
  } catch (error) {
    say(`refused ${(toError(error) as { code?: string }).code}`);
    break;
  }
  write();
}
// The effect that was under way when the process was stopped arrives after all.
write();
say(`sink ${newestFile(readdirSync(sink), 'state') === own.fileName('state') ? 'open' : 'fenced'}`);
process.stdin.destroy();
await lease.release();
await manager.close();
await store.close();
