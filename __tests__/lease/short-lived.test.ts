// Processes that ask once and go away: each a fresh observer that never sees a record unchanged for a lease. Virtual time.
import { describe, expect, test } from '@jest/globals';
import type { Clock } from '../../src/base/clock.ts';
import { CancelledError, DeadlineError } from '../../src/base/errors.ts';
import type { Lease, LeaseManager, TryAcquireOptions } from '../../src/lease/contract.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import { type LeaseProtocol, leaseProtocol } from '../../src/lease/protocol.ts';
import { createMemoryBackend, createMemoryStore } from '../../src/store/drivers/memory.ts';
import { meterStore } from '../../src/store/metered.ts';
import { HOLDER } from '../support/lease-scripted-store.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';

const KEY = 'test/lock/key';
const LEASE_MS = 10_000;
const POLL_MS = 2000;
const CLOCK_ID = '04fdd084-3c38-43bb-8ec5-bc14032abe54/4026531834';
const options = { leaseMs: LEASE_MS, holder: HOLDER };
const observing = { ...options, observeSuspect: { pollMs: POLL_MS } };

/** Processes over one store; those of one machine share its clock where it has a name. */
function world(clockId?: string) {
  const clock = createManualClock(clockId === undefined ? {} : { clockId });
  const backend = createMemoryBackend();
  const open = (settings: { clock?: Clock; protocol?: LeaseProtocol } = {}) => {
    const ownClock = settings.clock ?? clock.ofProcess(clock.monotonicMs());
    const inner = createMemoryStore({ clock: ownClock, backend });
    let isDead = false;
    // What a killed process sends is never sent; nor does anything answer it.
    const unlessDead = <T>(call: () => Promise<T>) => (isDead ? new Promise<T>(() => undefined) : call());
    const store = meterStore({
      ...inner,
      get: (...args) => unlessDead(() => inner.get(...args)),
      compareAndSet: (...args) => unlessDead(() => inner.compareAndSet(...args)),
    });
    const manager = createLeaseManager({ store, ...settings, clock: ownClock });
    const kill = () => {
      isDead = true;
    };
    return { ...manager, kill, requests: () => store.requests };
  };
  const entries = () => JSON.parse(backend.read(KEY)?.value ?? '{"entries":[]}').entries;
  const tickets = () => JSON.parse(backend.read(KEY)?.value ?? '{"tickets":[]}').tickets;
  return { clock, open, entries, tickets };
}

const hold = async (manager: LeaseManager, extra: Partial<TryAcquireOptions> = {}): Promise<Lease> => {
  const result = await manager.tryAcquire(KEY, { ...options, ...extra });
  if (!result.acquired) throw new Error(`busy: ${result.holder.text}`);
  return result.lease;
};

describe('on one machine', () => {
  test('L4, L11: a killed holder costs one lease: who comes then takes over at once, who comes before is told when', async () => {
    const { clock, open } = world(CLOCK_ID);
    const first = open();
    await hold(first);
    first.kill();
    await clock.advance(10_099);
    expect(await open().tryAcquire(KEY, options)).toMatchObject({ acquired: false, retryAfterMs: 1 });
    await clock.advance(1);
    const next = open();
    expect(await next.tryAcquire(KEY, options)).toMatchObject({ acquired: true, lease: { token: 2 } });
    expect(next.requests()).toBe(2);
  });

  test('a living holder keeps it, however often strangers ask', async () => {
    const { clock, open } = world(CLOCK_ID);
    const lease = await hold(open());
    for (let times = 0; times < 20; times += 1) {
      await clock.advance(2500);
      const other = open();
      expect((await other.tryAcquire(KEY, observing)).acquired).toBe(false);
      expect(other.requests()).toBe(1);
    }
    expect(lease.signal.aborted).toBe(false);
  });

  test('the queue: a killed waiter is passed over after its lease', async () => {
    const { clock, open, tickets } = world(CLOCK_ID);
    const fifo = { order: 'fifo' } as const;
    const holder = await hold(open(), fifo);
    const waiter = open();
    const giveUp = new AbortController();
    const waiting = waiter.acquire(KEY, { ...options, ...fifo, pollMs: POLL_MS, signal: giveUp.signal });
    while (tickets().length === 0) await settle();
    waiter.kill();
    await holder.release();
    expect((await open().tryAcquire(KEY, { ...options, ...fifo })).acquired).toBe(false);
    await clock.advance(10_100);
    expect((await open().tryAcquire(KEY, { ...options, ...fifo })).acquired).toBe(true);
    giveUp.abort(new CancelledError('killed'));
    await expect(waiting).rejects.toThrow('killed');
  });

  test('L3: who is stopped between its stamp and the sending counts from the stamp', async () => {
    const { clock, open } = world(CLOCK_ID);
    let stoppedMs = 0;
    const own = clock.ofProcess(0);
    const late: Clock = {
      ...own,
      monotonicMs: () => own.monotonicMs() + stoppedMs,
      wallMs: () => own.wallMs() + stoppedMs,
      machineTime: () => ({ clockId: CLOCK_ID, ms: own.monotonicMs() + stoppedMs }),
    };
    const protocol: LeaseProtocol = {
      ...leaseProtocol,
      markOf(sentAt) {
        const mark = leaseProtocol.markOf(sentAt);
        stoppedMs += 3000;
        return mark;
      },
    };
    const lease = await hold(open({ clock: late, protocol }));
    expect(lease.validForMs()).toBe(6500);
    await lease.renew();
    expect(lease.validForMs()).toBe(6500);
  });
});

