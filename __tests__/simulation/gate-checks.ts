// The gate's invariants, checked on every step and state of the model. What is true is taken from the model's own memory of
// what its processes did, never from the board alone: a reducer that writes fiction on the board is caught.
import type { GateDoc } from '../../src/gate/contract.ts';
import { isSameIncarnation } from '../../src/gate/incarnation.ts';
import {
  actorOf,
  boardOf,
  contextOf,
  isAlive,
  type ModelOptions,
  newActor,
  type Step,
  type World,
} from './gate-model.ts';
import { workOf } from './gate-steps.ts';

/** Throws with the invariant's name first. */
export function fail(invariant: string, message: string): never {
  throw new Error(`${invariant}: ${message}`);
}

/** S1–S6 over one step. */
export function checkStep(before: World, step: Step, options: ModelOptions): void {
  const id = step.actor;
  if (id === undefined) return;
  const actor = actorOf(before, id);
  const [old, now] = [boardOf(before, actor, options), boardOf(step.world, actor, options)];
  if (now === null) return;
  checkArrivals(old, now, step.world);
  if (now.phase === 'open' && (old === null || old.phase !== 'open' || old.epoch !== now.epoch))
    checkOpening(now, step.world, options);
  if (old === null) return;
  checkCommits(old, now, step);
  checkFinality(old, now, step);
  checkStale(old, now, { before, step, id });
}

/** S2–S4 on one state, and that nobody waits in vain. */
export function checkState(world: World, options: ModelOptions): void {
  for (const board of Object.values(world.boards)) {
    const tos = board.commits.map((commit) => commit.to);
    if (new Set(tos).size !== tos.length) fail('S2', `two commits for one schema: ${tos.join(', ')}`);
    const early = Object.entries(board.members).filter(([, record]) => record.state === 'api-ready');
    const isCommitted =
      board.schemaFloor !== null && board.target !== null && board.schemaFloor >= board.target.schema;
    if (early.length > 0 && !isCommitted) fail('S3', `${early[0]?.[0]} is api-ready before the commit`);
  }
  const busy = Object.entries(world.actors).filter(
    ([, { step }]) => step === 'migrate' || step === 'migrated',
  );
  for (const [id, actor] of busy) {
    const { token } = actor;
    if (token === null || world.replaced.includes(token)) continue;
    const holder = boardOf(world, actor, options)?.claim;
    if (holder?.token !== token || holder.incarnation.id !== id)
      fail('S4', `${id} migrates with token ${token}, which is not the live claim`);
  }
  checkNobodyWaitsInVain(world, options);
}

function checkArrivals(old: GateDoc | null, now: GateDoc, world: World): void {
  const leavesAnnounce =
    (old === null || old.phase === 'announce') && ['schema', 'api', 'open'].includes(now.phase);
  if (!leavesAnnounce) return;
  for (const name of now.expected) {
    const record = now.members[name];
    const actor = record && world.actors[record.incarnation.id];
    const hasCome =
      actor?.member === name && (actor.announcedIn === now.epoch || record?.state === 'released');
    if (!hasCome) fail('S6', `the gate left announce, but ${name} has not announced itself`);
  }
}

function checkOpening(now: GateDoc, world: World, options: ModelOptions): void {
  const { target, schemaFloor } = now;
  if (!target || schemaFloor === null || schemaFloor < target.schema) fail('S1', 'open below the target');
  if (world.schema < target.schema) fail('S1', 'open, but the database was never migrated');
  for (const name of now.expected) {
    const record = now.members[name];
    const actor = record && world.actors[record.incarnation.id];
    if (!actor || actor.member !== name) fail('S1', `open without ${name}`);
    if (actor.schema !== target.schema) fail('S1', `open with ${name} at another version`);
    const waiters = Object.values(world.actors).filter((each) => each.mode === 'wait-for');
    const isReady =
      actor.mode === 'announce'
        ? waiters.some((each) => each.confirmedIn === now.epoch)
        : actor.confirmedIn === now.epoch || !options.canProbeApi;
    if (!isReady) fail('S1', `open, but ${name} was never ready in this epoch`);
  }
}

