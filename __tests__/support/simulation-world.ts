// A world of virtual time for simulations: seeded chance, timers in order of their due time, one event a step. It never
// waits: whoever drives it fires an event, lets the promises run, and looks. Two runs of one seed are the same run.
import type { Clock, Timer } from '../../src/base/clock.ts';
import type { PauseGate } from './store-actor.ts';

export interface SimulationWorld {
  /** True time, which no actor sees. */
  readonly clock: Clock;
  /** Fires the next due timer; false where none is pending. */
  step(): boolean;
  readonly pendingTimers: number;
}

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
  isCancelled: boolean;
}

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function createSimulationWorld(random: () => number): SimulationWorld {
  // Sorted by due time, the next one last; equal times in the order in which they were started.
  const queue: Pending[] = [];
  let nowMs = 0;
  let live = 0;

  const startTimer = (delayMs: number, callback: () => void): Timer => {
    const timer: Pending = { dueMs: nowMs + Math.max(0, delayMs), callback, isCancelled: false };
    let at = queue.length;
    while (at > 0 && (queue[at - 1] as Pending).dueMs <= timer.dueMs) at -= 1;
    queue.splice(at, 0, timer);
    live += 1;
    return {
      cancel() {
        if (timer.isCancelled) return;
        timer.isCancelled = true;
        live -= 1;
      },
    };
  };

  return {
    clock: { monotonicMs: () => nowMs, wallMs: () => 1.7e12 + nowMs, random, startTimer },
    step() {
      for (let timer = queue.pop(); timer; timer = queue.pop()) {
        if (timer.isCancelled) continue;
        timer.isCancelled = true;
        live -= 1;
        nowMs = Math.max(nowMs, timer.dueMs);
        timer.callback();
        return true;
      }
      return false;
    },
    get pendingTimers() {
      return live;
    },
  };
}

export interface MachineClock extends Clock {
  /** The machine is suspended: its monotonic clock stops, the wall clock goes on. Its gate must be closed meanwhile. */
  suspend(): void;
  wake(): void;
  /** Somebody sets the wall clock. */
  jumpWall(byMs: number): void;
}

/** One machine's clock over the world's: a rate and a wall time of its own; its timers wait at the gate. */
export function createMachineClock(
  world: Clock,
  options: { drift: number; wallOffsetMs: number; gate: PauseGate },
): MachineClock {
  const { drift, gate } = options;
  const rate = 1 + drift;
  let { wallOffsetMs } = options;
  let lostMs = 0;
  let suspendedAtMs: number | null = null;
  const monotonicMs = () => ((suspendedAtMs ?? world.monotonicMs()) - lostMs) * rate;

  const startTimer = (delayMs: number, callback: () => void): Timer => {
    const dueMs = monotonicMs() + Math.max(0, delayMs);
    let isCancelled = false;
    let inner: Timer;
    const fire = () => {
      if (isCancelled) return;
      // Time that was slept through is still to come for a timer.
      const leftMs = dueMs - monotonicMs();
      if (leftMs > 0.001) arm(leftMs);
      else callback();
    };
    const arm = (leftMs: number) => {
      inner = world.startTimer(leftMs / rate, () => gate.run(fire));
    };
    arm(delayMs);
    return {
      cancel() {
        isCancelled = true;
        inner.cancel();
      },
    };
  };

  return {
    monotonicMs,
    wallMs: () => world.wallMs() + wallOffsetMs,
    random: () => world.random(),
    startTimer,
    suspend() {
      suspendedAtMs ??= world.monotonicMs();
    },
    wake() {
      if (suspendedAtMs === null) return;
      lostMs += world.monotonicMs() - suspendedAtMs;
      suspendedAtMs = null;
    },
    jumpWall(byMs) {
      wallOffsetMs += byMs;
    },
  };
}

/** Lets all settled promises and their followers run: a macrotask comes after the whole microtask queue. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
