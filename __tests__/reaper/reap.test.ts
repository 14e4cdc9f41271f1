// The whole, over the real lease manager and the memory store, in virtual time: who sweeps, who learns, and what is left.
import { describe, expect, test } from '@jest/globals';
import { createDeadline } from '../../src/base/deadline.ts';
import {
  AuthError,
  CancelledError,
  ConfigError,
  CorruptRecordError,
  UnavailableError,
} from '../../src/base/errors.ts';
import { nullLogger } from '../../src/base/logger.ts';
import type { HolderInfo, LeaseManager } from '../../src/lease/contract.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import type { App } from '../../src/provider/contract.ts';
import type { ReapEvent, ReapReport, ReapSettings } from '../../src/reaper/contract.ts';
import { reap } from '../../src/reaper/reap.ts';
import type { ReapOptions } from '../../src/reaper/run.ts';
import { readSweep } from '../../src/reaper/sweep-note.ts';
import { createMemoryBackend, createMemoryStore } from '../../src/store/drivers/memory.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { createManualClock } from '../support/manual-clock.ts';
import {
  createApp,
  createApps,
  createSettings,
  drive,
  HOUR_MS,
  MINUTE_MS,
  START_WALL_MS,
} from '../support/reaper-harness.ts';
import {
  createScriptedProvider,
  type ScriptedProvider,
  type ScriptedProviderOptions,
} from '../support/scripted-provider.ts';

const KEY = 'default/reap/scripted';

interface Party {
  settings?: Partial<ReapSettings>;
  options?: Partial<Pick<ReapOptions, 'identity' | 'everyMs' | 'openProvider'>>;
  whenBusy?: 'skip' | 'wait';
  manager?: Partial<LeaseManager>;
  timeoutMs?: number;
  interrupt?: AbortSignal;
  /** How far this machine's wall clock is ahead. */
  aheadMs?: number;
}

/** Processes that share a store, a provider and a clock. */
function createFleet(script: { apps: readonly App[] } & Omit<Partial<ScriptedProviderOptions>, 'clock'>) {
  const clock = createManualClock({ wallStartMs: START_WALL_MS });
  const backend = createMemoryBackend();
  const provider: ScriptedProvider = createScriptedProvider({ clock, latencyMs: 50, ...script });
  const managers: LeaseManager[] = [];
  const events: ReapEvent[] = [];
  let opened = 0;

  const createManager = () => {
    const manager = createLeaseManager({ store: createMemoryStore({ clock, backend }), clock });
    managers.push(manager);
    return manager;
  };
  const holderOf = (n: number): HolderInfo => ({ text: `job ${n}`, host: `host-${n}`, pid: n });

  const start = async (party: Party = {}): Promise<ReapReport> => {
    const n = managers.length + 1;
    const own = createManager();
    const manager: LeaseManager = { ...own, ...party.manager };
    const deadline = createDeadline({
      clock,
      timeoutMs: party.timeoutMs ?? 10 * MINUTE_MS,
      waitingFor: 'the sweep',
      ...(party.interrupt ? { parent: party.interrupt } : {}),
    });
    const { match, ...settings } = createSettings(party.settings);
    try {
      return await reap({
        settings,
        match: { compile: async () => match },
        lease: {
          manager,
          key: KEY,
          leaseMs: 60_000,
          holder: async () => holderOf(n),
          pollMs: 1000,
          whenBusy: party.whenBusy ?? 'skip',
        },
        identity: 'me',
        everyMs: 10 * MINUTE_MS,
        async openProvider() {
          opened += 1;
          return { provider, pace: createThrottle({ settings: { ...provider.pace, reserve: 0 }, clock }) };
        },
        clock: { ...clock, wallMs: () => clock.wallMs() + (party.aheadMs ?? 0) },
        logger: nullLogger,
        deadline,
        storeRequests: () => 5,
        onEvent: (event) => events.push(event),
        ...party.options,
      });
    } finally {
      deadline.dispose();
    }
  };

  return {
    clock,
    provider,
    events,
    start,
    get opened() {
      return opened;
    },
    run: <T>(work: Promise<T>) => drive(clock, work, { isClockShared: true }),
    close: () => Promise.all(managers.map((manager) => manager.close())),
    createManager,
    holderOf,
    async note(identity = 'me') {
      const view = await createManager().read(KEY);
      return readSweep(view.record?.note ?? {}, identity);
    },
    async isFree() {
      const view = await createManager().read(KEY);
      return view.record?.state === 'free';
    },
  };
}

