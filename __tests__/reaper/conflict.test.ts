import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../src/base/clock.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createApps, runSweep, START_WALL_MS } from '../support/reaper-harness.ts';
import { failure, type Hook, meta } from '../support/scripted-provider.ts';

/** Somebody else deletes `ids` right before our first deletion. */
function rivalTaking(ids: readonly string[]): Hook<'destroy'> {
  return (call, world) => {
    if (call.n === 1) for (const id of ids) world.delete(id);
    return undefined;
  };
}

describe('a conflict', () => {
  test('with refresh-and-continue costs one fresh list, and no deletion of what that list lacks', async () => {
    const run = await runSweep({
      apps: createApps(20),
      settings: { concurrency: 1, onConflict: 'refresh-and-continue' },
      destroy: rivalTaking(['001', '002', '003', '004', '005']),
    });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      exitCode: 0,
      counts: { deleted: 15, gone: 5 },
      requests: { list: 2, delete: 16, get: 0 },
    });
  });

  test('seen by several workers at once is one conflict', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const run = await runSweep({
      clock,
      apps: createApps(20),
      destroy: async (call, world) => {
        if (call.n === 1) for (const id of ['001', '002', '003', '004']) world.delete(id);
        await sleep(clock, 100);
        return world.delete(call.id as string) ? { kind: 'deleted', meta: meta() } : failure.gone();
      },
    });
    expect(run.result).toMatchObject({ counts: { deleted: 16, gone: 4 }, requests: { list: 2, delete: 20 } });
    // Nobody goes on deleting from the old list while the fresh one is due.
    const relistedAtMs = run.provider.calls.findLast((call) => call.verb === 'list')?.atMs ?? 0;
    const between = run.provider.calls.filter((call) => call.atMs > 0 && call.atMs < relistedAtMs);
    expect(between).toEqual([]);
  });

  test('that comes in late, from before the fresh list, is explained by that list', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const run = await runSweep({
      clock,
      apps: createApps(20),
      settings: { concurrency: 2 },
      destroy: async (call, world) => {
        if (call.n === 1) for (const id of ['001', '002']) world.delete(id);
        await sleep(clock, call.id === '001' ? 10_000 : 3000);
        return world.delete(call.id as string) ? { kind: 'deleted', meta: meta() } : failure.gone();
      },
    });
    expect(run.result).toMatchObject({ counts: { deleted: 18, gone: 2 }, requests: { list: 2, delete: 20 } });
  });

  test('with stop leaves the rest to the other, exit 3', async () => {
    const run = await runSweep({
      apps: createApps(20),
      settings: { concurrency: 1, onConflict: 'stop' },
      destroy: rivalTaking(['001']),
    });
    expect(run.result).toMatchObject({
      outcome: 'incomplete',
      reason: 'conflict',
      exitCode: 3,
      counts: { gone: 1, deferred: 19 },
      requests: { list: 1, delete: 1 },
    });
  });

  test('with stop on the very last app changes nothing', async () => {
    const run = await runSweep({
      apps: createApps(1),
      settings: { onConflict: 'stop' },
      destroy: rivalTaking(['001']),
    });
    expect(run.result).toMatchObject({ outcome: 'reaped', exitCode: 0 });
  });

  test('with stop-if-under-limit stops where there is room, without another list', async () => {
    const run = await runSweep({
      apps: createApps(20),
      settings: { concurrency: 1, onConflict: 'stop-if-under-limit', limit: 19 },
      destroy: rivalTaking(['001']),
    });
    expect(run.result).toMatchObject({
      reason: 'conflict',
      counts: { gone: 1, deferred: 19 },
      requests: { list: 1, delete: 1 },
    });
  });

  test('with stop-if-under-limit goes on where there is none yet', async () => {
    const run = await runSweep({
      apps: createApps(20),
      settings: { concurrency: 1, onConflict: 'stop-if-under-limit', limit: 10 },
      destroy: rivalTaking(['001']),
    });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      counts: { deleted: 19, gone: 1 },
      requests: { list: 2 },
    });
  });

  test('after conflict pauses longer, by chance, and shortly again after a success of its own', async () => {
    const rival =
      (isLost: (n: number) => boolean): Hook<'destroy'> =>
      (call, world) => {
        if (isLost(call.n)) world.delete(call.id as string);
        return undefined;
      };
    const settings = { concurrency: 1 };
    const always = await runSweep({ apps: createApps(12), settings, destroy: rival(() => true) });
    const sometimes = await runSweep({ apps: createApps(24), settings, destroy: rival((n) => n % 2 === 1) });
    expect(always.result.counts.gone).toBe(12);
    expect(sometimes.result.counts).toMatchObject({ gone: 12, deleted: 12 });
    // Eleven pauses of at most a second each, against eleven that double.
    expect(sometimes.tookMs).toBeLessThanOrEqual(12_000);
    expect(always.tookMs).toBeGreaterThan(sometimes.tookMs);
  });

  test('whose fresh list stays partial lets absence decide nothing: each app is read by itself', async () => {
    const run = await runSweep({
      apps: createApps(3),
      settings: { concurrency: 1 },
      destroy: rivalTaking(['001']),
      list: (call) =>
        call.n === 1 ? undefined : { kind: 'page', meta: meta(), apps: [], next: null, broken: 'cut' },
    });
    expect(run.result).toMatchObject({ counts: { gone: 1, deleted: 2 }, requests: { get: 2, delete: 3 } });
  });

  test('whose fresh list is refused for the credential stops', async () => {
    const run = await runSweep({
      apps: createApps(3),
      settings: { concurrency: 1 },
      destroy: rivalTaking(['001']),
      list: (call) => (call.n === 1 ? undefined : failure.unauthorized()),
    });
    expect(run.result).toMatchObject({ exitCode: 5, counts: { gone: 1, deferred: 2 } });
  });
});
