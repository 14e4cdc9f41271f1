/**
 * What follows by itself from what the board says: R2 (all present), R3 (claim, takeover, adoption) and the opening. Whoever
 * writes last performs the transition and all that follow in the same write, so nobody has to notice first.
 * Invariant: the phase moves on only here, in `epoch.ts`, and by a commit; each guard reads the document alone.
 */
import { type GateCommit, type GateDoc, MAX_COMMITS } from './contract.ts';
import { failGate, openGate } from './epoch.ts';
import type { HolderFate, ReduceContext } from './event.ts';
import { compareRanks, isSameIncarnation } from './incarnation.ts';
import {
  areAllPresent,
  committersOf,
  fits,
  readyMembers,
  recordOf,
  type Survey,
  surveyBoard,
  wantedTarget,
} from './standing.ts';
import { highestSchema, reaches } from './versions.ts';

/** Applies every transition whose guard holds; returns `doc` itself where none does. */
export function settle(doc: GateDoc, ctx: ReduceContext): GateDoc {
  const targeted = doc.phase === 'announce' ? withTarget(doc, ctx) : doc;
  const announced = targeted.phase === 'announce' ? leaveAnnounce(targeted, ctx) : targeted;
  const committed = announced.phase === 'schema' ? advanceSchema(announced, ctx) : announced;
  return committed.phase === 'api' || committed.phase === 'open' ? confirmAndOpen(committed, ctx) : committed;
}

/** Whether the holder of the claim may be replaced. A re-run that its member announced proves that the old one is gone. */
export function fateOf(doc: GateDoc, ctx: ReduceContext): HolderFate | 'none' {
  const { claim } = doc;
  if (claim === null) return 'none';
  if (isSameIncarnation(claim.incarnation, ctx.self.incarnation)) return 'held';
  const record = recordOf(doc, claim.member);
  const successor = record && !isSameIncarnation(record.incarnation, claim.incarnation) && record.incarnation;
  if (successor && successor.run === claim.incarnation.run && compareRanks(successor, claim.incarnation) > 0)
    return 'dead';
  return ctx.judgeHolder(claim);
}

/** Where this caller stands towards the migration when it cannot run it. */
export function shouldProbeSchema(doc: GateDoc, ctx: ReduceContext): boolean {
  if (doc.phase !== 'schema' || ctx.self.canMigrate || !ctx.self.canProbeSchema) return false;
  const survey = surveyBoard(doc, ctx.config);
  if (!mayTakePart(doc, survey, ctx) || fateOf(doc, ctx) === 'held') return false;
  // Whoever can also migrate goes first: a probe alone would never bring the schema about.
  return committersOf(doc, survey).every(({ committer }) => committer === 'probe');
}

/** Records a commit: a fact about the world, whatever the phase. The caller settles. */
export function recordCommit(
  doc: GateDoc,
  commit: Pick<GateCommit, 'token' | 'from' | 'to' | 'how'>,
  ctx: ReduceContext,
): GateDoc {
  const { self, config } = ctx;
  const full = { ...commit, member: self.name, incarnation: self.incarnation, at: ctx.at };
  const schemas = doc.schemaFloor === null ? [commit.to] : [doc.schemaFloor, commit.to];
  return {
    ...doc,
    commits: [...doc.commits, full].slice(-MAX_COMMITS),
    schemaFloor: highestSchema(schemas, config.versionScheme),
    lastToken: Math.max(doc.lastToken, commit.token),
    claim: null,
  };
}

function withTarget(doc: GateDoc, { config }: ReduceContext): GateDoc {
  const target = wantedTarget(doc, config);
  return JSON.stringify(target) === JSON.stringify(doc.target) ? doc : { ...doc, target };
}

function leaveAnnounce(doc: GateDoc, ctx: ReduceContext): GateDoc {
  const { config } = ctx;
  if (doc.target === null || !areAllPresent(surveyBoard(doc, config))) return doc;
  const isThere = reaches(doc.schemaFloor, doc.target.schema, config.versionScheme);
  return isThere ? { ...adoptFromDead(doc, ctx), phase: 'api' } : { ...doc, phase: 'schema' };
}

