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
    clock: {
      monotonicMs: () => nowMs,
      wallMs: () => 1.7e12 + nowMs,
      machineTime: () => null,
      random,
      startTimer,
    },
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

/** One machine: a clock of a rate and a wall time of its own, which all its processes read. */
export interface Machine {
  /** The name by which its processes recognise one clock; null where they cannot. */
  readonly clockId: string | null;
  /** 1.01 runs 1 % fast. */
  readonly rate: number;
  /** Since its start; stands still while it is suspended. */
  monotonicMs(): number;
  wallMs(): number;
  readonly wasSuspended: boolean;
  /** Its monotonic clock stops, the wall clock goes on, and every process on it stops until it wakes. */
  suspend(): void;
  wake(): void;
  /** Somebody sets the wall clock. */
  jumpWall(byMs: number): void;
  /** A process that is stopped with it. */
  attach(process: { pause(): void; resume(): void }): void;
}

export interface MachineOptions {
  drift: number;
  wallOffsetMs: number;
  clockId: string | null;
  /** What its clock shows at the world's start. */
  startMs: number;
}

export function createMachine(world: Clock, options: MachineOptions): Machine {
  const rate = 1 + options.drift;
  const processes: { pause(): void; resume(): void }[] = [];
  let { wallOffsetMs } = options;
  let lostMs = 0;
  let suspendedAtMs: number | null = null;
  let suspensions = 0;
  let wasSuspended = false;
  return {
    clockId: options.clockId,
    rate,
    monotonicMs: () => options.startMs + ((suspendedAtMs ?? world.monotonicMs()) - lostMs) * rate,
    wallMs: () => world.wallMs() + wallOffsetMs,
    get wasSuspended() {
      return wasSuspended;
    },
    suspend() {
      suspensions += 1;
      if (suspensions > 1) return;
      suspendedAtMs = world.monotonicMs();
      wasSuspended = true;
      for (const process of processes) process.pause();
    },
    wake() {
      suspensions -= 1;
      if (suspendedAtMs === null || suspensions > 0) return;
      lostMs += world.monotonicMs() - suspendedAtMs;
      suspendedAtMs = null;
      for (const process of processes) process.resume();
    },
    jumpWall(byMs) {
      wallOffsetMs += byMs;
    },
    attach: (process) => void processes.push(process),
  };
}

/** One process's clock: its machine's, counted from its own start; its timers wait at the gate. */
export function createMachineClock(
  world: Clock,
  { machine, gate, startedMs }: { machine: Machine; gate: PauseGate; startedMs: number },
): Clock {
  const monotonicMs = () => machine.monotonicMs() - startedMs;

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
      inner = world.startTimer(leftMs / machine.rate, () => gate.run(fire));
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
    wallMs: () => machine.wallMs(),
    machineTime: () =>
      machine.clockId === null ? null : { clockId: machine.clockId, ms: machine.monotonicMs() },
    random: () => world.random(),
    startTimer,
  };
}

/** Lets all settled promises and their followers run: a macrotask comes after the whole microtask queue. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
