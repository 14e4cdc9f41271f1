import { setMaxListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../src/base/clock.ts';
import { CancelledError } from '../../src/base/errors.ts';
import { parseSharedRecord } from '../../src/throttle/shared-record.ts';
import { createSharedThrottle, type SharedThrottleOptions } from '../../src/throttle/shared-throttle.ts';
import { createFaultyNetwork, type FaultDecider, type FaultPlan } from '../support/faulty-store.ts';
import { createManualClock, settle } from '../support/manual-clock.ts';

const KEY = 'test/throttle/account';

function setUp({ decide, remaining = 0 }: { decide?: FaultDecider; remaining?: number | null } = {}) {
  const clock = createManualClock();
  const network = createFaultyNetwork({ clock, ...(decide ? { decide } : {}) });
  const log: string[] = [];
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const open = (name: string, overrides: Partial<SharedThrottleOptions> = {}) => {
    const throttle = createSharedThrottle({
      settings: { emissionIntervalMs: 100, burst: 1000, reserve: 0 },
      store: network.open(name),
      key: KEY,
      clock,
      logger: {
        error: (line) => void log.push(`error ${line}`),
        warn: (line) => void log.push(`warn ${line}`),
        info: (line) => void log.push(`info ${line}`),
        debug: () => undefined,
      },
      ...(remaining === null ? {} : { countRemaining: async () => remaining }),
      ...overrides,
    });
    const granted: number[] = [];
    const take = (own: AbortSignal = signal) =>
      throttle.take({ signal: own }).then(() => void granted.push(Math.round(clock.monotonicMs())));
    return { throttle, granted, take };
  };
  const record = () => {
    const entry = network.backend.read(KEY);
    return entry && parseSharedRecord(KEY, entry.value);
  };
  return { clock, network, log, open, record, signal };
}

describe('a shared throttle', () => {
  test('grants slots of one virtual clock to all who share it, none twice', async () => {
    const { clock, open } = setUp();
    const [one, two] = [open('one'), open('two')];
    for (let n = 0; n < 5; n += 1) {
      void one.take();
      void two.take();
    }
    await clock.advance(3000);
    expect([...one.granted, ...two.granted].sort((a, b) => a - b)).toEqual([
      100, 200, 300, 400, 500, 600, 700, 800, 900, 1000,
    ]);
    expect(Math.abs(one.granted.length - two.granted.length)).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('grants first come, first served; who gives up leaves his place to the next, and no timer', async () => {
    const { clock, open } = setUp();
    const { take, granted } = open('one');
    const quitter = new AbortController();
    const quit = take(quitter.signal);
    void take();
    await clock.advance(50);
    quitter.abort(new CancelledError('enough'));
    await expect(quit).rejects.toThrow('enough');
    await clock.advance(1000);
    // The slot that was waited for is the next one's.
    expect(granted).toEqual([100]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('catches up with the axis by what it reads: who joined after a long silence is late once, not for ever', async () => {
    const { clock, open } = setUp({ remaining: null });
    const [one, two] = [open('one'), open('two')];
    void one.take();
    await clock.advance(500_000);
    // To the newcomer it looks as if the record had just been written.
    void two.take();
    await clock.advance(100);
    void one.take();
    await clock.advance(400);
    void two.take();
    await clock.advance(400);
    expect(two.granted).toHaveLength(2);
    expect(two.granted.at(-1)).toBeLessThanOrEqual(500_700);
  });

  test('begun by two at once goes by the axis of the one whose record stood: the other one is not ahead', async () => {
    const { clock, open } = setUp();
    await clock.advance(10_000);
    // It looked first, and took long to ask the provider.
    const early = open('early', {
      countRemaining: async () => {
        await sleep(clock, 2000);
        return 0;
      },
    });
    for (let n = 0; n < 10; n += 1) void early.take();
    await clock.advance(1900);
    const late = open('late');
    for (let n = 0; n < 10; n += 1) void late.take();
    await clock.advance(600);
    // From 1,900 on one slot each 100 ms, whoever has it.
    expect(early.granted.length + late.granted.length).toBeLessThanOrEqual(6);
    await clock.advance(5000);
    expect(early.granted.length + late.granted.length).toBe(20);
  });

  test('asks the provider once how many are left, and the store not at all while that is plenty', async () => {
    const { clock, network, open } = setUp({ remaining: 900 });
    const { take, granted, throttle } = open('one');
    void take();
    await settle();
    const writes = network.changes.length;
    for (let n = 0; n < 50; n += 1) void take();
    await settle();
    expect(granted).toHaveLength(51);
    expect(network.changes.length - writes).toBe(0);
    expect(throttle.storeCalls).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test('obeys Retry-After, and makes the others obey it', async () => {
    const { clock, open } = setUp();
    const [one, two] = [open('one'), open('two')];
    void one.take();
    await clock.advance(150);
    one.throttle.observe({ throttled: true, retryAfterMs: 5000 });
    void one.take();
    await clock.advance(10);
    void two.take();
    await clock.advance(20_000);
    expect(one.granted[1]).toBeGreaterThanOrEqual(5150);
    expect(two.granted[0]).toBeGreaterThanOrEqual(5150);
    expect(one.throttle.throttledCount).toBe(1);
  });

  test('believes an answer that shows less than expected, and so do the others', async () => {
    const { clock, open } = setUp({ remaining: 30 });
    const [one, two] = [open('one'), open('two', { countRemaining: async () => 2 })];
    void one.take();
    await settle();
    // Somebody outside has spent nearly all of it.
    one.throttle.observe({ throttled: false, remaining: 2 });
    void one.take();
    await settle();
    for (let n = 0; n < 5; n += 1) void two.take();
    await settle();
    expect(two.granted.length).toBeLessThanOrEqual(3);
    await clock.advance(1000);
    expect(two.granted).toHaveLength(5);
  });

  test('says when the next call would go, those of the others before it', async () => {
    const { clock, open } = setUp();
    const [one, two] = [open('one'), open('two')];
    void one.take();
    await settle();
    void two.take();
    await settle();
    expect(two.throttle.delayMs()).toBe(300);
    await clock.advance(1000);
    expect(two.throttle.delayMs()).toBe(0);
  });

  test('leaves the reserve, also when that means waiting for the others', async () => {
    const { clock, open } = setUp({ remaining: 10 });
    const careful = open('careful', { settings: { emissionIntervalMs: 100, burst: 1000, reserve: 8 } });
    for (let n = 0; n < 4; n += 1) void careful.take();
    await settle();
    expect(careful.granted).toHaveLength(2);
    await clock.advance(1000);
    expect(careful.granted).toHaveLength(4);
    expect(clock.pendingTimers).toBe(0);
  });

  test('gives back what it did not spend when it is closed: the next one has it at once', async () => {
    const { clock, open, record } = setUp();
    const slow: FaultPlan = { requestMs: 200, replyMs: 200 };
    const { open: openSlow, clock: slowClock, record: slowRecord } = setUp({ decide: () => slow });
    const { take, throttle } = openSlow('one');
    void take();
    await slowClock.advance(5000);
    void take();
    await slowClock.advance(1000);
    const before = slowRecord();
    expect(before?.lanes[0]?.slots).toBeGreaterThan(1);
    const closed = throttle.close();
    await slowClock.advance(2000);
    await closed;
    expect(slowRecord()?.lanes).toEqual([]);
    expect((before?.tatMs ?? 0) - (slowRecord()?.tatMs ?? 0)).toBeGreaterThan(100);
    expect(slowClock.pendingTimers).toBe(0);
    // Closing what never reserved touches nothing, and closing twice does nothing.
    const idle = open('idle');
    await idle.throttle.close();
    await idle.throttle.close();
    expect(record()).toBeNull();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a shared throttle whose store fails', () => {
  test('paces alone, says so once, and comes back by itself', async () => {
    let isDown = true;
    const { clock, log, open } = setUp({
      decide: () => (isDown ? { fault: 'refuse' } : {}),
      remaining: null,
    });
    const { take, granted, throttle } = open('one');
    void take();
    await clock.advance(1000);
    expect(granted).toHaveLength(1);
    expect(throttle.isShared).toBe(false);
    for (let n = 0; n < 20; n += 1) {
      void take();
      await clock.advance(5000);
    }
    expect(granted).toHaveLength(21);
    expect(log).toEqual([expect.stringMatching(/^warn the shared throttle is out of reach/)]);
    isDown = false;
    await clock.advance(70_000);
    void take();
    await clock.advance(100);
    expect(throttle.isShared).toBe(true);
    expect(log).toHaveLength(1);
    await throttle.close();
  });

  test('waits no longer than one call limit for a store that is silent', async () => {
    const { clock, open } = setUp({ decide: () => ({ fault: 'blackhole' }), remaining: null });
    const { take, granted, throttle } = open('one', { callTimeoutMs: 2000 });
    void take();
    await clock.advance(10_000);
    expect(granted).toHaveLength(1);
    expect(granted[0]).toBeLessThanOrEqual(2100);
    // While it paces alone nobody waits for the store again.
    void take();
    await settle();
    expect(granted).toHaveLength(2);
    const closed = throttle.close();
    await clock.advance(5000);
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });

  test('takes a block once whose reply was lost, and does not reserve it again', async () => {
    let lost = 0;
    const { clock, open, record } = setUp({
      decide: ({ kind }) => (kind === 'compareAndSet' && lost++ === 0 ? { fault: 'lose-reply' } : {}),
    });
    const { take, granted, log } = { ...open('one'), log: [] };
    void take();
    await clock.advance(1000);
    expect(granted).toEqual([100]);
    expect(record()?.total).toBe(1);
    expect(log).toEqual([]);
  });

  test('recognises it also where the read that should settle it fails, too', async () => {
    const faults: FaultPlan[] = [{}, { fault: 'lose-reply' }, { fault: 'refuse' }];
    const { clock, open, record } = setUp({ decide: () => faults.shift() ?? {} });
    const { take, granted, throttle } = open('one');
    void take();
    await clock.advance(2000);
    expect(granted).toHaveLength(1);
    expect(record()?.total).toBe(1);
    expect(throttle.isShared).toBe(true);
  });

  test('recognises a write of its own that arrived after it was given up', async () => {
    let writes = 0;
    const { clock, open, record } = setUp({
      decide: ({ kind }) =>
        kind === 'compareAndSet' && writes++ === 0 ? { fault: 'apply-late', lateMs: 5 } : {},
    });
    const { take, granted } = open('one');
    void take();
    await clock.advance(2000);
    expect(granted).toHaveLength(1);
    expect(record()?.total).toBe(1);
  });

  test('goes on from what was known where the store forgot the record: a bucket that was empty is not full', async () => {
    const { clock, network, open, record } = setUp();
    const [one, two] = [open('one'), open('two')];
    for (let n = 0; n < 30; n += 1) {
      void one.take();
      void two.take();
    }
    await clock.advance(1000);
    const before = record();
    // A server without persistence was started again.
    network.backend.write(KEY, network.backend.read(KEY)?.revision ?? null, null);
    await clock.advance(2000);
    // As many as the bucket regained, and one more each at most for what the other's latest writes had said.
    const granted = one.granted.length + two.granted.length;
    expect(granted).toBeGreaterThanOrEqual(29);
    expect(granted).toBeLessThanOrEqual(32);
    expect(record()?.total).toBeGreaterThan(before?.total ?? Number.POSITIVE_INFINITY);
  });

  test('leaves a foreign record alone, and paces alone', async () => {
    const { clock, network, log, open } = setUp();
    network.backend.write(KEY, null, '{"v":7}');
    const { take, granted } = open('one');
    void take();
    await clock.advance(100);
    expect(granted).toHaveLength(1);
    expect(network.backend.read(KEY)?.value).toBe('{"v":7}');
    expect(log).toEqual([expect.stringMatching(/not of version 1/)]);
  });

  test('a process that crashes with a block in hand costs the others no more than that block', async () => {
    const { clock, network, open } = setUp();
    const crashing = open('crashing');
    void crashing.take();
    await settle();
    network.open('crashing').pause();
    const { take, granted } = open('other');
    for (let n = 0; n < 10; n += 1) void take();
    await clock.advance(1200);
    expect(granted).toHaveLength(10);
    expect(granted.at(-1)).toBeLessThanOrEqual(1100);
  });
});
