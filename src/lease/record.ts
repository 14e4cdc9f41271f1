/**
 * The lease record as text: parsed without trust, written within bounds. What does not parse is corrupt and is never
 * overwritten (L16; consul carries a flag value for the same reason). Nothing here decides who owns.
 * Invariant: whatever `encodeRecord` writes, `parseRecord` reads back as an equal, frozen value of at most 64 KiB.
 */
import { deepFreeze, type FieldReader, isJsonObject, parseJsonObject, readFields } from '../base/codec.ts';
import { ConfigError, CorruptRecordError, InvariantError } from '../base/errors.ts';
import { type Entry, MAX_VALUE_BYTES } from '../store/contract.ts';
import type { HolderInfo, LeaseEntry, LeaseMark, LeaseRecord, LeaseTicket, LeaseView } from './contract.ts';

/** A lease is at least this long: below it the margins would eat it. */
export const MIN_LEASE_MS = 1000;
/** And at most this long: a forged record could otherwise lock a key for good. */
export const MAX_LEASE_MS = 3_600_000;
/** No token is higher. The distance to 2^53 keeps arithmetic on tokens exact in every reader. */
export const MAX_TOKEN = 2 ** 53 - 2 ** 20;
/** At most this many owners of one key. */
export const MAX_PERMITS = 100;
/** At most this many places in a queue; whoever comes later waits without one. */
export const MAX_TICKETS = 100;
// The queue may fill half of a value, so that every ticket can still become an entry.
const MAX_QUEUED_BYTES = MAX_VALUE_BYTES / 2;
const MAX_NONCE_LENGTH = 64;
const MAX_CLOCK_ID_LENGTH = 64;
const MAX_TIME_LENGTH = 32;
// In bytes of JSON; together under 700 per holder.
const HOLDER_BYTES = Object.freeze({ text: 200, host: 100, run: 40, attempt: 20, job: 100, url: 200 });

/** The record of a key that nobody ever held. */
export function createRecord(permits: number): LeaseRecord {
  return deepFreeze({ v: 1, state: 'free', token: 0, permits, entries: [], tickets: [], note: {} });
}

/** What a read of the store told, as a view. CorruptRecordError for anything but a record of this version. */
export function parseView(key: string, entry: Entry | null): LeaseView {
  if (entry === null) return Object.freeze({ revision: null, record: null });
  return Object.freeze({ revision: entry.revision, record: parseRecord(key, entry.value) });
}

/** Parses a record. CorruptRecordError where it is foreign, damaged, newer, or breaks an invariant of its own. */
export function parseRecord(key: string, text: string): LeaseRecord {
  const what = `the lease record of ${key}`;
  const fields = readFields(parseJsonObject(text, what), what);
  if (fields.raw['v'] !== 1) {
    throw new CorruptRecordError(`${what} is not of version 1; it was left untouched`, {
      hint: 'another program uses this key, or a newer lockstep wrote it: choose another namespace or update lockstep',
    });
  }
  const token = fields.integer('token', { min: 0, max: MAX_TOKEN });
  const permits = fields.integer('permits', { min: 1, max: MAX_PERMITS });
  const entries = objects(fields, 'entries', what).map((entry) => ({
    token: entry.integer('token', { min: 1, max: token }),
    ...parseBeat(entry),
    since: entry.string('since'),
  }));
  const tickets = objects(fields, 'tickets', what).map(parseBeat);
  const state = fields.choice('state', ['held', 'free'] as const);
  const problem = disagreement({ state, permits, entries, tickets });
  if (problem) throw new CorruptRecordError(`${what} ${problem}; it was left untouched`);
  return deepFreeze({ v: 1, state, token, permits, entries, tickets, note: fields.object('note').raw });
}

/**
 * The record as text. Rejects with CorruptRecordError where tokens are used up and with ConfigError where it outgrew a
 * value of the store (too many permits with long holder names, or too long a note).
 */
export function encodeRecord(key: string, record: LeaseRecord): string {
  const problem = disagreement(record);
  if (problem) throw new InvariantError(`a lease record of ${key} was made that ${problem}`);
  if (record.token > MAX_TOKEN) throw new CorruptRecordError(`the tokens of ${key} are used up`);
  const text = JSON.stringify(record);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES) {
    const message = `the lease record of ${key} would take ${bytes} bytes of ${MAX_VALUE_BYTES}; use fewer permits, shorter holder names or a shorter note`;
    throw new ConfigError([{ option: '', message }]);
  }
  return text;
}

