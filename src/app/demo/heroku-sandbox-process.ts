/**
 * The Heroku sandbox in a process of its own: for measurements and demonstrations with many processes, which should not share
 * an event loop with it. `forkHerokuSandbox` forks `runHerokuSandboxProcess`, which talks over the IPC channel: settings in,
 * `{url}` out, and it ends when the channel closes, so it never outlives whoever started it.
 */
import { fork } from 'node:child_process';
import { systemClock } from '../../base/clock.ts';
import { LockstepError } from '../../base/errors.ts';
import type { SandboxSettings } from './heroku-sandbox.ts';
import type { SandboxLogEntry } from './heroku-sandbox-world.ts';

export interface RemoteSandbox {
  readonly url: string;
  readonly pid: number;
  /** Reads the log over HTTP; any process can. */
  log(): Promise<SandboxLogEntry[]>;
  /** Resolves when the process has ended. */
  close(): Promise<void>;
}

/**
 * Starts a sandbox in a child and resolves when it listens. `entry` is a module that calls {@link runHerokuSandboxProcess};
 * `execArgv` are node's own options (`--import …` to run from the sources). The caller closes it.
 */
export async function forkHerokuSandbox(options: {
  entry: string | URL;
  execArgv?: readonly string[];
  settings: SandboxSettings;
}): Promise<RemoteSandbox> {
  const child = fork(options.entry, [], { execArgv: [...(options.execArgv ?? [])], stdio: 'inherit' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.send(options.settings);
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { url: string }).url));
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new LockstepError('unavailable', `the sandbox ended before it listened (exit ${code})`)),
    );
  });
  return {
    url,
    pid: child.pid as number,
    log: async () => (await (await fetch(`${url}/_sandbox/log`)).json()) as SandboxLogEntry[],
    async close() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** The child's side: serves until the parent lets go of the channel. Ctrl-C in a shared terminal does not end it. */
export function runHerokuSandboxProcess(): void {
  process.on('SIGINT', ignore);
  process.once('message', (settings: SandboxSettings) => {
    void serve(settings);
  });
}

async function serve(settings: SandboxSettings): Promise<void> {
  const { startHerokuSandbox } = await import('./heroku-sandbox.ts');
  const sandbox = await startHerokuSandbox({ ...settings, clock: systemClock });
  process.once('disconnect', () => {
    void sandbox.close();
  });
  process.send?.({ url: sandbox.url });
}

function ignore(): void {
  // The parent decides when the sandbox ends.
}
