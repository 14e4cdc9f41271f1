/**
 * One time budget for a whole command: an absolute point on the monotonic clock, an AbortSignal, and the user's own
 * cancellation joined to it. Passed down; every wait inside ends with it. Whoever creates one disposes it.
 * Invariant: after `dispose` no timer and no listener is left.
 */
import { abortReason, type Clock, sleep, throwIfAborted } from './clock.ts';
import { DeadlineError } from './errors.ts';

export interface Deadline {
  /** Absolute, on the clock's monotonic scale. Infinity for none. */
  readonly atMs: number;
  /** Aborts with DeadlineError at `atMs`, or with the parent signal's reason before. */
  readonly signal: AbortSignal;
  /** 0 or more. */
  remainingMs(): number;
  /** Sleeps, but never past the deadline: rejects with its reason. */
  sleep(delayMs: number): Promise<void>;
  throwIfPassed(): void;
  dispose(): void;
}

export interface DeadlineOptions {
  clock: Clock;
  /** The budget; Infinity for none. */
  timeoutMs: number;
  /** What is being waited for, for the error. */
  waitingFor: string;
  /** The caller's own cancellation. */
  parent?: AbortSignal;
}

/** Starts a budget now. The caller disposes it. */
export function createDeadline({ clock, timeoutMs, waitingFor, parent }: DeadlineOptions): Deadline {
  const controller = new AbortController();
  const atMs = clock.monotonicMs() + timeoutMs;
  const onParentAbort = () => controller.abort(abortReason(parent as AbortSignal));
  if (parent?.aborted) onParentAbort();
  else parent?.addEventListener('abort', onParentAbort, { once: true });
  const timer = Number.isFinite(timeoutMs)
    ? clock.startTimer(timeoutMs, () => controller.abort(new DeadlineError(waitingFor)), { background: true })
    : null;
  return {
    atMs,
    signal: controller.signal,
    remainingMs: () => Math.max(0, atMs - clock.monotonicMs()),
    sleep: (delayMs) => sleep(clock, delayMs, controller.signal),
    throwIfPassed: () => throwIfAborted(controller.signal),
    dispose() {
      timer?.cancel();
      parent?.removeEventListener('abort', onParentAbort);
    },
  };
}

/**
 * Runs `operation` with a deadline of its own below the caller's signal; settles within it even where the operation
 * ignores its signal. `onTimeout` says which error a late operation ends with (a doubtful write is not a plain timeout).
 */
export async function withTimeout<T>(
  options: DeadlineOptions & { onTimeout?: () => Error },
  operation: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = createDeadline(options);
  try {
    return await new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        const reason = abortReason(deadline.signal);
        const timedOut = reason instanceof DeadlineError && !options.parent?.aborted;
        reject(timedOut && options.onTimeout ? options.onTimeout() : reason);
      };
      if (deadline.signal.aborted) return onAbort();
      deadline.signal.addEventListener('abort', onAbort, { once: true });
      operation(deadline.signal).then(resolve, reject);
    });
  } finally {
    deadline.dispose();
  }
}

/**
 * Runs `operation` with a signal that ends when one of the given ones does, with its reason; afterwards no listener is left.
 * Throws that reason where one has ended before.
 */
export async function withEither<T>(
  signals: readonly (AbortSignal | undefined)[],
  operation: (joint: AbortSignal) => Promise<T>,
): Promise<T> {
  const given = signals.filter((signal) => signal !== undefined);
  for (const signal of given) throwIfAborted(signal);
  const joint = new AbortController();
  const links = given.map((source) => {
    const onAbort = () => joint.abort(abortReason(source));
    source.addEventListener('abort', onAbort, { once: true });
    return () => source.removeEventListener('abort', onAbort);
  });
  try {
    return await operation(joint.signal);
  } finally {
    for (const unlink of links) unlink();
  }
}
