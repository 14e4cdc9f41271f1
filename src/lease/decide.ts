/**
 * What to do about a record, given what was seen of it: pure functions from values to verdicts, no I/O, no clock. The
 * manager and the handle only act on them. NOT guaranteed: that a verdict still fits when it is carried out; each write is
 * a compare-and-set on the very revision that was judged, and that is the judge.
 *
 *   decideAcquire ─▶ own │ take (create, free, over) │ queue │ wait      decideReadBack ─▶ owned │ lost │ undecided
 *   decideRenew   ─▶ renewed │ write │ lost │ stale                      decideRelease  ─▶ write │ gone │ stale
 *
 * Invariant: reads may be stale. Tokens tell: a record with a token at least ours that does not name our nonce was written
 * after ours, so we are out; one with a lower token is older than our write and proves nothing (L9).
 */
import type { JsonObject } from '../base/codec.ts';
import { ConfigError } from '../base/errors.ts';
import type { HolderInfo, LeaseEntry, LeaseMark, LeaseRecord, LeaseTicket, LeaseView } from './contract.ts';
import { type Observation, takeoverInMs } from './observation.ts';
import { createRecord, hasRoomForTicket } from './record.ts';
import { isSuspect, takeoverByStampInMs } from './stamp.ts';
import type { Instant } from './timing.ts';
import { renewed, withBeat, withOwner, withoutNonce, withTicket } from './transition.ts';

/** Who asks, under which nonce (the same for the whole acquisition), and how. */
export interface AcquireRequest {
  readonly nonce: string;
  readonly leaseMs: number;
  readonly holder: HolderInfo;
  /** The asker's wall clock, for people. */
  readonly since: string;
  /** Of a write that counts from `now`. */
  readonly mark: LeaseMark;
  readonly permits: number;
  readonly order: 'any' | 'fifo';
  /** False for an asker that does not wait: it respects the queue and does not join it. */
  readonly mayQueue: boolean;
  /** Higher than any `seq` this acquisition has sent: a ticket's beat must never be taken for the entry's that follows it. */
  readonly nextSeq: number;
  /** Whether the asker's own ticket needs a sign of life. */
  readonly isTicketDue: boolean;
}

/** All that an acquisition is judged by. */
export interface AcquireSituation {
  readonly key: string;
  readonly view: LeaseView;
  readonly observation: Observation;
  /** The observer's clocks; a write that comes of this judgement counts from here (L3). */
  readonly now: Instant;
  /** Acquisitions whose holder is proven dead by evidence. */
  readonly deadNonces: ReadonlySet<string>;
  readonly request: AcquireRequest;
}

export type AcquireVerdict =
  /** An earlier write of this very acquisition has landed. */
  | { readonly kind: 'own'; readonly entry: LeaseEntry; readonly record: LeaseRecord }
  | {
      readonly kind: 'take';
      readonly how: 'create' | 'take-free' | 'take-over';
      readonly entry: LeaseEntry;
      readonly record: LeaseRecord;
    }
  /** Write (or renew) the own ticket, then wait. */
  | { readonly kind: 'queue'; readonly ticket: LeaseTicket; readonly record: LeaseRecord }
  | {
      readonly kind: 'wait';
      /** The oldest owner; where there is none, whose turn it is. */
      readonly holder: HolderInfo;
      readonly holderNonce: string;
      readonly retryAfterMs: number;
      /** Those in the way that look dead by the wall clock, if without them there were a place; otherwise empty. */
      readonly suspects: readonly LeaseTicket[];
    };

