// The handle, call by call, against a scripted store and a clock moved by hand.
import { describe, expect, test } from '@jest/globals';
import type { Lease } from '../../src/lease/contract.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
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
  type ScriptedStore,
  type Step,
  sees,
} from '../support/lease-scripted-store.ts';
import { createManualClock } from '../support/manual-clock.ts';

const KEY = 'test/lock/key';
const LEASE_MS = 60_000;
const VALID_MS = 57_000;

async function acquired(...steps: Step[]) {
  const clock = createManualClock();
  const store = createScriptedStore([sees(null), applies('r1'), ...steps]);
  const manager = createLeaseManager({ store, clock });
  const result = await manager.tryAcquire(KEY, { leaseMs: LEASE_MS, holder: HOLDER });
  if (!result.acquired) throw new Error('busy');
  return { clock, store, manager, lease: result.lease };
}

const mine = (lease: Lease, seq: number) =>
  recordOf([entryOf(lease.nonce, { token: 1, seq, leaseMs: LEASE_MS, holder: HOLDER })]);
const taken = recordOf([entryOf('other', { token: 2 })]);
const lastWrite = (store: ScriptedStore) => store.writes.at(-1);

describe('a lease', () => {
  test('L3: is valid for the lease less the margin from before its write was sent', async () => {
    const clock = createManualClock();
    let reply: (result: { ok: true; revision: string }) => void = () => undefined;
    const late = new Promise<{ ok: true; revision: string }>((resolve) => {
      reply = resolve;
    });
    const store = createScriptedStore([sees(null), answersWith(late)]);
    const manager = createLeaseManager({ store, clock });
    const pending = manager.tryAcquire(KEY, { leaseMs: LEASE_MS, holder: HOLDER });
    await clock.advance(14_000);
    reply({ ok: true, revision: 'r1' });
    const result = await pending;
    expect(result.acquired && result.lease.validForMs()).toBe(VALID_MS - 14_000);
    store.verify();
  });

  test('L1: renews each third of the lease on what it wrote last, with the same token', async () => {
    const { clock, store, lease } = await acquired(applies('r2'), applies('r3'));
    await clock.advance(45_000);
    expect(
      store.writes.map(({ expect: from, record }) => [from, record.token, record.entries[0]?.seq]),
    ).toEqual([
      [null, 1, 0],
      ['r1', 1, 1],
      ['r2', 1, 2],
    ]);
    expect(lease.view.revision).toBe('r3');
    expect(lease.validForMs()).toBeGreaterThan(VALID_MS - 25_000);
    store.verify();
  });

  test.each([
    [0, 18_000],
    [0.5, 20_000],
    [1 - 2 ** -32, 22_000],
  ])(
    'renews with jitter, so that holders do not renew in step: chance %d after %d ms',
    async (chance, dueMs) => {
      const clock = createManualClock();
      const store = createScriptedStore([sees(null), applies('r1'), applies('r2')]);
      const manager = createLeaseManager({ store, clock: { ...clock, random: () => chance } });
      await manager.tryAcquire(KEY, { leaseMs: LEASE_MS, holder: HOLDER });
      await clock.advance(dueMs - 1);
      expect(store.writes).toHaveLength(1);
      await clock.advance(1);
      expect(store.writes).toHaveLength(2);
      store.verify();
    },
  );

  test('L6: is lost by its own timer without an answer from the store, and never comes back', async () => {
    const { clock, store, lease } = await acquired();
    store.goOn(...Array.from({ length: 40 }, failsToRead).flatMap((step) => [failsToWrite(), step]));
    let firedAtMs: number | null = null;
    lease.signal.addEventListener('abort', () => {
      firedAtMs = clock.monotonicMs();
    });
    await clock.advance(VALID_MS - 1);
    expect(lease.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(firedAtMs).toBe(VALID_MS);
    expect(lease.signal.reason).toMatchObject({ code: 'lease-lost' });
    expect(lease.validForMs()).toBe(0);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'lease-lost' }));
    await expect(lease.renew()).rejects.toMatchObject({ code: 'lease-lost' });
  });

  test('L6: is lost at once where somebody else is found in the record', async () => {
    const { clock, store, lease } = await acquired(refuses({ record: taken, revision: 'r9' }));
    await clock.advance(22_000);
    expect(lease.signal.reason).toMatchObject({
      code: 'lease-lost',
      message: expect.stringContaining('other'),
    });
    expect(await lease.release()).toBe('already-lost');
    store.verify();
  });

  test('L6: a renewal that is answered after the end does not bring it back', async () => {
    let reply: (result: { ok: true; revision: string }) => void = () => undefined;
    const late = new Promise<{ ok: true; revision: string }>((resolve) => {
      reply = resolve;
    });
    const { clock, lease } = await acquired(answersWith(late));
    const renewal = lease.renew();
    clock.jumpWall(LEASE_MS);
    reply({ ok: true, revision: 'r2' });
    await expect(renewal).rejects.toMatchObject({ code: 'lease-lost' });
    expect(lease.signal.aborted).toBe(true);
  });

  test('L7: a wall clock that ran on while the monotonic one stood still ends it at the next question', async () => {
    const { clock, lease } = await acquired();
    clock.jumpWall(VALID_MS);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'lease-lost' }));
    expect(lease.signal.aborted).toBe(true);
  });

  test('L7: a wall clock set back does not prolong it', async () => {
    const { clock, lease } = await acquired(applies('r2'), applies('r3'), applies('r4'));
    clock.jumpWall(-1e9);
    await clock.advance(5000);
    expect(lease.validForMs()).toBe(VALID_MS - 5000);
  });

  test('L8: a process that was stopped learns of the end from assertHeld, before any timer ran', async () => {
    const { clock, lease } = await acquired();
    // Time passes without timers, as it does for a stopped process: only the clock shows it.
    clock.jumpWall(VALID_MS + 1);
    expect(lease.signal.aborted).toBe(false);
    expect(() => lease.assertHeld()).toThrow();
  });

  test('L9: a renewal in doubt that landed counts from its own sending', async () => {
    const { clock, store, lease } = await acquired(leavesInDoubt());
    store.goOn(sees(mine(lease, 1), 'r2'));
    const startedMs = clock.monotonicMs();
    const renewal = lease.renew();
    await clock.advance(5000);
    await renewal;
    expect(lease.validForMs()).toBe(VALID_MS - 5000 + startedMs);
    expect(lease.view.revision).toBe('r2');
    store.verify();
  });

  test('L3, L9: a renewal that stayed silent counts from its sending, not from when it was given up', async () => {
    const { clock, store, lease } = await acquired(isSilent('compareAndSet'));
    store.goOn(sees(mine(lease, 1), 'r2'));
    const renewal = lease.renew();
    await clock.advance(17_000);
    await renewal;
    expect(lease.validForMs()).toBe(VALID_MS - 17_000);
    store.verify();
  });

  test('L9: a renewal in doubt that is not visible is sent again unchanged', async () => {
    const { clock, store, lease } = await acquired(leavesInDoubt());
    store.goOn(sees(mine(lease, 0), 'r1'), applies('r2'));
    const renewal = lease.renew();
    await clock.advance(5000);
    await renewal;
    expect(store.writes[2]).toEqual(store.writes[1]);
    // From the first sending, whose stamp others read, not from the second one.
    expect(lease.validForMs()).toBe(VALID_MS - 5000);
    store.verify();
  });

  test('L9: one stale read does not take a renewal for lost', async () => {
    const { clock, store, lease } = await acquired(leavesInDoubt(), sees(null), sees(recordOf([]), 'r0'));
    store.goOn(sees(mine(lease, 1), 'r2'));
    const renewal = lease.renew();
    await clock.advance(15_000);
    await renewal;
    expect(lease.signal.aborted).toBe(false);
    store.verify();
  });

  test("a renewal over another contender's ticket judges the record anew", async () => {
    const { clock, store, lease } = await acquired();
    const withTicket = {
      ...mine(lease, 0),
      tickets: [{ nonce: 'q', seq: 0, leaseMs: LEASE_MS, holder: HOLDER }],
    };
    store.goOn(refuses({ record: withTicket, revision: 'r2' }), applies('r3'));
    await lease.renew();
    expect(lastWrite(store)).toMatchObject({ expect: 'r2', record: { tickets: [{ nonce: 'q' }] } });
    expect(clock.monotonicMs()).toBe(0);
    store.verify();
  });

  test('renewals asked for at once are one renewal', async () => {
    const { store, lease } = await acquired(applies('r2'));
    await Promise.all([lease.renew(), lease.renew()]);
    store.verify();
  });

  test('L16: a foreign record in its place ends it and is not overwritten', async () => {
    const { clock, store, lease } = await acquired(refuses(), {
      call: 'get',
      reply: { value: '{"v":2}', revision: 'r2' },
    });
    const renewal = lease.renew();
    const outcome = expect(renewal).rejects.toMatchObject({ code: 'lease-lost' });
    await clock.advance(5000);
    await outcome;
    expect(await lease.release()).toBe('already-lost');
    expect(store.writes).toHaveLength(2);
    store.verify();
  });
});

