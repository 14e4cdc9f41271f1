// A model of the world around the gate's reducer: members as processes that crash, are run again, leave, run into their
// deadline or stall at any moment; a store with revisions; a database that migrations really change. One action is one
// step; states are values. Environments (how the store writes, what wakes a waiter) and the reducer can be replaced: that
// is how the wrong designs of the specification are built.

import { parseGateConfig } from '../../src/gate/config.ts';
import type { GateDoc } from '../../src/gate/contract.ts';
import type {
  GateConfig,
  GateEvent,
  GateVerdict,
  HolderFate,
  ReduceContext,
  Reduction,
} from '../../src/gate/event.ts';
import { reduce } from '../../src/gate/reduce.ts';

export type Reduce = (doc: GateDoc | null, event: GateEvent, ctx: ReduceContext) => Reduction;

export type Committer = 'none' | 'migrate' | 'probe' | 'both';

/** What can go wrong, and how often at most. */
export interface Budget {
  crash: number;
  rerun: number;
  deadline: number;
  leave: number;
  failedMigration: number;
  /** A live holder that seems dead to somebody (a stalled process). */
  suspicion: number;
}

export const NO_FAULTS: Budget = {
  crash: 0,
  rerun: 0,
  deadline: 0,
  leave: 0,
  failedMigration: 0,
  suspicion: 0,
};

export interface ModelOptions {
  readonly members: Readonly<
    Record<string, { committer: Committer; mode: 'wait' | 'announce'; schema: string }>
  >;
  /** A later job that waits for released members. */
  readonly waiter?: { committer: Committer };
  readonly budget: Budget;
  /** What the database has at first; at the target where somebody outside migrates it. */
  readonly worldSchema: string;
  /** Schemas a re-run may come with. */
  readonly rerunSchemas: readonly string[];
  readonly canProbeApi: boolean;
  /** The committer's own probe is good at once: it commits and confirms in one write. */
  readonly committerConfirms: boolean;
  readonly onLeave: 'fail' | 'wait';
  readonly allowDowngrade: boolean;
  /** What reveals a dead holder: the jobs API or a lease. */
  readonly evidence: 'dead' | 'expired';
  /** New attempts may start while the old process still lives. */
  readonly orphans: boolean;
  readonly reduce: Reduce;
  /** `edge`: a notification reaches only who waits at that moment, and nobody re-reads. */
  readonly wakeUp: 'level' | 'edge';
  /** `atomic`: read and compare-and-set in one step; `split`: others may write in between; `blind-claim`: and a claim is written without comparing. */
  readonly writes: 'atomic' | 'split' | 'blind-claim';
  readonly boardKey: (attempt: number) => string;
  readonly countWrites: boolean;
}

export const DEFAULTS: ModelOptions = {
  members: {
    a: { committer: 'both', mode: 'wait', schema: '42' },
    b: { committer: 'both', mode: 'wait', schema: '42' },
    c: { committer: 'both', mode: 'wait', schema: '42' },
  },
  budget: NO_FAULTS,
  worldSchema: '40',
  rerunSchemas: ['42'],
  canProbeApi: true,
  committerConfirms: false,
  onLeave: 'fail',
  allowDowngrade: false,
  evidence: 'dead',
  orphans: false,
  reduce,
  wakeUp: 'level',
  writes: 'atomic',
  boardKey: () => 'board',
  countWrites: false,
};

export interface Actor {
  readonly member: string;
  readonly attempt: number;
  readonly mode: 'wait' | 'announce' | 'wait-for';
  readonly schema: string;
  readonly step: 'start' | 'idle' | 'migrate' | 'migrated' | 'probe' | 'confirm' | 'dead' | 'done';
  /** Its last verdict's epoch. */
  readonly epoch: number | null;
  /** Whether it has evaluated the board's present revision. */
  readonly isUpToDate: boolean;
  /** In environment `edge`: a notification is waiting for it. */
  readonly isNotified: boolean;
  readonly token: number | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly announcedIn: number | null;
  readonly confirmedIn: number | null;
  readonly isPastDeadline: boolean;
  readonly outcome: string | null;
  /** A read that was judged but not yet written. */
  readonly pending: { doc: GateDoc; verdict: GateVerdict; event: GateEvent; base: GateDoc | null } | null;
}

