/**
 * The decisions of the GitHub driver, without I/O: which reference keeps a key, how a value becomes a commit message, and
 * what the answer to a move means once the head was read again.
 * Invariant: "lost" is said only where the move was certainly not applied and can no longer be: the head stands on another
 * child of the expected commit, so ours is a fast-forward no more, even if an earlier request of ours is still under way.
 */
import { type JsonObject, parseJsonObject } from '../../base/codec.ts';
import { CorruptRecordError } from '../../base/errors.ts';
import { hashIdentity } from '../../base/identity.ts';
import type { RefRefusal } from '../../github/answers.ts';
import type { Revision } from '../contract.ts';
import { formatRefPath, parseRefPath } from '../key.ts';

export const DEFAULT_REF_PREFIX = 'refs/lockstep';

// GitHub and file systems bound the length of a reference; longer ones go by a hash, and their commit tells the key.
const MAX_REF_LENGTH = 200;
const LONG = '@/';

/** The reference of a key. */
export function refOf(prefix: string, key: string): string {
  const ref = `${prefix}/${formatRefPath(key)}`;
  return ref.length <= MAX_REF_LENGTH ? ref : `${prefix}/${LONG}${hashIdentity([key])}`;
}

/** The key of a reference; `long` where only the commit tells it; null for a reference that is not ours. */
export function keyOf(prefix: string, ref: string): { readonly key: string } | 'long' | null {
  if (!ref.startsWith(`${prefix}/`)) return null;
  const path = ref.slice(prefix.length + 1);
  if (path.startsWith(LONG)) return 'long';
  const key = parseRefPath(path);
  return key === null ? null : { key };
}

/** What the references under a key prefix start with, and those of long keys. What merely starts alike is sorted out later. */
export function refsUnder(prefix: string, keyPrefix: string): readonly string[] {
  const border = keyPrefix.replace(/\/+$/, '');
  if (border === '') return [`${prefix}/`];
  const path = formatRefPath(border);
  return [`${prefix}/${path.slice(0, path.lastIndexOf('/'))}/`, `${prefix}/${LONG}`];
}

/**
 * The commit message that carries a value. JSON keeps every character that a message might lose (NUL, line ends, final
 * blanks); the nonce makes each attempt's commit unique, since equal content and dates give equal commits.
 */
export function writeMessage(record: { key: string; value: string; nonce: string }): string {
  const { key, value, nonce } = record;
  return `lockstep ${key}\n\n${JSON.stringify({ v: 1, key, nonce, value })}\n`;
}

/** The value in a message; CorruptRecordError where the commit is foreign, damaged, of another key, or newer. */
export function readMessage(message: string, key: string): string {
  const fields = parseMessage(message, key);
  const { value } = fields;
  if (fields['key'] !== key || typeof value !== 'string') {
    throw new CorruptRecordError(`the commit that keeps ${key} keeps something else; it was left untouched`);
  }
  return value;
}

/** The key that a message names; null where it is no message of ours. */
export function readMessageKey(message: string): string | null {
  try {
    const { key } = parseMessage(message, 'a key');
    return typeof key === 'string' ? key : null;
  } catch {
    // A listing leaves out what is not ours; whoever reads the key itself is told.
    return null;
  }
}

function parseMessage(message: string, key: string): JsonObject {
  const what = `the commit that keeps ${key}`;
  if (!message.startsWith('lockstep ')) {
    throw new CorruptRecordError(`${what} was not written by lockstep; it was left untouched`);
  }
  const fields = parseJsonObject(message.slice(message.indexOf('\n\n') + 2), what);
  if (fields['v'] !== 1) {
    throw new CorruptRecordError(`${what} has the format ${JSON.stringify(fields['v'])}, not 1`, {
      hint: 'a newer lockstep wrote it: update this one',
    });
  }
  return fields;
}

/** What is known after a move was not plainly done, and the head was read again. */
export interface MoveFacts {
  readonly expect: Revision | null;
  /** The commit of this attempt. */
  readonly mine: Revision;
  /** `doubtful`: no answer, or one that tells nothing (a 5xx). */
  readonly answer: RefRefusal | 'doubtful';
  /** An earlier request for the same move may have been applied. */
  readonly earlierDoubt: boolean;
  readonly head: Revision | null;
}

export type MoveVerdict =
  | 'applied'
  | 'lost'
  /** Lost, but the head that was read is older than the refusal: no use as the current value. */
  | 'lost-unseen'
  /** Not visible: send the very same move again. It is the same commit, so twice is once. */
  | 'again'
  /** Somebody else's commit is the head: ours may lie below it. */
  | 'search';

// Texts that say by themselves that this request did nothing. The rest is settled by reading.
const CERTAIN: ReadonlySet<MoveFacts['answer']> = new Set([
  'already-exists',
  'not-fast-forward',
  'no-such-ref',
]);

/** Judges a move that was refused or got no answer. */
export function decideMove({ expect, mine, answer, earlierDoubt, head }: MoveFacts): MoveVerdict {
  if (head === mine) return 'applied';
  const isCertain = CERTAIN.has(answer) && !earlierDoubt;
  if (head === expect) return isCertain ? 'lost-unseen' : 'again';
  // Nobody deletes references: one that is not there never was, and nothing can have been applied to it.
  if (isCertain || (answer === 'no-such-ref' && head === null)) return 'lost';
  return head === null ? 'again' : 'search';
}

/** `unrelated`: the chain does not even hold the expected commit: the head that was read is older, or another key's. */
export type SearchStep = 'applied' | 'lost' | 'unrelated' | { readonly next: Revision };

/** Walks from the head towards the past: which comes first, our commit or the one we expected? */
export function decideSearch(facts: {
  readonly expect: Revision | null;
  readonly mine: Revision;
  /** The parents of the commit just read. */
  readonly parents: readonly Revision[];
}): SearchStep {
  const { expect, mine, parents } = facts;
  if (parents.includes(mine)) return 'applied';
  const [parent] = parents;
  if (parent === expect) return 'lost';
  // At the root: a key that had to be new was made by somebody else.
  if (parent === undefined) return expect === null ? 'lost' : 'unrelated';
  return { next: parent };
}
