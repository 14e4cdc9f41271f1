// The manager: exact calls against a scripted store, and several managers over one memory store, on a clock moved by hand.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../src/base/clock.ts';
import { CancelledError, DeadlineError } from '../../src/base/errors.ts';
import type { Evidence, HolderInfo, Lease, LeaseManager } from '../../src/lease/contract.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import type { Store } from '../../src/store/contract.ts';
import { createMemoryBackend, createMemoryStore } from '../../src/store/drivers/memory.ts';
import {
  answersWith,
  applies,
  createScriptedStore,
  entryOf,
  failsToRead,
  failsToWrite,
  HOLDER,
  isSilent,
  leavesInDoubt,
  recordOf,
  refuses,
  type Step,
  sees,
  seesText,
} from '../support/lease-scripted-store.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const KEY = 'test/lock/key';
const LEASE_MS = 10_000;
const POLL_MS = 2000;
const options = { leaseMs: LEASE_MS, holder: HOLDER };
const waiting = { ...options, pollMs: POLL_MS };
const other = recordOf([entryOf('other', { token: 4 })]);

function scripted(
  steps: readonly Step[],
  settings: { linearizableReads?: boolean; evidence?: Evidence } = {},
) {
  const clock = createManualClock();
  const { evidence, ...capabilities } = settings;
  const store = createScriptedStore(steps, capabilities);
  const manager = createLeaseManager({ store, clock, ...(evidence ? { evidence } : {}) });
  return { clock, store, manager };
}

/** Several processes over one true store. */
function processes() {
  const clock = createManualClock();
  const backend = createMemoryBackend();
  const open = (evidence?: Evidence): LeaseManager =>
    createLeaseManager({
      store: createMemoryStore({ clock, backend }),
      clock,
      ...(evidence ? { evidence } : {}),
    });
  const record = () => JSON.parse(backend.read(KEY)?.value ?? 'null');
  return { clock, backend, open, record };
}

const named = (text: string): HolderInfo => ({ text, host: 'here', pid: 1 });
const hold = async (manager: LeaseManager, extra: object = {}): Promise<Lease> => {
  const result = await manager.tryAcquire(KEY, { ...options, ...extra });
  if (!result.acquired) throw new Error(`busy: ${result.holder.text}`);
  return result.lease;
};

