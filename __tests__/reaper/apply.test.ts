import { describe, expect, test } from '@jest/globals';
import { CancelledError } from '../../src/base/errors.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { createManualClock } from '../support/manual-clock.ts';
import {
  createApp,
  createApps,
  createPermit,
  MINUTE_MS,
  runSweep,
  START_WALL_MS,
} from '../support/reaper-harness.ts';
import { failure } from '../support/scripted-provider.ts';

const isOnce = (ids: readonly string[]) => new Set(ids).size === ids.length;

describe('deleting an app', () => {
  // Row 10.
  test('that answers 404 is gone: a success, and the conflict is answered once', async () => {
    const run = await runSweep({
      apps: createApps(10),
      settings: { concurrency: 1 },
      destroy: (call, world) => {
        if (call.id !== '003') return undefined;
        world.delete('003');
        return failure.gone();
      },
    });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      exitCode: 0,
      counts: { eligible: 10, deleted: 9, gone: 1 },
      requests: { list: 2, delete: 10, get: 0 },
    });
    expect(run.outcomeOf('003')).toBe('gone');
  });

  // Row 11 and target 5.
  test('that is forbidden for ever is quarantined; the ten others go, within 14 requests, exit 5', async () => {
    const run = await runSweep({
      apps: createApps(11),
      capabilities: { openRequests: 1 },
      destroy: (call) => (call.id === '001' ? failure.forbidden() : undefined),
    });
    expect(run.result).toMatchObject({
      outcome: 'incomplete',
      reason: 'forbidden',
      exitCode: 5,
      counts: { deleted: 10, forbidden: 1 },
    });
    expect(run.provider.calls.length).toBeLessThanOrEqual(14);
    expect(run.provider.calls.filter((call) => call.id === '001').map((call) => call.verb)).toEqual([
      'destroy',
      'get',
    ]);
  });

  // Row 12.
  test('that is forbidden because somebody else just deleted it is gone, told apart by one read', async () => {
    const run = await runSweep({
      apps: createApps(1),
      destroy: (call, world) => {
        world.delete(call.id as string);
        return failure.forbidden();
      },
    });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      exitCode: 0,
      counts: { gone: 1 },
      requests: { get: 1, delete: 1 },
    });
  });

  test('that is forbidden to read as well stays forbidden', async () => {
    const run = await runSweep({
      apps: createApps(1),
      destroy: () => failure.forbidden(),
      get: () => failure.forbidden(),
    });
    expect(run.result).toMatchObject({
      exitCode: 5,
      counts: { forbidden: 1 },
      requests: { get: 1, delete: 1 },
    });
  });

  // Row 12, the other half: the provider classified it as throttling by its headers.
  test('that is refused for the rate is sent again and not held against it', async () => {
    const run = await runSweep({
      apps: createApps(1),
      destroy: (call) => (call.n <= 4 ? failure.throttled(2000) : undefined),
    });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      counts: { deleted: 1 },
      requests: { delete: 5, get: 0 },
    });
    expect(run.tookMs).toBeGreaterThanOrEqual(8000);
  });

  // Row 13.
  test('that is unauthorized stops everything at once, exit 5', async () => {
    const run = await runSweep({
      apps: createApps(20),
      settings: { concurrency: 1 },
      destroy: (call) => (call.n === 4 ? failure.unauthorized() : undefined),
    });
    expect(run.result).toMatchObject({
      outcome: 'failed',
      reason: 'unauthorized',
      exitCode: 5,
      counts: { deleted: 3, failed: 1, deferred: 16 },
      requests: { delete: 4, get: 0 },
    });
  });

  // Rows 15 and 16.
  test.each([
    ['500 to the loser of a race', 500],
    ['a timeout after the server did delete', null],
  ])('with %s is settled by a read: deleted, no conflict', async (_, status) => {
    const run = await runSweep({
      apps: createApps(3),
      settings: { concurrency: 1 },
      destroy: (call, world) => {
        if (call.id !== '001') return undefined;
        world.delete('001');
        return failure.ambiguous(status);
      },
    });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      counts: { deleted: 3, gone: 0 },
      requests: { list: 1, get: 1, delete: 3 },
    });
    expect(run.result.apps.find((app) => app.id === '001')?.reason).toContain('confirmed by a later read');
  });

  test('whose doubtful deletion works in the end late counts as ours', async () => {
    const run = await runSweep({
      apps: createApps(1),
      destroy: (call, world) => {
        if (call.n === 1) return failure.ambiguous();
        world.delete('001');
        return failure.gone();
      },
    });
    expect(run.result.counts).toMatchObject({ deleted: 1, gone: 0 });
  });

  // Target 6.
  test('that fails with 5xx is tried three times at most, with pauses, and never ends the pass', async () => {
    const run = await runSweep({
      apps: createApps(5),
      destroy: (call) => (call.id === '001' ? failure.ambiguous(503) : undefined),
    });
    expect(run.result).toMatchObject({
      outcome: 'incomplete',
      reason: 'failed',
      exitCode: 3,
      counts: { deleted: 4, failed: 1 },
      requests: { delete: 7, get: 3 },
    });
  });

  test('whose state cannot be read either fails after a bounded number of requests', async () => {
    const run = await runSweep({
      apps: createApps(1),
      destroy: () => failure.ambiguous(),
      get: () => failure.ambiguous(),
    });
    expect(run.result).toMatchObject({ exitCode: 3, counts: { failed: 1 }, requests: { delete: 3, get: 6 } });
    expect(run.result.apps[0]?.reason).toContain('its state is unknown');
  });

  test('that is refused as invalid fails without another try', async () => {
    const run = await runSweep({ apps: createApps(1), destroy: () => failure.invalid() });
    expect(run.result).toMatchObject({ exitCode: 3, counts: { failed: 1 }, requests: { delete: 1, get: 0 } });
  });

  // Row 17.
  test('that is accepted is read until it is gone', async () => {
    const run = await runSweep({
      apps: createApps(2),
      destroy: () => failure.accepted(),
      get: (call, world) => {
        const app = world.get(call.id as string);
        return call.nthOfApp < 4 && app
          ? { kind: 'found', meta: { status: 200 }, app: { ...app, state: 'deleting' } }
          : failure.gone();
      },
    });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      counts: { deleted: 2 },
      requests: { delete: 2, get: 8 },
    });
  });

  test('that is accepted and never ends is busy at the deadline', async () => {
    const run = await runSweep({
      apps: createApps(2),
      destroy: (call) => (call.id === '001' ? failure.accepted() : undefined),
    });
    expect(run.result).toMatchObject({
      outcome: 'incomplete',
      reason: 'deadline',
      exitCode: 3,
      counts: { deleted: 1, busy: 1 },
      requests: { delete: 2 },
    });
    expect(run.result.requests.get).toBeLessThan(60);
    expect(run.tookMs).toBe(10 * MINUTE_MS);
  });

  test('whose accepted deletion fails is deleted once more', async () => {
    const run = await runSweep({
      apps: createApps(1),
      destroy: (call) => (call.n === 1 ? failure.accepted() : undefined),
      get: (_call, world) => {
        const app = world.get('001');
        return app
          ? { kind: 'found', meta: { status: 200 }, app: { ...app, state: 'delete-failed' } }
          : failure.gone();
      },
    });
    expect(run.result.counts).toMatchObject({ deleted: 1 });
    expect(run.provider.countOf('destroy')).toBe(2);
  });

  // Row 18.
  test('that is in use is tried once more, after the others', async () => {
    const run = await runSweep({
      apps: createApps(4),
      settings: { concurrency: 1 },
      destroy: (call) => (call.id === '001' && call.nthOfApp === 1 ? failure.busy() : undefined),
    });
    expect(run.provider.destroyedIds()).toEqual(['001', '002', '003', '004', '001']);
    expect(run.result).toMatchObject({ outcome: 'reaped', counts: { deleted: 4 } });
  });

  test('that stays in use is busy after two tries', async () => {
    const run = await runSweep({
      apps: createApps(2),
      destroy: (call) => (call.id === '001' ? failure.busy() : undefined),
    });
    expect(run.result).toMatchObject({
      reason: 'in-use',
      exitCode: 3,
      counts: { deleted: 1, busy: 1 },
      requests: { delete: 3 },
    });
  });

  test('that has children waits until they are gone', async () => {
    const apps = [
      createApp('root'),
      createApp('kid', { parentId: 'root' }),
      createApp('grandkid', { parentId: 'kid' }),
    ];
    const run = await runSweep({ apps, latencyMs: 100 });
    expect(run.provider.destroyedIds()).toEqual(['grandkid', 'kid', 'root']);
    expect(run.result.counts).toMatchObject({ deleted: 3 });
  });

  test('whose child could not be deleted is deferred without a request', async () => {
    const apps = [createApp('root'), createApp('kid', { parentId: 'root' })];
    const run = await runSweep({ apps, destroy: () => failure.invalid() });
    expect(run.provider.destroyedIds()).toEqual(['kid']);
    expect(run.result.counts).toMatchObject({ failed: 1, deferred: 1 });
  });

  test('whose accepted child is gone later goes after it', async () => {
    const apps = [createApp('root'), createApp('kid', { parentId: 'root' })];
    const run = await runSweep({
      apps,
      destroy: (call) => (call.id === 'kid' ? failure.accepted() : undefined),
      get: (call) => (call.id === 'kid' && call.nthOfApp > 2 ? failure.gone() : undefined),
    });
    expect(run.provider.destroyedIds()).toEqual(['kid', 'root']);
    expect(run.result).toMatchObject({ outcome: 'reaped', counts: { deleted: 2 } });
  });

  // Row 14.
  test('asked to wait longer than the budget has left is deferred at once, exit 3', async () => {
    const run = await runSweep({
      apps: createApps(8),
      destroy: (call) => (call.n > 4 ? failure.throttled(3600_000) : undefined),
    });
    expect(run.result).toMatchObject({ outcome: 'incomplete', reason: 'throttled', exitCode: 3 });
    expect(run.result.counts.deleted + run.result.counts.deferred).toBe(8);
    expect(run.tookMs).toBeLessThan(MINUTE_MS);
  });
});

