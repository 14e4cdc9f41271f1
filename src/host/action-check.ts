/** `check` as a step: each change in the log, a timeline and a table of the changes in the job summary. One value per step. */
import { runCheck } from '../app/check-command.ts';
import type { CheckEvent, CheckReport } from '../app/contract.ts';
import type { Clock } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';
import { forMarkdown } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { ActionCommand } from './contract.ts';
import { joinParts, renderMarkdownTable } from './summary.ts';
import { renderTimeline, type TimelineBar } from './summary-timeline.ts';
import { createStyle } from './terminal.ts';
import { describeCheck, describeCheckEvent } from './terminal-check.ts';

const MAX_ROWS = 200;
const MAX_BARS = 60;
const KINDS = { passing: 'done', warning: 'normal', critical: 'trouble', unknown: 'normal' } as const;

export function createCheckAction(clock: Clock): ActionCommand {
  const events: CheckEvent[] = [];
  const startMs = clock.monotonicMs();
  return {
    run: (context, resolved) =>
      runCheck(
        {
          ...context,
          mustEnd: true,
          onCheckEvent(event) {
            events.push(event);
            context.logger.info(describeCheckEvent(event));
          },
        },
        resolved as ResolvedOptions<'check'>,
      ),
    renderLog(report) {
      const closing = describeCheck(report as CheckReport, createStyle({ colors: false }));
      // The last line becomes the annotation of a failed step: it must say what to do.
      const advice = ADVICE[(report as CheckReport).outcome];
      return [advice === undefined ? closing : `${closing} → ${advice}`];
    },
    renderSummary: (report) =>
      renderCheckSummary(report as CheckReport, events, clock.monotonicMs() - startMs),
  };
}

const ADVICE: Partial<Record<CheckReport['outcome'], string>> = Object.freeze({
  timeout: 'look at the job or service that publishes it, or wait longer (timeout)',
  replaced: 'let only one job at a time mirror a check of this name',
});

/** The state and how it came about, oldest change first. `endMs` on the events' scale: until when the last state stood. */
export function renderCheckSummary(
  report: CheckReport,
  events: readonly CheckEvent[],
  endMs: number,
): string {
  const rows = events
    .slice(-MAX_ROWS)
    .map((event) => [
      formatDuration(event.atMs),
      event.from === null ? event.to : `${event.from} → ${event.to}`,
      event.upstream === null ? '' : forMarkdown(event.upstream, 120),
      forMarkdown(event.output, 200),
    ]);
  return joinParts([
    `### lockstep check ${forMarkdown(report.name, 120)}`,
    `**${report.status}** (${report.outcome})${report.output === '' ? '' : `: ${forMarkdown(report.output, 300)}`}`,
    ADVICE[report.outcome] ?? '',
    rows.length > 0 ? renderMarkdownTable(['after', 'status', 'by', 'because'], rows, [0]) : '',
    renderTimeline([{ title: 'Status', bars: barsOf(events.slice(-MAX_BARS), endMs) }]),
    events.length > rows.length ? `${events.length - rows.length} earlier changes are in the log.` : '',
  ]);
}

/** What it was from when to when. */
function barsOf(events: readonly CheckEvent[], endMs: number): TimelineBar[] {
  return events.map(
    (event, at): TimelineBar => ({
      word: event.to,
      name: event.upstream === null ? '' : `by ${event.upstream}`,
      startMs: event.atMs,
      endMs: Math.max(event.atMs, events[at + 1]?.atMs ?? endMs),
      kind: KINDS[event.to],
    }),
  );
}