describe('a reap', () => {
  test('sweeps under the lease, leaves its result, and gives the lease back', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    const report = await fleet.run(fleet.start());
    expect(report).toMatchObject({
      format: 1,
      command: 'reap',
      outcome: 'reaped',
      reason: null,
      counts: { eligible: 5, deleted: 5 },
      requests: { list: 1, get: 0, delete: 5, other: 0, throttled: 0, store: 5 },
      fencingToken: 1,
      holder: null,
      exitCode: 0,
    });
    expect(await fleet.note()).toMatchObject({ outcome: 'reaped', counts: { deleted: 5 } });
    expect(await fleet.isFree()).toBe(true);
    expect(fleet.provider.isClosed).toBe(true);
    expect(fleet.clock.pendingTimers).toBe(0);
    await fleet.close();
  });

  // Row 21: all of them read before anybody sweeps.
  test('asked for by 60 processes at once lists once; the 59 others skip without a provider call', async () => {
    const fleet = createFleet({ apps: createApps(40) });
    const reports = await fleet.run(Promise.all(Array.from({ length: 60 }, () => fleet.start())));
    expect(fleet.provider.countOf('list')).toBe(1);
    expect(fleet.provider.countOf('destroy')).toBe(40);
    expect(fleet.opened).toBe(1);
    expect(reports.filter((report) => report.outcome === 'reaped')).toHaveLength(1);
    const skipped = reports.filter((report) => report.outcome === 'skipped');
    expect(skipped).toHaveLength(59);
    expect(new Set(skipped.map((report) => report.reason))).toEqual(new Set(['busy']));
    expect(
      skipped.every((report) => report.exitCode === 0 && report.holder === 'job 1' && report.waitedMs === 0),
    ).toBe(true);
    await fleet.close();
  });

  test('waited for by 60 processes lists once; the others learn that it is done', async () => {
    const fleet = createFleet({ apps: createApps(40) });
    const reports = await fleet.run(
      Promise.all(Array.from({ length: 60 }, () => fleet.start({ whenBusy: 'wait' }))),
    );
    expect(fleet.provider.countOf('list')).toBe(1);
    expect(reports.filter((report) => report.reason === 'fresh')).toHaveLength(59);
    expect(fleet.opened).toBe(1);
    await fleet.close();
  });

  test('waited for is done when the holder says so, even where its clock is an hour ahead', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    const sweeping = fleet.start({ aheadMs: HOUR_MS });
    const waiting = fleet.start({ whenBusy: 'wait' });
    const [swept, learnt] = await fleet.run(Promise.all([sweeping, waiting]));
    expect(swept).toMatchObject({ outcome: 'reaped' });
    expect(learnt).toMatchObject({ outcome: 'skipped', reason: 'fresh' });
    await fleet.close();
  });

  // Target 2.
  test('inside the window of a done sweep is fresh: no provider call, the provider is not even loaded', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    await fleet.run(fleet.start());
    const sent = fleet.provider.calls.length;
    const again = await fleet.run(fleet.start());
    expect(again).toMatchObject({ outcome: 'skipped', reason: 'fresh', exitCode: 0, fencingToken: null });
    expect(fleet.provider.calls).toHaveLength(sent);
    expect(fleet.opened).toBe(1);
    expect(fleet.events.at(-1)).toMatchObject({
      kind: 'note',
      message: 'swept 0 ms ago: 5 apps were deleted; nothing to do here',
    });

    await fleet.clock.advance(10 * MINUTE_MS);
    expect(await fleet.run(fleet.start())).toMatchObject({ outcome: 'clean' });
    await fleet.close();
  });

  test('that found its note fresh only after obtaining the lease gives it back untouched', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    await fleet.run(fleet.start());
    // This one read the key before the sweep above, and got its turn after it.
    const late = await fleet.run(
      fleet.start({ manager: { read: async () => ({ revision: null, record: null }) } }),
    );
    expect(late).toMatchObject({ outcome: 'skipped', reason: 'fresh', fencingToken: 2 });
    expect(fleet.provider.countOf('list')).toBe(1);
    expect(await fleet.isFree()).toBe(true);
    expect(await fleet.note()).toMatchObject({ outcome: 'reaped' });
    await fleet.close();
  });

  test('of another identity, or with freshness off, sweeps again', async () => {
    const fleet = createFleet({ apps: [] });
    await fleet.run(fleet.start());
    expect(await fleet.run(fleet.start({ options: { identity: 'other' } }))).toMatchObject({
      outcome: 'clean',
    });
    expect(await fleet.run(fleet.start({ options: { everyMs: 0 } }))).toMatchObject({ outcome: 'clean' });
    expect(fleet.provider.countOf('list')).toBe(3);
    await fleet.close();
  });

  test('does not trust a stamp from the future', async () => {
    const fleet = createFleet({ apps: [] });
    await fleet.run(fleet.start());
    fleet.clock.jumpWall(-HOUR_MS);
    expect(await fleet.run(fleet.start())).toMatchObject({ outcome: 'clean' });
    await fleet.close();
  });

  test('that ended incomplete leaves its note, which suppresses nothing', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    expect(await fleet.run(fleet.start({ settings: { maxDeletes: 2 } }))).toMatchObject({
      reason: 'max-deletes',
      exitCode: 3,
    });
    expect(await fleet.note()).toMatchObject({ outcome: 'incomplete', counts: { deleted: 2, deferred: 3 } });
    expect(await fleet.run(fleet.start())).toMatchObject({ outcome: 'reaped', counts: { deleted: 3 } });
    await fleet.close();
  });
});

