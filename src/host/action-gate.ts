/** `gate` as a step: changes of state in the log, members and a timeline in the job summary. One value per step. */
import { runGate } from '../app/gate-command.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { GateReport } from '../gate/report.ts';
import type { ActionCommand } from './contract.ts';
import {
  adviceLines,
  createGateLog,
  createGateTimes,
  type GateEnd,
  renderGateReport,
  renderGateSummary,
} from './gate-view.ts';
import { createStyle } from './terminal.ts';

export function createGateAction(): ActionCommand {
  const times = createGateTimes();
  let end: GateEnd | null = null;
  return {
    run(context, resolved) {
      const log = createGateLog();
      return runGate(
        {
          ...context,
          onGateEvent(event) {
            times.onEvent(event);
            if (event.kind === 'end') end = event;
            for (const { level, message } of log.describe(event)) context.logger[level](message);
          },
        },
        resolved as ResolvedOptions<'gate'>,
      );
    },
    renderLog(report) {
      const gate = report as GateReport;
      const table = renderGateReport(gate, end, createStyle({ colors: false }));
      // The last line becomes the annotation of a failed step: it must say what failed and what to do.
      const closing = end ? [end.headline, ...adviceLines(gate, end)].join(' → ') : '';
      return [...table.slice(0, table.indexOf('')), closing].filter((line) => line !== '');
    },
    renderSummary: (report) => renderGateSummary(report as GateReport, end, times.read(end?.atMs ?? 0)),
  };
}
