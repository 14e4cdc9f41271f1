/**
 * The user's own command, run beside what lockstep holds for it: standard streams untouched, signals passed on, ended for
 * certain when it must end. NOT guaranteed: the end of what the command itself started and detached.
 * Invariant: whoever starts a child awaits `ended`; no child outlives its command's run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type Clock, sleep } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import { plain } from '../base/text.ts';

/** Between SIGTERM and SIGKILL; and for what a signalled command leaves behind in its group. */
const GRACE_MS = 5000;
const GROUP_POLL_MS = 50;

export interface ChildEnd {
  /** The exit status as a shell tells it: 128 + the signal's number where a signal ended the command. */
  readonly exitCode: number;
  readonly signalName: NodeJS.Signals | null;
}

export interface Child {
  /** Rejects with ConfigError where the command cannot be started. */
  readonly ended: Promise<ChildEnd>;
  /** Passes a signal on, as a terminal would. */
  forward(signalName: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL 5 s later; resolves when it has ended. */
  terminate(): Promise<ChildEnd>;
}

export interface ChildOptions {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /**
   * A process group of its own (not on Windows): signals then reach what a shell script started, too, and `ended` waits for
   * those, 5 s at most. Not at a terminal, where a group in the background may neither read nor be interrupted by the keyboard.
   */
  readonly ownGroup?: boolean;
}

/** Starts the command. */
export function startChild(options: ChildOptions): Child {
  const { clock } = options;
  const ownGroup = options.ownGroup === true && process.platform !== 'win32';
  let wasSignalled = false;
  let child: ChildProcess | null = null;

  const exited = new Promise<ChildEnd>((resolve, reject) => {
    const [file, ...args] = options.command;
    const fail = (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'ENOENT' ? 'was not found' : `could not be started: ${cause.message}`;
      reject(new ConfigError([{ option: '--', message: `the command ${plain(file)} ${reason}` }], { cause }));
    };
    try {
      const env = { ...options.env };
      child = spawn(file, args, { cwd: options.cwd, env, stdio: 'inherit', detached: ownGroup });
    } catch (error) {
      // Some failures (an argument list too long, say) are thrown, others come as an event.
      return fail(error as NodeJS.ErrnoException);
    }
    child.on('error', fail);
    child.once('exit', (code, signalName) => {
      resolve({ exitCode: code ?? 128 + (signalName ? constants.signals[signalName] : 0), signalName });
    });
  });
  const send = (signalName: NodeJS.Signals) => {
    const pid = child?.pid;
    if (pid === undefined) return;
    wasSignalled = true;
    if (ownGroup) signalGroup(pid, signalName);
    else child?.kill(signalName);
  };
  const ended = exited.then(async (end) => {
    const pid = child?.pid;
    if (!ownGroup || !wasSignalled || pid === undefined) return end;
    for (let leftMs = GRACE_MS; leftMs > 0 && signalGroup(pid, 0); leftMs -= GROUP_POLL_MS) {
      await sleep(clock, GROUP_POLL_MS);
    }
    return end;
  });

  return {
    ended,
    forward: send,
    async terminate() {
      send('SIGTERM');
      const timer = clock.startTimer(GRACE_MS, () => send('SIGKILL'));
      try {
        return await ended;
      } finally {
        timer.cancel();
      }
    },
  };
}

/** False where nobody is left in the group. Signal 0 only asks. */
function signalGroup(leaderPid: number, signalName: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leaderPid, signalName);
    return true;
  } catch (error) {
    // EPERM on some systems means that only zombies are left.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}
