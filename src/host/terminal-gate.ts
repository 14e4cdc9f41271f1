/** `gate` in a terminal: changes of state as log lines while one waits, the table and what to do at the end. */
import { runGate } from '../app/gate-command.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { GateReport } from '../gate/report.ts';
import type { TerminalCommand } from './contract.ts';
import { createGateLog, type GateEnd, renderGateReport } from './gate-view.ts';

/** One value per run: the end's report shows what the last event said. */
export function createGateCommand(): TerminalCommand {
  let end: GateEnd | null = null;
  return {
    run(context, resolved) {
      const log = createGateLog();
      return runGate(
        {
          ...context,
          onGateEvent(event) {
            if (event.kind === 'end') end = event;
            for (const { level, message } of log.describe(event)) context.logger[level](message);
          },
        },
        resolved as ResolvedOptions<'gate'>,
      );
    },
    render: (report, style) => renderGateReport(report as GateReport, end, style),
  };
}
