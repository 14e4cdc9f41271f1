// A clock that only moves when told to, with a seeded chance. Timers fire in order of their due time; `advance` lets every
// promise that a timer settles run before the next one fires, so that whole protocols play out in microseconds.
import type { Clock, Timer } from '../../src/base/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time forward, firing what falls due in order. */
  advance(ms: number): Promise<void>;
  /** Moves time to the next due timer and fires it; false where none is pending. */
  advanceToNext(): Promise<boolean>;
  /** How many timers are pending: a leak shows here. */
  readonly pendingTimers: number;
  /** Makes the wall clock jump without moving the monotonic one. */
  jumpWall(ms: number): void;
  /** The clock of another process on the same machine: one time, timers and names in common, a start of its own. */
  ofProcess(startedMs: number): Clock;
}

interface PendingTimer {
  dueMs: number;
  order: number;
  callback: () => void;
}

export interface ManualClockOptions {
  startMs?: number;
  wallStartMs?: number;
  /** The name of the machine's clock; without it processes share none. */
  clockId?: string;
  seed?: number;
}

export function createManualClock(options: ManualClockOptions = {}): ManualClock {
  let nowMs = options.startMs ?? 0;
  let wallOffsetMs = (options.wallStartMs ?? Date.UTC(2026, 0, 1)) - nowMs;
  let order = 0;
  let state = (options.seed ?? 1) >>> 0;
  const pending = new Set<PendingTimer>();

  const next = (): PendingTimer | undefined =>
    [...pending].sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];

  const fire = async (timer: PendingTimer) => {
    pending.delete(timer);
    nowMs = Math.max(nowMs, timer.dueMs);
    timer.callback();
    await settle();
  };

  const clock: ManualClock = {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs + wallOffsetMs,
    machineTime: () => (options.clockId === undefined ? null : { clockId: options.clockId, ms: nowMs }),
    random() {
      // mulberry32: small, seeded, good enough to spread test schedules.
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    },
    startTimer(delayMs, callback): Timer {
      const timer: PendingTimer = { dueMs: nowMs + Math.max(0, delayMs), order: order++, callback };
      pending.add(timer);
      return { cancel: () => pending.delete(timer) };
    },
    async advance(ms) {
      const endMs = nowMs + ms;
      await settle();
      for (let timer = next(); timer && timer.dueMs <= endMs; timer = next()) await fire(timer);
      nowMs = Math.max(nowMs, endMs);
      await settle();
    },
    async advanceToNext() {
      await settle();
      const timer = next();
      if (timer) await fire(timer);
      return timer !== undefined;
    },
    get pendingTimers() {
      return pending.size;
    },
    jumpWall(ms) {
      wallOffsetMs += ms;
    },
    ofProcess: (startedMs) => ({ ...clock, monotonicMs: () => nowMs - startedMs }),
  };
  return clock;
}

/** Lets all settled promises and their followers run: a macrotask drains the whole microtask queue. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
