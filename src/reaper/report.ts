/**
 * From what a sweep came to, to the report: outcome, reason and exit code by the contract's precedence, and the reports of
 * runs that swept nothing. Pure.
 * Reasons beside the contract's own: `partial-list`, `throttled`, `conflict`, `max-deletes`, `failed`, `in-use`, `deferred`
 * (incomplete); `interrupted`, `lease-lost`; `unauthorized`, `forbidden`, `unavailable`; otherwise an error's code.
 */
import { exitCodeOf, hasCode, LockstepError } from '../base/errors.ts';
import type { ProviderFailure } from '../provider/contract.ts';
import type { PassResult, ReapCounts, ReapOutcome, ReapReport, ReapRequests } from './contract.ts';
import { NO_COUNTS } from './counts.ts';
import type { HaltKind } from './halt.ts';

/** What a conclusion is drawn from. */
export interface PassFacts {
  readonly isApplied: boolean;
  readonly counts: ReapCounts;
  readonly halts: ReadonlyMap<HaltKind, Error | null>;
  readonly isListComplete: boolean;
  /** The kind of answer that ended opening or listing early. */
  readonly failure: ProviderFailure['kind'] | null;
  /** Requests were sent, and not one was answered with sense. */
  readonly isUnanswered: boolean;
  readonly shortfall: number;
  /** `maxDeletes` left some of them. */
  readonly isCapped: boolean;
}

export type Conclusion = Pick<PassResult, 'outcome' | 'reason' | 'exitCode'>;

/** The first that applies, in the contract's order: 130 and 143, 8, 5, 6, 3; then done. */
export function concludePass(facts: PassFacts): Conclusion {
  const { counts, halts, failure } = facts;
  const left = counts.busy + counts.failed + counts.deferred;
  const isShort = left > 0 || !facts.isListComplete;
  const is = (outcome: ReapOutcome, reason: string | null, exitCode: number): Conclusion => ({
    outcome,
    reason,
    exitCode,
  });
  if (halts.has('interrupted')) return is('incomplete', 'interrupted', exitCodeOf(halts.get('interrupted')));
  // A lease lost after the last answer cost nothing.
  if (halts.has('lease-lost') && isShort) return is('incomplete', 'lease-lost', 8);
  if (halts.has('unauthorized')) return is('failed', 'unauthorized', 5);
  if (failure === 'forbidden') return is('failed', 'forbidden', 5);
  if (counts.forbidden > 0) return is('incomplete', 'forbidden', 5);
  if (facts.isUnanswered) return is('failed', 'unavailable', 6);
  if (halts.has('deadline') && isShort) return is('incomplete', 'deadline', 3);
  if ((halts.has('throttled') && isShort) || failure === 'throttled') return is('incomplete', 'throttled', 3);
  if (!facts.isListComplete) return is('incomplete', 'partial-list', 3);
  if (halts.has('conflict') && isShort) return is('incomplete', 'conflict', 3);
  if (counts.failed > 0) return is('incomplete', 'failed', 3);
  if (counts.busy > 0) return is('incomplete', 'in-use', 3);
  if (counts.deferred > 0) return is('incomplete', facts.isCapped ? 'max-deletes' : 'deferred', 3);
  if (facts.shortfall > 0) return is('incomplete', 'full', 3);
  if (!facts.isApplied) return is('planned', null, 0);
  return is(counts.eligible > 0 ? 'reaped' : 'clean', null, 0);
}

export const NO_REQUESTS: ReapRequests = Object.freeze({
  list: 0,
  get: 0,
  delete: 0,
  other: 0,
  throttled: 0,
  store: 0,
});

/** What surrounds a pass: filled in where it is known. */
export type Surroundings = Partial<
  Pick<ReapReport, 'fencingToken' | 'holder' | 'waitedMs' | 'durationMs'> & {
    requests: Partial<ReapRequests>;
  }
>;

/** A run that rightly did nothing: exit 0, no provider call. For `not-elected`, `no-store`, `no-permission`, `low-quota` too. */
export function createSkippedReport(reason: string, surroundings: Surroundings = {}): ReapReport {
  return createEmptyReport({ outcome: 'skipped', reason, exitCode: 0 }, surroundings);
}

/**
 * A run that an error ended before it swept. Busy (the deadline passed while waiting for the lease) is exit 4; an interrupt
 * 130 or 143; every other error its own code.
 */
export function createFailedReport(error: unknown, surroundings: Surroundings = {}): ReapReport {
  const exitCode = exitCodeOf(error);
  if (hasCode(error, 'cancelled'))
    return createEmptyReport({ outcome: 'incomplete', reason: 'interrupted', exitCode }, surroundings);
  if (hasCode(error, 'lease-lost'))
    return createEmptyReport({ outcome: 'incomplete', reason: 'lease-lost', exitCode }, surroundings);
  const code = error instanceof LockstepError ? error.code : 'invariant';
  const reason = code === 'deadline' ? 'busy' : code;
  return createEmptyReport({ outcome: 'failed', reason, exitCode }, surroundings);
}

/** The report of one pass and what surrounded it. */
export function createReport(
  pass: PassResult,
  surroundings: Surroundings & { requests: Pick<ReapRequests, 'store' | 'throttled'> },
): ReapReport {
  return {
    ...createEmptyReport(pass, surroundings),
    counts: pass.counts,
    requests: { ...pass.requests, ...surroundings.requests },
    apps: pass.apps,
  };
}

/** The contract's shape with nothing counted, for whatever a run ended with. */
export function createEmptyReport(conclusion: Conclusion, surroundings: Surroundings = {}): ReapReport {
  return {
    format: 1,
    command: 'reap',
    outcome: conclusion.outcome,
    reason: conclusion.reason,
    counts: NO_COUNTS,
    requests: { ...NO_REQUESTS, ...surroundings.requests },
    fencingToken: surroundings.fencingToken ?? null,
    holder: surroundings.holder ?? null,
    waitedMs: Math.round(surroundings.waitedMs ?? 0),
    durationMs: Math.round(surroundings.durationMs ?? 0),
    apps: [],
    exitCode: conclusion.exitCode,
  };
}