describe('a release', () => {
  test('L10: makes the handle invalid before it is sent, keeps the token and leaves a tombstone with the note', async () => {
    const { clock, store, lease } = await acquired(applies('r2'));
    const release = lease.release({ updateNote: () => ({ swept: true }) });
    expect(lease.validForMs()).toBe(0);
    expect(lease.signal.aborted).toBe(true);
    expect(store.writes).toHaveLength(1);
    expect(await release).toBe('released');
    expect(lastWrite(store)).toMatchObject({
      expect: 'r1',
      record: { state: 'free', token: 1, entries: [], note: { swept: true } },
    });
    expect(clock.pendingTimers).toBe(0);
    store.verify();
  });

  test('L10: is idempotent', async () => {
    const { store, lease } = await acquired(applies('r2'));
    expect(await Promise.all([lease.release(), lease.release()])).toEqual(['released', 'released']);
    await lease[Symbol.asyncDispose]();
    store.verify();
  });

  test("L10: cannot free another's lease", async () => {
    const { clock, store, lease } = await acquired(refuses(), sees(taken, 'r9'));
    const release = lease.release();
    await clock.advance(5000);
    expect(await release).toBe('already-lost');
    expect(store.writes).toHaveLength(2);
    store.verify();
  });

  test('L9: in doubt is sent again unchanged, never blindly', async () => {
    const { clock, store, lease } = await acquired(leavesInDoubt());
    store.goOn(sees(mine(lease, 0), 'r1'), applies('r2'));
    const release = lease.release();
    await clock.advance(5000);
    expect(await release).toBe('released');
    expect(store.writes[2]).toEqual(store.writes[1]);
    store.verify();
  });

  test('L9: in doubt with a successor in its place has landed', async () => {
    const { clock, store, lease } = await acquired(leavesInDoubt(), sees(taken, 'r3'));
    const release = lease.release();
    await clock.advance(5000);
    expect(await release).toBe('released');
    expect(store.writes).toHaveLength(2);
    store.verify();
  });

  test('without any doubt a successor means that it was lost before', async () => {
    const { store, lease } = await acquired(refuses({ record: taken, revision: 'r9' }));
    expect(await lease.release()).toBe('already-lost');
    store.verify();
  });

  test('is unknown where the store stays silent, within its bound', async () => {
    const { clock, lease } = await acquired(isSilent('compareAndSet'), isSilent('get'));
    const release = lease.release();
    await clock.advance(20_000);
    expect(await release).toBe('unknown');
    expect(clock.pendingTimers).toBe(0);
  });

  test('a note that cannot be made does not keep the lease', async () => {
    const { store, lease } = await acquired(applies('r2'));
    const release = lease.release({
      updateNote() {
        throw new Error('no note');
      },
    });
    await expect(release).rejects.toThrow('no note');
    expect(lastWrite(store)?.record).toMatchObject({ state: 'free', note: {} });
    store.verify();
  });

  test('a note over its size is refused after the lease was freed', async () => {
    const { store, lease } = await acquired(applies('r2'));
    const release = lease.release({ updateNote: () => ({ text: 'x'.repeat(40_000) }) });
    await expect(release).rejects.toMatchObject({ code: 'invariant' });
    expect(lastWrite(store)?.record.state).toBe('free');
  });
});
