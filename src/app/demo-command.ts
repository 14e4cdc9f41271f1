/**
 * `demo`: a Heroku sandbox on loopback, many real processes of this very program on one file store, and who does what. Needs
 * no account and no network. Everything it makes lives in a temporary folder that is removed at the end.
 * Invariant: no job process outlives the demonstration.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { throwIfAborted } from '../base/clock.ts';
import { isJsonObject } from '../base/codec.ts';
import { createDeadline } from '../base/deadline.ts';
import { ConfigError } from '../base/errors.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { CommandContext } from './contract.ts';
import {
  type DemoJob,
  type DemoReport,
  type DemoSnapshot,
  isHappyEnd,
  totalRequests,
} from './demo/demo-story.ts';
import { type HerokuSandbox, startHerokuSandbox } from './demo/heroku-sandbox.ts';
import type { SandboxFault } from './demo/heroku-sandbox-faults.ts';
import { createReleasers } from './wire.ts';

/** How often the picture is taken anew. */
const SNAPSHOT_MS = 80;
const DAY_MS = 86_400_000;

type Fault = 'kill' | '503' | '429' | null;

/** Runs the demonstration; `onDemoSnapshot` of the context is shown each picture. */
export async function runDemo(
  context: CommandContext,
  resolved: ResolvedOptions<'demo'>,
): Promise<DemoReport> {
  if (resolved.problems.length > 0) throw new ConfigError(resolved.problems);
  const { values } = resolved;
  const { clock } = context;
  const releasers = createReleasers();
  const deadline = createDeadline({
    clock,
    timeoutMs: values.timeoutMs,
    waitingFor: 'the demonstration to end',
    parent: context.signal,
  });
  try {
    const folder = await mkdtemp(join(tmpdir(), 'lockstep-demo-'));
    releasers.add(() => rm(folder, { recursive: true, force: true }));
    const sandbox = await startHerokuSandbox({
      clock,
      latencyMs: values.latencyMs,
      apps: Array.from({ length: values.apps }, (_, index) => ({
        name: `demo-app-${String(index + 1).padStart(3, '0')}`,
        ageMs: (8 + (index % 30)) * DAY_MS,
      })),
      faults: faultsOf(values.fault),
    });
    releasers.add(() => sandbox.close());
    const play = startJobs(context, { folder, url: sandbox.url, jobs: values.jobs, fault: values.fault });
    releasers.add(() => play.stop());

    const look = (): DemoSnapshot =>
      takeSnapshot({ sandbox, play, apps: values.apps, nowMs: clock.wallMs() });
    for (let snapshot = look(); snapshot.jobs.some((job) => job.endMs === null); snapshot = look()) {
      context.onDemoSnapshot?.(snapshot);
      if (values.fault === 'kill') play.killSweeperAt(snapshot, Math.ceil(values.apps / 3));
      await deadline.sleep(SNAPSHOT_MS);
    }
    throwIfAborted(deadline.signal);
    const last = look();
    context.onDemoSnapshot?.(last);
    return {
      format: 1,
      command: 'demo',
      jobs: last.jobs,
      apps: last.apps,
      totals: last.totals,
      durationMs: Math.round(last.elapsedMs),
      exitCode: isHappyEnd(last) ? 0 : 1,
    };
  } finally {
    deadline.dispose();
    await releasers.close();
  }
}

function faultsOf(fault: Fault): SandboxFault[] {
  const match = { method: 'DELETE' };
  if (fault === '503') return [{ match, act: { kind: 'answer', status: 503 }, skip: 3, every: 6, times: 6 }];
  if (fault === '429') {
    const act = { kind: 'answer', status: 429, headers: { 'retry-after': '1' } } as const;
    return [{ match, act, skip: 8, times: 2 }];
  }
  return [];
}

interface Play {
  readonly startWallMs: number;
  jobs(): readonly DemoJob[];
  /** Kills the process that deletes, once it has deleted so many. */
  killSweeperAt(snapshot: DemoSnapshot, deletions: number): void;
  stop(): Promise<void>;
}

