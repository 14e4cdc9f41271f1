import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../src/base/clock.ts';
import { createManualClock } from '../support/manual-clock.ts';
import {
  createApp,
  createApps,
  HOUR_MS,
  MINUTE_MS,
  runSweep,
  START_WALL_MS,
} from '../support/reaper-harness.ts';
import { failure, meta } from '../support/scripted-provider.ts';

describe('a sweep', () => {
  // Target 1.
  test('costs one listing a page and one deletion an app, and no second reading', async () => {
    const run = await runSweep({ apps: createApps(40), pageSize: 15, latencyMs: 50 });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      reason: null,
      exitCode: 0,
      counts: { listed: 40, matched: 40, eligible: 40, deleted: 40 },
      requests: { list: 3, get: 0, delete: 40, other: 0 },
    });
    expect(run.provider.world.size).toBe(0);
    expect(new Set(run.provider.destroyedIds()).size).toBe(40);
    expect(run.permit.asserted).toBe(43);
  });

  // Target 7.
  test('deletes as many at once as it may, and never more', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS });
    let inFlight = 0;
    let most = 0;
    const run = await runSweep({
      clock,
      apps: createApps(20),
      destroy: async (call, world) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await sleep(clock, 100);
        inFlight -= 1;
        world.delete(call.id as string);
        return { kind: 'deleted', meta: meta() };
      },
    });
    expect(run.result.counts.deleted).toBe(20);
    expect(most).toBe(4);
    expect(run.tookMs).toBeLessThan(520);
  });

  test('deletes the oldest first', async () => {
    const run = await runSweep({ apps: createApps(6).reverse(), settings: { concurrency: 1 } });
    expect(run.provider.destroyedIds()).toEqual(['001', '002', '003', '004', '005', '006']);
  });

  test('with nothing stale is clean, after one listing', async () => {
    const run = await runSweep({ apps: [createApp('1', { ageMs: MINUTE_MS })] });
    expect(run.result).toMatchObject({ outcome: 'clean', exitCode: 0, counts: { young: 1, eligible: 0 } });
    expect(run.provider.calls).toHaveLength(1);
  });

  test('as a plan lists, judges and deletes nothing', async () => {
    const run = await runSweep({ apps: createApps(3), settings: { apply: false } });
    expect(run.result).toMatchObject({
      outcome: 'planned',
      exitCode: 0,
      counts: { eligible: 3, deleted: 0, deferred: 0 },
      requests: { list: 1, get: 0, delete: 0 },
    });
    expect(run.result.apps.map((app) => app.outcome)).toEqual([null, null, null]);
    expect(run.permit.asserted).toBe(0);
  });

  test('counts the one request that opening costs as other', async () => {
    const run = await runSweep({ apps: createApps(1), capabilities: { openRequests: 1 } });
    expect(run.result.requests).toEqual({ list: 1, get: 0, delete: 1, other: 1 });
  });

  const BESIDE = { openRequests: 1, listsWhileOpening: true } as const;

  test('asks for the first page while the account is being read, where the provider can', async () => {
    for (const [capabilities, apart] of [
      [BESIDE, 0],
      [{ openRequests: 1 }, 100],
    ] as const) {
      const run = await runSweep({ apps: createApps(2), capabilities, latencyMs: 100 });
      const [open, list] = ['open', 'list'].map((verb) =>
        run.provider.calls.find((call) => call.verb === verb),
      );
      expect((list?.atMs ?? Number.NaN) - (open?.atMs ?? Number.NaN)).toBe(apart);
      expect(run.result).toMatchObject({ outcome: 'reaped', requests: { list: 1, other: 1, delete: 2 } });
    }
  });

  test('judges nothing by a page whose account turned out unreadable', async () => {
    const run = await runSweep({
      apps: createApps(2),
      capabilities: BESIDE,
      open: () => failure.forbidden(),
    });
    expect(run.result).toMatchObject({
      outcome: 'failed',
      counts: { listed: 0 },
      requests: { delete: 0, other: 1 },
    });
    expect(run.notes().join()).toContain('the account could not be read');
    expect(run.notes().join()).not.toContain('the list is incomplete');
  });

  test('lists again where the first page came before an account that had to be asked twice', async () => {
    const run = await runSweep({
      apps: createApps(2),
      capabilities: BESIDE,
      open: (call) => (call.n === 1 ? failure.ambiguous() : undefined),
      list: (call) => (call.n === 1 ? failure.invalid() : undefined),
    });
    expect(run.result).toMatchObject({ outcome: 'reaped', requests: { list: 2, other: 2, delete: 2 } });
  });

  test('that nobody answers about the account is unavailable, whatever came of the page beside it', async () => {
    const run = await runSweep({
      apps: createApps(2),
      capabilities: BESIDE,
      open: () => failure.ambiguous(503),
      list: () => failure.invalid(),
    });
    expect(run.result).toMatchObject({ outcome: 'failed', reason: 'unavailable', exitCode: 6 });
  });

  test('does not wait for a page when the account was refused', async () => {
    const signals: string[] = [];
    const run = await runSweep({
      capabilities: BESIDE,
      open: () => failure.forbidden(),
      list: () => new Promise(() => signals.push('asked')),
    });
    expect(run.result).toMatchObject({ outcome: 'failed', exitCode: 5 });
    expect([signals, run.tookMs]).toEqual([['asked'], 0]);
  });

  test('asks for no further page once opening turned out to be a bug', async () => {
    let lists = 0;
    const sweeping = runSweep({
      apps: createApps(2),
      capabilities: BESIDE,
      open: () => Promise.reject(new Error('a bug')),
      list: () => {
        lists += 1;
        return failure.ambiguous();
      },
    });
    await expect(sweeping).rejects.toThrow('a bug');
    expect(lists).toBe(1);
  });

  test('does not list again after an answer that has nothing to do with the account', async () => {
    const run = await runSweep({ apps: createApps(2), capabilities: BESIDE, list: () => failure.invalid() });
    expect(run.result).toMatchObject({ counts: { deleted: 0 }, requests: { list: 1, other: 1, delete: 0 } });
  });

  test('tells its progress app by app', async () => {
    const run = await runSweep({ apps: createApps(2), settings: { concurrency: 1 } });
    const apps = run.events.flatMap((event) =>
      event.kind === 'app' ? [[event.app.name, event.done, event.eligible]] : [],
    );
    expect(apps).toEqual([
      ['ci-001', 1, 2],
      ['ci-002', 2, 2],
    ]);
  });

  // Row 24 and target 9.
  test('of a full account with nothing stale: one listing, exit 3, who holds the places and when the next falls due', async () => {
    const apps = [
      createApp('1', { ageMs: 50 * MINUTE_MS }),
      createApp('2', { ageMs: 10 * MINUTE_MS, name: 'ci-\u001b[31mred' }),
      createApp('3', { name: 'production' }),
    ];
    const run = await runSweep({ apps, settings: { limit: 2 } });
    expect(run.result).toMatchObject({
      outcome: 'incomplete',
      reason: 'full',
      exitCode: 3,
      requests: { list: 1, delete: 0 },
    });
    expect(run.notes()).toEqual([
      'full: 3 apps are there, 2 may be; the next falls due in 10 m; places are held by ci-1 (50 m old, not older than 1 h), ' +
        'ci-\\x1b[31mred (10 m old, not older than 1 h), 1 that do not match',
    ]);
  });

  test('a plan of a full account says so, too', async () => {
    const run = await runSweep({
      apps: createApps(3, { isProtected: true }),
      settings: { limit: 1, apply: false },
    });
    expect(run.result).toMatchObject({ outcome: 'incomplete', reason: 'full', exitCode: 3 });
  });

  // Row 29.
  test('with a backlog of 5,300 and a cap deletes the oldest, defers the rest, and the next one goes on', async () => {
    const apps = createApps(5300);
    const first = await runSweep({ apps, pageSize: 1000, settings: { maxDeletes: 25 } });
    expect(first.result).toMatchObject({
      outcome: 'incomplete',
      reason: 'max-deletes',
      exitCode: 3,
      counts: { eligible: 5300, deleted: 25, deferred: 5275 },
    });
    expect(first.provider.destroyedIds().sort()).toEqual(
      apps
        .slice(0, 25)
        .map((app) => app.id)
        .sort(),
    );
    const second = await runSweep({ apps: [...first.provider.world.values()], settings: { maxDeletes: 25 } });
    expect(second.provider.destroyedIds()).toContain('026');
  });

  // Row 5.
  test('takes ages from the provider’s clock, and warns where this machine’s differs', async () => {
    const clock = createManualClock({ wallStartMs: START_WALL_MS + 3 * HOUR_MS });
    const run = await runSweep({
      clock,
      apps: [createApp('1', { ageMs: 30 * MINUTE_MS })],
      serverNowMs: () => START_WALL_MS,
    });
    expect(run.result.counts).toMatchObject({ kept: 1, eligible: 0 });
    expect(run.result.apps[0]?.ageMs).toBe(30 * MINUTE_MS);
    expect(run.notes()).toEqual(["this machine's clock is 3 h ahead; ages are by the provider's"]);
  });

  test('knows no age where the provider sends no time', async () => {
    const run = await runSweep({ apps: createApps(2), serverNowMs: null });
    expect(run.result).toMatchObject({ outcome: 'clean', counts: { unknownAge: 2 } });
    expect(run.notes()).toEqual(['the provider tells no time, so no age is known']);
  });

  test('of several server clocks believes the one that makes apps youngest', async () => {
    let answers = 0;
    const run = await runSweep({
      apps: createApps(2, { createdAtMs: START_WALL_MS - 30 * MINUTE_MS }),
      pageSize: 1,
      serverNowMs: () => START_WALL_MS + (answers++ === 0 ? 0 : 2 * HOUR_MS),
    });
    expect(run.result.counts).toMatchObject({ kept: 2, eligible: 0 });
  });
});

