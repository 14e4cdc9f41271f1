// One sweep by N processes that ask at once: requests against the minimum, and time against the ideal for the given latency and
// concurrency. The sandbox has a process of its own: starting 64 others takes this one a third of a second, in which it could
// answer nobody. Run: node --import ./scripts/register-ts.js bench/fleet.ts
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type HerokuSandbox, startHerokuSandbox } from '../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../src/base/clock.ts';
import { printTable, round } from './pairs.ts';

const APPS = 40;
const CONCURRENCY = 4;
const LATENCY_MS = 50;
const cli = join(process.cwd(), 'dist/cli.js');
/** Account and listing one after the other, then the deletions, four at a time. */
const IDEAL_MS = LATENCY_MS * (2 + APPS / CONCURRENCY);

if (process.argv[2] === '--sandbox') {
  await serve();
  process.exit(0);
}

/** The sandbox's own process: tells its address, then, when asked, what it was asked. */
async function serve(): Promise<void> {
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
  const sandbox = await startHerokuSandbox({ clock: systemClock, apps, latencyMs: LATENCY_MS });
  process.send?.(sandbox.url);
  await once(process, 'message');
  await new Promise((resolve) => process.send?.(sandbox.log(), undefined, undefined, resolve));
  await sandbox.close();
}

// One for all rows: on a machine that has seen the command before, its code is kept compiled.
const home = mkdtempSync(join(tmpdir(), 'lockstep-bench-home-'));
const rows = [];
for (const jobs of [1, 2, 8, 32, 64]) {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  const sandbox = fork(fileURLToPath(import.meta.url), ['--sandbox']);
  const [url] = (await once(sandbox, 'message')) as [string];
  const args = [
    ...[
      cli,
      'reap',
      '--provider',
      'heroku',
      '--match',
      'bench-app-[0-9]+',
      '--older-than',
      '7d',
      '--apply',
      '--json',
    ],
    ...['--account', 'bench', '--store', `file:${folder}/store`, '--concurrency', String(CONCURRENCY)],
  ];
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    HEROKU_API_KEY: 'bench-key',
    HEROKU_API_URL: url,
  };
  const outcomes = await Promise.all(
    Array.from(
      { length: jobs },
      () =>
        new Promise<string>((resolve) => {
          let output = '';
          const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
          child.stdout.on('data', (chunk) => {
            output += chunk;
          });
          child.once('close', () => resolve((JSON.parse(output) as { outcome: string }).outcome));
        }),
    ),
  );
  sandbox.send('the log, please');
  const [log] = (await once(sandbox, 'message')) as [ReturnType<HerokuSandbox['log']>];
  const first = Math.min(...log.map((entry) => entry.startedAtMs));
  const last = Math.max(...log.map((entry) => entry.endedAtMs));
  rows.push({
    processes: jobs,
    'swept / skipped': `${outcomes.filter((o) => o === 'reaped').length} / ${outcomes.filter((o) => o === 'skipped').length}`,
    requests: log.filter((entry) => entry.path !== '/account').length,
    minimum: 1 + APPS,
    duplicates: log.filter((entry) => entry.status === 404).length,
    'sweep ms': last - first,
    'times the ideal': round((last - first) / IDEAL_MS),
  });
  await once(sandbox, 'exit');
  rmSync(folder, { recursive: true, force: true });
}
rmSync(home, { recursive: true, force: true });
printTable(`One sweep of ${APPS} apps, ${LATENCY_MS} ms a request, ${CONCURRENCY} at a time`, rows);