/** Whether this acquisition may write itself into the record, and what. ConfigError where permits disagree. */
export function decideAcquire(situation: AcquireSituation): AcquireVerdict {
  const { observation, now, deadNonces, request } = situation;
  const leftMs = (beat: LeaseTicket) => {
    if (deadNonces.has(beat.nonce)) return 0;
    // By own sight, or by the clock shared with the writer: whichever is earlier.
    return Math.min(takeoverInMs(observation, beat, now.monotonicMs), takeoverByStampInMs(beat, now));
  };
  const isAlive = (beat: LeaseTicket) => leftMs(beat) > 0;

  // 1. All contenders must mean the same number of places.
  const record = agreeOnPermits(situation, isAlive);

  // 2. A write of ours whose outcome was unknown may have landed meanwhile (L9).
  const own = record.entries.find((entry) => entry.nonce === request.nonce);
  if (own) return { kind: 'own', entry: own, record };

  // 3. There is a place if owners that live, and in a queue the living ahead of us, leave one.
  const alive = record.entries.filter(isAlive);
  const deadTickets = record.tickets.filter((ticket) => !isAlive(ticket));
  const ahead = request.order === 'fifo' ? livingAhead(record, request.nonce, isAlive) : [];
  const [first] = [...alive, ...ahead];
  if (!first || alive.length + ahead.length < record.permits) {
    // An owner that stopped renewing is robbed only where no place is free: it may be merely slow.
    const isFull = record.entries.length >= record.permits;
    const robbed = isFull ? record.entries.find((entry) => !isAlive(entry)) : undefined;
    return take(situation, record, { robbed, deadTickets });
  }

  // 4. Otherwise queue up where that is wanted, and wait.
  const inTheWay: readonly LeaseTicket[] = [...alive, ...ahead];
  const suspects = inTheWay.filter((beat) => isSuspect(beat, now));
  return (
    queue(record, request) ?? {
      kind: 'wait',
      holder: first.holder,
      holderNonce: first.nonce,
      retryAfterMs: Math.min(...inTheWay.map(leftMs)),
      suspects: inTheWay.length - suspects.length < record.permits ? suspects : [],
    }
  );
}

/** A write of an acquisition whose outcome is not known. */
export interface PendingAcquire {
  readonly nonce: string;
  /** The token it would have. */
  readonly token: number;
  /** Whether the store has since said for certain that the same write can no longer be applied. */
  readonly isClosed: boolean;
}

export type ReadBackVerdict =
  | { readonly kind: 'owned'; readonly entry: LeaseEntry }
  | { readonly kind: 'lost' }
  /** Not visible: send the very same write again. It is harmless if the first one landed, and settles it if not. */
  | { readonly kind: 'undecided' };

/** What a later read tells about a doubtful acquisition (L9). `isFresh`: the read cannot be stale. */
export function decideReadBack(view: LeaseView, pending: PendingAcquire, isFresh: boolean): ReadBackVerdict {
  const entry = view.record?.entries.find((candidate) => candidate.nonce === pending.nonce);
  if (entry) return { kind: 'owned', entry };
  if (view.record !== null && view.record.token >= pending.token) return { kind: 'lost' };
  return isFresh && pending.isClosed ? { kind: 'lost' } : { kind: 'undecided' };
}

/** An owner as it knows itself. */
export interface OwnEntry {
  readonly nonce: string;
  readonly token: number;
}

export type RenewVerdict =
  /** A doubtful renewal has landed: this `seq` is what the store holds. */
  | { readonly kind: 'renewed'; readonly seq: number }
  | { readonly kind: 'write'; readonly record: LeaseRecord }
  | { readonly kind: 'lost' }
  /** The read is older than our acquisition: read again. */
  | { readonly kind: 'stale' };

/**
 * How to renew: `confirmedSeq` is the last one known to be stored, `nextSeq` one that was never sent before, `mark` that of the
 * instant from which the renewed validity will count.
 */
export function decideRenew(
  view: LeaseView,
  own: OwnEntry,
  next: { confirmedSeq: number; nextSeq: number; mark: LeaseMark },
): RenewVerdict {
  const entry = view.record?.entries.find((candidate) => candidate.nonce === own.nonce);
  if (view.record === null || !entry) return isOlder(view, own) ? { kind: 'stale' } : { kind: 'lost' };
  if (entry.seq > next.confirmedSeq) return { kind: 'renewed', seq: entry.seq };
  return { kind: 'write', record: withBeat(view.record, own.nonce, { seq: next.nextSeq, mark: next.mark }) };
}

