// Real client processes on one sandbox account: started, let go together, and counted by the sandbox's own log.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { forkHerokuSandbox } from '../../src/app/demo/heroku-sandbox-process.ts';
import type { ClientResult, ClientSettings } from './throttle-client.ts';

const project = resolve(import.meta.dirname, '..', '..');
const loader = join(project, 'scripts', 'register-ts.js');
const client = join(project, '__tests__', 'support', 'throttle-client.ts');
const sandboxEntry = join(project, '__tests__', 'app', 'heroku-sandbox-entry.ts');

const WAVE = 4;

export interface FleetRun {
  readonly accepted: number;
  readonly refused: number;
  readonly refusedShare: number;
  /** Tokens that came in meanwhile. */
  readonly possible: number;
  readonly usedShare: number;
  readonly deviation: number;
  readonly longestWaitMs: number;
  readonly storeCalls: number;
  /** Of each client: how often it said that it paces alone, and whether it shared in the end. */
  readonly clients: readonly Pick<ClientResult, 'warnings' | 'isShared'>[];
}

/** Runs a fleet from an empty bucket. A file store of its own unless another is given. */
export async function runProcesses(options: {
  clients: number;
  strategy: ClientSettings['strategy'];
  durationMs: number;
  emissionIntervalMs: number;
  store?: string;
  key?: string;
  callTimeoutMs?: number;
  /** What happens meanwhile; begins with the clients. */
  meanwhile?: () => Promise<void>;
}): Promise<FleetRun> {
  const { clients, strategy, durationMs, emissionIntervalMs } = options;
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-throttle-'));
  const sandbox = await forkHerokuSandbox({
    entry: sandboxEntry,
    execArgv: ['--import', loader],
    settings: { rateLimit: { capacity: 4500, refillPerMinute: 60_000 / emissionIntervalMs, remaining: 0 } },
  });
  const settings: ClientSettings = {
    url: sandbox.url,
    store: options.store ?? `file:${join(folder, 'store')}`,
    key: options.key ?? 'test/throttle/account',
    strategy,
    emissionIntervalMs,
    durationMs,
    ...(options.callTimeoutMs === undefined ? {} : { callTimeoutMs: options.callTimeoutMs }),
  };
  try {
    const started: ReturnType<typeof startClient>[] = [];
    while (started.length < clients) {
      // A few at a time: a crowd that loads its code at once keeps each other from answering for longer than a call may take.
      const wave = Array.from({ length: Math.min(WAVE, clients - started.length) }, () =>
        startClient(settings),
      );
      started.push(...wave);
      await Promise.all(wave.map((each) => each.ready));
    }
    // What the bucket regained while they started is spent, so that they start from nothing.
    await drain(sandbox.url);
    const before = (await sandbox.log()).length;
    const startMs = performance.now();
    for (const each of started) each.go();
    const [results] = await Promise.all([
      Promise.all(started.map((each) => each.result)),
      options.meanwhile?.(),
    ]);
    const tookMs = performance.now() - startMs;
    const log = (await sandbox.log()).slice(before).filter((entry) => entry.path === '/account');
    const accepted = log.filter((entry) => entry.status === 200).length;
    const refused = log.filter((entry) => entry.status === 429).length;
    const counts = results.map((result) => result.accepted);
    const mean = counts.reduce((a, b) => a + b, 0) / clients;
    const possible = Math.floor(Math.min(tookMs, durationMs) / emissionIntervalMs);
    return {
      accepted,
      refused,
      refusedShare: refused / Math.max(1, refused + accepted),
      possible,
      usedShare: accepted / possible,
      deviation: Math.sqrt(counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / clients),
      longestWaitMs: Math.max(...results.map((result) => result.longestWaitMs)),
      storeCalls: results.reduce((sum, result) => sum + result.storeCalls, 0),
      clients: results.map(({ warnings, isShared }) => ({ warnings, isShared })),
    };
  } finally {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function drain(url: string): Promise<void> {
  const headers = { authorization: 'Bearer bench' };
  for (;;) {
    const response = await fetch(`${url}/account`, { headers });
    await response.arrayBuffer();
    if (response.status === 429) return;
  }
}

function startClient(settings: ClientSettings) {
  const child = spawn(process.execPath, ['--import', loader, client, JSON.stringify(settings)], {
    cwd: project,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  let isReady: () => void = () => undefined;
  const ready = new Promise<void>((done) => {
    isReady = done;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.startsWith('ready')) isReady();
  });
  const result = new Promise<ClientResult>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => {
      isReady();
      if (code === 0) done(JSON.parse(output.trim().split('\n').at(-1) ?? '') as ClientResult);
      else fail(new Error(`a client ended with ${code}`));
    });
  });
  return { ready, result, go: () => child.stdin.write('go\n') };
}
