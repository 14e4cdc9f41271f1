/**
 * Test runners as a host: before the tests the sections that are present run, in the order of hook-sections.ts; their results
 * go to the tests by `LOCKSTEP_RESULT_*`; after the tests whatever they hold is given back.
 * NOT guaranteed: a teardown. Jest, Mocha and Vitest run none on SIGINT; what must not outlive the runner belongs to the lease
 * agent. Invariants: nothing but what the contract names fails the tests; a set-up that throws has given back all it held;
 * the second of two set-ups in one process (watch mode) starts from where the first one started.
 */
import type { CommandResult } from '../app/contract.ts';
import { createFailureReport } from '../app/failure-report.ts';
import { systemClock } from '../base/clock.ts';
import { ConfigError, type ConfigProblem, hasCode, LockstepError, toError } from '../base/errors.ts';
import { createLogger, type Logger } from '../base/logger.ts';
import { createRedactor, plain } from '../base/text.ts';
import { COMMAND_NAMES, type CommandName } from '../config/commands.ts';
import { type ConfigFile, readConfigFile } from '../config/config-file.ts';
import { environmentName } from '../config/option-spec.ts';
import { namedConfigFile, type ResolvedOptions, resolveOptions } from '../config/resolve.ts';
import type { HookOutcome, HookRequest, HookSection } from './hook-contract.ts';
import { boundResult, resultVariable } from './hook-result.ts';
import { HOOK_SECTIONS } from './hook-sections.ts';
import { findHeld, type HookState, isOuterRun, openState, releaseAll } from './hook-state.ts';
import { createProcessContext } from './process-context.ts';
import { secretsOf } from './secrets.ts';
import { type Interruption, listenForInterruption } from './signals.ts';

/** Runs before the tests. Rejects only where a bad result has to fail them; then nothing is held any more. */
export async function setUpHook(
  request: HookRequest,
  sections: readonly HookSection[] = HOOK_SECTIONS,
): Promise<void> {
  const { env } = process;
  // A runner started by a test, or by a hook of another runner: the outer one has done it all.
  if (isOuterRun(env)) return;
  const state = openState();
  const interruption = listenForInterruption({
    clock: systemClock,
    process,
    onExpired: (signalName) => process.exit(signalName === 'SIGINT' ? 130 : 143),
  });
  try {
    await runSections(request, { state, interruption, sections });
  } catch (thrown) {
    // No runner calls teardown after a set-up that threw.
    await tearDownHook();
    throw thrown;
  } finally {
    interruption.dispose();
    passOn(interruption.received());
  }
}

/** Runs after the tests, and may run twice or without a set-up. Never rejects: a bad end is a warning. */
export async function tearDownHook(): Promise<void> {
  const { logger } = createVoice({ level: 'info', secrets: [] });
  await releaseAll(process.env, (error) => logger.warn(`could not give back: ${plain(error.message, 500)}`));
}

interface Setting {
  readonly state: HookState;
  readonly interruption: Interruption;
  readonly sections: readonly HookSection[];
}

async function runSections(request: HookRequest, setting: Setting): Promise<void> {
  const file = await readFileOf(request);
  const sections = setting.sections.filter((section) => isPresent(section, request, file));
  if (sections.length === 0 || namesOther(request, setting.sections))
    await explainOthers(request, file, setting);
  const results: Record<string, CommandResult> = {};
  for (const section of sections) {
    if (setting.interruption.signal.aborted) break;
    const { command } = section;
    const result = boundResult(await runSection(section, { request, file, setting }));
    results[command] = result;
    const variable = resultVariable(command);
    setting.state.variables.add(variable);
    process.env[variable] = JSON.stringify(result);
  }
  request.provide?.(Object.freeze(results));
}

/** Runs one section to its result. Rejects where the result has to fail the tests. */
async function runSection(
  section: HookSection,
  { request, file, setting }: { request: HookRequest; file: ConfigFile; setting: Setting },
): Promise<CommandResult> {
  const { command } = section;
  const found = await resolveOptions({ ...sourcesOf(request), command, file: file.file });
  const resolved = { ...found, problems: [...file.problems, ...found.problems] };
  const { values } = resolved;
  const mustFail = section.failsTests === 'always' || values.failOnError;
  const { logger, redact } = createVoice({ level: values.logLevel, secrets: [values.store] });
  const held = findHeld(setting.state, { section: command, request });
  try {
    // The same set-up again, without a teardown in between: what the first one holds would stand in its own way.
    await held?.release();
    const outcome = await section.run(
      createProcessContext({ logger, redact, signal: setting.interruption.signal, cwd: request.rootDir }),
      resolved as Parameters<HookSection['run']>[1],
    );
    setting.state.held.push({ section: command, request, release: releaseOf(outcome) });
    const { report } = outcome;
    const isBad = report.exitCode !== 0 && report.exitCode !== 10;
    if (isBad && mustFail) throw failureOf(command, outcome);
    logger[outcome.level](`${command}: ${outcome.summary}`);
    return JSON.parse(redact(JSON.stringify(report))) as CommandResult;
  } catch (thrown) {
    const error = toError(thrown);
    if (mustFail) throw error;
    if (setting.interruption.signal.aborted) return createFailureReport(command, error);
    sayFailure(command, error, logger);
    return createFailureReport(command, error);
  }
}