describe('a full account with nothing stale', () => {
  const young = (count: number, ageMs = MINUTE_MS * 10) =>
    Array.from({ length: count }, (_, at) => createApp(`young-${at}`, { ageMs: ageMs + at * 1000 }));
  const settings = { limit: 5, headroom: 1, olderThanMs: HOUR_MS };
  const party: Party = { whenBusy: 'wait', settings };
  const atOnce = (fleet: ReturnType<typeof createFleet>, count: number, one: Party = party) =>
    fleet.run(Promise.all(Array.from({ length: count }, () => fleet.start(one))));

  test('is listed once for all who wait: each ends with the same outcome, and learns who holds the places', async () => {
    const fleet = createFleet({ apps: young(5) });
    const reports = await atOnce(fleet, 8);
    expect(fleet.provider.countOf('list')).toBe(1);
    expect(fleet.opened).toBe(1);
    for (const report of reports)
      expect(report).toMatchObject({ outcome: 'incomplete', reason: 'full', exitCode: 3 });
    expect(reports.filter((report) => report.requests.list === 0)).toHaveLength(7);
    const told = fleet.events.flatMap((event) => (event.kind === 'note' ? [event.message] : []));
    expect(told.filter((each) => /^full: 5 apps are there, 4 may be/.test(each))).toHaveLength(1);
    expect(
      told.filter((each) =>
        /^counted while this job waited: full: 5 apps.*falls due in 4\d m.*young-/.test(each),
      ),
    ).toHaveLength(7);
    expect(await fleet.isFree()).toBe(true);
    await fleet.close();
  });

  test('is looked at again by whoever asks later, however soon', async () => {
    const fleet = createFleet({ apps: young(5) });
    await atOnce(fleet, 2);
    // A place came free a moment after the count.
    fleet.provider.world.delete('young-0');
    expect(await fleet.run(fleet.start(party))).toMatchObject({ outcome: 'clean', exitCode: 0 });
    expect(fleet.provider.countOf('list')).toBe(2);
    await fleet.close();
  });

  test('is looked at again by who waited, where an app fell due meanwhile', async () => {
    // The list is under way for 50 ms, and the oldest of them falls due 20 ms after its answer.
    const fleet = createFleet({ apps: [createApp('due', { ageMs: HOUR_MS - 70 }), ...young(4)] });
    const reports = await atOnce(fleet, 3);
    expect(reports.map((report) => report.outcome).sort()).toEqual(['incomplete', 'reaped', 'skipped']);
    expect(fleet.provider.countOf('list')).toBe(2);
    expect(fleet.provider.destroyedIds()).toEqual(['due']);
    await fleet.close();
  });

  test('is looked at again once where the sweep took longer than a reading counts, and then learnt', async () => {
    // A list of 21 s and two rounds of deletions: what it found is out of date when it is told. The second has only the list.
    const fleet = createFleet({ apps: [...createApps(5), ...young(5)], latencyMs: 21_000 });
    const reports = await atOnce(fleet, 4, { ...party, timeoutMs: HOUR_MS });
    expect(reports.map((report) => report.reason)).toEqual(['full', 'full', 'full', 'full']);
    expect(reports.filter((report) => report.requests.list === 1)).toHaveLength(2);
    expect(fleet.provider.destroyedIds()).toHaveLength(5);
    await fleet.close();
  });

  test('is learnt by one who got the lease right after; one who only wanted a clean-up still leaves a busy one alone', async () => {
    const fleet = createFleet({ apps: young(5) });
    const [first, second] = await atOnce(fleet, 2, { settings });
    expect(first).toMatchObject({ reason: 'full' });
    expect(second).toMatchObject({ outcome: 'skipped', reason: 'busy', exitCode: 0 });
    // This one had looked before the sweep ended, and got its turn after it.
    const late = await fleet.run(
      fleet.start({ settings, manager: { read: async () => ({ revision: null, record: null }) } }),
    );
    expect(late).toMatchObject({ outcome: 'incomplete', reason: 'full', exitCode: 3, requests: { list: 0 } });
    expect(fleet.provider.countOf('list')).toBe(1);
    await fleet.close();
  });

  test('is listed by each where freshness is off', async () => {
    const fleet = createFleet({ apps: young(5) });
    await atOnce(fleet, 3, { ...party, options: { everyMs: 0 } });
    expect(fleet.provider.countOf('list')).toBe(3);
    await fleet.close();
  });

  test('says nothing to who waits where the sweep was left incomplete for another reason', async () => {
    const fleet = createFleet({ apps: createApps(6) });
    await atOnce(fleet, 2, { whenBusy: 'wait', settings: { maxDeletes: 1, limit: 3 } });
    expect(fleet.provider.countOf('list')).toBe(2);
    await fleet.close();
  });
});

