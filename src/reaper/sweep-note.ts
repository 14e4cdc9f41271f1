/**
 * What a sweep leaves in the lease's note for those who come after: `{sweeps: {identity: {outcome, counts, at, …}}}`, the
 * newest 32. NOT guaranteed: truth. The stamp is another machine's wall clock, and whoever writes the store can forge it;
 * it may therefore only suppress work. What cannot be read counts as no sweep at all.
 */
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import { plain } from '../base/text.ts';
import type { ReapCounts, ReapOutcome, SweepNote } from './contract.ts';
import { NO_COUNTS } from './counts.ts';

const MAX_SWEEPS = 32;
/** The sentences of more than so many others are dropped: a record has an end, and they are out of date in a minute. */
const MAX_TOLD = 4;
const TOLD_LENGTH = 400;
const REASON_LENGTH = 40;
/** A list stands for a look of one's own as long as an app counts as verified by it (refresh.ts). */
const LISTED_FOR_MS = 60_000;
const OUTCOMES: readonly ReapOutcome[] = ['reaped', 'clean', 'planned', 'skipped', 'incomplete', 'failed'];
/** Sweeps that left nothing to do; the others never suppress one. */
const DONE: readonly ReapOutcome[] = ['reaped', 'clean'];

/** The past sweep of an identity, or null where there is none that can be read. */
export function readSweep(note: JsonObject, identity: string): SweepNote | null {
  const sweeps = note['sweeps'];
  return isJsonObject(sweeps) && Object.hasOwn(sweeps, identity) ? parseSweep(sweeps[identity]) : null;
}

/** The note with this sweep in it. Pure; other fields and the newest sweeps of other identities are carried through. */
export function writeSweep(note: JsonObject, identity: string, sweep: SweepNote): JsonObject {
  const sweeps = isJsonObject(note['sweeps']) ? note['sweeps'] : {};
  const others = Object.entries(sweeps)
    .filter(([name]) => name !== identity)
    .flatMap(([name, value]): [string, SweepNote][] => {
      const parsed = parseSweep(value);
      return parsed ? [[name, parsed]] : [];
    })
    .sort(([, a], [, b]) => Date.parse(b.at) - Date.parse(a.at))
    .slice(0, MAX_SWEEPS - 1)
    .map(([name, other], at): [string, SweepNote] => [name, at < MAX_TOLD ? other : withoutFull(other)]);
  // The newest sweep must not be pushed out by stamps from the future, so it always comes first.
  return { ...note, sweeps: Object.fromEntries([[identity, sweep], ...others]) };
}

/** What is asked of a note. */
export interface FreshQuestion {
  note: JsonObject;
  identity: string;
  /** The window; 0 turns freshness off. */
  everyMs: number;
  /** This machine's wall clock. */
  nowWallMs: number;
  /**
   * The stamp seen before waiting or acquiring (null: none). A done sweep with another stamp ended since then, which is
   * known without comparing clocks.
   */
  seenAt?: string | null;
}

/** The past sweep that makes this one unnecessary, or null. */
export function decideFresh({ note, identity, everyMs, nowWallMs, seenAt }: FreshQuestion): SweepNote | null {
  const sweep = readSweep(note, identity);
  if (!sweep || everyMs <= 0 || !DONE.includes(sweep.outcome)) return null;
  if (seenAt !== undefined && sweep.at !== seenAt) return sweep;
  const sinceMs = nowWallMs - Date.parse(sweep.at);
  return sinceMs >= 0 && sinceMs < everyMs ? sweep : null;
}

/** What a job saw of an identity's stamp so far: since when the present one can have been there. Times are its own, monotonic. */
export interface Sight {
  readonly stamp: string | null;
  /** The latest look that found another stamp, or none; -Infinity where there was no such look. */
  readonly absentAtMs: number;
  readonly lookedAtMs: number;
}

/** One more look. `before` is null at the first one, which cannot tell how old what it sees is. */
export function lookAgain(before: Sight | null, stamp: string | null, nowMs: number): Sight {
  if (before === null) return { stamp, absentAtMs: Number.NEGATIVE_INFINITY, lookedAtMs: nowMs };
  const absentAtMs = before.stamp === stamp ? before.absentAtMs : before.lookedAtMs;
  return { stamp, absentAtMs, lookedAtMs: nowMs };
}

/**
 * The sweep that this job waited for, where it found the account full and nothing can have changed for the better since: its
 * answer is the one that a list of one's own would give. Null where one has a right to a look of one's own.
 */
export function decideFull({
  note,
  identity,
  everyMs,
  sight,
}: {
  note: JsonObject;
  identity: string;
  /** 0 turns it off: every job looks for itself. */
  everyMs: number;
  /** Including the look that read `note`. */
  sight: Sight;
}): (SweepNote & Required<Pick<SweepNote, 'full'>>) | null {
  const sweep = readSweep(note, identity);
  if (!sweep?.full || everyMs <= 0 || sweep.outcome !== 'incomplete' || sweep.reason !== 'full') return null;
  const { listedAgoMs, nextDueMs } = sweep.full;
  // It appeared after the look that did not find it: so the list is at most this old.
  const ageMs = listedAgoMs + sight.lookedAtMs - sight.absentAtMs;
  const isDue = nextDueMs !== null && ageMs >= nextDueMs;
  return ageMs <= LISTED_FOR_MS && !isDue ? { ...sweep, full: sweep.full } : null;
}

function withoutFull({ full: _full, ...rest }: SweepNote): SweepNote {
  return rest;
}

function parseSweep(value: unknown): SweepNote | null {
  if (!isJsonObject(value) || !isJsonObject(value['counts'])) return null;
  const outcome = OUTCOMES.find((one) => one === value['outcome']);
  const at = value['at'];
  if (outcome === undefined || typeof at !== 'string' || Number.isNaN(Date.parse(at))) return null;
  const read = value['counts'];
  const counts = Object.fromEntries(
    Object.keys(NO_COUNTS).map((name) => {
      const count = read[name];
      return [name, typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : 0];
    }),
  ) as unknown as ReapCounts;
  const reason = value['reason'];
  const full = parseFull(value['full']);
  return {
    outcome,
    counts,
    at,
    ...(typeof reason === 'string' ? { reason: plain(reason, REASON_LENGTH) } : {}),
    ...(full ? { full } : {}),
  };
}

function parseFull(value: unknown): SweepNote['full'] | null {
  if (!isJsonObject(value)) return null;
  const { listedAgoMs, nextDueMs, told } = value;
  const isSpan = (span: unknown): span is number => typeof span === 'number' && span >= 0;
  if (!isSpan(listedAgoMs) || !(nextDueMs === null || isSpan(nextDueMs)) || typeof told !== 'string')
    return null;
  return { listedAgoMs, nextDueMs, told: plain(told, TOLD_LENGTH) };
}
