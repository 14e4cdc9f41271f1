/** `doctor` in a terminal: one block per line of the examination, then the bill as a table. */
import type { DoctorReport } from '../app/doctor-command.ts';
import { runDoctor } from '../app/doctor-command.ts';
import type { DoctorCheck } from '../app/doctor-command-check.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { TerminalCommand } from './contract.ts';
import { renderTable, type TerminalStyle } from './terminal.ts';

export const doctorCommand: TerminalCommand = Object.freeze({
  run: (context, resolved) => runDoctor(context, resolved as ResolvedOptions<'doctor'>),
  render: (report, style) => renderDoctor(report as DoctorReport, style),
} satisfies TerminalCommand);

/** The report as lines; the last one says how it stands. */
export function renderDoctor(report: DoctorReport, style: TerminalStyle): string[] {
  const problems = report.checks.filter(({ status }) => status === 'problem').length;
  const warnings = report.checks.filter(({ status }) => status === 'warning').length;
  return [
    ...report.checks.flatMap((check) => renderCheck(check, style)),
    ...renderCosts(report, style),
    problems > 0
      ? style.red(`${count(problems, 'problem')}, ${count(warnings, 'warning')}.`)
      : warnings > 0
        ? style.yellow(`No problem, ${count(warnings, 'warning')}.`)
        : style.green('All is well.'),
  ];
}

function renderCheck({ name, status, tried, found, hint }: DoctorCheck, style: TerminalStyle): string[] {
  const marks = {
    ok: style.green('ok     '),
    warning: style.yellow('warning'),
    problem: style.red('problem'),
    skipped: style.dim('skipped'),
  };
  return [
    `${marks[status]}  ${style.bold(name)}: ${plain(tried, 200)}`,
    `         ${plain(found, 600)}`,
    ...(hint === null ? [] : [`         → ${plain(hint, 400)}`]),
  ];
}

function renderCosts({ costs }: DoctorReport, style: TerminalStyle): string[] {
  if (costs === null) return [];
  const { jobs, parallel, requestsPerHour, designs, gate, advice } = costs;
  const rows = designs.map((each) => [
    each.isOurs ? each.design : style.dim(each.design),
    String(each.requests),
    String(each.writes),
    String(each.pointsPerMinute),
    String(each.cacheLookUps),
    each.isWithin
      ? `${Math.ceil((100 * each.requests) / requestsPerHour)} % of an hour`
      : style.red(each.reason),
  ]);
  const titles = ['DESIGN', 'REQUESTS', 'WRITES', 'POINTS A MINUTE', 'CACHE', 'OF THE BUDGET'];
  const verdict = gate.isWithin ? 'within the budget' : style.red(gate.reason);
  return [
    '',
    `A matrix of ${jobs} jobs, ${parallel} at a time, one sweep of two minutes, ${requestsPerHour} requests an hour for the whole repository (a model, not a measurement; dim: not how lockstep works):`,
    ...renderTable([titles.map((title) => style.bold(title)), ...rows], {
      right: [1, 2, 3, 4],
      indent: '  ',
    }),
    `A gate of ${gate.members} members that wait ten minutes: about ${gate.requests} requests, ${gate.writes} of them writes: ${verdict}.`,
    ...advice.map((text) => `→ ${text}`),
    '',
  ];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
