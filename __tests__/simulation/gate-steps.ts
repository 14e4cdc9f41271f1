// The steps of the model: what each process does next, what can go wrong, and what a verdict makes of it.
import type { GateDoc } from '../../src/gate/contract.ts';
import type { GateEvent, GateVerdict, HolderFate } from '../../src/gate/event.ts';
import { isSameIncarnation } from '../../src/gate/incarnation.ts';
import {
  type Actor,
  actorOf,
  boardOf,
  contextOf,
  isAlive,
  type ModelOptions,
  newActor,
  type Step,
  type World,
  withActor,
} from './gate-model.ts';

/** Every step that can be taken from here. */
export function stepsFrom(world: World, options: ModelOptions): Step[] {
  return Object.entries(world.actors).flatMap(([id, actor]) => [
    ...workOf(world, id, options),
    ...faultsOf(world, id, options),
    ...rerunsOf(world, { id, actor }, options),
  ]);
}

/** The next steps of one process when nothing goes wrong. */
export function workOf(world: World, id: string, options: ModelOptions): Step[] {
  const actor = actorOf(world, id);
  if (actor.pending) return [finishWrite(world, id, options)];
  switch (actor.step) {
    case 'start':
      return submit(world, id, { event: { kind: 'announce' }, options });
    case 'idle':
      return looksOf(world, id, options);
    case 'migrate':
      return migrate(world, id, options);
    case 'migrated':
      return submit(world, id, { event: commitOf(actor, 'ran', options), options });
    case 'probe':
      return world.schema >= (actor.to ?? '')
        ? submit(world, id, { event: { kind: 'adopt', worldSchema: world.schema }, options })
        : looksOf(world, id, options);
    case 'confirm': {
      const ready = actor.mode === 'wait-for' ? releasedOf(world, actor, options) : [ownOf(id, actor)];
      return submit(world, id, { event: { kind: 'api-ready', ready }, options });
    }
    case 'dead':
    case 'done':
      return [];
  }
}

function ownOf(id: string, { member, attempt }: Actor) {
  return { name: member, incarnation: { run: '7', attempt, id } };
}

function releasedOf(world: World, actor: Actor, options: ModelOptions) {
  return Object.entries(boardOf(world, actor, options)?.members ?? {})
    .filter(([, record]) => record.state === 'released')
    .map(([name, { incarnation }]) => ({ name, incarnation }));
}

function commitOf(actor: Actor, how: 'ran' | 'adopted', options: ModelOptions): GateEvent {
  const ready =
    options.committerConfirms && actor.mode === 'wait' ? { ready: { at: '', detail: '200' } } : {};
  return { kind: 'commit', token: actor.token ?? 0, from: actor.from, to: actor.to ?? '', how, ...ready };
}

function looksOf(world: World, id: string, options: ModelOptions): Step[] {
  const actor = actorOf(world, id);
  const board = boardOf(world, actor, options);
  const event: GateEvent = { kind: 'look' };
  const steps: Step[] = [];
  const mayLook = options.wakeUp === 'edge' ? actor.isNotified : !actor.isUpToDate;
  if (mayLook) steps.push(...submit(world, id, { event, options }));
  // A holder that ended, or seems to have: found by a timer, whatever the revision.
  const holder = board?.claim && world.actors[board.claim.incarnation.id];
  if (!holder || holder === actor || board?.phase !== 'schema') return steps;
  if (!isAlive(holder)) return [...steps, ...submit(world, id, { event, options, fate: options.evidence })];
  if (world.left.suspicion === 0) return steps;
  const doubted = { ...world, left: { ...world.left, suspicion: world.left.suspicion - 1 } };
  return [...steps, ...submit(doubted, id, { event, options, fate: 'expired' })];
}

