// The loop over a store: what a member sees, waits for and writes. Virtual time; the store may be slow, silent or lossy.
import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../src/base/clock.ts';
import { createBoardRegister } from '../../src/gate/register.ts';
import type { Store } from '../../src/store/contract.ts';
import { createEdges } from '../../src/store/edges.ts';
import { createFaultyNetwork, type FaultDecider } from '../support/faulty-store.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';
import {
  appProbe,
  createDatabase,
  createProbe,
  KEY,
  type Member,
  type MemberSettings,
  migrateAtOnce,
  passages,
  startMember,
} from './gate-harness.ts';

const NAMES = ['a', 'b', 'c'];

function createWorld(decide: FaultDecider = () => ({}), seed = 1) {
  const clock = createManualClock({ seed });
  const network = createFaultyNetwork({ clock, decide });
  const database = createDatabase();
  return {
    clock,
    network,
    database,
    start: (name: string, settings: MemberSettings = {}, store: Store = network.open(name)) =>
      startMember(name, { store, clock, database }, settings),
    startAll: (settings: MemberSettings = {}) =>
      NAMES.map((name) => startMember(name, { store: network.open(name), clock, database }, settings)),
  };
}

/** Moves time until they have all ended; fails where they never do. */
async function finish(clock: ManualClock, members: readonly Member[], withinMs = 4_000_000) {
  let ended = false;
  const all = passages(members).finally(() => {
    ended = true;
  });
  all.catch(() => undefined);
  const endMs = clock.monotonicMs() + withinMs;
  while (!ended && clock.monotonicMs() < endMs) await clock.advance(500);
  if (!ended) throw new Error(`still waiting after ${withinMs} ms`);
  return all;
}

/** Drops an edge whose reader is busy: nobody is in select right now, so a non-blocking send is lost. */
function losingEdges(store: Store): Store {
  let busy = 0;
  const during = async <T>(work: Promise<T>) => {
    busy += 1;
    try {
      return await work;
    } finally {
      busy -= 1;
    }
  };
  return {
    ...store,
    get: (key, options) => during(store.get(key, options)),
    compareAndSet: (key, expect, value, options) => during(store.compareAndSet(key, expect, value, options)),
    watch(key, { signal }) {
      const edges = createEdges(signal);
      const watch = store.watch(key, { signal });
      const pump = async () => {
        for await (const _ of watch) if (busy === 0) edges.emit();
      };
      void pump();
      void watch.ready.then(() => edges.connected());
      return edges.watch;
    },
  };
}

