// A real process with the variables of a step: makes the calls of its order one after the other and prints each result as a
// line of JSON, with how long it took. Run: node --import ./scripts/register-ts.js snapshot-caller.ts '[{"kind":"read",…}]'
import { systemClock } from '../../src/base/clock.ts';
import { createCacheSnapshot, hasCacheService } from '../../src/snapshot/cache-snapshot.ts';
import type { Snapshot, SnapshotSubject } from '../../src/snapshot/contract.ts';

export type SnapshotOrder = { timeoutMs?: number } & (
  | { kind: 'read'; subject: SnapshotSubject }
  | { kind: 'write'; subject: SnapshotSubject; snapshot: Snapshot }
);

const orders = JSON.parse(process.argv[2] ?? '[]') as SnapshotOrder[];
const said: string[] = [];
const note = (message: string) => void said.push(message);
for (const order of orders) {
  const { timeoutMs = 20_000 } = order;
  const store = createCacheSnapshot({
    clock: systemClock,
    env: process.env,
    logger: { error: note, warn: note, info: note, debug: note },
    readTimeoutMs: timeoutMs,
    writeTimeoutMs: timeoutMs,
  });
  const startMs = systemClock.monotonicMs();
  const result =
    order.kind === 'read'
      ? await store.read(order.subject, { signal: new AbortController().signal })
      : await store.write(order.subject, order.snapshot);
  const tookMs = Math.round(systemClock.monotonicMs() - startMs);
  const line = { result, tookMs, said: said.splice(0), isAvailable: hasCacheService(process.env) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
