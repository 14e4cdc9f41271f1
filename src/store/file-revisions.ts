/**
 * The decisions of the file store, as pure functions: what a revision file says, which old ones may go, and what it means to
 * have linked one. The protocol: revision n+1 IS the file n+1, made whole in private and published by link(2), which fails
 * where the name exists. No lock is ever held, so nothing is ever stale; a killed writer leaves only a private file.
 * Invariant that the judgement rests on: old revisions are removed in ascending order, one after the other. So while n is
 * there with its old nonce, n+1 was never removed, and whoever linked n+1 was the first to.
 */
import { CorruptRecordError } from '../base/errors.ts';
import type { Revision } from './contract.ts';

/** How many of the newest revisions always stay. */
export const KEPT_REVISIONS = 64;
/** What is younger than this always stays: no writer is believed to stop longer between its read and its link. */
export const KEPT_MS = 3_600_000;

/** The contents of one revision file. */
export interface RevisionRecord {
  /** Marks this write; fresh for each. */
  readonly nonce: string;
  /** The nonce of the revision before; null at the very first. */
  readonly previous: string | null;
  /** Null is a tombstone: the key counts as absent, its numbers go on. */
  readonly value: string | null;
}

const HEADER = /^lockstep 1 ([0-9a-z-]{1,64}) ([0-9a-z-]{1,64}) (\d{1,7}|x)$/;
const NONE = '-';

/** The bytes of a revision file: one header line, then the value as it is. */
export function formatRevision(record: RevisionRecord, value: Buffer): Buffer {
  const length = record.value === null ? 'x' : value.length;
  const header = Buffer.from(`lockstep 1 ${record.nonce} ${record.previous ?? NONE} ${length}\n`);
  return Buffer.concat([header, value]);
}

/** The inverse; CorruptRecordError for anything else (`path` names it). Link makes torn files impossible, power loss does not. */
export function parseRevision(bytes: Buffer, path: string): RevisionRecord {
  const end = bytes.indexOf(10);
  const match = HEADER.exec(bytes.subarray(0, Math.max(0, end)).toString('latin1'));
  if (!match) {
    throw new CorruptRecordError(
      `${path} is not a revision that this version can read; it was left untouched`,
      {
        hint: 'it was written by a newer version, or cut by a power failure; remove the file to go back one revision',
      },
    );
  }
  const [, nonce = '', previous, length] = match;
  const value = bytes.subarray(end + 1);
  if (value.length !== (length === 'x' ? 0 : Number(length))) {
    throw new CorruptRecordError(`${path} is cut short; it was left untouched`, {
      hint: 'a power failure does this; remove the file to go back one revision, or open the store with fsync',
    });
  }
  return {
    nonce,
    previous: previous === undefined || previous === NONE ? null : previous,
    value: length === 'x' ? null : value.toString('utf8'),
  };
}

/** The opaque revision that callers see: the number finds the file, the nonce makes A→B→A differ. */
export function formatToken(number: number, nonce: string): Revision {
  return `${number}.${nonce}`;
}

/** Null where the text never came from this store. */
export function parseToken(revision: Revision): { number: number; nonce: string } | null {
  const match = /^([1-9]\d{0,15})\.([0-9a-z-]+)$/.exec(revision);
  return match?.[2] === undefined ? null : { number: Number(match[1]), nonce: match[2] };
}

/** The revisions that may go by their number, oldest first; each must be old enough as well. */
export function selectCollectable(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b).slice(0, -KEPT_REVISIONS);
}

/** Old enough to go. Both stamps are the file system's own; the local clock is never asked. */
export function isPastKeeping(modifiedMs: number, newestMs: number): boolean {
  return newestMs - modifiedMs > KEPT_MS;
}

/** What was seen after the link succeeded. */
export interface LinkedView {
  readonly mine: { readonly number: number; readonly nonce: string };
  /** The newest number in the folder; 0 where it is gone. */
  readonly head: number;
  /** The revision right after mine; null where there is none (any more). */
  readonly successor: RevisionRecord | null;
}

/**
 * Whether a linked revision counts. A writer that stopped for very long may have re-created a number that was collected
 * meanwhile: such a file was never the newest, so nobody read it, and its writer lost (`zombie`). Where the successor that
 * would tell is gone too, nobody can say (`unknown`).
 */
export function decideLinked({ mine, head, successor }: LinkedView): 'applied' | 'zombie' | 'unknown' {
  if (head === mine.number) return 'applied';
  if (head < mine.number || successor === null) return 'unknown';
  return successor.previous === mine.nonce ? 'applied' : 'zombie';
}