describe('workers that wait for their slot', () => {
  test('do not wait for one that comes after the end of the budget', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const pace = createThrottle({ settings: { emissionIntervalMs: 1000, burst: 1, reserve: 0 }, clock });
    const run = await runSweep({
      clock,
      pace,
      apps: createApps(8),
      destroy: (call) => (call.n === 2 ? failure.throttled(3600_000) : undefined),
    });
    expect(run.result).toMatchObject({
      reason: 'throttled',
      exitCode: 3,
      counts: { deleted: 1, deferred: 7 },
    });
    expect(run.tookMs).toBe(2000);
  });
});

describe('what was read long ago', () => {
  // The pace lets one call go a second, so the last of many would be deleted on a stale reading.
  const slowPace = { emissionIntervalMs: 1000, burst: 1 };

  test('is read again, each by itself, where few are left', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const run = await runSweep({
      clock,
      apps: createApps(2),
      settings: { concurrency: 1 },
      destroy: async (call, world) => {
        if (call.n === 1) await new Promise<void>((resolve) => clock.startTimer(61_000, resolve));
        return world.delete(call.id as string) ? { kind: 'deleted', meta: { status: 200 } } : failure.gone();
      },
    });
    expect(run.result).toMatchObject({ outcome: 'reaped', requests: { list: 1, get: 1, delete: 2 } });
  });

  test('is listed again once where more than two a page are left', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const pace = createThrottle({ settings: { ...slowPace, reserve: 0 }, clock });
    const run = await runSweep({ clock, pace, apps: createApps(100) });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      counts: { deleted: 100 },
      requests: { list: 2, get: 0, delete: 100 },
    });
    for (const call of run.provider.calls.filter((one) => one.verb === 'destroy')) {
      const read = run.provider.calls.findLast((one) => one.verb === 'list' && one.atMs <= call.atMs);
      expect(call.atMs - (read?.atMs ?? 0)).toBeLessThan(60_000);
    }
  });

  test('is not read again where the provider checks it itself', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const pace = createThrottle({ settings: { ...slowPace, reserve: 0 }, clock });
    const run = await runSweep({
      clock,
      pace,
      apps: createApps(100),
      capabilities: { atomicPrecondition: true },
    });
    expect(run.result.requests).toEqual({ list: 1, get: 0, delete: 100, other: 0 });
  });

  // Rows 8 and 9.
  test.each<[string, Parameters<typeof createApp>[1]]>([
    ['was renamed', { name: 'ci-other' }],
    ['was created again (row 8)', { createdAtMs: START_WALL_MS - 10 }],
    ['was deployed again (row 9)', { version: 'v2' }],
    ['is protected now', { isProtected: true }],
    ['is being deleted now', { state: 'deleting' }],
    ['was given away', { inScope: false }],
  ])('and %s meanwhile is changed, not deleted', async (_, overrides) => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const run = await runSweep({
      clock,
      apps: createApps(2),
      settings: { concurrency: 1 },
      destroy: async (call, world) => {
        await new Promise<void>((resolve) => clock.startTimer(61_000, resolve));
        const second = world.get('002');
        if (second) world.set('002', { ...second, ...overrides });
        world.delete(call.id as string);
        return { kind: 'deleted', meta: { status: 200 } };
      },
    });
    expect(run.outcomeOf('002')).toBe('changed');
    expect(run.provider.destroyedIds()).toEqual(['001']);
    expect(run.result).toMatchObject({ outcome: 'reaped', exitCode: 0, counts: { deleted: 1, changed: 1 } });
  });

  test('and re-created under its name with another id is gone; the new one is left alone (row 8)', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const run = await runSweep({
      clock,
      apps: createApps(2),
      settings: { concurrency: 1 },
      destroy: async (call, world) => {
        await new Promise<void>((resolve) => clock.startTimer(61_000, resolve));
        world.delete('002');
        world.set('new', createApp('new', { name: 'ci-002', createdAtMs: START_WALL_MS }));
        world.delete(call.id as string);
        return { kind: 'deleted', meta: { status: 200 } };
      },
    });
    expect(run.outcomeOf('002')).toBe('gone');
    expect(run.provider.destroyedIds()).toEqual(['001']);
    expect(run.provider.world.has('new')).toBe(true);
  });

  test('where calls go less often than readings last ends as deferred, not in endless reading', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const pace = createThrottle({ settings: { emissionIntervalMs: 90_000, burst: 1, reserve: 0 }, clock });
    const run = await runSweep({ clock, pace, apps: createApps(2), timeoutMs: 24 * 3600_000 });
    expect(run.result).toMatchObject({ outcome: 'incomplete', counts: { deferred: 2 } });
    expect(run.result.requests.get).toBeLessThanOrEqual(6);
  });
});

