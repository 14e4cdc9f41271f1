// The incident behind the alias check (consul #5876), step by step: an old watcher wrote its stale status after the new one had
// initialised, and nobody was ever notified again. Played once with the real parts, then with each protection taken out, to
// show that each of them is what makes it right.
import { describe, expect, test } from '@jest/globals';
import type { Clock } from '../../src/base/clock.ts';
import { replaceAlias, startAlias } from '../../src/check/alias.ts';
import { createChecks } from '../../src/check/check.ts';
import type { Alias, AliasDefinition, AliasWorld } from '../../src/check/contract.ts';
import { createCheckProbe } from '../../src/probe/check.ts';
import { checkKey, decodeCheckRecord } from '../../src/probe/check-record.ts';
import type { HealthReading, ObserveHealth } from '../../src/probe/health.ts';
import type { Store } from '../../src/store/contract.ts';
import { createScriptedProbe, createTestWorld, MINUTE } from './scripted.ts';

interface Variant {
  /** Takes the compare-and-set away, as consul had none: every write lands. */
  blindStore: boolean;
  replace: typeof replaceAlias;
  clock?: (clock: Clock) => Clock;
  observe?: ObserveHealth;
}

const real: Variant = { blindStore: true, replace: replaceAlias };

const withoutWait: Variant['replace'] = async (present, definition, world) => {
  void present.stop();
  return startAlias(definition, world);
};

const withoutReconcileTimer = (clock: Clock): Clock => ({
  ...clock,
  startTimer: (delayMs, callback) =>
    clock.startTimer(delayMs >= MINUTE / 2 ? Number.MAX_SAFE_INTEGER : delayMs, callback),
});

/** One record for everybody, changed in place: whoever compares before with after compares it with itself. */
const withSharedRecord = (): ObserveHealth => {
  const shared: { failures: number; reading: { -readonly [K in keyof HealthReading]: HealthReading[K] } } = {
    failures: 0,
    reading: { status: 'unknown', output: '', absent: null },
  };
  return (_, result) => {
    Object.assign(shared.reading, { status: result.status, output: result.detail, absent: result.absent });
    return shared;
  };
};

async function playIncident(variant: Variant) {
  const own = checkKey('test', 'alias');
  const upstreamKey = checkKey('test', 'db');
  let isDeaf = false;
  const world = createTestWorld({
    // Nobody is told of changes to the alias itself; of the upstream only while nobody is deaf.
    decide: ({ kind, key }) => ({
      dropEdge: kind === 'edge' && (key === own || (isDeaf && key === upstreamKey)),
    }),
  });
  const { clock, network } = world;
  const writes: { actor: string; status: string }[] = [];
  let releaseOldWrite: () => void = () => undefined;
  const oldWriteReleased = new Promise<void>((resolve) => {
    releaseOldWrite = resolve;
  });

  const storeOf = (actor: string): Store => {
    const store = network.open(actor);
    return {
      ...store,
      async compareAndSet(key, expect, value, options) {
        const { status } = decodeCheckRecord(value, 'alias');
        if (actor === 'old' && status === 'critical') await oldWriteReleased;
        const basis = variant.blindStore ? (network.backend.read(key)?.revision ?? null) : expect;
        const result = await store.compareAndSet(key, basis, value, options ?? {});
        if (result.ok && key === own) writes.push({ actor, status });
        return result;
      },
    };
  };
  const open = (actor: string): AliasWorld =>
    world.open(actor, {
      store: storeOf(actor),
      ...(variant.clock ? { clock: variant.clock(clock) } : {}),
      ...(variant.observe ? { observe: variant.observe } : {}),
    });
  const define = (aliasWorld: AliasWorld): AliasDefinition => ({
    name: 'alias',
    upstreams: [createCheckProbe({ ...aliasWorld, id: 'check:db', name: 'db' })],
    reconcileMs: MINUTE,
  });
  const setter = createChecks(world.open('setter'));
  const shown = () => world.stored('alias')?.status;

  await setter.set('db', { status: 'passing' });
  const oldWorld = open('old');
  const old = startAlias(define(oldWorld), oldWorld);
  await clock.advance(20);
  // 1. The upstream turns critical. 2. The old watcher is notified and is about to write.
  await setter.set('db', { status: 'critical' });
  await clock.advance(20);
  // 3. The old watcher is unregistered: told to stop, in the middle of its write.
  void old.stop();
  await clock.advance(20);
  // 4. The upstream turns passing; the edge goes nowhere.
  isDeaf = true;
  await setter.set('db', { status: 'passing' });
  isDeaf = false;
  await clock.advance(20);
  // 5. and 6. The new watcher registers and initialises, as soon as it may. 7. The old one's write lands.
  const newWorld = open('new');
  const replacing: Promise<Alias> = variant.replace(old, define(newWorld), newWorld);
  await clock.advance(20);
  releaseOldWrite();
  const fresh = await replacing;
  await clock.advance(20);
  const firstOfNew = writes.findIndex(({ actor }) => actor === 'new');
  const staleWrites = writes.slice(firstOfNew).filter(({ actor }) => actor === 'old');
  const afterReplacement = shown();
  // 8. Nobody is ever notified again: the next change must still arrive, by the timer.
  isDeaf = true;
  await setter.set('db', { status: 'warning' });
  isDeaf = false;
  await clock.advance(MINUTE + 20);
  const afterLostEdge = shown();
  // And one that is notified arrives at once.
  await setter.set('db', { status: 'critical' });
  await clock.advance(20);
  const afterEdge = shown();
  await fresh.stop();
  return { staleWrites, afterReplacement, afterLostEdge, afterEdge };
}

