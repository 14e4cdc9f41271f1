/**
 * Many healths into one, pure: critical wins, then unknown, then warning, then passing. Independent of order, monotone (adding a
 * critical never improves), idempotent; the reason is deterministic, unlike consul's, which depends on the order of its checks.
 */
import { plain } from '../base/text.ts';
import { HEALTH_STATUSES, type HealthStatus } from '../probe/contract.ts';
import type { HealthReading } from '../probe/health.ts';

/** One check that counts. */
export interface RollupCheck {
  readonly id: string;
  readonly status: HealthStatus;
  readonly output: string;
}

export interface Rollup {
  readonly status: HealthStatus;
  /** One printable line that names the worst check, by severity, then id. */
  readonly reason: string;
  /** The check that decides; null where all pass or there is none. */
  readonly worst: string | null;
}

/** One upstream as read; null before its first reading. */
export interface UpstreamReading {
  readonly id: string;
  readonly reading: HealthReading | null;
}

/** The rollup of checks; `exists` decides only where there is none. */
export function reduceChecks(checks: readonly RollupCheck[], exists: boolean): Rollup {
  const distinct = new Map(
    checks.map((check) => [JSON.stringify([check.id, check.status, check.output]), check]),
  );
  const ordered = [...distinct.values()].sort(compareChecks);
  const worst = ordered[0];
  if (worst === undefined)
    return exists
      ? { status: 'passing', reason: 'no checks found', worst: null }
      : { status: 'critical', reason: 'no check and no upstream found', worst: null };
  if (worst.status === 'passing') return { status: 'passing', reason: 'all checks passing', worst: null };
  const others = ordered.filter((check) => check.status === worst.status).length - 1;
  const more = others > 0 ? ` (and ${others} more ${worst.status})` : '';
  return {
    status: worst.status,
    reason: `${plain(worst.id)} is ${worst.status}: ${plain(worst.output)}${more}`,
    worst: worst.id,
  };
}

/**
 * The rollup of an alias's upstreams: a missing one is a critical check of its own, one without a judgement counts as existing,
 * one not read yet is unknown.
 */
export function rollUp(upstreams: readonly UpstreamReading[]): Rollup {
  const checks = upstreams.flatMap(({ id, reading }): RollupCheck[] => {
    if (reading === null) return [{ id, status: 'unknown', output: 'not asked yet' }];
    if (reading.absent === 'check') return [];
    const status = reading.absent === 'upstream' ? 'critical' : reading.status;
    return [{ id, status, output: reading.output }];
  });
  return reduceChecks(checks, upstreams.length > 0);
}

/**
 * The upstream whose change brought the rollup from `before` to `after`: the deciding one if it changed, else the changed one that
 * decided before, else the first changed by id.
 */
export function selectCause(
  before: readonly UpstreamReading[],
  after: readonly UpstreamReading[],
): string | null {
  const earlier = new Map(before.map(({ id, reading }) => [id, reading?.status]));
  const changed = after
    .filter(({ id, reading }) => earlier.get(id) !== reading?.status)
    .map(({ id }) => id)
    .sort();
  const deciding = [rollUp(after).worst, rollUp(before).worst];
  return deciding.find((id) => id !== null && changed.includes(id)) ?? changed[0] ?? null;
}

function compareChecks(a: RollupCheck, b: RollupCheck): number {
  const bySeverity = HEALTH_STATUSES.indexOf(b.status) - HEALTH_STATUSES.indexOf(a.status);
  return bySeverity || compareText(a.id, b.id) || compareText(a.output, b.output);
}

// By code unit: a locale's order would differ from machine to machine.
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
