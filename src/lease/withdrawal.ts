/**
 * Takes one acquisition out of the record: its entry, its ticket, or a write of it that may still be under way. Used by a
 * release and, in the background, by an acquisition that was given up (L14). Invariants: it changes nothing that belongs to
 * another nonce; a doubtful tombstone is never followed by a blind second one (etcd #22082: that one removed a newer lock).
 */
import { type Backoff, createBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { JsonObject } from '../base/codec.ts';
import { createDeadline } from '../base/deadline.ts';
import { hasCode, toError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { LeaseView, ReleaseResult } from './contract.ts';
import type { OwnEntry } from './decide.ts';
import type { LeaseProtocol } from './protocol.ts';
import { createRecord } from './record.ts';
import type { LeaseRegister } from './register.ts';

/** A withdrawal ends within this: after a lease's time nothing is left to withdraw anyway. */
const MAX_BUDGET_MS = 20_000;
const BACKOFF = Object.freeze({ baseMs: 50, capMs: 2000 });

export interface WithdrawalSettings {
  register: LeaseRegister;
  protocol: LeaseProtocol;
  clock: Clock;
  logger: Logger;
  /** The highest token any write of this acquisition carried; 0 if it only queued. */
  own: OwnEntry;
  leaseMs: number;
  callTimeoutMs: number;
  /** The last known record, which saves a read. */
  from: LeaseView | null;
  /**
   * Set where a write of this acquisition may still be on its way: an unchanged record with this many permits is then written
   * over the one it builds upon, so that it can never land.
   */
  outdatePermits?: number;
  updateNote?: (note: JsonObject) => JsonObject;
  signal?: AbortSignal | undefined;
}

/** `already-lost`: there was nothing of ours. Rejects with CorruptRecordError only; any other trouble is `unknown`. */
export async function withdraw(settings: WithdrawalSettings): Promise<ReleaseResult> {
  const { register, protocol, clock, own, outdatePermits, signal } = settings;
  const deadline = createDeadline({
    clock,
    timeoutMs: Math.min(settings.leaseMs, MAX_BUDGET_MS),
    waitingFor: `the release of ${register.key}`,
    ...(signal ? { parent: signal } : {}),
  });
  const call = { timeoutMs: settings.callTimeoutMs, signal: deadline.signal };
  let backoff: Backoff = createBackoff(BACKOFF);
  let view = settings.from;
  let isDoubtful = false;
  try {
    for (;;) {
      try {
        // 1. Look, unless the last answer showed the record.
        view ??= await register.read(call);
        const verdict = protocol.decideRelease(view, own, settings.updateNote);

        // 2. Nothing of ours there, and newer than all we wrote. After a doubtful tombstone that means: it landed (L9).
        if (verdict.kind === 'gone') return isDoubtful ? 'released' : 'already-lost';

        // 3. The tombstone, or what makes a write under way impossible. From an unchanged record it is the very same write.
        const isOutdating = verdict.kind === 'stale' && outdatePermits !== undefined;
        const record =
          verdict.kind === 'write' ? verdict.record : (view.record ?? createRecord(outdatePermits ?? 1));
        if (verdict.kind === 'write' || isOutdating) {
          const outcome = await register.write(view, record, call);
          if (outcome.kind === 'applied') return isOutdating ? 'already-lost' : 'released';
          isDoubtful ||= outcome.kind === 'doubtful' && verdict.kind === 'write';
          view = outcome.kind === 'refused' ? outcome.view : null;
          if (view) continue;
        } else {
          view = null;
        }
      } catch (thrown) {
        const error = toError(thrown);
        if (hasCode(error, 'corrupt-record')) throw error;
        if (deadline.signal.aborted || (error as { retryable?: unknown }).retryable !== true) {
          settings.logger.warn(
            `${register.key} could not be released: ${error.message}; it will run out by itself`,
          );
          return 'unknown';
        }
        view = null;
      }
      // 4. Doubt, a stale read, a race, or no answer: again, a little later.
      if (deadline.signal.aborted) return 'unknown';
      const step = backoff.next(clock.random());
      backoff = step.backoff;
      if (!(await sleptUndisturbed(deadline.sleep(step.delayMs)))) return 'unknown';
    }
  } finally {
    deadline.dispose();
  }
}

/** False where the sleep was cut short by the deadline: that is an answer here, not an error. */
async function sleptUndisturbed(sleep: Promise<void>): Promise<boolean> {
  try {
    await sleep;
    return true;
  } catch {
    // The only reason a sleep rejects is its signal.
    return false;
  }
}
