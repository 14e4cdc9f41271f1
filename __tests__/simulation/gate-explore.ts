// Breadth-first exploration of the model: every order of every step up to the faults the budget allows, each state once.
// States are compared without what no decision reads (texts, stamps, histories' messages).
import type { GateDoc } from '../../src/gate/contract.ts';
import { checkDeadlines, checkRecovery, checkState, checkStep, fail } from './gate-checks.ts';
import { type Actor, initialWorld, isAlive, type ModelOptions, NO_FAULTS, type World } from './gate-model.ts';
import { stepsFrom } from './gate-steps.ts';

// Looked up once: globals are slow inside a test runner's sandbox.
const { imul } = Math;

export interface Exploration {
  readonly states: number;
  readonly steps: number;
  /** Ends where nothing can move any more. */
  readonly ends: number;
  readonly recoveries: number;
  readonly maxWrites: number;
  /** False where the limit ended it. */
  readonly isComplete: boolean;
}

export interface ExploreLimits {
  readonly maxStates: number;
  /** Every n-th distinct board is also run to its recovery (L3, L4); 1 for each. */
  readonly recoverEvery: number;
}

/** Explores; throws the first violation, with the steps that lead to it. */
export function explore(options: ModelOptions, limits: ExploreLimits): Exploration {
  const start = initialWorld(options);
  const seen = new Set<number>([fingerprint(canonical(start))]);
  const recovered = new Set<number>();
  let frontier: Node[] = [{ world: start, label: 'start', from: null }];
  let [steps, ends, maxWrites] = [0, 0, 0];
  while (frontier.length > 0) {
    const next: Node[] = [];
    for (const node of frontier) {
      const taken = withTrace(node, () => expand(node, { options, limits, recovered }));
      steps += taken.length;
      maxWrites = Math.max(maxWrites, node.world.writes);
      if (taken.length === 0) ends += 1;
      for (const each of taken) {
        const key = fingerprint(canonical(each.world));
        if (seen.has(key)) continue;
        if (seen.size >= limits.maxStates)
          return { states: seen.size, steps, ends, recoveries: recovered.size, maxWrites, isComplete: false };
        seen.add(key);
        next.push(each);
      }
    }
    frontier = next;
  }
  return { states: seen.size, steps, ends, recoveries: recovered.size, maxWrites, isComplete: true };
}

/** One long random life, each step chosen by `pick` (0 ≤ pick(n) < n): deeper than breadth-first search reaches. */
export function walk(options: ModelOptions, pick: (count: number) => number): World {
  let node: Node = { world: initialWorld(options), label: 'start', from: null };
  for (let depth = 0; depth < 120; depth += 1) {
    const here = node;
    const next = withTrace(here, () => {
      checkState(here.world, options);
      checkDeadlines(here.world, options);
      return stepsFrom(here.world, options);
    });
    const step = next[pick(next.length)];
    if (!step) break;
    const taken: Node = { world: step.world, label: step.label, from: here };
    withTrace(taken, () => checkStep(here.world, step, options));
    node = taken;
  }
  const end = node;
  withTrace(end, () => checkRecovery(end.world, options));
  return end.world;
}

interface Node {
  readonly world: World;
  readonly label: string;
  readonly from: Node | null;
}

function expand(
  node: Node,
  { options, limits, recovered }: { options: ModelOptions; limits: ExploreLimits; recovered: Set<number> },
): Node[] {
  const { world } = node;
  checkState(world, options);
  checkDeadlines(world, options);
  const key = fingerprint(afterDeath(world));
  if (!recovered.has(key)) {
    recovered.add(key);
    if (recovered.size % limits.recoverEvery === 0) checkRecovery(world, options);
  }
  const steps = stepsFrom(world, options);
  if (steps.length === 0) checkEnd(world, options);
  return steps.map((step) => {
    withTrace({ world: step.world, label: step.label, from: node }, () => checkStep(world, step, options));
    return { world: step.world, label: step.label, from: node };
  });
}

/** L1: without faults nothing may stop before everybody has opened. */
export function checkEnd(world: World, options: ModelOptions): void {
  const { budget } = options;
  if (JSON.stringify(budget) !== JSON.stringify(NO_FAULTS)) return;
  const waiting = Object.entries(world.actors).find(([, actor]) => isAlive(actor));
  if (waiting) fail('L1', `${waiting[0]} sleeps until a timer wakes it, in step ${waiting[1].step}`);
  const notOpen = Object.entries(world.actors).find(
    ([, { outcome }]) => outcome !== 'open' && outcome !== 'announced',
  );
  if (notOpen) fail('L1', `${notOpen[0]} ended ${notOpen[1].outcome}`);
}

function withTrace<T>(node: Node, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof Error) || cause.message.includes('\n')) throw cause;
    const trace: string[] = [];
    for (let each: Node | null = node; each; each = each.from) trace.unshift(each.label);
    throw new Error(`${cause.message}\n  ${trace.join('\n  ')}`, { cause });
  }
}

function canonical(world: World): string {
  const actors = Object.entries(world.actors).map(([id, actor]) => [id, actorOf(actor)]);
  return JSON.stringify([boardsOf(world), world.schema, actors, world.left, world.replaced, world.writes]);
}

// What is left when every process dies: all that recovery depends on.
function afterDeath(world: World): string {
  const actors = Object.entries(world.actors).map(([id, { outcome }]) => [id, outcome]);
  return JSON.stringify([boardsOf(world), world.schema, actors]);
}

function actorOf(actor: Actor) {
  const pending = actor.pending && [
    actor.pending.verdict.kind,
    boardOf(actor.pending.doc),
    actor.pending.event.kind,
  ];
  const base = actor.pending && actor.pending.base !== null ? boardOf(actor.pending.base) : null;
  return { ...actor, pending, base };
}

function boardsOf(world: World) {
  return Object.entries(world.boards).map(([key, doc]) => [key, boardOf(doc)]);
}

function boardOf(doc: GateDoc) {
  const members = Object.entries(doc.members)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { incarnation, schema, state, probedIn, reason }]) => [
      name,
      incarnation.id,
      schema,
      state,
      probedIn,
      reason,
    ]);
  const { epoch, phase, target, schemaFloor, claim, lastToken, commits, failure, history, openEpochs } = doc;
  return [
    [
      epoch,
      phase,
      target?.schema,
      schemaFloor,
      claim && [claim.member, claim.incarnation.id, claim.token],
      lastToken,
    ],
    commits.map(({ token, to, how, incarnation }) => [token, to, how, incarnation.id]),
    members,
    failure && [failure.code, failure.attempts, failure.by],
    history.map((each) => [each.epoch, each.code]),
    openEpochs,
  ];
}

// Two 32-bit hashes as one number below 2^53: a set of numbers takes a tenth of a set of texts. A collision would hide a
// state, never invent a violation.
function fingerprint(text: string): number {
  let [a, b] = [0x811c9dc5, 0x1b873593];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = imul(a ^ code, 0x01000193);
    b = imul(b ^ code, 0x85ebca6b) ^ (b >>> 13);
  }
  return (a >>> 0) * 2 ** 21 + ((b >>> 0) & 0x1fffff);
}
