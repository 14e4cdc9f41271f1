// One sweep by N processes that ask at once: requests against the minimum, and time against the ideal for the given latency and
// concurrency. Beside it, the same sweep by one process while N - 1 bare `node -e 0` start: what the machine leaves of the ideal
// when nothing but node starts so often. The sandbox has a process of its own: starting 64 others takes this one a third of a
// second, in which it could answer nobody. Run: node --import ./scripts/register-ts.js bench/fleet.ts
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type HerokuSandbox, startHerokuSandbox } from '../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../src/base/clock.ts';
import { median, printTable, round } from './pairs.ts';

const APPS = 40;
const CONCURRENCY = 4;
const LATENCIES_MS = [50, 200];
const ROUNDS_PER_ROW = 5;
const cli = join(process.cwd(), 'dist/cli.js');
/** Account and listing beside each other, then the deletions, four at a time. */
const ROUNDS = 1 + APPS / CONCURRENCY;

if (process.argv[2] === '--sandbox') {
  await serve(Number(process.argv[3]));
  process.exit(0);
}

/** The sandbox's own process: tells its address, then, when asked, what it was asked. */
async function serve(latencyMs: number): Promise<void> {
  const apps = Array.from({ length: APPS }, (_, index) => ({
    name: `bench-app-${index}`,
    ageMs: 9 * 86_400_000,
  }));
  try {
    // The provider is another machine in truth: its answers must not wait for the jobs' starts.
    setPriority(constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Not permitted to everybody; then the figures for many processes are a little worse.
  }
  const sandbox = await startHerokuSandbox({ clock: systemClock, apps, latencyMs });
  process.send?.(sandbox.url);
  await once(process, 'message');
  await new Promise((resolve) => process.send?.(sandbox.log(), undefined, undefined, resolve));
  await sandbox.close();
}

interface Fleet {
  readonly outcomes: readonly string[];
  readonly requests: number;
  readonly duplicates: number;
  readonly sweepMs: number;
}

// One for all rows: on a machine that has seen the command before, its code is kept compiled.
const home = mkdtempSync(join(tmpdir(), 'lockstep-bench-home-'));

function start(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.once('close', () => resolve(output));
  });
}

/** `jobs` processes at once, of which `asking` ask for the sweep; the others are bare. */
async function sweep(jobs: number, asking: number, latencyMs: number): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  const sandbox = fork(fileURLToPath(import.meta.url), ['--sandbox', String(latencyMs)]);
  const [url] = (await once(sandbox, 'message')) as [string];
  const rule = ['--match', 'bench-app-[0-9]+', '--older-than', '7d', '--apply', '--json'];
  const place = ['--account', 'bench', '--store', `file:${folder}/store`];
  const reap = [cli, 'reap', '--provider', 'heroku', ...rule, ...place, '--concurrency', String(CONCURRENCY)];
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    HEROKU_API_KEY: 'bench-key',
    HEROKU_API_URL: url,
  };
  const outputs = await Promise.all(
    Array.from({ length: jobs }, (_, at) => start(at < asking ? reap : ['-e', '0'], env)),
  );
  sandbox.send('the log, please');
  const [log] = (await once(sandbox, 'message')) as [ReturnType<HerokuSandbox['log']>];
  await once(sandbox, 'exit');
  rmSync(folder, { recursive: true, force: true });
  const answers = outputs.filter(Boolean);
  if (answers.length !== asking) throw new Error(`${answers.length} of ${asking} processes gave a result`);
  const first = Math.min(...log.map((entry) => entry.startedAtMs));
  const last = Math.max(...log.map((entry) => entry.endedAtMs));
  return {
    outcomes: answers.map((output) => (JSON.parse(output) as { outcome: string }).outcome),
    requests: log.filter((entry) => entry.path !== '/account').length,
    duplicates: log.filter((entry) => entry.status === 404).length,
    sweepMs: last - first,
  };
}

for (const latencyMs of LATENCIES_MS) {
  const idealMs = latencyMs * ROUNDS;
  const rows = [];
  for (const jobs of [1, 2, 8, 32, 64]) {
    const rounds: Fleet[] = [];
    const bare: Fleet[] = [];
    for (let round = 0; round < ROUNDS_PER_ROW; round += 1) {
      rounds.push(await sweep(jobs, jobs, latencyMs));
      bare.push(await sweep(jobs, 1, latencyMs));
    }
    const count = (outcome: string) =>
      rounds.flatMap(({ outcomes }) => outcomes).filter((o) => o === outcome).length;
    const times = (fleets: readonly Fleet[]) => round(median(fleets.map(({ sweepMs }) => sweepMs)) / idealMs);
    rows.push({
      processes: jobs,
      'swept / skipped': `${count('reaped')} / ${count('skipped')}`,
      requests: Math.max(...rounds.map(({ requests }) => requests)),
      minimum: 1 + APPS,
      duplicates: rounds.reduce((sum, { duplicates }) => sum + duplicates, 0),
      'times the ideal': times(rounds),
      'one beside bare nodes': times(bare),
    });
  }
  printTable(
    `One sweep of ${APPS} apps, ${latencyMs} ms a request, ${CONCURRENCY} at a time (median of ${ROUNDS_PER_ROW})`,
    rows,
  );
}
rmSync(home, { recursive: true, force: true });
