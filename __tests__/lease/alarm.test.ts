import { describe, expect, test } from '@jest/globals';
import { nullLogger } from '../../src/base/logger.ts';
import { createAlarm } from '../../src/lease/alarm.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import type { Store } from '../../src/store/contract.ts';
import { createMemoryStore } from '../../src/store/drivers/memory.ts';
import { createManualClock } from '../support/manual-clock.ts';

/** A store that would only poll for edges; a watch of it is counted. */
function createPollingStore() {
  const clock = createManualClock();
  const memory = createMemoryStore({ clock });
  let [watches, reads] = [0, 0];
  const store: Store = {
    ...memory,
    capabilities: { ...memory.capabilities, nativeWatch: false },
    get(key, options) {
      reads += 1;
      return memory.get(key, options);
    },
    watch(key, options) {
      watches += 1;
      return memory.watch(key, options);
    },
  };
  return { clock, store, watches: () => watches, reads: () => reads };
}

describe('an alarm over a store that only polls', () => {
  test('watches nothing, and is woken by a ring and by its delay', async () => {
    const { clock, store, watches } = createPollingStore();
    const alarm = createAlarm({ store, key: 'a/b', clock, logger: nullLogger });
    await alarm.ready;
    expect([alarm.hasEdges, watches()]).toEqual([false, 0]);
    const { signal } = new AbortController();
    const byRing = alarm.wait(1000, signal);
    alarm.ring();
    expect(await byRing).toBe('rung');
    alarm.clear();
    const byTimer = alarm.wait(1000, signal);
    await clock.advance(1000);
    expect(await byTimer).toBe('timer');
    alarm.dispose();
  });

  test('a waiter looks once per poll and still gets its turn', async () => {
    const { clock, store, watches, reads } = createPollingStore();
    const holder = { text: 'h', host: 'h', pid: 1 };
    const options = { leaseMs: 600_000, holder, pollMs: 15_000 };
    const [first, second] = [createLeaseManager({ store, clock }), createLeaseManager({ store, clock })];
    const lease = await first.acquire('default/lock/x', options);
    const before = reads();
    const waiting = second.acquire('default/lock/x', options);
    await clock.advance(150_000);
    // One look at once, then one every 15 s, 15 % more or less.
    expect(reads() - before).toBeLessThanOrEqual(1 + 150 / (15 * 0.85));
    await lease?.release();
    await clock.advance(20_000);
    expect((await waiting)?.token).toBe(2);
    expect(watches()).toBe(0);
    await Promise.all([first.close(), second.close(), store.close()]);
  });
});
