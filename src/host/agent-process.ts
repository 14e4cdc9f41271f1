/**
 * The lease agent: a process that does nothing but hold one lease, for one that cannot keep time (a test runner in a long
 * synchronous test; a workflow step that has ended). It is not in the way of signals: whoever it holds for is.
 * NOT guaranteed: the lease; it can be lost like any other, and is told.
 * Invariants: it ends with its parent's channel unless it was told to stay; then on post's word, with the job's worker, or with
 * the lease. It never outlives its lease.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandContext } from '../app/contract.ts';
import { attemptLock } from '../app/lock-attempt.ts';
import { createReleasers } from '../app/wire.ts';
import { systemClock } from '../base/clock.ts';
import { CancelledError, ConfigError, type LockstepError, toError } from '../base/errors.ts';
import { createLogger } from '../base/logger.ts';
import type { Lease } from '../lease/contract.ts';
import type { AgentEnd, AgentMessage, ParentMessage } from './agent-protocol.ts';
import { type AgentEar, listenForGiveBack } from './agent-socket.ts';
import { watchProcess } from './agent-worker.ts';

/** The part of node's process that the agent uses. */
type AgentProcess = Pick<NodeJS.Process, 'on' | 'env' | 'cwd' | 'pid' | 'execPath' | 'exit'> & {
  send?: NodeJS.Process['send'];
};

type HoldMessage = ParentMessage & { kind: 'hold' };

const END_FILE = 'end.json';

/** Serves one parent to the end, then ends the process. */
export async function runAgent(process: AgentProcess): Promise<void> {
  // A runner's or a terminal's signals go to all there is; what they mean is for the parent to say.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
  const stop = new AbortController();
  let mayStay = false;
  const hold = new Promise<HoldMessage | null>((resolve) => {
    process.on('message', (message: unknown) => {
      const said = message as ParentMessage;
      if (said.kind === 'hold') resolve(said);
      else if (said.kind === 'stay') mayStay = true;
      else stop.abort(new CancelledError('it was given back'));
    });
    process.on('disconnect', () => {
      resolve(null);
      if (!mayStay) stop.abort(new CancelledError('the process it was held for has ended'));
    });
  });
  if (process.send === undefined) return process.exit(2);
  const message = await hold;
  if (message) await serve(message, { process, stop });
  process.exit(0);
}

async function serve(
  { request, stay }: HoldMessage,
  { process, stop }: { process: AgentProcess; stop: AbortController },
): Promise<void> {
  const say = (message: AgentMessage) => tell(process, message);
  const context = createAgentContext(process, { signal: stop.signal, say });
  const releasers = createReleasers();
  try {
    const attempt = await attemptLock(context, request, releasers);
    if (attempt.kind === 'busy') return await say(attempt);
    const { lease, waitedMs } = attempt;
    await keep(lease, {
      say,
      stop,
      stay,
      onHeld: (socket) => say({ kind: 'held', token: lease.token, waitedMs, socket }),
    });
  } catch (thrown) {
    const error = toError(thrown) as Partial<LockstepError> & Error;
    await say({
      kind: 'failed',
      code: error.code ?? null,
      message: error.message,
      hint: error.hint ?? null,
      problems: error instanceof ConfigError ? error.problems : [],
    });
  } finally {
    await releasers.close();
  }
}

interface Keeping {
  readonly say: (message: AgentMessage) => Promise<void>;
  readonly stop: AbortController;
  readonly stay: HoldMessage['stay'];
  readonly onHeld: (socket: AgentEar['address'] | null) => Promise<void>;
}

/** Holds it until somebody ends it, then gives it back and tells how it went. */
async function keep(lease: Lease, { say, stop, stay, onHeld }: Keeping): Promise<void> {
  const heldFromMs = systemClock.monotonicMs();
  let tellEnd: (end: AgentEnd) => void = () => undefined;
  const ended = new Promise<AgentEnd>((resolve) => {
    tellEnd = resolve;
  });
  const ear = stay
    ? await listenForGiveBack(stay.folder, () => {
        stop.abort(new CancelledError('it was given back'));
        return ended;
      })
    : null;
  const worker = stay?.workerPid
    ? watchProcess(stay.workerPid, {
        clock: systemClock,
        onGone: () => stop.abort(new CancelledError("the job's worker is gone")),
      })
    : null;
  try {
    await onHeld(ear?.address ?? null);
    await firstAborted(stop.signal, lease.signal);
    const lost =
      lease.signal.aborted || lease.validForMs() <= 0 ? toError(lease.signal.reason).message : null;
    const result = await lease.release();
    const heldMs = Math.round(systemClock.monotonicMs() - heldFromMs);
    const end: AgentEnd = { outcome: lost === null ? 'released' : 'lost', message: lost ?? result, heldMs };
    // Post comes later than a loss; it finds the reason here.
    if (stay && lost !== null) writeFileSync(join(stay.folder, END_FILE), JSON.stringify(end));
    tellEnd(end);
    if (lost === null) await say({ kind: 'ended', result });
    else await say({ kind: 'lost', message: lost });
  } finally {
    worker?.end();
    await ear?.close();
  }
}

function firstAborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    }
  });
}

/** Resolves when it is sent; also where nobody listens any more. */
function tell(process: AgentProcess, message: AgentMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) return resolve();
    try {
      process.send(message, undefined, undefined, () => resolve());
    } catch {
      // The channel is closed: there is nobody to tell, and that is why the agent ends.
      resolve();
    }
  });
}

function createAgentContext(
  process: AgentProcess,
  { signal, say }: { signal: AbortSignal; say: (message: AgentMessage) => Promise<void> },
): CommandContext {
  return {
    clock: systemClock,
    logger: createLogger('info', (level, message) => void say({ kind: 'log', level, message })),
    env: process.env,
    cwd: process.cwd(),
    signal,
    isRunner: process.env['GITHUB_ACTIONS'] === 'true',
    process: {
      pid: process.pid,
      who: async () => (await import('./who.ts')).whoRunsThis(process.env),
      execPath: process.execPath,
      execArgv: [],
      entry: '',
    },
    rest: null,
  };
}
