/**
 * A workflow step as a host, main part: inputs in, one result out as outputs, log, annotations and job summary.
 * NOT guaranteed: that a summary or an output is written; a full disk costs them, never the result.
 * Invariants: inputs only, and a config file only when the input `config` names it, JSON only (a checked-out pull request must
 * not run code or set `apply`); the exit status follows the contract's table.
 */
import type { CommandContext, CommandResult } from '../app/contract.ts';
import { systemClock } from '../base/clock.ts';
import { ConfigError, exitCodeOf, type LockstepError, toError } from '../base/errors.ts';
import { COMMAND_NAMES, type CommandName, isCommandOf } from '../config/commands.ts';
import { readConfigFile } from '../config/config-file.ts';
import { namedConfigFile, type ResolvedOptions, resolveOptions } from '../config/resolve.ts';
import { loadActionCommand } from './action-commands.ts';
import { type WorkflowCommands, workflowCommands } from './action-core.ts';
import { publishResult } from './action-publication.ts';
import { createStepContext, openStepSession, type StepSession } from './action-session.ts';
import { saveHeld } from './action-state.ts';
import { decideStep } from './action-verdict.ts';
import type { ActionCommand, ActionStep, HostProcess } from './contract.ts';

/** Reasons to skip that a person should know of although the step succeeds. */
const NOTICED = ['no-store', 'no-permission', 'low-quota'];

/** Runs the step's command and sets the exit status. Never rejects. */
export async function runAction(
  process: HostProcess,
  commands: WorkflowCommands = workflowCommands,
): Promise<void> {
  const session = openStepSession(process, commands);
  let command: CommandName | null = null;
  try {
    command = readCommand(session.inputs);
    const resolved = await resolveInputs(session, command);
    const action = await loadActionCommand(command, systemClock);
    const context = await createStepContext(session);
    const report = await runCommand(session, { action, context, resolved });
    process.exitCode = conclude(session, { action, report, resolved });
    await publishResult(session, report, (clean) => action.renderSummary(clean));
  } catch (thrown) {
    process.exitCode = await reportFailure(session, command, toError(thrown));
  } finally {
    session.dispose();
  }
}

function readCommand(inputs: StepSession['inputs']): CommandName {
  const text = inputs['command']?.trim() ?? '';
  if (isCommandOf('action', text)) return text;
  const known = COMMAND_NAMES.filter((name) => isCommandOf('action', name)).join(', ');
  const message = text === '' ? `is required; one of ${known}` : `"${text}" is not one of ${known}`;
  throw new ConfigError([{ option: 'command', message }]);
}

async function resolveInputs(
  session: StepSession,
  command: CommandName,
): Promise<ResolvedOptions<CommandName>> {
  const request = { command, host: 'action' as const, inputs: session.inputs };
  const { file, problems } = await readConfigFile({
    directory: session.process.cwd(),
    named: namedConfigFile(request),
    canRunCode: false,
  });
  session.maskConfig(file?.content);
  const resolved = await resolveOptions({ ...request, file });
  return problems.length === 0 ? resolved : { ...resolved, problems: [...problems, ...resolved.problems] };
}

function runCommand(
  session: StepSession,
  parts: { action: ActionCommand; context: CommandContext; resolved: ResolvedOptions<CommandName> },
): Promise<CommandResult> {
  const { action, context, resolved } = parts;
  const { commands, secrets, log } = session;
  const step: ActionStep = {
    keep(held) {
      if (!saveHeld(held, { commands, secrets }))
        log.annotate(
          'warning',
          'what this step holds cannot be handed to its post step; it will run out by itself',
        );
    },
    exportVariable: (name, value) => commands.exportVariable(name, value),
  };
  return log.group(`lockstep ${resolved.command}`, () => action.run(context, resolved, step));
}

/** The closing sentence, as what the step's fate makes it. Gives the exit status. */
function conclude(
  { log }: StepSession,
  parts: { action: ActionCommand; report: CommandResult; resolved: ResolvedOptions<CommandName> },
): number {
  const { action, report, resolved } = parts;
  const lines = action.renderLog(report);
  for (const line of lines.slice(0, -1)) log.line(line);
  const closing = lines.at(-1) ?? `lockstep ${report.command}: exit code ${report.exitCode}`;
  const verdict = decideStep(report, { failOnIncomplete: resolved.values.failOnIncomplete });
  if (verdict.kind === 'failure') {
    log.conclude('error', closing);
    return verdict.exitCode;
  }
  const reason = (report as { readonly reason?: unknown }).reason;
  if (verdict.kind === 'warning') log.conclude('warning', closing);
  else if (NOTICED.includes(String(reason)) && log.notices === 0) log.conclude('notice', closing);
  else log.line(closing);
  return 0;
}

/** Every problem with its input, the cure, and the result all the same. */
async function reportFailure(
  session: StepSession,
  command: CommandName | null,
  error: Error,
): Promise<number> {
  const { log } = session;
  const { createFailureReport } = await import('../app/failure-report.ts');
  const report = createFailureReport(command, error);
  if (error instanceof ConfigError) {
    for (const { option, message } of error.problems)
      log.annotate('error', option ? `${option} ${message}` : message);
  } else {
    const { hint } = error as Partial<LockstepError>;
    log.conclude('error', hint === undefined ? error.message : `${error.message}. ${hint}`);
  }
  if (exitCodeOf(error) === 1) {
    for (const line of (error.stack ?? '').split('\n')) log.line(line);
    log.line('This is a bug in lockstep.');
  }
  const { renderFailureSummary } = await import('./summary-failure.ts');
  await publishResult(session, report, (clean) => renderFailureSummary(clean, error));
  return report.exitCode;
}
