/**
 * How one member looks to the others: its state in the contract's words, the word a person reads, what is the matter, what
 * to do. Pure. Invariant: every text that came from outside has passed `plain`.
 */
import { plain } from '../base/text.ts';
import type { GateDoc, GateFailure, Incarnation, MemberRecord } from './contract.ts';
import type { GateConfig } from './event.ts';
import { isSameIncarnation } from './incarnation.ts';
import { describe, listDifference, MISMATCH_REASON } from './refusal.ts';
import { readyMembers, recordOf, type Standing, surveyBoard } from './standing.ts';
import { compareVersions } from './versions.ts';

/** The states of the contract's JSON. */
export type MemberReportState =
  | 'missing'
  | 'announced'
  | 'released'
  | 'api-ready'
  | 'behind'
  | 'diverged'
  | 'lost'
  | 'left'
  | 'superseded';

/** The words a person reads. */
export type MemberLabel = 'READY' | 'WAITING' | 'UPGRADING' | 'MISSING' | 'NEEDS UPGRADE' | 'LOST' | 'LEFT';

/** One member as others see it. Texts are plain, one line each. */
export interface MemberView {
  readonly name: string;
  readonly state: MemberReportState;
  readonly label: MemberLabel;
  readonly schema: string | null;
  readonly api: readonly string[];
  /** Since when, by the member's own wall clock. */
  readonly since: string | null;
  readonly readyAt: string | null;
  /** The job's page. */
  readonly url: string | null;
  /** What is the matter and what the last probe said; empty where all is well. */
  readonly detail: string;
  /** What to do about it; null where nothing. */
  readonly advice: string | null;
}

export interface ViewContext {
  readonly config: Pick<GateConfig, 'requireApi' | 'versionScheme' | 'expected'>;
  /** The failure this caller was told, if any: it names who was lost, also where the board has gone on. */
  readonly failure: GateFailure | null;
  /** The page of an incarnation's job, or null where nobody knows. */
  linkOf(incarnation: Incarnation): string | null;
}

/** All expected members, in the board's order. `doc` null: nobody has come yet. */
export function viewMembers(doc: GateDoc | null, ctx: ViewContext): MemberView[] {
  const survey = doc ? surveyBoard(doc, ctx.config) : null;
  const ready = doc && survey ? new Set(readyMembers(doc, survey)) : new Set<string>();
  return (doc?.expected ?? ctx.config.expected).map((name) =>
    viewMember(name, { doc, standing: survey?.get(name) ?? 'missing', isReady: ready.has(name), ctx }),
  );
}

interface Subject {
  readonly doc: GateDoc | null;
  readonly standing: Standing;
  readonly isReady: boolean;
  readonly ctx: ViewContext;
}

function viewMember(name: string, subject: Subject): MemberView {
  const { doc, ctx } = subject;
  const record = doc ? recordOf(doc, name) : undefined;
  const state = stateOf(name, subject);
  const label = labelOf(name, state, subject);
  const url = record ? ctx.linkOf(record.incarnation) : null;
  return {
    name: plain(name),
    state,
    label,
    schema: record ? plain(record.schema) : null,
    api: (record?.api ?? []).map((each) => plain(each)),
    since: record ? plain(record.since) : null,
    readyAt: record?.readyAt === undefined ? null : plain(record.readyAt),
    url: url === null ? null : plain(url),
    detail: detailOf(name, state, subject),
    advice: adviceFor(label, record),
  };
}

function stateOf(name: string, { doc, standing, ctx }: Subject): MemberReportState {
  if (ctx.failure?.lost.includes(name)) return 'lost';
  const record = doc ? recordOf(doc, name) : undefined;
  switch (standing) {
    case 'missing':
    case 'left':
    case 'behind':
    case 'diverged':
      return standing;
    case 'downgrade':
      return 'behind';
    case 'stale':
      return 'superseded';
    case 'present':
      return record?.state ?? 'missing';
  }
}

function labelOf(name: string, state: MemberReportState, { doc, isReady }: Subject): MemberLabel {
  if (doc?.phase === 'schema' && doc.claim?.member === name) return 'UPGRADING';
  switch (state) {
    case 'api-ready':
      return 'READY';
    case 'announced':
    case 'released':
      return isReady ? 'READY' : 'WAITING';
    case 'missing':
    case 'superseded':
      return 'MISSING';
    case 'behind':
    case 'diverged':
      return 'NEEDS UPGRADE';
    case 'lost':
      return 'LOST';
    case 'left':
      return 'LEFT';
  }
}

const ADVICE: Readonly<Record<MemberLabel, string | null>> = Object.freeze({
  READY: null,
  WAITING: null,
  UPGRADING: null,
  MISSING: 'look whether its job was started, is queued for a runner, or failed before the gate',
  'NEEDS UPGRADE': 'deploy the version the others have to it, then run its job again',
  LOST: 'read the log of its job, then re-run the failed jobs',
  LEFT: 'its job was stopped or cannot get ready; mend that, then re-run the failed jobs',
});

/** Where running the jobs again would not mend it, what does. */
function adviceFor(label: MemberLabel, record: MemberRecord | undefined): string | null {
  const said = record?.observed?.detail;
  if (label === 'WAITING' && said !== undefined)
    return `find out why it is not ready; it said ${plain(said, 200)}`;
  if (label === 'LEFT' && record?.reason === MISMATCH_REASON)
    return 'start a new run for its version; this one has agreed on another';
  return ADVICE[label];
}

function detailOf(name: string, state: MemberReportState, { doc, standing, ctx }: Subject): string {
  const record = doc ? recordOf(doc, name) : undefined;
  if (!doc || !record)
    return state === 'lost' ? plain(ctx.failure?.message ?? '') : 'has not announced itself';
  const parts: string[] = state === 'lost' ? [plain(ctx.failure?.message ?? '')] : [];
  const { claim } = doc;
  if (claim && claim.member === name) {
    const isOld = !isSameIncarnation(claim.incarnation, record.incarnation);
    parts.push(
      `${isOld ? 'an earlier run of it holds' : 'holds'} the right to migrate (token ${claim.token}) since ${claim.since}`,
    );
  }
  const committed = doc.commits.find((each) => each.to === doc.target?.schema);
  if (committed?.member === name)
    parts.push(
      `${committed.how === 'ran' ? 'migrated to' : 'found'} schema ${committed.to} (token ${committed.token})`,
    );
  if (standing === 'stale')
    parts.push(
      `only attempt ${record.incarnation.attempt} of run ${record.incarnation.run} announced; its re-run has not come`,
    );
  if (standing === 'downgrade')
    parts.push(`schema ${record.schema} is below the committed ${doc.schemaFloor}`);
  if ((standing === 'behind' || standing === 'diverged') && doc.target) {
    const { missing, extra } = compareVersions(record, doc.target, ctx.config);
    parts.push(`has ${describe(record)}, wanted is ${describe(doc.target)}${listDifference(missing, extra)}`);
  }
  if (record.reason !== undefined) parts.push(record.reason);
  if (record.observed) parts.push(`last probe at ${record.observed.at}: ${record.observed.detail}`);
  return plain(parts.join('; '), 400);
}
