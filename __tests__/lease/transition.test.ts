import { describe, expect, test } from '@jest/globals';
import {
  renewed,
  withBeat,
  withOwner,
  withoutNonce,
  withoutOwners,
  withTicket,
} from '../../src/lease/transition.ts';
import { entryOf, HOLDER, recordOf } from '../support/lease-scripted-store.ts';

const ticket = (nonce: string) => ({ nonce, seq: 0, leaseMs: 10_000, holder: HOLDER });
const NOBODY = { entries: new Set<string>(), tickets: new Set<string>() };
const MARK = { renewedAt: '2026-01-01T00:00:00.000Z' };
const { token: _, ...owner } = entryOf('me');
const full = recordOf([entryOf('a', { token: 3 }), entryOf('b', { token: 4 })], {
  permits: 3,
  token: 7,
  tickets: [ticket('me'), ticket('q')],
  note: { n: 1 },
});

describe('a lease record', () => {
  test('L1: with another owner has the next token, and keeps the others, the queue and the note', () => {
    const after = withOwner(full, owner, NOBODY);
    expect(after).toStrictEqual({
      ...full,
      token: 8,
      entries: [...full.entries, { ...owner, token: 8 }],
      tickets: [ticket('q')],
    });
    expect(Object.isFrozen(after.entries[2])).toBe(true);
  });

  test('L2: with another owner loses exactly those who are named, an entry by entries and a ticket by tickets', () => {
    const without = { entries: new Set(['b', 'q']), tickets: new Set(['q', 'a']) };
    expect(withOwner(full, owner, without)).toStrictEqual({
      ...full,
      token: 8,
      entries: [full.entries[0], { ...owner, token: 8 }],
      tickets: [],
    });
  });

  test('that was free is held by its first owner', () => {
    expect(withOwner(recordOf([], { token: 4 }), owner, NOBODY)).toMatchObject({ state: 'held', token: 5 });
  });

  test('with a beat changes the one who beats, be it an owner or a waiter', () => {
    const beat = { seq: 9, mark: MARK };
    expect(withBeat(full, 'b', beat)).toStrictEqual({
      ...full,
      entries: [full.entries[0], { ...full.entries[1], seq: 9, ...MARK }],
    });
    expect(withBeat(full, 'q', beat)).toStrictEqual({
      ...full,
      tickets: [full.tickets[0], { ...full.tickets[1], seq: 9, ...MARK }],
    });
    expect(Object.isFrozen(withBeat(full, 'q', beat).tickets)).toBe(true);
  });

  test('with one more ticket has it at the end of the queue', () => {
    const after = withTicket(full, ticket('z'));
    expect(after).toStrictEqual({ ...full, tickets: [...full.tickets, ticket('z')] });
    expect(Object.isFrozen(after.tickets)).toBe(true);
  });

  test('L1, L10: without an acquisition keeps the token and whoever remains, and is free once nobody does', () => {
    const after = withoutNonce(full, 'a', { n: 2 });
    expect(after).toStrictEqual({ ...full, entries: [full.entries[1]], note: { n: 2 } });
    expect(withoutNonce(after, 'b', {})).toStrictEqual({ ...full, state: 'free', entries: [], note: {} });
    expect(withoutNonce(full, 'q', full.note).tickets).toStrictEqual([ticket('me')]);
    expect(Object.isFrozen(after)).toBe(true);
  });

  test('L1: without any owner has a token that no former owner had, and keeps the queue', () => {
    const after = withoutOwners(full);
    expect(after).toStrictEqual({ ...full, state: 'free', token: 8, entries: [] });
    expect(Object.isFrozen(after)).toBe(true);
  });
});

test('L4: a renewed entry keeps its token and loses the stamp of its former beat', () => {
  const stamped = entryOf('a', { token: 3, stamp: { clockId: 'c', ms: 1 } });
  const after = renewed(stamped, { seq: 2, mark: MARK });
  expect(after).toStrictEqual({ ...entryOf('a', { token: 3 }), seq: 2, ...MARK });
  expect(Object.isFrozen(after)).toBe(true);
  const fresh = { ...MARK, stamp: { clockId: 'c', ms: 5 } };
  expect(renewed(stamped, { seq: 2, mark: fresh })).toMatchObject(fresh);
});
