/**
 * The order of incarnations: by run, then by attempt. Run ids of a CI service are rising numbers and compared as such;
 * any other text is ordered by its characters, so whoever chooses `--run` in scope environment must let it rise.
 */
import type { Incarnation } from './contract.ts';

/** An incarnation without its id: what "newer" is about. */
export type Rank = Pick<Incarnation, 'run' | 'attempt'>;

/** Negative where `a` is older than `b`, 0 for the same rank. */
export function compareRanks(a: Rank, b: Rank): number {
  return compareRuns(a.run, b.run) || a.attempt - b.attempt;
}

function compareRuns(a: string, b: string): number {
  if (a === b) return 0;
  if (/^\d+$/.test(a) && /^\d+$/.test(b)) return BigInt(a) < BigInt(b) ? -1 : 1;
  return a < b ? -1 : 1;
}

/** The very same execution. */
export function isSameIncarnation(a: Incarnation, b: Incarnation): boolean {
  return a.id === b.id && compareRanks(a, b) === 0;
}

/** The newest of some ranks; null for none. */
export function newestRank(ranks: readonly Rank[]): Rank | null {
  return ranks.reduce<Rank | null>(
    (newest, rank) => (newest === null || compareRanks(rank, newest) > 0 ? rank : newest),
    null,
  );
}

/** The highest attempt seen of each run. */
export function latestAttempts(ranks: readonly Rank[]): ReadonlyMap<string, number> {
  const latest = new Map<string, number>();
  for (const { run, attempt } of ranks) latest.set(run, Math.max(attempt, latest.get(run) ?? attempt));
  return latest;
}
