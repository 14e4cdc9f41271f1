/**
 * The two ends of a wait that is not decided yet: the caller's own deadline (R9), and a signal (R8). Both have little time, so
 * each call to the store has a limit of its own; what cannot be written in it is not waited for.
 * Invariant: the others are told before a migration is stopped, and the claim is only given back after it has ended.
 */
import { createDeadline } from '../base/deadline.ts';
import { toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { GateFailure } from './contract.ts';
import { createBoard, createFailure } from './epoch.ts';
import type { GateEvent } from './event.ts';
import { isSameIncarnation } from './incarnation.ts';
import { absorb, contextOf, type FinalVerdict, isFinal, type Passing } from './passing.ts';
import type { Applied } from './register.ts';

/** After the deadline one call more: what the others will read. */
const LAST_WORD_MS = 5000;
/** On a signal: two writes and the end of the migration fit into MAX_LEAVE_MS. */
const LEAVE_MS = 2500;

/** The deadline has passed: fails the gate for all, unless it has just opened. */
export async function passDeadline(passing: Passing): Promise<FinalVerdict | GateFailure> {
  const { activities, outbox } = passing;
  const observed = activities.lastObserved;
  // What was found out before the deadline still counts, the last readiness most of all.
  const late: GateEvent[] = [...outbox.splice(0), { kind: 'deadline', ...(observed ? { observed } : {}) }];
  let end: FinalVerdict | GateFailure | null = null;
  const stopped = activities.stop();
  for (const event of late) {
    const applied = await sayLast(passing, event, LAST_WORD_MS);
    if (applied instanceof Error) {
      end = unavailable(passing, applied);
      break;
    }
    if (isFinal(applied.verdict)) end = applied.verdict;
  }
  await stopped;
  await giveClaimBack(passing, LAST_WORD_MS);
  return end ?? unavailable(passing, new Error('the board did not decide'));
}

/** The caller was told to stop: the others hear of it at once. */
export async function leaveEarly(passing: Passing): Promise<FinalVerdict | GateFailure> {
  const { options, activities, doc } = passing;
  const reason = plain(toError(options.signal.reason).message, 200);
  const stopped = activities.stop();
  const leave = { kind: 'leave', reason, rolledBack: false } as const;
  const applied = await sayLast(passing, { ...leave, migrationEnded: false }, LEAVE_MS);
  await stopped;
  await giveClaimBack(passing, LEAVE_MS);
  if (!(applied instanceof Error) && isFinal(applied.verdict)) return applied.verdict;
  const board = doc ?? createBoard(contextOf(passing, null));
  const message = `${options.self.name} left the gate: ${reason}`;
  return createFailure(board, { code: 'member-left', message }, contextOf(passing, doc));
}

/** A claim that is still ours, of a migration that has certainly ended; one that had just succeeded is recorded so. */
async function giveClaimBack(passing: Passing, limitMs: number): Promise<void> {
  const { options, doc, outbox } = passing;
  const { claim } = doc ?? {};
  if (!claim || !isSameIncarnation(claim.incarnation, options.self.incarnation)) return;
  const message = 'the migration was stopped before it had ended';
  const found = outbox.find((event) => event.kind === 'commit' || event.kind === 'commit-failed');
  await sayLast(passing, found ?? { kind: 'commit-failed', token: claim.token, message }, limitMs);
}

async function sayLast(passing: Passing, event: GateEvent, limitMs: number): Promise<Applied | Error> {
  const { clock } = passing.options;
  const limit = createDeadline({ clock, timeoutMs: limitMs, waitingFor: 'the store to take the last word' });
  try {
    const context = (doc: Passing['doc']) => contextOf(passing, doc);
    const applied = await passing.register.apply(event, { context, signal: limit.signal });
    absorb(passing, applied);
    return applied;
  } catch (thrown) {
    const error = toError(thrown);
    const isOver = limit.signal.aborted || (error as { retryable?: unknown }).retryable === true;
    if (!isOver) throw error;
    return error;
  } finally {
    limit.dispose();
  }
}

function unavailable(passing: Passing, error: Error): GateFailure {
  const { doc, options } = passing;
  const board = doc ?? createBoard(contextOf(passing, null));
  const message = `${options.store.url} does not answer, so nobody knows whether the gate is open: ${error.message}`;
  return createFailure(board, { code: 'store-unavailable', message }, contextOf(passing, doc));
}