function checkCommits(old: GateDoc, now: GateDoc, { event, verdict }: Step): void {
  if (now.lastToken < old.lastToken) fail('S2', 'the last token fell');
  const added = now.commits.slice(old.commits.length);
  const previous = old.commits.at(-1)?.token ?? 0;
  if (added.some(({ token }) => token <= previous)) fail('S2', 'tokens of commits do not rise');
  if (event?.kind !== 'commit') return;
  const isCurrent = old.claim?.token === event.token;
  if (!isCurrent && (now !== old || verdict?.kind !== 'fenced'))
    fail('S2', `a commit with the stale token ${event.token} was not refused`);
}

function checkFinality(old: GateDoc, now: GateDoc, { event }: Step): void {
  if (now.epoch < old.epoch) fail('S5', 'the epoch fell');
  if (now.commits.length < old.commits.length) fail('S5', 'a commit was undone');
  if (old.phase === 'open' && (now.phase !== 'open' || now.epoch !== old.epoch))
    fail('S5', 'open was undone');
  const isLost = old.claim !== null && now.claim === null && event?.kind !== 'commit';
  const isReturned = event?.kind === 'commit-failed' || event?.kind === 'leave' || event?.kind === 'adopt';
  if (isLost && !isReturned) fail('S4', 'a claim vanished without a commit');
}

function checkStale(old: GateDoc, now: GateDoc, at: { before: World; step: Step; id: string }): void {
  const actor = actorOf(at.before, at.id);
  const record = old.members[actor.member];
  const self = { run: '7', attempt: actor.attempt, id: at.id };
  if (!record || isSameIncarnation(record.incarnation, self) || record.incarnation.attempt <= actor.attempt)
    return;
  const holdsClaim = old.claim?.incarnation.id === at.id;
  if (now !== old && !holdsClaim) fail('S5', `the replaced ${at.id} changed the board (${at.step.label})`);
}

// A live process in a later epoch of the same attempt: those that failed in the earlier one cannot come back to it.
function checkNobodyWaitsInVain(world: World, options: ModelOptions): void {
  for (const [id, actor] of Object.entries(world.actors)) {
    const board = boardOf(world, actor, options);
    if (!isAlive(actor) || actor.mode !== 'wait' || actor.epoch === null || board?.epoch !== actor.epoch)
      continue;
    if (board.phase === 'open' || board.phase === 'failed') continue;
    const gone = Object.values(world.actors).find(
      (other) =>
        other.attempt === actor.attempt &&
        other.step === 'done' &&
        // Once a later attempt has begun, it may bring everybody back.
        !Object.values(world.actors).some((each) => each.attempt > other.attempt) &&
        other.epoch !== null &&
        actor.epoch !== null &&
        other.epoch < actor.epoch,
    );
    if (gone)
      fail('L2', `${id} waits in epoch ${actor.epoch} for ${gone.member}, which ended in ${gone.epoch}`);
  }
}

/** L2: whoever is alive ends at its deadline; the failure names exactly those that were not there. */
export function checkDeadlines(world: World, options: ModelOptions): void {
  for (const [id, actor] of Object.entries(world.actors)) {
    if (!isAlive(actor) || actor.step === 'start') continue;
    const board = boardOf(world, actor, options);
    const { verdict } = options.reduce(board, { kind: 'deadline' }, contextOf(id, actor, options, 'held'));
    if (verdict.kind !== 'failed' && verdict.kind !== 'open' && verdict.kind !== 'announced')
      fail('L2', `${id} got ${verdict.kind} at its deadline`);
    const isFirst = Object.values(world.actors).every(
      (each) => each.attempt === 1 && each.outcome !== 'left',
    );
    if (verdict.kind !== 'failed' || verdict.failure.code !== 'timeout' || !isFirst || !verdict.shared)
      continue;
    if (board?.phase !== 'announce' && board?.phase !== 'api') continue;
    const named = [...verdict.failure.missing, ...verdict.failure.behind, ...verdict.failure.diverged].sort();
    const awaited = Object.keys(options.members).filter((name) => {
      const { announcedIn, confirmedIn, schema, mode } = actorOf(world, `${name}1`);
      if (board.phase === 'announce') return announcedIn === null || schema !== board.target?.schema;
      if (mode === 'announce') return world.actors['w1']?.confirmedIn !== board.epoch;
      return options.canProbeApi ? confirmedIn === null : board.members[name]?.state !== 'api-ready';
    });
    if (named.join() !== awaited.join())
      fail('L2', `the failure names ${named.join() || 'nobody'}, not there were ${awaited.join() || 'none'}`);
  }
}

