import { describe, expect, test } from '@jest/globals';
import { createFollowing, type Subscription } from '../../src/store/following.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';

const POLL_MS = 1000;

/** An engine whose subscriptions and reads the test plays. */
function createBench() {
  const clock = createManualClock();
  const state = { revision: '1' as string | null, canSubscribe: true, canLook: true, looks: 0 };
  const subscriptions: { onChange: () => void; lose: () => void; ends: boolean[] }[] = [];
  const following = createFollowing({
    clock,
    pollMs: POLL_MS,
    timeoutMs: 300,
    async subscribe(_, onChange): Promise<Subscription> {
      if (!state.canSubscribe) throw new Error('no subscription to be had');
      const ends: boolean[] = [];
      let lose: () => void = () => undefined;
      const lost = new Promise<void>((resolve) => {
        lose = resolve;
      });
      subscriptions.push({ onChange, lose, ends });
      return { lost, end: ({ isSuspect }) => void ends.push(isSuspect) };
    },
    async look() {
      state.looks += 1;
      if (!state.canLook) throw new Error('no answer');
      return state.revision;
    },
  });
  const watch = () => {
    const abort = new AbortController();
    const watching = following.watch('a/b', { signal: abort.signal });
    let edges = 0;
    let isReady = false;
    let isOver = false;
    void watching.ready.then(() => {
      isReady = true;
    });
    const count = async () => {
      for await (const _ of watching) edges += 1;
      isOver = true;
    };
    void count();
    return {
      end: () => abort.abort(),
      /** Since the last time it was asked. */
      edges() {
        const counted = edges;
        edges = 0;
        return counted;
      },
      isReady: () => isReady,
      isOver: () => isOver,
    };
  };
  const current = () =>
    subscriptions.at(-1) ?? { onChange: () => undefined, lose: () => undefined, ends: [] };
  return { clock, state, subscriptions, following, watch, current };
}

describe('following a key', () => {
  test('several watches share one subscription, and a late one is ready at once with its edge', async () => {
    const { subscriptions, watch, current } = createBench();
    const one = watch();
    await settle();
    const two = watch();
    await settle();
    expect([one.isReady(), two.isReady(), one.edges(), two.edges()]).toEqual([true, true, 1, 1]);
    current().onChange();
    await settle();
    expect([one.edges(), two.edges(), subscriptions.length]).toEqual([1, 1, 1]);
  });

  test('the last watch to leave ends the subscription and every timer; the next one begins anew', async () => {
    const { clock, subscriptions, watch, current } = createBench();
    const [one, two] = [watch(), watch()];
    await settle();
    one.end();
    await settle();
    expect(current().ends).toEqual([]);
    two.end();
    await settle();
    expect(current().ends).toEqual([false]);
    expect(clock.pendingTimers).toBe(0);
    watch();
    await settle();
    expect(subscriptions).toHaveLength(2);
  });

  test('a lost subscription is made anew, with an edge', async () => {
    const { clock, subscriptions, watch, current } = createBench();
    const one = watch();
    await settle();
    one.edges();
    current().lose();
    await clock.advance(100);
    expect([subscriptions.length, one.edges()]).toEqual([2, 1]);
  });

  test('one that is lost again and again is made anew ever more slowly', async () => {
    const { clock, subscriptions, watch, current } = createBench();
    watch();
    await settle();
    const steps = 400;
    for (let step = 0; step < steps; step += 1) {
      current().lose();
      await clock.advance(50);
    }
    // 20 s: with a backoff that began anew each time it would be hundreds.
    expect(subscriptions.length).toBeLessThan(40);
    expect(subscriptions.length).toBeGreaterThan(5);
  });

  test('a change that nobody told is found by the poll, and the subscription is suspect', async () => {
    const { clock, state, subscriptions, watch, current } = createBench();
    const one = watch();
    await clock.advance(POLL_MS * 1.2);
    one.edges();
    const silent = current();
    state.revision = '2';
    await clock.advance(POLL_MS * 1.2);
    expect(one.edges()).toBeGreaterThan(0);
    expect(silent.ends).toEqual([true]);
    await clock.advance(100);
    expect(subscriptions).toHaveLength(2);
  });

  test('a change that was told casts no doubt', async () => {
    const { clock, state, subscriptions, watch, current } = createBench();
    const one = watch();
    await clock.advance(POLL_MS * 1.2);
    state.revision = '2';
    current().onChange();
    await clock.advance(POLL_MS * 3);
    expect(one.edges()).toBeGreaterThan(0);
    expect(subscriptions).toHaveLength(1);
  });

  test('a change before the first look is not lost, though nothing was seen to compare with', async () => {
    const { clock, state, watch } = createBench();
    const one = watch();
    await settle();
    one.edges();
    state.revision = '2';
    await clock.advance(POLL_MS * 1.2);
    expect(one.edges()).toBe(1);
  });

  test('where no subscription is to be had, the poll alone makes it ready and tells changes', async () => {
    const { clock, state, watch } = createBench();
    state.canSubscribe = false;
    const one = watch();
    await settle();
    expect([one.isReady(), one.edges()]).toEqual([true, 1]);
    state.revision = '2';
    await clock.advance(POLL_MS * 1.2);
    expect(one.edges()).toBeGreaterThan(0);
  });

  test('while nothing answers it is not ready, and no error ends it', async () => {
    const { clock, state, watch } = createBench();
    Object.assign(state, { canSubscribe: false, canLook: false });
    const one = watch();
    await clock.advance(20_000);
    expect([one.isReady(), one.edges()]).toEqual([false, 0]);
    Object.assign(state, { canSubscribe: true, canLook: true });
    await clock.advance(6000);
    expect(one.isReady()).toBe(true);
    expect(one.edges()).toBeGreaterThan(0);
  });

  test('close ends every watch and leaves no timer; a watch that comes later is over at once', async () => {
    const { clock, following, watch, current } = createBench();
    const one = watch();
    await settle();
    following.close();
    await settle();
    expect([one.isOver(), clock.pendingTimers]).toEqual([true, 0]);
    expect(current().ends).toEqual([false]);
    const late = watch();
    await settle();
    expect([late.isReady(), late.isOver()]).toEqual([true, true]);
  });
});
