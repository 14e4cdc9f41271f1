/**
 * The compare-and-set of the file store on one key's folder: read what is expected, make the next revision in private, link
 * it, and judge afterwards whether the number was really new. Errors before the link are the system's own (the driver
 * translates them); from the link on, whatever is not certain is an IndeterminateError.
 * Invariant: a write counts from the moment its link succeeds, and what was once read as the newest is never taken back.
 */
import { join } from 'node:path';
import { IndeterminateError, UnavailableError } from '../../base/errors.ts';
import { createNonce } from '../../base/identity.ts';
import type { Call } from '../call.ts';
import type { Entry, Revision, WriteResult } from '../contract.ts';
import { systemCodeOf, translateLinkError } from '../file-errors.ts';
import { formatRevisionName } from '../file-layout.ts';
import {
  decideLinked,
  formatRevision,
  formatToken,
  KEPT_REVISIONS,
  parseToken,
  type RevisionRecord,
} from '../file-revisions.ts';
import type { Volume } from './file-volume.ts';

const COLLECT_EVERY = KEPT_REVISIONS / 2;
const MAX_KNOWN = 256;
const MAX_STEPS = 4;

/** The newest revision of a key, a tombstone included. */
export interface Head {
  readonly number: number;
  readonly record: RevisionRecord;
}

export interface FileWrite {
  readonly folder: string;
  readonly expect: Revision | null;
  /** Null leaves a tombstone. */
  readonly value: string | null;
  readonly bytes: Buffer;
}

export interface FileRegister {
  readHead(folder: string): Promise<Head | null>;
  write(write: FileWrite, call: Call): Promise<WriteResult>;
}

export interface FileRegisterOptions {
  root: string;
  volume: Volume;
  /** Takes over work that nobody waits for. */
  tidy: (work: Promise<unknown>) => void;
}

/** The register over one root. */
export function createFileRegister({ root, volume, tidy }: FileRegisterOptions): FileRegister {
  // Where this handle last saw a key's head, so that a hot key is not listed with all its young revisions at each call.
  const known = new Map<string, { number: number; nonce: string }>();

  const remember = (folder: string, head: Head | null) => {
    if (known.size >= MAX_KNOWN) known.clear();
    if (head) known.set(folder, { number: head.number, nonce: head.record.nonce });
    return head;
  };

  /**
   * Walks on from a head seen before; null where only a listing tells. Looking at the next number BEFORE seeing that the
   * known one is still there is what makes it right: then the next was never removed, so its absence is an absence and its
   * presence is no zombie's.
   */
  const walkHead = async (folder: string): Promise<Head | null> => {
    let trusted = known.get(folder);
    for (let step = 0; trusted && step < MAX_STEPS; step += 1) {
      const next = await volume.read(folder, trusted.number + 1);
      const still = await volume.read(folder, trusted.number);
      if (still?.nonce !== trusted.nonce) return null;
      if (next === null) return { number: trusted.number, record: still };
      trusted = { number: trusted.number + 1, nonce: next.nonce };
    }
    return null;
  };

  const listHead = async (folder: string): Promise<Head | null> => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const number = await volume.headOf(folder);
      if (number === 0) return null;
      const record = await volume.read(folder, number);
      if (record) return { number, record };
    }
    throw new UnavailableError(`${folder} changes faster than it can be read`);
  };

  const readHead = async (folder: string): Promise<Head | null> =>
    remember(folder, (await walkHead(folder)) ?? (await listHead(folder)));

  const write = async ({ folder, expect, value, bytes }: FileWrite, call: Call): Promise<WriteResult> => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const nonce = createNonce();
      const prepareFile = (previous: string | null) =>
        volume.writePrivate(nonce, formatRevision({ nonce, previous, value }, bytes));
      try {
        // 1. What is expected must be there; the private file is written beside the look, not after it.
        let before: Head | null;
        if (expect === null) {
          before = await readHead(folder);
          if (before && before.record.value !== null) return { ok: false, current: entryOf(before) };
          if (before === null) await volume.makeFolder(folder);
          await prepareFile(before?.record.nonce ?? null);
        } else {
          const token = parseToken(expect);
          if (token === null) return { ok: false };
          const [record] = await Promise.all([volume.read(folder, token.number), prepareFile(token.nonce)]);
          if (record?.nonce !== token.nonce || record.value === null) return { ok: false };
          before = { number: token.number, record };
        }
        // 2. Publish it as the next number, which only one can.
        const mine = { number: (before?.number ?? 0) + 1, nonce };
        call.sending();
        const isLinked = await publish(folder, mine);
        if (isLinked === false) return { ok: false };
        // 3. Make sure that the number was not one that had been there and was collected.
        if (isLinked && (await countsAsWritten(folder, mine, before))) {
          known.set(folder, mine);
          if (mine.number % COLLECT_EVERY === 0) tidy(volume.collect(folder, mine.number));
          return { ok: true, revision: formatToken(mine.number, nonce) };
        }
        if (isLinked) return { ok: false };
        await volume.makeFolder(folder);
      } finally {
        tidy(volume.discardPrivate(nonce));
      }
    }
    throw new UnavailableError(`${folder} is removed again and again while it is written to`);
  };

  /** True: linked. False: another has the number. Null: not linked, since a folder was missing. */
  const publish = async (
    folder: string,
    mine: { number: number; nonce: string },
  ): Promise<boolean | null> => {
    try {
      await volume.publish(mine.nonce, join(folder, formatRevisionName(mine.number)));
      return true;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return null;
      if (systemCodeOf(error) !== 'EEXIST') throw translateLinkError(error, root);
    }
    // A network file system may repeat a link whose reply was lost and then find its own: the nonce tells.
    const there = await inDoubt(volume.read(folder, mine.number));
    if (there === null) throw new IndeterminateError(`revision ${mine.number} in ${folder} came and went`);
    return there.nonce === mine.nonce;
  };

  const countsAsWritten = async (
    folder: string,
    mine: { number: number; nonce: string },
    before: Head | null,
  ): Promise<boolean> => {
    if (before !== null) {
      const still = await inDoubt(volume.read(folder, before.number));
      if (still?.nonce === before.record.nonce) return true;
    }
    const head = await inDoubt(volume.headOf(folder));
    const successor = head > mine.number ? await inDoubt(volume.read(folder, mine.number + 1)) : null;
    const verdict = decideLinked({ mine, head, successor });
    if (verdict === 'unknown') {
      throw new IndeterminateError(
        `revision ${mine.number} in ${folder} was written after such a long stop that nobody can tell whether it counted`,
      );
    }
    if (verdict === 'zombie') tidy(volume.withdraw(folder, mine.number));
    return verdict === 'applied';
  };

  return { readHead, write };
}

/** What callers see of a head: a tombstone is an absence. */
export function entryOf({ number, record }: Head): Entry | null {
  if (record.value === null) return null;
  return Object.freeze({ value: record.value, revision: formatToken(number, record.nonce) });
}

/** After the link an error no longer means "not applied". */
async function inDoubt<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    throw new IndeterminateError('a revision was linked but could not be checked', { cause });
  }
}