describe('tryAcquire', () => {
  test('is one read and one write where nobody else wants the key', async () => {
    const { store, manager } = scripted([sees(null), applies('r1')]);
    const result = await manager.tryAcquire(KEY, options);
    expect(result).toMatchObject({ acquired: true, lease: { token: 1 }, view: { revision: 'r1' } });
    expect(store.writes[0]?.expect).toBeNull();
    store.verify();
  });

  test('is one write with a view read before', async () => {
    const { store, manager } = scripted([sees(recordOf([], { token: 7 }), 'r5'), applies('r6')]);
    const seen = await manager.read(KEY);
    const result = await manager.tryAcquire(KEY, { ...options, seen });
    expect(result).toMatchObject({ acquired: true, lease: { token: 8 } });
    expect(store.writes[0]?.expect).toBe('r5');
    store.verify();
  });

  test('answers busy after one read, with the holder and how long an unchanged record stays', async () => {
    const { store, manager } = scripted([sees(other)]);
    expect(await manager.tryAcquire(KEY, options)).toMatchObject({
      acquired: false,
      holder: { text: 'other' },
      retryAfterMs: 10_100,
    });
    store.verify();
  });

  test('judges who won a lost race from the refusal itself', async () => {
    const { store, manager } = scripted([sees(null), refuses({ record: other, revision: 'r2' })]);
    expect(await manager.tryAcquire(KEY, options)).toMatchObject({
      acquired: false,
      holder: { text: 'other' },
    });
    store.verify();
  });

  test('L4: observations of earlier tries count: the third takes over what did not change for a lease', async () => {
    const { clock, store, manager } = scripted([
      sees(other, 'r4'),
      sees(other, 'r4'),
      sees(other, 'r4'),
      applies('r5'),
    ]);
    expect((await manager.tryAcquire(KEY, options)).acquired).toBe(false);
    await clock.advance(10_099);
    expect(await manager.tryAcquire(KEY, options)).toMatchObject({ acquired: false, retryAfterMs: 1 });
    await clock.advance(1);
    expect(await manager.tryAcquire(KEY, options)).toMatchObject({ acquired: true, lease: { token: 5 } });
    expect(store.writes[0]?.expect).toBe('r4');
    store.verify();
  });

  test('L9: a write in doubt is read back, and its own nonce is ownership from its sending on', async () => {
    const { clock, store, manager } = scripted([sees(null), leavesInDoubt()]);
    const pending = manager.tryAcquire(KEY, options);
    await settle();
    store.goOn(sees(store.writes[0]?.record ?? null, 'r1'));
    await clock.advance(1000);
    const result = await pending;
    expect(result.acquired && result.lease.validForMs()).toBe(8500);
    store.verify();
  });

  test('L3, L9: a write that stayed silent counts from its sending, not from when it was given up', async () => {
    const { clock, store, manager } = scripted([sees(null), isSilent('compareAndSet')]);
    const pending = manager.tryAcquire(KEY, options);
    await settle();
    store.goOn(sees(store.writes[0]?.record ?? null, 'r1'));
    await clock.advance(2600);
    const result = await pending;
    expect(result.acquired && result.lease.validForMs()).toBe(6900);
    store.verify();
  });

  test('L3, L9: who is stopped until its own write has run out renews it before it owns', async () => {
    let reply: (result: { ok: true; revision: string }) => void = () => undefined;
    const late = new Promise<{ ok: true; revision: string }>((resolve) => {
      reply = resolve;
    });
    const { clock, store, manager } = scripted([sees(null), answersWith(late), applies('r2')]);
    const pending = manager.tryAcquire(KEY, options);
    await settle();
    // A suspended machine: its wall clock goes on, no timer runs.
    clock.jumpWall(9600);
    reply({ ok: true, revision: 'r1' });
    const result = await pending;
    expect(result.acquired && result.lease.validForMs()).toBe(9500);
    expect(store.writes.map(({ record }) => record.entries.map(({ token, seq }) => [token, seq]))).toEqual([
      [[1, 0]],
      [[1, 1]],
    ]);
    store.verify();
  });

  test('a write that certainly was not applied is the answer, not a doubt', async () => {
    const { store, manager } = scripted([sees(null), failsToWrite()]);
    await expect(manager.tryAcquire(KEY, options)).rejects.toMatchObject({ code: 'unavailable' });
    store.verify();
  });

  test('a refusal that shows the very record it refused to replace is a stale one: it is read again', async () => {
    const free = recordOf([]);
    const { clock, store, manager } = scripted([
      sees(free, 'r1'),
      refuses({ record: free, revision: 'r1' }),
      sees(free, 'r2'),
      applies('r3'),
    ]);
    const pending = manager.tryAcquire(KEY, options);
    await clock.advance(1000);
    expect(await pending).toMatchObject({ acquired: true });
    expect(store.writes.map(({ expect: from }) => from)).toEqual(['r1', 'r2']);
    store.verify();
  });

  test('L9: a write in doubt that can no longer be applied counts as lost after some reads that stay old', async () => {
    const staleReads = Array.from({ length: 6 }, () => sees(null));
    const { clock, store, manager } = scripted(
      [sees(null), leavesInDoubt(), sees(null), refuses(), ...staleReads, applies('r9')],
      { linearizableReads: false },
    );
    const pending = manager.tryAcquire(KEY, options);
    await clock.advance(2500);
    expect(await pending).toMatchObject({ acquired: true });
    store.verify();
  });

  test('L14: given up with its write in doubt, it takes out what landed', async () => {
    const { store, manager } = scripted([sees(null), isSilent('compareAndSet')]);
    const giveUp = new AbortController();
    const pending = manager.tryAcquire(KEY, { ...options, signal: giveUp.signal });
    await settle();
    store.goOn(sees(store.writes[0]?.record ?? null, 'r1'), applies('r2'));
    giveUp.abort(new CancelledError('enough'));
    await expect(pending).rejects.toMatchObject({ code: 'cancelled' });
    await manager.close();
    expect(store.writes[1]).toMatchObject({ expect: 'r1', record: { state: 'free' } });
    store.verify();
  });

  test('L9: a write in doubt that is not visible is sent again unchanged', async () => {
    const { clock, store, manager } = scripted([sees(null), leavesInDoubt(), sees(null), applies('r1')]);
    const pending = manager.tryAcquire(KEY, options);
    await clock.advance(1000);
    expect((await pending).acquired).toBe(true);
    expect(store.writes[1]).toEqual(store.writes[0]);
    store.verify();
  });

  test('L9: a write in doubt under a foreign nonce is lost', async () => {
    const { clock, store, manager } = scripted([sees(null), leavesInDoubt(), sees(other, 'r9')]);
    const pending = manager.tryAcquire(KEY, options);
    await clock.advance(1000);
    expect(await pending).toMatchObject({ acquired: false, holder: { text: 'other' } });
    await manager.close();
    store.verify();
  });

  test('L9: where reads may be stale one read without our nonce is not the end', async () => {
    const script = [sees(null), leavesInDoubt(), sees(null), refuses(), sees(null)];
    const { clock, store, manager } = scripted(script, { linearizableReads: false });
    const pending = manager.tryAcquire(KEY, options);
    await settle();
    store.goOn(sees(store.writes[0]?.record ?? null, 'r1'));
    await clock.advance(2000);
    expect((await pending).acquired).toBe(true);
    store.verify();
  });

  test.each(['{"v":2}', 'hello', '{"value":"mine"}'])('L16: %s is left untouched', async (value) => {
    const { store, manager } = scripted([seesText(value), seesText(value)]);
    await expect(manager.tryAcquire(KEY, options)).rejects.toMatchObject({ code: 'corrupt-record' });
    await expect(manager.forceRelease(KEY, { holder: HOLDER })).rejects.toMatchObject({
      code: 'corrupt-record',
    });
    expect(store.writes).toEqual([]);
    store.verify();
  });

  test('what cannot be asked for is refused before any call', async () => {
    const { store, manager } = scripted([]);
    for (const bad of [{ leaseMs: 1 }, { permits: 0 }, { permits: 101 }, { permits: 1.5 }]) {
      await expect(manager.tryAcquire(KEY, { ...options, ...bad })).rejects.toMatchObject({ code: 'config' });
      await expect(manager.acquire(KEY, { ...waiting, ...bad })).rejects.toMatchObject({ code: 'config' });
    }
    store.verify();
  });

  test('L11: evidence that the holder is dead is asked once and makes it take over at once', async () => {
    const asked: string[] = [];
    const isDead = async ({ text }: HolderInfo) => asked.push(text) > 0;
    const { store, manager } = scripted([sees(other), applies('r2')], { evidence: { isDead } });
    expect(await manager.tryAcquire(KEY, options)).toMatchObject({ acquired: true, lease: { token: 5 } });
    expect(asked).toEqual(['other']);
    store.verify();
  });

  test('L11: an error is no evidence', async () => {
    const isDead = () => Promise.reject(new Error('403'));
    const { store, manager } = scripted([sees(other)], { evidence: { isDead } });
    expect((await manager.tryAcquire(KEY, options)).acquired).toBe(false);
    store.verify();
  });
});

