/**
 * A sweep in the job summary: what came of it, the counts, the apps, when each went. Pure: the report and what the events told
 * in, Markdown out. Names, holders and reasons come from outside and pass `forMarkdown` here.
 */
import { formatDuration } from '../base/duration.ts';
import { forMarkdown, plain } from '../base/text.ts';
import type { AppReport, ReapCounts, ReapReport } from '../reaper/contract.ts';
import { describeOutcome } from './reap-view.ts';
import { joinParts, renderDetails, renderMarkdownTable } from './summary.ts';
import { renderTimeline, type TimelineBar, type TimelineSection } from './summary-timeline.ts';
import { createStyle } from './terminal.ts';

/** When what happened, in ms since the step began. Null where it did not. */
export interface ReapTimes {
  readonly waitedFromMs: number | null;
  readonly acquiredMs: number | null;
  readonly listedFromMs: number;
  readonly plannedMs: number | null;
  /** By id: names and outcomes are the report's, whose secrets are hidden. */
  readonly apps: readonly {
    readonly id: string;
    readonly startMs: number;
    readonly endMs: number;
  }[];
  readonly endMs: number;
}

const MAX_OPEN_ROWS = 25;
const MAX_STALE_ROWS = 300;
const TROUBLES = ['failed', 'forbidden', 'busy', 'changed'] as const;
const MAX_OTHER_ROWS = 100;
const MAX_BARS = 25;
const MAX_TROUBLED_BARS = 15;
const MAX_NAME = 80;
/** In the Action's own spelling. */
export const APPLY_HINT = 'Set `apply: true` to do it.';

const MARKS = {
  reaped: '✅',
  clean: '✅',
  planned: '📋',
  skipped: '⏭️',
  incomplete: '⚠️',
  failed: '❌',
} as const;

/** The whole summary of one sweep. `times` is null where no events came. */
export function renderReapSummary(report: ReapReport, times: ReapTimes | null): string {
  const stale = report.apps.filter((app) => app.verdict === 'eligible');
  const others = report.apps.filter((app) => app.verdict !== 'eligible');
  return joinParts([
    `### ${MARKS[report.outcome]} lockstep reap: ${report.outcome}`,
    sentence(report),
    report.counts.listed > 0 ? renderCounts(report.counts) : '',
    times ? renderTimeline(timelineOf(report, times)) : '',
    renderStale(stale),
    others.length > 0 ? renderDetails(`${others.length} that stay`, renderApps(others, MAX_OTHER_ROWS)) : '',
    renderCost(report),
  ]);
}

/** The hint is ours and stays Markdown; the rest may name a holder. */
function sentence(report: ReapReport): string {
  const text = describeOutcome(report, createStyle({ colors: false }), '');
  const escaped = forMarkdown(text.trimEnd(), 600);
  return report.outcome === 'planned' && report.counts.eligible > 0 ? `${escaped} ${APPLY_HINT}` : escaped;
}

function renderCounts(counts: ReapCounts): string {
  const always: [string, number][] = [
    ['listed', counts.listed],
    ['matched', counts.matched],
    ['stale', counts.eligible],
    ['deleted', counts.deleted],
  ];
  const rest: [string, number][] = [
    ['already gone', counts.gone],
    ['changed', counts.changed],
    ['forbidden', counts.forbidden],
    ['in use', counts.busy],
    ['failed', counts.failed],
    ['deferred', counts.deferred],
    ['protected', counts.protected],
    ['young', counts.young],
    ['age unknown', counts.unknownAge],
    ['kept', counts.kept],
  ];
  const shown = [...always, ...rest.filter(([, n]) => n > 0)];
  return renderMarkdownTable(
    shown.map(([name]) => name),
    [shown.map(([, n]) => String(n))],
    shown.map((_, column) => column),
  );
}

/** Few are shown at once; of many those that went wrong, and all of them folded. */
function renderStale(stale: readonly AppReport[]): string {
  if (stale.length <= MAX_OPEN_ROWS) return renderApps(stale, MAX_OPEN_ROWS);
  const troubled = stale.filter(({ outcome }) => isTrouble(outcome));
  return joinParts([
    renderApps(troubled, MAX_OTHER_ROWS),
    renderDetails(`All ${stale.length} stale apps`, renderApps(stale, MAX_STALE_ROWS)),
  ]).trimEnd();
}