describe('three members, schema and API both new, the reconcile interval at 30 s', () => {
  test('all open without a wake-up by timer, with one migration and at most 2N + 1 writes', async () => {
    const { clock, network, database, startAll } = createWorld();
    const members = startAll({ ready: [appProbe({ schema: '42', api: ['x'] })], successes: 2 });
    const ends = await finish(clock, members);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
    expect(ends.map(({ run }) => run.wakeupsByTimer)).toEqual([0, 0, 0]);
    expect(ends.filter(({ run }) => run.committed)).toHaveLength(1);
    expect(database.migrations).toHaveLength(1);
    expect(network.changes.length).toBeLessThanOrEqual(7);
    expect(clock.monotonicMs()).toBeLessThan(5000);
    expect(clock.pendingTimers).toBe(0);
  });

  // Each read of one member takes so long that the others' writes fall between its decision to wait and its wait.
  const slowReader =
    (names: string): FaultDecider =>
    ({ actor, kind }) => ({ replyMs: names.includes(actor) && kind === 'get' ? 40 : 0 });

  test.each(NAMES)(
    'what happens between the decision of %s to wait and its wait is not lost',
    async (name) => {
      const { clock, startAll } = createWorld(slowReader(name));
      const ends = await finish(clock, startAll({ ready: [appProbe({ schema: '42', api: ['x'] })] }));
      expect(ends.map(({ run }) => [run.outcome, run.wakeupsByTimer])).toEqual(NAMES.map(() => ['open', 0]));
      expect(clock.monotonicMs()).toBeLessThan(5000);
    },
  );

  test('microcluster #123: a notification that reaches only who waits at that moment costs 30 s, and shows as a wake-up by timer', async () => {
    const run = async (seed: number, variant: (store: Store) => Store) => {
      const chance = createManualClock({ seed });
      const { clock, start, network } = createWorld(({ kind }) => ({
        replyMs: kind === 'get' ? Math.floor(chance.random() * 60) : 1,
      }));
      const ready = [appProbe({ schema: '42', api: ['x'] })];
      const members = NAMES.map((name) => start(name, { ready }, variant(network.open(name))));
      const ends = await finish(clock, members);
      expect(ends.map((end) => end.run.outcome)).toEqual(['open', 'open', 'open']);
      const waitedMs = Math.max(...ends.map((end) => end.run.waitedMs));
      return { waitedMs, wakeups: ends.reduce((sum, end) => sum + end.run.wakeupsByTimer, 0) };
    };
    const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1);
    const lossy = await Promise.all(seeds.map((seed) => run(seed, losingEdges)));
    const slept = lossy.filter(({ wakeups }) => wakeups > 0);
    expect(slept.length).toBeGreaterThan(0);
    expect(slept.every(({ waitedMs }) => waitedMs > 20_000)).toBe(true);
    // The same schedules, with notifications that are kept until somebody looks.
    const right = await Promise.all(seeds.map((seed) => run(seed, (store) => store)));
    expect(right.filter(({ wakeups, waitedMs }) => wakeups > 0 || waitedMs > 2000)).toEqual([]);
  });

  test('with notifications switched off entirely all open by their reconcile timers', async () => {
    const { clock, startAll } = createWorld(({ kind }) => ({ dropEdge: kind === 'edge' }));
    const ends = await finish(clock, startAll());
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
    expect(Math.max(...ends.map(({ run }) => run.wakeupsByTimer))).toBeGreaterThan(0);
    expect(clock.monotonicMs()).toBeLessThan(120_000);
  });

  test('members that come minutes apart are named while they are missing', async () => {
    const { clock, start } = createWorld();
    const a = start('a');
    await clock.advance(120_000);
    expect(Object.keys(a.boards.at(-1)?.members ?? {})).toEqual(['a']);
    const ends = await finish(clock, [a, start('b'), start('c')]);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
    expect(ends[0]?.run.wakeupsByTimer).toBe(0);
  });
});

