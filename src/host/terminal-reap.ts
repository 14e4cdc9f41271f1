/** `reap` in a terminal: events as log lines while it works, the table at the end. */
import { runReap } from '../app/reap-command.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { ReapReport } from '../reaper/contract.ts';
import type { TerminalCommand } from './contract.ts';
import { describeReapEvent, renderReapReport } from './reap-view.ts';

export const reapCommand: TerminalCommand = Object.freeze({
  run: (context, resolved) =>
    runReap(
      {
        ...context,
        onReapEvent(event) {
          const line = describeReapEvent(event);
          if (line) context.logger[line.level](line.message);
        },
      },
      resolved as ResolvedOptions<'reap'>,
    ),
  render: (report, style) => renderReapReport(report as ReapReport, style),
} satisfies TerminalCommand);
