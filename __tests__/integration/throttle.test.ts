// Real processes on one account of a real server, from an empty bucket, with a file store between them. The refill is twenty
// times as fast as Heroku's, so that seconds suffice; the targets in real time are measured by bench/throttle.ts.
import { expect, test } from '@jest/globals';
import { runProcesses } from '../support/throttle-fleet.ts';

test('processes that share a throttle use the refill, and hardly anything is refused', async () => {
  const fleets = [1, 6].map((clients) =>
    runProcesses({ clients, strategy: 'shared', durationMs: 3000, emissionIntervalMs: 40 }),
  );
  for (const run of await Promise.all(fleets)) {
    // A busy machine starts timers late; what the throttle itself may cost is bounded in the model.
    expect(run.refusedShare).toBeLessThanOrEqual(0.1);
    expect(run.usedShare).toBeGreaterThanOrEqual(0.9);
  }
}, 60_000);