describe('acquire', () => {
  test('subscribes only where it must wait, then reads again, and owns on the edge of the release', async () => {
    const { clock, open } = processes();
    const holder = await hold(open());
    const waits: string[] = [];
    const pending = open().acquire(KEY, { ...waiting, onWait: ({ text }) => waits.push(text) });
    await clock.advance(500);
    await holder.release();
    await clock.advance(5);
    expect(await pending).toMatchObject({ token: 2 });
    expect(waits).toEqual(['somebody']);
  });

  test('L11: takes over a crashed holder a lease and the drift after first seeing it, and no sooner', async () => {
    const { clock, open } = processes();
    const crashed = open();
    await hold(crashed);
    await crashed.close();
    let ownedAtMs: number | null = null;
    const pending = open().acquire(KEY, waiting);
    void pending.then(() => {
      ownedAtMs = clock.monotonicMs();
    });
    await clock.advance(10_099);
    expect(ownedAtMs).toBeNull();
    await clock.advance(101);
    expect(ownedAtMs).not.toBeNull();
    expect(await pending).toMatchObject({ token: 2 });
  });

  test('L12: without any edge it still progresses by its reconcile timer', async () => {
    const { clock, store, manager } = scripted([sees(other), sees(other)]);
    const pending = manager.acquire(KEY, waiting);
    await clock.advance(100);
    store.goOn(sees(recordOf([], { token: 4 }), 'r2'), applies('r3'));
    await clock.advance(POLL_MS * 1.15);
    expect(await pending).toMatchObject({ token: 5 });
    expect(store.openWatches).toBe(0);
    store.verify();
  });

  test('L12: edges alone own nothing: each is followed by a read', async () => {
    const { clock, store, manager } = scripted([sees(other), sees(other), sees(other)]);
    const giveUp = new AbortController();
    const pending = manager.acquire(KEY, { ...waiting, signal: giveUp.signal });
    await clock.advance(10);
    store.emitEdge();
    await clock.advance(10);
    giveUp.abort(new CancelledError('enough'));
    await expect(pending).rejects.toMatchObject({ code: 'cancelled' });
    expect(store.writes).toEqual([]);
    store.verify();
  });

  test('L12: an edge wakes it after a random moment, so that a crowd does not come at once', async () => {
    const clock = createManualClock();
    const store = createScriptedStore([sees(other, 'r1'), sees(other, 'r1')], { nativeWatch: true });
    const manager = createLeaseManager({ store, clock: { ...clock, random: () => 0.5 } });
    const pending = manager.acquire(KEY, waiting);
    await settle();
    await settle();
    store.goOn(sees(recordOf([]), 'r2'), applies('r3'));
    store.emitEdge();
    await settle();
    expect(store.writes).toHaveLength(0);
    await clock.advance(1);
    expect(await pending).toMatchObject({ token: 1 });
    store.verify();
  });

  test('L12: each race it lost doubles the moment, so that a crowd thins out by itself', async () => {
    const clock = createManualClock();
    const store = createScriptedStore([sees(other, 'r1'), sees(other, 'r1')], { nativeWatch: true });
    const manager = createLeaseManager({ store, clock: { ...clock, random: () => 0.5 } });
    const pending = manager.acquire(KEY, waiting);
    await settle();
    await settle();
    store.goOn(sees(recordOf([]), 'r2'), refuses({ record: other, revision: 'r3' }));
    store.emitEdge();
    await clock.advance(1);
    expect(store.writes).toHaveLength(1);
    store.goOn(sees(recordOf([]), 'r4'), applies('r5'));
    store.emitEdge();
    await clock.advance(1);
    expect(store.writes).toHaveLength(1);
    await clock.advance(1);
    expect(await pending).toMatchObject({ token: 1 });
    store.verify();
  });

  test.each([
    [0, 1700, 10_101],
    [1 - 2 ** -32, 2300, 10_151],
  ])('L12: by chance %d it looks each %d ms and takes over after %d', async (chance, lookMs, takeoverMs) => {
    const { clock, backend, open } = processes();
    const crashed = open();
    await hold(crashed);
    await crashed.close();
    const store = createMemoryStore({ clock, backend });
    const looksAtMs: number[] = [];
    const polled: Store = {
      ...store,
      capabilities: { ...store.capabilities, nativeWatch: false },
      get(key, given) {
        looksAtMs.push(Math.round(clock.monotonicMs()));
        return store.get(key, given);
      },
    };
    const manager = createLeaseManager({ store: polled, clock: { ...clock, random: () => chance } });
    const pending = manager.acquire(KEY, waiting);
    await clock.advance(takeoverMs + 1);
    expect(await pending).toMatchObject({ token: 2 });
    expect(looksAtMs.slice(0, 4)).toEqual([0, 1, 2, 3].map((look) => look * lookMs));
    expect(looksAtMs.at(-1)).toBe(takeoverMs);
    await manager.close();
  });

  test('L12, L13: of many waiters each owns in the end, in whatever order', async () => {
    const { clock, open, record } = processes();
    const tokens: number[] = [];
    const contend = async () => {
      const lease = await open().acquire(KEY, waiting);
      tokens.push(lease?.token ?? 0);
      await lease?.release();
    };
    const all = Promise.all(Array.from({ length: 12 }, contend));
    await clock.advance(120_000);
    await all;
    expect(tokens).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(record()).toMatchObject({ state: 'free', token: 12 });
    expect(clock.pendingTimers).toBe(0);
  });

  test('L13: in order fifo the first to queue is the first to own', async () => {
    const { clock, open } = processes();
    const first = await hold(open(), { order: 'fifo' });
    const owned: string[] = [];
    const contend = async (name: string) => {
      const lease = await open().acquire(KEY, { ...waiting, holder: named(name), order: 'fifo' });
      owned.push(name);
      await lease?.release();
    };
    const pending: Promise<void>[] = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      pending.push(contend(name));
      await clock.advance(50);
    }
    await first.release();
    await clock.advance(60_000);
    await Promise.all(pending);
    expect(owned).toEqual(['a', 'b', 'c', 'd']);
  });

  test('in order fifo a place in the queue is kept alive for as long as its owner waits', async () => {
    const { clock, open, record } = processes();
    // Nothing but the own ticket wakes them: the holder renews seldom, and looking again is far away.
    const first = await hold(open(), { order: 'fifo', leaseMs: 600_000 });
    const owned: string[] = [];
    const pending = ['a', 'b', 'c', 'd', 'e'].map(async (name, index) => {
      await sleep(clock, 50 * index);
      const lease = await open().acquire(KEY, {
        ...options,
        pollMs: 300_000,
        holder: named(name),
        order: 'fifo',
      });
      owned.push(name);
      await lease?.release();
    });
    // Several leases long: whoever watches a ticket that is not renewed takes its owner for dead.
    await clock.advance(4 * LEASE_MS);
    const beats = (record().tickets as { seq: number }[]).map(({ seq }) => seq);
    expect(beats).toHaveLength(5);
    expect(Math.min(...beats)).toBeGreaterThanOrEqual(8);
    await first.release();
    await clock.advance(60_000);
    await Promise.all(pending);
    expect(owned).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('in order fifo one that gave up leaves the queue at once', async () => {
    const { clock, open, record } = processes();
    await hold(open(), { order: 'fifo' });
    const giveUp = new AbortController();
    const pending = open().acquire(KEY, { ...waiting, order: 'fifo', signal: giveUp.signal });
    await clock.advance(50);
    expect(record().tickets).toHaveLength(1);
    giveUp.abort(new CancelledError('enough'));
    await expect(pending).rejects.toMatchObject({ code: 'cancelled' });
    await clock.advance(50);
    expect(record().tickets).toHaveLength(0);
  });

  test('L2: with two permits two own, the third waits for either', async () => {
    const { clock, open, record } = processes();
    const permits = { permits: 2 };
    const first = await hold(open(), permits);
    await hold(open(), permits);
    const pending = open().acquire(KEY, { ...waiting, ...permits });
    await clock.advance(100);
    expect(record().entries).toHaveLength(2);
    await first.release();
    await clock.advance(100);
    expect(await pending).toMatchObject({ token: 3 });
    expect(record().entries).toHaveLength(2);
  });

  test('the wait ends without ownership when the work is already done', async () => {
    const { clock, open, record } = processes();
    const holder = await hold(open());
    const pending = open().acquire(KEY, {
      ...waiting,
      isDone: ({ record: seen }) => seen?.note['done'] === true,
    });
    await clock.advance(100);
    await holder.release({ updateNote: () => ({ done: true }) });
    await clock.advance(100);
    expect(await pending).toBeNull();
    expect(record()).toMatchObject({ state: 'free', token: 1 });
    expect(clock.pendingTimers).toBe(0);
  });

  test('L11: evidence is asked at most once per reconcile interval and holder, and wakes the wait', async () => {
    const { clock, open } = processes();
    await hold(open());
    const askedAtMs: number[] = [];
    const isDead = async () => askedAtMs.push(clock.monotonicMs()) > 2;
    const pending = open({ isDead }).acquire(KEY, waiting);
    await clock.advance(POLL_MS * 4);
    expect(await pending).toMatchObject({ token: 2 });
    expect(askedAtMs).toHaveLength(3);
    for (const [at, ms] of askedAtMs.entries()) {
      if (at > 0) expect(ms - (askedAtMs[at - 1] ?? 0)).toBeGreaterThanOrEqual(POLL_MS);
    }
  });

  test('trouble of the store while waiting is waited out', async () => {
    const { clock, store, manager } = scripted([failsToRead(), failsToRead(), sees(null), applies('r1')]);
    const pending = manager.acquire(KEY, waiting);
    await clock.advance(200);
    expect(await pending).toMatchObject({ token: 1 });
    store.verify();
  });

  test('a deadline is a deadline where the store answered, and no answer where it never did', async () => {
    const busy = scripted([sees(other), sees(other)]);
    const late = new AbortController();
    const waited = busy.manager.acquire(KEY, { ...waiting, signal: late.signal });
    await busy.clock.advance(100);
    late.abort(new DeadlineError('the lease'));
    await expect(waited).rejects.toMatchObject({ code: 'deadline' });

    const silent = scripted([isSilent('get')]);
    const never = new AbortController();
    const unanswered = silent.manager.acquire(KEY, { ...waiting, signal: never.signal });
    await silent.clock.advance(2600);
    never.abort(new DeadlineError('the lease'));
    await expect(unanswered).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('L14: given up with its write in doubt, it takes out what landed in the background', async () => {
    const { clock, store, manager } = scripted([sees(null), isSilent('compareAndSet')]);
    const giveUp = new AbortController();
    const pending = manager.acquire(KEY, { ...waiting, signal: giveUp.signal });
    await settle();
    store.goOn(sees(store.writes[0]?.record ?? null, 'r1'), applies('r2'));
    giveUp.abort(new CancelledError('enough'));
    await expect(pending).rejects.toMatchObject({ code: 'cancelled' });
    await manager.close();
    expect(store.writes[1]).toMatchObject({ expect: 'r1', record: { state: 'free', token: 1 } });
    expect(clock.pendingTimers).toBe(0);
    store.verify();
  });

  test('L14: given up before its write landed, it makes that write impossible', async () => {
    const free = recordOf([], { token: 4 });
    const { store, manager } = scripted([
      sees(free, 'r4'),
      isSilent('compareAndSet'),
      sees(free, 'r4'),
      applies('r5'),
    ]);
    const giveUp = new AbortController();
    const pending = manager.acquire(KEY, { ...waiting, signal: giveUp.signal });
    await settle();
    giveUp.abort(new CancelledError('enough'));
    await expect(pending).rejects.toMatchObject({ code: 'cancelled' });
    await manager.close();
    expect(store.writes[1]).toEqual({ expect: 'r4', record: free });
    store.verify();
  });

  test('a signal that aborted before sends nothing', async () => {
    const { store, manager } = scripted([]);
    const signal = AbortSignal.abort(new CancelledError('before'));
    await expect(manager.acquire(KEY, { ...waiting, signal })).rejects.toMatchObject({ message: 'before' });
    await expect(manager.tryAcquire(KEY, { ...options, signal })).rejects.toMatchObject({
      message: 'before',
    });
    await expect(manager.read(KEY, { signal })).rejects.toMatchObject({ message: 'before' });
    store.verify();
  });
});

describe('one process', () => {
  test('L15: the second acquire of a key waits for the first without asking the store', async () => {
    const { store, manager } = scripted([sees(null), applies('r1'), applies('r2')]);
    const first = await manager.acquire(KEY, waiting);
    const second = manager.acquire(KEY, waiting);
    await settle();
    store.goOn(sees(recordOf([], { token: 1 }), 'r2'), applies('r3'));
    await first?.release();
    expect(await second).toMatchObject({ token: 2 });
    store.verify();
  });

  test('L15: tryAcquire answers busy with our own holder, and asks nobody', async () => {
    const { store, manager } = scripted([sees(null), applies('r1')]);
    await hold(manager, { holder: named('ourselves') });
    expect(await manager.tryAcquire(KEY, options)).toMatchObject({
      acquired: false,
      holder: { text: 'ourselves' },
    });
    store.verify();
  });

  test('L15: a lease that was lost makes room for the next', async () => {
    const { clock, store, manager } = scripted([sees(null), applies('r1')]);
    const first = await hold(manager);
    clock.jumpWall(LEASE_MS);
    expect(first.validForMs()).toBe(0);
    store.goOn(sees(other, 'r2'));
    expect(await manager.tryAcquire(KEY, options)).toMatchObject({ holder: { text: 'other' } });
    store.verify();
  });

  test('many acquisitions at once are no leak: Node has nothing to say about their listeners', () => {
    // In a process of its own: the test runner's does not hand warnings on.
    const script = `
      import { systemClock as clock } from './src/base/clock.ts';
      import { createLeaseManager } from './src/lease/manager.ts';
      import { createMemoryStore } from './src/store/drivers/memory.ts';
      const manager = createLeaseManager({ store: createMemoryStore({ clock }), clock });
      const given = { leaseMs: 5000, pollMs: 1000, holder: { text: 'a', host: 'b', pid: 1 } };
      const contend = async () => (await manager.acquire('test/lock/key', given)).release();
      await Promise.all(Array.from({ length: 20 }, contend));
      await manager.close();
    `;
    const args = ['--import', './scripts/register-ts.js', '--input-type=module', '-e', script];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('L15: one that gives up in line lets the next one pass', async () => {
    const { clock, open } = processes();
    const manager = open();
    const first = await hold(manager);
    const giveUp = new AbortController();
    const second = manager.acquire(KEY, { ...waiting, signal: giveUp.signal });
    const third = manager.acquire(KEY, waiting);
    giveUp.abort(new CancelledError('enough'));
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    await first.release();
    await clock.advance(10);
    expect(await third).toMatchObject({ token: 2 });
  });

  test('different keys do not wait for each other', async () => {
    const { open } = processes();
    const manager = open();
    await hold(manager);
    expect((await manager.tryAcquire('test/lock/second', options)).acquired).toBe(true);
  });
});

describe('forceRelease', () => {
  test('L1: frees the key with a token higher than the old holder had, who then finds out', async () => {
    const { clock, open, record } = processes();
    const victim = await hold(open());
    expect(await open().forceRelease(KEY, { holder: named('operator') })).toBe(2);
    expect(record()).toMatchObject({ state: 'free', token: 2, entries: [] });
    await clock.advance(LEASE_MS / 2);
    expect(victim.signal.aborted).toBe(true);
    expect((await hold(open())).token).toBe(3);
  });

  test('is null where nobody holds the key', async () => {
    const { open } = processes();
    expect(await open().forceRelease(KEY, { holder: HOLDER })).toBeNull();
    const lease = await hold(open());
    await lease.release();
    expect(await open().forceRelease(KEY, { holder: HOLDER })).toBeNull();
  });

  test('in doubt is settled by its own token', async () => {
    const freed = recordOf([], { token: 5 });
    const { clock, store, manager } = scripted([sees(other), leavesInDoubt(), sees(freed, 'r2')]);
    const pending = manager.forceRelease(KEY, { holder: HOLDER });
    await clock.advance(2000);
    expect(await pending).toBe(5);
    store.verify();
  });
});

describe('close', () => {
  test('ends waits and validity, writes nothing and leaves no timer, watch or listener', async () => {
    const { clock, store, manager } = scripted([sees(null), applies('r1'), sees(other), sees(other)]);
    const lease = await hold(manager);
    const pending = manager.acquire('test/lock/second', waiting);
    await clock.advance(100);
    const outcome = expect(pending).rejects.toMatchObject({ code: 'cancelled' });
    await manager.close();
    await outcome;
    expect(lease.signal.reason).toMatchObject({ code: 'lease-lost' });
    expect(store.writes).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
    expect(store.openWatches).toBe(0);
    await expect(manager.read(KEY)).rejects.toMatchObject({ code: 'cancelled' });
    store.verify();
  });
});
