/**
 * A workflow step as a host, post part: gives back what main still holds, and nothing else. Runs after the job's other steps,
 * also when the job failed or was cancelled; a lost runner runs nothing, so correctness never depends on it.
 * Invariant: without a state that main left it does nothing and succeeds.
 */
import { systemClock } from '../base/clock.ts';
import { exitCodeOf, type LockstepError, toError } from '../base/errors.ts';
import { loadActionCommand } from './action-commands.ts';
import { type WorkflowCommands, workflowCommands } from './action-core.ts';
import { createStepContext, openStepSession } from './action-session.ts';
import { readHeld } from './action-state.ts';
import { decideStep } from './action-verdict.ts';
import type { HostProcess } from './contract.ts';

/** Gives back what main kept and sets the exit status. Never rejects. */
export async function runPost(
  process: HostProcess,
  commands: WorkflowCommands = workflowCommands,
): Promise<void> {
  const held = readHeld(process.env);
  if (held === null) return;
  const session = openStepSession(process, commands);
  const { log } = session;
  try {
    const action = await loadActionCommand(held.command, systemClock);
    if (!action.giveBack) return;
    const report = await action.giveBack(held, await createStepContext(session));
    const lines = action.renderLog(report);
    for (const line of lines.slice(0, -1)) log.line(line);
    const closing = lines.at(-1) ?? `lockstep ${report.command}: exit code ${report.exitCode}`;
    const verdict = decideStep(report, { failOnIncomplete: false });
    process.exitCode = verdict.kind === 'failure' ? verdict.exitCode : 0;
    if (verdict.kind === 'failure') log.conclude('error', closing);
    else log.line(closing);
  } catch (thrown) {
    const error = toError(thrown);
    const { hint } = error as Partial<LockstepError>;
    log.conclude('error', hint === undefined ? error.message : `${error.message}. ${hint}`);
    process.exitCode = exitCodeOf(error);
  } finally {
    session.dispose();
  }
}