describe('a sweep that is stopped', () => {
  // Row 19.
  test('by the loss of its lease sends nothing more, exit 8', async () => {
    const permit = createPermit();
    const run = await runSweep({
      permit,
      apps: createApps(10),
      settings: { concurrency: 1 },
      destroy: (call) => {
        if (call.n === 3) permit.lose();
        return undefined;
      },
    });
    expect(run.result).toMatchObject({
      outcome: 'incomplete',
      reason: 'lease-lost',
      exitCode: 8,
      counts: { deleted: 3, deferred: 7 },
      requests: { delete: 3 },
    });
  });

  test('by a pause of the whole machine notices at the next app, before sending', async () => {
    const permit = createPermit();
    const run = await runSweep({
      permit,
      apps: createApps(10),
      settings: { concurrency: 1 },
      destroy: (call) => {
        if (call.n === 3) permit.lose({ quietly: true });
        return undefined;
      },
    });
    expect(run.result).toMatchObject({ exitCode: 8, counts: { deleted: 3, deferred: 7 } });
  });

  test('by a lost lease does not even read what a doubtful deletion came to', async () => {
    const permit = createPermit();
    const run = await runSweep({
      permit,
      apps: createApps(1),
      destroy: () => {
        permit.lose({ quietly: true });
        return failure.ambiguous();
      },
    });
    expect(run.result).toMatchObject({ exitCode: 8, counts: { failed: 1 }, requests: { get: 0, delete: 1 } });
  });

  // Row 22.
  test.each([
    ['SIGINT' as const, 130],
    ['SIGTERM' as const, 143],
  ])(
    'by %s finishes the calls under way, starts none, and reports what it did with exit %d',
    async (signalName, exitCode) => {
      const interrupt = new AbortController();
      const run = await runSweep({
        apps: createApps(10),
        settings: { concurrency: 2 },
        latencyMs: 200,
        interrupt: interrupt.signal,
        destroy: (call) => {
          if (call.n === 3) interrupt.abort(new CancelledError('interrupted', { signalName }));
          return undefined;
        },
      });
      expect(run.result).toMatchObject({ outcome: 'incomplete', reason: 'interrupted', exitCode });
      expect(run.result.counts).toMatchObject({ deleted: 4, deferred: 6 });
    },
  );

  test('by a signal does not wait for a call that hangs, even one that ignores its own signal', async () => {
    const interrupt = new AbortController();
    const run = await runSweep({
      apps: createApps(3),
      settings: { concurrency: 1 },
      interrupt: interrupt.signal,
      destroy: () => {
        interrupt.abort(new CancelledError('interrupted', { signalName: 'SIGTERM' }));
        return new Promise(() => undefined);
      },
    });
    expect(run.result).toMatchObject({ exitCode: 143, counts: { failed: 1, deferred: 2 } });
    expect(run.result.apps[0]?.reason).toContain('it may be gone');
    expect(run.tookMs).toBeLessThanOrEqual(3000);
  });

  test('by the deadline defers the rest, exit 3', async () => {
    const run = await runSweep({
      apps: createApps(100),
      settings: { concurrency: 1 },
      latencyMs: 1000,
      timeoutMs: 10_500,
    });
    expect(run.result).toMatchObject({ outcome: 'incomplete', reason: 'deadline', exitCode: 3 });
    expect(run.result.counts.deleted).toBe(10);
    expect(run.result.counts.deferred).toBe(90);
  });

  test('by a bug in a provider throws it, once nothing is under way', async () => {
    const sweeping = runSweep({
      apps: createApps(5),
      destroy: (call) => {
        if (call.n === 2) throw new TypeError('a bug');
        return undefined;
      },
    });
    await expect(sweeping).rejects.toThrow('a bug');
  });
});

describe('two reapers without a lock', () => {
  // Row 20.
  test('delete each app once between them, count nothing twice, and both end well', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    const world = new Map(createApps(60).map((app) => [app.id, app]));
    const deletions: string[] = [];
    const shared = {
      clock,
      isClockShared: true,
      apps: [...world.values()],
      latencyMs: 40,
      list: () => ({
        kind: 'page' as const,
        meta: { status: 200, serverNowMs: clock.wallMs() },
        apps: [...world.values()],
        next: null,
      }),
      destroy: (call: { id: string | null }) => {
        if (!world.delete(call.id as string)) return failure.gone();
        deletions.push(call.id as string);
        return { kind: 'deleted' as const, meta: { status: 200 } };
      },
    };
    const [one, two] = await Promise.all(
      [runSweep(shared), runSweep({ ...shared, latencyMs: 55 })].map((run) =>
        run.catch((error: unknown) => error),
      ),
    );
    expect(deletions).toHaveLength(60);
    expect(isOnce(deletions)).toBe(true);
    expect(one).toMatchObject({ result: { outcome: 'reaped', exitCode: 0 } });
    expect(two).toMatchObject({ result: { outcome: 'reaped', exitCode: 0 } });
  });
});
