/**
 * Compare-and-set on a reference: one commit, one move, and what to do when its answer is refused, lost or senseless.
 * NOT guaranteed: an answer. What cannot be settled ends with IndeterminateError, and its owner reads again later.
 * Invariant: the move that is repeated is the very same commit on the very same parent, so twice is once; `ok: false` is
 * returned only where decideMove says that it is certain.
 */
import { type Backoff, createBackoff } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { hasCode, IndeterminateError, toError, UnavailableError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { GitData, RefMove } from '../../github/git-data.ts';
import type { Call } from '../call.ts';
import type { Revision, WriteResult } from '../contract.ts';
import type { CommitChain } from './github-chain.ts';
import { decideMove } from './github-decisions.ts';

export interface MoveTarget {
  readonly key: string;
  readonly ref: string;
  readonly expect: Revision | null;
  readonly value: string;
}

export interface RefMover {
  compareAndSet(target: MoveTarget, call: Call): Promise<WriteResult>;
}

const ROUNDS = 4;
const SHA = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** The writing half of the driver. */
export function createRefMover(parts: {
  data: GitData;
  chain: CommitChain;
  clock: Clock;
  logger: Logger;
}): RefMover {
  const { data, chain, clock, logger } = parts;

  /** The result for a lost write; it stands, whatever reading the winner comes to. */
  async function lost(key: string, head: Revision | null, signal: AbortSignal): Promise<WriteResult> {
    try {
      return { ok: false, current: await chain.entryAt(key, head, signal) };
    } catch (error) {
      if (hasCode(error, 'corrupt-record')) throw error;
      logger.debug(`${key} was lost; who won could not be read: ${toError(error).message}`);
      return { ok: false };
    }
  }

  /** One move. What certainly did nothing throws, unless an earlier one is still in doubt. */
  async function moveOnce(
    target: MoveTarget & { mine: Revision },
    isDoubtful: boolean,
    call: Call,
  ): Promise<RefMove | { readonly kind: 'doubtful' }> {
    const { ref, expect, mine: sha } = target;
    const { signal } = call;
    call.sending();
    try {
      if (expect === null) return await data.createRef({ ref, sha }, { signal });
      return await data.moveRef({ ref, sha }, { signal });
    } catch (error) {
      if (hasCode(error, 'indeterminate') && !signal.aborted) return { kind: 'doubtful' };
      throw isDoubtful ? doubt(ref, error) : error;
    }
  }

  /** Whether ours lies below somebody else's head; undefined where that could not be read. */
  async function search(
    target: MoveTarget & { mine: Revision; head: Revision },
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const { key, expect } = target;
    try {
      const isApplied = await chain.contains(target, signal);
      if (isApplied !== undefined || expect === null) return isApplied;
      // A head that does not descend from the expected commit is a stale one, unless that commit never was on this chain.
      return (await chain.keyAt(expect, signal)) === key ? undefined : false;
    } catch (error) {
      logger.debug(`the history of ${target.key} could not be read: ${toError(error).message}`);
      return undefined;
    }
  }

  /** Whether the expected commit is certainly not the present one: the head descends from it, or it never was this key's. */
  async function isOver(
    target: { key: string; expect: Revision; head: Revision | null },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { key, expect, head } = target;
    if ((await chain.findKey(expect, signal)) !== key) return true;
    return head !== null && (await chain.contains({ expect, mine: expect, head }, signal)) === true;
  }

  async function settle(target: MoveTarget & { mine: Revision }, call: Call): Promise<WriteResult> {
    const { key, ref, expect, mine } = target;
    const { signal } = call;
    // A request of this operation may have been applied without our knowing.
    let isDoubtful = false;
    let backoff: Backoff = createBackoff({ baseMs: 500, capMs: 4_000 });
    for (let round = 1; ; round += 1) {
      // 1. Try. A plain success needs no second look.
      const done = await moveOnce(target, isDoubtful, call);
      if (done.kind === 'moved') return { ok: true, revision: mine };
      const answer = done.kind === 'refused' ? done.refusal : 'doubtful';
      const earlierDoubt = isDoubtful;
      if (answer === 'doubtful' || answer === 'unknown') isDoubtful = true;

      // 2. Look what became of it.
      let head: Revision | null;
      try {
        head = await data.readRef(ref, { signal });
      } catch (error) {
        if (isDoubtful) throw doubt(ref, error);
        return { ok: false };
      }
      const verdict = decideMove({ expect, mine, answer, earlierDoubt, head });
      if (verdict === 'applied') return { ok: true, revision: mine };
      if (verdict === 'lost-unseen') return { ok: false };
      if (verdict === 'lost') return lost(key, head, signal);
      if (verdict === 'search' && head !== null) {
        const isApplied = await search({ ...target, head }, signal);
        if (isApplied === true) return { ok: true, revision: mine };
        if (isApplied === false) return lost(key, head, signal);
      }

      // 3. Not to be told yet: the same again, which does nothing where it was applied.
      if (round === ROUNDS) throw doubt(ref, new Error(`no clear answer in ${ROUNDS} attempts`));
      const step = backoff.next(clock.random());
      backoff = step.backoff;
      await sleep(clock, step.delayMs, signal);
    }
  }

  return {
    async compareAndSet(target, call) {
      const { key, ref, expect } = target;
      const { signal } = call;
      // No revision of this store looks like that, so it cannot be the present one.
      if (expect !== null && !SHA.test(expect)) return { ok: false };
      const creation = await chain.create(target, signal);
      if (creation.kind === 'created') return settle({ ...target, mine: creation.sha }, call);
      // Most likely the expected commit does not exist here. If it does, something else was wrong, and a head that is another
      // may be an old one: only what can be shown to be over is lost.
      const head = await data.readRef(ref, { signal });
      if (expect !== null && head !== expect && (await isOver({ key, expect, head }, signal))) {
        return lost(key, head, signal);
      }
      throw new UnavailableError(`GitHub refused to keep a value for ${key} (${creation.text})`);
    },
  };
}

function doubt(ref: string, cause: unknown): IndeterminateError {
  return new IndeterminateError(`whether ${ref} was moved is unknown: ${toError(cause).message}`, { cause });
}
