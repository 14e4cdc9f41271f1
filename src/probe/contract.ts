/**
 * A probe asks one target how it is: one request, one command run or one store read per call; callers own the pace, the
 * consecutive-failure rule (`health.ts`) and the readiness rule (`readiness.ts`).
 * NOT guaranteed: that the answer still holds when it arrives, or that two replicas behind one target agree.
 *
 * P1  `probe` rejects only with its signal's reason; everything else is a value      P2  it settles soon after an abort
 * P3  `detail` is one printable line without a credential                            P4  a result is frozen, its body too
 * P5  `unreachable` means the target said nothing about itself; its status is then `unknown`
 * P6  a probe keeps no timer and no process after it settled                         P7  `close` ends what it owns
 */
import type { Watch } from '../store/contract.ts';

/** From the best to the worst; the order in which a rollup lets one win over another. */
export const HEALTH_STATUSES = ['passing', 'warning', 'unknown', 'critical'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** What one call told. */
export interface ProbeResult {
  readonly status: HealthStatus;
  /** One printable line for a log or a report. */
  readonly detail: string;
  /** A JSON object or list, where the target gave one: for the gate. */
  readonly body?: unknown;
  /** The target could not be asked. Tolerated once; from the second consecutive time it counts as critical. */
  readonly unreachable: boolean;
  /**
   * What does not exist: `upstream` is the thing itself (critical), `check` only a judgement on it (an app that was never
   * released, say), which leaves an alias passing and a gate waiting. Null where something answered.
   */
  readonly absent: 'upstream' | 'check' | null;
  /** For the gate: `pending` is never ready however it looks, `fatal` will not get better by waiting. */
  readonly hint: 'pending' | 'fatal' | null;
  /** The target asked not to be asked again before this. */
  readonly retryAfterMs?: number;
  /** The status may change by itself, without an edge, after this long (a time to live runs out). */
  readonly recheckAfterMs?: number;
}

export interface Probe {
  /** The target as people see it, without credentials: `check:db`, `https://host/health`. */
  readonly id: string;
  /** Edges when the target changed, where it can tell; null where it must be asked on a timer. */
  readonly watch: ((options: { signal: AbortSignal }) => Watch) | null;
  probe(options: { signal: AbortSignal }): Promise<ProbeResult>;
  close(): Promise<void>;
}

/** Fields of a result that usually have their default. */
export type ProbeFindings = Pick<ProbeResult, 'status' | 'detail'> & Partial<ProbeResult>;