/** Whether one more ticket is welcome: the queue is bounded in number and in bytes. */
export function hasRoomForTicket(record: LeaseRecord): boolean {
  return record.tickets.length < MAX_TICKETS && Buffer.byteLength(JSON.stringify(record)) <= MAX_QUEUED_BYTES;
}

/** A holder cut to what a record may carry. */
export function boundHolder(holder: HolderInfo): HolderInfo {
  const { text, host, pid, run, attempt, job, url } = holder;
  return deepFreeze({
    text: cut(text, HOLDER_BYTES.text),
    host: cut(host, HOLDER_BYTES.host),
    pid,
    ...(run === undefined ? {} : { run: cut(run, HOLDER_BYTES.run) }),
    ...(attempt === undefined ? {} : { attempt: cut(attempt, HOLDER_BYTES.attempt) }),
    ...(job === undefined ? {} : { job: cut(job, HOLDER_BYTES.job) }),
    ...(url === undefined ? {} : { url: cut(url, HOLDER_BYTES.url) }),
  });
}

function objects(fields: FieldReader, name: string, what: string): FieldReader[] {
  return fields.array(name).map((item, index) => {
    const path = `${what}.${name}[${index}]`;
    if (!isJsonObject(item))
      throw new CorruptRecordError(`${path} should be an object; it was left untouched`);
    return readFields(item, path);
  });
}

function parseBeat(fields: FieldReader): LeaseTicket {
  return {
    nonce: fields.string('nonce'),
    seq: fields.integer('seq', { min: 0 }),
    leaseMs: fields.integer('leaseMs', { min: MIN_LEASE_MS, max: MAX_LEASE_MS }),
    holder: parseHolder(fields.object('holder')),
    ...parseMark(fields),
  };
}

/** Absent in records of earlier versions. */
function parseMark(fields: FieldReader): Partial<LeaseMark> {
  const renewedAt = fields.optionalString('renewedAt');
  const stamp = fields.raw['stamp'] === undefined ? undefined : fields.object('stamp');
  return {
    ...(renewedAt === undefined ? {} : { renewedAt }),
    ...(stamp === undefined
      ? {}
      : { stamp: { clockId: stamp.string('clockId'), ms: stamp.integer('ms', { min: 0 }) } }),
  };
}

function parseHolder(fields: FieldReader): HolderInfo {
  const optional = (['run', 'attempt', 'job', 'url'] as const).flatMap((name) => {
    const value = fields.optionalString(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    text: fields.string('text'),
    host: fields.string('host'),
    pid: fields.integer('pid', { min: 0 }),
    ...Object.fromEntries(optional),
  };
}

/** What contradicts itself in a record, in words that follow its name; null where nothing does. */
function disagreement(record: {
  state: 'held' | 'free';
  permits: number;
  entries: readonly LeaseEntry[];
  tickets: readonly LeaseTicket[];
}): string | null {
  const { state, permits, entries, tickets } = record;
  if ((state === 'held') !== entries.length > 0) return `is ${state} with ${entries.length} owners`;
  if (entries.length > permits) return `has ${entries.length} owners for ${permits} permits`;
  if (tickets.length > MAX_TICKETS) return `has ${tickets.length} tickets`;
  for (const list of [entries, tickets]) {
    const nonces = new Set(list.map((item) => item.nonce));
    if (nonces.size < list.length) return 'names one acquisition twice';
    if ([...nonces].some((nonce) => nonce === '' || nonce.length > MAX_NONCE_LENGTH))
      return 'has a bad nonce';
    if (list.some(hasLongMark)) return 'has a time that is none';
  }
  if (new Set(entries.map((entry) => entry.token)).size < entries.length) return 'gives one token twice';
  return null;
}

function hasLongMark({ renewedAt, stamp }: LeaseTicket): boolean {
  return (renewedAt?.length ?? 0) > MAX_TIME_LENGTH || (stamp?.clockId.length ?? 0) > MAX_CLOCK_ID_LENGTH;
}

/** Cuts a text so that its JSON form takes at most `maxBytes` bytes between the quotes; never inside a character. */
function cut(text: string, maxBytes: number): string {
  let bytes = 0;
  let kept = '';
  for (const char of text) {
    bytes += Buffer.byteLength(JSON.stringify(char)) - 2;
    if (bytes > maxBytes) return kept;
    kept += char;
  }
  return kept;
}