describe('a plan', () => {
  test('takes no lease, leaves no note, and is not held up by a sweep', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    await fleet.run(fleet.createManager().tryAcquire(KEY, { leaseMs: 60_000, holder: fleet.holderOf(99) }));
    const report = await fleet.run(fleet.start({ settings: { apply: false } }));
    expect(report).toMatchObject({
      outcome: 'planned',
      exitCode: 0,
      fencingToken: null,
      counts: { eligible: 5, deleted: 0 },
    });
    expect(await fleet.note()).toBeNull();
    expect(fleet.provider.countOf('destroy')).toBe(0);
    await fleet.close();
  });

  test('does not make a sweep unnecessary, but a sweep makes a plan so', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    await fleet.run(fleet.start({ settings: { apply: false } }));
    expect(await fleet.run(fleet.start())).toMatchObject({ outcome: 'reaped' });
    expect(await fleet.run(fleet.start({ settings: { apply: false } }))).toMatchObject({
      outcome: 'skipped',
      reason: 'fresh',
    });
    await fleet.close();
  });

  test('with freshness off asks the store nothing', async () => {
    const fleet = createFleet({ apps: [] });
    const never = () => Promise.reject(new Error('the store was asked'));
    const party: Party = {
      settings: { apply: false },
      options: { everyMs: 0 },
      manager: { read: never, tryAcquire: never },
    };
    expect(await fleet.run(fleet.start(party))).toMatchObject({ outcome: 'planned' });
    await fleet.close();
  });
});

