// Runs a step of a workflow the way actions/runner does: main with INPUT_*, the command files and GITHUB_* variables, then
// post with the STATE_* that main saved; cancelling is SIGINT to the entry process, SIGTERM, then SIGKILL to all that is left.
// It fails on what a runner forgives or hides: a secret anywhere in what a step gives away, a summary over 1 MiB (the runner
// shows nothing then), more than ten annotations of a type, a process left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { createNonce } from '../../src/base/identity.ts';
import { distFolder } from './cli.ts';
import { parseCommand, splitLines, type WorkflowCommand } from './runner-commands.ts';
import { parseCommandFile, readActionInputs } from './runner-files.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const MAX_SUMMARY_BYTES = 1024 * 1024;
const MAX_ANNOTATIONS = 10;
const ANNOTATIONS = ['notice', 'warning', 'error'] as const;

export interface RunnerStep {
  /** The step's `with:`; the rest of the inputs comes from action.yml. */
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** `github.token`; empty for none. */
  readonly token?: string;
  readonly event?: { readonly name: string; readonly payload?: unknown };
  /** Values that nothing may show. The token is one of them. */
  readonly secrets?: readonly string[];
  /** Cancels main once its output matches. */
  readonly cancelWhen?: RegExp;
  /** Told all that main has printed so far, each time it prints. */
  readonly onOutput?: (text: string) => void;
  /** What the job's later steps do, before post. */
  readonly between?: (main: PhaseResult) => Promise<void>;
}

export interface PhaseResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What a person sees in the log: lines that are no commands, secrets masked. */
  readonly log: string;
  readonly commands: readonly WorkflowCommand[];
  readonly annotations: readonly { readonly kind: string; readonly message: string }[];
  readonly outputs: ReadonlyMap<string, string>;
  readonly state: ReadonlyMap<string, string>;
  readonly exported: ReadonlyMap<string, string>;
  readonly summary: string;
}

export interface StepResult {
  readonly main: PhaseResult;
  readonly post: PhaseResult;
  /** The output `result`, parsed. */
  result<T = Record<string, unknown>>(): T;
}

export interface RunnerWorld {
  readonly folder: string;
  /** Where steps start, as after a checkout. */
  readonly workspace: string;
  readonly temp: string;
  /** Rejects where a step does what the runner forgives or hides. */
  runStep(step: RunnerStep): Promise<StepResult>;
  dispose(): Promise<void>;
}

export interface RunnerSettings {
  /** The Action's entries; those of dist unless given. */
  readonly entries?: { readonly main: string; readonly post: string };
  /** How long a cancelled step has after SIGINT, and after SIGTERM. */
  readonly interruptMs?: number;
  readonly terminateMs?: number;
}

