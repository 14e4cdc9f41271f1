/**
 * What main and post of a step share: secrets masked first, then a log, the runner's cancellation, and the context commands
 * run in. The one place of the Action that reads the environment.
 * Invariants: nothing is logged before every credential known by then is masked; only inputs are options, a `LOCKSTEP_*`
 * variable never is; the input `token` stands for `GITHUB_TOKEN`, for lockstep alone and not for the user's own commands.
 */
import type { CommandContext } from '../app/contract.ts';
import { systemClock } from '../base/clock.ts';
import { createRedactor, forMarkdown } from '../base/text.ts';
import { inputsOf } from '../config/sources.ts';
import type { WorkflowCommands } from './action-core.ts';
import { isForkPullRequest } from './action-fork.ts';
import { createStepLog, type StepLog } from './action-log.ts';
import { secretsOfStep } from './action-secrets.ts';
import type { HostProcess } from './contract.ts';
import { type Interruption, listenForInterruption } from './signals.ts';
import { describeProcess } from './this-process.ts';

/** Longer than any credential. */
const MAX_SECRET = 65_536;

type Environment = Readonly<Record<string, string | undefined>>;

export interface StepSession {
  readonly process: HostProcess;
  readonly commands: WorkflowCommands;
  readonly inputs: Readonly<Record<string, string | undefined>>;
  readonly log: StepLog;
  /** Known so far. */
  readonly secrets: readonly string[];
  readonly redact: (text: string) => string;
  /** For Markdown: a secret in a text that was escaped reads differently there. */
  readonly redactMarkup: (text: string) => string;
  /** Masks what a config file's content adds. */
  maskConfig(content: unknown): void;
  dispose(): void;
  readonly interruption: Interruption;
}

/** Begins a step. The caller disposes it. */
export function openStepSession(process: HostProcess, commands: WorkflowCommands): StepSession {
  const inputs = inputsOf(process.env);
  const secrets = new Set<string>();
  let redact = createRedactor([]);
  const mask = (config?: unknown) => {
    for (const secret of secretsOfStep({ env: process.env, inputs, config })) {
      if (secrets.has(secret)) continue;
      secrets.add(secret);
      commands.setSecret(secret);
    }
    redact = createRedactor(secrets);
  };
  mask();
  const interruption = listenForInterruption({
    clock: systemClock,
    process,
    onExpired: (signalName) => process.exit(signalName === 'SIGINT' ? 130 : 143),
  });
  return {
    process,
    commands,
    inputs,
    log: createStepLog({ commands, redact: (text) => redact(text) }),
    get secrets() {
      return [...secrets];
    },
    redact: (text) => redact(text),
    redactMarkup: (text) => {
      const forms = [...secrets].flatMap((secret) => [secret, forMarkdown(secret, MAX_SECRET)]);
      return createRedactor(forms)(text);
    },
    maskConfig: mask,
    interruption,
    dispose: () => interruption.dispose(),
  };
}

/** The world as a command of this step sees it. */
export async function createStepContext(session: StepSession): Promise<CommandContext> {
  const { process, inputs, log, interruption } = session;
  const token = inputs['token']?.trim();
  return {
    clock: systemClock,
    logger: log.logger,
    env: { ...process.env, ...(token ? { GITHUB_TOKEN: token } : {}) },
    childEnv: childEnvironment(process.env),
    redact: session.redact,
    cwd: process.cwd(),
    signal: interruption.signal,
    takeSignals: (listener) => interruption.takeOver(listener),
    isRunner: process.env['GITHUB_ACTIONS'] === 'true',
    isForkPullRequest: await isForkPullRequest(process.env),
    process: describeProcess(process, process.env),
    rest: null,
    onNotice: (message) => log.annotate('notice', message),
  };
}

/** What a `run:` step would see: without this step's inputs and state, and without the runner's own token. */
export function childEnvironment(env: Environment): Record<string, string | undefined> {
  const isOwn = (name: string) => /^(INPUT|STATE)_/.test(name) || name === 'ACTIONS_RUNTIME_TOKEN';
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isOwn(name)));
}
