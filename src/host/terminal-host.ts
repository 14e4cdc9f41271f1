/**
 * The terminal as a host: words and environment in, one result out. With `--json` the result is the last line of standard
 * output whatever happened, on a signal too, and everything else goes to standard error.
 * Invariant: the exit status is the result's `exitCode`; no credential a user gave (a store URL's password, a key in the
 * environment) is printed.
 */
import type { CommandContext, CommandResult } from '../app/contract.ts';
import type { createFailureReport as CreateFailureReport } from '../app/failure-report.ts';
import { systemClock } from '../base/clock.ts';
import { CancelledError, ConfigError, exitCodeOf, type LockstepError, toError } from '../base/errors.ts';
import { createLogger, type LogLevel } from '../base/logger.ts';
import { createRedactor, plain } from '../base/text.ts';
import { type ParsedArguments, parseArguments } from '../config/arguments.ts';
import type { CommandName } from '../config/commands.ts';
import { readConfigFile } from '../config/config-file.ts';
import { namedConfigFile, type ResolvedOptions, resolveOptions } from '../config/resolve.ts';
import type { HostProcess, TerminalCommand } from './contract.ts';
import { createOutput, type Output } from './output.ts';
import { secretsOf } from './secrets.ts';
import { type Interruption, listenForInterruption } from './signals.ts';
import { createStyle, type TerminalStyle, wantsColors } from './terminal.ts';
import { describeProcess } from './this-process.ts';

interface Session {
  readonly process: HostProcess;
  readonly output: Output;
  readonly errors: Output;
  readonly isJson: boolean;
  readonly style: TerminalStyle;
  readonly redact: (text: string) => string;
  readonly interruption: Interruption;
  /** The JSON result is out. */
  hasResult: boolean;
  createFailureReport: typeof CreateFailureReport | null;
}

/** Runs the command line to its end, sets the exit status and gives what was reported: null for help. Never rejects. */
export async function runTerminal(process: HostProcess): Promise<CommandResult | null> {
  const parsed = parseArguments(process.argv.slice(2));
  const output = createOutput(1, () => process.stdout);
  const wantsJson = process.argv.includes('--json');
  const session: Session = {
    process,
    output,
    errors: createOutput(2, () => process.stderr),
    isJson: wantsJson || isTrue(process.env['LOCKSTEP_JSON']),
    style: createStyle({ colors: wantsColors(process.env, output.isTerminal) }),
    redact: createRedactor(secretsOf(process.env, process.argv)),
    interruption: listenForInterruption({
      clock: systemClock,
      process,
      onExpired: (signalName) => endAtOnce(signalName, parsed, session),
    }),
    hasResult: false,
    createFailureReport: null,
  };
  session.interruption.signal.addEventListener('abort', () => void prepareToEnd(session), { once: true });
  try {
    if (parsed.version || parsed.help || parsed.command === null) {
      const { answerWithoutCommand } = await import('./terminal-help.ts');
      process.exitCode = answerWithoutCommand(parsed, process);
      return null;
    }
    const report = await runParsed(parsed, parsed.command, session);
    process.exitCode = report.exitCode;
    return report;
  } catch (thrown) {
    const report = await reportFailure(parsed, toError(thrown), session);
    process.exitCode = report.exitCode;
    return report;
  } finally {
    session.interruption.dispose();
  }
}

async function runParsed(
  parsed: ParsedArguments,
  name: CommandName,
  session: Session,
): Promise<CommandResult> {
  const resolved = await resolveAll(parsed, name, session);
  const command = await loadCommand(name, session);
  const context = createContext(resolved, session, parsed);
  const report = await command.run(context, resolved);
  const lines = resolved.values.json ? [] : command.render(report, session.style);
  if (lines.length > 0) session.output.write(`${session.redact(lines.join('\n'))}\n`);
  if (resolved.values.json && command.hasForeignOutput?.(report)) session.output.write('\n');
  if (resolved.values.json) writeJson(report, session);
  return report;
}

async function resolveAll(
  parsed: ParsedArguments,
  command: CommandName,
  { process }: Session,
): Promise<ResolvedOptions<CommandName>> {
  const request = { command, host: 'cli' as const, flags: parsed.flags, env: process.env };
  const { file, problems } = await readConfigFile({
    directory: process.cwd(),
    named: namedConfigFile(request),
    canRunCode: true,
  });
  const resolved = await resolveOptions({ ...request, file });
  return problems.length === 0 ? resolved : { ...resolved, problems: [...problems, ...resolved.problems] };
}

