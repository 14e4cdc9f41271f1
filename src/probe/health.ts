/**
 * The consecutive-failure rule, pure: a target that cannot be asked is tolerated once, from the second time in a row it is
 * critical (consul's alias check, A10). Existence is never doubted because of a failed question (A9): only an answer says
 * that something is absent. Invariant: states are frozen and replaced, never changed in place (consul #5876).
 */
import type { HealthStatus, ProbeResult } from './contract.ts';

/** What a target is held to be after the answers so far. */
export interface HealthReading {
  readonly status: HealthStatus;
  /** One printable line. */
  readonly output: string;
  readonly absent: 'upstream' | 'check' | null;
}

export interface HealthState {
  /** How often in a row the target could not be asked. */
  readonly failures: number;
  /** Null before the first answer, or confirmed lack of one. */
  readonly reading: HealthReading | null;
}

/** How the state goes on after one more result. */
export type ObserveHealth = (state: HealthState, result: ProbeResult) => HealthState;

const TOLERATED_FAILURES = 1;

/** Before anything was asked. */
export const unasked: HealthState = Object.freeze({ failures: 0, reading: null });

/** The rule itself. A tolerated failure keeps the reading (the very same value): null where there was none yet. */
export const observeHealth: ObserveHealth = (state, result) => {
  if (!result.unreachable) {
    const { status, detail: output, absent } = result;
    return freezeState(0, { status, output, absent });
  }
  const failures = state.failures + 1;
  if (failures <= TOLERATED_FAILURES) return freezeState(failures, state.reading);
  const output = `cannot be asked: ${result.detail}`;
  return freezeState(failures, { status: 'critical', output, absent: null });
};

/** True where two readings say the same. */
export function isSameReading(a: HealthReading | null, b: HealthReading | null): boolean {
  return a?.status === b?.status && a?.output === b?.output && a?.absent === b?.absent;
}

function freezeState(failures: number, reading: HealthReading | null): HealthState {
  return Object.freeze({ failures, reading: reading && Object.freeze(reading) });
}
