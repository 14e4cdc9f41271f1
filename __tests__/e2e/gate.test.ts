// The gate as jobs run it: processes of their own over one file store, killed, stopped and signalled.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import type { GateReport } from '../../src/gate/report.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';
import { json, type Loopback, startLoopback } from '../probe/loopback.ts';
import { type CliResult, type CliWorld, createCliWorld, type RunningCli } from '../support/cli.ts';

const NAMES = ['a', 'b', 'c'];

let world: CliWorld;
beforeEach(() => {
  world = createCliWorld();
});
afterEach(() => world.dispose());

/** A database that is a file, and a migration that notes each of its runs. */
const MIGRATE = 'echo "$LOCKSTEP_FENCING_TOKEN $LOCKSTEP_GATE_TO" >> runs; echo "$LOCKSTEP_GATE_TO" > db';
const PROBE = `command:sh -c 'printf "{\\"schema\\":\\"%s\\"}" "$(cat db 2>/dev/null || echo 40)"'`;

function start(member: string, ...more: string[]): RunningCli {
  return world.start([
    ...[
      'gate',
      'deploy',
      '--store',
      'file:store',
      '--member',
      member,
      '--members',
      NAMES.join(','),
      '--json',
    ],
    ...(more.includes('--schema') ? [] : ['--schema', '42']),
    ...(more.includes('--poll') ? [] : ['--poll', '30s']),
    ...more,
  ]);
}

function startAll(...more: string[]): RunningCli[] {
  return NAMES.map((member) => start(member, ...more));
}

async function reportsOf(running: readonly RunningCli[]): Promise<GateReport[]> {
  const results = await Promise.all(running.map(({ result }) => result));
  return results.map(reportOf);
}

function reportOf(result: CliResult): GateReport {
  const report = result.json<GateReport>();
  // With --json every run prints its line, and its exitCode is the exit status.
  expect(report.exitCode).toBe(result.exitCode);
  return report;
}

