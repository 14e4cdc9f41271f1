/**
 * The other end of a lease agent: starts it, learns what came of it, ends it. For a test runner's hook (it lets go when this
 * process is gone, in whatever way) and for a workflow step (it stays until post, when told to).
 * NOT guaranteed: that it is still held a moment later; `signal` tells, as far as this process's event loop turns.
 * Invariant: an agent that nobody told to stay never outlives this process's channel to it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandContext } from '../app/contract.ts';
import type { LockRequest } from '../app/lock-attempt.ts';
import { abortReason, throwIfAborted } from '../base/clock.ts';
import { withTimeout } from '../base/deadline.ts';
import { ConfigError, InvariantError, LeaseLostError, LockstepError } from '../base/errors.ts';
import type { ReleaseResult } from '../lease/contract.ts';
import type { AgentMessage, AgentSocket, ParentMessage } from './agent-protocol.ts';

export interface AgentSettings {
  readonly request: LockRequest;
  /** Set where the agent is to outlive this process: its socket's folder, and whose end is the job's. */
  readonly stay?: { readonly folder: string; readonly workerPid: number | null };
}

/** A lease that an agent holds for this process. The one who got it releases it. */
export interface AgentHold {
  /** The agent's process. */
  readonly pid: number | null;
  readonly token: number;
  readonly waitedMs: number;
  /** Null unless it is to stay. */
  readonly socket: AgentSocket | null;
  /** Aborts with LeaseLostError when the agent lost it, or is gone. */
  readonly signal: AbortSignal;
  /** Gives it back and waits for the agent's word; `already-lost` where it was lost, `unknown` where no word came. */
  release(): Promise<ReleaseResult>;
  /** From now on it stays when this process ends. Nothing else can be asked of it here afterwards. */
  letStay(): Promise<void>;
}

export type AgentAnswer =
  | { readonly kind: 'held'; readonly hold: AgentHold }
  | { readonly kind: 'busy'; readonly holder: string; readonly waitedMs: number };

/** A release may take 20 s where the store does not answer. */
const RELEASE_MS = 30_000;

/**
 * Starts an agent and waits until it holds the lease, or says why not. Errors are those of `attemptLock`. The agent does not
 * keep this process alive once it holds.
 */
export async function holdWithAgent(context: CommandContext, settings: AgentSettings): Promise<AgentAnswer> {
  const { signal, logger } = context;
  throwIfAborted(signal);
  const child = startAgent(context);
  const lost = new AbortController();
  let release: Promise<ReleaseResult> | null = null;
  const ended = new Promise<ReleaseResult>((resolve) => {
    const lose = (message: string) => {
      if (!lost.signal.aborted) lost.abort(new LeaseLostError(message));
      resolve(release ? 'unknown' : 'already-lost');
    };
    child.on('message', (raw: unknown) => {
      const message = raw as AgentMessage;
      if (message.kind === 'log') logger[message.level](message.message);
      if (message.kind === 'ended') resolve(message.result);
      if (message.kind === 'lost') {
        resolve('already-lost');
        lose(message.message);
      }
    });
    child.once('error', (error) => lose(`the lease agent failed: ${error.message}`));
    child.once('exit', () =>
      lose('the lease agent is gone, and with it the certainty that the lock is held'),
    );
  });

  const answer = await firstAnswer(child, { request: settings.request, signal, stay: settings.stay ?? null });
  if (answer.kind === 'busy') return { kind: 'busy', holder: answer.holder, waitedMs: answer.waitedMs };
  // It must not keep a test runner from ending; its end is what the agent waits for.
  child.unref();
  child.channel?.unref();
  return {
    kind: 'held',
    hold: {
      pid: child.pid ?? null,
      token: answer.token,
      waitedMs: answer.waitedMs,
      socket: answer.socket,
      signal: lost.signal,
      release() {
        release ??= giveBack(context, { child, ended });
        return release;
      },
      async letStay() {
        await send(child, { kind: 'stay' });
        child.removeAllListeners();
        if (child.connected) child.disconnect();
      },
    },
  };
}

