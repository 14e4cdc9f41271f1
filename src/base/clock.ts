/**
 * The only file that touches timers, clocks and chance. Everything else takes a {@link Clock}, so that tests drive time
 * by hand and the simulation gives each actor a clock of its own, with drift.
 * Monotonic milliseconds are comparable within one process only, machine milliseconds within one machine where they carry
 * the same clock's name; wall milliseconds are information, never evidence.
 */
import { CancelledError } from './errors.ts';
import { readClockId } from './machine-clock.ts';

/** A timer that is owned: whoever starts one cancels it. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** One reading of a clock that several processes share. */
export interface MachineTime {
  /** Readings are comparable only where this is equal. */
  readonly clockId: string;
  /** Since the machine's start; not whole. */
  readonly ms: number;
}

export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. Stops while a virtual machine is suspended. */
  monotonicMs(): number;
  /** Milliseconds since 1970 by this machine's own opinion. */
  wallMs(): number;
  /**
   * The machine's own monotonic clock, the same for all its processes; null where that cannot be proven. Ticks like
   * {@link monotonicMs}.
   */
  machineTime(): MachineTime | null;
  /** Uniform in [0, 1). */
  random(): number;
  /**
   * Calls back once after `delayMs` (0 or more; any length). A timer keeps the process alive unless `background` is set.
   */
  startTimer(delayMs: number, callback: () => void, options?: { background?: boolean }): Timer;
}

// Node clamps longer delays to 1 ms; so long ones are walked in steps.
const MAX_TIMER_MS = 2 ** 31 - 1;

// Undefined until somebody asks: most commands never do.
let clockId: string | null | undefined;

/**
 * The machine's own clock. Its machine time is `process.hrtime`: libuv reads it from CLOCK_MONOTONIC on Linux (uv_hrtime),
 * which counts from the boot, is the kernel's and no process's, and is shifted by the time namespace alone. `performance.now`
 * is the same reading less the process's start.
 */
export const systemClock: Clock = Object.freeze({
  monotonicMs() {
    // Not performance.now: the first touch of `performance` loads a dozen modules.
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
  wallMs: () => Date.now(),
  machineTime() {
    if (clockId === undefined) clockId = readClockId();
    return clockId === null ? null : { clockId, ms: Number(process.hrtime.bigint()) / 1e6 };
  },
  random: () => Math.random(),
  startTimer(delayMs: number, callback: () => void, options: { background?: boolean } = {}): Timer {
    let handle: NodeJS.Timeout;
    let leftMs = Math.max(0, delayMs);
    const arm = () => {
      const stepMs = Math.min(leftMs, MAX_TIMER_MS);
      leftMs -= stepMs;
      handle = setTimeout(leftMs > 0 ? arm : callback, stepMs);
      if (options.background) handle.unref();
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
});

/** Resolves once timers that are due and sockets that have something have had their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Rejects with the signal's reason: an Error as it is, anything else wrapped in a CancelledError. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal);
}

/** The reason of an aborted signal as an Error. */
export function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  // A bare abort() gives a DOMException without meaning for a user; a typed reason is passed on untouched.
  if (reason instanceof Error && reason.name !== 'AbortError') return reason;
  return new CancelledError('cancelled', { cause: reason });
}

/** Resolves after `delayMs`; rejects at once with the signal's reason when it aborts. Leaves nothing behind. */
export async function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      timer.cancel();
      reject(abortReason(signal as AbortSignal));
    };
    const timer = clock.startTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