function migrate(world: World, id: string, options: ModelOptions): Step[] {
  const actor = actorOf(world, id);
  const { self } = contextOf(id, actor, options, 'held');
  if (self.canProbeSchema && world.schema >= (actor.to ?? ''))
    return submit(world, id, { event: commitOf(actor, 'adopted', options), options });
  const schema = actor.to !== null && actor.to > world.schema ? actor.to : world.schema;
  const steps: Step[] = [
    { label: `${id} migrates`, world: { ...withActor(world, id, { step: 'migrated' }), schema } },
  ];
  if (world.left.failedMigration === 0) return steps;
  const failing = { ...world, left: { ...world.left, failedMigration: world.left.failedMigration - 1 } };
  const event: GateEvent = { kind: 'commit-failed', token: actor.token ?? 0, message: 'exit 1' };
  return [...steps, ...submit(failing, id, { event, options })];
}

function faultsOf(world: World, id: string, options: ModelOptions): Step[] {
  const actor = actorOf(world, id);
  const { left } = world;
  const steps: Step[] = [];
  if (!isAlive(actor)) return steps;
  if (left.crash > 0) {
    const crashed = withActor(world, id, { step: 'dead', pending: null });
    steps.push({ label: `${id} crashes`, world: { ...crashed, left: { ...left, crash: left.crash - 1 } } });
  }
  if (actor.step === 'start' || actor.pending) return steps;
  if (left.deadline > 0 && !actor.isPastDeadline) {
    const late = { ...world, left: { ...left, deadline: left.deadline - 1 } };
    steps.push(...submit(late, id, { event: { kind: 'deadline' }, options, isAtomic: true }));
  }
  if (left.leave > 0 && actor.mode === 'wait' && actor.step !== 'migrate' && actor.step !== 'migrated') {
    const leaving = { ...world, left: { ...left, leave: left.leave - 1 } };
    const event: GateEvent = { kind: 'leave', reason: 'cancelled', rolledBack: false, migrationEnded: true };
    steps.push(...submit(leaving, id, { event, options, isAtomic: true }));
  }
  return steps;
}

function rerunsOf(world: World, { id, actor }: { id: string; actor: Actor }, options: ModelOptions): Step[] {
  if (world.left.rerun === 0) return [];
  const next = `${actor.member}${actor.attempt + 1}`;
  if (world.actors[next] || (isAlive(actor) && !options.orphans)) return [];
  const left = { ...world.left, rerun: world.left.rerun - 1 };
  return options.rerunSchemas.map((schema) => ({
    label: `${id} is run again with ${schema}`,
    world: {
      ...world,
      left,
      actors: {
        ...world.actors,
        [next]: newActor(actor.member, actor.attempt + 1, { mode: actor.mode, schema }),
      },
    },
  }));
}

interface Submission {
  event: GateEvent;
  options: ModelOptions;
  fate?: HolderFate;
  isAtomic?: boolean;
}

/** Read, reduce, and (unless the environment splits them) write. */
export function submit(world: World, id: string, submission: Submission): Step[] {
  const { event, options, fate = 'held' } = submission;
  const actor = actorOf(world, id);
  const board = boardOf(world, actor, options);
  const { doc, verdict } = options.reduce(board, event, contextOf(id, actor, options, fate));
  const label = `${id} ${event.kind}${fate === 'held' ? '' : ` (holder ${fate})`} → ${verdict.kind}`;
  // Deciding to wait and waiting are two moments as well.
  const isTwoSteps = doc !== null && (doc !== board || event.kind === 'look');
  if (options.writes !== 'atomic' && !submission.isAtomic && isTwoSteps)
    return [
      {
        label: `${label}, not yet written`,
        world: withActor(world, id, { pending: { doc, verdict, event, base: board } }),
      },
    ];
  const outcome = { id, event, verdict, doc, fate };
  return [{ label, actor: id, event, verdict, fate, world: applyOutcome(world, outcome, options) }];
}

function finishWrite(world: World, id: string, options: ModelOptions): Step {
  const actor = actorOf(world, id);
  const { pending } = actor;
  if (!pending) throw new Error('nothing to write');
  const board = boardOf(world, actor, options);
  const takesClaim = pending.doc.claim !== null && pending.doc.claim.token !== pending.base?.claim?.token;
  const isBlind = options.writes === 'blind-claim' && takesClaim;
  const free = withActor(world, id, { pending: null });
  if (pending.doc === pending.base) {
    const { event, verdict } = pending;
    const waited = applyOutcome(free, { id, event, verdict, doc: board, fate: 'held' }, options);
    const isUpToDate = board === pending.base;
    return { label: `${id} goes on: ${verdict.kind}`, world: withActor(waited, id, { isUpToDate }) };
  }
  if (board !== pending.base && !isBlind) return { label: `${id} loses the race`, world: unread(free, id) };
  const { doc, event, verdict } = pending;
  const world2 = applyOutcome(free, { id, event, verdict, doc, fate: 'held' }, options);
  return { label: `${id} writes ${event.kind} → ${verdict.kind}`, actor: id, event, verdict, world: world2 };
}

