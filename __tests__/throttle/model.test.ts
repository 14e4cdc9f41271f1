// The throttle's targets in virtual time: a fleet on one account from an empty bucket, each client with a clock of its own that
// agrees with no other. The same model runs the published strategy of rate_throttle_client, so that the two can be compared.
import { describe, expect, test } from '@jest/globals';
import { createRandomFaults } from '../support/faulty-store.ts';
import { type FleetOptions, type FleetResult, REFILL_MS, runFleet } from './fleet-model.ts';

const shared = (options: Omit<FleetOptions, 'strategy'>) => runFleet({ strategy: 'shared', ...options });

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('the model', () => {
  test('answers the published strategy as the real one was measured: 43 % and 13 % refused', async () => {
    const [minute, five] = [60_000, 300_000].map((durationMs) =>
      runFleet({ strategy: 'prd', clients: 10, durationMs }),
    );
    expect((await minute)?.refusedShare).toBeGreaterThan(0.38);
    expect((await minute)?.refusedShare).toBeLessThan(0.48);
    expect((await five)?.refusedShare).toBeGreaterThan(0.1);
    expect((await five)?.refusedShare).toBeLessThan(0.17);
  });

  test('layer 1 alone does well for one process, and cannot for many', async () => {
    const one = await runFleet({ strategy: 'local', clients: 1, durationMs: 60_000 });
    expect(one.refusedShare).toBeLessThanOrEqual(0.05);
    expect(one.usedShare).toBeGreaterThanOrEqual(0.97);
    const ten = await runFleet({ strategy: 'local', clients: 10, durationMs: 60_000 });
    expect(ten.refusedShare).toBeGreaterThan(0.2);
  });
});

/** What the specification demands of a cold start. */
function expectOnTarget(run: FleetResult, clients: number, block = 1) {
  expect(run.refusedShare).toBeLessThanOrEqual(0.05);
  expect(run.usedShare).toBeGreaterThanOrEqual(0.97);
  expect(run.deviation).toBeLessThanOrEqual(10);
  // Nobody waits for more than one turn of everybody, and the time of its own slot.
  expect(run.longestWaitMs).toBeLessThanOrEqual((clients * block + 1) * REFILL_MS);
}

describe('a shared throttle from an empty bucket', () => {
  test.each([
    [1, 60],
    [10, 60],
    [32, 60],
    [1, 300],
    [10, 300],
    [32, 300],
  ])('%d clients in %d s on a store that answers at once', async (clients, seconds) => {
    const run = await shared({ clients, durationMs: seconds * 1000 });
    expectOnTarget(run, clients);
    expect(run.refused).toBe(0);
  });

  test.each([
    [1, 60],
    [10, 60],
    [10, 300],
  ])('%d clients in %d s on a store that takes 200 ms, in blocks of 5 to 6', async (clients, seconds) => {
    const run = await shared({ clients, durationMs: seconds * 1000, storeMs: 100 });
    expectOnTarget(run, clients, 6);
    expect(run.storeCalls).toBeLessThan(run.accepted * 2);
  });

  test('32 clients and a store that takes 800 ms: nothing is refused, nothing is lost', async () => {
    const run = await shared({ clients: 32, durationMs: 300_000, storeMs: 400 });
    expect(run.refusedShare).toBeLessThanOrEqual(0.05);
    expect(run.usedShare).toBeGreaterThanOrEqual(0.97);
    expect(run.deviation).toBeLessThanOrEqual(10);
  });

  test('32 clients with 100 tokens left: spent at once, then evenly', async () => {
    expectOnTarget(await shared({ clients: 32, durationMs: 300_000, tokens: 100 }), 32);
  });

  test('clocks that run a thousandth too fast or slow are corrected by the answers', async () => {
    const run = await shared({ clients: 10, durationMs: 600_000, drift: 1e-3 });
    expect(run.refusedShare).toBeLessThanOrEqual(0.01);
    expect(run.usedShare).toBeGreaterThanOrEqual(0.97);
  });

  test('four calls at once a client change nothing', async () => {
    const run = await shared({ clients: 10, durationMs: 60_000, workers: 4 });
    expect(run.refused).toBe(0);
    expect(run.usedShare).toBeGreaterThanOrEqual(0.97);
  });

  test('a provider that has no free count is found out by a refusal a client at most', async () => {
    const run = await shared({ clients: 10, durationMs: 300_000, isUncounted: true });
    expect(run.refused).toBeLessThanOrEqual(10);
    expect(run.usedShare).toBeGreaterThanOrEqual(0.97);
  });
});

