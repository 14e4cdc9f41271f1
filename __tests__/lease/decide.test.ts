import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LeaseEntry, LeaseRecord, LeaseTicket } from '../../src/lease/contract.ts';
import {
  type AcquireSituation,
  decideAcquire,
  decideReadBack,
  decideRelease,
  decideRenew,
} from '../../src/lease/decide.ts';
import { NOTHING_OBSERVED, observe } from '../../src/lease/observation.ts';
import type { Instant } from '../../src/lease/timing.ts';
import { entryOf, HOLDER, recordOf } from '../support/lease-scripted-store.ts';

const LEASE_MS = 10_000;
const START_MS = Date.UTC(2026, 0, 1);
const MARK = { renewedAt: new Date(START_MS).toISOString() };
const at = (monotonicMs: number): Instant => ({ monotonicMs, wallMs: START_MS + monotonicMs, machine: null });
const ticketOf = (nonce: string, seq = 0): LeaseTicket => ({
  nonce,
  seq,
  leaseMs: LEASE_MS,
  holder: { ...HOLDER, text: nonce },
});

interface Given {
  record: LeaseRecord | null;
  /** Seen unchanged for this long. */
  seenForMs?: number;
  dead?: string[];
  permits?: number;
  order?: 'any' | 'fifo';
  mayQueue?: boolean;
  isTicketDue?: boolean;
  nextSeq?: number;
}

function situation(given: Given): AcquireSituation {
  const { record, seenForMs = 0, permits = 1, order = 'any', mayQueue = true } = given;
  const beats = [...(record?.entries ?? []), ...(record?.tickets ?? [])];
  return {
    key: 'test/lock/key',
    view: { revision: record && 'r1', record },
    observation: observe(NOTHING_OBSERVED, beats, 0),
    now: at(seenForMs),
    deadNonces: new Set(given.dead),
    request: {
      nonce: 'me',
      leaseMs: LEASE_MS,
      holder: HOLDER,
      since: 'now',
      mark: MARK,
      permits,
      order,
      mayQueue,
      nextSeq: given.nextSeq ?? 0,
      isTicketDue: given.isTicketDue ?? false,
    },
  };
}

const decide = (given: Given) => decideAcquire(situation(given));

