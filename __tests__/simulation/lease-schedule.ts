// Runs scenarios over the real manager: one event a step, everything judged after each. Many worlds go side by side, each
// one step a turn, so that one turn of the event loop drains the promises of all of them.

import type { Clock } from '../../src/base/clock.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import { type LeaseProtocol, leaseProtocol } from '../../src/lease/protocol.ts';
import type { Store } from '../../src/store/contract.ts';
import { createMemoryBackend } from '../../src/store/drivers/memory.ts';
import { createFaultyNetwork, createRandomFaults } from '../support/faulty-store.ts';
import {
  createMachine,
  createMachineClock,
  createRandom,
  createSimulationWorld,
  drain,
  type Machine,
} from '../support/simulation-world.ts';
import { createPauseGate } from '../support/store-actor.ts';
import { createSimulatedActor, KEY, type SimulatedActor } from './lease-actor.ts';
import { createJudge, type Judge, type RecordText, Violation } from './lease-judge.ts';
import { drawScenario, type Scenario, simplerScenarios } from './lease-scenario.ts';

/** What a mutant changes; the real thing where nothing is given. */
export interface Variant {
  readonly protocol?: Partial<LeaseProtocol>;
  readonly wrapStore?: (store: Store) => Store;
  readonly wrapClock?: (clock: Clock) => Clock;
}

export interface Failure {
  readonly scenario: Scenario;
  readonly what: string;
}

export interface Figures {
  schedules: number;
  steps: number;
  ownerships: number;
  takeovers: number;
  readonly states: Set<string>;
}

export interface Schedule {
  /** Fires one event. */
  step(): void;
  /** Judges what came of it; true once the schedule is over. */
  look(): boolean;
  /** One line about now, for whoever replays. */
  describe(): string;
}

const MAX_STEPS = 5000;
// The letters of the record in a state: who owns, who queues. More detail would tell every run from every other.
const letters = (items: readonly { holder: { text: string } }[]) =>
  items.map((item) => item.holder.text).join('');

export function createSchedule(scenario: Scenario, figures: Figures, variant: Variant = {}): Schedule {
  const random = createRandom(scenario.seed);
  const world = createSimulationWorld(random);
  const judge = createJudge(scenario);
  const faults = createRandomFaults(random, scenario.faults);
  const backend = createMemoryBackend();
  let isCalm = false;
  const network = createFaultyNetwork({
    clock: world.clock,
    backend,
    decide(operation) {
      if (isCalm) return {};
      const plan = faults(operation);
      // Where travel is short one leg of it will do: half the events.
      const isShort = (scenario.faults.maxDelayMs ?? 0) <= 50;
      return isShort ? { ...plan, requestMs: 0 } : plan;
    },
  });
  const actors: SimulatedActor[] = [];
  let trouble: unknown = null;
  let owners = '';
  const attempt = (run: () => void) => {
    try {
      run();
    } catch (error) {
      trouble ??= error;
    }
  };
  const watch = (run: Promise<void>) =>
    void run.catch((error: unknown) => {
      trouble ??= error;
    });

  network.onChange(({ actor, entry }) =>
    attempt(() => {
      const record = entry === null ? null : (JSON.parse(entry.value) as RecordText);
      const before = judge.record?.entries ?? [];
      judge.judgeChange(actor, record);
      const after = record?.entries ?? [];
      if (after.some((e) => before.every((b) => b.nonce !== e.nonce))) {
        figures.ownerships += 1;
        if (before.some((b) => after.every((e) => e.nonce !== b.nonce))) figures.takeovers += 1;
      }
      owners = record === null ? '-' : `${letters(record.entries)}/${letters(record.tickets)}`;
    }),
  );

  const machines: Machine[] = [];
  const machineOf = (): Machine => {
    const [first] = machines;
    if (first && scenario.machines === 'shared' && random() < 0.8) return first;
    // Copies bear one name, and each resumed at a time of its own.
    const clockId =
      scenario.machines === 'own' ? null : scenario.machines === 'copies' ? 'copy' : `m${machines.length}`;
    const machine = createMachine(world.clock, {
      drift: (random() * 2 - 1) * scenario.drift,
      wallOffsetMs: (random() * 2 - 1) * scenario.wallSkewMs,
      clockId,
      startMs: clockId === null ? 0 : random() * 20 * scenario.leaseMs,
    });
    machines.push(machine);
    return machine;
  };
  const addActor = (name: string) => {
    const gate = createPauseGate();
    const machine = machineOf();
    const startedMs = machine.clockId === null ? 0 : random() * machine.monotonicMs();
    const clock = createMachineClock(world.clock, { machine, gate, startedMs });
    const opened = network.open(name, gate);
    const store: Store = scenario.isLinearizable
      ? { ...opened, capabilities: { ...opened.capabilities, linearizableReads: true } }
      : opened;
    const isDead = async ({ text }: { text: string }) => actors.some((a) => a.name === text && a.isCrashed);
    const manager = createLeaseManager({
      store: variant.wrapStore?.(store) ?? store,
      clock: variant.wrapClock?.(clock) ?? clock,
      pollMs: scenario.pollMs,
      protocol: { ...leaseProtocol, ...variant.protocol },
      ...(scenario.hasEvidence ? { evidence: { isDead } } : {}),
    });
    const actor = createSimulatedActor({
      name,
      scenario,
      world,
      machine,
      clock,
      gate,
      manager,
      judge: guarded(judge, attempt),
    });
    actors.push(actor);
    watch(actor.run());
    return { manager, actor };
  };
  for (let index = 0; index < scenario.actors; index += 1) addActor(String.fromCharCode(65 + index));

  // Whatever happened, a patient newcomer on a calm network owns the key in the end (L11, L12).
  let probe: 'none' | 'asking' | 'owned' = 'none';
  const startProbe = async () => {
    probe = 'asking';
    judge.judgeEnd();
    isCalm = true;
    const { leaseMs, permits, order, pollMs } = scenario;
    const manager = createLeaseManager({ store: network.open('Z'), clock: world.clock });
    const startedMs = world.clock.monotonicMs();
    const lease = await manager.acquire(KEY, {
      leaseMs,
      permits,
      order,
      pollMs,
      holder: { text: 'Z', host: 'probe', pid: 1 },
    });
    const tookMs = world.clock.monotonicMs() - startedMs;
    // A late request of somebody who gave up may renew what the newcomer watches once more.
    const boundMs = 2 * (leaseMs * 1.01 + (scenario.faults.maxLateMs ?? 0) + pollMs * 2);
    if (tookMs > boundMs) throw new Violation(`L11: a newcomer waited ${tookMs} ms, more than ${boundMs}`);
    probe = 'owned';
    await lease?.release();
    await manager.close();
  };

  let steps = 0;
  let idleSteps = 0;
  return {
    step() {
      steps += 1;
      figures.steps += 1;
      idleSteps = world.step() ? 0 : idleSteps + 1;
      // In the step in which the newcomer starts there may be nothing to fire yet.
      if (idleSteps > 2 && probe !== 'owned')
        trouble ??= new Violation('L12: nothing will ever happen again');
    },
    describe: () =>
      `${world.clock.monotonicMs().toFixed(0)} ms ${owners} ${actors.map(describe).join(' ')} ${probe}`,
    look() {
      attempt(() => judge.judgeStep(actors));
      if (trouble !== null) throw trouble;
      figures.states.add(`${owners}|${actors.map(describe).join('')}`);
      if (steps > MAX_STEPS) throw new Violation(`L12: not done after ${steps} steps`);
      if (probe === 'owned') {
        figures.schedules += 1;
        return true;
      }
      if (probe === 'none' && actors.every((actor) => actor.isFinished)) watch(startProbe());
      return false;
    },
  };
}