describe('a busy lease', () => {
  // Target 3.
  test('is skipped at once, naming the holder, without a provider call', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    await fleet.run(fleet.createManager().tryAcquire(KEY, { leaseMs: 60_000, holder: fleet.holderOf(99) }));
    const before = fleet.clock.monotonicMs();
    const report = await fleet.run(fleet.start());
    expect(report).toMatchObject({
      outcome: 'skipped',
      reason: 'busy',
      holder: 'job 99',
      exitCode: 0,
      requests: { list: 0 },
    });
    expect(fleet.clock.monotonicMs() - before).toBeLessThan(1000);
    expect(fleet.provider.calls).toEqual([]);
    await fleet.close();
  });

  test('is waited for on request; the holder’s release ends the wait, not a sleep', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    const manager = fleet.createManager();
    const held = await manager.tryAcquire(KEY, { leaseMs: 60_000, holder: fleet.holderOf(99) });
    if (!held.acquired) throw new Error('it should be free');
    const waiting = fleet.start({ whenBusy: 'wait' });
    await fleet.clock.advance(7300);
    await held.lease.release();
    const report = await fleet.run(waiting);
    expect(report).toMatchObject({ outcome: 'reaped', fencingToken: 2, holder: null });
    expect(report.waitedMs).toBeGreaterThanOrEqual(7290);
    expect(report.waitedMs).toBeLessThan(7400);
    expect(fleet.events).toContainEqual({ kind: 'waiting', holder: 'job 99' });
    await fleet.close();
  });

  test('that is not obtained in time ends with exit 4', async () => {
    const fleet = createFleet({ apps: createApps(5) });
    await fleet.run(fleet.createManager().tryAcquire(KEY, { leaseMs: 60_000, holder: fleet.holderOf(99) }));
    const report = await fleet.run(fleet.start({ whenBusy: 'wait', timeoutMs: 20_000 }));
    expect(report).toMatchObject({
      outcome: 'failed',
      reason: 'busy',
      exitCode: 4,
      holder: 'job 99',
      waitedMs: 20_000,
    });
    await fleet.close();
  });
});

