import { describe, expect, test } from '@jest/globals';
import { startAlias } from '../../src/check/alias.ts';
import { createChecks } from '../../src/check/check.ts';
import { createCheckProbe } from '../../src/probe/check.ts';
import { checkKey } from '../../src/probe/check-record.ts';
import type { Store } from '../../src/store/contract.ts';
import { settle } from '../support/manual-clock.ts';
import { createScriptedProbe, createTestWorld, MINUTE, SECOND } from './scripted.ts';

describe('an alias mirrors its upstreams', () => {
  test('the worst upstream decides and is named (A1, A2, A3)', async () => {
    const world = createTestWorld();
    const [db, api] = [createScriptedProbe('db'), createScriptedProbe('api')];
    db.say('warning');
    const alias = startAlias({ name: 'ready', upstreams: [db, api], reconcileMs: MINUTE }, world.open('w'));
    await settle();
    expect(world.stored('ready')).toMatchObject({ status: 'warning', upstreams: ['db', 'api'] });
    api.say({ status: 'critical', detail: 'disk full' });
    await world.clock.advance(MINUTE);
    expect(world.stored('ready')).toMatchObject({ status: 'critical', output: 'api is critical: disk full' });
    db.say('passing');
    api.say('passing');
    await world.clock.advance(MINUTE);
    expect(world.stored('ready')).toMatchObject({ status: 'passing' });
    await alias.stop();
  });

  test('an upstream that exists without a judgement is passing (A7), a missing one critical (A8)', async () => {
    const world = createTestWorld();
    const app = createScriptedProbe('app');
    app.say({ status: 'unknown', detail: 'no release yet', absent: 'check' });
    const alias = startAlias({ name: 'ready', upstreams: [app], reconcileMs: MINUTE }, world.open('w'));
    await settle();
    expect(world.stored('ready')?.status).toBe('passing');
    app.say({ status: 'unknown', detail: 'no such app', absent: 'upstream' });
    await world.clock.advance(MINUTE);
    expect(world.stored('ready')?.status).toBe('critical');
    await alias.stop();
  });

  test('a failed question says nothing about existence; the second in a row is critical (A9, A10)', async () => {
    const world = createTestWorld();
    const app = createScriptedProbe('app', { hasEdges: true });
    const alias = startAlias({ name: 'ready', upstreams: [app], reconcileMs: MINUTE }, world.open('w'));
    await world.clock.advance(10);
    app.fail();
    await world.clock.advance(MINUTE - 1);
    const calls = app.calls;
    expect(world.stored('ready')?.status).toBe('passing');
    await world.clock.advance(SECOND);
    expect(app.calls).toBe(calls + 1);
    expect(world.stored('ready')).toMatchObject({
      status: 'critical',
      output: 'app is critical: cannot be asked: connection refused',
    });
    app.say('passing', { edge: false });
    await world.clock.advance(2 * SECOND);
    expect(world.stored('ready')?.status).toBe('passing');
    await alias.stop();
  });

  test('a first failure right at the start publishes nothing yet; success forgets it', async () => {
    const world = createTestWorld();
    const app = createScriptedProbe('app');
    app.fail();
    const alias = startAlias({ name: 'ready', upstreams: [app], reconcileMs: MINUTE }, world.open('w'));
    await settle();
    expect(world.stored('ready')).toBeNull();
    app.say('passing');
    await world.clock.advance(SECOND);
    expect(world.written('ready').map(({ record }) => record.status)).toEqual(['passing']);
    await alias.stop();
  });

  test('a dead upstream is asked with growing pauses, at most once per interval in the end (A11)', async () => {
    const world = createTestWorld();
    const app = createScriptedProbe('app');
    app.fail();
    const alias = startAlias({ name: 'ready', upstreams: [app], reconcileMs: MINUTE }, world.open('w'));
    await world.clock.advance(10 * MINUTE);
    const early = app.calls;
    expect(early).toBeLessThan(22);
    await world.clock.advance(10 * MINUTE);
    expect(app.calls - early).toBeLessThan(15);
    expect(app.calls - early).toBeGreaterThan(8);
    await alias.stop();
  });

  test('every change of a local upstream arrives within one notification, without time passing (A15)', async () => {
    const world = createTestWorld();
    const open = world.open('w');
    const checks = createChecks(world.open('setter'));
    const db = createCheckProbe({ ...open, id: 'check:db', name: 'db' });
    const alias = startAlias({ name: 'ready', upstreams: [db], reconcileMs: MINUTE }, open);
    await settle();
    expect(world.stored('ready')?.status).toBe('critical');
    for (const status of ['passing', 'warning', 'critical', 'passing'] as const) {
      await checks.set('db', { status, output: `now ${status}` });
      await world.clock.advance(20);
      expect(world.stored('ready')?.status).toBe(status);
    }
    await checks.set('db', { status: 'critical', output: 'only the words change' });
    await world.clock.advance(20);
    expect(world.stored('ready')?.output).toContain('only the words change');
    await alias.stop();
  });

  test('a local upstream whose time to live runs out turns it critical without an edge', async () => {
    const world = createTestWorld();
    const open = world.open('w');
    await createChecks(open).set('db', { status: 'passing', ttlMs: 10 * SECOND });
    const db = createCheckProbe({ ...open, id: 'check:db', name: 'db' });
    const alias = startAlias({ name: 'ready', upstreams: [db], reconcileMs: MINUTE }, open);
    await world.clock.advance(10 * SECOND);
    expect(world.stored('ready')?.status).toBe('passing');
    await world.clock.advance(10);
    expect(world.stored('ready')).toMatchObject({
      status: 'critical',
      output: 'check:db is critical: no update for 10 s',
    });
    await alias.stop();
  });
});

