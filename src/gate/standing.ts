/**
 * How each member stands on the board, and what the records ask for: pure functions of the document.
 * Invariant: only records of the newest attempt judge each other; an older one that does not fit is waited for, never called
 * behind (LXD #15313: after downgrading all members each was still held against the others' old numbers).
 */
import type { CommitterKind, GateDoc, MemberRecord, Versions } from './contract.ts';
import type { GateConfig, GateSelf } from './event.ts';
import { compareRanks, isSameIncarnation, newestRank, type Rank } from './incarnation.ts';
import { compareSchema, compareVersions, targetOf, type VersionDifference } from './versions.ts';

/**
 * present: counts · missing: no record · stale: to be replaced by its re-run · downgrade: below the schema floor.
 * Where several apply: missing, left, downgrade, stale, diverged, behind.
 */
export type Standing = 'present' | 'missing' | 'left' | 'downgrade' | 'stale' | 'behind' | 'diverged';

/** How the gate compares versions. */
export type Rules = Pick<GateConfig, 'requireApi' | 'versionScheme'>;

/** All standings of one document, worked out once. */
export type Survey = ReadonlyMap<string, Standing>;

/** The standing of every expected member. */
export function surveyBoard(doc: GateDoc, rules: Rules): Survey {
  const judging = judgingRecords(doc, rules);
  const newest = newestRank(judging.map((each) => each.incarnation));
  return new Map(doc.expected.map((name) => [name, standingOf(doc, name, { rules, newest })]));
}

/** The record of a member, if it has one. Names come from outside: `constructor` is one like any other. */
export function recordOf(doc: GateDoc, name: string): MemberRecord | undefined {
  return Object.hasOwn(doc.members, name) ? doc.members[name] : undefined;
}

/** The caller's own record, unless a newer incarnation replaced it, it is dropped, or the caller is not a member. */
export function ownRecord(doc: GateDoc, self: GateSelf): MemberRecord | undefined {
  const record = self.mode === 'wait-for' ? undefined : recordOf(doc, self.name);
  return record && isSameIncarnation(record.incarnation, self.incarnation) ? record : undefined;
}

/** The board with the caller's record changed. */
export function withOwnRecord(doc: GateDoc, self: GateSelf, record: MemberRecord): GateDoc {
  return { ...doc, members: { ...doc.members, [self.name]: record } };
}

/** The board with the caller marked as turned away: its process ends now, and must not be counted if others change (R2). */
export function withRefusal(doc: GateDoc, self: GateSelf): GateDoc {
  const record = ownRecord(doc, self);
  const isUndecided = doc.phase === 'announce' || doc.phase === 'schema' || doc.phase === 'api';
  if (!record || record.refused || record.state === 'left' || !isUndecided) return doc;
  return withOwnRecord(doc, self, { ...record, refused: true });
}

function standingOf(
  doc: GateDoc,
  name: string,
  { rules, newest }: { rules: Rules; newest: Rank | null },
): Standing {
  const record = recordOf(doc, name);
  if (!record) return 'missing';
  if (record.state === 'left') return 'left';
  if (doc.phase === 'announce' && isRefusedDowngrade(doc, record, rules)) return 'downgrade';
  const isFit = doc.target !== null && fits(record, doc.target, rules);
  // One that fits may well be alive: only its re-run can mend one that does not.
  const isOlder = newest !== null && compareRanks(record.incarnation, newest) < 0;
  if (isFit) return record.refused ? 'stale' : 'present';
  return isOlder ? 'stale' : relationToOthers(doc, record, rules);
}

/** True where the record's schema lacks something that is committed, and it does not say that this is meant. */
export function isRefusedDowngrade(doc: GateDoc, record: MemberRecord, rules: Rules): boolean {
  if (doc.schemaFloor === null || record.allowDowngrade) return false;
  return isBelow(record.schema, doc.schemaFloor, rules);
}

/** True where `schema` lacks something of `floor`. */
export function isBelow(schema: string, floor: string, rules: Rules): boolean {
  const relation = compareSchema(schema, floor, rules.versionScheme);
  return relation === 'behind' || relation === 'diverged';
}