const right = {
  staleWrites: [],
  afterReplacement: 'passing',
  afterLostEdge: 'warning',
  afterEdge: 'critical',
};

describe('the incident, eight steps', () => {
  test('ends right, even on a store that takes every write', async () => {
    expect(await playIncident(real)).toEqual(right);
  });

  test('without waiting for the old one its stale status lands last', async () => {
    const seen = await playIncident({ ...real, replace: withoutWait });
    expect(seen.staleWrites).toEqual([{ actor: 'old', status: 'critical' }]);
    expect(seen.afterReplacement).toBe('critical');
  });

  test('without waiting the compare-and-set still refuses the late write: the second belt', async () => {
    const seen = await playIncident({ ...real, replace: withoutWait, blindStore: false });
    expect(seen).toEqual(right);
  });

  test('without the reconcile timer a lost edge is never made good', async () => {
    const seen = await playIncident({ ...real, clock: withoutReconcileTimer });
    expect(seen).toMatchObject({ staleWrites: [], afterReplacement: 'passing' });
    expect(seen.afterLostEdge).toBe('passing');
  });

  test('with a shared mutable record a change is compared with itself, and an edge shows nothing', async () => {
    const seen = await playIncident({ ...real, observe: withSharedRecord() });
    expect(seen.afterEdge).toBe('passing');
  });

  test('a full restart of store and watchers at once leaves no alias wrong', async () => {
    const world = createTestWorld();
    const setter = createChecks(world.open('setter'));
    await setter.set('db', { status: 'critical' });
    const define = (aliasWorld: AliasWorld, name: string): AliasDefinition => ({
      name,
      upstreams: [createCheckProbe({ ...aliasWorld, id: 'check:db', name: 'db' }), createScriptedProbe('up')],
      reconcileMs: MINUTE,
    });
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (let round = 0; round < 5; round += 1) {
      const status = round % 2 === 0 ? 'passing' : 'critical';
      const open = names.map((name) => ({ name, aliasWorld: world.open(`${name}${round}`) }));
      const aliases = open.map(({ name, aliasWorld }) => startAlias(define(aliasWorld, name), aliasWorld));
      await setter.set('db', { status });
      await world.clock.advance(20);
      expect(names.map((name) => world.stored(name)?.status)).toEqual(names.map(() => status));
      // The store's connections break and all runs end without a word; the next round starts over.
      await Promise.all(open.map(({ aliasWorld }) => aliasWorld.store.close()));
      const stopping = Promise.all(aliases.map((alias) => alias.stop()));
      await world.clock.advance(MINUTE);
      await stopping;
    }
  });
});
