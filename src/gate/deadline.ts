/**
 * R9: one waiter's time is up. Pure. It fails the gate for all, so that nobody waits for one who has gone; but an open gate
 * stays open (R7), and a caller that the gate no longer counts on ends alone.
 */
import { deepFreeze } from '../base/codec.ts';
import { formatDuration } from '../base/duration.ts';
import type { GateDoc } from './contract.ts';
import { createBoard, createFailure, type FailureCause, failGate } from './epoch.ts';
import type { GateEvent, GateVerdict, ReduceContext, Reduction } from './event.ts';
import { observe } from './member-events.ts';
import { settle } from './settle.ts';
import { type Blame, blameOf, surveyBoard, withRefusal } from './standing.ts';
import { refuse, verdictOf } from './verdict.ts';

/** The caller's deadline, on the board as just read. Always ends with `open`, `announced` or `failed`. */
export function meetDeadline(
  found: GateDoc,
  event: Extract<GateEvent, { kind: 'deadline' }>,
  ctx: ReduceContext,
): Reduction {
  // 1. What was true before the deadline holds: the last readiness may be the caller's own to write.
  const settled = deepFreeze(settle(found, ctx));
  if (settled.phase === 'open' || settled.phase === 'failed') {
    const verdict = verdictOf(settled, ctx);
    if (isFinal(verdict)) return { doc: settled, verdict };
    return { doc: found, verdict: refuse(timeoutOf(found, ctx)) };
  }
  const verdict = verdictOf(found, ctx);
  if (isFinal(verdict)) return { doc: endAlone(found, verdict, ctx), verdict };

  // 2. Who is not counted now must not fail it for those who are.
  if (!isCounted(found, ctx)) {
    const alone = refuse(timeoutOf(found, ctx));
    return { doc: endAlone(found, alone, ctx), verdict: alone };
  }
  const observed = event.observed ? observe(found, event.observed, ctx) : found;
  const doc = deepFreeze(failGate(observed, timeoutCause(observed, ctx), ctx));
  return { doc, verdict: verdictOf(doc, ctx) };
}

/** The verdict where there is no board: it was never made, or somebody removed it. */
export function withoutBoard(event: GateEvent, ctx: ReduceContext): GateVerdict {
  if (event.kind === 'deadline') return refuse(timeoutOf(createBoard(ctx), ctx));
  return ctx.self.mode === 'wait-for'
    ? { kind: 'wait', epoch: ctx.epoch ?? 1, phase: 'announce' }
    : { kind: 'announce', epoch: 1 };
}

function endAlone(doc: GateDoc, verdict: GateVerdict, { self }: ReduceContext): GateDoc {
  return verdict.kind === 'failed' && !verdict.shared ? deepFreeze(withRefusal(doc, self)) : doc;
}

function isFinal(verdict: GateVerdict): boolean {
  return verdict.kind === 'open' || verdict.kind === 'failed' || verdict.kind === 'announced';
}

function isCounted(doc: GateDoc, ctx: ReduceContext): boolean {
  if (ctx.self.mode === 'wait-for') return ctx.epoch === doc.epoch;
  return surveyBoard(doc, ctx.config).get(ctx.self.name) === 'present';
}

function timeoutOf(doc: GateDoc, ctx: ReduceContext) {
  return createFailure(doc, timeoutCause(doc, ctx), ctx);
}

function timeoutCause(doc: GateDoc, ctx: ReduceContext): FailureCause {
  const blame = blameOf(doc, ctx.config);
  const message = `${ctx.self.name} waited ${formatDuration(ctx.self.timeoutMs)}; ${describeWait(doc, blame)}`;
  return { code: 'timeout', message, blame };
}

function describeWait(doc: GateDoc, { missing, behind, diverged }: Blame): string {
  if (doc.phase === 'open') return 'the gate is open, but its own API was never ready';
  const lists = [
    ['missing', missing],
    ['behind', behind],
    ['diverged', diverged],
  ] as const;
  const named = lists
    .filter(([, names]) => names.length > 0)
    .map(([word, names]) => `${word}: ${names.join(', ')}`);
  const who = named.length > 0 ? named.join('; ') : 'nobody in particular';
  switch (doc.phase) {
    case 'schema':
      return doc.claim
        ? `${doc.claim.member} holds the right to migrate and has not committed`
        : `nobody has migrated the schema; ${who}`;
    case 'api':
      return `the schema is committed, but not every API is ready; ${who}`;
    case 'announce':
    case 'failed':
      return who;
  }
}
