/**
 * What members say of themselves and of each other after announcing: heartbeats, readiness (R6), leaving (R8), members that
 * will not come (R10). Pure.
 * Invariant: only the incarnation on the board changes its record (S5); whoever is not of this epoch changes nothing.
 */
import type { GateDoc, MemberRecord, Observation } from './contract.ts';
import { failGate } from './epoch.ts';
import type { EndedJob, GateEvent, ReadyMember, ReduceContext } from './event.ts';
import { compareRanks, isSameIncarnation } from './incarnation.ts';
import { ownRecord, recordOf, surveyBoard, withOwnRecord } from './standing.ts';

/** A sign of life, of the claim (with its token) or of the caller's record. */
export function beat(doc: GateDoc, { token }: { token?: number }, { self }: ReduceContext): GateDoc {
  if (token !== undefined) {
    const { claim } = doc;
    return claim?.token === token ? { ...doc, claim: { ...claim, beat: claim.beat + 1 } } : doc;
  }
  const record = ownRecord(doc, self);
  return record ? withOwnRecord(doc, self, { ...record, beat: record.beat + 1 }) : doc;
}

/** A probe's answer, for the others to read. */
export function observe(doc: GateDoc, observed: Observation, { self }: ReduceContext): GateDoc {
  const record = ownRecord(doc, self);
  return record ? withOwnRecord(doc, self, { ...record, observed }) : doc;
}

/** R6: marks the caller, or released members that a `wait-for` job asked. Anything out of phase or replaced is ignored. */
export function confirm(doc: GateDoc, ready: readonly ReadyMember[], ctx: ReduceContext): GateDoc {
  if (doc.phase !== 'api' && doc.phase !== 'open') return doc;
  if (ctx.epoch !== null && ctx.epoch !== doc.epoch) return doc;
  const survey = surveyBoard(doc, ctx.config);
  const marked = ready.flatMap((member): [string, MemberRecord][] => {
    const record = recordOf(doc, member.name);
    // The probe asked that very incarnation; a re-run since then has to be asked again.
    if (!record || !isSameIncarnation(record.incarnation, member.incarnation)) return [];
    if (survey.get(member.name) !== 'present') return [];
    const next = markReady(doc, record, { member, ctx });
    return next ? [[member.name, next]] : [];
  });
  return marked.length === 0 ? doc : { ...doc, members: { ...doc.members, ...Object.fromEntries(marked) } };
}

function markReady(
  doc: GateDoc,
  record: MemberRecord,
  { member, ctx }: { member: ReadyMember; ctx: ReduceContext },
): MemberRecord | null {
  const { self, at } = ctx;
  const seen = member.observed ? { observed: member.observed } : {};
  if (self.mode === 'wait-for') {
    if (record.state !== 'released' || record.probedIn === doc.epoch || doc.phase === 'open') return null;
    return { ...record, ...seen, probedIn: doc.epoch, readyAt: at };
  }
  const isOwn = member.name === self.name && isSameIncarnation(record.incarnation, self.incarnation);
  if (!isOwn || record.state !== 'announced') return null;
  return { ...record, ...seen, state: 'api-ready', readyAt: at };
}

/** R8: the caller's job ends early. Once api-ready only the herald is gone; the app is ready, unless it was rolled back. */
export function leave(
  doc: GateDoc,
  event: Extract<GateEvent, { kind: 'leave' }>,
  ctx: ReduceContext,
): GateDoc {
  const freed = event.migrationEnded ? withoutOwnClaim(doc, ctx) : doc;
  const record = ownRecord(freed, ctx.self);
  if (!record || record.state === 'left' || record.state === 'released') return freed;
  const isHerald = record.state === 'api-ready' && !event.rolledBack;
  const isParticipant = surveyBoard(freed, ctx.config).get(ctx.self.name) === 'present';
  const left = withOwnRecord(freed, ctx.self, {
    ...record,
    reason: event.reason,
    state: isHerald ? record.state : 'left',
  });
  const isOver = freed.phase === 'open' || freed.phase === 'failed';
  // Whoever was refused holds nobody up by going: its re-run is waited for anyway.
  if (isHerald || isOver || !isParticipant || ctx.self.onLeave === 'wait') return left;
  const message = `${ctx.self.name} left before it was ready: ${event.reason}`;
  return failGate(left, { code: 'member-left', message }, ctx);
}

/** R10: fails the gate at once when a member's job has ended and it can no longer do its part in this attempt. */
export function reportLost(doc: GateDoc, jobs: readonly EndedJob[], ctx: ReduceContext): GateDoc {
  if (doc.phase === 'open' || doc.phase === 'failed' || !isOfThisEpoch(doc, ctx)) return doc;
  const lost = jobs.filter((job) => doc.expected.includes(job.name) && isLost(doc, job, ctx));
  if (lost.length === 0) return doc;
  const names = lost.map(({ name }) => name).sort();
  const message = lost.map(({ name, detail }) => `${name} will not come: ${detail}`).join('; ');
  return failGate(doc, { code: 'member-lost', message, lost: names }, ctx);
}

function isLost(doc: GateDoc, job: EndedJob, ctx: ReduceContext): boolean {
  const record = recordOf(doc, job.name);
  if (job.isBroken) {
    const isSame = record !== undefined && compareRanks(record.incarnation, job) === 0;
    return isSame && record.state === 'released' && record.probedIn !== doc.epoch;
  }
  // An old job's end says nothing about the re-run that is awaited.
  if (compareRanks(job, ctx.self.incarnation) < 0) return false;
  if (!record || record.state === 'left') return true;
  const age = compareRanks(record.incarnation, job);
  if (age !== 0) return age < 0 && surveyBoard(doc, ctx.config).get(job.name) !== 'present';
  // In `schema` a dead member may be the committer, whom another replaces first (R3); after that it is missed.
  return record.state === 'announced' && doc.phase !== 'schema';
}

function isOfThisEpoch(doc: GateDoc, { self, epoch }: ReduceContext): boolean {
  return self.mode === 'wait-for' ? epoch === doc.epoch : ownRecord(doc, self) !== undefined;
}

function withoutOwnClaim(doc: GateDoc, { self }: ReduceContext): GateDoc {
  const isOwn = doc.claim !== null && isSameIncarnation(doc.claim.incarnation, self.incarnation);
  return isOwn ? { ...doc, claim: null } : doc;
}
