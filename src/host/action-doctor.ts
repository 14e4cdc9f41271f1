/** `doctor` as a step: the lines in the log, and as a table in the job summary. */
import type { DoctorReport } from '../app/doctor-command.ts';
import { runDoctor } from '../app/doctor-command.ts';
import { forMarkdown } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { ActionCommand } from './contract.ts';
import { joinParts, renderMarkdownTable } from './summary.ts';
import { createStyle } from './terminal.ts';
import { renderDoctor } from './terminal-doctor.ts';

export const doctorAction: ActionCommand = Object.freeze({
  run: (context, resolved) => runDoctor(context, resolved as ResolvedOptions<'doctor'>),
  renderLog: (report) => renderDoctor(report as DoctorReport, createStyle({ colors: false })),
  renderSummary(report) {
    const { checks, costs } = report as DoctorReport;
    const rows = checks.map(({ status, name, tried, found, hint }) => [
      status,
      forMarkdown(name, 40),
      forMarkdown(tried, 200),
      forMarkdown(found, 400),
      hint === null ? '' : forMarkdown(hint, 400),
    ]);
    const designs = (costs?.designs ?? []).map((each) => [
      forMarkdown(each.design, 100),
      String(each.requests),
      String(each.writes),
      each.isWithin ? 'yes' : forMarkdown(each.reason, 100),
    ]);
    return joinParts([
      '### lockstep doctor',
      renderMarkdownTable(['', 'what', 'tried', 'found', 'to do'], rows, []),
      designs.length > 0
        ? renderMarkdownTable(['design', 'requests', 'writes', 'fits'], designs, [1, 2])
        : '',
    ]);
  },
} satisfies ActionCommand);
