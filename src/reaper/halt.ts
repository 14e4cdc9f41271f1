/**
 * Why and how a sweep ends before its work is done. From a halt on nothing new is sent and every wait ends; a call that is
 * under way may finish within a short grace, then it is aborted, so that the lease is given back in time.
 * Invariant: a halt never un-happens, and every reason is remembered (an interrupt may follow a deadline).
 * Whoever creates one disposes it; then no timer and no listener is left.
 */
import { setMaxListeners } from 'node:events';
import { abortReason, type Clock, type Timer } from '../base/clock.ts';
import { CancelledError, hasCode } from '../base/errors.ts';

export type HaltKind =
  | 'interrupted'
  | 'lease-lost'
  | 'unauthorized'
  | 'deadline'
  /** The provider asks for a longer wait than the budget has left. */
  | 'throttled'
  /** Somebody else deletes too, and the strategy says to leave it to them. */
  | 'conflict'
  /** A bug: the error is thrown again once nothing is under way. */
  | 'broken';

/** A runner kills 7.5 s after SIGINT; what is left of that is for the release. */
const INTERRUPT_GRACE_MS = 3000;
const GRACE_MS = 1000;

export interface Halt {
  /** Everything that went wrong, with the error where there was one. */
  readonly reasons: ReadonlyMap<HaltKind, Error | null>;
  /** Aborts at the halt: ends waits, and nothing is sent after. */
  readonly signal: AbortSignal;
  /** For calls under way: aborts when the grace is over. */
  readonly callSignal: AbortSignal;
  readonly isHalted: boolean;
  stop(kind: HaltKind, error?: Error): void;
  dispose(): void;
}

/** A part of the work that may be given up while the rest goes on. */
export interface Branch extends Halt {
  /** Ends the part's waits and calls at once. */
  giveUp(): void;
}

/** A halt for one part: halted with the whole, or given up alone. It has nothing of its own to dispose. */
export function createBranch(halt: Halt): Branch {
  const own = new AbortController();
  const signal = AbortSignal.any([halt.signal, own.signal]);
  const callSignal = AbortSignal.any([halt.callSignal, own.signal]);
  return {
    reasons: halt.reasons,
    signal,
    callSignal,
    get isHalted() {
      return signal.aborted;
    },
    stop: halt.stop,
    dispose: () => undefined,
    giveUp: () => own.abort(new CancelledError('this part of the sweep was given up')),
  };
}

/** Halts when the command's deadline (or the user's interrupt behind it) or the lease's loss says so. */
export function createHalt({
  clock,
  deadlineSignal,
  leaseSignal,
}: {
  clock: Clock;
  deadlineSignal: AbortSignal;
  leaseSignal: AbortSignal | null;
}): Halt {
  const waits = new AbortController();
  const calls = new AbortController();
  // One listener a worker and wait is meant; the default warning is for leaks.
  setMaxListeners(0, waits.signal, calls.signal);
  const reasons = new Map<HaltKind, Error | null>();
  let grace: Timer | null = null;

  const stop = (kind: HaltKind, error?: Error) => {
    if (!reasons.has(kind)) reasons.set(kind, error ?? null);
    const reason = error ?? new CancelledError(`the sweep was halted: ${kind}`);
    waits.abort(reason);
    const isUrgent = kind === 'interrupted' || kind === 'deadline' || kind === 'lease-lost';
    if (!isUrgent || grace) return;
    grace = clock.startTimer(kind === 'interrupted' ? INTERRUPT_GRACE_MS : GRACE_MS, () =>
      calls.abort(reason),
    );
  };
  const onDeadline = () => {
    const reason = abortReason(deadlineSignal);
    stop(hasCode(reason, 'deadline') ? 'deadline' : 'interrupted', reason);
  };
  const onLost = () => stop('lease-lost', abortReason(leaseSignal as AbortSignal));
  if (deadlineSignal.aborted) onDeadline();
  else deadlineSignal.addEventListener('abort', onDeadline, { once: true });
  if (leaseSignal?.aborted) onLost();
  else leaseSignal?.addEventListener('abort', onLost, { once: true });

  return {
    reasons,
    signal: waits.signal,
    callSignal: calls.signal,
    get isHalted() {
      return waits.signal.aborted;
    },
    stop,
    dispose() {
      grace?.cancel();
      deadlineSignal.removeEventListener('abort', onDeadline);
      leaseSignal?.removeEventListener('abort', onLost);
    },
  };
}
