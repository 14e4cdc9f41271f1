// One simulated process: it asks for the lease by one way or another, does effects under it, and gives it back, lets it run
// out, or crashes. Everything it does depends on the world's seeded chance and on virtual time alone.
import { type Clock, sleep } from '../../src/base/clock.ts';
import { CancelledError, hasCode } from '../../src/base/errors.ts';
import type { Lease, LeaseManager } from '../../src/lease/contract.ts';
import type { Machine, SimulationWorld } from '../support/simulation-world.ts';
import type { PauseGate } from '../support/store-actor.ts';
import type { Judge, JudgedActor } from './lease-judge.ts';
import type { Scenario } from './lease-scenario.ts';

export const KEY = 'simulation/lock/key';

export interface SimulatedActor extends JudgedActor {
  /** A letter for the state that is counted: what it is doing. */
  readonly phase: string;
  readonly isFinished: boolean;
  readonly isCrashed: boolean;
  /** Rejects with what nobody expected. */
  run(): Promise<void>;
}

export interface ActorParts {
  name: string;
  scenario: Scenario;
  world: SimulationWorld;
  machine: Machine;
  clock: Clock;
  gate: PauseGate;
  manager: LeaseManager;
  judge: Judge;
}

export function createSimulatedActor(parts: ActorParts): SimulatedActor {
  const { name, scenario, world, machine, clock, gate, manager, judge } = parts;
  const { leaseMs, pollMs, permits, order } = scenario;
  const random = () => world.clock.random();
  const upTo = (ms: number) => random() * ms;
  const leases = new Set<Lease>();
  const holder = { text: name, host: name, pid: 1 };
  let phase = 'i';
  let isFinished = false;
  let isCrashed = false;
  let stops = 0;

  const obtain = async (): Promise<Lease | null> => {
    const options = { leaseMs, holder, permits, order };
    const way = random();
    if (way < 0.3) {
      phase = 't';
      const mayObserve = random() < 0.5 ? { observeSuspect: { pollMs } } : {};
      const tried = await manager.tryAcquire(KEY, { ...options, ...mayObserve });
      return tried.acquired ? tried.lease : null;
    }
    const giveUp = new AbortController();
    const patienceMs = way < 0.5 ? upTo(leaseMs) : leaseMs * 20;
    const timer = clock.startTimer(patienceMs, () => giveUp.abort(new CancelledError('patience is over')));
    phase = 'a';
    try {
      return await manager.acquire(KEY, { ...options, pollMs, signal: giveUp.signal });
    } finally {
      timer.cancel();
    }
  };

  const effect = async (lease: Lease) => {
    lease.assertHeld();
    judge.judgeEffect(lease.token);
    // Another effect leaves now and arrives some time later, whatever becomes of its sender; one is in flight at a time.
    await new Promise<void>((resolve) => {
      world.clock.startTimer(upTo(leaseMs / 4), () => {
        judge.arrive(lease);
        gate.run(resolve);
      });
    });
  };

  const hold = async (lease: Lease) => {
    phase = 'h';
    await effect(lease);
    await sleep(clock, upTo(leaseMs));
    await effect(lease);
  };

  const finish = async (lease: Lease) => {
    const way = random();
    if (way < scenario.crashShare) {
      isCrashed = true;
      gate.pause();
      return;
    }
    if (way > 0.9 && !scenario.isGentle) {
      phase = 'l';
      await manager.close();
      return;
    }
    phase = 'r';
    const result = await lease.release(
      random() < 0.5 ? {} : { updateNote: (note) => ({ ...note, by: name }) },
    );
    judge.judgeReleased(lease, result);
  };

  const cycle = async () => {
    await sleep(clock, upTo(leaseMs / 2));
    let lease: Lease | null = null;
    try {
      lease = await obtain();
      if (!lease) return;
      leases.add(lease);
      await hold(lease);
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
    if (lease && !isCrashed) await finish(lease);
    if (lease && !isCrashed) leases.delete(lease);
  };

  /** A process is stopped, or its machine suspended, or its wall clock set, now and then. */
  const disturb = async () => {
    const disturbances = [
      ...Array.from({ length: scenario.pauses }, () => () => stop(false)),
      ...Array.from({ length: scenario.suspensions }, () => () => stop(true)),
      ...Array.from(
        { length: scenario.wallJumps },
        () => async () => machine.jumpWall(upTo(2 * leaseMs) - leaseMs),
      ),
    ];
    for (const disturbance of disturbances) {
      await worldSleep(upTo(leaseMs * 1.5));
      if (isFinished || isCrashed) return;
      await disturbance();
    }
  };
  // By itself and with its machine; it runs again when nothing stops it any more.
  const self = {
    pause() {
      stops += 1;
      gate.pause();
    },
    resume() {
      stops -= 1;
      if (stops === 0 && !isCrashed) gate.resume();
    },
  };
  machine.attach(self);
  const stop = async (isSuspended: boolean) => {
    if (isSuspended) machine.suspend();
    else self.pause();
    await worldSleep(random() < 0.5 ? upTo(leaseMs / 4) : upTo(leaseMs * 2.5));
    if (isSuspended) machine.wake();
    else self.resume();
  };
  const worldSleep = (ms: number) => sleep(world.clock, ms);

  return {
    name,
    leases,
    get phase() {
      return phase;
    },
    get isStopped() {
      return gate.isPaused;
    },
    get isFinished() {
      return isFinished || isCrashed;
    },
    get isCrashed() {
      return isCrashed;
    },
    get wasSuspended() {
      return machine.wasSuspended;
    },
    async run() {
      const live = async () => {
        for (let count = 0; count < scenario.cycles && phase !== 'l'; count += 1) {
          await cycle();
          if (phase !== 'l') phase = 'i';
        }
        if (phase !== 'l') await manager.close();
        isFinished = true;
      };
      await Promise.all([live(), disturb()]);
    },
  };
}

/** What a process meets on a bad network; anything else is a bug. */
function isExpected(error: unknown): boolean {
  return (['lease-lost', 'cancelled', 'unavailable', 'indeterminate', 'deadline'] as const).some((code) =>
    hasCode(error, code),
  );
}
