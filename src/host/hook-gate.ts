/**
 * `gate` before the tests: a shard that waits until all shards are there and agree. It holds nothing afterwards; a test run
 * that must not start fails here.
 */
import type { CommandContext } from '../app/contract.ts';
import { runGate } from '../app/gate-command.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { adviceLines, createGateLog, type GateEnd } from './gate-view.ts';
import type { HookOutcome } from './hook-contract.ts';

/** Rejects as the command does. */
export async function runGateSection(context: CommandContext, given: unknown): Promise<HookOutcome> {
  const log = createGateLog();
  const ends: GateEnd[] = [];
  const report = await runGate(
    {
      ...context,
      onGateEvent(event) {
        if (event.kind === 'end') ends.push(event);
        for (const { level, message } of log.describe(event)) context.logger[level](message);
      },
    },
    given as ResolvedOptions<'gate'>,
  );
  const [end] = ends;
  const summary = end ? [end.headline, ...adviceLines(report, end)].join(' → ') : report.outcome;
  return { report, summary, level: report.exitCode === 0 ? 'info' : 'error' };
}