function linesOf(file: string): string[] {
  const path = join(world.folder, file);
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

describe('three members, schema and API both new, the reconcile interval at 30 s', () => {
  let server: Loopback;
  beforeEach(async () => {
    server = await startLoopback(json({ schema: '42', api: ['billing'] }));
  });
  afterEach(() => server.close());

  test('all open without a wake-up by timer; one of them migrated', async () => {
    const more = ['--api', 'billing', '--migrate', MIGRATE, '--schema-probe', PROBE];
    const reports = await reportsOf(startAll(...more, '--ready', `${server.origin}/version`));
    expect(reports.map(({ outcome, wakeupsByTimer }) => [outcome, wakeupsByTimer])).toEqual(
      NAMES.map(() => ['open', 0]),
    );
    expect(reports.filter(({ committed }) => committed)).toMatchObject([{ token: 1 }]);
    expect(linesOf('runs')).toEqual(['1 42']);
    expect(reports[0]?.members.map(({ name, state }) => [name, state])).toEqual(
      NAMES.map((name) => [name, 'api-ready']),
    );
  });

  test('the log has changes of state only, the end a table, and running one again opens it alone', async () => {
    await reportsOf(startAll());
    const again = await world.run([
      ...['gate', 'deploy', '--store', 'file:store', '--member', 'b', '--members', 'a,b,c'],
      ...['--schema', '42', '--attempt', '2'],
    ]);
    expect(again.exitCode).toBe(0);
    expect(again.stdout).toMatch(/MEMBER +STATE[\s\S]*b +READY[\s\S]*The gate is open: schema 42/);
    const [first] = startAll('--attempt', '3');
    const { stderr } = (await first?.result) ?? { stderr: '' };
    const lines = stderr.trim().split('\n');
    expect(new Set(lines).size).toBe(lines.length);
  });
});

test('each of several simultaneous starts has exactly one migration', async () => {
  for (let round = 1; round <= 4; round += 1) {
    const reports = await reportsOf(startAll('--run', `${round}`, '--migrate', 'echo x >> runs'));
    expect(reports.map(({ outcome }) => outcome)).toEqual(['open', 'open', 'open']);
    expect(reports.filter(({ committed }) => committed)).toHaveLength(1);
    expect(linesOf('runs')).toHaveLength(round);
  }
});

describe('the committer', () => {
  // The first to come hangs in the middle; whoever follows by another token does it at once.
  const hangs = `[ "$LOCKSTEP_FENCING_TOKEN" = 1 ] && { echo $$ > pid; echo hanging; sleep 60; }; ${MIGRATE}`;
  const more = ['--migrate', hangs, '--schema-probe', PROBE, '--lease', '1s', '--poll', '200ms'];

  async function untilHanging(running: readonly RunningCli[]): Promise<number> {
    return await Promise.any(
      running.map(async ({ untilError }, at) => {
        await untilError(/hanging/);
        return at;
      }),
    );
  }

  test('that is killed is replaced after its lease; its re-run lets all pass', async () => {
    const running = startAll(...more);
    const at = await untilHanging(running);
    running[at]?.child.kill('SIGKILL');
    // The migration outlives its job: no gate can prevent that, and here it only sleeps.
    process.kill(-Number(linesOf('pid')[0]), 'SIGKILL');
    await running[at]?.result;
    const again = start(NAMES[at] ?? '', ...more, '--attempt', '2');
    const reports = await reportsOf([...running.filter((_, each) => each !== at), again]);
    expect(reports.map(({ outcome }) => outcome)).toEqual(['open', 'open', 'open']);
    expect(linesOf('runs')).toEqual(['2 42']);
    expect(reports.filter(({ committed }) => committed)).toMatchObject([{ token: 2 }]);
  });

  test('that is stopped is replaced, and when it wakes up it is fenced and opens with the others', async () => {
    const running = startAll(...more);
    const at = await untilHanging(running);
    const stopped = running[at];
    stopped?.child.kill('SIGSTOP');
    const others = running.filter((_, each) => each !== at);
    await Promise.any(others.map(({ untilError }) => untilError(/the schema is there/)));
    process.kill(-Number(linesOf('pid')[0]), 'SIGKILL');
    stopped?.child.kill('SIGCONT');
    const reports = await reportsOf(running);
    expect(reports.map(({ outcome }) => outcome)).toEqual(['open', 'open', 'open']);
    expect(reports.filter(({ committed }) => committed)).toMatchObject([{ token: 2 }]);
    expect(linesOf('runs')).toEqual(['2 42']);
  });

  test('that fails fails all at once, with what it said last', async () => {
    const running = startAll('--migrate', 'echo relation users exists >&2; exit 3');
    const results = await Promise.all(running.map(({ result }) => result));
    expect(results.map(reportOf).map(({ code, exitCode }) => [code, exitCode])).toEqual(
      NAMES.map(() => ['commit-failed', 22]),
    );
    for (const { stderr } of results) expect(stderr).toContain('the gate has failed');
  });

  test('that gets SIGINT ends its migration, tells the others, and exits 130 with its result', async () => {
    const running = startAll(
      '--migrate',
      'trap "echo rolled back >> runs; exit 1" TERM; echo hanging; sleep 60 & wait',
    );
    const at = await untilHanging(running);
    running[at]?.child.kill('SIGINT');
    const reports = await reportsOf(running);
    expect(reports[at]).toMatchObject({ code: 'member-left', exitCode: 130, committed: false });
    const others = reports.filter((_, each) => each !== at);
    expect(others).toEqual(
      NAMES.slice(1).map(() => expect.objectContaining({ code: 'member-left', exitCode: 20 })),
    );
    expect(linesOf('runs')).toEqual(['rolled back']);
  });
});

describe('a member that does not come, leaves, or is another version', () => {
  test('by the deadline all have the same failure, naming who is missing; a later attempt of all opens', async () => {
    const running = [start('a', '--timeout', '2500ms'), start('b', '--timeout', '30s')];
    const reports = await reportsOf(running);
    expect(reports).toEqual(
      ['a', 'b'].map(() => expect.objectContaining({ code: 'timeout', exitCode: 7, missing: ['c'] })),
    );
    const late = await start('c').result;
    expect(reportOf(late)).toMatchObject({ code: 'timeout', missing: ['c'] });
    const again = await reportsOf(startAll('--attempt', '2'));
    expect(again.map(({ outcome, epoch }) => [outcome, epoch])).toEqual(NAMES.map(() => ['open', 2]));
  });

  test('SIGTERM to a waiting job ends it with 143 and the others with 20', async () => {
    const [a, b] = [start('a'), start('b')];
    await Promise.all([a, b].map(({ untilError }) => untilError(/b {2}WAITING/)));
    a.child.kill('SIGTERM');
    expect(reportOf(await a.result)).toMatchObject({ code: 'member-left', exitCode: 143 });
    expect(reportOf(await b.result)).toMatchObject({ code: 'member-left', exitCode: 20 });
  });

  test('one that is behind ends with 21 at once; its re-run with the right version lets the others pass', async () => {
    const waiting = [start('a'), start('b')];
    await Promise.all(
      waiting.map(({ untilError }) =>
        untilError(/a {2}WAITING[\s\S]*b {2}WAITING|b {2}WAITING[\s\S]*a {2}WAITING/),
      ),
    );
    const behind = reportOf(await start('c', '--schema', '41').result);
    expect(behind).toMatchObject({ code: 'behind', exitCode: 21, behind: ['c'] });
    const reports = await reportsOf([...waiting, start('c', '--attempt', '2')]);
    expect(reports.map(({ outcome }) => outcome)).toEqual(['open', 'open', 'open']);
  });

  test('a failed gate of this machine says how to try again', async () => {
    const options = [
      '--store',
      'file:store',
      '--member',
      'a',
      '--members',
      'a,b',
      '--schema',
      '42',
      '--timeout',
      '1s',
    ];
    await world.run(['gate', 'g', ...options]);
    const { stdout, exitCode } = await world.run(['gate', 'g', ...options]);
    expect(exitCode).toBe(7);
    expect(stdout).toContain('--attempt 2');
  });
});

test('a board in a newer format is left untouched, exit 9', async () => {
  const key = 'default/gate/local/local/deploy';
  const value = JSON.stringify({ format: 2, plans: 'new' });
  const store = await openFileStore({ path: join(world.folder, 'store'), clock: systemClock });
  await store.compareAndSet(key, null, value);
  const result = await start('a').result;
  expect(reportOf(result)).toMatchObject({ outcome: 'failed', exitCode: 9 });
  expect(result.stderr).toContain('newest version of lockstep');
  expect((await store.get(key))?.value).toBe(value);
  await store.close();
});
