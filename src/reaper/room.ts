/**
 * The decisions of room: what somebody who was refused for the limit does next, and how the record changes with each step.
 * Pure. A place is taken by moving it from `free` to a claim in one compare-and-set, so that two creators never use one.
 * Invariants: every transition may be applied again without further effect (a write whose reply was lost is decided anew on
 * what is there); nobody waits for what cannot happen within the budget.
 */
import { formatDuration } from '../base/duration.ts';
import { LimitError } from '../base/errors.ts';
import type { RoomCensus, RoomClaim, RoomRecord } from './room-record.ts';

/** Providers stamp creations to the second; an app falls due up to so much later than its stamp says. */
const STAMP_MS = 1000;

/** What a creator knows when it asks what to do. */
export interface RoomFacts {
  /** The census that was there when the provider refused: it knew no better. */
  readonly staleCensus: number;
  /** How long ago, by the own clock, the present census was first seen. */
  readonly censusSeenForMs: number;
  readonly nonce: string;
  /** What is left of the creator's budget. */
  readonly remainingMs: number;
  /** A place may be given back by somebody whose coming and going the store does not know. */
  readonly isReleaseExpected: boolean;
}

export type RoomStep =
  /** A place is free: take it, and create. */
  | { readonly step: 'create' }
  /** Sweep and count, or wait for who does. */
  | { readonly step: 'sweep' }
  /** Something may change; look again after this long, or when the record changes. */
  | { readonly step: 'wait'; readonly forMs: number; readonly why: 'release' | 'expiry' }
  /** Nothing will change in time. */
  | { readonly step: 'full'; readonly census: RoomCensus };

/** What to do next. */
export function decideRoom({ free, census, claims }: RoomRecord, facts: RoomFacts): RoomStep {
  if (free > 0) return { step: 'create' };
  if (!census || census.number <= facts.staleCensus) return { step: 'sweep' };
  const dueInMs =
    census.nextDueMs === null
      ? Number.POSITIVE_INFINITY
      : census.nextDueMs + STAMP_MS - facts.censusSeenForMs;
  // Where the limit takes the oldest, a sweep that knows of everybody who waits makes room for them.
  if (dueInMs <= 0 || census.spare > 0) return { step: 'sweep' };
  if (dueInMs < facts.remainingMs) return { step: 'wait', forMs: dueInMs, why: 'expiry' };
  const isSomebodyCreating = claims.some(
    (claim) => claim.state === 'creating' && claim.nonce !== facts.nonce,
  );
  if (isSomebodyCreating || facts.isReleaseExpected)
    return { step: 'wait', forMs: facts.remainingMs, why: 'release' };
  return { step: 'full', census };
}

/** Announces that somebody waits, or renews what was announced: a beat more. */
export function announce(record: RoomRecord, claim: RoomClaim): RoomRecord {
  const known = record.claims.find((each) => each.nonce === claim.nonce);
  const seq = known ? known.seq + 1 : claim.seq;
  return { ...record, claims: [...without(record, claim.nonce), { ...claim, seq }] };
}

/** Takes a free place for the claim; null where it has one already, or none is free. */
export function takePlace(record: RoomRecord, claim: RoomClaim): RoomRecord | null {
  if (record.free < 1 || hasPlace(record, claim.nonce)) return null;
  return {
    ...record,
    free: record.free - 1,
    claims: [...without(record, claim.nonce), { ...claim, state: 'creating' }],
  };
}

export function hasPlace(record: RoomRecord, nonce: string): boolean {
  return record.claims.some((claim) => claim.nonce === nonce && claim.state === 'creating');
}

/** How an attempt to create ended. */
export type CreationEnd =
  /** The place is an app now. */
  | 'created'
  /** For another reason than the limit: the place is free again. */
  | 'failed'
  /** For the limit: nothing is free, whatever the record says. */
  | 'refused'
  /** It gave up waiting. */
  | 'left';

