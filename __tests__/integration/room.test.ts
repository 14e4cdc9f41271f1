// Room as creators meet it: a provider with a limit, a store between them, and virtual time. Every request is recorded, so that
// who listed, who created and who waited is seen, not believed.
import { afterEach, describe, expect, test } from '@jest/globals';
import { appLeaseKey } from '../../src/app/app-lease.ts';
import { withRoom } from '../../src/app/room.ts';
import type { RoomOptions } from '../../src/app/room-contract.ts';
import { sleep } from '../../src/base/clock.ts';
import { IndeterminateError } from '../../src/base/errors.ts';
import type { LeaseManager } from '../../src/lease/contract.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import type { App, Provider } from '../../src/provider/contract.ts';
import { RoomFullError } from '../../src/reaper/room.ts';
import { encodeRoom, parseRoom } from '../../src/reaper/room-record.ts';
import { createKey } from '../../src/store/key.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { createFaultyNetwork, createRandomFaults, type FaultDecider } from '../support/faulty-store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import {
  createApp,
  createSettings,
  drive,
  HOUR_MS,
  MINUTE_MS,
  START_WALL_MS,
} from '../support/reaper-harness.ts';
import { createScriptedProvider } from '../support/scripted-provider.ts';

const ROOM_KEY = createKey('default', 'room', 'scripted-scripted-account');
const LEASE_KEY = createKey('default', 'reap', 'scripted-scripted-account');

const managers: LeaseManager[] = [];
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.close()));
});

function setUp({ apps, limit, decide }: { apps: readonly App[]; limit: number; decide?: FaultDecider }) {
  const clock = createManualClock({ wallStartMs: START_WALL_MS });
  const network = createFaultyNetwork({ clock, ...(decide ? { decide } : {}) });
  const scripted = createScriptedProvider({ clock, apps, latencyMs: 50 });
  const provider: Provider = {
    ...scripted,
    classifyLimit: ({ status, body }) => (status === 422 && body.includes('limit') ? { limit } : null),
  };
  const counts = { created: 0, refused: 0, most: 0 };
  /** The provider's creation: refuses beyond the limit, as Heroku does. */
  const createNamed = async (name: string, ms = 100): Promise<App> => {
    await sleep(clock, ms);
    if (scripted.world.size >= limit) {
      counts.refused += 1;
      throw Object.assign(new Error('422'), {
        status: 422,
        body: `{"message":"the limit of ${limit} apps"}`,
      });
    }
    const app = createApp(name, { createdAtMs: clock.wallMs() });
    scripted.world.set(name, app);
    counts.created += 1;
    counts.most = Math.max(counts.most, scripted.world.size);
    return app;
  };
  const messages: string[] = [];
  const optionsOf = (name: string, overrides: Partial<RoomOptions> = {}): RoomOptions => {
    const store = network.open(name);
    const manager = createLeaseManager({ store, clock });
    managers.push(manager);
    const say = (message: string) => void messages.push(message);
    return {
      store,
      manager,
      settings: createSettings({ olderThanMs: HOUR_MS }),
      pace: createThrottle({ settings: { emissionIntervalMs: 1, burst: 1000, reserve: 0 }, clock }),
      holder: { text: name, host: 'h', pid: 1 },
      clock,
      logger: { error: say, warn: say, info: say, debug: () => undefined },
      pollMs: 1000,
      leaseMs: 10_000,
      ...overrides,
    };
  };
  const creator = (name: string, overrides: Partial<RoomOptions> = {}) =>
    withRoom(provider, () => createNamed(name), optionsOf(name, overrides));
  const room = () => {
    const entry = network.backend.read(ROOM_KEY);
    return entry && parseRoom(ROOM_KEY, entry.value);
  };
  return { clock, network, scripted, provider, counts, createNamed, creator, optionsOf, room, messages };
}

const stale = (count: number) =>
  Array.from({ length: count }, (_, at) => createApp(`old-${at}`, { ageMs: 2 * HOUR_MS + at * 1000 }));
const young = (count: number, ageMs = MINUTE_MS) =>
  Array.from({ length: count }, (_, at) => createApp(`young-${at}`, { ageMs: ageMs + at * 1000 }));
