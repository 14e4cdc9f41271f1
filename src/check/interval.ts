/**
 * When an upstream is read again, pure. With edges: after the reconcile interval. Without: a little before it, spread, so that
 * many aliases do not ask together. After a failure: twice soon, so that a tolerated one is confirmed or forgotten, from the third
 * with exponential backoff; never later than the interval, unless the target itself asked for more.
 */

export interface IntervalFacts {
  readonly reconcileMs: number;
  /** Whether the store tells of changes. */
  readonly hasEdges: boolean;
  /** How often in a row the target could not be asked. */
  readonly failures: number;
  readonly retryAfterMs: number | undefined;
  /** The status may change by itself after this. */
  readonly recheckAfterMs: number | undefined;
  /** Uniform in [0, 1). */
  readonly random: number;
}

const SOON_MS = 1000;
const SHARE = 0.1;
/** Beyond this the power is larger than any interval; a bigger shift would leave the numbers (consul caps it likewise). */
const MAX_EXPONENT = 31;

/** The delay until the next reading, in ms; at least 1. */
export function selectDelay(facts: IntervalFacts): number {
  const { reconcileMs, failures, retryAfterMs, recheckAfterMs, random } = facts;
  const usualMs = facts.hasEdges ? reconcileMs : reconcileMs * (1 - SHARE * random);
  const ownMs = failures === 0 ? usualMs : Math.min(usualMs, failureDelay(failures, random));
  const soonestMs = Math.min(ownMs, recheckAfterMs ?? Number.POSITIVE_INFINITY);
  return Math.max(1, soonestMs, retryAfterMs ?? 0);
}

function failureDelay(failures: number, random: number): number {
  if (failures < 3) return SOON_MS;
  const ceilingMs = SOON_MS * 2 ** Math.min(MAX_EXPONENT, failures - 2);
  return ceilingMs * (0.5 + 0.5 * random);
}
