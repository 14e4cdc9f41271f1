/**
 * The commits of the GitHub driver: made, read once, and walked. A commit never changes, so what was read or written is
 * remembered by its sha and not asked for again.
 * NOT guaranteed: that a commit which a reference names can be read at once; replicas lag.
 */
import { type Clock, sleep } from '../../base/clock.ts';
import { hasCode, UnavailableError } from '../../base/errors.ts';
import { createNonce } from '../../base/identity.ts';
import type { CommitCreation, GitData } from '../../github/git-data.ts';
import type { Entry, Revision } from '../contract.ts';
import { decideSearch, readMessage, readMessageKey, writeMessage } from './github-decisions.ts';

interface KnownCommit {
  readonly message: string;
  readonly parents: readonly Revision[];
}

export interface CommitChain {
  /** The entry that a head keeps; no request where the commit is known. CorruptRecordError for a foreign one. */
  entryAt(key: string, head: Revision | null, signal: AbortSignal): Promise<Entry | null>;
  /** The key that a commit of ours names; null for a foreign one. */
  keyAt(head: Revision, signal: AbortSignal): Promise<string | null>;
  /** The same for a commit that may not exist: null then, too. */
  findKey(sha: Revision, signal: AbortSignal): Promise<string | null>;
  /** A commit of its own for this attempt; nothing points to it yet. */
  create(
    target: { key: string; expect: Revision | null; value: string },
    signal: AbortSignal,
  ): Promise<CommitCreation>;
  /** True where `mine` lies on the chain that ends in `head`; undefined where that cannot be told. */
  contains(
    target: { expect: Revision | null; mine: Revision; head: Revision },
    signal: AbortSignal,
  ): Promise<boolean | undefined>;
}

const REMEMBERED = 64;
// Somebody who overtook us did so moments ago; a longer walk only burns the budget on a stale head.
const SEARCH_DEPTH = 16;
const CREATE_ATTEMPTS = 3;

/** The commits of one repository. `url` names it in errors. */
export function createCommitChain(options: { data: GitData; clock: Clock; url: string }): CommitChain {
  const { data, clock, url } = options;
  const commits = new Map<Revision, KnownCommit>();

  function remember(sha: Revision, commit: KnownCommit): KnownCommit {
    commits.set(sha, commit);
    const oldest = commits.keys().next();
    if (commits.size > REMEMBERED && !oldest.done) commits.delete(oldest.value);
    return commit;
  }

  async function find(sha: Revision, signal: AbortSignal): Promise<KnownCommit | null> {
    const known = commits.get(sha);
    if (known !== undefined) return known;
    const commit = await data.readCommit(sha, { signal });
    return commit && remember(sha, { message: commit.message, parents: commit.parents });
  }

  async function read(sha: Revision, signal: AbortSignal): Promise<KnownCommit> {
    const commit = await find(sha, signal);
    // The reference was there, so the replica that was asked only does not have the commit yet.
    if (commit === null) throw new UnavailableError(`${url} does not show the commit ${sha} yet`);
    return commit;
  }

  return {
    async entryAt(key, head, signal) {
      if (head === null) return null;
      const { message } = await read(head, signal);
      return Object.freeze({ value: readMessage(message, key), revision: head });
    },
    async keyAt(head, signal) {
      return readMessageKey((await read(head, signal)).message);
    },
    async findKey(sha, signal) {
      const commit = await find(sha, signal);
      return commit && readMessageKey(commit.message);
    },
    async create({ key, expect, value }, signal) {
      const parents = expect === null ? [] : [expect];
      const message = writeMessage({ key, value, nonce: createNonce() });
      for (let attempt = 1; ; attempt += 1) {
        try {
          const creation = await data.createCommit({ message, parents }, { signal });
          if (creation.kind === 'created') remember(creation.sha, { message, parents });
          return creation;
        } catch (error) {
          // Nothing points to a commit whose answer was lost: making another one repeats no compare-and-set.
          if (!hasCode(error, 'indeterminate') || signal.aborted) throw error;
          if (attempt === CREATE_ATTEMPTS) {
            throw new UnavailableError(`${key} was not written: ${error.message}`, { cause: error });
          }
          await sleep(clock, 250 * attempt * (1 + clock.random()), signal);
        }
      }
    },
    async contains({ expect, mine, head }, signal) {
      let at = head;
      for (let depth = 0; depth < SEARCH_DEPTH; depth += 1) {
        const { parents } = await read(at, signal);
        const step = decideSearch({ expect, mine, parents });
        if (step === 'unrelated') return undefined;
        if (step === 'applied' || step === 'lost') return step === 'applied';
        at = step.next;
      }
      return undefined;
    },
  };
}
