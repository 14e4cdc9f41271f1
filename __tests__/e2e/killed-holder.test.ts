// What a holder that was killed without a word costs those who ask once and go away (`--when-busy skip`): real processes of
// dist over a file store. Each of them is a fresh observer; none lives long enough to see the record unchanged for a lease.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { type CliWorld, createCliWorld, type RunningCli } from '../support/cli.ts';

const APPS = Array.from({ length: 4 }, (_, index) => ({
  name: `hatchet-t-000000000${index}`,
  ageMs: 9 * 86_400_000,
}));
const LEASE_MS = 1000;
let world: CliWorld;
let sandbox: HerokuSandbox;

beforeEach(async () => {
  world = createCliWorld();
  sandbox = await startHerokuSandbox({
    clock: systemClock,
    apps: APPS,
    faults: [{ match: { method: 'DELETE' }, act: { kind: 'hang' }, times: 1 }],
  });
});
afterEach(async () => {
  await world.dispose();
  await sandbox.close();
});

const store = () => ['--store', `file:${join(world.folder, 'store')}`];
const start = (name: string, lease: string): RunningCli =>
  world.start(
    [
      ...[
        'reap',
        '--provider',
        'heroku',
        '--match',
        'hatchet-t-[0-9]+',
        '--older-than',
        '7d',
        '--apply',
        '--json',
      ],
      ...[
        '--account',
        'ci',
        '--holder',
        name,
        '--lease',
        lease,
        '--poll',
        '100ms',
        '--when-busy',
        'skip',
        ...store(),
      ],
    ],
    { env: { HEROKU_API_URL: sandbox.url, HEROKU_API_KEY: 'key' } },
  );
const reap = async (name: string, lease = `${LEASE_MS}ms`) =>
  (await start(name, lease).result).json<ReapReport>();

/** A sweep that hangs in its first deletion, until it is killed. */
async function killSweeper(lease = `${LEASE_MS}ms`): Promise<void> {
  const sweeper = start('the-killed-one', lease);
  await sweeper.untilError(/lease acquired/);
  // The one request that hangs is the killed one's.
  while (!sandbox.log().some(({ fault }) => fault === 'hang')) await world.run(['--version']);
  sweeper.child.kill('SIGKILL');
  await sweeper.result;
}

describe('a sweep that was killed', () => {
  test('within its lease the others leave: they cannot know yet', async () => {
    await killSweeper('1m');
    expect(await reap('the-next', '1m')).toMatchObject({
      outcome: 'skipped',
      reason: 'busy',
      holder: expect.stringContaining('the-killed-one'),
      waitedMs: 0,
    });
  });

  test('of those who keep coming, one sweeps', async () => {
    await killSweeper();
    let report = await reap('the-next');
    while (report.outcome === 'skipped') {
      expect(report.reason).toBe('busy');
      report = await reap('the-next');
    }
    expect(report).toMatchObject({ outcome: 'reaped', fencingToken: 2, exitCode: 0 });
  });

  test('who comes after its lease sweeps at once, with nobody having watched in between', async () => {
    await killSweeper();
    const killedMs = systemClock.monotonicMs();
    // Commands that look at nothing of it, until the lease is over.
    while (systemClock.monotonicMs() - killedMs < 2 * LEASE_MS) await world.run(['--version']);
    const report = await reap('the-next');
    expect(report).toMatchObject({ outcome: 'reaped', fencingToken: 2 });
    // Where the machine's clock has no name it is observed for one lease first.
    if (systemClock.machineTime() !== null) expect(report.waitedMs).toBe(0);
  });
});