/** One entry per command; each pays only for itself. */
async function loadCommand(command: CommandName, session: Session): Promise<TerminalCommand> {
  switch (command) {
    case 'reap':
      return (await import('./terminal-reap.ts')).reapCommand;
    case 'gate':
      return (await import('./terminal-gate.ts')).createGateCommand();
    case 'check':
      return (await import('./terminal-check.ts')).createCheckCommand();
    case 'lock':
      return (await import('./terminal-lock.ts')).lockCommand;
    case 'assert':
      return (await import('./terminal-lock.ts')).assertCommand;
    case 'unlock':
      return (await import('./terminal-lock.ts')).unlockCommand;
    case 'gc':
      return (await import('./terminal-gc.ts')).gcCommand;
    case 'status':
      return (await import('./terminal-status.ts')).statusCommand;
    case 'doctor':
      return (await import('./terminal-doctor.ts')).doctorCommand;
    case 'demo':
      return (await import('./terminal-demo.ts')).createDemoCommand({
        stream: {
          write: (text) => session.output.write(text),
          isTerminal: session.output.isTerminal,
        },
        style: session.style,
      });
  }
}

function createContext(
  resolved: ResolvedOptions<CommandName>,
  session: Session,
  parsed: ParsedArguments,
): CommandContext {
  const { process, style, redact, interruption, errors } = session;
  const paint: Record<LogLevel, (text: string) => string> = {
    error: style.red,
    warn: style.yellow,
    info: (text) => text,
    debug: style.dim,
  };
  return {
    clock: systemClock,
    logger: createLogger(resolved.values.logLevel, (level, message) => {
      const mark = level === 'error' || level === 'warn' ? `${level}: ` : '';
      errors.write(`${paint[level](redact(`${mark}${message}`))}\n`);
    }),
    env: process.env,
    cwd: process.cwd(),
    signal: interruption.signal,
    takeSignals: (listener) => interruption.takeOver(listener),
    redact,
    hasTerminal: () => process.stdin?.isTTY === true || session.output.isTerminal || errors.isTerminal,
    isRunner: process.env['GITHUB_ACTIONS'] === 'true',
    process: describeProcess(process, process.env),
    rest: parsed.rest,
  };
}

/** Every problem with its option, the cure, and the JSON result where it was asked for. */
async function reportFailure(
  parsed: ParsedArguments,
  error: Error,
  session: Session,
): Promise<CommandResult> {
  const { errors, redact, style, isJson } = session;
  const isKnown = exitCodeOf(error) !== 1;
  if (error instanceof ConfigError) {
    for (const { option, message } of error.problems) {
      errors.write(
        `${style.red('error:')} ${redact(`${option ? `${style.bold(option)} ` : ''}${message}`)}\n`,
      );
    }
  } else {
    errors.write(`${style.red('error:')} ${redact(plain(error.message, 2000))}\n`);
    if (!isKnown) errors.write(`${style.dim(redact(error.stack ?? ''))}\nThis is a bug in lockstep.\n`);
  }
  const hint = (error as Partial<LockstepError>).hint;
  if (hint) errors.write(`${redact(plain(hint, 1000))}\n`);
  const { createFailureReport } = await import('../app/failure-report.ts');
  const report = createFailureReport(parsed.command, error, nameIn(parsed));
  if (isJson) writeJson(report, session);
  return report;
}

function writeJson(report: CommandResult, session: Session): void {
  session.hasResult = true;
  session.output.write(`${session.redact(JSON.stringify(report))}\n`);
}

/** What a lock, a gate or a check was called, whatever else was wrong with the words. */
function nameIn({ flags }: ParsedArguments): string {
  const name = flags.given.get('name')?.raw;
  return typeof name === 'string' ? plain(name, 120) : '';
}

/** What the end by force will need, loaded while there is time. */
async function prepareToEnd(session: Session): Promise<void> {
  const { createFailureReport } = await import('../app/failure-report.ts');
  session.createFailureReport = createFailureReport;
}

/** Winding down took too long, or a second signal came: the result says so, and the process ends here. */
function endAtOnce(signalName: 'SIGINT' | 'SIGTERM', parsed: ParsedArguments, session: Session): void {
  const error = new CancelledError('interrupted', { signalName });
  const report = session.createFailureReport?.(parsed.command, error, nameIn(parsed));
  if (report && session.isJson && !session.hasResult) writeJson(report, session);
  session.process.exit(signalName === 'SIGINT' ? 130 : 143);
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}
