// The eight wrong designs of the specification, as reducers wrapped around the real one or as environments that differ from
// the real one. Nothing in the product knows about them.
import type { GateDoc } from '../../src/gate/contract.ts';
import type { GateEvent, ReduceContext, Reduction } from '../../src/gate/event.ts';
import { reduce } from '../../src/gate/reduce.ts';
import { DEFAULTS, type ModelOptions, NO_FAULTS } from './gate-model.ts';

export interface Mutant {
  readonly name: string;
  readonly options: ModelOptions;
  /** The invariant that must name it. */
  readonly violates: RegExp;
}

// The one that completes the announcements cannot migrate, so the other two reach for the claim at once.
const TWO_COMMITTERS: ModelOptions['members'] = {
  ...DEFAULTS.members,
  c: { committer: 'none', mode: 'wait', schema: '42' },
};

// Whoever says "committed" is believed, whatever its token.
function withoutFencing(doc: GateDoc | null, event: GateEvent, ctx: ReduceContext): Reduction {
  if (event.kind !== 'commit' || doc === null) return reduce(doc, event, ctx);
  const { member, incarnation } = { member: ctx.self.name, incarnation: ctx.self.incarnation };
  const claim = { member, incarnation, token: event.token, beat: 0, leaseMs: 60_000, since: ctx.at };
  return reduce({ ...doc, claim }, event, ctx);
}

// A claim belongs to nobody that can be seen to die.
function withoutExpiry(doc: GateDoc | null, event: GateEvent, ctx: ReduceContext): Reduction {
  const judge: ReduceContext = { ...ctx, judgeHolder: () => 'held' };
  const claim = doc?.claim;
  if (!doc || !claim || claim.incarnation.id === ctx.self.incarnation.id) return reduce(doc, event, judge);
  const hidden: GateDoc = { ...doc, claim: { ...claim, member: 'nobody' } };
  const { doc: next, verdict } = reduce(hidden, event, judge);
  if (next === hidden) return { doc, verdict };
  const isKept = next?.claim?.token === claim.token;
  return { doc: next && isKept ? { ...next, claim } : next, verdict };
}

// A re-run after open starts everything over.
function announcingAgain(doc: GateDoc | null, event: GateEvent, ctx: ReduceContext): Reduction {
  if (doc?.phase !== 'open' || event.kind !== 'announce') return reduce(doc, event, ctx);
  const again: GateDoc = { ...doc, epoch: doc.epoch + 1, phase: 'announce', members: {}, target: null };
  return reduce(again, event, ctx);
}

// The barrier counts calls: the second one of a member fills the place of another that has not come.
function counting(doc: GateDoc | null, event: GateEvent, ctx: ReduceContext): Reduction {
  const { self } = ctx;
  if (event.kind !== 'announce' || !doc || !Object.hasOwn(doc.members, self.name))
    return reduce(doc, event, ctx);
  const place = doc.expected.find((name) => !Object.hasOwn(doc.members, name));
  const record = doc.members[self.name];
  const isRerun = record && record.incarnation.attempt < self.incarnation.attempt;
  if (!place || !isRerun) return reduce(doc, event, ctx);
  return reduce({ ...doc, members: { ...doc.members, [place]: record } }, event, ctx);
}

// Whoever comes to a failed gate arms it again, also within the attempt that failed.
function rearming(doc: GateDoc | null, event: GateEvent, ctx: ReduceContext): Reduction {
  if (doc?.phase !== 'failed' || !doc.failure || event.kind !== 'announce') return reduce(doc, event, ctx);
  return reduce({ ...doc, failure: { ...doc.failure, attempts: {} } }, event, ctx);
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no fencing',
    options: { ...DEFAULTS, reduce: withoutFencing, budget: { ...NO_FAULTS, suspicion: 1 } },
    violates: /^S2: a commit with the stale token/,
  },
  {
    name: 'a claim without compare-and-set',
    options: { ...DEFAULTS, members: TWO_COMMITTERS, writes: 'blind-claim' },
    violates: /^S4: .* which is not the live claim/,
  },
  {
    name: 'a claim without expiry',
    options: { ...DEFAULTS, reduce: withoutExpiry, budget: { ...NO_FAULTS, crash: 1 } },
    violates: /^L3: /,
  },
  {
    name: 'edge notification that can be lost',
    options: { ...DEFAULTS, wakeUp: 'edge', writes: 'split' },
    violates: /^L1: .* sleeps until a timer wakes it/,
  },
  {
    name: 'a board keyed by attempt',
    options: { ...DEFAULTS, boardKey: (attempt) => `attempt ${attempt}` },
    violates: /^L4: /,
  },
  {
    name: 'everybody announcing again after open',
    options: { ...DEFAULTS, reduce: announcingAgain, budget: { ...NO_FAULTS, rerun: 1 } },
    violates: /^(S5: open was undone|L4)/,
  },
  {
    name: 'a counting barrier',
    options: { ...DEFAULTS, reduce: counting, orphans: true, budget: { ...NO_FAULTS, rerun: 1 } },
    violates: /^S6: the gate left announce, but/,
  },
  {
    name: 're-arming within the same attempt',
    options: { ...DEFAULTS, reduce: rearming, budget: { ...NO_FAULTS, deadline: 1 } },
    violates: /^L2: .* waits in epoch 2 for/,
  },
];
