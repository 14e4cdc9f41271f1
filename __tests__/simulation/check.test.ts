// Aliases in a bad world: several processes run an alias of the same name over one faulty store, are replaced, stopped mid-write and
// resumed, while an upstream flips and edges, requests and replies get lost. Seeded: the seed of a failure is in its title.
import { describe, expect, test } from '@jest/globals';
import { nullLogger } from '../../src/base/logger.ts';
import { startAlias } from '../../src/check/alias.ts';
import { createChecks } from '../../src/check/check.ts';
import type { Alias, CheckWorld } from '../../src/check/contract.ts';
import { createCheckProbe } from '../../src/probe/check.ts';
import { checkKey, decodeCheckRecord } from '../../src/probe/check-record.ts';
import { createFaultyNetwork, createRandomFaults, type FaultDecider } from '../support/faulty-store.ts';
import { createManualClock } from '../support/manual-clock.ts';

const RECONCILE_MS = 10_000;
const STATUSES = ['passing', 'warning', 'critical'] as const;
const ALIAS_KEY = checkKey('sim', 'alias');

async function simulate(seed: number) {
  const clock = createManualClock({ seed });
  const random = () => clock.random();
  const faults = createRandomFaults(random, {
    refuse: 0.05,
    loseRequest: 0.05,
    loseReply: 0.05,
    applyLate: 0.05,
    duplicate: 0.05,
    staleRead: 0.1,
    dropEdge: 0.5,
    maxDelayMs: 200,
    maxLateMs: 3000,
  });
  let isCalm = false;
  const decide: FaultDecider = (operation) => {
    if (!isCalm) return faults(operation);
    // Calm, but edges are still lost: the timer alone must do.
    return { dropEdge: operation.kind === 'edge' };
  };
  const network = createFaultyNetwork({ clock, decide });
  const open = (actor: string) => {
    const store = network.open(actor);
    const world: CheckWorld = {
      store,
      namespace: 'sim',
      clock,
      writer: actor,
      logger: nullLogger,
      operationTimeoutMs: 1000,
    };
    return { store, world };
  };
  const generations: number[] = [];
  network.onChange(({ key, entry }) => {
    if (key === ALIAS_KEY && entry) generations.push(decodeCheckRecord(entry.value, 'alias').generation);
  });

  const setter = createChecks(open('setter').world);
  const runs: { alias: Alias; store: ReturnType<typeof network.open> }[] = [];
  for (let step = 0; step < 40; step += 1) {
    const draw = random();
    if (draw < 0.35) {
      const status = STATUSES[Math.floor(random() * STATUSES.length)] ?? 'passing';
      // In this world even a set may stay in doubt; the upstream is then whatever the store holds.
      void setter.set('db', { status }).catch(() => undefined);
    } else if (draw < 0.6) {
      const { store, world } = open(`run${runs.length}`);
      const upstreams = [createCheckProbe({ ...world, id: 'check:db', name: 'db' })];
      runs.push({ store, alias: startAlias({ name: 'alias', upstreams, reconcileMs: RECONCILE_MS }, world) });
    } else if (draw < 0.75) {
      runs[Math.floor(random() * runs.length)]?.store.pause();
    } else if (draw < 0.9) {
      runs[Math.floor(random() * runs.length)]?.store.resume();
    } else {
      void runs[Math.floor(random() * runs.length)]?.alias.stop();
    }
    await clock.advance(Math.floor(random() * 2000));
  }

  // Everything thaws, the last definition is a fresh one, the network calms down; edges stay lost.
  isCalm = true;
  for (const { store } of runs) store.resume();
  await clock.advance(10_000);
  await setter.set('db', { status: 'warning' });
  const { store, world } = open('last');
  const upstreams = [createCheckProbe({ ...world, id: 'check:db', name: 'db' })];
  const last = startAlias({ name: 'alias', upstreams, reconcileMs: RECONCILE_MS }, world);
  await clock.advance(2 * RECONCILE_MS);
  const shown = () => decodeCheckRecord(network.backend.read(ALIAS_KEY)?.value ?? '', 'alias');
  const settled = shown();
  await setter.set('db', { status: 'critical' });
  await clock.advance(RECONCILE_MS + 100);
  const afterFlip = shown();
  const ended = await Promise.all(
    runs.map(
      async ({ alias }) => (await Promise.race([alias.done, Promise.resolve(null)]))?.outcome ?? 'running',
    ),
  );
  await last.stop();
  await Promise.all(runs.map(({ alias }) => alias.stop()));
  await store.close();
  return { settled, afterFlip, generations, ended };
}

describe('aliases in a bad world', () => {
  test.each(Array.from({ length: 30 }, (_, at) => at + 1))('seed %d', async (seed) => {
    const { settled, afterFlip, generations, ended } = await simulate(seed);
    // The last definition won and shows its upstream, with not a single edge delivered.
    expect(settled).toMatchObject({ status: 'warning', writer: 'last' });
    // One reconcile interval after the last change it shows that one too.
    expect(afterFlip).toMatchObject({ status: 'critical', writer: 'last' });
    // A replaced definition's write never lands on top of its successor's.
    expect(generations).toEqual([...generations].sort((a, b) => a - b));
    // Every earlier run has ended by itself.
    expect(ended.filter((outcome) => outcome === 'running')).toEqual([]);
  });
});