describe('a reap that fails', () => {
  test.each([
    [new UnavailableError('the store is down'), 'unavailable', 6],
    [new AuthError('no permission'), 'auth', 5],
    [new CorruptRecordError('foreign'), 'corrupt-record', 9],
  ])('because of the store (%p) reports it, with no provider call', async (error, reason, exitCode) => {
    const fleet = createFleet({ apps: createApps(5) });
    const report = await fleet.run(fleet.start({ manager: { read: () => Promise.reject(error) } }));
    expect(report).toMatchObject({ outcome: 'failed', reason, exitCode });
    expect(fleet.provider.calls).toEqual([]);
    await fleet.close();
  });

  test.each([
    ['skip', 1, 'reaped'],
    ['skip', 2, 'failed'],
    ['wait', 12, 'reaped'],
    ['wait', 1e9, 'failed'],
  ] as const)('%s: a store that is out of reach for %d calls: %s', async (whenBusy, times, outcome) => {
    const fleet = createFleet({ apps: createApps(2) });
    const own = fleet.createManager();
    for (const verb of ['read', 'tryAcquire'] as const) {
      let failures = 0;
      const broken = (...parts: readonly unknown[]) => {
        failures += 1;
        if (failures <= times) return Promise.reject(new UnavailableError('connection reset'));
        return (own[verb] as (...parts: readonly unknown[]) => Promise<never>)(...parts);
      };
      const report = await fleet.run(
        fleet.start({ whenBusy, manager: { [verb]: broken }, options: { identity: verb } }),
      );
      if (verb === 'read') expect(report.outcome).toBe(outcome);
      expect(report.exitCode).toBe(outcome === 'failed' ? 6 : 0);
      if (outcome === 'failed') expect(fleet.provider.calls).toEqual([]);
    }
    await fleet.close();
  });

  test('because the store stays silent until the end of the budget exits 6, not 4', async () => {
    const fleet = createFleet({ apps: [] });
    const silent: LeaseManager['read'] = (_key, options) =>
      new Promise((_resolve, reject) =>
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error)),
      );
    const report = await fleet.run(fleet.start({ manager: { read: silent }, timeoutMs: 5000 }));
    expect(report).toMatchObject({ outcome: 'failed', reason: 'unavailable', exitCode: 6 });
    await fleet.close();
  });

  test('because of its configuration, or of a bug, throws after giving the lease back', async () => {
    for (const error of [new ConfigError([{ option: '--x', message: 'is wrong' }]), new TypeError('a bug')]) {
      const fleet = createFleet({ apps: createApps(5) });
      const failing = fleet.start({ options: { openProvider: () => Promise.reject(error) } });
      await expect(fleet.run(failing)).rejects.toBe(error);
      expect(await fleet.isFree()).toBe(true);
      await fleet.close();
    }
  });

  // Row 22, with the lease.
  test('because it was terminated gives the lease back within 7 s, with what it did in the note, exit 143', async () => {
    const interrupt = new AbortController();
    let atMs = 0;
    const fleet = createFleet({
      apps: createApps(20),
      destroy: (call) => {
        if (call.n !== 6) return undefined;
        atMs = fleet.clock.monotonicMs();
        interrupt.abort(new CancelledError('terminated', { signalName: 'SIGTERM' }));
        // This call never comes back.
        return new Promise(() => undefined);
      },
    });
    const report = await fleet.run(fleet.start({ interrupt: interrupt.signal }));
    expect(report).toMatchObject({
      outcome: 'incomplete',
      reason: 'interrupted',
      exitCode: 143,
      counts: { failed: 1 },
    });
    expect(report.counts.deleted).toBeGreaterThanOrEqual(5);
    expect(fleet.clock.monotonicMs() - atMs).toBeLessThan(7000);
    expect(await fleet.isFree()).toBe(true);
    expect(await fleet.note()).toMatchObject({ outcome: 'incomplete', counts: { failed: 1 } });
    await fleet.close();
  });

  test('because another took the lease over sends nothing more, exit 8', async () => {
    const fleet = createFleet({
      apps: createApps(20),
      destroy: async (call) => {
        if (call.n === 3) await fleet.createManager().forceRelease(KEY, { holder: fleet.holderOf(99) });
        return undefined;
      },
      latencyMs: 15_000,
    });
    const report = await fleet.run(fleet.start({ settings: { concurrency: 1 } }));
    expect(report).toMatchObject({ outcome: 'incomplete', reason: 'lease-lost', exitCode: 8 });
    expect(report.requests.delete).toBeLessThan(8);
    expect(await fleet.note()).toBeNull();
    await fleet.close();
  });

  // Target 4.
  test('because it was killed costs the next one a second list and only what is left', async () => {
    const fleet = createFleet({
      apps: createApps(20),
      destroy: (call) => (call.n > 10 && call.n <= 14 ? new Promise(() => undefined) : undefined),
    });
    // Killed: it hangs from here on, and its lease is no longer renewed.
    void fleet.start();
    await fleet.clock.advance(1000);
    const deletedBefore = fleet.provider.countOf('destroy');
    await fleet.createManager().forceRelease(KEY, { holder: fleet.holderOf(99) });
    const report = await fleet.run(fleet.start());
    expect(report).toMatchObject({ outcome: 'reaped', counts: { eligible: 10, deleted: 10 } });
    expect(fleet.provider.countOf('list')).toBe(2);
    expect(deletedBefore).toBe(14);
    expect(fleet.provider.countOf('destroy')).toBe(24);
    await fleet.close();
  });

  test('at closing the provider only warns', async () => {
    const fleet = createFleet({ apps: [createApp('1')] });
    const { provider } = fleet;
    const pace = createThrottle({ settings: { ...provider.pace, reserve: 0 }, clock: fleet.clock });
    const unclosable = { ...provider, close: () => Promise.reject(new Error('stuck')) };
    const report = await fleet.run(
      fleet.start({ options: { openProvider: async () => ({ provider: unclosable, pace }) } }),
    );
    expect(report).toMatchObject({ outcome: 'reaped', exitCode: 0 });
    await fleet.close();
  });
});
