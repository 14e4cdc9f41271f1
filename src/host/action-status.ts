/** `status` as a step: the records in the log and as a table in the job summary. */
import type { StatusReport } from '../app/contract.ts';
import { runStatus } from '../app/status-command.ts';
import { formatDuration } from '../base/duration.ts';
import { forMarkdown } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { ActionCommand } from './contract.ts';
import { joinParts, renderMarkdownTable } from './summary.ts';
import { createStyle } from './terminal.ts';
import { statusCommand } from './terminal-status.ts';

const MAX_ROWS = 300;

export const statusAction: ActionCommand = Object.freeze({
  run: (context, resolved) => runStatus(context, resolved as ResolvedOptions<'status'>),
  renderLog: (report) => statusCommand.render(report, createStyle({ colors: false })),
  renderSummary(report) {
    const { records } = report as StatusReport;
    if (records.length === 0)
      return joinParts(['### lockstep status', 'Nobody holds anything, and nobody ever did.']);
    const rows = records
      .slice(0, MAX_ROWS)
      .map((record) => [
        record.kind,
        forMarkdown(record.name, 80),
        forMarkdown(record.state, 40),
        record.holder === null ? '' : forMarkdown(record.holder, 120),
        record.fencingToken === null ? '' : String(record.fencingToken),
        record.leaseMs === null ? '' : formatDuration(record.leaseMs),
        record.waiters === null ? '' : String(record.waiters),
      ]);
    const more = records.length - rows.length;
    return joinParts([
      '### lockstep status',
      renderMarkdownTable(['kind', 'name', 'state', 'holder', 'token', 'lease', 'waiting'], rows, [4, 5, 6]),
      more > 0 ? `… and ${more} more.` : '',
    ]);
  },
} satisfies ActionCommand);