interface Outcome {
  id: string;
  event: GateEvent;
  verdict: GateVerdict;
  doc: GateDoc | null;
  fate: HolderFate;
}

function applyOutcome(world: World, outcome: Outcome, options: ModelOptions): World {
  const { id, event, verdict, doc, fate } = outcome;
  const actor = actorOf(world, id);
  const board = boardOf(world, actor, options);
  const isWritten = doc !== null && doc !== board;
  const key = options.boardKey(actor.attempt);
  const tookOver =
    fate !== 'held' || supersededHolder(board, doc)
      ? [board?.claim?.token].filter((t) => t !== doc?.claim?.token)
      : [];
  const others = Object.entries(world.actors).map(([each, other]): [string, Actor] =>
    isWritten && each !== id && options.boardKey(other.attempt) === key
      ? [each, { ...other, isUpToDate: false, isNotified: other.isNotified || other.step === 'idle' }]
      : [each, other],
  );
  return {
    ...world,
    boards: isWritten ? { ...world.boards, [key]: doc } : world.boards,
    actors: { ...Object.fromEntries(others), [id]: follow(actor, { event, verdict }) },
    replaced: [...world.replaced, ...tookOver.filter((token) => token !== undefined)],
    writes: options.countWrites && isWritten ? world.writes + 1 : world.writes,
  };
}

function supersededHolder(before: GateDoc | null, after: GateDoc | null): boolean {
  if (!before?.claim || !after) return false;
  const record = after.members[before.claim.member];
  return record !== undefined && !isSameIncarnation(record.incarnation, before.claim.incarnation);
}

function confirms(event: GateEvent): boolean {
  return event.kind === 'api-ready' || (event.kind === 'commit' && event.ready !== undefined);
}

/** What a process does with a verdict. */
function follow(actor: Actor, { event, verdict }: { event: GateEvent; verdict: GateVerdict }): Actor {
  const isRefused = verdict.kind === 'failed';
  const next: Actor = {
    ...actor,
    epoch: verdict.epoch,
    isUpToDate: verdict.kind !== 'fenced',
    isNotified: verdict.kind === 'fenced',
    announcedIn: event.kind === 'announce' && !isRefused ? verdict.epoch : actor.announcedIn,
    confirmedIn: confirms(event) ? verdict.epoch : actor.confirmedIn,
  };
  if (event.kind === 'leave') return { ...next, step: 'done', outcome: 'left', token: null };
  // Whoever migrates sees it through, and records it, before it ends.
  const isBusy = actor.step === 'migrate' || actor.step === 'migrated';
  if (event.kind === 'deadline' && isBusy) return { ...actor, isPastDeadline: true };
  if (actor.isPastDeadline && isBusy) return { ...next, step: 'done', outcome: 'timeout', token: null };
  switch (verdict.kind) {
    case 'open':
    case 'announced':
      return { ...next, step: 'done', outcome: verdict.kind, token: null };
    case 'failed':
      return { ...next, step: 'done', outcome: verdict.failure.code, token: null };
    case 'announce':
      return { ...next, step: 'start' };
    case 'migrate':
      return { ...next, step: 'migrate', token: verdict.token, from: verdict.from, to: verdict.to };
    case 'probe-schema':
      return { ...next, step: 'probe', to: verdict.to };
    case 'confirm':
      return { ...next, step: 'confirm', token: null };
    case 'wait':
    case 'fenced':
      return { ...next, step: 'idle', token: null };
  }
}

function unread(world: World, id: string): World {
  return withActor(world, id, { isUpToDate: false });
}
