/**
 * The gate's whole decision: (document, event, caller) → (document, verdict). Pure: no I/O, no clock; the same event may be
 * reduced again on a newer document after a lost compare-and-set, and only the result of the write that won counts.
 * Invariant: where nothing is to be written the very same document comes back.
 */
import { deepFreeze } from '../base/codec.ts';
import { announce } from './announce.ts';
import { adopt, commit, failCommit, isRefusedToken } from './commit.ts';
import type { GateDoc } from './contract.ts';
import { meetDeadline, withoutBoard } from './deadline.ts';
import type { GateEvent, ReduceContext, Reduction } from './event.ts';
import { beat, confirm, leave, observe, reportLost } from './member-events.ts';
import { settle } from './settle.ts';
import { withRefusal } from './standing.ts';
import { verdictOf } from './verdict.ts';

/** Applies one event of the caller to the board as just read (null: no board yet). The result is frozen. */
export function reduce(doc: GateDoc | null, event: GateEvent, ctx: ReduceContext): Reduction {
  if (event.kind === 'announce') {
    const announced = announce(doc, event, ctx);
    if ('refused' in announced) return { doc, verdict: announced.refused };
    const joined = { ...ctx, epoch: announced.doc.epoch };
    // A wait-for job alone makes no board: its members come first.
    if (ctx.self.mode === 'wait-for' && doc === null)
      return { doc, verdict: { kind: 'wait', epoch: 1, phase: 'announce' } };
    return conclude(announced.doc, joined);
  }
  if (doc === null) return { doc, verdict: withoutBoard(event, ctx) };
  switch (event.kind) {
    case 'look':
      return conclude(doc, ctx);
    case 'beat':
      return conclude(beat(doc, event, ctx), ctx, isRefusedToken(doc, event.token, ctx));
    case 'commit':
      return conclude(commit(doc, event, ctx), ctx, isRefusedToken(doc, event.token, ctx));
    case 'commit-failed':
      return conclude(failCommit(doc, event, ctx), ctx, isRefusedToken(doc, event.token, ctx));
    case 'adopt':
      return conclude(adopt(doc, event, ctx), ctx);
    case 'api-ready':
      return conclude(confirm(doc, event.ready, ctx), ctx);
    case 'observe':
      return conclude(observe(doc, event.observed, ctx), ctx);
    case 'leave':
      return conclude(leave(doc, event, ctx), ctx);
    case 'deadline':
      return meetDeadline(doc, event, ctx);
    case 'lost':
      return conclude(reportLost(doc, event.jobs, ctx), ctx);
  }
}

// The transitions that follow belong to the same write; the verdict is read off the result.
function conclude(changed: GateDoc, ctx: ReduceContext, isFenced = false): Reduction {
  const doc = settle(changed, ctx);
  if (isFenced) return { doc: deepFreeze(doc), verdict: { kind: 'fenced', epoch: ctx.epoch ?? doc.epoch } };
  const verdict = verdictOf(doc, ctx);
  const isTurnedAway = verdict.kind === 'failed' && !verdict.shared;
  return { doc: deepFreeze(isTurnedAway ? withRefusal(doc, ctx.self) : doc), verdict };
}