function startAgent({ env, cwd, process }: CommandContext): ChildProcess {
  return fork(findAgentEntry(), [], {
    cwd,
    env: agentEnvironment(env),
    execPath: process.execPath,
    // No debugger or loader of this process; only the sources themselves need one.
    execArgv: import.meta.url.endsWith('.ts') ? [...process.execArgv] : [],
    // Out of the terminal's and the runner's group of processes.
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

/** Beside this file's folder in the sources, the package and the bundle's chunks; beside this file in a bundle's entry. */
function findAgentEntry(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const candidates = [`../agent.${extension}`, `./agent.${extension}`];
  const paths = candidates.map((candidate) => fileURLToPath(new URL(candidate, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new InvariantError(`the lease agent is missing: ${paths.join(', ')}`);
  return found;
}

/**
 * The environment of an agent: without this step's inputs and state; without the mark by which a runner finds the processes of
 * its job and ends them; and without a debugger's port, which only one process can have.
 */
export function agentEnvironment(env: CommandContext['env']): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(
    ([name]) => name !== 'RUNNER_TRACKING_ID' && !/^(INPUT|STATE)_/.test(name),
  );
  const options = env['NODE_OPTIONS']?.replace(/(^|\s)--inspect\S*/g, '');
  return { ...Object.fromEntries(kept), ...(options === undefined ? {} : { NODE_OPTIONS: options }) };
}

type FirstAnswer = AgentMessage & { kind: 'held' | 'busy' };

/** The agent's first word about the lease. Whoever is cancelled lets go of the channel: the agent then leaves nothing behind. */
function firstAnswer(
  child: ChildProcess,
  options: { request: LockRequest; stay: AgentSettings['stay'] | null; signal: AbortSignal },
): Promise<FirstAnswer> {
  const { request, signal } = options;
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', onAbort);
      child.off('message', onMessage);
      child.off('error', onError);
      child.off('exit', onExit);
      act();
    };
    const fail = (error: Error) =>
      settle(() => {
        if (child.connected) child.disconnect();
        reject(error);
      });
    const onAbort = () => fail(abortReason(signal));
    const onError = (cause: Error) =>
      fail(new InvariantError('the lease agent could not be started', { cause }));
    const onExit = (code: number | null) =>
      fail(new InvariantError(`the lease agent ended at once with ${code}`));
    const onMessage = (raw: unknown) => {
      const message = raw as AgentMessage;
      if (message.kind === 'held' || message.kind === 'busy') settle(() => resolve(message));
      if (message.kind === 'failed') fail(errorOf(message));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    child.on('message', onMessage);
    child.on('error', onError);
    child.on('exit', onExit);
    send(child, { kind: 'hold', request, stay: options.stay ?? null }).catch(onError);
  });
}

/** The agent's error as it was there: the code decides what it means here. */
function errorOf({ code, message, hint, problems }: AgentMessage & { kind: 'failed' }): Error {
  if (code === 'config') return new ConfigError(problems);
  if (code === null) return new InvariantError(`the lease agent failed: ${message}`);
  return new LockstepError(code, message, hint === null ? {} : { hint });
}

async function giveBack(
  { clock, logger }: CommandContext,
  { child, ended }: { child: ChildProcess; ended: Promise<ReleaseResult> },
): Promise<ReleaseResult> {
  child.ref();
  child.channel?.ref();
  try {
    // Where the channel is closed the agent is gone, or knows that it is to let go.
    if (child.connected) await send(child, { kind: 'give-back' });
    return await withTimeout({ clock, timeoutMs: RELEASE_MS, waitingFor: 'the lease agent' }, () => ended);
  } catch (error) {
    logger.debug(`the lease agent did not answer: ${error instanceof Error ? error.message : String(error)}`);
    return 'unknown';
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function send(child: ChildProcess, message: ParentMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    child.send(message, (error) => (error ? reject(error) : resolve()));
  });
}