/** L3 and L4: everybody dies now; one re-run of all whose job did not succeed opens it, and after that each alone. */
export function checkRecovery(world: World, options: ModelOptions): void {
  const calm: ModelOptions = {
    ...options,
    budget: { ...options.budget },
    writes: 'atomic',
    countWrites: false,
  };
  const floor = Object.values(world.boards)[0]?.schemaFloor ?? null;
  for (const schema of options.rerunSchemas) {
    if (floor !== null && schema < floor && !options.allowDowngrade) continue;
    const board = Object.values(world.boards).at(-1);
    // An open gate of this run has one version for good; only those that carry it come back.
    if (board?.phase === 'open' && board.target?.schema !== schema) continue;
    const rerun = rerunFailed(world, schema);
    const end = runToEnd(rerun, calm);
    const started = Object.entries(end.actors).filter(([id]) => !(id in world.actors));
    const stuck = started.find(([, { outcome }]) => outcome !== 'open' && outcome !== 'announced');
    const isOpen = board?.phase === 'open';
    if (stuck)
      fail(
        isOpen ? 'L4' : 'L3',
        `${stuck[0]} with ${schema} ended ${stuck[1].outcome ?? `in step ${stuck[1].step}`}`,
      );
    checkSingleReruns(end, schema, calm);
  }
}

function checkSingleReruns(world: World, schema: string, options: ModelOptions): void {
  const attempt = 1 + Math.max(...Object.values(world.actors).map((each) => each.attempt));
  for (const [member, { mode }] of Object.entries(options.members)) {
    const id = `${member}${attempt}`;
    const again = {
      ...world,
      actors: { ...world.actors, [id]: newActor(member, attempt, { mode, schema }) },
    };
    const end = actorOf(runToEnd(again, options), id);
    if (end.outcome !== 'open' && end.outcome !== 'announced')
      fail('L4', `${id}, run again alone after open, ended ${end.outcome ?? `in step ${end.step}`}`);
  }
}

function rerunFailed(world: World, schema: string): World {
  const actors = Object.entries(world.actors);
  const attempt = 1 + Math.max(...actors.map(([, each]) => each.attempt));
  const members = new Map(actors.map(([, each]) => [each.member, each]));
  const ended = actors.map(([id, each]): [string, typeof each] => [
    id,
    isAlive(each) ? { ...each, step: 'dead', pending: null } : each,
  ]);
  const again = [...members.values()]
    // A job that succeeded is not among the failed ones that are run again.
    .filter((last) => last.outcome !== 'open' && last.outcome !== 'announced')
    .map((last): [string, typeof last] => [
      `${last.member}${attempt}`,
      newActor(last.member, attempt, { mode: last.mode, schema }),
    ]);
  return { ...world, actors: Object.fromEntries([...ended, ...again]) };
}

/** Lets every process work in turn, without faults, until nothing moves. */
export function runToEnd(start: World, options: ModelOptions): World {
  const none = { crash: 0, rerun: 0, deadline: 0, leave: 0, failedMigration: 0, suspicion: 0 };
  let world: World = { ...start, left: none };
  for (let round = 0; round < 40; round += 1) {
    const before = world;
    for (const id of Object.keys(world.actors)) {
      const [own] = workOf(world, id, options);
      if (own) world = own.world;
    }
    if (world === before) return world;
  }
  // A wake-up by timer may repeat for ever where a dead holder is never replaced: that is an end, too.
  return world;
}
