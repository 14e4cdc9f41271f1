/**
 * How a gate looks while one waits and at the end: lines for a log, a table for a terminal, Markdown with a timeline for a job
 * summary. Pure: events and the report in, text out. Views are printable already; Markdown escapes them once more.
 */
import type { GateEvent } from '../app/contract.ts';
import { formatDuration } from '../base/duration.ts';
import { forMarkdown, plain } from '../base/text.ts';
import type { GatePhase } from '../gate/contract.ts';
import type { MemberLabel, MemberView } from '../gate/member-view.ts';
import { describeMember, type GateReport } from '../gate/report.ts';
import { joinParts, renderMarkdownTable } from './summary.ts';
import { renderTimeline, type TimelineBar } from './summary-timeline.ts';
import { renderTable, type TerminalStyle } from './terminal.ts';

export type GateEnd = Extract<GateEvent, { kind: 'end' }>;

/** More members than this are counted, not listed, where nothing is the matter with them. */
const MAX_ROWS = 60;
const MAX_BARS = 60;

/** Lines for the log: each change once, nothing while nothing changes. */
export function createGateLog(): {
  describe(event: GateEvent): { level: 'info' | 'warn'; message: string }[];
} {
  let phase: GatePhase | null = null;
  let epoch = 0;
  return {
    describe(event) {
      if (event.kind === 'note') return [{ level: event.level, message: plain(event.message, 600) }];
      if (event.kind === 'end') return [];
      const lines = event.changed.map((view) => ({
        // Who is to blame for a failure, its closing sentence says; a warning beside it would be said twice.
        level: event.phase === 'failed' ? ('info' as const) : levelOf(view.label),
        // What to do about it is for the end: that nobody has come yet is the ordinary beginning.
        message: describeMember({ ...view, advice: null }),
      }));
      const isNew = event.phase !== phase || event.epoch !== epoch;
      if (!isNew) return lines;
      phase = event.phase;
      epoch = event.epoch;
      return [
        ...lines,
        { level: 'info', message: `${PHASES[event.phase]}${epoch > 1 ? ` (try ${epoch})` : ''}` },
      ];
    },
  };
}

const PHASES: Readonly<Record<GatePhase, string>> = Object.freeze({
  announce: 'waiting for all members to announce themselves',
  schema: 'all members are here; the schema comes first',
  api: 'the schema is there; waiting for every API to be ready',
  open: 'the gate is open',
  failed: 'the gate has failed',
});

function levelOf(label: MemberLabel): 'info' | 'warn' {
  return label === 'LOST' || label === 'LEFT' || label === 'NEEDS UPGRADE' ? 'warn' : 'info';
}

/** The end's report for a terminal: who is what since when, what came of it, what to do. */
export function renderGateReport(report: GateReport, end: GateEnd | null, style: TerminalStyle): string[] {
  if (!end) return [];
  const rows = worstFirst(end.views).slice(0, MAX_ROWS);
  const cells = rows.map((view) => [
    view.name,
    paintLabel(view.label, style),
    view.schema ?? '',
    view.api.join(' '),
    timeOf(view.readyAt ?? view.since),
    [view.detail, view.url ?? ''].filter((part) => part !== '').join('  '),
  ]);
  const head = ['MEMBER', 'STATE', 'SCHEMA', 'API', 'SINCE', 'WHAT'].map((title) => style.bold(title));
  const more = end.views.length - rows.length;
  const headline = report.outcome === 'failed' ? style.red(end.headline) : style.green(end.headline);
  return [
    ...renderTable([head, ...cells]),
    ...(more > 0 ? [style.dim(`… and ${more} more; the JSON result has them all`)] : []),
    '',
    headline,
    ...adviceLines(report, end).map((line) => `→ ${line}`),
  ];
}

/** What to do, each once: the hint for this caller, and per kind of trouble one line with the names. */
export function adviceLines(report: GateReport, { views, hint }: GateEnd): string[] {
  const byAdvice = new Map<string, string[]>();
  if (report.outcome === 'failed') {
    for (const { name, advice } of views) {
      if (advice !== null) byAdvice.set(advice, [...(byAdvice.get(advice) ?? []), name]);
    }
  }
  const lines = [...byAdvice].map(([advice, names]) => `${listNames(names)}: ${advice}`);
  return hint === null ? lines : [...lines, hint];
}

/** Which phases and members when, in ms since this job began to wait. */
export interface GateTimes {
  readonly phases: readonly { readonly phase: GatePhase; readonly startMs: number; readonly endMs: number }[];
  readonly members: readonly {
    readonly name: string;
    readonly label: MemberLabel;
    readonly startMs: number;
    readonly endMs: number;
  }[];
}

/** Collects times from events. What was there before this job came begins with it. */
export function createGateTimes(): { onEvent(event: GateEvent): void; read(endMs: number): GateTimes } {
  const phases: { phase: GatePhase; startMs: number }[] = [];
  const labels = new Map<string, { label: MemberLabel; startMs: number }[]>();
  return {
    onEvent(event) {
      if (event.kind !== 'members') return;
      if (phases.at(-1)?.phase !== event.phase) phases.push({ phase: event.phase, startMs: event.atMs });
      for (const { name, label } of event.changed) {
        const spans = labels.get(name) ?? [];
        if (spans.at(-1)?.label !== label) spans.push({ label, startMs: event.atMs });
        labels.set(name, spans);
      }
    },
    read: (endMs) => ({
      phases: closeSpans(phases, endMs),
      members: [...labels].flatMap(([name, spans]) =>
        closeSpans(spans, endMs).map((span) => ({ name, ...span })),
      ),
    }),
  };
}

