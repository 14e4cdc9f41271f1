/**
 * The record that all processes of one account share: the bucket as a GCRA value on an axis of its own, how many slots were
 * ever reserved, and each process's latest block. Parsed without trust; what does not parse is corrupt and is left alone.
 * No stamp in it is any machine's clock. The axis begins at 0 with the first record and is carried from process to process by
 * cause alone: whoever reads `asOfMs` knows that the axis has come at least that far (docs/throttle.md, "One clock nobody has").
 */
import { deepFreeze, isJsonObject, type JsonObject, parseJsonObject } from '../base/codec.ts';
import { CorruptRecordError } from '../base/errors.ts';
import type { Entry, Revision } from '../store/contract.ts';
import type { GcraState } from './gcra.ts';

/** The most slots that one reservation takes. */
export const MAX_BLOCK = 20;
/** More processes than this at once are not told apart; the one whose block ends first is forgotten. */
export const MAX_LANES = 512;
/** No provider is obeyed for longer. */
export const MAX_WAIT_MS = 24 * 3_600_000;
/** Axis and counters stay far from where numbers lose their precision. */
const MAX_NUMBER = 2 ** 50;

/** The latest block of one process. It also settles a write whose reply was lost: the lane is there, or it is not. */
export interface Lane {
  readonly id: string;
  /** Counts the process's reservations, from 1. */
  readonly number: number;
  readonly slots: number;
  /** Calls sent and not answered when the block was reserved: the provider may not have counted them either. */
  readonly inFlight: number;
  /** No slot is due before: when it was reserved, or when the provider may be asked again. */
  readonly sinceMs: number;
  /** When the bucket is full again after the block's last slot, on the axis. */
  readonly tatMs: number;
}

export interface SharedRecord extends GcraState {
  readonly v: 1;
  /** How far the axis had come when this was written, by the writer's own anchor. */
  readonly asOfMs: number;
  /** Slots ever reserved. */
  readonly total: number;
  /** The provider asked to wait until then, whatever the bucket holds; on the axis. */
  readonly notBeforeMs: number;
  readonly lanes: readonly Lane[];
}

export interface SharedView {
  readonly revision: Revision | null;
  readonly record: SharedRecord | null;
}

/** What a read told. CorruptRecordError for anything but a record of this version. */
export function parseSharedView(key: string, entry: Entry | null): SharedView {
  if (entry === null) return { revision: null, record: null };
  return { revision: entry.revision, record: parseSharedRecord(key, entry.value) };
}

/** Parses a record; frozen. CorruptRecordError where it is foreign, damaged, newer, or beyond what can be meant. */
export function parseSharedRecord(key: string, text: string): SharedRecord {
  const what = `the throttle record of ${key}`;
  const object = parseJsonObject(text, what);
  if (object['v'] !== 1) throw new CorruptRecordError(`${what} is not of version 1; it was left untouched`);
  const number = (from: JsonObject, name: string, min: number): number => {
    const value = from[name];
    if (typeof value === 'number' && value >= min && value <= MAX_NUMBER) return value;
    throw new CorruptRecordError(`${what}.${name} should be a number from ${min}; it was left untouched`);
  };
  const rawLanes = object['lanes'];
  if (!Array.isArray(rawLanes) || rawLanes.length > MAX_LANES)
    throw new CorruptRecordError(`${what}.lanes should be a short list; it was left untouched`);
  const lanes = (rawLanes as readonly unknown[]).map((raw): Lane => {
    const id = isJsonObject(raw) ? raw['id'] : null;
    if (!isJsonObject(raw) || typeof id !== 'string' || id.length > 64)
      throw new CorruptRecordError(`${what}.lanes should hold blocks; it was left untouched`);
    const slots = number(raw, 'slots', 0);
    if (slots > MAX_BLOCK)
      throw new CorruptRecordError(`${what} has a block too large; it was left untouched`);
    const inFlight = number(raw, 'inFlight', 0);
    const [sinceMs, tatMs] = [number(raw, 'sinceMs', 0), number(raw, 'tatMs', 0)];
    return { id, number: number(raw, 'number', 1), slots, inFlight, sinceMs, tatMs };
  });
  const record: SharedRecord = {
    v: 1,
    asOfMs: number(object, 'asOfMs', 0),
    tatMs: number(object, 'tatMs', 0),
    emissionIntervalMs: number(object, 'emissionIntervalMs', 1e-3),
    burst: number(object, 'burst', 1),
    total: number(object, 'total', 0),
    notBeforeMs: number(object, 'notBeforeMs', 0),
    lanes,
  };
  // A bucket overdrawn by more than everybody's blocks is no bucket: whoever believed it would wait for ever.
  const aheadMs = record.tatMs - record.asOfMs;
  const isWaitAbsurd = record.notBeforeMs - record.asOfMs > MAX_WAIT_MS;
  if (isWaitAbsurd || aheadMs > (record.burst + MAX_LANES * MAX_BLOCK) * record.emissionIntervalMs)
    throw new CorruptRecordError(`${what} is overdrawn beyond reason; it was left untouched`);
  return deepFreeze(record);
}

/** The record as text. Times are rounded to the microsecond, so that the text stays short. */
export function encodeSharedRecord(record: SharedRecord): string {
  return JSON.stringify(record, (_, value: unknown) =>
    typeof value === 'number' ? Math.round(value * 1000) / 1000 : value,
  );
}