describe('a listing', () => {
  const partial = { outcome: 'incomplete', reason: 'partial-list', exitCode: 3 };

  // Row 1.
  test('of 450 apps over 3 pages survives a page that fails twice', async () => {
    const run = await runSweep({
      apps: createApps(450),
      pageSize: 200,
      list: (call) => (call.n === 2 || call.n === 3 ? failure.ambiguous(500) : undefined),
    });
    expect(run.result).toMatchObject({
      outcome: 'reaped',
      exitCode: 0,
      counts: { deleted: 450 },
      requests: { list: 5 },
    });
  });

  test('whose second page keeps failing deletes nothing and ends with exit 3', async () => {
    const run = await runSweep({
      apps: createApps(450),
      pageSize: 200,
      list: (call) => (call.cursor === null ? undefined : failure.ambiguous(500)),
    });
    expect(run.result).toMatchObject({ ...partial, counts: { listed: 200, eligible: 200, deferred: 200 } });
    expect(run.provider.destroyedIds()).toEqual([]);
    expect(run.result.requests.list).toBe(5);
  });

  test('that no answer ever comes to ends with exit 6', async () => {
    const run = await runSweep({ apps: createApps(3), list: () => failure.ambiguous(null) });
    expect(run.result).toMatchObject({
      outcome: 'failed',
      reason: 'unavailable',
      exitCode: 6,
      requests: { list: 4 },
    });
  });

  test('that fails after the account answered ends with exit 3', async () => {
    const run = await runSweep({ capabilities: { openRequests: 1 }, list: () => failure.ambiguous(502) });
    expect(run.result).toMatchObject(partial);
  });

  // Row 2.
  test.each([
    ['promises more without saying where', { next: null, broken: '206 without Next-Range' }],
    ['repeats its cursor', { next: 'again' }],
  ])('that %s stops and deletes nothing', async (_, answer) => {
    const run = await runSweep({
      apps: createApps(3),
      list: (_call, world) => ({
        kind: 'page',
        meta: meta(206, { serverNowMs: START_WALL_MS }),
        apps: [...world.values()],
        ...answer,
      }),
    });
    expect(run.result).toMatchObject({ ...partial, counts: { eligible: 3, deferred: 3 } });
    expect(run.result.requests.list).toBeLessThanOrEqual(2);
  });

  test('that pages for ever, always with a new cursor, is given up', async () => {
    const run = await runSweep({
      list: (call) => ({ kind: 'page', meta: meta(206), apps: [], next: `cursor-${call.n}` }),
    });
    expect(run.result).toMatchObject(partial);
    expect(run.result.requests.list).toBeLessThanOrEqual(12);
  });

  test('shorter than the provider says is incomplete', async () => {
    const run = await runSweep({
      list: (_call, world) => ({
        kind: 'page',
        meta: meta(),
        apps: [...world.values()],
        next: null,
        total: 5,
      }),
      apps: createApps(3),
    });
    expect(run.result).toMatchObject(partial);
    expect(run.notes()[0]).toContain('3 of 5 apps were listed');
  });

  test('that is incomplete lets the limit decide nothing', async () => {
    const run = await runSweep({
      apps: createApps(5),
      settings: { olderThanMs: null, limit: 1 },
      list: (_call, world) => ({
        kind: 'page',
        meta: meta(),
        apps: [...world.values()],
        next: null,
        broken: 'cut',
      }),
    });
    expect(run.result).toMatchObject({ ...partial, counts: { eligible: 0 } });
  });

  // Row 3.
  test('with an app on two pages counts it once, and one that vanishes between pages is no error', async () => {
    const [first, second, third] = createApps(3);
    const run = await runSweep({
      apps: [first, second, third].filter((app) => app !== undefined),
      list: (call, world) => {
        if (call.cursor === null)
          return {
            kind: 'page',
            meta: meta(200, { serverNowMs: START_WALL_MS }),
            apps: [...world.values()].slice(0, 2),
            next: '2',
          };
        world.delete('003');
        return { kind: 'page', meta: meta(), apps: [...world.values()].slice(1), next: null };
      },
    });
    expect(run.result).toMatchObject({ outcome: 'reaped', counts: { listed: 2, deleted: 2 } });
  });

  test.each([
    ['unauthorized', failure.unauthorized(), { outcome: 'failed', reason: 'unauthorized', exitCode: 5 }],
    ['forbidden', failure.forbidden(), { outcome: 'failed', reason: 'forbidden', exitCode: 5 }],
    ['invalid', failure.invalid(), partial],
  ])('that is %s is asked for once', async (_, answer, expected) => {
    const run = await runSweep({ apps: createApps(3), list: () => answer });
    expect(run.result).toMatchObject({ ...expected, requests: { list: 1, delete: 0 } });
  });

  test('that is always throttled ends after a bounded number of requests', async () => {
    const run = await runSweep({ apps: createApps(3), list: () => failure.throttled() });
    expect(run.result).toMatchObject({ outcome: 'incomplete', reason: 'throttled', exitCode: 3 });
    expect(run.result.requests.list).toBeLessThanOrEqual(6);
  });

  test('cut by the deadline deletes nothing and says deadline', async () => {
    const run = await runSweep({ apps: createApps(450), pageSize: 1, latencyMs: 1000, timeoutMs: 10_000 });
    expect(run.result).toMatchObject({
      outcome: 'incomplete',
      reason: 'deadline',
      exitCode: 3,
      requests: { delete: 0 },
    });
    expect(run.tookMs).toBeLessThanOrEqual(11_000);
  });
});