function renderApps(apps: readonly AppReport[], most: number): string {
  if (apps.length === 0) return '';
  const rows = apps.slice(0, most).map((app) => [
    forMarkdown(app.name, MAX_NAME),
    // A plain space would break a narrow column's lines in the middle of an age.
    app.ageMs === null ? '?' : formatDuration(app.ageMs).replaceAll(' ', '&nbsp;'),
    forMarkdown(app.reason, 120),
    outcomeCell(app),
  ]);
  const more = apps.length - rows.length;
  return joinParts([
    renderMarkdownTable(['app', 'age', 'rule', 'outcome'], rows, [1]),
    more > 0 ? `… and ${more} more; the file that the output \`result-file\` names has them all.` : '',
  ]).trimEnd();
}

function outcomeCell({ outcome, verdict }: AppReport): string {
  if (outcome === null) return verdict === 'eligible' ? 'would be deleted' : verdict;
  return isTrouble(outcome) ? `**${outcome}**` : outcome;
}

function isTrouble(outcome: string | null): boolean {
  return TROUBLES.some((trouble) => trouble === outcome);
}

function renderCost(report: ReapReport): string {
  const { requests } = report;
  const kinds: [number, string][] = [
    [requests.list, 'list'],
    [requests.get, 'read'],
    [requests.delete, 'delete'],
    [requests.other, 'other'],
  ];
  const sent = kinds.reduce((sum, [n]) => sum + n, 0);
  const parts = kinds.filter(([n]) => n > 0).map(([n, kind]) => `${n} ${kind}`);
  const words = [
    `${sent} request${sent === 1 ? '' : 's'} to the provider${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`,
    `${requests.store} to the store`,
    ...(requests.throttled > 0 ? [`${requests.throttled} throttled`] : []),
    ...(report.fencingToken === null ? [] : [`fencing token ${report.fencingToken}`]),
    ...(report.holder === null ? [] : [`holder ${forMarkdown(report.holder, 120)}`]),
    formatDuration(report.durationMs),
  ];
  return `<sub>${words.join(' · ')}</sub>`;
}

function timelineOf(report: ReapReport, times: ReapTimes): TimelineSection[] {
  const bar = (word: string, name: string, ...span: [startMs: number, endMs: number]): TimelineBar => ({
    word,
    name,
    startMs: span[0],
    endMs: span[1],
    kind: 'normal',
  });
  const lease: TimelineBar[] = [];
  if (times.waitedFromMs !== null)
    lease.push(bar('waiting', '', times.waitedFromMs, times.acquiredMs ?? times.endMs));
  if (times.acquiredMs !== null)
    lease.push(bar('held,', `token ${report.fencingToken ?? ''}`, times.acquiredMs, times.endMs));
  const list =
    times.plannedMs === null
      ? []
      : [bar('listed', `${report.counts.listed} apps`, times.listedFromMs, times.plannedMs)];
  return [
    { title: 'Lease', bars: lease },
    { title: 'List', bars: list },
    { title: 'Delete', bars: appBars(report, times) },
  ];
}

/** In the order they were sent: the first, and those that went wrong; the rest is one bar. */
function appBars(report: ReapReport, times: ReapTimes): TimelineBar[] {
  const byId = new Map(report.apps.map((app) => [app.id, app]));
  const all = times.apps
    .flatMap(({ id, startMs, endMs }): TimelineBar[] => {
      const app = byId.get(id);
      if (!app) return [];
      const kind = isTrouble(app.outcome) ? 'trouble' : 'done';
      return [{ word: app.outcome ?? app.verdict, name: plain(app.name, 60), startMs, endMs, kind }];
    })
    .sort((a, b) => a.startMs - b.startMs);
  const troubled = all.filter(({ kind }) => kind === 'trouble').slice(0, MAX_TROUBLED_BARS);
  const shown = new Set([...all.slice(0, MAX_BARS), ...troubled]);
  const rest = all.filter((bar) => !shown.has(bar));
  const bars = all.filter((bar) => shown.has(bar));
  const [first, ...others] = rest;
  if (!first) return bars;
  const endMs = others.reduce((latest, bar) => Math.max(latest, bar.endMs), first.endMs);
  return [...bars, { word: 'and', name: `${rest.length} more`, startMs: first.startMs, endMs, kind: 'done' }];
}