describe('who migrates', () => {
  test('a schema that is there already is recorded, not run again', async () => {
    const { clock, database, startAll } = createWorld();
    database.schema = '42';
    const ends = await finish(clock, startAll({ scope: 'environment' }));
    expect(database.migrations).toEqual([]);
    expect(ends[0]?.doc?.commits).toMatchObject([{ how: 'adopted', to: '42' }]);
    expect(ends.filter(({ run }) => run.committed)).toHaveLength(1);
  });

  test('where nobody can migrate or probe the schema counts as there', async () => {
    const { clock, startAll } = createWorld();
    const ends = await finish(clock, startAll({ migrate: null, probesSchema: false }));
    expect(ends[0]?.doc?.commits).toMatchObject([{ how: 'adopted' }]);
    expect(ends.filter(({ run }) => run.committed)).toHaveLength(1);
  });

  test('where all can only probe they wait until somebody outside has migrated', async () => {
    const { clock, database, startAll } = createWorld();
    const members = startAll({ migrate: null });
    await clock.advance(60_000);
    expect(members[0]?.boards.at(-1)?.phase).toBe('schema');
    database.schema = '42';
    const ends = await finish(clock, members);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
    expect(ends[0]?.doc?.commits).toHaveLength(1);
  });

  test('a migration that fails fails all at once, and they hear why', async () => {
    const { clock, startAll } = createWorld();
    const migrate = async () => ({ ok: false as const, message: 'ended with exit code 3: relation exists' });
    const ends = await finish(clock, startAll({ migrate }));
    expect(ends.map(({ run }) => run.failure?.code)).toEqual([
      'commit-failed',
      'commit-failed',
      'commit-failed',
    ]);
    expect(ends.map(({ run }) => run.failure?.message)).toEqual(
      NAMES.map(() => expect.stringContaining('relation exists')),
    );
    expect(ends[0]?.doc?.claim).toBeNull();
    expect(clock.monotonicMs()).toBeLessThan(5000);
  });

  test('a migration that ends well without reaching the target is a failed one', async () => {
    const { clock, startAll } = createWorld();
    const ends = await finish(
      clock,
      startAll({
        async migrate(database) {
          database.schema = '41';
          return { ok: true };
        },
      }),
    );
    expect(ends[0]?.run.failure).toMatchObject({
      code: 'commit-failed',
      message: expect.stringContaining('41'),
    });
  });

  test('a long migration keeps its claim by beats', async () => {
    const { clock, database, startAll } = createWorld();
    let release: (end: { ok: true }) => void = () => undefined;
    const members = startAll({
      leaseMs: 30_000,
      migrate(each, request) {
        return new Promise((resolve) => {
          release = (end) => {
            void migrateAtOnce(each, request);
            resolve(end);
          };
        });
      },
    });
    await clock.advance(300_000);
    expect(database.migrations).toHaveLength(1);
    expect(members[0]?.boards.at(-1)?.claim?.beat).toBeGreaterThan(20);
    release({ ok: true });
    const ends = await finish(clock, members);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
    expect(ends[0]?.doc?.lastToken).toBe(1);
  });

  /** The claim's holder loses its connection for good in the middle of its migration. */
  async function withFrozenCommitter(settings: MemberSettings, isDone: boolean) {
    const world = createWorld();
    const stores = NAMES.map((name) => world.network.open(name));
    let frozen: string | null = null;
    const members = NAMES.map((name, at) =>
      world.start(
        name,
        {
          leaseMs: 30_000,
          migrate(database, request) {
            if (frozen !== null) return migrateAtOnce(database, request);
            frozen = name;
            if (isDone) database.schema = request.to;
            stores[at]?.pause();
            return new Promise(() => undefined);
          },
          ...settings,
        },
        stores[at],
      ),
    );
    await world.clock.advance(1000);
    const alive = members.filter((member) => member.name !== frozen);
    return { ...world, frozen, stores, members, alive };
  }

  test('a committer that froze before migrating is replaced after its lease, and the next token is higher', async () => {
    const { clock, alive, database } = await withFrozenCommitter({}, false);
    const finished = Promise.all(alive.map((member) => member.passage));
    await clock.advance(35_000);
    // The frozen one is still on the board as announced: the gate cannot open without it.
    expect(database.migrations.map(({ token }) => token)).toEqual([1, 2]);
    expect(database.schema).toBe('42');
    await clock.advance(2_000_000);
    const ends = await finished;
    expect(ends.map(({ run }) => run.failure?.code)).toEqual(['timeout', 'timeout']);
    expect(ends[0]?.run.failure?.missing).toHaveLength(1);
    expect(ends[0]?.doc?.commits).toMatchObject([{ token: 2, how: 'ran' }]);
  });

  test('one that froze after migrating is found by the probe: recorded as adopted, run once', async () => {
    const { clock, database, alive } = await withFrozenCommitter({}, true);
    await clock.advance(35_000);
    expect(database.migrations).toHaveLength(1);
    expect(alive[0]?.boards.at(-1)).toMatchObject({ phase: 'api', commits: [{ token: 2, how: 'adopted' }] });
    for (const member of alive) member.interrupt();
    await clock.advance(10_000);
  });

  test('without a probe nobody runs a migration that may be half done: committer-lost', async () => {
    const { clock, database, alive } = await withFrozenCommitter({ probesSchema: false }, false);
    const finished = Promise.all(alive.map((member) => member.passage));
    await clock.advance(35_000);
    const ends = await finished;
    expect(ends.map(({ run }) => run.failure?.code)).toEqual(['committer-lost', 'committer-lost']);
    expect(database.migrations).toHaveLength(1);
  });

  test('on a store without beats silence proves nothing', async () => {
    const { clock, database, alive } = await withFrozenCommitter({ hasBeats: false }, false);
    await clock.advance(600_000);
    expect(database.migrations).toHaveLength(1);
    for (const member of alive) member.interrupt();
    await clock.advance(10_000);
  });

  test('one that was stopped and wakes up again is fenced, and opens with the others', async () => {
    const world = createWorld();
    const stores = new Map(NAMES.map((name) => [name, world.network.open(name)]));
    let wake: () => void = () => undefined;
    const members = NAMES.map((name) =>
      world.start(
        name,
        {
          leaseMs: 30_000,
          async migrate(database, request) {
            if (request.token > 1) return migrateAtOnce(database, request);
            stores.get(name)?.pause();
            await new Promise<void>((resolve) => {
              wake = () => {
                stores.get(name)?.resume();
                resolve();
              };
            });
            return { ok: true };
          },
        },
        stores.get(name),
      ),
    );
    await world.clock.advance(40_000);
    expect(world.database.migrations.map(({ token }) => token)).toEqual([1, 2]);
    wake();
    const ends = await finish(world.clock, members);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
    expect(ends.filter(({ run }) => run.committed).map(({ run }) => run.token)).toEqual([2]);
    expect(ends[0]?.doc?.commits).toHaveLength(1);
  });
});

