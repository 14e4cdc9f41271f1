// Run as a process of its own: one alias of some checks over any store, until it is replaced or told to stop (SIGTERM).
// Argument: an AliasOrder as JSON. Says `started` once its first write landed, and its outcome at its end.
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { startAlias } from '../../src/check/alias.ts';
import { createCheckProbe } from '../../src/probe/check.ts';
import { checkKey, decodeCheckRecord } from '../../src/probe/check-record.ts';
import type { HealthStatus } from '../../src/probe/contract.ts';
import type { Store } from '../../src/store/contract.ts';
import { createEdges } from '../../src/store/edges.ts';
import { openEngine } from '../support/engine-worlds.ts';

export interface AliasOrder {
  readonly url: string;
  readonly name: string;
  readonly upstreams: readonly string[];
  readonly writer: string;
  readonly reconcileMs: number;
  /** Hears of no change: only the reconcile timer is left. */
  readonly isDeaf?: boolean;
  /** Stops itself (SIGSTOP) between the decision to write this status and the write, and says `stopping` before. */
  readonly stopsBefore?: HealthStatus;
}

const order = JSON.parse(process.argv[2] ?? '') as AliasOrder;
const { name, reconcileMs, writer } = order;
const clock = systemClock;
const namespace = 'test';
const own = checkKey(namespace, name);
// Synchronously: what was said before a signal to itself must have left.
const say = (word: string) => writeSync(1, `${word}\n`);

// No poll of the store's own may repair what a notification or the reconcile timer should.
const opened = await openEngine(order.url, { pollMs: 3_600_000 });
let isStarted = false;
const store: Store = {
  ...opened,
  ...(order.isDeaf ? { watch: deafWatch } : {}),
  async compareAndSet(key, expect, value, options = {}) {
    if (key === own && isStarted && decodeCheckRecord(value, name).status === order.stopsBefore) {
      say('stopping');
      process.kill(process.pid, 'SIGSTOP');
    }
    const result = await opened.compareAndSet(key, expect, value, options);
    if (result.ok && key === own && !isStarted) {
      isStarted = true;
      say('started');
    }
    return result;
  },
};
function deafWatch(_: string, { signal }: { signal: AbortSignal }) {
  const edges = createEdges(signal);
  edges.connected();
  return edges.watch;
}

const upstreams = order.upstreams.map((upstream) =>
  createCheckProbe({ id: `check:${upstream}`, name: upstream, namespace, store, clock }),
);
const alias = startAlias(
  { name, upstreams, reconcileMs },
  { store, namespace, clock, writer, logger: nullLogger },
);
process.on('SIGTERM', () => void alias.stop());
const report = await alias.done;
// Nothing is left that could keep the process alive: it ends by itself, or the test times out.
await opened.close();
say(report.outcome);