describe('who asks for a lease', () => {
  test('creates the record where nobody ever held it, with token 1', () => {
    expect(decide({ record: null })).toMatchObject({
      kind: 'take',
      how: 'create',
      record: { state: 'held', token: 1, permits: 1, entries: [{ nonce: 'me', token: 1, seq: 0 }] },
    });
  });

  test('L1: takes a free one with the token after the tombstone, and keeps the note', () => {
    expect(decide({ record: recordOf([], { token: 41, note: { a: 1 } }) })).toMatchObject({
      kind: 'take',
      how: 'take-free',
      record: { token: 42, note: { a: 1 }, entries: [{ token: 42 }] },
    });
  });

  test('L4: waits for an owner for the lease and the drift, as long as nothing changes', () => {
    const record = recordOf([entryOf('a')]);
    expect(decide({ record, seenForMs: 10_099 })).toMatchObject({
      kind: 'wait',
      retryAfterMs: 1,
      holder: { text: 'a' },
    });
    expect(decide({ record, seenForMs: 10_100 })).toMatchObject({
      kind: 'take',
      how: 'take-over',
      record: { token: 2, entries: [{ nonce: 'me', token: 2 }] },
    });
  });

  test('L11: takes over at once from an owner proven dead, and from nobody else', () => {
    expect(decide({ record: recordOf([entryOf('a')]), dead: ['a'] })).toMatchObject({ how: 'take-over' });
    expect(decide({ record: recordOf([entryOf('a')]), dead: ['b'] })).toMatchObject({ kind: 'wait' });
  });

  test('L9: finds an earlier write of its own', () => {
    expect(decide({ record: recordOf([entryOf('me', { token: 3 })]) })).toMatchObject({
      kind: 'own',
      entry: { token: 3 },
    });
  });

  test('L2: with permits takes a free place beside the others and robs nobody', () => {
    const record = recordOf([entryOf('a'), entryOf('b', { token: 2 })], { permits: 3 });
    expect(decide({ record, permits: 3, seenForMs: 20_000 })).toMatchObject({
      how: 'take-free',
      record: { token: 3, entries: [{ nonce: 'a' }, { nonce: 'b' }, { nonce: 'me' }] },
    });
  });

  test('L2: with all places taken robs one that stopped renewing, not one that renews', () => {
    const record = recordOf([entryOf('a'), entryOf('b', { token: 2 })], { permits: 2 });
    const given = situation({ record, permits: 2 });
    const renewed = { ...record, entries: [entryOf('a', { seq: 1 }), entryOf('b', { token: 2 })] };
    const observation = observe(given.observation, renewed.entries, 9000);
    const verdict = decideAcquire({
      ...given,
      view: { revision: 'r2', record: renewed },
      observation,
      now: at(10_100),
    });
    expect(verdict).toMatchObject({
      how: 'take-over',
      record: { entries: [{ nonce: 'a' }, { nonce: 'me' }] },
    });
  });

  test('contenders that disagree about permits are told both numbers', () => {
    expect(() => decide({ record: recordOf([entryOf('a')], { permits: 3 }), permits: 2 })).toThrow(
      expect.objectContaining({
        code: 'config',
        problems: [{ option: 'permits', message: expect.stringMatching(/3 permits, not 2/) }],
      }),
    );
  });

  test('a new number of permits holds where nobody is left to disagree', () => {
    expect(decide({ record: recordOf([], { permits: 3 }), permits: 2 })).toMatchObject({
      record: { permits: 2 },
    });
    const orphaned = recordOf([entryOf('a')], { permits: 3 });
    expect(decide({ record: orphaned, permits: 1, seenForMs: 10_100 })).toMatchObject({
      record: { permits: 1 },
    });
  });

  test('a new number of permits does not hold where more owners than that are still written down', () => {
    const crowded = recordOf([entryOf('a'), entryOf('b', { token: 2 })], { permits: 2 });
    expect(() => decide({ record: crowded, permits: 1, seenForMs: 10_100 })).toThrow(/2 permits, not 1/);
  });

  test('waits for the first of several places that may become free', () => {
    const [a, b] = [entryOf('a'), entryOf('b', { token: 2 })];
    const given = situation({ record: recordOf([a, b], { permits: 2 }), permits: 2 });
    const observation = observe(observe(NOTHING_OBSERVED, [a], 0), [a, b], 4000);
    expect(decideAcquire({ ...given, observation, now: at(5000) })).toMatchObject({
      kind: 'wait',
      retryAfterMs: 5100,
    });
  });

  describe('names those in its way who look dead', () => {
    const recent = (nonce: string, token: number) => entryOf(nonce, { token, ...MARK });
    test('where it waits for one', () => {
      expect(decide({ record: recordOf([entryOf('a')]) })).toMatchObject({ suspects: [{ nonce: 'a' }] });
      expect(decide({ record: recordOf([recent('a', 1)]) })).toMatchObject({ kind: 'wait', suspects: [] });
    });
    test('where their places would be enough', () => {
      const record = recordOf([recent('a', 1), entryOf('b', { token: 2 })], { permits: 2 });
      expect(decide({ record, permits: 2 })).toMatchObject({ suspects: [{ nonce: 'b' }] });
    });
    test('not where the others fill all places', () => {
      const owners = [recent('a', 1), recent('b', 2)];
      const record = recordOf(owners, { permits: 2, tickets: [ticketOf('q'), ticketOf('me')] });
      expect(decide({ record, permits: 2, order: 'fifo' })).toMatchObject({ kind: 'wait', suspects: [] });
    });
  });

  describe('in order fifo', () => {
    const held = recordOf([entryOf('a')]);

    test('L13: takes a ticket at the end of the queue, then waits', () => {
      const verdict = decide({ record: { ...held, tickets: [ticketOf('b')] }, order: 'fifo' });
      expect(verdict).toMatchObject({
        kind: 'queue',
        record: { tickets: [{ nonce: 'b' }, { nonce: 'me' }], token: 1 },
      });
      const queued = { ...held, tickets: [ticketOf('b'), ticketOf('me')] };
      expect(decide({ record: queued, order: 'fifo' })).toMatchObject({
        kind: 'wait',
        holder: { text: 'a' },
      });
    });

    test('leaves a free place to those before it, also without joining the queue', () => {
      const free = recordOf([], { tickets: [ticketOf('b')] });
      expect(decide({ record: free, order: 'fifo', mayQueue: false })).toMatchObject({
        kind: 'wait',
        holder: { text: 'b' },
      });
      expect(decide({ record: free, order: 'any' })).toMatchObject({ kind: 'take' });
    });

    test('takes its turn, and its ticket goes', () => {
      const record = recordOf([], { token: 5, tickets: [ticketOf('me'), ticketOf('b')] });
      expect(decide({ record, order: 'fifo' })).toMatchObject({
        kind: 'take',
        record: { token: 6, tickets: [{ nonce: 'b' }] },
      });
    });

    test('skips and clears dead tickets', () => {
      const record = recordOf([], { tickets: [ticketOf('dead'), ticketOf('me')] });
      expect(decide({ record, order: 'fifo', seenForMs: 10_099 })).toMatchObject({
        kind: 'wait',
        retryAfterMs: 1,
      });
      const verdict = decide({ record, order: 'fifo', seenForMs: 10_100 });
      expect(verdict).toMatchObject({ kind: 'take', record: { tickets: [] } });
    });

    test('renews its ticket when due, with a seq never sent before', () => {
      const record = { ...held, tickets: [ticketOf('me', 2)] };
      expect(decide({ record, order: 'fifo', isTicketDue: true, nextSeq: 3 })).toMatchObject({
        kind: 'queue',
        ticket: { nonce: 'me', seq: 3, ...MARK },
        record: { tickets: [{ nonce: 'me', seq: 3, ...MARK }] },
      });
    });

    test("an entry's seq goes on from its ticket's, so that the ticket's age is never held against it", () => {
      const record = recordOf([], { tickets: [ticketOf('me', 4)] });
      expect(decide({ record, order: 'fifo', nextSeq: 5 })).toMatchObject({
        record: { entries: [{ seq: 5 }] },
      });
    });

    test('waits without a ticket where the queue is full', () => {
      const tickets = Array.from({ length: 100 }, (_, at) => ticketOf(`t${at}`));
      expect(decide({ record: { ...held, tickets }, order: 'fifo' })).toMatchObject({ kind: 'wait' });
    });
  });
});