describe('a member that does not come, or not with the same version', () => {
  test('by the first deadline all return with the same failure, which names exactly the missing', async () => {
    const { clock, start } = createWorld();
    const ends = await finish(clock, [start('a', { timeoutMs: 60_000 }), start('b', { timeoutMs: 90_000 })]);
    const failures = ends.map(({ run }) => run.failure);
    expect(failures[0]).toMatchObject({ code: 'timeout', missing: ['c'], by: 'a' });
    expect(failures[1]).toEqual(failures[0]);
    expect(clock.monotonicMs()).toBeLessThan(62_000);
  });

  test('a job that ended without announcing is named long before the deadline', async () => {
    const { clock, start } = createWorld();
    const jobs = {
      look: async () => ({
        ended: [{ name: 'c', run: '7', attempt: 1, detail: 'its job ended as cancelled' }],
        endedIds: new Set<string>(),
      }),
    };
    const ends = await finish(clock, [start('a', { jobs }), start('b')]);
    expect(ends.map(({ run }) => run.failure)).toEqual([
      expect.objectContaining({ code: 'member-lost', lost: ['c'] }),
      expect.objectContaining({ code: 'member-lost', lost: ['c'] }),
    ]);
    expect(clock.monotonicMs()).toBeLessThan(60_000);
  });

  test('a holder whose job is over is replaced without waiting for a lease, and the gate names it as lost', async () => {
    const { clock, database, start, network } = createWorld();
    const jobs = {
      look: async () => ({
        ended: [{ name: 'c', run: '7', attempt: 1, detail: 'its job ended as cancelled' }],
        endedIds: new Set(['c-7-1']),
      }),
    };
    const settings = { jobs, hasBeats: false };
    const [a, b] = [start('a', settings), start('b', settings)];
    await clock.advance(100);
    const store = network.open('c');
    // Completes the announcements, takes the claim, and dies with it.
    const dies = () => {
      store.pause();
      return new Promise<never>(() => undefined);
    };
    start('c', { migrate: dies }, store);
    const ends = await finish(clock, [a, b]);
    expect(database.migrations.map(({ token }) => token)).toEqual([1, 2]);
    expect(ends.map(({ run }) => run.failure)).toEqual([
      expect.objectContaining({ code: 'member-lost', lost: ['c'] }),
      expect.objectContaining({ code: 'member-lost', lost: ['c'] }),
    ]);
    expect(ends[0]?.doc?.commits).toMatchObject([{ token: 2 }]);
    expect(clock.monotonicMs()).toBeLessThan(150_000);
  });

  test('one that is behind is told at once, and its re-run lets the others pass', async () => {
    const { clock, start } = createWorld();
    const [a, b] = [start('a'), start('b')];
    const c = start('c', { schema: '41' });
    await clock.advance(1000);
    expect((await c.passage).run.failure).toMatchObject({ code: 'behind', behind: ['c'] });
    const again = start('c', { attempt: 2 });
    const ends = await finish(clock, [a, b, again]);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
  });

  test('two that each have what the other lacks are diverged', async () => {
    const { clock, start } = createWorld();
    const a = start('a', { api: ['x'] });
    await clock.advance(100);
    const b = start('b', { api: ['y'] });
    await clock.advance(1000);
    expect((await b.passage).run.failure).toMatchObject({ code: 'diverged' });
    expect((await a.passage).run.failure).toMatchObject({ code: 'diverged' });
  });

  test('a downgrade is refused against what is committed, unless it is meant', async () => {
    const { clock, startAll } = createWorld();
    await finish(clock, startAll({ scope: 'environment' }));
    const refused = await finish(clock, startAll({ scope: 'environment', run: '8', schema: '41' }));
    expect(refused.map(({ run }) => run.failure?.code)).toEqual(NAMES.map(() => 'schema-downgrade'));
    const meant = await finish(
      clock,
      startAll({ scope: 'environment', run: '9', schema: '41', allowDowngrade: true }),
    );
    expect(meant.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
  });
});

describe('running again', () => {
  test('re-running one job after the gate has opened opens it alone, at once', async () => {
    const { clock, startAll, start, database } = createWorld();
    await finish(clock, startAll());
    const [end] = await finish(clock, [start('b', { attempt: 2 })]);
    expect(end?.run).toMatchObject({ outcome: 'open', committed: false });
    expect(database.migrations).toHaveLength(1);
  });

  test('re-running the failed jobs opens it; coming back within the attempt that failed does not', async () => {
    const { clock, start, startAll } = createWorld();
    await finish(clock, [start('a', { timeoutMs: 5000 }), start('b', { timeoutMs: 5000 })]);
    const [late] = await finish(clock, [start('c')]);
    expect(late).toMatchObject({ wasOver: true, run: { failure: { code: 'timeout', missing: ['c'] } } });
    const ends = await finish(clock, startAll({ attempt: 2 }));
    expect(ends.map(({ run }) => [run.outcome, run.epoch])).toEqual(NAMES.map(() => ['open', 2]));
  });

  test('an older incarnation that still lives is superseded by the re-run of its member', async () => {
    const { clock, start } = createWorld();
    const old = start('a', { attempt: 1 });
    await clock.advance(100);
    const members = [start('a', { attempt: 2 }), start('b', { attempt: 2 }), start('c', { attempt: 2 })];
    const ends = await finish(clock, members);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
    expect((await old.passage).run.failure?.code).toBe('superseded');
  });
});

describe('leaving', () => {
  test('a member that is told to stop fails the gate for the others at once', async () => {
    const { clock, start } = createWorld();
    const [a, b] = [start('a'), start('b')];
    await clock.advance(1000);
    a.interrupt('SIGTERM');
    await clock.advance(100);
    expect(await a.passage).toMatchObject({ interrupted: true, run: { failure: { code: 'member-left' } } });
    expect((await b.passage).run.failure).toMatchObject({ code: 'member-left', by: 'a' });
    expect(clock.pendingTimers).toBe(0);
  });

  test('what is not ready for long is told in the log: each answer once, and not more than four times a minute', async () => {
    const { clock, start } = createWorld();
    let asked = 0;
    const answers = (count: number) => (count < 40 ? 'down' : `down ${count}`);
    const probe = createProbe('app', () => ({ status: 'critical', detail: answers(asked++) }));
    const a = start('a', { members: ['a'], ready: [probe] });
    const told = () =>
      a.progress.flatMap((each) =>
        each.kind === 'note' && /not ready/.test(each.message) ? [each.message] : [],
      );
    await clock.advance(14_000);
    expect(told()).toEqual([]);
    await clock.advance(22_000);
    expect(told()).toEqual([expect.stringMatching(/^a is not ready: app: down/)]);
    await clock.advance(60_000);
    expect(told().length).toBeGreaterThan(3);
    expect(told().length).toBeLessThan(7);
    a.interrupt();
    await clock.advance(1000);
  });

  test('with --on-leave wait the others wait for its re-run', async () => {
    const { clock, start } = createWorld();
    const [a, b, c] = [
      start('a', { onLeave: 'wait' }),
      start('b'),
      start('c', { ready: [createProbe('never', () => ({ status: 'critical', detail: 'down' }))] }),
    ];
    await clock.advance(1000);
    c.interrupt();
    await clock.advance(1000);
    expect((await c.passage).interrupted).toBe(true);
    expect((await b.passage).run.failure?.code).toBe('member-left');
    expect((await a.passage).run.failure?.code).toBe('member-left');

    const second = createWorld();
    const [first, left] = [second.start('a'), second.start('b', { onLeave: 'wait' })];
    await second.clock.advance(1000);
    left.interrupt();
    await second.clock.advance(1000);
    expect(first.boards.at(-1)?.members['b']?.state).toBe('left');
    const ends = await finish(second.clock, [first, second.start('b', { attempt: 2 }), second.start('c')]);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
  });

  test('a committer that is told to stop ends its migration and gives the claim back', async () => {
    const { clock, startAll } = createWorld();
    let ended = false;
    const members = startAll({
      migrate: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            ended = true;
            reject(signal.reason as Error);
          });
        }),
    });
    await clock.advance(1000);
    const committer = members.find(({ boards, name }) => boards.at(-1)?.claim?.member === name);
    committer?.interrupt();
    const ends = await finish(clock, members, 8000);
    expect(ended).toBe(true);
    expect(ends.map(({ run }) => run.failure?.code)).toEqual(NAMES.map(() => 'member-left'));
    const end = await committer?.passage;
    expect(end?.doc?.claim).toBeNull();
  });

  test('a store that is silent does not hold up a member that must go', async () => {
    let isSilent = false;
    const { clock, start } = createWorld(() => (isSilent ? { fault: 'blackhole' } : {}));
    const a = start('a');
    await clock.advance(1000);
    isSilent = true;
    a.interrupt();
    await clock.advance(6500);
    expect(await a.passage).toMatchObject({ interrupted: true });
  });
});