function closeSpans<T extends { startMs: number }>(
  spans: readonly T[],
  endMs: number,
): (T & { endMs: number })[] {
  return spans.map((span, at) => ({
    ...span,
    endMs: spans[at + 1]?.startMs ?? Math.max(endMs, span.startMs),
  }));
}

/** The whole job summary of one passage. */
export function renderGateSummary(report: GateReport, end: GateEnd | null, times: GateTimes): string {
  const mark = report.outcome === 'open' ? '✅' : report.outcome === 'announced' ? '📣' : '❌';
  const title = `### ${mark} lockstep gate: ${report.code ?? report.outcome}`;
  if (!end) return title;
  const views = worstFirst(end.views);
  const rows = views
    .slice(0, MAX_ROWS * 5)
    .map((view) => [
      forMarkdown(view.name, 80),
      view.label === 'READY' || view.label === 'WAITING' ? view.label : `**${view.label}**`,
      forMarkdown(view.schema ?? '', 80),
      forMarkdown(view.api.join(' '), 160),
      forMarkdown(timeOf(view.readyAt ?? view.since), 40),
      [forMarkdown(view.detail, 300), linkOf(view.url)].filter((part) => part !== '').join(' '),
    ]);
  return joinParts([
    title,
    forMarkdown(end.headline, 600),
    adviceLines(report, end)
      .map((line) => `- ${forMarkdown(line, 600)}`)
      .join('\n'),
    renderMarkdownTable(['member', 'state', 'schema', 'api', 'since', 'what'], rows),
    renderTimeline([
      { title: 'Phases', bars: times.phases.filter(({ phase }) => phase !== 'open').map(phaseBar) },
      { title: 'Members', bars: memberBars(times) },
    ]),
    `<sub>${costOf(report)}</sub>`,
  ]);
}

function phaseBar({ phase, startMs, endMs }: GateTimes['phases'][number]): TimelineBar {
  return { word: phase, name: '', startMs, endMs, kind: phase === 'failed' ? 'trouble' : 'normal' };
}

/** Per member what it was when; of many members those in trouble, then the first ones. */
function memberBars({ members }: GateTimes): TimelineBar[] {
  const bars = members.map(({ name, label, startMs, endMs }, at) => {
    // That somebody had not come yet is the ordinary beginning; who never came is the trouble.
    const isMissed = label === 'MISSING' && members[at + 1]?.name !== name;
    const kind = label === 'READY' ? 'done' : levelOf(label) === 'warn' || isMissed ? 'trouble' : 'normal';
    const bar: TimelineBar = { word: label.toLowerCase(), name: plain(name, 60), startMs, endMs, kind };
    return { member: name, bar };
  });
  const troubled = new Set(bars.filter(({ bar }) => bar.kind === 'trouble').map(({ member }) => member));
  const isTroubled = ({ member }: { member: string }) => troubled.has(member);
  const shown =
    bars.length <= MAX_BARS
      ? bars
      : [...bars.filter(isTroubled), ...bars.filter((each) => !isTroubled(each))].slice(0, MAX_BARS);
  return shown.map(({ bar }) => bar);
}

function costOf(report: GateReport): string {
  const parts = [
    `waited ${formatDuration(report.waitedMs)}`,
    `${report.wakeupsByTimer} wake-ups by timer`,
    ...(report.epoch > 1 ? [`try ${report.epoch}`] : []),
    ...(report.token === null ? [] : [`fencing token ${report.token}`]),
    ...(report.committed ? ['this job committed the schema'] : []),
  ];
  return parts.join(' · ');
}

/** Links only to what has the form of a job's page; the text of a board may be forged. */
function linkOf(url: string | null): string {
  const isPage = url !== null && /^https?:\/\/[\w.:-]+\/[\w./-]+\/actions\/runs\/[\w/]+$/.test(url);
  return isPage ? `[job](${url})` : '';
}

/** Those one must look at first; otherwise in the board's order. */
function worstFirst(views: readonly MemberView[]): MemberView[] {
  const rank = (view: MemberView) => (view.advice !== null ? 0 : view.label === 'READY' ? 2 : 1);
  return [...views].sort((a, b) => rank(a) - rank(b));
}

function paintLabel(label: MemberLabel, style: TerminalStyle): string {
  switch (label) {
    case 'READY':
      return style.green(label);
    case 'WAITING':
    case 'UPGRADING':
      return style.cyan(label);
    case 'MISSING':
    case 'NEEDS UPGRADE':
      return style.yellow(label);
    case 'LOST':
    case 'LEFT':
      return style.red(label);
  }
}

function listNames(names: readonly string[]): string {
  return names.length <= 5
    ? names.join(', ')
    : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}

/** `2026-11-20T22:05:01.123Z` → `22:05:01Z`: the day is the job's own. */
function timeOf(at: string | null): string {
  return /T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(at ?? '')?.[1]?.concat('Z') ?? at ?? '';
}
