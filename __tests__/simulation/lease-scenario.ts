// A scenario is all that a simulated schedule depends on: plain data, drawn from a seed, so that a failure is replayed from
// its printed line and made smaller by switching one trouble after another off.
import type { FaultRates } from '../support/faulty-store.ts';
import { createRandom } from '../support/simulation-world.ts';

export interface Scenario {
  readonly seed: number;
  readonly actors: number;
  /** How often each actor asks. */
  readonly cycles: number;
  readonly permits: number;
  readonly order: 'any' | 'fifo';
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly faults: FaultRates;
  /** Whether the store says that its reads are never stale (then the faults have no stale reads). */
  readonly isLinearizable: boolean;
  /** Clock rates are within ± this. */
  readonly drift: number;
  /** Machines' wall clocks are off by up to ± this. */
  readonly wallSkewMs: number;
  /** How often each actor is stopped for a while, its machine suspended, its wall clock set. */
  readonly pauses: number;
  readonly suspensions: number;
  readonly wallJumps: number;
  readonly crashShare: number;
  /** Replies get lost and nothing worse: then nobody is ever robbed and nothing is ever left behind. */
  readonly isGentle: boolean;
  /** Whether contenders are told of crashed holders. */
  readonly hasEvidence: boolean;
  /**
   * `own`: no two processes share a clock; `shared`: most do, and know it; `copies`: all resumed from one memory snapshot, so
   * that they believe to share one, with wall clocks that are right.
   */
  readonly machines: 'own' | 'shared' | 'copies';
}

/** The scenario of a seed. About a third of them are calm in some respect, so that each trouble is also met alone. */
export function drawScenario(seed: number): Scenario {
  const rough = drawRough(seed);
  const isCopied = rough.machines === 'copies';
  const scenario = isCopied ? { ...rough, wallSkewMs: 0, wallJumps: 0 } : rough;
  if (seed % 8 !== 0) return scenario;
  return {
    ...scenario,
    isGentle: true,
    leaseMs: 10_000,
    pollMs: 5000,
    faults: { loseReply: 0.2, maxDelayMs: 50 },
    pauses: 0,
    suspensions: 0,
    wallJumps: 0,
    crashShare: 0,
  };
}

function drawRough(seed: number): Scenario {
  const random = createRandom(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995);
  const sometimes = (share: number, value: number) => (random() < share ? random() * value : 0);
  const isLinearizable = random() < 0.5;
  const leaseMs = random() < 0.75 ? 10_000 : 2000;
  return {
    seed,
    actors: random() < 0.7 ? 2 : 3,
    cycles: random() < 0.75 ? 1 : 2,
    permits: random() < 0.7 ? 1 : 2 + Math.floor(random() * 2),
    order: random() < 0.7 ? 'any' : 'fifo',
    leaseMs,
    pollMs: leaseMs / 2,
    faults: {
      refuse: sometimes(0.2, 0.2),
      loseRequest: sometimes(0.3, 0.2),
      loseReply: sometimes(0.5, 0.4),
      applyLate: sometimes(0.4, 0.3),
      duplicate: sometimes(0.3, 0.3),
      staleRead: isLinearizable ? 0 : sometimes(0.8, 0.5),
      dropEdge: sometimes(0.5, 1),
      maxDelayMs: random() < 0.5 ? 50 : leaseMs * 0.2,
      maxLateMs: leaseMs * 1.2,
    },
    isLinearizable,
    drift: random() < 0.3 ? 0 : 0.01,
    wallSkewMs: sometimes(0.5, 600_000),
    pauses: Math.ceil(sometimes(0.5, 2)),
    suspensions: Math.ceil(sometimes(0.15, 2)),
    wallJumps: Math.ceil(sometimes(0.15, 2)),
    crashShare: sometimes(0.4, 0.5),
    isGentle: false,
    hasEvidence: random() < 0.15,
    machines: drawMachines(random()),
  };
}

function drawMachines(chance: number): Scenario['machines'] {
  if (chance < 0.4) return 'own';
  return chance < 0.85 ? 'shared' : 'copies';
}

/** Simpler neighbours of a scenario, the boldest cut first. */
export function simplerScenarios(scenario: Scenario): readonly Scenario[] {
  const { faults } = scenario;
  const cuts: Partial<Scenario>[] = [
    { faults: {} },
    { pauses: 0, suspensions: 0, wallJumps: 0 },
    { actors: 2 },
    { cycles: 1 },
    { permits: 1 },
    { order: 'any' },
    { drift: 0 },
    { wallSkewMs: 0 },
    { pauses: 0 },
    { suspensions: 0 },
    { wallJumps: 0 },
    { crashShare: 0 },
    { hasEvidence: false },
    { machines: 'own' },
    ...Object.keys(faults).map((name) => ({ faults: { ...faults, [name]: 0 } })),
  ];
  const present = JSON.stringify(scenario);
  return cuts
    .map((cut) => ({ ...scenario, ...cut }))
    .filter((candidate) => JSON.stringify(candidate) !== present);
}
