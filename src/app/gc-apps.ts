/**
 * Leases on apps that nobody uses any more: free, and free for so long that nobody who ever held one can still be at work. Pure.
 * A free record says nothing about its age, and no two machines' clocks are compared. So the first `gc` that finds it free leaves
 * a mark in it: its token, and what a clock said. A later one that finds the same token, and that one clock moved on far enough,
 * may remove it: whoever takes or frees the lease in between raises the token. Two readings of one clock; never two clocks.
 * Clocks that can be named: GitHub's own, as its answers tell it, and a machine's since its start.
 * Invariant: what cannot be read is kept; a mark is only ever written into a free record, and removes nothing by itself.
 */
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import type { LeaseRecord } from '../lease/contract.ts';

const MARK = 'gc';
/** Clocks of so many machines are remembered beside one another; the oldest goes. */
const MAX_READINGS = 4;
const MAX_CLOCK_ID_LENGTH = 64;

/** What one clock said, in ms of its own. */
export interface ClockReading {
  readonly clockId: string;
  readonly ms: number;
  /**
   * The wall clock beside a machine's own: machines resumed from one memory image share the name of their clock, so both must say
   * that the time has passed. Absent for GitHub's.
   */
  readonly wallMs?: number;
}

export type FreeVerdict =
  | { readonly kind: 'keep' }
  /** Write the mark, and look again another time. */
  | { readonly kind: 'mark'; readonly note: JsonObject }
  | { readonly kind: 'remove' };

/** What may become of a lease on an app, by the clocks that can be read now. */
export function decideFreeApp(
  record: LeaseRecord,
  { readings, oldMs }: { readings: readonly ClockReading[]; oldMs: number },
): FreeVerdict {
  if (record.state !== 'free' || record.tickets.length > 0) return { kind: 'keep' };
  const known = readMark(record);
  if (readings.some((now) => known.some((then) => elapsedMs(then, now) > oldMs))) return { kind: 'remove' };
  // A clock that is known already keeps its first reading: another would only make the record look younger.
  const unknown = readings.filter((now) => !known.some(({ clockId }) => clockId === now.clockId));
  if (unknown.length === 0) return { kind: 'keep' };
  const seen = [...known, ...unknown].slice(-MAX_READINGS);
  return { kind: 'mark', note: { ...record.note, [MARK]: { token: record.token, seen } } };
}

function elapsedMs(then: ClockReading, now: ClockReading): number {
  if (then.clockId !== now.clockId) return Number.NEGATIVE_INFINITY;
  const wallMs = then.wallMs === undefined ? Number.POSITIVE_INFINITY : (now.wallMs ?? 0) - then.wallMs;
  return Math.min(now.ms - then.ms, wallMs);
}

/** The readings that go with the present token; none where the mark is of another, or none that can be read. */
function readMark({ note, token }: LeaseRecord): readonly ClockReading[] {
  const mark = note[MARK];
  if (!isJsonObject(mark) || mark['token'] !== token || !Array.isArray(mark['seen'])) return [];
  return (mark['seen'] as readonly unknown[]).slice(-MAX_READINGS).flatMap((seen) => {
    if (!isJsonObject(seen)) return [];
    const { clockId, ms, wallMs } = seen;
    if (typeof clockId !== 'string' || clockId.length > MAX_CLOCK_ID_LENGTH || !Number.isFinite(ms))
      return [];
    if (wallMs !== undefined && !Number.isFinite(wallMs)) return [];
    return [{ clockId, ms: ms as number, ...(wallMs === undefined ? {} : { wallMs: wallMs as number }) }];
  });
}
