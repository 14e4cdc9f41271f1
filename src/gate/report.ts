/**
 * What a person and a program are told about a gate: the JSON result of the contract, and the lines of the log and the
 * summary. Pure. Invariant: text from outside passes `plain`; a host escapes further for its own markup.
 */
import { formatDuration } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import {
  GATE_EXIT_CODES,
  type GateDoc,
  type GateFailure,
  type GateFailureCode,
  type GatePhase,
} from './contract.ts';
import { type MemberReportState, type MemberView, type ViewContext, viewMembers } from './member-view.ts';
import { describe } from './refusal.ts';

/** The result of `gate --json`, field for field. */
export interface GateReport {
  readonly format: 1;
  readonly command: 'gate';
  readonly outcome: 'open' | 'announced' | 'failed';
  readonly code: GateFailureCode | null;
  readonly phase: GatePhase;
  readonly epoch: number;
  readonly committed: boolean;
  readonly token: number | null;
  readonly waitedMs: number;
  readonly wakeupsByTimer: number;
  readonly members: readonly {
    readonly name: string;
    readonly state: MemberReportState;
    readonly schema: string;
    readonly api: readonly string[];
    readonly detail: string;
  }[];
  readonly missing: readonly string[];
  readonly behind: readonly string[];
  readonly diverged: readonly string[];
  readonly lost: readonly string[];
  readonly exitCode: number;
}

/** What the loop measured; the rest is read off the board. */
export interface GateRun {
  readonly outcome: 'open' | 'announced' | 'failed';
  readonly failure: GateFailure | null;
  readonly epoch: number;
  readonly committed: boolean;
  /** The fencing token this caller committed or held last. */
  readonly token: number | null;
  readonly waitedMs: number;
  readonly wakeupsByTimer: number;
}

/** The contract's JSON object. */
export function createGateReport(doc: GateDoc | null, run: GateRun, ctx: ViewContext): GateReport {
  const { failure } = run;
  const names = (list: readonly string[] | undefined) => (list ?? []).map((name) => plain(name));
  return {
    format: 1,
    command: 'gate',
    outcome: run.outcome,
    code: failure?.code ?? null,
    phase: run.outcome === 'open' ? 'open' : (doc?.phase ?? 'announce'),
    epoch: run.epoch,
    committed: run.committed,
    token: run.token,
    waitedMs: run.waitedMs,
    wakeupsByTimer: run.wakeupsByTimer,
    members: viewMembers(doc, { ...ctx, failure }).map(({ name, state, schema, api, detail }) => ({
      name,
      state,
      schema: schema ?? '',
      api,
      detail,
    })),
    missing: names(failure?.missing),
    behind: names(failure?.behind),
    diverged: names(failure?.diverged),
    lost: names(failure?.lost),
    exitCode: failure ? GATE_EXIT_CODES[failure.code] : 0,
  };
}

/** One headline for the log and the summary. */
export function describeGate(
  doc: GateDoc | null,
  run: Pick<GateRun, 'outcome' | 'failure' | 'waitedMs'>,
): string {
  const waited = formatDuration(run.waitedMs);
  if (run.outcome === 'open')
    return `The gate is open: ${plain(describe(doc?.target ?? null))} (waited ${waited}).`;
  if (run.outcome === 'announced') return 'Announced; a wait-for job opens the gate.';
  return `The gate did not open (${run.failure?.code ?? 'unknown'}): ${plain(run.failure?.message ?? '', 400)}`;
}

/** One line per member: `eu-west  WAITING        schema 42 …`. For the log while waiting and the end's report. */
export function describeMember(view: MemberView): string {
  const version = view.schema === null ? '' : `schema ${view.schema}`;
  const since = view.readyAt ?? view.since;
  const parts = [
    `${view.name}  ${view.label.padEnd(13)}`,
    version,
    since === null ? '' : `since ${since}`,
    view.detail,
    view.url ?? '',
    view.advice === null ? '' : `→ ${view.advice}`,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

/** The members whose state others should hear of: those that changed from one look to the next. */
export function changedMembers(before: readonly MemberView[], now: readonly MemberView[]): MemberView[] {
  const known = new Map(before.map((view) => [view.name, view]));
  return now.filter((view) => {
    const old = known.get(view.name);
    return (
      old === undefined || old.label !== view.label || old.schema !== view.schema || old.state !== view.state
    );
  });
}
