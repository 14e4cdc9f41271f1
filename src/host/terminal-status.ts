/** `status` in a terminal: one row per record. */
import type { StatusReport } from '../app/contract.ts';
import { runStatus } from '../app/status-command.ts';
import { formatDuration } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { TerminalCommand } from './contract.ts';
import { renderTable } from './terminal.ts';

const TITLES = ['KIND', 'NAME', 'STATE', 'HOLDER', 'TOKEN', 'LEASE', 'WAITING', 'DETAIL', 'JOB'];

export const statusCommand: TerminalCommand = Object.freeze({
  run: (context, resolved) => runStatus(context, resolved as ResolvedOptions<'status'>),
  render(report, style) {
    const { records } = report as StatusReport;
    if (records.length === 0) return ['Nobody holds anything, and nobody ever did.'];
    const rows = records.map((record) => [
      record.kind,
      plain(record.name, 60),
      record.state === 'free' ? style.dim('free') : style.bold(plain(record.state, 30)),
      record.holder === null ? '' : plain(record.holder, 60),
      record.fencingToken === null ? '' : String(record.fencingToken),
      record.leaseMs === null ? '' : formatDuration(record.leaseMs),
      record.waiters === null ? '' : String(record.waiters),
      record.detail === null ? '' : plain(record.detail, 100),
      record.url === null ? '' : plain(record.url, 120),
    ]);
    return renderTable([TITLES.map((title) => style.bold(title)), ...rows], { right: [4, 5, 6] });
  },
} satisfies TerminalCommand);
