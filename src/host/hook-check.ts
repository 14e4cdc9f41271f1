/**
 * `check` before the tests: publish, read or await a check once. A mirror needs somebody who keeps it alive, and a test
 * runner's own process does not; so an alias runs here only `until` a status. Holds nothing afterwards.
 */

import { runCheck } from '../app/check-command.ts';
import type { CommandContext } from '../app/contract.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { HookOutcome } from './hook-contract.ts';
import { createStyle } from './terminal.ts';
import { describeCheck, describeCheckEvent } from './terminal-check.ts';

/** Rejects as the command does. */
export async function runCheckSection(context: CommandContext, given: unknown): Promise<HookOutcome> {
  const report = await runCheck(
    { ...context, mustEnd: true, onCheckEvent: (event) => context.logger.info(describeCheckEvent(event)) },
    given as ResolvedOptions<'check'>,
  );
  const summary = describeCheck(report, createStyle({ colors: false }));
  return { report, summary, level: report.exitCode === 0 ? 'info' : 'error' };
}