describe('who leaves when it is busy', () => {
  test('L11: takes over from a silent holder of another machine after one lease, though it came late', async () => {
    const { clock, open } = world();
    const first = open();
    await hold(first);
    first.kill();
    await clock.advance(LEASE_MS + 1);
    const seen: string[] = [];
    const onObserve = ({ text }: { text: string }) => void seen.push(text);
    const result = open().tryAcquire(KEY, { ...options, observeSuspect: { pollMs: POLL_MS, onObserve } });
    await clock.advance(10_099);
    expect(seen).toEqual([HOLDER.text]);
    await clock.advance(POLL_MS);
    expect(await result).toMatchObject({ acquired: true, lease: { token: 2 } });
  });

  test('leaves at once within the lease, after one read', async () => {
    const { clock, open } = world();
    const first = open();
    await hold(first);
    first.kill();
    await clock.advance(LEASE_MS);
    const other = open();
    expect((await other.tryAcquire(KEY, observing)).acquired).toBe(false);
    expect(other.requests()).toBe(1);
  });

  test('leaves as soon as a holder whose clock is off renews', async () => {
    const { clock, open } = world();
    const behind = clock.ofProcess(0);
    const skewed: Clock = { ...behind, wallMs: () => behind.wallMs() - 3_600_000 };
    const lease = await hold(open({ clock: skewed }));
    const result = open().tryAcquire(KEY, observing);
    await clock.advance(LEASE_MS / 3 + POLL_MS);
    expect(await result).toMatchObject({ acquired: false });
    expect(lease.signal.aborted).toBe(false);
    expect(clock.monotonicMs()).toBeLessThan(LEASE_MS);
  });

  test('takes it where the suspect gave it back meanwhile', async () => {
    const { clock, open } = world();
    const behind = clock.ofProcess(0);
    const lease = await hold(open({ clock: { ...behind, wallMs: () => behind.wallMs() - 3_600_000 } }));
    const result = open().tryAcquire(KEY, observing);
    await clock.advance(100);
    await lease.release();
    await clock.advance(POLL_MS);
    expect(await result).toMatchObject({ acquired: true, lease: { token: 2 } });
  });

  test('of sixty who observe one takes over, the others leave', async () => {
    const { clock, open, entries } = world();
    const first = open();
    await hold(first);
    first.kill();
    await clock.advance(2 * LEASE_MS);
    const results = Array.from({ length: 60 }, () => open().tryAcquire(KEY, observing));
    await clock.advance(LEASE_MS * 1.01 + POLL_MS);
    const acquired = (await Promise.all(results)).filter((result) => result.acquired);
    expect(acquired).toHaveLength(1);
    expect(entries()).toMatchObject([{ token: 2 }]);
  });

  test('a budget that ends meanwhile leaves it busy; an interrupt ends it with its reason; both leave nothing behind', async () => {
    const { clock, open, entries } = world();
    const first = open();
    await hold(first);
    first.kill();
    await clock.advance(LEASE_MS + 1);
    const over = new AbortController();
    const interrupted = new AbortController();
    const late = open().tryAcquire(KEY, { ...observing, signal: over.signal });
    const stopped = open().tryAcquire(KEY, { ...observing, signal: interrupted.signal });
    await clock.advance(1000);
    over.abort(new DeadlineError('the budget is over'));
    interrupted.abort(new CancelledError('interrupted'));
    expect(await late).toMatchObject({ acquired: false, holder: { text: HOLDER.text } });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    await settle();
    expect(entries()).toMatchObject([{ token: 1 }]);
  });
});