export interface World {
  /** By board key: one, unless the environment is wrong. */
  readonly boards: Readonly<Record<string, GateDoc>>;
  /** What the database really has. */
  readonly schema: string;
  readonly actors: Readonly<Record<string, Actor>>;
  readonly left: Budget;
  /** Tokens whose claim another took over with a reason. */
  readonly replaced: readonly number[];
  readonly writes: number;
}

export interface Step {
  readonly label: string;
  readonly world: World;
  /** What the reducer was asked, for the checks. */
  readonly actor?: string;
  readonly event?: GateEvent;
  readonly verdict?: GateVerdict;
  readonly fate?: HolderFate;
}

const configs = new Map<string, GateConfig>();

export function configOf(options: ModelOptions): GateConfig {
  const members = Object.keys(options.members);
  const known = configs.get(members.join());
  if (known) return known;
  const parsed = parseGateConfig({ gate: 'g', members, requireApi: null, versionScheme: 'integer' });
  if (!parsed.ok) throw new Error(parsed.problem);
  configs.set(members.join(), parsed.value);
  return parsed.value;
}

export function newActor(member: string, attempt: number, how: Pick<Actor, 'mode' | 'schema'>): Actor {
  return {
    member,
    attempt,
    ...how,
    step: 'start',
    epoch: null,
    isUpToDate: false,
    isNotified: false,
    token: null,
    from: null,
    to: null,
    announcedIn: null,
    confirmedIn: null,
    isPastDeadline: false,
    outcome: null,
    pending: null,
  };
}

export function initialWorld(options: ModelOptions): World {
  const actors = Object.entries(options.members).map(([name, { mode, schema }]): [string, Actor] => [
    `${name}1`,
    newActor(name, 1, { mode, schema }),
  ]);
  if (options.waiter) actors.push(['w1', newActor('w', 1, { mode: 'wait-for', schema: '42' })]);
  return {
    boards: {},
    schema: options.worldSchema,
    actors: Object.fromEntries(actors),
    left: options.budget,
    replaced: [],
    writes: 0,
  };
}

export function isAlive(actor: Actor): boolean {
  return actor.step !== 'dead' && actor.step !== 'done';
}

export function boardOf(world: World, actor: Actor, options: ModelOptions): GateDoc | null {
  return world.boards[options.boardKey(actor.attempt)] ?? null;
}

export function contextOf(id: string, actor: Actor, options: ModelOptions, fate: HolderFate): ReduceContext {
  const committer =
    actor.mode === 'wait-for' ? options.waiter?.committer : options.members[actor.member]?.committer;
  return {
    config: configOf(options),
    scope: 'run',
    self: {
      name: actor.member,
      incarnation: { run: '7', attempt: actor.attempt, id },
      versions: { schema: actor.schema, api: ['x'] },
      mode: actor.mode,
      canMigrate: committer === 'migrate' || committer === 'both',
      canProbeSchema: committer === 'probe' || committer === 'both',
      canProbeApi: options.canProbeApi,
      allowDowngrade: options.allowDowngrade,
      onLeave: options.onLeave,
      timeoutMs: 1_800_000,
      leaseMs: 60_000,
    },
    at: '2026-01-01T00:00:00Z',
    epoch: actor.epoch,
    judgeHolder: () => fate,
  };
}

export function actorOf(world: World, id: string): Actor {
  const actor = world.actors[id];
  if (!actor) throw new Error(`no actor ${id}`);
  return actor;
}

export function withActor(world: World, id: string, change: Partial<Actor>): World {
  return { ...world, actors: { ...world.actors, [id]: { ...actorOf(world, id), ...change } } };
}