describe('a shared throttle with plenty left', () => {
  test('does not slow anybody down, and hardly asks the store', async () => {
    const run = await shared({ clients: 10, durationMs: 5000, tokens: 4500, workers: 4 });
    const alone = await runFleet({
      strategy: 'local',
      clients: 10,
      durationMs: 5000,
      tokens: 4500,
      workers: 4,
    });
    expect(run.accepted).toBeGreaterThanOrEqual(alone.accepted * 0.95);
    expect(run.storeCalls).toBeLessThanOrEqual(100);
    expect(run.refused).toBe(0);
  });
});

describe('when nine of ten leave', () => {
  const leaving = (isLeavingTidily: boolean, storeMs: number) =>
    shared({
      clients: 10,
      durationMs: 600_000,
      storeMs,
      leaveAtMs: (client) => (client === 0 ? null : 300_000),
      isLeavingTidily,
    });
  const afterwards = (run: FleetResult) =>
    (run.acceptedAtMs[0] ?? []).filter((atMs) => atMs > 300_000).map((atMs) => atMs - 300_000);

  test.each([
    ['give their slots back', true, 0.3],
    ['give their slots back to a slow store', true, 100],
    ['crash', false, 0.3],
    ['crash on a slow store', false, 100],
  ])('and %s, the tenth is at full speed within one block', async (_, isTidy, storeMs) => {
    const run = await leaving(isTidy, storeMs);
    const times = afterwards(run);
    // A block of each of the nine, and its own.
    const block = storeMs > 10 ? 6 : 1;
    const settledMs = 10 * block * REFILL_MS;
    const later = times.filter((atMs) => atMs > settledMs);
    const gaps = later.slice(1).map((atMs, at) => atMs - (later[at] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(2 * REFILL_MS);
    // What the nine left unused is found and spent: nothing of the refill is lost.
    expect(times.length).toBeGreaterThanOrEqual(0.97 * (300_000 / REFILL_MS));
    expect(run.refusedShare).toBeLessThanOrEqual(0.05);
  });
});

describe('when others spend the same budget', () => {
  test('what they leave is used, and refusals stay those of a fleet that knows nothing of them', async () => {
    const outsiderEveryMs = 2 * REFILL_MS;
    const run = await shared({ clients: 10, durationMs: 300_000, outsiderEveryMs });
    expect(run.accepted).toBeGreaterThanOrEqual(0.97 * (300_000 / outsiderEveryMs));
    expect(run.refusedShare).toBeLessThanOrEqual(0.5);
  });
});

describe('on a store that fails', () => {
  test.each([1, 2, 3])(
    'now and then, requests and replies lost, nothing is overspent for long (seed %d)',
    async (seed) => {
      const decide = createRandomFaults(seeded(seed), {
        refuse: 0.02,
        loseRequest: 0.05,
        loseReply: 0.05,
        applyLate: 0.05,
        duplicate: 0.05,
        staleRead: 0.1,
        maxDelayMs: 20,
        maxLateMs: 500,
      });
      const run = await shared({ clients: 10, durationMs: 300_000, decide });
      expect(run.refusedShare).toBeLessThanOrEqual(0.05);
      expect(run.usedShare).toBeGreaterThanOrEqual(0.97);
    },
  );
});
