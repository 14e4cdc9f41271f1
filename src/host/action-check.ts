/** `check` as a step: each change in the log, the timeline of changes in the job summary. */

import { runCheck } from '../app/check-command.ts';
import type { CheckEvent, CheckReport } from '../app/contract.ts';
import { formatDuration } from '../base/duration.ts';
import { forMarkdown } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { ActionCommand } from './contract.ts';
import { joinParts, renderMarkdownTable } from './summary.ts';
import { createStyle } from './terminal.ts';
import { describeCheck, describeCheckEvent } from './terminal-check.ts';

const MAX_ROWS = 200;

export function createCheckAction(): ActionCommand {
  const events: CheckEvent[] = [];
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
    renderLog: (report) => [describeCheck(report as CheckReport, createStyle({ colors: false }))],
    renderSummary: (report) => renderCheckSummary(report as CheckReport, events),
  };
}

/** The state and how it came about, oldest change first. */
export function renderCheckSummary(report: CheckReport, events: readonly CheckEvent[]): string {
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
    rows.length > 0 ? renderMarkdownTable(['after', 'status', 'by', 'because'], rows, [0]) : '',
    events.length > rows.length ? `${events.length - rows.length} earlier changes are in the log.` : '',
  ]);
}