describe('what a read tells about a write in doubt', () => {
  const pending = { nonce: 'me', token: 5, isClosed: false };
  const view = (record: LeaseRecord | null) => ({ revision: 'r', record });

  test('L9: one with our nonce: owned', () => {
    const record = recordOf([entryOf('me', { token: 5 })]);
    expect(decideReadBack(view(record), pending, false)).toMatchObject({
      kind: 'owned',
      entry: { token: 5 },
    });
  });
  test('L9: one with our token or a higher one but without our nonce: lost', () => {
    expect(decideReadBack(view(recordOf([entryOf('x', { token: 5 })])), pending, false).kind).toBe('lost');
    expect(decideReadBack(view(recordOf([], { token: 6 })), pending, false).kind).toBe('lost');
  });
  test('L9: one with a lower token may be stale: undecided, until a fresh read after the write was ruled out', () => {
    const older = view(recordOf([], { token: 4 }));
    expect(decideReadBack(older, pending, false).kind).toBe('undecided');
    expect(decideReadBack(view(null), pending, true).kind).toBe('undecided');
    expect(decideReadBack(older, { ...pending, isClosed: true }, false).kind).toBe('undecided');
    expect(decideReadBack(older, { ...pending, isClosed: true }, true).kind).toBe('lost');
  });
});

