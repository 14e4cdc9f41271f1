// What starting costs: a reap that skips, on a fresh outcome or since another is at it, against `node -e 0`, in interleaved pairs.
// Goal: 1.35 times, at most 1.5. Run: node --import ./scripts/register-ts.js bench/start.ts
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, printTable, round } from './pairs.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
mkdirSync(join(folder, 'apps', 'preview-1'), { recursive: true });
const world = { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, HEROKU_API_KEY: 'bench-key' } };
const cli = join(process.cwd(), 'dist/cli.js');
const rule = [
  '--match',
  'preview-[0-9]+',
  '--older-than',
  '1h',
  '--apply',
  '--store',
  'file:store',
  '--json',
];
/** A provider that never ends its list: whoever asked for it first holds the lease. */
const SLOW = [
  '--provider',
  'command',
  '--list-command',
  'sleep 600',
  '--get-command',
  'false',
  '--destroy-command',
  'false',
  '--account',
  'slow',
];
const commands: Readonly<Record<string, readonly string[]>> = {
  'reap, fresh outcome': [cli, 'reap', '--provider', 'directory', '--root', 'apps', ...rule],
  'reap, not elected': [cli, 'reap', '--provider', 'heroku', '--job-index', '9', ...rule],
  'reap, lease held': [cli, 'reap', ...SLOW, ...rule],
  '--version': [cli, '--version'],
};
const run = (args: readonly string[]) => async () => {
  const { status, stderr } = spawnSync(process.execPath, args, { ...world, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
};

const holder = spawn(process.execPath, [cli, 'reap', ...SLOW, ...rule], { ...world, stdio: 'ignore' });
try {
  const isHeld = () => {
    const status = spawnSync(process.execPath, [cli, 'status', '--store', 'file:store', '--json'], world);
    return String(status.stdout).includes('"held"');
  };
  for (let tries = 0; !isHeld(); tries += 1) if (tries === 100) throw new Error('the lease was never held');
  const rows = [];
  for (const [name, args] of Object.entries(commands)) {
    const { medianMs, baselineMs, ratio } = await compare({
      rounds: 40,
      subject: run(args),
      baseline: run(['-e', '0']),
    });
    rows.push({
      command: name,
      'median ms': round(medianMs, 0),
      '`node -e 0` ms': round(baselineMs, 0),
      ratio: round(ratio),
    });
  }
  printTable(`Starting (${process.version})`, rows);
} finally {
  if (holder.kill()) await once(holder, 'exit');
  rmSync(folder, { recursive: true, force: true });
}
