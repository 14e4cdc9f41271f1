/** `demo` in a terminal: a timeline per job that is redrawn while it runs, then a table and the counts against the minimum. */
import type { DemoJob, DemoReport, DemoRequest, DemoSnapshot } from '../app/demo/demo-story.ts';
import { runDemo } from '../app/demo-command.ts';
import { formatDuration } from '../base/duration.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { TerminalCommand } from './contract.ts';
import { createLiveBlock, renderTable, type TerminalStyle } from './terminal.ts';

/** Columns of a timeline. */
const WIDTH = 56;

export function createDemoCommand(world: {
  stream: { write(text: string): unknown; isTerminal: boolean };
  style: TerminalStyle;
}): TerminalCommand {
  const block = createLiveBlock(world.stream);
  let last: DemoSnapshot | null = null;
  return {
    async run(context, resolved) {
      const { jobs, apps } = (resolved as ResolvedOptions<'demo'>).values;
      context.logger.info(`${jobs} jobs start at once; all of them want the same ${apps} stale apps gone.`);
      try {
        return await runDemo(
          {
            ...context,
            onDemoSnapshot(snapshot) {
              last = snapshot;
              block.draw(['', ...drawTimelines(snapshot, world.style), '']);
            },
          },
          resolved as ResolvedOptions<'demo'>,
        );
      } finally {
        block.finish();
      }
    },
    render(report, style) {
      const isShown = world.stream.isTerminal;
      const picture = last && !isShown ? ['', ...drawTimelines(last, style), ''] : [];
      return [...picture, ...renderDemoReport(report as DemoReport, style)];
    },
  };
}

/** One row per job: dots while it lives, a block wherever it had a request under way, and how it ended. */
export function drawTimelines(snapshot: DemoSnapshot, style: TerminalStyle): string[] {
  const spanMs = Math.max(snapshot.elapsedMs, 1);
  const columnOf = (ms: number) => Math.min(WIDTH - 1, Math.max(0, Math.floor((ms / spanMs) * WIDTH)));
  const rows = snapshot.jobs.map((job) => {
    const own = snapshot.requests.filter((request) => request.job === job.name);
    const cells = Array.from({ length: WIDTH }, () => ' ');
    const lastColumn = columnOf(job.endMs ?? spanMs);
    for (let column = columnOf(job.startMs); column <= lastColumn; column += 1) cells[column] = '·';
    for (const request of own) {
      for (let column = columnOf(request.startMs); column <= columnOf(request.endMs); column += 1) {
        cells[column] = request.method === 'DELETE' ? '█' : '▒';
      }
    }
    if (job.endMs !== null) cells[lastColumn] = job.wasKilled ? '✗' : cells[lastColumn] === '█' ? '█' : '┤';
    const line = cells.join('');
    return [job.name, own.length > 0 ? style.cyan(line) : style.dim(line), describeJob(job, own, style)];
  });
  const { totals, apps } = snapshot;
  const progress = `${totals.deletedApps}/${apps} apps deleted, ${totals.lists + totals.deletes + totals.reads} requests (minimum ${totals.minimum})`;
  const legend = style.dim(`▒ list  █ delete  · alive  0 to ${formatDuration(spanMs)}`);
  return [...renderTable(rows), '', `${progress}   ${legend}`];
}

function describeJob(job: DemoJob, own: readonly DemoRequest[], style: TerminalStyle): string {
  if (job.wasKilled) return style.red('killed');
  if (job.endMs === null) {
    if (own.length === 0) return style.dim('starting or waiting');
    const deleted = own.filter((request) => request.applied && request.method === 'DELETE').length;
    return style.yellow(`sweeping, ${deleted} deleted`);
  }
  if (job.outcome === 'skipped') {
    const why =
      job.reason === 'busy' ? `${job.holder ?? 'another'} is sweeping` : `swept already (${job.reason})`;
    return style.green(`skipped: ${why}`);
  }
  return job.exitCode === 0
    ? style.green(job.outcome ?? 'done')
    : style.red(job.outcome ?? `exit ${job.exitCode}`);
}

export function renderDemoReport(report: DemoReport, style: TerminalStyle): string[] {
  const { totals } = report;
  const rows = report.jobs.map((job) => [
    job.name,
    job.wasKilled ? 'killed' : (job.outcome ?? '?'),
    job.wasKilled ? '' : (job.reason ?? ''),
    job.endMs === null ? '' : formatDuration(job.endMs - job.startMs),
  ]);
  const sent = totals.lists + totals.deletes + totals.reads;
  const verdict = report.exitCode === 0 ? style.green('✓') : style.red('✗');
  const extra = [
    totals.others > 0 ? `${totals.others} to learn whose account it is` : '',
    totals.serverErrors > 0 ? `${totals.serverErrors} answered 5xx` : '',
    totals.throttled > 0 ? `${totals.throttled} answered 429` : '',
  ].filter(Boolean);
  return [
    ...renderTable([['JOB', 'OUTCOME', 'WHY', 'TOOK'].map((title) => style.bold(title)), ...rows], {
      right: [3],
    }),
    '',
    `${verdict} ${totals.deletedApps} of ${report.apps} apps deleted, ${totals.duplicates} twice.`,
    `  ${sent} requests: ${totals.lists} list + ${totals.deletes} delete${totals.reads > 0 ? ` + ${totals.reads} read` : ''}; the minimum is ${totals.minimum}.${extra.length > 0 ? style.dim(` Besides: ${extra.join(', ')}.`) : ''}`,
    `  ${formatDuration(report.durationMs)} for all ${report.jobs.length} jobs.`,
  ];
}
