import { describe, expect, test } from '@jest/globals';
import { CancelledError, CorruptRecordError, DeadlineError } from '../../src/base/errors.ts';
import { replaceAlias, startAlias } from '../../src/check/alias.ts';
import { createChecks } from '../../src/check/check.ts';
import { checkKey } from '../../src/probe/check-record.ts';
import type { FaultPlan } from '../support/faulty-store.ts';
import { settle } from '../support/manual-clock.ts';
import { createScriptedProbe, createTestWorld, MINUTE, SECOND } from './scripted.ts';

describe('replacing and stopping', () => {
  test('the old run has ended before the new one starts (A17)', async () => {
    const world = createTestWorld({
      decide: ({ actor, kind }): FaultPlan =>
        actor === 'old' && kind === 'compareAndSet' ? { replyMs: 800 } : {},
    });
    const definition = { name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: MINUTE };
    const old = startAlias(definition, world.open('old'));
    await settle();
    const replacing = replaceAlias(old, definition, world.open('new'));
    await world.clock.advance(799);
    expect(world.written('ready').map(({ actor }) => actor)).toEqual(['old']);
    await world.clock.advance(1);
    const fresh = await replacing;
    await settle();
    expect(world.written('ready').map(({ actor }) => actor)).toEqual(['old', 'new']);
    expect(await old.done).toMatchObject({ outcome: 'stopped' });
    await fresh.stop();
  });

  test('a second alias of the name replaces the first, which ends with `replaced` and writes no more', async () => {
    const world = createTestWorld();
    const definition = { name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: MINUTE };
    const first = startAlias(definition, world.open('first'));
    await settle();
    const second = startAlias(definition, world.open('second'));
    await world.clock.advance(20);
    expect(await first.done).toMatchObject({ outcome: 'replaced', status: 'passing' });
    expect(world.stored('ready')).toMatchObject({ writer: 'second', generation: 2 });
    await second.stop();
  });

  test('where nobody is told of the successor, the old run finds out within one reconcile interval', async () => {
    const world = createTestWorld({ decide: ({ kind }): FaultPlan => ({ dropEdge: kind === 'edge' }) });
    const definition = { name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: 7 * SECOND };
    const first = startAlias(definition, world.open('first'));
    await world.clock.advance(20);
    const second = startAlias(definition, world.open('second'));
    let outcome = 'running';
    void first.done.then((report) => {
      outcome = report.outcome;
    });
    await world.clock.advance(6 * SECOND);
    expect(outcome).toBe('running');
    await world.clock.advance(SECOND + 20);
    expect(outcome).toBe('replaced');
    await second.stop();
  });

  test('a check that is set by hand replaces the alias too', async () => {
    const world = createTestWorld();
    const alias = startAlias(
      { name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: MINUTE },
      world.open('w'),
    );
    await settle();
    await createChecks(world.open('person')).set('ready', { status: 'critical', output: 'maintenance' });
    await world.clock.advance(20);
    expect(await alias.done).toMatchObject({ outcome: 'replaced' });
    expect(world.stored('ready')).toMatchObject({ status: 'critical', writer: 'person' });
  });

  test('a run that was stopped like a process by SIGSTOP never writes again after it goes on', async () => {
    const world = createTestWorld();
    const upstream = createScriptedProbe('db', { hasEdges: true });
    const definition = { name: 'ready', upstreams: [upstream], reconcileMs: MINUTE };
    const oldWorld = world.open('old');
    const old = startAlias(definition, oldWorld);
    await settle();
    upstream.say('critical');
    const store = oldWorld.store as ReturnType<typeof world.network.open>;
    store.pause();
    await world.clock.advance(20);
    upstream.say('passing');
    const fresh = startAlias(definition, world.open('new'));
    await world.clock.advance(20);
    store.resume();
    await world.clock.advance(2 * MINUTE);
    expect(world.written('ready').map(({ actor }) => actor)).toEqual(['old', 'new']);
    expect(await old.done).toMatchObject({ outcome: 'replaced' });
    await fresh.stop();
  });

  test('stopping takes one operation at most, even with a silent store and a probe that ignores its signal', async () => {
    const world = createTestWorld({
      decide: ({ kind }): FaultPlan => (kind === 'compareAndSet' ? { fault: 'blackhole' } : {}),
    });
    const deaf = createScriptedProbe('deaf', { ignoresAbort: true });
    deaf.hang();
    const critical = createScriptedProbe('bad');
    critical.say('critical');
    const definition = { name: 'ready', upstreams: [deaf, critical], reconcileMs: MINUTE };
    const alias = startAlias(definition, world.open('w', { operationTimeoutMs: 2 * SECOND }));
    await world.clock.advance(SECOND);
    let ended = false;
    const stopping = alias.stop().then((report) => {
      ended = true;
      return report;
    });
    await world.clock.advance(SECOND);
    expect(ended).toBe(true);
    expect(await stopping).toMatchObject({ outcome: 'stopped', status: 'unknown', written: false });
  });

  test('stopping during a long backoff or an idle hour is immediate and leaves no timer', async () => {
    const world = createTestWorld();
    const dead = createScriptedProbe('dead');
    dead.fail();
    const alias = startAlias({ name: 'ready', upstreams: [dead], reconcileMs: 60 * MINUTE }, world.open('w'));
    await world.clock.advance(30 * MINUTE);
    expect(await alias.stop()).toMatchObject({ outcome: 'stopped', status: 'critical' });
    expect(world.clock.pendingTimers).toBe(0);
  });
});

