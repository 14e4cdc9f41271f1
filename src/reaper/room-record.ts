/**
 * The room of an account as those who want to create see it: how many places the last count left, and who waits for or is
 * using one. Parsed without trust; a foreign record is corrupt and left alone. Nothing here decides.
 * NOT guaranteed: that a free place is free; somebody outside may take it, and then the provider refuses and it is counted anew.
 *
 *   full (the provider said so) ─▶ waiting ─▶ a place is free: creating ─▶ created: the place is an app now
 *                                     ▲                            ├─────▶ failed otherwise: the place is free again
 *                                     └──── refused: not free after all ◀─┘
 */
import { deepFreeze, type FieldReader, isJsonObject, parseJsonObject, readFields } from '../base/codec.ts';
import { CorruptRecordError } from '../base/errors.ts';
import { plain } from '../base/text.ts';

const MAX_CLAIMS = 200;
const MAX_NAMED = 8;
const MAX_COUNT = 1_000_000;
const MAX_MS = 3650 * 86_400_000;

/** Somebody who wants to create, or is about it. `nonce` and `seq` are a beat as leases have them. */
export interface RoomClaim {
  readonly nonce: string;
  readonly seq: number;
  readonly leaseMs: number;
  readonly state: 'waiting' | 'creating';
  /** Who, as others see it. */
  readonly holder: string;
}

/** What a sweep found: who holds the places and when the next falls due. */
export interface RoomCensus {
  /** Counts the censuses of this room, from 1. */
  readonly number: number;
  /** Apps that count against the limit, after the sweep. */
  readonly counted: number;
  /** Null where nobody knows. */
  readonly limit: number | null;
  /** From the moment of the census; null where nothing will fall due. */
  readonly nextDueMs: number | null;
  /** How many more would go if more room were asked for. */
  readonly spare: number;
  /** Some of those who hold a place, printable, with their age and why they stay. */
  readonly holders: readonly string[];
}

export interface RoomRecord {
  readonly v: 1;
  readonly free: number;
  readonly census: RoomCensus | null;
  readonly claims: readonly RoomClaim[];
}

/** A room nobody has counted yet. */
export const EMPTY_ROOM: RoomRecord = deepFreeze({ v: 1, free: 0, census: null, claims: [] });

/** Parses a record; frozen. CorruptRecordError where it is foreign, damaged or newer. */
export function parseRoom(key: string, text: string): RoomRecord {
  const what = `the room record of ${key}`;
  const fields = readFields(parseJsonObject(text, what), what);
  if (fields.raw['v'] !== 1)
    throw new CorruptRecordError(`${what} is not of version 1; it was left untouched`);
  const claims = fields.array('claims');
  if (claims.length > MAX_CLAIMS)
    throw new CorruptRecordError(`${what} has too many claims; it was left untouched`);
  return deepFreeze({
    v: 1,
    free: fields.integer('free', { min: 0, max: MAX_COUNT }),
    census: fields.raw['census'] === null ? null : parseCensus(fields.object('census')),
    claims: claims.map((claim, at) => {
      if (!isJsonObject(claim))
        throw new CorruptRecordError(`${what}.claims[${at}] should be an object; it was left untouched`);
      return parseClaim(readFields(claim, `${what}.claims[${at}]`));
    }),
  });
}

/** The record as text, within bounds. */
export function encodeRoom(record: RoomRecord): string {
  const { census } = record;
  const named = census && {
    ...census,
    holders: census.holders.slice(0, MAX_NAMED).map((name) => plain(name)),
  };
  const claims = record.claims.slice(-MAX_CLAIMS).map((claim) => ({ ...claim, holder: plain(claim.holder) }));
  return JSON.stringify({ ...record, census: named, claims });
}

function parseCensus(fields: FieldReader): RoomCensus {
  const optional = (name: string, max: number) =>
    fields.raw[name] === null ? null : fields.integer(name, { min: 0, max });
  return {
    number: fields.integer('number', { min: 1 }),
    counted: fields.integer('counted', { min: 0, max: MAX_COUNT }),
    limit: optional('limit', MAX_COUNT),
    nextDueMs: optional('nextDueMs', MAX_MS),
    spare: fields.integer('spare', { min: 0, max: MAX_COUNT }),
    holders: fields.array('holders').map((name) => plain(String(name))),
  };
}

function parseClaim(fields: FieldReader): RoomClaim {
  return {
    nonce: fields.string('nonce'),
    seq: fields.integer('seq', { min: 0 }),
    leaseMs: fields.integer('leaseMs', { min: 1000, max: 3_600_000 }),
    state: fields.choice('state', ['waiting', 'creating'] as const),
    holder: plain(fields.string('holder')),
  };
}
