/**
 * The decision of the shared throttle: from the record and what one process has seen, to the record with a block of slots
 * reserved in it, and when each slot is due. Pure. All times are on the shared axis, as far as the asking process knows it.
 * NOT guaranteed: that a due slot is not refused; somebody outside the group may have spent the token.
 * Invariants: nothing a process has seen makes the bucket fuller than the provider's own count less everything that may
 * still be spent of what was reserved; whatever shows less than expected empties it at once. Applying the same finding
 * twice, or from two processes, changes nothing.
 */
import { createGcra, type GcraState, tokensAt, withTokens } from './gcra.ts';
import { type Lane, MAX_BLOCK, MAX_LANES, MAX_WAIT_MS, type SharedRecord } from './shared-record.ts';

/**
 * A block is not spent after its last slot has been due for this long: then its process has left or crashed. Until then
 * its slots may still reach the provider.
 */
export const BLOCK_LIFE_MS = 60_000;
/** With more than this share of its size in the bucket, tokens are plenty. */
const PLENTY = 0.1;

/** The bucket holds at most so many tokens at that time, whatever the record says. */
export interface Ceiling {
  readonly tokens: number;
  readonly atMs: number;
}

/** The bucket held at least so many unreserved tokens at that time, given how many slots had been reserved by then. */
export interface Floor extends Ceiling {
  readonly total: number;
}

/** What a process knows when it asks. */
export interface ReservationFacts {
  readonly nowMs: number;
  readonly rate: { readonly emissionIntervalMs: number; readonly burst: number };
  /** Tokens this process must leave to others. */
  readonly reserve: number;
  readonly lane: Pick<Lane, 'id' | 'number' | 'inFlight'>;
  /** How many slots are wanted: a block. */
  readonly slots: number;
  /** How many callers wait; where tokens are plenty each gets a slot at once. */
  readonly waiting: number;
  /** Slots of the previous block that will not be spent. */
  readonly unspent: number;
  /** The provider's own count, asked for before anything was reserved; null where it told none. */
  readonly seed: Ceiling | null;
  readonly ceiling: Ceiling | null;
  readonly floor: Floor | null;
  /** The provider asked to wait until then; null where it did not. */
  readonly notBeforeMs: number | null;
}

export type Reservation =
  /** `dueMs`: when each slot may be used, in order. */
  | { readonly kind: 'reserved'; readonly record: SharedRecord; readonly dueMs: readonly number[] }
  /** Only tokens of the reserve are there. Look again after this long. */
  | { readonly kind: 'later'; readonly waitMs: number };

/** Reserves a block on what was read; `record` is null where nobody ever did. */
export function decideReservation(record: SharedRecord | null, facts: ReservationFacts): Reservation {
  const nowMs = Math.max(facts.nowMs, record?.asOfMs ?? 0);
  const bucket = correct(record, { ...facts, nowMs });
  const { burst, emissionIntervalMs } = bucket;

  const tokens = tokensAt(bucket, nowMs);
  const most = isPlenty(tokens, burst) ? Math.max(facts.slots, facts.waiting) : facts.slots;
  let slots = Math.min(MAX_BLOCK, Math.max(1, most));
  const reserve = Math.min(facts.reserve, burst - 1);
  if (reserve > 0) {
    // A slot in the future would hold a token that is the build's by then; so only what is there is taken.
    const spare = Math.floor(tokens - reserve + 1e-6);
    if (spare < 1) return { kind: 'later', waitMs: (reserve + 1 - tokens) * emissionIntervalMs };
    slots = Math.min(slots, spare);
  }

  const startMs = Math.max(bucket.tatMs, nowMs);
  const tatMs = startMs + slots * emissionIntervalMs;
  const asked = Math.min(facts.notBeforeMs ?? 0, nowMs + MAX_WAIT_MS);
  const notBeforeMs = Math.max(record?.notBeforeMs ?? 0, asked);
  const lane: Lane = { ...facts.lane, slots, sinceMs: Math.max(nowMs, notBeforeMs), tatMs };
  const next: SharedRecord = {
    v: 1,
    asOfMs: nowMs,
    tatMs,
    emissionIntervalMs,
    burst,
    total: (record?.total ?? 0) + slots,
    notBeforeMs,
    lanes: [...livingLanes(record, lane.id, nowMs), lane].slice(-MAX_LANES),
  };
  return { kind: 'reserved', record: next, dueMs: slotsOf(lane, next) };
}

