/**
 * What a sweep leaves in the lease's note for those who come after: `{sweeps: {identity: {outcome, counts, at}}}`, the
 * newest 32. NOT guaranteed: truth. The stamp is another machine's wall clock, and whoever writes the store can forge it;
 * it may therefore only suppress work. What cannot be read counts as no sweep at all.
 */
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import type { ReapCounts, ReapOutcome, SweepNote } from './contract.ts';
import { NO_COUNTS } from './counts.ts';

const MAX_SWEEPS = 32;
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
    .slice(0, MAX_SWEEPS - 1);
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
  return { outcome, counts, at };
}
