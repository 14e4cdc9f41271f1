/**
 * The record before → the record after: one function per change of the state diagram. Pure; nothing decides here whether
 * a change is allowed. Invariants: `token` never falls and rises by one with each new owner (L1), also over a tombstone;
 * `note` and whatever belongs to others is carried through; the result is frozen.
 */
import { deepFreeze, type JsonObject } from '../base/codec.ts';
import type { LeaseEntry, LeaseMark, LeaseRecord, LeaseTicket } from './contract.ts';

/** The record with another owner. Of the present ones those in `without` are dropped; so is the owner's own ticket. */
export function withOwner(
  record: LeaseRecord,
  owner: Omit<LeaseEntry, 'token'>,
  without: { entries: ReadonlySet<string>; tickets: ReadonlySet<string> },
): LeaseRecord {
  const token = record.token + 1;
  const kept = record.entries.filter((entry) => !without.entries.has(entry.nonce));
  return deepFreeze({
    ...record,
    state: 'held',
    token,
    entries: [...kept, { ...owner, token }],
    tickets: record.tickets.filter(({ nonce }) => nonce !== owner.nonce && !without.tickets.has(nonce)),
  });
}

/** The record with the owner's or waiter's sign of life renewed. */
export function withBeat(
  record: LeaseRecord,
  nonce: string,
  beat: { readonly seq: number; readonly mark: LeaseMark },
): LeaseRecord {
  const renew = <T extends LeaseTicket>(item: T): T => (item.nonce === nonce ? renewed(item, beat) : item);
  return deepFreeze({
    ...record,
    entries: record.entries.map(renew),
    tickets: record.tickets.map(renew),
  });
}

/** One entry or ticket renewed. A former stamp goes with the beat it belonged to: beside a later one it would kill it too soon. */
export function renewed<T extends LeaseTicket>(
  item: T,
  { seq, mark }: { readonly seq: number; readonly mark: LeaseMark },
): T {
  const { stamp: _former, ...rest } = item;
  return deepFreeze({ ...rest, seq, ...mark } as T);
}

/** The record with one more place at the end of the queue. */
export function withTicket(record: LeaseRecord, ticket: LeaseTicket): LeaseRecord {
  return deepFreeze({ ...record, tickets: [...record.tickets, ticket] });
}

/** The tombstone: the record without this acquisition's entry and ticket; the token stays (L1, L10). */
export function withoutNonce(record: LeaseRecord, nonce: string, note: JsonObject): LeaseRecord {
  const entries = record.entries.filter((entry) => entry.nonce !== nonce);
  return deepFreeze({
    ...record,
    state: entries.length > 0 ? 'held' : 'free',
    entries,
    tickets: record.tickets.filter((ticket) => ticket.nonce !== nonce),
    note,
  });
}

/** The record without any owner, and a token that no former owner has. */
export function withoutOwners(record: LeaseRecord): LeaseRecord {
  return deepFreeze({ ...record, state: 'free', token: record.token + 1, entries: [] });
}