const settleAll = <T>(works: readonly Promise<T>[]) => Promise.allSettled(works);

describe('whoever creates in an account that is not full', () => {
  test('costs nothing: no listing, no request to the store', async () => {
    const world = setUp({ apps: stale(3), limit: 5 });
    const place = await drive(world.clock, world.creator('new'));
    expect(place.value.id).toBe('new');
    expect(world.scripted.calls).toEqual([]);
    expect(world.network.changes).toEqual([]);
  });

  test('gets any other failure as it is: nothing is listed or deleted for it', async () => {
    const world = setUp({ apps: stale(5), limit: 5 });
    const failure = Object.assign(new Error('Name is already taken'), {
      status: 422,
      body: '{"message":"taken"}',
    });
    const work = withRoom(world.provider, () => Promise.reject(failure), world.optionsOf('new'));
    await expect(drive(world.clock, work)).rejects.toBe(failure);
    expect(world.scripted.calls).toEqual([]);
    expect(world.scripted.world.size).toBe(5);
  });

  test('may hand out a Response instead of throwing; its refusal is understood, and its body still readable', async () => {
    const world = setUp({ apps: stale(5), limit: 5 });
    let calls = 0;
    const create = async () => {
      calls += 1;
      return new Response(calls === 1 ? 'the limit of 5 apps' : 'made', { status: calls === 1 ? 422 : 201 });
    };
    const place = await drive(world.clock, withRoom(world.provider, create, world.optionsOf('new')));
    expect(await place.value.text()).toBe('made');
    expect(calls).toBe(2);
  });
});