describe('how a run ends', () => {
  const definition = () => ({ name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: MINUTE });

  test('with `reached` once the wanted status was written', async () => {
    const world = createTestWorld();
    const db = createScriptedProbe('db');
    db.say('critical');
    const alias = startAlias(
      { name: 'ready', upstreams: [db], reconcileMs: MINUTE, until: 'passing' },
      world.open('w'),
    );
    await settle();
    db.say('passing');
    await world.clock.advance(MINUTE);
    expect(await alias.done).toMatchObject({ outcome: 'reached', status: 'passing', transitions: 2 });
    expect(world.stored('ready')?.status).toBe('passing');
  });

  test.each([
    [new DeadlineError('the check'), 'timeout'],
    [new CancelledError('a signal', { signalName: 'SIGTERM' }), 'stopped'],
  ])('by its signal: %s gives %s', async (reason, outcome) => {
    const world = createTestWorld();
    const controller = new AbortController();
    const alias = startAlias(definition(), world.open('w'), { signal: controller.signal });
    await settle();
    controller.abort(reason);
    expect(await alias.done).toMatchObject({ outcome });
    expect(world.clock.pendingTimers).toBe(0);
  });

  test('with an error where the record is corrupt, which is left untouched', async () => {
    const world = createTestWorld();
    const open = world.open('w');
    await open.store.compareAndSet(checkKey('test', 'ready'), null, '{"v":2}');
    const alias = startAlias(definition(), open);
    await expect(alias.done).rejects.toBeInstanceOf(CorruptRecordError);
    expect(world.network.backend.read(checkKey('test', 'ready'))?.value).toBe('{"v":2}');
    expect(world.clock.pendingTimers).toBe(0);
  });

  test('a store that is down is tried again, and says so in the report', async () => {
    let isDown = true;
    const world = createTestWorld({ decide: (): FaultPlan => (isDown ? { fault: 'refuse' } : {}) });
    const alias = startAlias(definition(), world.open('w'));
    await world.clock.advance(10 * SECOND);
    expect(world.stored('ready')).toBeNull();
    isDown = false;
    await world.clock.advance(MINUTE);
    expect(world.stored('ready')?.status).toBe('passing');
    isDown = true;
    expect(await alias.stop()).toMatchObject({ outcome: 'stopped', written: true });
  });
});

describe('what is told', () => {
  test('each transition once, with the upstream that caused it', async () => {
    const world = createTestWorld();
    const [db, api] = [createScriptedProbe('db'), createScriptedProbe('api')];
    const alias = startAlias({ name: 'ready', upstreams: [db, api], reconcileMs: MINUTE }, world.open('w'));
    await settle();
    api.say('critical');
    await world.clock.advance(3 * MINUTE);
    db.say('critical');
    await world.clock.advance(3 * MINUTE);
    api.say('passing');
    db.say('passing');
    await world.clock.advance(3 * MINUTE);
    await alias.stop();
    const told = world.transitions.filter(({ to }) => to !== 'unknown');
    expect(told.map(({ from, to, upstream }) => [from, to, upstream])).toEqual([
      [null, 'passing', null],
      ['passing', 'critical', 'api'],
      ['critical', 'passing', expect.stringMatching(/^(db|api)$/)],
    ]);
  });

  test('a claim whose answer was lost, and its reading back too, is still told from what it was before', async () => {
    let calls = 0;
    // Read, the lost answer of the claim, and no reading back.
    const script: FaultPlan[] = [{}, { fault: 'lose-reply' }, { fault: 'refuse' }];
    const world = createTestWorld({
      decide: ({ actor, kind }) => (actor === 'w' && kind !== 'edge' ? (script[calls++] ?? {}) : {}),
    });
    await createChecks(world.open('before')).set('ready', { status: 'critical' });
    const definition = { name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: MINUTE };
    const alias = startAlias(definition, world.open('w'));
    await world.clock.advance(2 * SECOND);
    expect(world.written('ready').map(({ record }) => record.status)).toEqual(['critical', 'passing']);
    expect(world.transitions.map(({ from, to }) => [from, to])).toEqual([['critical', 'passing']]);
    await alias.stop();
  });

  test('a run that finds the status already there tells no transition', async () => {
    const world = createTestWorld();
    const definition = { name: 'ready', upstreams: [createScriptedProbe('db')], reconcileMs: MINUTE };
    const first = startAlias(definition, world.open('w'));
    await settle();
    const second = await replaceAlias(first, definition, world.open('w'));
    await settle();
    expect(await second.stop()).toMatchObject({ transitions: 0, status: 'passing' });
  });

  test('what it stores is frozen when read back (A18)', async () => {
    const world = createTestWorld();
    const record = await createChecks(world.open('w')).set('db', { status: 'passing' });
    expect(Object.isFrozen(record)).toBe(true);
    expect(Object.isFrozen(world.stored('db'))).toBe(true);
    expect(() => {
      (record as { status: string }).status = 'critical';
    }).toThrow(TypeError);
  });
});
