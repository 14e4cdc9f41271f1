/**
 * Snapshots as names of cache entries, and back. Pure.
 *
 *   lockstep-sweep-1-IDENTITY-WINDOW-OUTCOME-TIME-COUNT.COUNT.…        numbers in base 36
 *
 * An entry never changes, so each sweep has a name of its own; the window before the rest lets a look-up ask for "this window's
 * or the last one's" by prefix. Invariant: at most 512 characters, no comma (the cache refuses both), and nothing in it but
 * hashes and numbers.
 */
import { COUNT_NAMES, type Snapshot, type SnapshotCounts, type SnapshotSubject } from './contract.ts';

const FORMAT = 'lockstep-sweep-1';
const IDENTITY = /^[0-9a-f]{1,64}$/;
const REST = /^([rc])-([0-9a-z]{1,11})-([0-9a-z.]+)$/;
const OUTCOMES = { r: 'reaped', c: 'clean' } as const;

/** The name of a snapshot; null for one that no name can carry (a count that is none, a foreign identity). */
export function formatSnapshotKey(subject: SnapshotSubject, snapshot: Snapshot): string | null {
  const { outcome, counts, atMs } = snapshot;
  const numbers = [atMs, ...COUNT_NAMES.map((name) => counts[name])];
  if (!isUsable(subject) || !numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) {
    return null;
  }
  const letter = outcome === 'reaped' ? 'r' : 'c';
  const [time = '', ...rest] = numbers.map((number) => number.toString(36));
  return `${prefixOf(subject, windowOf(subject, atMs))}${letter}-${time}-${rest.join('.')}`;
}

/** The prefixes to look for, the present window first. */
export function snapshotPrefixes(subject: SnapshotSubject, nowWallMs: number): readonly string[] {
  if (!isUsable(subject)) return [];
  const window = windowOf(subject, nowWallMs);
  return [window, window - 1].filter((each) => each >= 0).map((each) => prefixOf(subject, each));
}

/** Reads a name that a look-up returned. Null for whatever this version would not have written for this subject. */
export function parseSnapshotKey(subject: SnapshotSubject, key: string): Snapshot | null {
  const head = isUsable(subject) ? `${FORMAT}-${subject.identity}-` : null;
  if (head === null || !key.startsWith(head)) return null;
  const [window = ''] = key.slice(head.length).split('-', 1);
  const [, letter, time = '', numbers = ''] = REST.exec(key.slice(head.length + window.length + 1)) ?? [];
  if (letter === undefined) return null;
  const counts = numbers.split('.').map((text) => Number.parseInt(text, 36));
  const snapshot: Snapshot = {
    outcome: OUTCOMES[letter as keyof typeof OUTCOMES],
    counts: Object.fromEntries(COUNT_NAMES.map((name, index) => [name, counts[index]])) as SnapshotCounts,
    atMs: Number.parseInt(time, 36),
  };
  // Written anew it must be the same name: anything else was made by somebody else.
  return counts.length === COUNT_NAMES.length && formatSnapshotKey(subject, snapshot) === key
    ? snapshot
    : null;
}

function isUsable({ identity, everyMs }: SnapshotSubject): boolean {
  return IDENTITY.test(identity) && Number.isFinite(everyMs) && everyMs > 0;
}

function windowOf({ everyMs }: SnapshotSubject, wallMs: number): number {
  return Math.floor(wallMs / everyMs);
}

function prefixOf({ identity }: SnapshotSubject, window: number): string {
  return `${FORMAT}-${identity}-${window.toString(36)}-`;
}