describe('creators in a full account', () => {
  test('list once between them, sweep what is stale, and each gets a place of its own', async () => {
    const world = setUp({ apps: [...stale(8), ...young(2)], limit: 10 });
    const names = Array.from({ length: 6 }, (_, at) => `new-${at}`);
    const places = await drive(world.clock, Promise.all(names.map((name) => world.creator(name))));
    expect(places.map((place) => place.value.id)).toEqual(names);
    expect(world.scripted.countOf('list')).toBe(1);
    // Each was refused once, and nobody ever again.
    expect(world.counts).toMatchObject({ created: 6, refused: 6 });
    expect(world.counts.most).toBeLessThanOrEqual(10);
    expect(world.room()).toMatchObject({ free: 2, claims: [] });
  });

  test('two of them never use one place: the second ends with who holds the places', async () => {
    const world = setUp({ apps: [...stale(1), ...young(4)], limit: 5 });
    const [one, two] = await drive(world.clock, settleAll([world.creator('a'), world.creator('b')]));
    expect(new Set([one?.status, two?.status])).toEqual(new Set(['fulfilled', 'rejected']));
    const lost = [one, two].find((end) => end?.status === 'rejected') as PromiseRejectedResult;
    expect(lost.reason).toBeInstanceOf(RoomFullError);
    expect(world.counts).toMatchObject({ created: 1, refused: 2 });
    expect(world.scripted.countOf('list')).toBe(1);
    expect(world.room()?.claims).toEqual([]);
  });

  test('with the limit alone make room for all who wait, not for one after the other', async () => {
    const world = setUp({ apps: young(10, 30 * MINUTE_MS), limit: 10 });
    const settings = createSettings({ olderThanMs: null });
    const works = ['a', 'b', 'c'].map((name) => world.creator(name, { settings }));
    await drive(world.clock, Promise.all(works));
    expect(world.counts.created).toBe(3);
    expect(world.scripted.countOf('list')).toBeLessThanOrEqual(2);
    expect(world.scripted.countOf('destroy')).toBe(3);
  });

  test('end where what should go cannot go: two listings at most, not one after the other for ever', async () => {
    const world = setUp({ apps: young(5, 30 * MINUTE_MS), limit: 5 });
    const destroy: Provider['destroy'] = async () => ({
      kind: 'forbidden',
      meta: { status: 403 },
      detail: 'no',
    });
    const options = world.optionsOf('a', { settings: createSettings({ olderThanMs: null }) });
    const work = withRoom({ ...world.provider, destroy }, () => world.createNamed('a'), options);
    await expect(drive(world.clock, work)).rejects.toMatchObject({ code: 'limit' });
    expect(world.scripted.countOf('list')).toBe(1);
  });

  test('with nothing stale end at once with who holds the places and when the next falls due, after one listing', async () => {
    const world = setUp({ apps: young(5), limit: 5 });
    const works = ['a', 'b', 'c'].map((name) => world.creator(name));
    const ends = await drive(world.clock, settleAll(works));
    for (const end of ends) {
      const error = (end as PromiseRejectedResult).reason as RoomFullError;
      expect(error).toMatchObject({ code: 'limit', census: { counted: 5, limit: 5 } });
      expect(error.census?.nextDueMs).toBeGreaterThan(58 * MINUTE_MS - 10_000);
      expect(error.message).toMatch(/5 of 5 places.*falls due in 5\d m.*ci-young-4/);
    }
    expect(world.scripted.countOf('list')).toBe(1);
    expect(world.clock.monotonicMs()).toBeLessThan(5000);
    expect(world.room()?.claims).toEqual([]);
  });

  test('wait for an expiry that comes in time, and sweep again then, once between them', async () => {
    const world = setUp({ apps: young(5, HOUR_MS - 60_000), limit: 5 });
    const works = ['a', 'b'].map((name) => world.creator(name));
    const places = await drive(world.clock, Promise.all(works));
    expect(places).toHaveLength(2);
    // The first of them fell due after 56 s, the others a second apart; nobody looked at the provider before.
    expect(
      world.scripted.calls
        .filter((call) => call.verb === 'list')
        .map((call) => Math.floor(call.atMs / 10_000)),
    ).toEqual([0, 5]);
    expect(world.counts.refused).toBe(2);
    expect(world.messages.filter((message) => message.includes('to fall due'))).toHaveLength(2);
  });

  test('go on where the store forgot the room meanwhile: nobody counts the same account over and over', async () => {
    const world = setUp({ apps: young(5, HOUR_MS - 60_000), limit: 5 });
    // Four counts came before.
    const seen = { v: 1, free: 0, claims: [] };
    const census = { number: 4, counted: 5, limit: 5, nextDueMs: null, spare: 0, holders: [] };
    world.network.backend.write(ROOM_KEY, null, JSON.stringify({ ...seen, census }));
    const run = async () => {
      const creating = Promise.all([world.creator('a'), world.creator('b')]);
      await sleep(world.clock, 20_000);
      world.network.backend.write(ROOM_KEY, world.network.backend.read(ROOM_KEY)?.revision ?? null, null);
      await creating;
    };
    await drive(world.clock, run());
    expect(
      world.scripted.calls
        .filter((call) => call.verb === 'list')
        .map((call) => Math.floor(call.atMs / 10_000)),
    ).toEqual([0, 5]);
    expect(world.room()).toMatchObject({ census: { number: 6 }, claims: [] });
  });

  test('wake on a place that is given back, long before the next expiry', async () => {
    const world = setUp({ apps: young(4, HOUR_MS - 300_000), limit: 5 });
    const run = async () => {
      const first = await world.creator('first');
      const waiting = world.creator('second');
      await sleep(world.clock, 20_000);
      world.scripted.world.delete('first');
      await first.giveBack();
      await waiting;
      return world.clock.monotonicMs();
    };
    const tookMs = await drive(world.clock, run());
    expect(tookMs).toBeLessThan(21_000);
    expect(world.scripted.countOf('list')).toBe(1);
  });

  test('wait for a release to the end of their time only where they were told to expect one', async () => {
    const world = setUp({ apps: young(5), limit: 5 });
    const work = world.creator('a', { isReleaseExpected: true, timeoutMs: 30_000 });
    await expect(drive(world.clock, work)).rejects.toMatchObject({ code: 'limit', census: { counted: 5 } });
    expect(Math.round(world.clock.monotonicMs() / 1000)).toBe(30);
  });

  test('give a place back where the creation fails for another reason: the next one gets it without a listing', async () => {
    const world = setUp({ apps: [...stale(1), ...young(4)], limit: 5 });
    let calls = 0;
    const failing = withRoom(
      world.provider,
      async () => {
        calls += 1;
        if (calls === 1) return await world.createNamed('never');
        await sleep(world.clock, 3000);
        throw new Error('no such stack');
      },
      world.optionsOf('failing'),
    );
    const second = async () => {
      await sleep(world.clock, 1500);
      return await world.creator('second');
    };
    const [one, two] = await drive(world.clock, settleAll<unknown>([failing, second()]));
    expect(one).toMatchObject({ status: 'rejected', reason: { message: 'no such stack' } });
    expect(two?.status).toBe('fulfilled');
    expect(world.scripted.countOf('list')).toBe(1);
  });

  test('count anew when somebody outside takes the place that was free', async () => {
    const world = setUp({ apps: [...stale(2), ...young(4)], limit: 5 });
    world.scripted.world.delete('young-3');
    let calls = 0;
    const create = async () => {
      calls += 1;
      // An outsider is faster, once.
      if (calls === 2)
        for (const id of ['x', 'y']) world.scripted.world.set(id, createApp(id, { ageMs: 2 * HOUR_MS }));
      return await world.createNamed('mine');
    };
    const place = await drive(world.clock, withRoom(world.provider, create, world.optionsOf('mine')));
    expect(place.value.id).toBe('mine');
    expect(world.scripted.countOf('list')).toBe(2);
  });

  test('are not held up by one that crashed with a place in hand: what it did is counted, not believed', async () => {
    const world = setUp({ apps: [...stale(2), ...young(3)], limit: 5 });
    // It took a place and died: its claim stands, the app never came.
    const claim = { nonce: 'dead', seq: 3, leaseMs: 10_000, state: 'creating', holder: 'dead job' };
    world.network.backend.write(
      ROOM_KEY,
      null,
      JSON.stringify({ v: 1, free: 0, census: null, claims: [claim] }),
    );
    const one = await drive(world.clock, world.creator('a'));
    expect(one.value.id).toBe('a');
    // Of two places that came free one is kept for the claim, until it was seen unchanged for its lease.
    expect(world.room()).toMatchObject({ free: 0 });
    const settings = createSettings({ olderThanMs: HOUR_MS });
    world.scripted.world.set('filler', createApp('filler', { ageMs: MINUTE_MS }));
    const patient = world.creator('b', { settings, isReleaseExpected: true, timeoutMs: 60_000 });
    await expect(drive(world.clock, patient)).rejects.toThrow(/full/);
    expect(world.room()?.claims.map((each) => each.nonce)).toEqual([]);
  });

  test('wait for whoever sweeps already, and leave the lease alone', async () => {
    const world = setUp({ apps: stale(5), limit: 5 });
    const other = createLeaseManager({ store: world.network.open('other'), clock: world.clock });
    managers.push(other);
    const run = async () => {
      const tried = await other.tryAcquire(LEASE_KEY, {
        leaseMs: 60_000,
        holder: { text: 'a plain sweep', host: 'h', pid: 2 },
      });
      if (!tried.acquired) throw new Error('it should be free');
      const creating = world.creator('new');
      await sleep(world.clock, 5000);
      const listsBefore = world.scripted.countOf('list');
      for (const app of stale(5)) world.scripted.world.delete(app.id);
      await tried.lease.release();
      await creating;
      return listsBefore;
    };
    expect(await drive(world.clock, run())).toBe(0);
    expect(world.messages.join('\n')).toMatch(/waiting for a plain sweep/);
    expect(world.clock.monotonicMs()).toBeLessThan(7000);
  });

  test('look again once they have the lease: what somebody counted in the last moment is not counted twice', async () => {
    const world = setUp({ apps: stale(5), limit: 5 });
    const options = world.optionsOf('new');
    const manager: LeaseManager = {
      ...options.manager,
      async tryAcquire(key, request) {
        // Between the look at the room and the lease, another one finished.
        const entry = world.network.backend.read(ROOM_KEY);
        const seen = parseRoom(ROOM_KEY, entry?.value ?? '');
        world.scripted.world.delete('old-0');
        world.network.backend.write(ROOM_KEY, entry?.revision ?? null, encodeRoom({ ...seen, free: 1 }));
        return await options.manager.tryAcquire(key, request);
      },
    };
    const work = withRoom(world.provider, () => world.createNamed('new'), { ...options, manager });
    expect((await drive(world.clock, work)).value.id).toBe('new');
    expect(world.scripted.countOf('list')).toBe(0);
  });

  test.each([1, 2, 3, 4])('get through a store that loses requests and replies (seed %d)', async (seed) => {
    let state = seed * 7919;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const decide = createRandomFaults(random, {
      loseRequest: 0.05,
      loseReply: 0.08,
      maxDelayMs: 20,
      dropEdge: 0.2,
    });
    const world = setUp({ apps: [...stale(6), ...young(4)], limit: 10, decide });
    const works = Array.from({ length: 5 }, (_, at) => world.creator(`new-${at}`, { timeoutMs: 300_000 }));
    const ends = await drive(world.clock, settleAll(works), { isClockShared: true });
    const rejected = ends
      .filter((end) => end.status === 'rejected')
      .map((end) => end.reason as { code?: string });
    // A call that got no answer is made again. Where it stayed unknown whether an app is in use, that app stays.
    for (const reason of rejected) expect(reason.code).toBe('limit');
    expect(world.counts.most).toBeLessThanOrEqual(10);
    expect(world.counts.created).toBe(ends.length - rejected.length);
    // A place too few costs a count, never a fight: refusals beyond everybody's first come from lost accounting alone.
    expect(world.counts.refused).toBeLessThanOrEqual(ends.length + 2);
  });

  test('keep what was created where the store fails afterwards', async () => {
    const world = setUp({ apps: stale(5), limit: 5 });
    const options = world.optionsOf('new');
    let isDown = false;
    const store: RoomOptions['store'] = {
      ...options.store,
      get: (key, call) =>
        isDown ? Promise.reject(new IndeterminateError('down')) : options.store.get(key, call),
    };
    const create = async () => {
      const app = await world.createNamed('new');
      isDown = true;
      return app;
    };
    const place = await drive(world.clock, withRoom(world.provider, create, { ...options, store }));
    expect(place.value.id).toBe('new');
    expect(world.messages.join('\n')).toMatch(/was not taken out: .*down/);
  });
});

