// A real engine for tests and benches: the system's own binary on a free port with its data in a folder of its own, ended by
// its process id.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';

/** A running engine. Whoever starts it stops it. */
export interface EngineProcess {
  readonly host: string;
  readonly port: number;
  /** A store URL of it, or of a proxy in front of it. */
  url(port?: number): string;
  /** Ends the process at once (SIGKILL unless told otherwise) and keeps its data. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on its port, with its data. */
  restart(): Promise<void>;
  /** Stops the process without ending it, and lets it go on. */
  pause(): void;
  resume(): void;
  /**
   * From now on no file of it may grow beyond so many bytes (null: any size): to the server that is a disk without space. Needs
   * SIGXFSZ to be ignored, as Postgres does itself.
   */
  limitFiles(bytes: number | null): void;
  /** False once the process has ended, by itself too. */
  readonly isRunning: boolean;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface EngineSetup {
  name: string;
  port: number;
  /** Made for this engine; removed by `stop`. */
  folder: string;
  start(): ChildProcess;
  /** Rejects or gives false until the engine answers. */
  isReady(): Promise<boolean>;
  url(port: number): string;
}

const READY_WITHIN_MS = 20_000;
const MAX_RESTARTS = 5;

/** Starts an engine and waits until it answers. */
export async function startEngine(setup: EngineSetup): Promise<EngineProcess> {
  let child: ChildProcess | null = null;
  let said = '';
  const launch = async () => {
    const started = setup.start();
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-2000);
      });
    }
    const giveUpMs = systemClock.monotonicMs() + READY_WITHIN_MS;
    while (!(await setup.isReady().catch(() => false))) {
      if (started.exitCode !== null || started.signalCode !== null || systemClock.monotonicMs() > giveUpMs) {
        started.kill('SIGKILL');
        throw new Error(`${setup.name} did not start:\n${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  };
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    const ended = child;
    child = null;
    if (!ended || ended.exitCode !== null || ended.signalCode !== null) return;
    const exit = new Promise<void>((resolve) => ended.once('exit', () => resolve()));
    ended.kill(signal);
    await exit;
  };
  const stop = async () => {
    await kill();
    rmSync(setup.folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await launch();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host: '127.0.0.1',
    port: setup.port,
    url: (port = setup.port) => setup.url(port),
    kill,
    async restart() {
      // What a killed server leaves behind for a moment (Postgres's backends and their memory) keeps the next one from starting.
      for (let tries = 1; ; tries += 1) {
        try {
          return await launch();
        } catch (error) {
          if (tries >= MAX_RESTARTS) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100 * tries));
        }
      }
    },
    pause: () => signalTree(child?.pid, 'SIGSTOP'),
    resume: () => signalTree(child?.pid, 'SIGCONT'),
    limitFiles(bytes) {
      const limit = `--fsize=${bytes ?? 'unlimited'}:`;
      for (const pid of treeOf(child?.pid)) {
        try {
          // As whoever it runs as: not even root may do it otherwise in a container.
          const { uid, gid } = statSync(`/proc/${pid}`);
          const owner = process.getuid?.() === 0 ? { uid, gid } : {};
          execFileSync('prlimit', ['--pid', String(pid), limit], { stdio: 'pipe', ...owner });
        } catch (error) {
          // A process of a connection may end while we go through them.
          if (existsSync(`/proc/${pid}`)) throw error;
        }
      }
    },
    get isRunning() {
      return child !== null && child.exitCode === null && child.signalCode === null;
    },
    stop,
  };
}

function signalTree(pid: number | undefined, signal: NodeJS.Signals): void {
  for (const each of treeOf(pid)) process.kill(each, signal);
}

/** A process and its children: postgres has one per connection, each in a group of its own. */
function treeOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
  return [pid, ...children.map(Number)];
}

function parentOf(pid: string): number | null {
  try {
    // `pid (name) state ppid …`; the name may have blanks and brackets.
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) \S /s, '')
        .split(' ')[0],
    );
  } catch {
    // It ended while we looked.
    return null;
  }
}

/** A port nobody listens on now. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** A folder that other users may enter, too: engines may run as one. */
export function makeEngineFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `lockstep-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/** A child whose output is kept for the error message. */
export function spawnEngine(
  command: string,
  args: readonly string[],
  options: { uid?: number; gid?: number; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  return spawn(command, [...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The path of a program, or null. */
export function findProgram(name: string, folders: readonly string[] = []): string | null {
  const path = [...(process.env['PATH'] ?? '').split(delimiter), ...folders];
  return path.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate)) ?? null;
}
