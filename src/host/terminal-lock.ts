/** `lock`, `assert` and `unlock` in a terminal. Standard output belongs to the user's command; what is said goes to the log. */
import { runAssert } from '../app/assert-command.ts';
import { runLock } from '../app/lock-command.ts';
import type { LockReport, UnlockReport } from '../app/lock-report.ts';
import { runUnlock } from '../app/unlock-command.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { TerminalCommand } from './contract.ts';

export const lockCommand: TerminalCommand = Object.freeze({
  run: (context, resolved) => runLock(context, resolved as ResolvedOptions<'lock'>),
  render: () => [],
  hasForeignOutput: (report) => (report as LockReport).childExitCode !== null,
} satisfies TerminalCommand);

export const assertCommand: TerminalCommand = Object.freeze({
  run: (context, resolved) => runAssert(context, resolved as ResolvedOptions<'assert'>),
  render: () => [],
} satisfies TerminalCommand);

export const unlockCommand: TerminalCommand = Object.freeze({
  run: (context, resolved) => runUnlock(context, resolved as ResolvedOptions<'unlock'>),
  render: (report) => [describeUnlock(report as UnlockReport)],
} satisfies TerminalCommand);

/** One sentence, for a terminal and a step's log. */
export function describeUnlock(
  { outcome, name, fencingToken }: UnlockReport,
  show: (text: string, max?: number) => string = plain,
): string {
  const shown = show(name, 80);
  return outcome === 'freed'
    ? `The lock ${shown} was freed; tokens below ${fencingToken} are refused from now on.`
    : `The lock ${shown} was free already.`;
}
