/**
 * Why one caller cannot pass although the gate may: behind, diverged, below the schema floor, another version
 * than the run's. Pure. A refusal is told to the caller alone; the gate goes on waiting for its re-run.
 */
import type { GateDoc, GateFailure, GateFailureCode, MemberRecord, Versions } from './contract.ts';
import { createFailure } from './epoch.ts';
import type { ReduceContext } from './event.ts';
import { blameOf, isBelow, relationToOthers, surveyBoard } from './standing.ts';
import { compareVersions, type Relation } from './versions.ts';

/** What a record left with that may not come in at all: found again when its incarnation looks. */
export const MISMATCH_REASON = 'config-mismatch';

/** The refusal of the caller's own record as the board stands, or null. */
export function findRefusal(doc: GateDoc, record: MemberRecord, ctx: ReduceContext): GateFailure | null {
  const { config, self } = ctx;
  const standing = surveyBoard(doc, config).get(self.name) ?? 'missing';
  const isFrozen = doc.phase !== 'announce';
  // Told once, it stays told: its process has ended or is about to.
  if (record.refused && standing === 'stale') return refusal(doc, 'behind', ctx);
  switch (standing) {
    case 'present':
    case 'missing':
      return null;
    case 'left':
      return record.reason === MISMATCH_REASON
        ? refusal(doc, 'config-mismatch', ctx)
        : refusal(doc, 'member-left', ctx);
    case 'downgrade':
      return refusal(doc, 'schema-downgrade', ctx);
    case 'stale':
      return findOvertaken(doc, record, ctx);
    case 'behind':
    case 'diverged': {
      const { schemaFloor } = doc;
      const isDowngrade =
        isFrozen &&
        schemaFloor !== null &&
        !record.allowDowngrade &&
        isBelow(record.schema, schemaFloor, config);
      return refusal(doc, isDowngrade ? 'schema-downgrade' : standing, ctx);
    }
  }
}

/** The refusal of a `wait-for` job whose own versions relate so to the frozen target, or null. */
export function findWaitForRefusal(doc: GateDoc, relation: Relation, ctx: ReduceContext): GateFailure | null {
  switch (relation) {
    case 'equal':
      return null;
    case 'ahead':
      // All who announced lack what this job was told to wait for.
      return createFailure(
        doc,
        {
          code: 'behind',
          message: `the members agreed on ${describe(doc.target)}, this job asks for ${describe(ctx.self.versions)}`,
          blame: { missing: [], behind: doc.expected, diverged: [] },
        },
        ctx,
      );
    case 'behind':
    case 'diverged': {
      const { schemaFloor } = doc;
      const { self, config } = ctx;
      const isDowngrade =
        schemaFloor !== null && !self.allowDowngrade && isBelow(self.versions.schema, schemaFloor, config);
      return refusal(doc, isDowngrade ? 'schema-downgrade' : relation, ctx);
    }
  }
}

/** The codes that can turn a single caller away. */
type RefusalCode = Extract<
  GateFailureCode,
  'behind' | 'diverged' | 'schema-downgrade' | 'config-mismatch' | 'member-left'
>;

/** A refusal of the caller with the lists and a sentence that says what to do. */
function refusal(doc: GateDoc, code: RefusalCode, ctx: ReduceContext): GateFailure {
  const { name } = ctx.self;
  const blame = blameOf(doc, ctx.config);
  const others = (names: readonly string[]) => names.filter((each) => each !== name);
  const isBehind = code === 'behind' || code === 'schema-downgrade';
  return createFailure(
    doc,
    {
      code,
      message: explain(doc, code, ctx),
      blame: {
        missing: others(blame.missing),
        behind: isBehind ? [...others(blame.behind), name].sort() : others(blame.behind),
        diverged: code === 'diverged' ? [...others(blame.diverged), name].sort() : others(blame.diverged),
      },
    },
    ctx,
  );
}

// A live waiter whom a newer attempt overtook fails at once; one that is ahead of it may still see that attempt mended.
function findOvertaken(doc: GateDoc, record: MemberRecord, ctx: ReduceContext): GateFailure | null {
  if (doc.target === null) return null;
  const { relation } = compareVersions(record, doc.target, ctx.config);
  return relation === 'ahead' ? null : refusal(doc, relationToOthers(doc, record, ctx.config), ctx);
}

function explain(doc: GateDoc, code: RefusalCode, ctx: ReduceContext): string {
  const { name, versions } = ctx.self;
  const own = `${name} has ${describe(versions)}`;
  const difference = doc.target && compareVersions(versions, doc.target, ctx.config);
  const lists = difference ? listDifference(difference.missing, difference.extra) : '';
  switch (code) {
    case 'behind':
      return `${own}, the others have ${describe(doc.target)}${lists}; deploy the newer version and run this job again`;
    case 'diverged':
      return `${own}, the others ${describe(doc.target)}${lists}; neither contains the other: build all from one commit`;
    case 'schema-downgrade':
      return `${own}, but schema ${doc.schemaFloor} is committed already; deploy at least that, or say allow-downgrade if this is meant`;
    case 'config-mismatch':
      return `${own}, but this run's gate agreed on ${describe(doc.target)}; a new version needs a new run`;
    case 'member-left':
      return `${own} and has left the gate`;
  }
}

/** A version in words. */
export function describe(versions: Versions | null): string {
  if (!versions) return 'no version yet';
  return `schema ${versions.schema}${versions.api.length > 0 ? `, api ${versions.api.join(' ')}` : ', no api'}`;
}

/** `; misses a b; has extra c`, or nothing. */
export function listDifference(missing: readonly string[], extra: readonly string[]): string {
  const misses = missing.length > 0 ? `; misses api ${missing.join(' ')}` : '';
  return `${misses}${extra.length > 0 ? `; has api ${extra.join(' ')} that others lack` : ''}`;
}