function releaseOf({ release }: HookOutcome): () => Promise<void> {
  let ended: Promise<void> | null = null;
  return async () => {
    ended ??= release?.() ?? Promise.resolve();
    await ended;
  };
}

/** A warning per problem, so that a run whose clean-up does not work can be told from one that needs none. */
function sayFailure(command: CommandName, error: Error, logger: Logger): void {
  const go = 'the tests go on';
  if (error instanceof ConfigError) {
    for (const { option, message } of error.problems)
      logger.warn(`${command}: ${option === '' ? '' : `${option} `}${message} (${go})`);
  } else {
    const hint =
      error instanceof LockstepError && error.hint !== undefined ? `. ${plain(error.hint, 500)}` : '';
    logger.warn(`${command}: ${plain(error.message, 500)}${hint} (${go})`);
  }
  if (!(error instanceof LockstepError) || hasCode(error, 'invariant')) logger.warn(error.stack ?? '');
}

/** The error that fails the tests where the command itself reported instead of throwing. */
function failureOf(command: CommandName, { report, summary }: HookOutcome): LockstepError {
  const codes = { 4: 'deadline', 5: 'auth', 6: 'unavailable', 8: 'lease-lost', 9: 'corrupt-record' } as const;
  const code = codes[report.exitCode as keyof typeof codes] ?? 'limit';
  return new LockstepError(code, `lockstep ${command}: ${summary}`, {
    hint: `its result has the exit code ${report.exitCode}`,
  });
}

function sourcesOf({ options }: HookRequest) {
  return { host: 'hook' as const, env: process.env, ...(options === undefined ? {} : { hook: options }) };
}

function readFileOf(request: HookRequest): Promise<ConfigFile> {
  return readConfigFile({
    directory: request.rootDir ?? process.cwd(),
    named: namedConfigFile({ ...sourcesOf(request), command: 'reap' }),
    canRunCode: true,
  });
}

function isPresent({ command, startedBy }: HookSection, request: HookRequest, { file }: ConfigFile): boolean {
  const has = (content: unknown) =>
    typeof content === 'object' &&
    content !== null &&
    (content as Record<string, unknown>)[command] !== undefined;
  if (has(request.options) || has(file?.content)) return true;
  return startedBy !== null && Boolean(process.env[environmentName(startedBy)]);
}

/** The object asks for a command that hooks do not run. A file may well have such a section: it serves the command line, too. */
function namesOther({ options = {} }: HookRequest, sections: readonly HookSection[]): boolean {
  return otherCommands(options, sections).length > 0;
}

function otherCommands(options: object, sections: readonly HookSection[]): CommandName[] {
  return COMMAND_NAMES.filter(
    (name) => Object.hasOwn(options, name) && !sections.some(({ command }) => command === name),
  );
}

/** Nothing to run is mostly a misspelling, or a file that could not be read: the problems say which. */
async function explainOthers(
  request: HookRequest,
  file: ConfigFile,
  { sections }: Pick<Setting, 'sections'>,
): Promise<void> {
  const { problems, values } = await resolveOptions({
    ...sourcesOf(request),
    command: 'reap',
    file: file.file,
  });
  const { logger } = createVoice({ level: values.logLevel, secrets: [values.store] });
  const names = sections.map(({ command }) => command).join(', ');
  const others = otherCommands(request.options ?? {}, sections);
  const told: ConfigProblem[] = [
    ...file.problems,
    // That the options of a clean-up nobody asked for are missing is no news.
    ...problems.filter(({ message }) => !/^is required/.test(message)),
    ...others.map((option) => ({ option, message: `is not run by hooks; they run ${names}` })),
  ];
  if (told.length > 0 && values.failOnError) throw new ConfigError(told);
  for (const { option, message } of told) logger.warn(`${option} ${message}`);
  if (told.length === 0) logger.info(`nothing to do: no section is configured (there are: ${names})`);
}

function createVoice({
  level,
  secrets,
}: {
  level: ResolvedOptions<'reap'>['values']['logLevel'];
  secrets: readonly (string | null)[];
}) {
  const redact = createRedactor(secretsOf(process.env, secrets));
  const logger = createLogger(level, (own, message) => {
    const mark = own === 'info' || own === 'debug' ? '' : `${own}: `;
    process.stderr.write(`lockstep: ${mark}${redact(message)}\n`);
  });
  return { logger, redact };
}

/** A signal that came meanwhile does what it would have done without us, unless the runner listens and has it already. */
function passOn(signalName: 'SIGINT' | 'SIGTERM' | null): void {
  if (signalName !== null && process.listenerCount(signalName) === 0) process.kill(process.pid, signalName);
}
