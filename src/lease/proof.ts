/**
 * Asks an Evidence whether holders are dead, at most once per interval and holder. NOT guaranteed: an answer; an error, a
 * timeout or a "no" leaves the wait as it is. Invariant: evidence only ever shortens a wait, it never gives ownership; the
 * compare-and-set does.
 */
import type { Clock } from '../base/clock.ts';
import { withTimeout } from '../base/deadline.ts';
import { toError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Evidence, LeaseView } from './contract.ts';
import type { KeyMemory } from './pass.ts';

const MAX_QUESTION_MS = 10_000;

export interface Proofs {
  /** True if somebody in the view is newly proven dead; then the memory says so. Never rejects. */
  ask(
    view: LeaseView,
    memory: KeyMemory,
    options: { everyMs: number; signal: AbortSignal },
  ): Promise<boolean>;
}

/** Remembers whom it asked about and when; nothing to dispose. */
export function createProofs(settings: {
  evidence: Evidence | undefined;
  clock: Clock;
  logger: Logger;
}): Proofs {
  const { evidence, clock, logger } = settings;
  const askedAtMs = new Map<string, number>();

  return {
    async ask(view, memory, { everyMs, signal }) {
      if (!evidence || !view.record) return false;
      const nowMs = clock.monotonicMs();
      for (const [nonce, atMs] of askedAtMs) if (nowMs - atMs >= everyMs) askedAtMs.delete(nonce);
      const beats = [...view.record.entries, ...view.record.tickets];
      const due = beats.filter(({ nonce }) => !memory.dead.has(nonce) && !askedAtMs.has(nonce));
      for (const { nonce } of due) askedAtMs.set(nonce, nowMs);

      const answers = await Promise.all(
        due.map(async ({ nonce, holder }) => {
          try {
            const isDead = await withTimeout(
              { clock, timeoutMs: MAX_QUESTION_MS, waitingFor: 'evidence about a holder', parent: signal },
              (limited) => evidence.isDead(holder, { signal: limited }),
            );
            return isDead ? [nonce] : [];
          } catch (thrown) {
            logger.debug(`no evidence about a holder: ${toError(thrown).message}`);
            return [];
          }
        }),
      );
      const dead = answers.flat();
      // Those who are gone from the record need no remembering.
      const present = [...memory.dead].filter((nonce) => beats.some((beat) => beat.nonce === nonce));
      memory.dead = new Set([...present, ...dead]);
      return dead.length > 0;
    },
  };
}