describe('edges and the control loop', () => {
  test('it subscribes before it reads: a change between the two is not lost (A13)', async () => {
    const world = createTestWorld();
    const order: string[] = [];
    const probe = createScriptedProbe('db', { hasEdges: true });
    const watched = {
      ...probe,
      watch: (options: { signal: AbortSignal }) => {
        order.push('subscribe');
        const watch = probe.watch?.(options);
        if (!watch) throw new Error('it has edges');
        return {
          ready: watch.ready.then(() => void order.push('ready')),
          [Symbol.asyncIterator]: () => watch[Symbol.asyncIterator](),
        };
      },
      probe: async (options: { signal: AbortSignal }) => {
        order.push('read');
        return probe.probe(options);
      },
    };
    const alias = startAlias({ name: 'ready', upstreams: [watched], reconcileMs: MINUTE }, world.open('w'));
    await settle();
    expect(order.slice(0, 3)).toEqual(['subscribe', 'ready', 'read']);
    await alias.stop();
  });

  test('a thousand edges while one reading runs are one more reading, and the sender never waits (A14)', async () => {
    const world = createTestWorld();
    const db = createScriptedProbe('db', { hasEdges: true });
    const alias = startAlias({ name: 'ready', upstreams: [db], reconcileMs: MINUTE }, world.open('w'));
    await world.clock.advance(50);
    const before = db.calls;
    for (let edge = 0; edge < 1000; edge += 1) db.fireEdge();
    await world.clock.advance(50);
    expect(db.calls - before).toBeLessThanOrEqual(2);
    await alias.stop();
  });

  test('edges without end are no busy loop', async () => {
    const world = createTestWorld();
    const db = createScriptedProbe('db', { hasEdges: true });
    const hot = {
      ...db,
      get calls() {
        return db.calls;
      },
      watch: () => ({
        ready: Promise.resolve(),
        async *[Symbol.asyncIterator]() {
          for (let edge = 0; edge < 100_000; edge += 1) yield;
        },
      }),
    };
    const alias = startAlias({ name: 'ready', upstreams: [hot], reconcileMs: MINUTE }, world.open('w'));
    await world.clock.advance(100);
    expect(db.calls).toBeLessThanOrEqual(22);
    await alias.stop();
  });

  test('edges without end of its own record are no busy loop either', async () => {
    const world = createTestWorld();
    const open = world.open('w');
    let reads = 0;
    const endless = {
      ready: Promise.resolve(),
      async *[Symbol.asyncIterator]() {
        for (let edge = 0; edge < 100_000; edge += 1) yield;
      },
    };
    const store: Store = {
      ...open.store,
      watch: () => endless,
      get: (...args) => {
        reads += 1;
        return open.store.get(...args);
      },
    };
    const alias = startAlias(
      { name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: MINUTE },
      world.open('w', { store }),
    );
    await world.clock.advance(100);
    expect(reads).toBeLessThanOrEqual(22);
    await alias.stop();
  });

  test('a reading of a local upstream that is never answered ends within one operation, and the next one counts', async () => {
    const world = createTestWorld();
    const db = createScriptedProbe('db', { hasEdges: true, ignoresAbort: true });
    const alias = startAlias(
      { name: 'ready', upstreams: [db], reconcileMs: MINUTE },
      world.open('w', { operationTimeoutMs: 2 * SECOND }),
    );
    await world.clock.advance(SECOND);
    db.hang();
    db.fireEdge();
    await world.clock.advance(10);
    db.say('warning', { edge: false });
    await world.clock.advance(3 * SECOND);
    expect(world.stored('ready')?.status).toBe('warning');
    await alias.stop();
  });

  test('a store that was down and is back is asked about its checks before anything is said of them', async () => {
    for (let downMs = 500; downMs < 10 * MINUTE; downMs = downMs * 1.6 + 300) {
      let isDown = false;
      const world = createTestWorld({
        decide: ({ actor, kind }) => {
          if (!isDown || actor !== 'w') return {};
          return kind === 'edge' ? { dropEdge: true } : { fault: 'refuse' };
        },
      });
      const checks = createChecks(world.open('setter'));
      await checks.set('db', { status: 'passing' });
      const open = world.open('w');
      const db = createCheckProbe({ ...open, id: 'check:db', name: 'db' });
      const alias = startAlias({ name: 'ready', upstreams: [db], reconcileMs: MINUTE }, open);
      await world.clock.advance(MINUTE / 2);
      isDown = true;
      await checks.set('db', { status: 'warning' });
      await world.clock.advance(downMs);
      isDown = false;
      await world.clock.advance(MINUTE);
      expect([downMs, ...world.written('ready').map(({ record }) => record.status)]).toEqual([
        downMs,
        'passing',
        'warning',
      ]);
      await alias.stop();
    }
  });

  test('a lost edge costs one reconcile interval and no more, with the interval injected (A16)', async () => {
    const world = createTestWorld();
    const db = createScriptedProbe('db', { hasEdges: true });
    const alias = startAlias({ name: 'ready', upstreams: [db], reconcileMs: 7 * SECOND }, world.open('w'));
    await world.clock.advance(SECOND);
    db.say('critical', { edge: false });
    await world.clock.advance(5 * SECOND);
    expect(world.stored('ready')?.status).toBe('passing');
    await world.clock.advance(2 * SECOND);
    expect(world.stored('ready')?.status).toBe('critical');
    await alias.stop();
  });

  test('a record that somebody deleted or overwrote with a lower generation is written again', async () => {
    const world = createTestWorld();
    const open = world.open('w');
    const alias = startAlias(
      { name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: MINUTE },
      open,
    );
    await settle();
    const key = checkKey('test', 'ready');
    await open.store.delete(key, world.network.backend.read(key)?.revision ?? '');
    await world.clock.advance(20);
    expect(world.stored('ready')).toMatchObject({ status: 'passing', generation: 1 });
    await alias.stop();
  });

  test('while nothing changes an hour costs one reading per interval and no write', async () => {
    const world = createTestWorld();
    const db = createScriptedProbe('db');
    const alias = startAlias({ name: 'ready', upstreams: [db], reconcileMs: MINUTE }, world.open('w'));
    await settle();
    await world.clock.advance(60 * MINUTE);
    expect(db.calls).toBeLessThanOrEqual(68);
    expect(world.written('ready')).toHaveLength(1);
    await alias.stop();
  });

  test('its own time to live is renewed while it lives', async () => {
    const world = createTestWorld();
    const definition = {
      name: 'ready',
      upstreams: [createScriptedProbe('db')],
      reconcileMs: MINUTE,
      ttlMs: 9 * SECOND,
    };
    const alias = startAlias(definition, world.open('w'));
    await world.clock.advance(30 * SECOND);
    expect(world.written('ready').length).toBeGreaterThanOrEqual(10);
    expect(world.transitions).toHaveLength(1);
    await alias.stop();
  });
});
