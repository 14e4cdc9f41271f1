/** `reap` as a step: progress in the log, the apps and a timeline in the job summary. One value per step. */
import { runReap } from '../app/reap-command.ts';
import type { Clock } from '../base/clock.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { ReapEvent, ReapReport } from '../reaper/contract.ts';
import type { ActionCommand } from './contract.ts';
import { describeReapEvent, summarizeReap } from './reap-view.ts';
import { APPLY_HINT, type ReapTimes, renderReapSummary } from './summary-reap.ts';
import { createStyle } from './terminal.ts';

export function createReapAction(clock: Clock): ActionCommand {
  const times = createReapTimes(clock);
  const style = createStyle({ colors: false });
  return {
    run: (context, resolved, step) =>
      runReap(
        {
          ...context,
          exportVariable: (name, value) => step.exportVariable(name, value),
          onReapEvent(event) {
            times.onEvent(event);
            const line = describeReapEvent(event);
            if (line) context.logger[line.level](line.message);
          },
        },
        resolved as ResolvedOptions<'reap'>,
      ),
    renderLog: (report) => [summarizeReap(report as ReapReport, style, APPLY_HINT.replaceAll('`', ''))],
    renderSummary: (report) => renderReapSummary(report as ReapReport, times.read()),
  };
}

/** Collects when what happened; the time starts now. `read` is null where nothing did. */
export function createReapTimes(clock: Clock): {
  onEvent(event: ReapEvent): void;
  read(): ReapTimes | null;
} {
  const startMs = clock.monotonicMs();
  const nowMs = () => clock.monotonicMs() - startMs;
  const apps: ReapTimes['apps'][number][] = [];
  let waitedFromMs: number | null = null;
  let acquiredMs: number | null = null;
  let plannedMs: number | null = null;
  let hasEvents = false;
  return {
    onEvent(event) {
      hasEvents = true;
      if (event.kind === 'waiting') waitedFromMs ??= nowMs();
      if (event.kind === 'acquired') acquiredMs = nowMs();
      if (event.kind === 'planned') plannedMs = nowMs();
      // One that was never sent has no place in time.
      if (event.kind === 'app' && event.sentAtMs !== undefined) {
        apps.push({ id: event.app.id, startMs: event.sentAtMs - startMs, endMs: nowMs() });
      }
    },
    read: () =>
      hasEvents
        ? { waitedFromMs, acquiredMs, listedFromMs: acquiredMs ?? 0, plannedMs, apps, endMs: nowMs() }
        : null,
  };
}
