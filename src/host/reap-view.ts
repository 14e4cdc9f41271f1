/**
 * How a sweep looks in a terminal: progress while it works, a table and one closing sentence at the end. Pure: events and the
 * report in, lines out. App names and holders come from outside and pass base/text.ts here.
 */
import { formatDuration } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import type { AppReport, ReapCounts, ReapEvent, ReapReport } from '../reaper/contract.ts';
import { renderTable, type TerminalStyle } from './terminal.ts';

/** A table longer than this is cut; the JSON result has all. */
const MAX_ROWS = 60;

/** One line of progress, or null where the event shows elsewhere. */
export function describeReapEvent(
  event: ReapEvent,
): { level: 'info' | 'warn' | 'debug'; message: string } | null {
  switch (event.kind) {
    case 'waiting':
      return { level: 'info', message: `waiting for ${plain(event.holder)}, which is sweeping` };
    case 'acquired':
      return { level: 'info', message: `lease acquired, fencing token ${event.token}` };
    case 'page':
      return { level: 'debug', message: `page ${event.page}: ${count(event.apps, 'app')}` };
    case 'planned':
      return {
        level: 'info',
        message: `listed ${count(event.counts.listed, 'app')}: ${event.counts.matched} match, ${event.counts.eligible} stale`,
      };
    case 'app':
      return {
        level: 'info',
        message: `${event.done}/${event.eligible} ${plain(event.app.name)}: ${event.app.outcome ?? event.app.verdict}`,
      };
    case 'note':
      return { level: event.level, message: plain(event.message, 500) };
  }
}

/** The report as lines for standard output. */
export function renderReapReport(report: ReapReport, style: TerminalStyle): string[] {
  const shown = report.apps.slice(0, MAX_ROWS);
  const rows = shown.map((app) => [
    plain(app.name, 60),
    app.ageMs === null ? '?' : formatDuration(app.ageMs),
    style.dim(plain(app.reason, 60)),
    paintOutcome(app, style),
  ]);
  const table =
    rows.length === 0
      ? []
      : renderTable([['APP', 'AGE', 'RULE', 'OUTCOME'].map((title) => style.bold(title)), ...rows], {
          right: [1],
        });
  const more = report.apps.length - shown.length;
  return [
    ...table,
    ...(more > 0 ? [style.dim(`… and ${more} more; --json has them all`)] : []),
    ...(table.length > 0 ? [''] : []),
    summarizeReap(report, style),
  ];
}

/** The closing sentence: what came of it, what it cost, what to do. `applyHint` in the host's own spelling. */
export function summarizeReap(report: ReapReport, style: TerminalStyle, applyHint?: string): string {
  const { requests } = report;
  const sent = requests.list + requests.get + requests.delete + requests.other;
  const cost = style.dim(
    `${count(sent, 'request')} to the provider, ${requests.store} to the store, ${formatDuration(report.durationMs)}`,
  );
  return `${describeOutcome(report, style, applyHint)} ${cost}`;
}

/** What came of it, in one sentence. */
export function describeOutcome(
  report: ReapReport,
  style: TerminalStyle,
  applyHint = 'Add --apply to do it.',
): string {
  const { counts, reason } = report;
  switch (report.outcome) {
    case 'reaped':
      return style.green(`Reaped: ${listCounts(counts)}.`);
    case 'clean':
      return style.green('Clean: nothing is stale.');
    case 'planned':
      return `Plan: ${counts.eligible} of ${count(counts.matched, 'matched app')} would be deleted. ${applyHint}`;
    case 'skipped':
      return style.green(`Skipped: ${skipReason(report)}.`);
    case 'incomplete':
      return style.yellow(`Incomplete (${reason ?? 'something is left'}): ${listCounts(counts)}.`);
    case 'failed':
      return style.red(`Failed (${reason ?? 'unknown'}): ${listCounts(counts)}.`);
  }
}

function skipReason(report: ReapReport): string {
  switch (report.reason) {
    case 'busy':
      return `${plain(report.holder ?? 'another job')} is sweeping`;
    case 'fresh':
      return `${plain(report.holder ?? 'another job')} swept a moment ago`;
    case 'not-elected':
      return 'the first jobs of the matrix sweep, this one need not';
    case 'no-store':
      return 'no store is reachable from this runner';
    case 'no-permission':
      return 'the token may not write here (a pull request from a fork)';
    case 'low-quota':
      return 'the API budget is low, and the build needs it more';
    default:
      return report.reason ?? 'nothing to do';
  }
}

/** The counts that are not zero, in words. */
function listCounts(counts: ReapCounts): string {
  const parts: [number, string][] = [
    [counts.deleted, 'deleted'],
    [counts.gone, 'already gone'],
    [counts.changed, 'changed meanwhile'],
    [counts.forbidden, 'forbidden'],
    [counts.busy, 'in use'],
    [counts.failed, 'failed'],
    [counts.deferred, 'left for the next sweep'],
    [counts.young, 'too young'],
    [counts.protected, 'protected'],
    [counts.unknownAge, 'of unknown age'],
    [counts.kept, 'kept'],
  ];
  const words = parts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
  return words.length > 0 ? words.join(', ') : 'nothing was done';
}

function paintOutcome(app: AppReport, style: TerminalStyle): string {
  const word = app.outcome ?? app.verdict;
  if (word === 'deleted' || word === 'gone') return style.green(word);
  if (word === 'forbidden' || word === 'failed') return style.red(word);
  if (word === 'eligible' || word === 'busy' || word === 'deferred' || word === 'changed')
    return style.yellow(word);
  return word;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