function describe(actor: SimulatedActor): string {
  const stopped = actor.isCrashed ? 'x' : actor.isStopped ? 's' : '';
  const held = [...actor.leases].some((lease) => !lease.signal.aborted) ? '!' : '';
  return actor.phase + stopped + held;
}

/** A judge whose verdicts reach the runner even where the code under test would catch them. */
function guarded(judge: Judge, attempt: (run: () => void) => void): Judge {
  return {
    ...judge,
    get record() {
      return judge.record;
    },
    judgeEffect: (token) => attempt(() => judge.judgeEffect(token)),
    arrive: (lease) => {
      attempt(() => judge.arrive(lease));
      return true;
    },
    judgeReleased: (lease, result) => attempt(() => judge.judgeReleased(lease, result)),
  };
}

export function createFigures(): Figures {
  return { schedules: 0, steps: 0, ownerships: 0, takeovers: 0, states: new Set() };
}

/** Runs scenarios, `width` side by side, until all are over or one fails. */
export async function runScenarios(
  scenarios: Iterable<Scenario>,
  figures: Figures,
  { variant = {}, width = 12 }: { variant?: Variant; width?: number } = {},
): Promise<Failure | null> {
  const { stackTraceLimit } = Error;
  // Thousands of expected errors are made; their stacks would be most of the work.
  Error.stackTraceLimit = 0;
  try {
    return await runSideBySide(scenarios[Symbol.iterator](), figures, { variant, width });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function runSideBySide(
  source: Iterator<Scenario>,
  figures: Figures,
  { variant, width }: { variant: Variant; width: number },
): Promise<Failure | null> {
  let running: { scenario: Scenario; schedule: Schedule }[] = [];
  for (;;) {
    while (running.length < width) {
      const next = source.next();
      if (next.done) break;
      running.push({ scenario: next.value, schedule: createSchedule(next.value, figures, variant) });
    }
    if (running.length === 0) return null;
    for (const { schedule } of running) schedule.step();
    await drain();
    const rest: typeof running = [];
    for (const run of running) {
      try {
        if (!run.schedule.look()) rest.push(run);
      } catch (error) {
        return {
          scenario: run.scenario,
          what: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
        };
      }
    }
    running = rest;
  }
}

/** The scenarios of consecutive seeds. */
export function* scenariosFrom(seed: number, count: number): Generator<Scenario> {
  for (let index = 0; index < count; index += 1) yield drawScenario(seed + index);
}

/** A smaller scenario that fails, too: one simplification at a time, as long as any still fails. */
export async function shrink(failure: Failure, variant: Variant = {}): Promise<Failure> {
  for (const candidate of simplerScenarios(failure.scenario)) {
    const smaller = await runScenarios([candidate], createFigures(), { variant, width: 1 });
    if (smaller) return shrink(smaller, variant);
  }
  return failure;
}

/** What failed and how to see it again. */
export function describeFailure({ scenario, what }: Failure): string {
  return `${what}\nreplay: LOCKSTEP_SIMULATION='${JSON.stringify(scenario)}'`;
}
