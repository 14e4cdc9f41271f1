/**
 * Runs one child without a shell, in a process group of its own, and gives back its exit and the end of what it printed.
 * On abort or time limit the whole group gets SIGTERM and soon SIGKILL. Output is kept as tails only, so that a chatty child
 * costs no memory; where all of it is wanted, one that prints too much is ended. NOT guaranteed: the end of a grandchild that left the group.
 * Invariant: after the promise settled no timer is left and no stream of the child is read any more.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { abortReason, type Clock, type Timer, throwIfAborted } from './clock.ts';

export interface ChildRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Written to its standard input, which is then closed; none unless given. A child need not read it. */
  readonly input?: string;
  /** One that prints more is ended; `stdoutBytes` tells. Without it only the tail is kept. */
  readonly maxStdoutBytes?: number;
  /** Told each piece of standard output and standard error as it comes: bytes, cut anywhere. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
  /** Between SIGTERM and SIGKILL; 500 ms unless given. */
  readonly killAfterMs?: number;
}

export type ChildEnd =
  | {
      readonly kind: 'ended';
      /** Null where a signal ended it. */
      readonly exitCode: number | null;
      readonly signalName: string | null;
      /** The last 64 KiB, or as much as `maxStdoutBytes`; and the last 4 KiB. */
      readonly stdoutTail: string;
      readonly stderrTail: string;
      /** How much it printed in all, up to where it was ended. */
      readonly stdoutBytes: number;
    }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'not-started'; readonly code: string };

const STDOUT_TAIL_BYTES = 64 * 1024;
const STDERR_TAIL_BYTES = 4 * 1024;
const KILL_AFTER_MS = 500;
/** A background grandchild may keep the pipes open for ever; what the child itself wrote is there at once. */
const DRAIN_MS = 200;

/** Rejects only with the signal's reason, after the child ended. */
export function runChild(run: ChildRun): Promise<ChildEnd> {
  const { clock, signal } = run;
  throwIfAborted(signal);
  const child = start(run);
  if ('code' in child) return Promise.resolve({ kind: 'not-started', code: child.code });
  return new Promise((resolve, reject) => {
    const { maxStdoutBytes = Number.POSITIVE_INFINITY } = run;
    const stdout = collectTail(child.stdout, {
      limitBytes: run.maxStdoutBytes ?? STDOUT_TAIL_BYTES,
      onBytes: (bytes) => {
        if (bytes > maxStdoutBytes) stop('too-much');
      },
    });
    const stderr = collectTail(child.stderr, { limitBytes: STDERR_TAIL_BYTES });
    const { onOutput } = run;
    if (onOutput) {
      child.stdout.on('data', (chunk: Buffer) => onOutput('stdout', chunk));
      child.stderr.on('data', (chunk: Buffer) => onOutput('stderr', chunk));
    }
    const timers = new Set<Timer>();
    let stopped: 'aborted' | 'timed-out' | 'too-much' | null = null;
    let settled = false;

    const settle = (act: () => void) => {
      if (settled) return;
      settled = true;
      for (const timer of timers) timer.cancel();
      signal.removeEventListener('abort', onAbort);
      child.stdout.destroy();
      child.stderr.destroy();
      act();
    };
    const stop = (why: 'aborted' | 'timed-out' | 'too-much') => {
      if (stopped !== null) return;
      stopped = why;
      killGroup(child, 'SIGTERM');
      timers.add(clock.startTimer(run.killAfterMs ?? KILL_AFTER_MS, () => killGroup(child, 'SIGKILL')));
    };
    const onAbort = () => stop('aborted');
    const end = (exitCode: number | null, signalName: string | null) =>
      settle(() => {
        // The child is gone; what it left behind in its group goes too.
        if (stopped !== null) killGroup(child, 'SIGKILL');
        if (stopped === 'aborted') reject(abortReason(signal));
        else if (stopped === 'timed-out') resolve({ kind: 'timed-out' });
        else {
          const { text: stdoutTail, bytes: stdoutBytes } = stdout();
          resolve({
            kind: 'ended',
            exitCode,
            signalName,
            stdoutTail,
            stderrTail: stderr().text,
            stdoutBytes,
          });
        }
      });

    signal.addEventListener('abort', onAbort, { once: true });
    timers.add(clock.startTimer(run.timeoutMs, () => stop('timed-out')));
    child.on('error', (error) => {
      // Of a child that runs the exit tells everything; a failed signal to it changes nothing about that.
      if (child.pid === undefined) settle(() => resolve({ kind: 'not-started', code: codeOf(error) }));
    });
    child.on('exit', (exitCode, signalName) => {
      if (stopped !== null) end(exitCode, signalName);
      else timers.add(clock.startTimer(DRAIN_MS, () => end(exitCode, signalName)));
    });
    child.on('close', end);
    // A child that ends, or closes its input, without having read it all is no failure of ours.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(run.input);
  });
}

type PipedChild = ChildProcessByStdio<Writable | null, Readable, Readable>;

function start(run: ChildRun): PipedChild | { code: string } {
  try {
    const options = {
      cwd: run.cwd,
      env: run.env,
      detached: process.platform !== 'win32',
      windowsHide: true,
    };
    const child: PipedChild =
      run.input === undefined
        ? spawn(run.file, [...run.args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
        : spawn(run.file, [...run.args], { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    // Out of file descriptors node hands out a child without pipes, and an error event later.
    if ((child.stdout as Readable | undefined) !== undefined) return child;
    child.on('error', () => undefined);
    return { code: 'EMFILE' };
  } catch (error) {
    // Some failures (an argument list too long, say) are thrown, others come as an event.
    return { code: codeOf(error) };
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'no code';
}

function killGroup(child: ChildProcess, signalName: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signalName);
    else process.kill(-child.pid, signalName);
  } catch (error) {
    // ESRCH: the group is gone already, which is what was wanted. EPERM on some systems means only zombies are left.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function collectTail(
  stream: NodeJS.ReadableStream,
  { limitBytes, onBytes }: { limitBytes: number; onBytes?: (bytes: number) => void },
): () => { text: string; bytes: number } {
  let chunks: Buffer[] = [];
  let keptBytes = 0;
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    keptBytes += chunk.length;
    bytes += chunk.length;
    onBytes?.(bytes);
    if (keptBytes <= 2 * limitBytes) return;
    chunks = [Buffer.concat(chunks).subarray(-limitBytes)];
    keptBytes = limitBytes;
  });
  return () => ({ text: Buffer.concat(chunks).subarray(-limitBytes).toString('utf8'), bytes });
}