/** True where a record has what the target asks for: no less, and no more than the rules let pass. */
export function fits(versions: Versions, target: Versions, rules: Rules): boolean {
  return compareVersions(versions, target, rules).relation === 'equal';
}

/** What the records of the newest attempt ask for: the phase `announce` keeps it in `doc.target`. */
export function wantedTarget(doc: GateDoc, rules: Rules): Versions | null {
  const records = judgingRecords(doc, rules);
  const newest = newestRank(records.map((each) => each.incarnation));
  if (newest === null) return doc.target;
  return targetOf(
    records.filter((each) => compareRanks(each.incarnation, newest) === 0),
    rules,
  );
}

/** How a record that does not fit stands to the target and to the others of its rank: `behind` or `diverged`. */
export function relationToOthers(doc: GateDoc, record: MemberRecord, rules: Rules): 'behind' | 'diverged' {
  const rivals: VersionDifference[] = judgingRecords(doc, rules)
    .filter((each) => compareRanks(each.incarnation, record.incarnation) >= 0)
    .map((each) => compareVersions(record, each, rules));
  // From `schema` on the target is frozen and all who agreed on it may have been replaced.
  if (doc.phase !== 'announce' && doc.target) rivals.push(compareVersions(record, doc.target, rules));
  return rivals.some((each) => each.relation === 'diverged') ? 'diverged' : 'behind';
}

/** Those that count towards `api → open`: present, and ready in this epoch. */
export function readyMembers(doc: GateDoc, survey: Survey): string[] {
  return doc.expected.filter((name) => {
    const record = recordOf(doc, name);
    if (!record || survey.get(name) !== 'present') return false;
    return record.state === 'api-ready' || (record.state === 'released' && record.probedIn === doc.epoch);
  });
}

/** True where every expected member is present. */
export function areAllPresent(survey: Survey): boolean {
  return [...survey.values()].every((standing) => standing === 'present');
}

/** Who can take part in the migration, of those present; never whoever holds the claim now. */
export function committersOf(doc: GateDoc, survey: Survey): { name: string; committer: CommitterKind }[] {
  return doc.expected.flatMap((name) => {
    const record = recordOf(doc, name);
    if (!record?.committer || survey.get(name) !== 'present') return [];
    if (doc.claim && isSameIncarnation(doc.claim.incarnation, record.incarnation)) return [];
    return [{ name, committer: record.committer }];
  });
}

/** Who is to blame if the gate fails now, by what the phase still waits for. */
export interface Blame {
  readonly missing: readonly string[];
  readonly behind: readonly string[];
  readonly diverged: readonly string[];
}

/** Names exactly those that had not done what the phase asks for (L2). */
export function blameOf(doc: GateDoc, rules: Rules): Blame {
  const survey = surveyBoard(doc, rules);
  const named = (...wanted: Standing[]) =>
    doc.expected.filter((name) => wanted.includes(survey.get(name) ?? 'missing'));
  const ready = readyMembers(doc, survey);
  const unready = doc.phase === 'api' ? named('present').filter((name) => !ready.includes(name)) : [];
  const awaited = doc.phase === 'schema' ? awaitedCommitters(doc, survey) : [];
  const missing = new Set([...named('missing', 'left', 'stale'), ...awaited, ...unready]);
  return {
    missing: [...missing].sort(),
    behind: named('behind', 'downgrade'),
    diverged: named('diverged'),
  };
}

function awaitedCommitters(doc: GateDoc, survey: Survey): string[] {
  return doc.claim ? [doc.claim.member] : committersOf(doc, survey).map(({ name }) => name);
}

// Whoever left or was refused is no measure for others.
function judgingRecords(doc: GateDoc, rules: Rules): MemberRecord[] {
  return Object.values(doc.members).filter(
    (record) =>
      record.state !== 'left' && !(doc.phase === 'announce' && isRefusedDowngrade(doc, record, rules)),
  );
}
