// Starts the command line as its users do: a process of its own from dist, with a world of its own (home, store, no variables
// of this machine). Used by end-to-end and process tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { makeTestFolder } from './folder.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** The built files under test; another folder while a build is tried out. */
export const distFolder = process.env['TEST_DIST_FOLDER'] ?? join(root, 'dist');
export const cliEntry = join(distFolder, 'cli.js');
/** How node starts the command line; `TEST_DIST_FOLDER=src` runs the sources as they are. */
export const cliStart: readonly string[] =
  distFolder === 'src'
    ? ['--import', pathToFileURL(join(root, 'scripts/register-ts.js')).href, join(root, 'src/cli.ts')]
    : [cliEntry];

export interface CliResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of standard output as JSON; throws where there is none. */
  json<T = Record<string, unknown>>(): T;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly result: Promise<CliResult>;
  /** Resolves when what was written to standard error so far matches. */
  untilError(pattern: RegExp): Promise<void>;
}

export interface CliWorld {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  start(
    args: readonly string[],
    options?: { env?: Readonly<Record<string, string>>; cwd?: string },
  ): RunningCli;
  run(
    args: readonly string[],
    options?: { env?: Readonly<Record<string, string>>; cwd?: string },
  ): Promise<CliResult>;
  /** Kills what still runs and removes the folder. */
  dispose(): Promise<void>;
}

/** A folder with a home in it; processes started here know nothing of the machine but PATH. */
export function createCliWorld(env: Readonly<Record<string, string>> = {}): CliWorld {
  const folder = makeTestFolder();
  const running = new Set<RunningCli>();
  const base = { PATH: process.env['PATH'] ?? '', HOME: folder, ...env };
  const world: CliWorld = {
    folder,
    env: base,
    start(args, options = {}) {
      const child = spawn(process.execPath, [...cliStart, ...args], {
        cwd: options.cwd ?? folder,
        env: { ...base, ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const started = follow(child);
      running.add(started);
      void started.result.finally(() => running.delete(started));
      return started;
    },
    run: (args, options) => world.start(args, options).result,
    async dispose() {
      const left = [...running];
      for (const { child } of left) child.kill('SIGKILL');
      await Promise.all(left.map(({ result }) => result));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}

function follow(child: ChildProcess): RunningCli {
  let stdout = '';
  let stderr = '';
  const waiters = new Set<() => void>();
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const look of waiters) look();
  });
  const result = new Promise<CliResult>((resolvePromise, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      resolvePromise({
        exitCode,
        signal,
        stdout,
        stderr,
        json: <T>() => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T,
      });
    });
  });
  return {
    child,
    result,
    untilError: (pattern) =>
      new Promise((resolvePromise, reject) => {
        const look = () => {
          if (!pattern.test(stderr)) return;
          waiters.delete(look);
          resolvePromise();
        };
        waiters.add(look);
        void result.then(() => reject(new Error(`ended without ${pattern}: ${stderr}`)));
        look();
      }),
  };
}
