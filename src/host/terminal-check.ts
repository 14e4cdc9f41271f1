/** `check` in a terminal: each change as one log line with what caused it, the last state at the end. */

import { runCheck } from '../app/check-command.ts';
import type { CheckEvent, CheckReport } from '../app/contract.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { TerminalCommand } from './contract.ts';
import type { TerminalStyle } from './terminal.ts';

export function createCheckCommand(): TerminalCommand {
  let ranCommand = false;
  return {
    run(context, resolved) {
      ranCommand = context.rest !== null;
      return runCheck(
        { ...context, onCheckEvent: (event) => context.logger.info(describeCheckEvent(event)) },
        resolved as ResolvedOptions<'check'>,
      );
    },
    // The command's own output is the user's; a line of ours in it would be foreign.
    render: (report, style) => (ranCommand ? [] : [describeCheck(report as CheckReport, style)]),
    hasForeignOutput: () => ranCommand,
  };
}

/** `api-ready: passing → critical, by check:db: no route to host`. */
export function describeCheckEvent(event: CheckEvent): string {
  const change = event.from === null ? event.to : `${event.from} → ${event.to}`;
  const cause = event.upstream === null ? '' : `, by ${plain(event.upstream)}`;
  return `${plain(event.name)}: ${change}${cause}${event.output === '' ? '' : `: ${plain(event.output, 300)}`}`;
}

/** One line: what was done, the status, and why. */
export function describeCheck(report: CheckReport, style: TerminalStyle): string {
  const paint = { passing: style.green, warning: style.yellow, critical: style.red, unknown: style.dim };
  const status = paint[report.status](report.status);
  const why = report.output === '' ? '' : `: ${plain(report.output, 300)}`;
  const name = plain(report.name);
  switch (report.outcome) {
    case 'timeout':
      return `${style.red('Timed out')}: ${name} is ${status}${why}`;
    case 'replaced':
      return `${style.yellow('Replaced')}: somebody else publishes ${name} now; it was ${status} here`;
    case 'stopped':
      return `Stopped: ${name} stays ${status}${why}`;
    case 'set':
    case 'read':
    case 'reached':
    case 'failed':
      return `${name} is ${status}${why}`;
  }
}