function advanceSchema(doc: GateDoc, ctx: ReduceContext): GateDoc {
  const { target } = doc;
  if (target === null) return doc;
  if (reaches(doc.schemaFloor, target.schema, ctx.config.versionScheme))
    return { ...adoptFromDead(doc, ctx), phase: 'api' };
  const survey = surveyBoard(doc, ctx.config);
  if (!mayTakePart(doc, survey, ctx)) return doc;
  const fate = fateOf(doc, ctx);
  if (fate === 'held') return doc;
  const others = committersOf(doc, survey).filter(({ name }) => name !== ctx.self.name);
  if (ctx.self.canMigrate) {
    if (fate !== 'expired' || ctx.self.canProbeSchema) return takeClaim(doc, ctx);
    // Suspicion alone must not run a migration twice; whoever can probe first may.
    return others.some(({ committer }) => committer !== 'migrate') ? doc : failCommitterLost(doc, ctx);
  }
  if (ctx.self.canProbeSchema || others.length > 0) return doc;
  // A released member's board waits for the wait-for job, which may bring the means to migrate.
  const mayComeLater = Object.values(doc.members).some((record) => record.state === 'released');
  if (mayComeLater && ctx.self.mode !== 'wait-for') return doc;
  if (fate !== 'none') return failCommitterLost(doc, ctx);
  const commit = {
    token: doc.lastToken + 1,
    from: doc.schemaFloor,
    to: target.schema,
    how: 'adopted' as const,
  };
  return { ...recordCommit(doc, commit, ctx), phase: 'api' };
}

/** The world has what a holder was to bring about, who died between its migration and the record of it. */
function adoptFromDead(doc: GateDoc, ctx: ReduceContext): GateDoc {
  const { target, commits } = doc;
  const isOver = doc.claim !== null && fateOf(doc, ctx) !== 'held';
  if (target === null || !isOver || !mayTakePart(doc, surveyBoard(doc, ctx.config), ctx)) return doc;
  if (commits.some(({ to }) => to === target.schema)) return doc;
  const from = commits.at(-1)?.to ?? null;
  return recordCommit(doc, { token: doc.lastToken + 1, from, to: target.schema, how: 'adopted' }, ctx);
}

function takeClaim(doc: GateDoc, { self, at }: ReduceContext): GateDoc {
  const token = doc.lastToken + 1;
  const { name: member, incarnation, leaseMs } = self;
  return { ...doc, claim: { member, incarnation, token, beat: 0, leaseMs, since: at }, lastToken: token };
}

function failCommitterLost(doc: GateDoc, ctx: ReduceContext): GateDoc {
  const holder = doc.claim?.member ?? 'nobody';
  const message =
    `${holder} held the right to migrate and stopped answering; ` +
    'without a schema probe nobody can tell how far it came, and a migration must not run twice';
  return failGate(doc, { code: 'committer-lost', message }, ctx);
}

function confirmAndOpen(doc: GateDoc, ctx: ReduceContext): GateDoc {
  const survey = surveyBoard(doc, ctx.config);
  const confirmed = mayTakePart(doc, survey, ctx) && !ctx.self.canProbeApi ? confirmOwn(doc, ctx) : doc;
  if (confirmed.phase === 'open') return confirmed;
  const ready = readyMembers(confirmed, surveyBoard(confirmed, ctx.config));
  return ready.length === doc.expected.length ? openGate(confirmed, ctx.at) : confirmed;
}

/** Marks the caller's own record ready where it waits to be. */
function confirmOwn(doc: GateDoc, { self, at }: ReduceContext): GateDoc {
  const record = recordOf(doc, self.name);
  if (self.mode !== 'wait' || record?.state !== 'announced') return doc;
  const ready = { ...record, state: 'api-ready' as const, readyAt: at };
  return { ...doc, members: { ...doc.members, [self.name]: ready } };
}

// A caller that was replaced, left or does not fit changes nothing (S5); a job that released its member must not migrate.
function mayTakePart(doc: GateDoc, survey: Survey, { self, config, epoch }: ReduceContext): boolean {
  if (epoch !== null && epoch !== doc.epoch) return false;
  if (self.mode === 'wait-for') return doc.target !== null && fits(self.versions, doc.target, config);
  const record = recordOf(doc, self.name);
  const isOwn = record !== undefined && isSameIncarnation(record.incarnation, self.incarnation);
  return isOwn && self.mode === 'wait' && survey.get(self.name) === 'present';
}
