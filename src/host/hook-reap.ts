/**
 * `reap` before the tests: the caller that only wants a clean-up. It tries once and goes on at once where another job sweeps;
 * 20 s and 10 deletions unless set otherwise, and it stops at the first conflict. Progress is said in one line at the end.
 */

import type { CommandContext } from '../app/contract.ts';
import { runReap } from '../app/reap-command.ts';
import { formatDuration } from '../base/duration.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { ReapReport } from '../reaper/contract.ts';
import type { HookOutcome } from './hook-contract.ts';
import { describeOutcome, describeReapEvent } from './reap-view.ts';
import { createStyle } from './terminal.ts';

const TIMEOUT_MS = 20_000;
const MAX_DELETES = 10;

export async function runReapSection(context: CommandContext, given: unknown): Promise<HookOutcome> {
  const report = await runReap(
    {
      ...context,
      onReapEvent(event) {
        const line = describeReapEvent(event);
        // A test run's output has no room for one line per app.
        if (line) context.logger[line.level === 'warn' ? 'warn' : 'debug'](line.message);
      },
    },
    withStartupDefaults(given as ResolvedOptions<'reap'>),
  );
  return {
    report,
    summary: describeReap(report),
    level: report.exitCode === 0 || report.exitCode === 10 ? 'info' : 'warn',
  };
}

/** The defaults of a clean-up that a test run waits for. What the user set stands. */
export function withStartupDefaults(resolved: ResolvedOptions<'reap'>): ResolvedOptions<'reap'> {
  const isSet = (name: Parameters<typeof resolved.sourceOf>[0]) => resolved.sourceOf(name) !== null;
  const { values } = resolved;
  return {
    ...resolved,
    values: Object.freeze({
      ...values,
      timeoutMs: isSet('timeout') ? values.timeoutMs : TIMEOUT_MS,
      maxDeletes: isSet('maxDeletes') ? values.maxDeletes : MAX_DELETES,
      onConflict: isSet('onConflict') ? values.onConflict : 'stop',
    }),
  };
}

function describeReap(report: ReapReport): string {
  const style = createStyle({ colors: false });
  const said = describeOutcome(report, style, 'Set apply: true to do it.');
  return `${said} (${formatDuration(report.durationMs)})`;
}