function startJobs(
  context: CommandContext,
  options: { folder: string; url: string; jobs: number; fault: Fault },
): Play {
  const { clock, process: self } = context;
  const startWallMs = clock.wallMs();
  const children = new Map<string, { child: ChildProcess; ended: Promise<void> }>();
  const jobs = new Map<string, DemoJob>();
  const update = (name: string, change: Partial<DemoJob>) => {
    const job = jobs.get(name);
    if (job) jobs.set(name, { ...job, ...change });
  };
  for (let index = 1; index <= options.jobs; index += 1) {
    const name = `job-${index}`;
    const child = spawn(self.execPath, [...self.execArgv, self.entry, ...argumentsOf(name, options)], {
      // Nothing of the user's own world: a demonstration touches no account.
      env: {
        PATH: context.env['PATH'],
        HOME: options.folder,
        HEROKU_API_KEY: `key-of-${name}`,
        HEROKU_API_URL: options.url,
      },
      cwd: options.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    jobs.set(name, {
      name,
      startMs: clock.wallMs() - startWallMs,
      endMs: null,
      outcome: null,
      reason: null,
      holder: null,
      exitCode: null,
      wasKilled: false,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    // Read so that a full pipe never stops the child; the picture tells the story.
    child.stderr.resume();
    const ended = new Promise<void>((resolve) => {
      child.once('close', (exitCode) => {
        update(name, { endMs: clock.wallMs() - startWallMs, exitCode, ...resultOf(output) });
        resolve();
      });
      child.once('error', (error) => {
        context.logger.error(`${name} could not be started: ${error.message}`);
      });
    });
    children.set(name, { child, ended });
  }
  let hasKilled = false;
  return {
    startWallMs,
    jobs: () => [...jobs.values()],
    killSweeperAt(snapshot, deletions) {
      const last = snapshot.requests.findLast((request) => request.method === 'DELETE');
      if (hasKilled || !last || snapshot.totals.deletedApps < deletions) return;
      hasKilled = true;
      update(last.job, { wasKilled: true });
      children.get(last.job)?.child.kill('SIGKILL');
    },
    async stop() {
      for (const { child } of children.values()) child.kill('SIGKILL');
      await Promise.all([...children.values()].map(({ ended }) => ended));
    },
  };
}

function argumentsOf(name: string, { folder, fault }: { folder: string; fault: Fault }): string[] {
  const whenKilled = ['--when-busy', 'wait', '--lease', '2s', '--poll', '250ms'];
  return [
    ...['reap', '--provider', 'heroku', '--match', 'demo-app-[0-9]+', '--older-than', '7d', '--apply'],
    ...['--account', 'demo', '--store', `file:${join(folder, 'store')}`, '--holder', name, '--json'],
    ...(fault === 'kill' ? whenKilled : []),
  ];
}

/** What a job said of itself in its last line. */
function resultOf(output: string): Partial<DemoJob> {
  const line = output.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) return {};
  const result: unknown = JSON.parse(line);
  if (!isJsonObject(result)) return {};
  const text = (field: string) => (typeof result[field] === 'string' ? result[field] : null);
  return { outcome: text('outcome'), reason: text('reason'), holder: text('holder') };
}

function takeSnapshot(options: {
  sandbox: HerokuSandbox;
  play: Play;
  apps: number;
  nowMs: number;
}): DemoSnapshot {
  const { sandbox, play, apps, nowMs } = options;
  const requests = sandbox.log().map((entry) => ({
    job: /job-\d+/.exec(entry.client)?.[0] ?? '?',
    method: entry.method,
    path: entry.path,
    appId: entry.appId,
    status: entry.status,
    applied: entry.applied,
    startMs: entry.startedAtMs - play.startWallMs,
    endMs: entry.endedAtMs - play.startWallMs,
  }));
  return {
    elapsedMs: nowMs - play.startWallMs,
    apps,
    jobs: play.jobs(),
    requests,
    totals: totalRequests(requests, apps),
  };
}