/** The record after an attempt ended; null where the claim is gone already. */
export function endClaim(record: RoomRecord, nonce: string, end: CreationEnd): RoomRecord | null {
  const claim = record.claims.find((each) => each.nonce === nonce);
  if (!claim) return null;
  const isReturned = end === 'failed' && claim.state === 'creating';
  const free = end === 'refused' ? 0 : record.free + (isReturned ? 1 : 0);
  return { ...record, free, claims: without(record, nonce) };
}

/** An app of the account was destroyed by its owner: one place more. */
export function freePlace(record: RoomRecord): RoomRecord {
  const most = record.census?.limit ?? Number.POSITIVE_INFINITY;
  return { ...record, free: Math.min(most, record.free + 1) };
}

/** What a sweep came to, as far as the room is concerned. */
export interface RoomFigures {
  /** Apps that counted against the limit when they were listed. */
  readonly counted: number;
  /** How many of them the sweep saw go. */
  readonly freed: number;
  readonly nextDueMs: number | null;
  /** How many more would go for more headroom. */
  readonly spare: number;
  readonly holders: readonly string[];
}

/**
 * The record after a sweep. Places of those who are creating count as taken, since the list may have been read before they
 * were used. Without a known limit only what the sweep freed is free.
 */
export function recordCensus(
  record: RoomRecord,
  { figures, limit, number }: { figures: RoomFigures; limit: number | null; number: number },
): RoomRecord | null {
  if ((record.census?.number ?? 0) >= number) return null;
  const { freed, nextDueMs, spare, holders } = figures;
  const counted = Math.max(0, figures.counted - freed);
  const creating = record.claims.filter((claim) => claim.state === 'creating').length;
  const free = limit === null ? freed : limit - counted - creating;
  // What would go but did not, will not go for asking again (hatchet: one app that answers 403 was tried for ever).
  const willing = freed > 0 ? spare : 0;
  const whole = nextDueMs === null ? null : Math.ceil(nextDueMs);
  return {
    ...record,
    free: Math.max(0, free),
    census: { number, counted, limit, nextDueMs: whole, spare: willing, holders },
  };
}

/** Without those who were seen dead. Their places are not free: what they created, nobody knows. */
export function dropDead(record: RoomRecord, dead: ReadonlySet<string>): RoomRecord {
  if (!record.claims.some((claim) => dead.has(claim.nonce))) return record;
  return { ...record, claims: record.claims.filter((claim) => !dead.has(claim.nonce)) };
}

/** The account is full and nothing will change in time: says who holds the places and when the next falls due. */
export class RoomFullError extends LimitError {
  readonly census: RoomCensus | null;

  constructor(census: RoomCensus | null, details: { cause?: unknown } = {}) {
    super(describeRoom(census), {
      ...details,
      hint: 'destroy apps that are done with, lower the age at which they are stale, or allow a longer wait',
    });
    this.census = census;
  }
}

/** One printable sentence. */
export function describeRoom(census: RoomCensus | null): string {
  if (!census) return 'the account is full, and it could not be counted in time';
  const { counted, limit, nextDueMs, holders } = census;
  const many = describeTaken(counted, limit);
  const due =
    nextDueMs === null ? 'none of them will fall due' : `the next falls due in ${formatDuration(nextDueMs)}`;
  const names = holders.length > 0 ? `; they are held by ${holders.join(', ')}` : '';
  return `the account is full: ${many}, ${due}${names}`;
}

function describeTaken(counted: number, limit: number | null): string {
  if (limit === null) return `${counted} apps are there`;
  if (counted >= limit) return `${counted} of ${limit} places are taken`;
  return `${counted} of ${limit} places were taken at the last count, the others since then`;
}

function without(record: RoomRecord, nonce: string): readonly RoomClaim[] {
  return record.claims.filter((claim) => claim.nonce !== nonce);
}
