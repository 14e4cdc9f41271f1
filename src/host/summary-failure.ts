/** The job summary of a step that ended with an error: every problem with its input. Pure. */
import type { CommandResult } from '../app/contract.ts';
import { ConfigError, type LockstepError } from '../base/errors.ts';
import { forMarkdown } from '../base/text.ts';
import { joinParts, renderMarkdownTable } from './summary.ts';

const MAX_ROWS = 100;

export function renderFailureSummary(report: CommandResult, error: Error): string {
  const title = `### ❌ lockstep ${report.command}`.trimEnd();
  if (error instanceof ConfigError) {
    const rows = error.problems
      .slice(0, MAX_ROWS)
      .map(({ option, message }) => [forMarkdown(option, 120), forMarkdown(message, 500)]);
    return joinParts([
      `${title}: the configuration is wrong`,
      'Nothing was sent.',
      renderMarkdownTable(['input', 'problem'], rows),
    ]);
  }
  const { hint } = error as Partial<LockstepError>;
  return joinParts([
    `${title}: failed`,
    forMarkdown(error.message, 1000),
    hint === undefined ? '' : forMarkdown(hint, 1000),
    `<sub>exit code ${report.exitCode}</sub>`,
  ]);
}
