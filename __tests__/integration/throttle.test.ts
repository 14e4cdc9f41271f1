// Real processes on one account of a real server, from an empty bucket, with a store between them: a file store, and each engine
// behind a network that breaks. The refill is twenty times as fast as Heroku's, so that seconds suffice; the targets in real time
// are measured by bench/throttle.ts.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ENGINES } from '../support/engine-list.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type FleetRun, runProcesses } from '../support/throttle-fleet.ts';

const EMISSION_INTERVAL_MS = 40;
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

test('processes that share a throttle use the refill, and hardly anything is refused', async () => {
  const fleets = [1, 6].map((clients) =>
    runProcesses({
      clients,
      strategy: 'shared',
      durationMs: 3000,
      emissionIntervalMs: EMISSION_INTERVAL_MS,
    }),
  );
  for (const run of await Promise.all(fleets)) {
    // A busy machine starts timers late; what the throttle itself may cost is bounded in the model.
    expect(run.refusedShare).toBeLessThanOrEqual(0.1);
    expect(run.usedShare).toBeGreaterThanOrEqual(0.9);
  }
}, 60_000);

/** A fleet over an engine whose connections are cut, whose network swallows all, and which is killed and started again. */
async function runThroughTrouble(engine: (typeof ENGINES)[number]): Promise<FleetRun> {
  const server = await engine.start();
  const proxy = await startFaultProxy(server.port);
  try {
    return await runProcesses({
      clients: 3,
      strategy: 'shared',
      durationMs: 5500,
      emissionIntervalMs: EMISSION_INTERVAL_MS,
      store: server.url(proxy.port),
      callTimeoutMs: 1000,
      async meanwhile() {
        await pause(700);
        proxy.cutAll();
        await pause(500);
        proxy.set({ kind: 'blackhole' });
        await pause(1600);
        await server.kill();
        proxy.set({ kind: 'pass' });
        proxy.cutAll();
        await pause(500);
        await server.restart();
      },
    });
  } finally {
    await proxy.close();
    await server.stop();
  }
}

const runs = new Map<string, Promise<FleetRun>>();
beforeAll(() => {
  // All at once: most of it is waiting.
  for (const engine of ENGINES.filter((each) => each.isInstalled)) {
    const run = runThroughTrouble(engine);
    run.catch(() => undefined);
    runs.set(engine.name, run);
  }
});
afterAll(() => Promise.allSettled(runs.values()));

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    test('processes go on alone while the store is out of reach, flood nobody, say so once, and share again', async () => {
      const run = (await runs.get(engine.name)) as FleetRun;
      // Nobody hung: a call of the store has its limit, and then there is the own pace.
      expect(run.usedShare).toBeGreaterThanOrEqual(0.6);
      // Three that pace alone on an empty bucket are refused now and then, as anybody who learns only from refusals.
      expect(run.refused).toBeLessThanOrEqual(run.possible);
      for (const client of run.clients) expect(client).toEqual({ warnings: 1, isShared: true });
    }, 90_000);
  });
}