export type ReleaseVerdict =
  | { readonly kind: 'write'; readonly record: LeaseRecord }
  /** Our entry is no longer there: we released it, or somebody took over. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'stale' };

/** How to release: a tombstone on our own entry, never a change of another's (L10). */
export function decideRelease(
  view: LeaseView,
  own: OwnEntry,
  updateNote: (note: JsonObject) => JsonObject = (note) => note,
): ReleaseVerdict {
  const { record } = view;
  const isOurs = (item: LeaseTicket) => item.nonce === own.nonce;
  if (record?.entries.some(isOurs) || record?.tickets.some(isOurs)) {
    return { kind: 'write', record: withoutNonce(record, own.nonce, updateNote(record.note)) };
  }
  return isOlder(view, own) ? { kind: 'stale' } : { kind: 'gone' };
}

function isOlder(view: LeaseView, own: OwnEntry): boolean {
  return (view.record?.token ?? 0) < own.token;
}

function agreeOnPermits(
  { key, view, request }: AcquireSituation,
  isAlive: (beat: LeaseTicket) => boolean,
): LeaseRecord {
  const { permits } = request;
  if (view.record === null) return createRecord(permits);
  if (view.record.permits === permits) return view.record;
  const { entries, tickets } = view.record;
  // With nobody left to disagree the new number holds from here on.
  if (![...entries, ...tickets].some(isAlive) && entries.length <= permits)
    return { ...view.record, permits };
  const message = `${key} is in use with ${view.record.permits} permits, not ${permits}; all contenders must use the same number`;
  throw new ConfigError([{ option: 'permits', message }]);
}

function livingAhead(
  record: LeaseRecord,
  nonce: string,
  isAlive: (beat: LeaseTicket) => boolean,
): readonly LeaseTicket[] {
  const position = record.tickets.findIndex((ticket) => ticket.nonce === nonce);
  return record.tickets.slice(0, position < 0 ? undefined : position).filter(isAlive);
}

function take(
  { view, request }: AcquireSituation,
  record: LeaseRecord,
  left: { robbed: LeaseEntry | undefined; deadTickets: readonly LeaseTicket[] },
): AcquireVerdict {
  const { nonce, leaseMs, holder, since, nextSeq, mark } = request;
  const { robbed } = left;
  const next = withOwner(
    record,
    { nonce, seq: nextSeq, leaseMs, holder, since, ...mark },
    {
      entries: new Set(robbed ? [robbed.nonce] : []),
      tickets: new Set(left.deadTickets.map((ticket) => ticket.nonce)),
    },
  );
  const entry = next.entries.at(-1) as LeaseEntry;
  const how = view.record === null ? 'create' : robbed ? 'take-over' : 'take-free';
  return { kind: 'take', how, entry, record: next };
}

function queue(record: LeaseRecord, request: AcquireRequest): AcquireVerdict | null {
  if (request.order !== 'fifo' || !request.mayQueue) return null;
  const { nonce, leaseMs, holder, nextSeq, mark, isTicketDue } = request;
  const own = record.tickets.find((ticket) => ticket.nonce === nonce);
  if (own) {
    if (!isTicketDue) return null;
    const ticket = renewed(own, { seq: nextSeq, mark });
    return { kind: 'queue', ticket, record: withBeat(record, nonce, { seq: nextSeq, mark }) };
  }
  // A full queue is waited for like a holder.
  if (!hasRoomForTicket(record)) return null;
  const ticket = { nonce, seq: nextSeq, leaseMs, holder, ...mark };
  return { kind: 'queue', ticket, record: withTicket(record, ticket) };
}