describe('an app whose owner holds a lease on it', () => {
  test('lives whatever its age; without the lease it goes', async () => {
    const world = setUp({ apps: stale(3), limit: 3 });
    const owner = createLeaseManager({ store: world.network.open('owner'), clock: world.clock });
    managers.push(owner);
    const run = async () => {
      const key = appLeaseKey('default', world.provider, 'old-2');
      const tried = await owner.tryAcquire(key, {
        leaseMs: 10_000,
        holder: { text: 'owner', host: 'h', pid: 3 },
      });
      const place = await world.creator('new');
      const livesOn = world.scripted.world.has('old-2');
      if (tried.acquired) await tried.lease.release();
      return { place, livesOn };
    };
    const { place, livesOn } = await drive(world.clock, run());
    expect(livesOn).toBe(true);
    expect(world.scripted.destroyedIds().sort()).toEqual(['old-0', 'old-1']);
    expect(place.value.id).toBe('new');
  });

  test('is held from its creation until it is given back', async () => {
    const world = setUp({ apps: [], limit: 3 });
    const run = async () => {
      const place = await world.creator('mine', { idOf: (app: App) => app.id });
      const key = appLeaseKey('default', world.provider, 'mine');
      const held = world.network.backend.read(key)?.value;
      await place.giveBack();
      return { held, after: world.network.backend.read(key)?.value };
    };
    const { held, after } = await drive(world.clock, run());
    expect(JSON.parse(held ?? '{}')).toMatchObject({
      state: 'held',
      entries: [{ holder: { text: 'mine' } }],
    });
    expect(JSON.parse(after ?? '{}')).toMatchObject({ state: 'free' });
  });
});
