/**
 * One stored record as a row of `status`, by its kind. Pure. What cannot be read is shown as corrupt and left alone, so that
 * one foreign record does not hide the others.
 */
import { formatDuration } from '../base/duration.ts';
import { hasCode } from '../base/errors.ts';
import { describeBoard } from '../gate/board-status.ts';
import type { LeaseRecord } from '../lease/contract.ts';
import { parseRecord } from '../lease/record.ts';
import { decodeCheckRecord } from '../probe/check-record.ts';
import type { Entry } from '../store/contract.ts';
import type { StatusRecord } from './contract.ts';

/** What a row is about, and the wall clock for ages, which are information only. */
export interface StatusSubject {
  readonly kind: StatusRecord['kind'];
  readonly name: string;
  readonly nowWallMs: number;
}

type Facts = Omit<StatusRecord, 'kind' | 'name'>;

const NOTHING: Omit<Facts, 'state'> = Object.freeze({
  holder: null,
  fencingToken: null,
  leaseMs: null,
  waiters: null,
  url: null,
  detail: null,
});

/** The row of an entry; of null where it was removed meanwhile. */
export function describeEntry(subject: StatusSubject, entry: Entry | null): StatusRecord {
  const { kind, name } = subject;
  try {
    return { kind, name, ...describeFacts(subject, entry) };
  } catch (error) {
    if (!hasCode(error, 'corrupt-record')) throw error;
    return { kind, name, state: 'corrupt', ...NOTHING };
  }
}

function describeFacts(subject: StatusSubject, entry: Entry | null): Facts {
  if (entry === null) return { state: 'free', ...NOTHING };
  if (subject.kind === 'check') return describeCheck(subject, entry.value);
  if (subject.kind === 'gate') return { ...NOTHING, ...describeBoard(entry.value, subject.name) };
  return describeLease(parseRecord(subject.name, entry.value));
}

function describeLease(record: LeaseRecord): Facts {
  const holders = record.entries.map((entry) => entry.holder.text);
  const first = record.entries[0];
  return {
    ...NOTHING,
    state: record.state,
    holder: holders.length > 0 ? holders.join(', ') : null,
    fencingToken: record.token,
    leaseMs: first?.leaseMs ?? null,
    waiters: record.tickets.length > 0 ? record.tickets.length : null,
    url: first?.holder.url ?? null,
    detail: first ? `since ${first.since}` : null,
  };
}

/** A single read cannot have observed an expiry, so the stored status stands here. */
function describeCheck({ name, nowWallMs }: StatusSubject, value: string): Facts {
  const record = decodeCheckRecord(value, name);
  const ageMs = Math.max(0, nowWallMs - Date.parse(record.setAt));
  const parts = [
    Number.isFinite(ageMs) ? `${formatDuration(ageMs)} old` : '',
    record.ttlMs === null ? '' : `valid for ${formatDuration(record.ttlMs)}`,
    record.upstreams.length === 0 ? '' : `mirrors ${record.upstreams.join(', ')}`,
    record.output,
  ];
  return {
    ...NOTHING,
    state: record.status,
    holder: record.writer,
    detail: parts.filter((part) => part !== '').join('; '),
  };
}