/** Whether so many tokens are so much that nobody needs to count closely. */
export function isPlenty(tokens: number, burst: number): boolean {
  return tokens > Math.max(burst * PLENTY, MAX_BLOCK);
}

/** When each slot of a block is due. */
export function slotsOf(lane: Lane, rate: Pick<GcraState, 'burst' | 'emissionIntervalMs'>): number[] {
  const lastMs = lane.tatMs - rate.burst * rate.emissionIntervalMs;
  return Array.from({ length: lane.slots }, (_, at) =>
    Math.max(lane.sinceMs, lastMs - (lane.slots - 1 - at) * rate.emissionIntervalMs),
  );
}

/** The record without a process's lane, its unspent slots given back; null where there is nothing to give back. */
export function decideGiveBack(
  record: SharedRecord | null,
  { id, unspent, nowMs }: { id: string; unspent: number; nowMs: number },
): SharedRecord | null {
  const lane = record?.lanes.find((each) => each.id === id);
  if (!record || !lane) return null;
  return {
    ...record,
    asOfMs: Math.max(record.asOfMs, nowMs),
    tatMs: Math.max(0, record.tatMs - Math.min(unspent, lane.slots) * record.emissionIntervalMs),
    lanes: record.lanes.filter((each) => each.id !== id),
  };
}

/** How many slots of the others the provider may not have counted yet: their latest blocks, whole, and what was under way. */
export function outstandingOfOthers(record: SharedRecord, id: string): number {
  return record.lanes.reduce((sum, lane) => sum + (lane.id === id ? 0 : lane.slots + lane.inFlight), 0);
}

/** The bucket after all that is known: given back, raised to what must be there, lowered to what can be there. */
function correct(record: SharedRecord | null, facts: ReservationFacts): GcraState {
  const { nowMs, rate, seed, floor, ceiling } = facts;
  const grown = (found: Ceiling) => found.tokens + (nowMs - found.atMs) / rate.emissionIntervalMs;
  const empty = createGcra(rate, nowMs);
  if (!record) {
    const bucket = seed ? withTokens(empty, Math.max(0, grown(seed)), nowMs) : empty;
    return ceiling ? lowered(bucket, grown(ceiling), nowMs) : bucket;
  }
  // Another rate keeps the tokens and counts them its own way.
  let bucket = withTokens(empty, Math.min(rate.burst, tokensAt(record, nowMs)), nowMs);
  const lane = record.lanes.find((each) => each.id === facts.lane.id);
  // A lane that was taken out has been counted as lost already.
  if (lane && facts.unspent > 0)
    bucket = withTokens(bucket, tokensAt(bucket, nowMs) + Math.min(facts.unspent, lane.slots), nowMs);
  if (floor) {
    const least = grown(floor) - (record.total - floor.total);
    if (least > tokensAt(bucket, nowMs)) bucket = withTokens(bucket, least, nowMs);
  }
  return ceiling ? lowered(bucket, grown(ceiling), nowMs) : bucket;
}

function lowered(bucket: GcraState, tokens: number, nowMs: number): GcraState {
  return tokens < tokensAt(bucket, nowMs) ? withTokens(bucket, tokens, nowMs) : bucket;
}

function livingLanes(record: SharedRecord | null, ownId: string, nowMs: number): Lane[] {
  if (!record) return [];
  return record.lanes.filter(
    (lane) => lane.id !== ownId && (slotsOf(lane, record).at(-1) ?? 0) + BLOCK_LIFE_MS >= nowMs,
  );
}
