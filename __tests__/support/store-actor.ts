// One simulated process: a gate that stops everything on its way to or from the actor (SIGSTOP), and a clock of its own that
// drifts against the world's and whose timers wait at the gate. Deterministic; the world's clock is the only source of time.
import type { Clock } from '../../src/base/clock.ts';

export interface PauseGate {
  /** Runs at once, or after `resume`, in the order of the calls. */
  run(step: () => void): void;
  pause(): void;
  resume(): void;
  readonly isPaused: boolean;
}

export function createPauseGate(): PauseGate {
  const held: (() => void)[] = [];
  let isPaused = false;
  return {
    run(step) {
      if (isPaused) held.push(step);
      else step();
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      // A step may pause again: what is behind it then keeps waiting.
      while (!isPaused && held.length > 0) held.shift()?.();
    },
    get isPaused() {
      return isPaused;
    },
  };
}

export interface ActorClockOptions {
  /** 0.01 runs 1 % fast, -0.01 slow. */
  drift?: number;
  /** How far the actor's wall clock is off. */
  wallOffsetMs?: number;
  gate?: PauseGate;
}

/** A clock that runs on `world` with its own rate; its timers fire only while the gate is open. */
export function createActorClock(world: Clock, options: ActorClockOptions = {}): Clock {
  const { drift = 0, wallOffsetMs = 0, gate = createPauseGate() } = options;
  return {
    monotonicMs: () => world.monotonicMs() * (1 + drift),
    wallMs: () => world.wallMs() + wallOffsetMs,
    machineTime: () => null,
    random: () => world.random(),
    startTimer(delayMs, callback) {
      let isCancelled = false;
      const timer = world.startTimer(delayMs / (1 + drift), () =>
        gate.run(() => {
          if (!isCancelled) callback();
        }),
      );
      return {
        cancel() {
          isCancelled = true;
          timer.cancel();
        },
      };
    },
  };
}
