/**
 * The lengths that make up a lease, and the relations between them. Pure.
 * Invariant (L5): a holder stops at sentAt + leaseMs − margin on its clock, an observer takes over no sooner than
 * leaseMs × 1.01 after seeing on its own; with clock rates within 1 % of each other the two never overlap.
 */
import type { Clock, MachineTime } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import { MAX_LEASE_MS, MIN_LEASE_MS } from './record.ts';

/** By how much the rates of two clocks may differ. */
export const DRIFT_SHARE = 0.01;
const MIN_MARGIN_MS = 250;
const MARGIN_SHARE = 0.05;
// A store that is silent for this long is asked anew, however long the lease.
const MAX_CALL_MS = 15_000;

export interface LeaseTiming {
  readonly leaseMs: number;
  /** The holder stops trusting itself this much before the end. */
  readonly marginMs: number;
  /** How often it renews. */
  readonly renewEveryMs: number;
  /** A renewal that has not succeeded this long after the last one is late; the rest is reserve. */
  readonly renewDeadlineMs: number;
  /** Each call to the store ends within this. */
  readonly callTimeoutMs: number;
  /** An observer may take over after seeing no change for this long. */
  readonly takeoverAfterMs: number;
}

/**
 * Derives all lengths from the lease's and checks their relations (source: client-go's leader election refuses to be built
 * with lengths that contradict one another). ConfigError where the lease is out of bounds.
 */
export function createTiming(leaseMs: number): LeaseTiming {
  if (!Number.isSafeInteger(leaseMs) || leaseMs < MIN_LEASE_MS || leaseMs > MAX_LEASE_MS) {
    throw new ConfigError([{ option: 'lease', message: `must be from 1s to 1h, not ${leaseMs} ms` }]);
  }
  const timing: LeaseTiming = Object.freeze({
    leaseMs,
    marginMs: Math.max(MIN_MARGIN_MS, leaseMs * MARGIN_SHARE),
    renewEveryMs: leaseMs / 3,
    renewDeadlineMs: (leaseMs * 2) / 3,
    callTimeoutMs: Math.min(leaseMs / 4, MAX_CALL_MS),
    takeoverAfterMs: takeoverAfterMs(leaseMs),
  });
  assertTiming(timing);
  return timing;
}

/** ConfigError naming every relation that does not hold. */
export function assertTiming(timing: LeaseTiming): void {
  const { leaseMs, marginMs, renewEveryMs, renewDeadlineMs, callTimeoutMs } = timing;
  const relations: readonly (readonly [boolean, string])[] = [
    [leaseMs > renewDeadlineMs, 'the lease must be longer than the renew deadline'],
    [renewDeadlineMs > 1.2 * renewEveryMs, 'the renew deadline must exceed 1.2 renew intervals'],
    [leaseMs - marginMs > renewDeadlineMs, 'the validity must outlast the renew deadline'],
    [callTimeoutMs <= leaseMs / 4, 'a call to the store must end within a quarter of the lease'],
    [marginMs >= Math.max(MIN_MARGIN_MS, leaseMs * MARGIN_SHARE), 'the margin must be 5 %, at least 250 ms'],
    [timing.takeoverAfterMs >= leaseMs * (1 + DRIFT_SHARE), 'an observer must wait the lease and the drift'],
  ];
  const problems = relations.filter(([holds]) => !holds).map(([, message]) => ({ option: 'lease', message }));
  if (problems.length > 0) throw new ConfigError(problems);
}

/** How long an observer must have seen no change before it may take over (L4). */
export function takeoverAfterMs(leaseMs: number): number {
  return leaseMs * (1 + DRIFT_SHARE);
}

/** One reading of all clocks of this machine. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
  /** Null where the processes of this machine share no clock that can be named. */
  readonly machine: MachineTime | null;
}

/**
 * Reads the shared clock last: a process that is stopped in between then counts its own validity from earlier than the stamp
 * it shows to others, never from later.
 */
export function readInstant(clock: Clock): Instant {
  const monotonicMs = clock.monotonicMs();
  const wallMs = clock.wallMs();
  return { monotonicMs, wallMs, machine: clock.machineTime() };
}

/** When a write that gave or prolonged ownership was sent, and when its answer (or its read-back) came. */
export interface Confirmation {
  readonly sentAt: Instant;
  readonly repliedAt: Instant;
}

/**
 * For how long ownership is certain at `now`; 0 once it is over. Counted from BEFORE sending (L3: the reply may have taken
 * any time), by the largest of the clocks' elapsed times (L7: a suspended machine stops the monotonic one). The shared clock
 * is among them, since others judge by it.
 */
export function validForMs(timing: LeaseTiming, confirmation: Confirmation, now: Instant): number {
  const { sentAt } = confirmation;
  const elapsedMs = Math.max(
    now.monotonicMs - sentAt.monotonicMs,
    now.wallMs - sentAt.wallMs,
    elapsedOnSharedClockMs(sentAt, now),
  );
  // Whole milliseconds, so that a timer of this length ends it: a rest of nothing would be waited for again and again.
  return Math.max(0, Math.floor(timing.leaseMs - timing.marginMs - elapsedMs));
}

function elapsedOnSharedClockMs(since: Instant, now: Instant): number {
  const isComparable = since.machine !== null && since.machine.clockId === now.machine?.clockId;
  return isComparable ? now.machine.ms - since.machine.ms : 0;
}
