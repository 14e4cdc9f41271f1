/**
 * What an answer means for one app. Pure: from the answer and what happened to the app before, to the next step.
 * NOT guaranteed: that `gone` was somebody else's doing where an attempt of ours stayed doubtful; then it counts as deleted.
 * Invariant: at most three deletions an app, so that the end of a sweep does not depend on the server.
 */
import { plain } from '../base/text.ts';
import type { App, DestroyAnswer, GetAnswer } from '../provider/contract.ts';
import type { AppOutcome } from './contract.ts';

export const MAX_ATTEMPTS = 3;
/** Refusals for the rate come on top of the attempts: such a request was not applied. */
export const MAX_THROTTLES = 5;

/** What happened to an app so far in this sweep. */
export interface History {
  /** Deletions sent and not refused for the rate. */
  readonly attempts: number;
  readonly throttles: number;
  /** An attempt of ours may have been applied without our knowing. */
  readonly isDoubtful: boolean;
  /** It was in use once and has had its second chance. */
  readonly wasBusy: boolean;
}

export type NextStep =
  /** `isConflict`: somebody else deleted an app that was just read. */
  | {
      readonly step: 'done';
      readonly outcome: AppOutcome;
      readonly reason: string;
      readonly isConflict: boolean;
    }
  /** One read decides; `cause` says what is asked of it. */
  | { readonly step: 'read'; readonly cause: 'ambiguous' | 'forbidden'; readonly detail: string }
  /** Wait a little, then delete again. */
  | { readonly step: 'again'; readonly isPaced: boolean }
  /** In use: once more after the others. */
  | { readonly step: 'later'; readonly detail: string }
  /** Accepted: it is gone when a read says so. */
  | { readonly step: 'poll' };

/** What is left once no read is due. */
export type SettledStep = Exclude<NextStep, { step: 'read' }>;

const done = (outcome: AppOutcome, reason: string, isConflict = false): SettledStep => ({
  step: 'done',
  outcome,
  reason,
  isConflict,
});

/** After a deletion was answered. `history` includes this attempt. */
export function decideAfterDestroy(answer: DestroyAnswer, history: History): NextStep {
  switch (answer.kind) {
    case 'deleted':
      return done('deleted', 'deleted');
    case 'accepted':
      return { step: 'poll' };
    case 'gone':
      return goneStep(history);
    case 'changed':
      return done('changed', `changed meanwhile: ${plain(answer.detail)}`);
    case 'busy':
      return history.wasBusy || history.attempts >= MAX_ATTEMPTS
        ? done('busy', `in use: ${plain(answer.detail)}`)
        : { step: 'later', detail: plain(answer.detail) };
    case 'forbidden':
      return { step: 'read', cause: 'forbidden', detail: plain(answer.detail) };
    case 'unauthorized':
      return done('failed', `unauthorized: ${plain(answer.detail)}`);
    case 'throttled':
      return history.throttles > MAX_THROTTLES
        ? done('deferred', 'refused for the rate too often')
        : { step: 'again', isPaced: true };
    case 'ambiguous':
      return { step: 'read', cause: 'ambiguous', detail: plain(answer.detail) };
    case 'invalid':
      return done('failed', `refused as invalid: ${plain(answer.detail)}`);
  }
}

/** After the read that `step: 'read'` asked for. `app` is as it was before the deletion was sent. */
export function decideAfterRead(
  answer: GetAnswer,
  asked: { readonly cause: 'ambiguous' | 'forbidden'; readonly detail: string; readonly app: App },
  history: History,
): SettledStep {
  if (answer.kind === 'gone') return goneStep(history);
  if (asked.cause === 'forbidden') {
    // Present, or as forbidden to read as to delete: quarantined, it is not tried again in this sweep (hatchet tried for ever).
    return done('forbidden', `forbidden: ${asked.detail}`);
  }
  if (answer.kind === 'found') {
    if (answer.app.state === 'deleting') return { step: 'poll' };
    const change = describeChange(asked.app, answer.app);
    if (change !== null) return done('changed', change);
  }
  if (answer.kind === 'unauthorized') return done('failed', `unauthorized: ${plain(answer.detail)}`);
  if (history.attempts < MAX_ATTEMPTS) return { step: 'again', isPaced: false };
  const last = answer.kind === 'found' ? 'still there' : 'its state is unknown';
  return done('failed', `${last} after ${history.attempts} attempts: ${asked.detail}`);
}

/** What differs between two readings that forbids the deletion, or null where nothing does. */
export function describeChange(before: App, now: App): string | null {
  if (now.id !== before.id) return 'another app has its id';
  if (now.name !== before.name) return 'it was renamed';
  if (now.createdAtMs !== before.createdAtMs) return 'it was created again';
  if (now.version !== before.version) return 'it was used or deployed again';
  if (now.isProtected) return 'it is protected now';
  if (!now.inScope) return 'it belongs to somebody else now';
  if (now.state === 'deleting') return 'it is already being deleted';
  if (now.state === 'transitional') return 'it is between two states';
  return null;
}

function goneStep(history: History): SettledStep {
  return history.isDoubtful
    ? done('deleted', 'deleted, confirmed by a later read')
    : done('gone', 'somebody else deleted it', true);
}
