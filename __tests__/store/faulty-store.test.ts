// The fault-injecting store that simulations stand on: each fault does what it says, and a seed gives the same run again.
import { describe, expect, test } from '@jest/globals';
import {
  createFaultyNetwork,
  createRandomFaults,
  type Fault,
  type FaultPlan,
} from '../support/faulty-store.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';
import { createActorClock, createPauseGate } from '../support/store-actor.ts';

function start(plans: Record<string, FaultPlan> = {}) {
  const clock = createManualClock();
  const network = createFaultyNetwork({
    clock,
    decide: ({ actor, kind }) => plans[`${actor} ${kind}`] ?? {},
  });
  return { clock, network, a: network.open('a'), b: network.open('b') };
}

const truth = (network: ReturnType<typeof start>['network']) => network.backend.read('k')?.value ?? null;

describe('a faulty network', () => {
  test.each<[Fault, string, string | null, string | null]>([
    ['refuse', 'unavailable', null, null],
    ['lose-request', 'indeterminate', null, null],
    ['lose-reply', 'indeterminate', 'x', 'x'],
    ['apply-late', 'indeterminate', null, 'x'],
  ])('%s of a write: %s, then %s, in the end %s', async (fault, code, atOnce, inTheEnd) => {
    const { clock, network, a } = start({
      'a compareAndSet': { fault, requestMs: 5, replyMs: 5, lateMs: 50 },
    });
    const outcome = a.compareAndSet('k', null, 'x').catch((error: unknown) => error);
    await clock.advance(10);
    expect(await outcome).toMatchObject({ code });
    expect(truth(network)).toBe(atOnce);
    await clock.advance(50);
    expect(truth(network)).toBe(inTheEnd);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a duplicate is applied again, where the register lets it', async () => {
    const { clock, network, a, b } = start({ 'a compareAndSet': { fault: 'duplicate', lateMs: 10 } });
    const result = await a.compareAndSet('k', null, 'x');
    expect(result).toMatchObject({ ok: true });
    await b.delete('k', result.ok ? result.revision : '');
    await clock.advance(10);
    expect(network.changes.map((change) => change.entry?.value ?? null)).toEqual(['x', null, 'x']);
  });

  test('a blackhole ends with the signal only, in doubt', async () => {
    const { clock, a } = start({ 'a compareAndSet': { fault: 'blackhole' } });
    const abort = new AbortController();
    const outcome = a
      .compareAndSet('k', null, 'x', { signal: abort.signal })
      .catch((error: unknown) => error);
    await clock.advance(60_000);
    abort.abort(new Error('enough'));
    expect(await outcome).toMatchObject({ code: 'indeterminate', cause: { message: 'enough' } });
  });

  test('a stale read answers with the past, a fresh one with the present', async () => {
    const { a, b } = start({ 'a get': { staleBy: 1 } });
    const first = await b.compareAndSet('k', null, 'one');
    expect(await a.get('k')).toBeNull();
    await b.compareAndSet('k', first.ok ? first.revision : '', 'two');
    expect((await a.get('k'))?.value).toBe('one');
    expect((await b.get('k'))?.value).toBe('two');
  });

  test('travel takes its time on the clock, both ways', async () => {
    const { clock, network, a } = start({ 'a compareAndSet': { requestMs: 30, replyMs: 20 } });
    let isDone = false;
    const call = a.compareAndSet('k', null, 'x').then(() => {
      isDone = true;
    });
    await clock.advance(29);
    expect(truth(network)).toBeNull();
    await clock.advance(1);
    expect([truth(network), isDone]).toEqual(['x', false]);
    await clock.advance(20);
    expect(isDone).toBe(true);
    await call;
  });

  test('a dropped edge never comes, a delayed one comes late', async () => {
    const { clock, a, b, network } = start({ 'a edge': { dropEdge: true }, 'c edge': { replyMs: 10 } });
    const edges = { a: 0, b: 0, c: 0 };
    const abort = new AbortController();
    const stores = { a, b, c: network.open('c') };
    for (const name of ['a', 'b', 'c'] as const) {
      const watch = stores[name].watch('k', { signal: abort.signal });
      void (async () => {
        for await (const _ of watch) edges[name] += 1;
      })();
    }
    await settle();
    expect(edges).toEqual({ a: 1, b: 1, c: 1 });
    await b.compareAndSet('k', null, 'x');
    await settle();
    expect(edges).toEqual({ a: 1, b: 2, c: 1 });
    await clock.advance(10);
    expect(edges).toEqual({ a: 1, b: 2, c: 2 });
    abort.abort();
  });

  test('a paused actor sends nothing and hears nothing, its timers wait, and it goes on where it was', async () => {
    const world = createManualClock();
    const network = createFaultyNetwork({ clock: world, decide: () => ({ requestMs: 10, replyMs: 10 }) });
    const gate = createPauseGate();
    const store = network.open('a', gate);
    const clock = createActorClock(world, { gate, drift: 0.5 });
    const heard: string[] = [];
    void store.compareAndSet('k', null, 'x').then(() => heard.push('reply'));
    clock.startTimer(15, () => heard.push('timer'));
    await world.advance(5);
    store.pause();
    void store.get('k').then((entry) => heard.push(`read ${entry?.value}`));
    await world.advance(1000);
    expect(heard).toEqual([]);
    expect(network.backend.read('k')?.value).toBe('x');
    store.resume();
    await settle();
    expect(heard).toEqual(['timer', 'reply']);
    await world.advance(20);
    expect(heard).toEqual(['timer', 'reply', 'read x']);
    expect(clock.monotonicMs()).toBeCloseTo(world.monotonicMs() * 1.5);
  });

  test('the same seed gives the same run', async () => {
    const play = async (seed: number) => {
      const clock = createManualClock({ seed });
      const decide = createRandomFaults(() => clock.random(), {
        refuse: 0.1,
        loseRequest: 0.1,
        loseReply: 0.1,
        applyLate: 0.1,
        duplicate: 0.1,
        staleRead: 0.3,
        dropEdge: 0.3,
        maxDelayMs: 20,
        maxLateMs: 100,
      });
      const network = createFaultyNetwork({ clock, decide });
      const log: string[] = [];
      const act = async (name: string) => {
        const store = network.open(name);
        for (let n = 0; n < 20; n += 1) {
          const entry = await store.get('k').catch(() => null);
          const write = store.compareAndSet('k', entry?.revision ?? null, `${name}${n}`);
          log.push(await write.then(JSON.stringify, (error: { code: string }) => error.code));
        }
      };
      const acting = Promise.all(['a', 'b', 'c'].map(act));
      while (await clock.advanceToNext());
      await acting;
      return { log, changes: network.changes };
    };
    const [first, again, other] = [await play(1), await play(1), await play(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(new Set(first.log.map((line) => line.replace(/[{].*/, '{}')))).toEqual(
      new Set(['{}', 'unavailable', 'indeterminate']),
    );
  });
});
