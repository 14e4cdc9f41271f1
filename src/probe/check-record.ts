/**
 * The record of a check in the store, and its codec: here, below both, so that gate and check share it.
 * Everything in it came from outside when read back. A foreign, damaged or newer record is CorruptRecordError and is never
 * overwritten. Invariant: a decoded record is frozen (consul #5876: a shared one was changed in place).
 */
import { deepFreeze, parseJsonObject, readFields } from '../base/codec.ts';
import { CorruptRecordError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import { createKey } from '../store/key.ts';
import { HEALTH_STATUSES, type HealthStatus } from './contract.ts';

export interface CheckRecord {
  readonly v: 1;
  readonly status: HealthStatus;
  /** One printable line. */
  readonly output: string;
  /** Who wrote it, as others see it. */
  readonly writer: string;
  /** Rises with each definition (each `set`, each run of an alias); a lower one may not write over a higher one. */
  readonly generation: number;
  /** The run that wrote it: one per `set`, one per life of an alias. */
  readonly run: string;
  /** Marks this one write, so that a doubtful one is settled by reading back. */
  readonly nonce: string;
  /** Wall clock of the writer, ISO; information for people only. */
  readonly setAt: string;
  /** Unrenewed for longer than this it reads critical; null where it stands until it is set again. */
  readonly ttlMs: number | null;
  /** What an alias mirrors, as displayed; empty for a check that was set. */
  readonly upstreams: readonly string[];
}

const MAX_GENERATION = 2 ** 53 - 2 ** 20;
const MAX_TTL_MS = 3650 * 86_400_000;
const MAX_OUTPUT = 1024;
const MAX_UPSTREAMS = 40;

/** The store's key of a check. */
export function checkKey(namespace: string, name: string): string {
  return createKey(namespace, 'check', name);
}

/** The stored text. Outputs are cut at 1,024 characters, the list of upstreams at 40. */
export function encodeCheckRecord(record: CheckRecord): string {
  return JSON.stringify({
    ...record,
    output: plain(record.output, MAX_OUTPUT),
    writer: plain(record.writer),
    upstreams: record.upstreams.slice(0, MAX_UPSTREAMS).map((id) => plain(id)),
  });
}

/** Reads a stored text; `name` is for the complaint. Throws CorruptRecordError. */
export function decodeCheckRecord(value: string, name: string): CheckRecord {
  const what = `the record of check ${plain(name)}`;
  const fields = readFields(parseJsonObject(value, what), what);
  if (fields.raw['v'] !== 1)
    throw new CorruptRecordError(`${what} has another format or a newer version; it was left untouched`);
  return deepFreeze({
    v: 1,
    status: fields.choice('status', HEALTH_STATUSES),
    output: plain(fields.string('output'), MAX_OUTPUT),
    writer: plain(fields.string('writer')),
    generation: fields.integer('generation', { min: 1, max: MAX_GENERATION }),
    run: fields.string('run'),
    nonce: fields.string('nonce'),
    setAt: plain(fields.string('setAt')),
    ttlMs: fields.raw['ttlMs'] === null ? null : fields.integer('ttlMs', { min: 1, max: MAX_TTL_MS }),
    upstreams: fields.array('upstreams').map((id) => {
      if (typeof id === 'string') return plain(id);
      throw new CorruptRecordError(`${what}.upstreams should hold strings; the record was left untouched`);
    }),
  });
}