describe('an owner', () => {
  const own = { nonce: 'me', token: 5 };
  const seqs = { confirmedSeq: 2, nextSeq: 3, mark: MARK };
  const view = (record: LeaseRecord | null) => ({ revision: 'r', record });
  const mine = entryOf('me', { token: 5, seq: 2 });

  test('L1: renews with the same token and the next seq, and touches nobody else', () => {
    const record = recordOf([entryOf('a', { token: 4 }), mine], { permits: 2, note: { n: 1 } });
    expect(decideRenew(view(record), own, seqs)).toEqual({
      kind: 'write',
      record: { ...record, entries: [record.entries[0], { ...mine, seq: 3, ...MARK }] },
    });
  });
  test('L4: a renewal that has no stamp does not leave the former one beside the new beat', () => {
    const stamped = { ...mine, renewedAt: 'earlier', stamp: { clockId: 'c', ms: 1 } };
    expect(decideRenew(view(recordOf([stamped])), own, seqs)).toEqual({
      kind: 'write',
      record: recordOf([{ ...mine, seq: 3, ...MARK }]),
    });
  });
  test('L9: a seq above the confirmed one is a renewal that landed', () => {
    const record = recordOf([{ ...mine, seq: 4 }]);
    expect(decideRenew(view(record), own, seqs)).toEqual({ kind: 'renewed', seq: 4 });
  });
  test('has lost where a record as new as its own does not name it; an older one proves nothing', () => {
    expect(decideRenew(view(recordOf([entryOf('x', { token: 6 })])), own, seqs).kind).toBe('lost');
    expect(decideRenew(view(recordOf([], { token: 5 })), own, seqs).kind).toBe('lost');
    expect(decideRenew(view(recordOf([entryOf('x', { token: 4 })])), own, seqs).kind).toBe('stale');
    expect(decideRenew(view(null), own, seqs).kind).toBe('stale');
  });
  test('L10: releases its own entry into a tombstone with the token kept and the note updated', () => {
    const record = recordOf([mine], { note: { a: 1 }, tickets: [ticketOf('q')] });
    expect(decideRelease(view(record), own, (note) => ({ ...note, b: 2 }))).toEqual({
      kind: 'write',
      record: { ...record, state: 'free', entries: [], note: { a: 1, b: 2 } },
    });
  });
  test('L10: releases its place among others, or its ticket, and keeps the note where nothing is to be added', () => {
    const other = entryOf('a', { token: 4 });
    const shared = recordOf([other, mine], { permits: 2, note: { a: 1 } });
    expect(decideRelease(view(shared), own)).toEqual({
      kind: 'write',
      record: { ...shared, entries: [other] },
    });
    const queued = recordOf([other], { tickets: [ticketOf('q'), ticketOf('me')] });
    expect(decideRelease(view(queued), own)).toEqual({
      kind: 'write',
      record: { ...queued, tickets: [ticketOf('q')] },
    });
  });
  test('L10: a tombstone that does not name it is the end of it; an absent record is a stale read', () => {
    expect(decideRelease(view(recordOf([], { token: 5 })), own).kind).toBe('gone');
    expect(decideRelease(view(null), own).kind).toBe('stale');
  });
  test("L10: never releases another's entry", () => {
    expect(decideRelease(view(recordOf([entryOf('x', { token: 6 })])), own).kind).toBe('gone');
    expect(decideRelease(view(recordOf([entryOf('x', { token: 4 })])), own).kind).toBe('stale');
  });
});

describe('any record and any observation', () => {
  const entries = fc.array(fc.record({ nonce: fc.constantFrom('a', 'b', 'c', 'me'), seq: fc.nat(3) }), {
    maxLength: 3,
  });
  const world = fc.record({
    owners: entries,
    queue: entries,
    permits: fc.integer({ min: 1, max: 3 }),
    spare: fc.nat(5),
    order: fc.constantFrom('any' as const, 'fifo' as const),
    mayQueue: fc.boolean(),
    dead: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')),
    seenForMs: fc.constantFrom(0, 5000, 10_099, 10_100, 50_000),
  });

  test('L1, L2: a write has at most as many owners as permits, keeps who lives, and gives token + 1', () => {
    fc.assert(
      fc.property(world, ({ owners, queue, permits, spare, order, mayQueue, dead, seenForMs }) => {
        const distinct = owners.filter((o, at) => owners.findIndex((p) => p.nonce === o.nonce) === at);
        const list: LeaseEntry[] = distinct
          .slice(0, permits)
          .map((o, at) => entryOf(o.nonce, { seq: o.seq, token: at + 1 }));
        const tickets = queue
          .filter((o, at) => queue.findIndex((p) => p.nonce === o.nonce) === at)
          .map((o) => ticketOf(o.nonce, o.seq));
        const record = recordOf(list, { permits, tickets, token: list.length + spare });
        const verdict = decide({ record, permits, order, mayQueue, dead, seenForMs });
        if (verdict.kind === 'wait') {
          expect(verdict.retryAfterMs).toBeGreaterThan(0);
          return;
        }
        if (verdict.kind === 'own') return;
        const after = verdict.record;
        expect(after.entries.length).toBeLessThanOrEqual(permits);
        expect(after.note).toBe(record.note);
        if (verdict.kind === 'queue') {
          expect(after.entries).toEqual(record.entries);
          expect(after.token).toBe(record.token);
          return;
        }
        expect(after.token).toBe(record.token + 1);
        expect(verdict.entry).toMatchObject({ nonce: 'me', token: after.token });
        expect(after.tickets.some((ticket) => ticket.nonce === 'me')).toBe(false);
        const lives = (nonce: string) => seenForMs < 10_100 && !dead.some((name) => name === nonce);
        const robbed = record.entries.filter((e) => !after.entries.some((kept) => kept.nonce === e.nonce));
        expect(robbed.length).toBeLessThanOrEqual(1);
        for (const entry of robbed) expect(lives(entry.nonce)).toBe(false);
        const cleared = record.tickets.filter((t) => !after.tickets.some((kept) => kept.nonce === t.nonce));
        for (const ticket of cleared) expect(ticket.nonce === 'me' || !lives(ticket.nonce)).toBe(true);
      }),
    );
  });
});
