/** `gc` in a terminal: what went, and how much stays. */
import { type GcReport, runGc } from '../app/gc-command.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { TerminalCommand } from './contract.ts';

export const gcCommand: TerminalCommand = Object.freeze({
  run: (context, resolved) => runGc(context, resolved as ResolvedOptions<'gc'>),
  render(report) {
    const { removed, kept } = report as GcReport;
    const counts = Object.entries(kept).map(([kind, count]) => `${count} ${plain(kind, 20)}`);
    return [
      ...removed.map(({ kind, name }) => `removed ${plain(kind, 20)} ${plain(name, 100)}`),
      `${removed.length} removed, kept: ${counts.length > 0 ? counts.join(', ') : 'nothing'}.`,
    ];
  },
} satisfies TerminalCommand);
