/**
 * Counting, and the two identities every result must satisfy. They are asserted in code: a sweep that lost or doubled an
 * app must end as a bug, not as a wrong report.
 */
import { invariant } from '../base/errors.ts';
import type { AppOutcome, AppReport, ReapCounts, Verdict } from './contract.ts';

/** All zero: what a skipped run counted. */
export const NO_COUNTS: ReapCounts = Object.freeze({
  listed: 0,
  matched: 0,
  eligible: 0,
  deleted: 0,
  gone: 0,
  changed: 0,
  protected: 0,
  young: 0,
  unknownAge: 0,
  kept: 0,
  forbidden: 0,
  busy: 0,
  failed: 0,
  deferred: 0,
});

/**
 * Counts the matched apps of one pass. `listed` includes those outside scope and pattern. Throws InvariantError where an
 * identity does not hold: after an apply each eligible app has one outcome, in a plan none has, and nobody else ever has.
 */
export function countApps(listed: number, apps: readonly AppReport[], isApplied: boolean): ReapCounts {
  const verdicts = (verdict: Verdict) => apps.filter((app) => app.verdict === verdict).length;
  const outcomes = (outcome: AppOutcome) => apps.filter((app) => app.outcome === outcome).length;
  const counts: ReapCounts = {
    listed,
    matched: apps.length,
    eligible: verdicts('eligible'),
    deleted: outcomes('deleted'),
    gone: outcomes('gone'),
    changed: outcomes('changed'),
    protected: verdicts('protected'),
    young: verdicts('young'),
    unknownAge: verdicts('unknown-age'),
    kept: verdicts('kept'),
    forbidden: outcomes('forbidden'),
    busy: outcomes('busy'),
    failed: outcomes('failed'),
    deferred: outcomes('deferred'),
  };
  const strayed = apps.find((app) => app.verdict !== 'eligible' && app.outcome !== null);
  invariant(!strayed, `an app with the verdict ${strayed?.verdict} has the outcome ${strayed?.outcome}`);
  assertIdentities(counts, isApplied);
  return counts;
}

/** Throws InvariantError unless both identities of the contract hold. */
export function assertIdentities(counts: ReapCounts, isApplied: boolean): void {
  const byVerdict = counts.eligible + counts.protected + counts.young + counts.unknownAge + counts.kept;
  invariant(
    counts.matched === byVerdict,
    `${counts.matched} apps matched, but the verdicts add up to ${byVerdict}`,
  );
  const byOutcome =
    counts.deleted +
    counts.gone +
    counts.changed +
    counts.forbidden +
    counts.busy +
    counts.failed +
    counts.deferred;
  const expected = isApplied ? counts.eligible : 0;
  invariant(byOutcome === expected, `${expected} outcomes were due, but the outcomes add up to ${byOutcome}`);
}