describe('a store in trouble', () => {
  test('an outage of 30 s is waited out, and said', async () => {
    let isDown = false;
    const { clock, start } = createWorld(({ kind }) =>
      isDown && kind !== 'edge' ? { fault: 'refuse' } : {},
    );
    const [a, b] = [start('a'), start('b')];
    await clock.advance(1000);
    isDown = true;
    const c = start('c');
    await clock.advance(30_000);
    isDown = false;
    const ends = await finish(clock, [a, b, c]);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
    const notes = c.progress.flatMap((each) => (each.kind === 'note' ? [each.message] : []));
    expect(notes[0]).toContain('does not answer');
    expect(notes).toContain('the store answers again');
  });

  test('at the deadline it is store-unavailable, never open', async () => {
    let isDown = false;
    const { clock, start } = createWorld(({ kind }) =>
      isDown && kind !== 'edge' ? { fault: 'refuse' } : {},
    );
    const a = start('a', { timeoutMs: 60_000 });
    await clock.advance(1000);
    isDown = true;
    const [end] = await finish(clock, [a]);
    expect(end?.run).toMatchObject({ outcome: 'failed', failure: { code: 'store-unavailable' } });
    expect(clock.monotonicMs()).toBeLessThan(70_000);
  });

  test.each(['refuse', 'lose-request', 'lose-reply', 'apply-late', 'duplicate'] as const)(
    'every single write that meets %s is settled: one migration, all open',
    async (fault) => {
      for (let victim = 0; victim < 10; victim += 1) {
        let writes = 0;
        const { clock, database, startAll } = createWorld(({ kind }) =>
          kind === 'compareAndSet' && writes++ === victim ? { fault, lateMs: 700, replyMs: 3 } : {},
        );
        const ends = await finish(clock, startAll());
        expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
        expect(database.migrations).toHaveLength(1);
        expect(ends.filter(({ run }) => run.committed)).toHaveLength(1);
      }
    },
  );

  test('a board in a newer format is left untouched', async () => {
    const { clock, network, start } = createWorld();
    network.backend.write(KEY, null, JSON.stringify({ format: 2, secret: 'plans' }));
    const refused = expect(start('a').passage).rejects.toMatchObject({ code: 'corrupt-record' });
    await clock.advance(100);
    await refused;
    expect(network.changes).toHaveLength(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the deadline against the last readiness', () => {
  test.each([0, 1, 2, 3, 4, 5])(
    'readiness found %i ms before the deadline is never half an opening',
    async (beforeMs) => {
      const { clock, start } = createWorld(() => ({ requestMs: 1, replyMs: 1 }));
      let isReady = false;
      const slow = createProbe('slow', () => ({ status: isReady ? 'passing' : 'critical', detail: 'x' }));
      const timeoutMs = 10_000;
      const members = [
        start('a', { timeoutMs }),
        start('b', { timeoutMs }),
        start('c', { timeoutMs, ready: [slow], pollMs: 10 }),
      ];
      await clock.advance(timeoutMs - beforeMs - 8);
      isReady = true;
      const ends = await finish(clock, members);
      const outcomes = new Set(ends.map(({ run }) => run.failure?.code ?? run.outcome));
      expect(outcomes.size).toBe(1);
      expect(['open', 'timeout']).toContain([...outcomes][0]);
    },
  );

  test('a readiness that was found before the deadline, but not written yet, still opens the gate', async () => {
    let slowMs = 0;
    const { clock, start } = createWorld(({ actor, kind }) => ({
      replyMs: actor === 'c' && kind === 'get' ? slowMs : 0,
    }));
    let isReady = false;
    const slow = createProbe('slow', () => ({ status: isReady ? 'passing' : 'critical', detail: 'x' }));
    const members = [start('a'), start('b'), start('c', { timeoutMs: 10_000, ready: [slow] })];
    await clock.advance(8500);
    slowMs = 3000;
    isReady = true;
    const ends = await finish(clock, members);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
  });

  test('a waiter that reads an open gate after its deadline succeeds', async () => {
    let slowMs = 0;
    const { clock, start } = createWorld(({ actor, kind }) => ({
      replyMs: actor === 'a' && kind === 'get' ? slowMs : 0,
    }));
    const a = start('a', { timeoutMs: 10_000 });
    await clock.advance(9000);
    slowMs = 2000;
    const ends = await finish(clock, [a, start('b'), start('c')]);
    expect(ends.map(({ run }) => run.outcome)).toEqual(['open', 'open', 'open']);
  });
});

describe('the deadline of a crowd, all at the same moment on a slow store', () => {
  test('leaves no time to take turns: all have the one failure, nobody calls the store unavailable', async () => {
    const { clock, network, start } = createWorld(() => ({ requestMs: 200, replyMs: 200 }));
    const members = Array.from({ length: 20 }, (_, index) => `m${10 + index}`);
    const never = createProbe('never', () => ({ status: 'critical', detail: 'x' }));
    const settings: MemberSettings = { members, pollMs: 15_000, hasBeats: false, timeoutMs: 120_000 };
    const started = members.map((name) => {
      const store = network.open(name);
      const polled = { ...store, capabilities: { ...store.capabilities, nativeWatch: false } };
      return start(name, { ...settings, ready: [never] }, polled);
    });
    const ends = await finish(clock, started);
    expect(ends.map(({ run }) => run.failure?.code)).toEqual(members.map(() => 'timeout'));
    expect(new Set(ends.map(({ run }) => run.failure?.by)).size).toBe(1);
  });
});

describe('200 simultaneous starts', () => {
  test('each has exactly one migration and one committer', async () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      let step = seed;
      const chance = () => {
        step = (step * 1_103_515_245 + 12_345) % 2_147_483_648;
        return step / 2_147_483_648;
      };
      const { clock, database, network, startAll } = createWorld(
        () => ({ requestMs: Math.floor(chance() * 4), replyMs: Math.floor(chance() * 4) }),
        seed,
      );
      // Takes its time, so that its end falls into a look that is under way.
      const migrate: MemberSettings['migrate'] = async (each, request) => {
        await sleep(clock, Math.floor(chance() * 12));
        return migrateAtOnce(each, request);
      };
      const ends = await finish(clock, startAll({ migrate, probesSchema: seed % 2 === 0 }));
      expect({ seed, migrations: database.migrations.length }).toEqual({ seed, migrations: 1 });
      expect(ends.filter(({ run }) => run.committed)).toHaveLength(1);
      expect(ends.every(({ run }) => run.outcome === 'open' && run.wakeupsByTimer === 0)).toBe(true);
      expect(network.changes.length).toBeLessThanOrEqual(7);
    }
  });
});

describe('the register of a board', () => {
  test('a crowd that comes at once to a slow store takes turns: no storm of lost writes', async () => {
    for (const seed of [1, 2]) {
      const { clock, network, start } = createWorld(() => ({ requestMs: 150, replyMs: 150 }), seed);
      const members = Array.from({ length: 40 }, (_, index) => `m${10 + index}`);
      const started = members.map((name) => {
        const store = network.open(name);
        // As on GitHub: nobody is told, and nobody beats.
        const polled = { ...store, capabilities: { ...store.capabilities, nativeWatch: false } };
        return start(name, { members, pollMs: 15_000, hasBeats: false }, polled);
      });
      const ends = await finish(clock, started);
      expect(ends.map(({ run }) => run.outcome)).toEqual(members.map(() => 'open'));
      const lost = ends.reduce((sum, { conflicts }) => sum + conflicts, 0);
      // Drawing a moment by chance lost more than 160.
      expect(lost).toBeLessThan(1.6 * network.changes.length);
    }
  });

  test('counts what it wrote and what it lost to others', async () => {
    const { clock, network, startAll } = createWorld();
    const ends = await finish(clock, startAll());
    const written = ends.reduce((sum, { writes, conflicts }) => sum + writes - conflicts, 0);
    expect(written).toBe(network.changes.length);
    const register = createBoardRegister({ store: network.open('x'), clock, key: KEY });
    expect(register).toMatchObject({ writes: 0, conflicts: 0, key: KEY });
  });
});
