/**
 * What the board means for one caller: a pure look that writes nothing. Level, not edge: whatever a caller missed, the board
 * as it is now tells it what to do, also where the gate has gone on to a later epoch meanwhile.
 */
import type { GateDoc, GateFailure, MemberRecord } from './contract.ts';
import { createFailure, endOfEpoch } from './epoch.ts';
import type { GateVerdict, ReduceContext } from './event.ts';
import { compareRanks, isSameIncarnation } from './incarnation.ts';
import { findRefusal, findWaitForRefusal } from './refusal.ts';
import { shouldProbeSchema } from './settle.ts';
import { recordOf } from './standing.ts';
import { compareVersions } from './versions.ts';

/** The caller's verdict on a settled board. */
export function verdictOf(doc: GateDoc, ctx: ReduceContext): GateVerdict {
  return ctx.self.mode === 'wait-for' ? verdictForWaiter(doc, ctx) : verdictForMember(doc, ctx);
}

/** A verdict that turns only this caller away. */
export function refuse(failure: GateFailure): GateVerdict {
  return { kind: 'failed', epoch: failure.epoch, failure, shared: false };
}

/** The verdict of an incarnation that was replaced. */
export function superseded(doc: GateDoc, record: MemberRecord, ctx: ReduceContext): GateVerdict {
  const { run, attempt } = record.incarnation;
  const message = `${ctx.self.name} has announced itself again (run ${run}, attempt ${attempt}); that one counts`;
  return refuse(createFailure(doc, { code: 'superseded', message }, ctx));
}

function verdictForMember(doc: GateDoc, ctx: ReduceContext): GateVerdict {
  const { self } = ctx;
  const record = recordOf(doc, self.name);
  const isOwn = record !== undefined && isSameIncarnation(record.incarnation, self.incarnation);
  // 1. Epochs that ended without this caller noticing: theirs is the answer (R7: open stays open for those of it).
  if (ctx.epoch !== null && ctx.epoch < doc.epoch && !(isOwn && self.mode === 'announce'))
    return fromEarlierEpoch(doc, ctx.epoch, ctx);
  if (!record) return { kind: 'announce', epoch: doc.epoch };
  if (!isOwn) {
    const isOlder = compareRanks(record.incarnation, self.incarnation) < 0;
    return isOlder ? { kind: 'announce', epoch: doc.epoch } : superseded(doc, record, ctx);
  }
  // 2. A failure is everybody's; nobody that was counted is refused once the gate is open.
  if (doc.phase === 'failed' && doc.failure && self.mode !== 'announce')
    return sharedFailure(doc, doc.failure);
  if (doc.phase === 'open' && record.state === 'api-ready') return opened(doc, ctx);
  const refusal = findRefusal(doc, record, ctx);
  if (refusal) return refuse(refusal);
  if (self.mode === 'announce') return { kind: 'announced', epoch: doc.epoch };
  // 3. The phase says what is next.
  if (doc.phase === 'schema') return inSchema(doc, ctx);
  if ((doc.phase === 'api' || doc.phase === 'open') && record.state === 'announced')
    return {
      kind: 'confirm',
      epoch: doc.epoch,
      members: [{ name: self.name, incarnation: self.incarnation }],
    };
  return { kind: 'wait', epoch: doc.epoch, phase: doc.phase };
}

function verdictForWaiter(doc: GateDoc, ctx: ReduceContext): GateVerdict {
  if (ctx.epoch !== null && ctx.epoch < doc.epoch) return fromEarlierEpoch(doc, ctx.epoch, ctx);
  if (doc.phase === 'failed' && doc.failure && (ctx.epoch === null || ctx.epoch === doc.epoch))
    return sharedFailure(doc, doc.failure);
  const isFrozen = doc.phase !== 'announce' && doc.phase !== 'failed' && doc.target !== null;
  if (isFrozen && doc.target) {
    const { relation } = compareVersions(ctx.self.versions, doc.target, ctx.config);
    // An older upgrade: the one this job waits for comes in a later epoch.
    if (relation === 'ahead' && ctx.scope === 'environment')
      return { kind: 'wait', epoch: doc.epoch + 1, phase: doc.phase };
    const refusal = findWaitForRefusal(doc, relation, ctx);
    if (refusal) return refuse(refusal);
  }
  if (doc.phase === 'open') return opened(doc, ctx);
  if (doc.phase === 'schema') return inSchema(doc, ctx);
  const released = Object.entries(doc.members)
    .filter(([, record]) => record.state === 'released' && record.probedIn !== doc.epoch)
    .map(([name, { incarnation }]) => ({ name, incarnation }));
  if (doc.phase === 'api' && released.length > 0)
    return { kind: 'confirm', epoch: doc.epoch, members: released };
  return { kind: 'wait', epoch: doc.epoch, phase: doc.phase };
}

function inSchema(doc: GateDoc, ctx: ReduceContext): GateVerdict {
  const { claim, epoch, target } = doc;
  if (claim && target && isSameIncarnation(claim.incarnation, ctx.self.incarnation))
    return { kind: 'migrate', epoch, token: claim.token, from: doc.schemaFloor, to: target.schema };
  if (target && shouldProbeSchema(doc, ctx)) return { kind: 'probe-schema', epoch, to: target.schema };
  return { kind: 'wait', epoch, phase: doc.phase };
}

function fromEarlierEpoch(doc: GateDoc, epoch: number, ctx: ReduceContext): GateVerdict {
  const end = endOfEpoch(doc, epoch, ctx);
  if (end === 'open') return { kind: 'open', epoch, committed: hasCommitted(doc, ctx) };
  return { kind: 'failed', epoch, failure: end, shared: true };
}

function sharedFailure(doc: GateDoc, failure: GateFailure): GateVerdict {
  return { kind: 'failed', epoch: doc.epoch, failure, shared: true };
}

function opened(doc: GateDoc, ctx: ReduceContext): GateVerdict {
  return { kind: 'open', epoch: doc.epoch, committed: hasCommitted(doc, ctx) };
}

function hasCommitted(doc: GateDoc, { self }: ReduceContext): boolean {
  return doc.commits.some((commit) => isSameIncarnation(commit.incarnation, self.incarnation));
}
