/**
 * R4 and R5 on the board: a commit, a migration that failed, an adoption. Pure.
 * Invariant: the token alone decides, in whatever phase or epoch: a migration that ran is a fact about the world; a token
 * that is no longer the claim's changes nothing (S2).
 */
import type { GateDoc } from './contract.ts';
import { failGate } from './epoch.ts';
import type { GateEvent, ReduceContext } from './event.ts';
import { isSameIncarnation } from './incarnation.ts';
import { confirm } from './member-events.ts';
import { recordCommit, settle, shouldProbeSchema } from './settle.ts';
import { reaches } from './versions.ts';

/** True where the token was overtaken. One's own commit found on the board (its answer was lost) is no refusal. */
export function isRefusedToken(doc: GateDoc, token: number | undefined, { self }: ReduceContext): boolean {
  if (token === undefined || doc.claim?.token === token) return false;
  return !doc.commits.some(
    (commit) => commit.token === token && isSameIncarnation(commit.incarnation, self.incarnation),
  );
}

/** Records the commit; with `ready` the committer confirms its API in the same write. */
export function commit(
  doc: GateDoc,
  event: Extract<GateEvent, { kind: 'commit' }>,
  ctx: ReduceContext,
): GateDoc {
  if (doc.claim?.token !== event.token) return doc;
  const { token, from, to, how, ready } = event;
  const committed = settle(recordCommit(doc, { token, from, to, how }, ctx), ctx);
  if (!ready) return committed;
  const { name, incarnation } = ctx.self;
  return confirm(committed, [{ name, incarnation, observed: ready }], ctx);
}

/** The migration has ended without success: the claim is free, and the gate of this epoch fails. */
export function failCommit(
  doc: GateDoc,
  event: Extract<GateEvent, { kind: 'commit-failed' }>,
  ctx: ReduceContext,
): GateDoc {
  if (doc.claim?.token !== event.token) return doc;
  // A migration begun in an earlier epoch only frees the claim: those of this one may try.
  const isOfThisEpoch = doc.phase === 'schema' && ctx.epoch === doc.epoch;
  const failed = isOfThisEpoch ? failGate(doc, { code: 'commit-failed', message: event.message }, ctx) : doc;
  return { ...failed, claim: null };
}

/** Claims and commits in one write, where a probe alone found the schema in place and nobody else would. */
export function adopt(
  doc: GateDoc,
  event: Extract<GateEvent, { kind: 'adopt' }>,
  ctx: ReduceContext,
): GateDoc {
  const { target } = doc;
  if (target === null || !shouldProbeSchema(doc, ctx)) return doc;
  if (!reaches(event.worldSchema, target.schema, ctx.config.versionScheme)) return doc;
  const { lastToken, schemaFloor: from } = doc;
  return recordCommit(doc, { token: lastToken + 1, from, to: target.schema, how: 'adopted' }, ctx);
}