/** A machine with one runner on it. The caller disposes it. */
export function createRunnerWorld(settings: RunnerSettings = {}): RunnerWorld {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep-runner-')));
  const [workspace, temp] = [join(folder, 'work/repo/repo'), join(folder, 'work/_temp')];
  mkdirSync(workspace, { recursive: true });
  mkdirSync(join(temp, '_runner_file_commands'), { recursive: true });
  const entries = settings.entries ?? {
    main: join(distFolder, 'action.js'),
    post: join(distFolder, 'post.js'),
  };
  const world = { folder, workspace, temp, settings };
  return {
    folder,
    workspace,
    temp,
    async runStep(step) {
      const token = step.token ?? 'ghs_TokenOfTheTestRunner0123456789abcdef';
      const secrets = [...(step.secrets ?? []), token].filter((secret) => secret !== '');
      const env = stepEnvironment(world, { ...step, token });
      const { cancelWhen, onOutput } = step;
      const main = await runPhase(world, { entry: entries.main, env, secrets, cancelWhen, onOutput });
      await step.between?.(main);
      const state = [...main.state].map(([name, value]) => [`STATE_${name}`, value]);
      const post = await runPhase(world, {
        entry: entries.post,
        env: { ...env, ...Object.fromEntries(state) },
        secrets,
      });
      const left = processesIn(folder);
      if (left.length > 0) throw new Error(`the step left processes behind: ${left.join('; ')}`);
      return { main, post, result: <T>() => JSON.parse(main.outputs.get('result') ?? '') as T };
    },
    async dispose() {
      for (const left of processesIn(folder)) kill(Number.parseInt(left, 10));
      await sleep(systemClock, 0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type World = Pick<RunnerWorld, 'folder' | 'workspace' | 'temp'> & { settings: RunnerSettings };

function stepEnvironment(world: World, step: RunnerStep & { token: string }): Record<string, string> {
  const eventPath = join(world.temp, 'event.json');
  writeFileSync(eventPath, JSON.stringify(step.event?.payload ?? {}));
  const expressions: Readonly<Record<string, string>> = {
    'github.token': step.token,
    'job.check_run_id': '4242',
    'strategy.job-index': '0',
    'strategy.job-total': '1',
  };
  const inputs = readActionInputs(readFileSync(join(root, 'action.yml'), 'utf8'));
  for (const [name, text] of inputs)
    inputs.set(
      name,
      text.replace(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => expressions[expression] ?? ''),
    );
  for (const [name, value] of Object.entries(step.with ?? {})) inputs.set(name, value);
  const inputVariables = [...inputs].map(([name, value]) => [
    `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
    value,
  ]);
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: world.folder,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'octocat',
    GITHUB_API_URL: 'http://127.0.0.1:1/api/v3',
    GITHUB_EVENT_NAME: step.event?.name ?? 'push',
    GITHUB_EVENT_PATH: eventPath,
    GITHUB_JOB: 'test',
    GITHUB_REPOSITORY: 'octo/repo',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_ID: '777',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_WORKSPACE: world.workspace,
    RUNNER_TEMP: world.temp,
    RUNNER_TRACKING_ID: `github_${createNonce()}`,
    ...step.env,
    ...Object.fromEntries(inputVariables),
  };
}

interface Phase {
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly cancelWhen?: RegExp | undefined;
  readonly onOutput?: ((text: string) => void) | undefined;
}

async function runPhase(world: World, phase: Phase): Promise<PhaseResult> {
  const id = createNonce();
  const files = Object.fromEntries(
    ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY'].map((name) => {
      const path = join(world.temp, '_runner_file_commands', `${name.toLowerCase()}_${id}`);
      writeFileSync(path, '');
      return [`GITHUB_${name}`, path];
    }),
  );
  const child = spawn(process.execPath, [phase.entry], {
    cwd: world.workspace,
    env: { ...phase.env, ...files },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = await follow(child, world, phase);
  const read = (name: string) => readFileSync(files[`GITHUB_${name}`] as string, 'utf8');
  const texts = {
    outputs: read('OUTPUT'),
    state: read('STATE'),
    exported: read('ENV'),
    summary: read('STEP_SUMMARY'),
  };
  const { log, commands } = readStreams(ended.text, phase.secrets);
  const annotations = commands.flatMap(({ name, data }) =>
    ANNOTATIONS.some((kind) => kind === name) ? [{ kind: name, message: data }] : [],
  );
  const problems = [
    ...findSecrets({ ...texts, streams: ended.text }, phase.secrets),
    ...ANNOTATIONS.filter(
      (kind) => annotations.filter((each) => each.kind === kind).length > MAX_ANNOTATIONS,
    ).map((kind) => `more than ${MAX_ANNOTATIONS} annotations of the type ${kind}`),
    ...(Buffer.byteLength(texts.summary) > MAX_SUMMARY_BYTES ? ['a summary over 1 MiB'] : []),
  ];
  if (problems.length > 0) throw new Error(`the step's ${phase.entry}: ${problems.join('; ')}`);
  return {
    exitCode: ended.exitCode,
    signal: ended.signal,
    log,
    commands,
    annotations,
    outputs: parseCommandFile(texts.outputs),
    state: parseCommandFile(texts.state),
    exported: parseCommandFile(texts.exported),
    summary: texts.summary,
  };
}

interface Ended {
  readonly text: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Reads to the process's end; SIGINT goes to the entry alone, as the runner sends it, SIGKILL to all it started. */
async function follow(
  child: ChildProcess,
  world: World,
  { cancelWhen, onOutput }: Pick<Phase, 'cancelWhen' | 'onOutput'>,
): Promise<Ended> {
  const { interruptMs = 7500, terminateMs = 2500 } = world.settings;
  const over = new AbortController();
  let text = '';
  let isCancelled = false;
  const cancel = async () => {
    child.kill('SIGINT');
    await sleep(systemClock, interruptMs, over.signal);
    child.kill('SIGTERM');
    await sleep(systemClock, terminateMs, over.signal);
    for (const left of processesIn(world.folder)) kill(Number.parseInt(left, 10));
  };
  const onText = (chunk: string) => {
    text += chunk;
    onOutput?.(text);
    if (isCancelled || !cancelWhen?.test(text)) return;
    isCancelled = true;
    // Rejects when the process has ended in time: then there is nothing left to send.
    cancel().catch(() => undefined);
  };
  child.stdout?.setEncoding('utf8').on('data', onText);
  child.stderr?.setEncoding('utf8').on('data', onText);
  try {
    return await new Promise((resolvePromise, reject) => {
      child.once('error', reject);
      // What it started may hold its streams open for ever; the runner does not wait for that either.
      child.once('exit', (exitCode, signal) => {
        systemClock.startTimer(500, () => resolvePromise({ text, exitCode, signal }), { background: true });
      });
      child.once('close', (exitCode, signal) => resolvePromise({ text, exitCode, signal }));
    });
  } finally {
    over.abort();
  }
}

function readStreams(text: string, secrets: readonly string[]): Pick<PhaseResult, 'log' | 'commands'> {
  const commands: WorkflowCommand[] = [];
  const lines: string[] = [];
  const masks = new Set(secrets);
  let resume: string | null = null;
  for (const line of splitLines(text)) {
    const command: WorkflowCommand | null = resume === null ? parseCommand(line) : null;
    if (resume !== null && line.trim() === `::${resume}::`) resume = null;
    if (!command) {
      lines.push([...masks].reduce((rest, mask) => rest.replaceAll(mask, '***'), line));
      continue;
    }
    commands.push(command);
    if (command.name === 'add-mask') masks.add(command.data);
    if (command.name === 'stop-commands') resume = command.data;
  }
  return { log: lines.join('\n'), commands };
}

/** Where a secret shows. The commands that hide it are the one place where it may. */
function findSecrets(texts: Readonly<Record<string, string>>, secrets: readonly string[]): string[] {
  return Object.entries(texts).flatMap(([place, text]) => {
    const shown = splitLines(text)
      .filter((line) => parseCommand(line)?.name !== 'add-mask')
      .join('\n');
    return secrets
      .filter((secret) => shown.includes(secret))
      .map((secret) => `${secret} shows in its ${place}`);
  });
}

/** Processes of this world that run, as `PID command line`. By their environment and folder, so that one that left its group is found. */
function processesIn(folder: string): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8').replaceAll('\0', ' ');
      const isOurs = read('environ').includes(folder) || read('cmdline').includes(folder);
      return isOurs ? [`${pid} ${read('cmdline').trim()}`] : [];
    } catch {
      // It ended while we looked, or belongs to somebody else.
      return [];
    }
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
