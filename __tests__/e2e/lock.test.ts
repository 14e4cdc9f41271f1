// `lock`, `assert`, `unlock` and `gc` on the command line, as processes over a file store.
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StatusReport } from '../../src/app/contract.ts';
import type { LockReport } from '../../src/app/lock-report.ts';
import { type CliWorld, cliStart, createCliWorld, type RunningCli } from '../support/cli.ts';

/** The command line as a shell writes it. */
const lockstep = [process.execPath, ...cliStart].map((word) => `"${word}"`).join(' ');
let world: CliWorld;
const started: RunningCli[] = [];
beforeEach(() => {
  world = createCliWorld();
});
afterEach(async () => {
  // A command outlives a lockstep that is killed: it is asked to end first.
  const left = started.splice(0);
  for (const { child } of left) child.kill('SIGTERM');
  await Promise.all(left.map(({ result }) => result));
  await world.dispose();
});

const sh = (script: string) => ['--', 'sh', '-c', script];
const lock = (name: string, ...more: string[]) => ['lock', name, '--store', 'file:store', ...more];
/** Holds a lock until it is ended; resolves when its command runs. */
async function hold(name: string, ...options: string[]): Promise<RunningCli> {
  const running = world.start(lock(name, ...options, ...sh('echo started >&2; exec sleep 30')));
  started.push(running);
  await running.untilError(/started/);
  return running;
}
const read = (file: string) => readFileSync(join(world.folder, file), 'utf8');

describe('the command under the lock', () => {
  test('gets name and token, has the standard streams to itself, and its exit code is passed on', async () => {
    const script = 'printf "%s %s" "$LOCKSTEP_LOCK_NAME" "$LOCKSTEP_FENCING_TOKEN"; printf oops >&2; exit 7';
    const first = await world.run(lock('db', ...sh(script)));
    expect(first).toMatchObject({ exitCode: 7, stdout: 'db 1', stderr: 'oops' });
    expect((await world.run(lock('db', ...sh(script)))).stdout).toBe('db 2');
  });

  test('with --json the result follows on a line of its own', async () => {
    const result = await world.run(lock('db', '--json', ...sh('printf unfinished; exit 3')));
    expect(result.stdout.split('\n')[0]).toBe('unfinished');
    expect(result.json()).toEqual({
      format: 1,
      command: 'lock',
      outcome: 'ran',
      name: 'db',
      fencingToken: 1,
      waitedMs: expect.any(Number),
      heldMs: expect.any(Number),
      childExitCode: 3,
      holder: null,
      exitCode: 3,
    });
  });

  test('killed by a signal, its exit code is that of a shell', async () => {
    const result = await world.run(lock('db', '--json', ...sh('kill -9 $$')));
    expect(result.exitCode).toBe(137);
    expect(result.json<LockReport>()).toMatchObject({ outcome: 'ran', childExitCode: 137 });
  });

  test('that cannot be started is a configuration error, and the lock is free again', async () => {
    const result = await world.run(lock('db', '--json', '--', 'no-such-program'));
    expect(result.exitCode).toBe(2);
    expect(result.json()).toMatchObject({
      outcome: 'failed',
      errors: [{ option: '--', message: expect.stringContaining('no-such-program') }],
    });
    expect((await world.run(lock('db', '--when-busy', 'fail', ...sh('true')))).exitCode).toBe(0);
  });

  test.each([[['--json']], [['--json', '--']]])('is required: %j', async (more) => {
    const result = await world.run(lock('db', '--permits', '0', ...more));
    expect(result.exitCode).toBe(2);
    expect(result.json()).toMatchObject({ outcome: 'failed', name: 'db' });
    expect(result.json<{ errors: unknown }>().errors).toEqual([
      { option: '--permits', message: expect.any(String) },
      { option: '--', message: expect.stringMatching(/missing.*lockstep lock NAME -- COMMAND/) },
    ]);
    expect(existsSync(join(world.folder, 'store'))).toBe(false);
  });

  test('on a runner without a token or a store nothing runs: a file store there would coordinate nobody', async () => {
    const env = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'o/r' };
    const { exitCode, stderr, stdout } = await world.run(['lock', 'db', ...sh('echo ran')], { env });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/--store is required on this runner/);
  });
});

describe('while another holds it', () => {
  test.each([
    ['skip', 'skipped', 0],
    ['fail', 'busy', 4],
  ])(
    '--when-busy %s: %s, exit code %d, and the command does not run',
    async (whenBusy, outcome, exitCode) => {
      await hold('db', '--holder', 'the one before');
      const result = await world.run(lock('db', '--when-busy', whenBusy, '--json', ...sh('echo ran')));
      expect(result.exitCode).toBe(exitCode);
      expect(result.json()).toMatchObject({
        outcome,
        childExitCode: null,
        fencingToken: null,
        holder: 'the one before',
      });
      expect(result.stdout).not.toContain('ran');
    },
  );

  test('--timeout covers the wait and not the command', async () => {
    const first = await hold('db');
    const late = await world.run(lock('db', '--timeout', '1s', '--json', ...sh('echo ran')));
    expect(late.exitCode).toBe(4);
    expect(late.json()).toMatchObject({ outcome: 'busy', childExitCode: null });
    first.child.kill('SIGTERM');
    await first.result;
    const long = await world.run(lock('db', '--timeout', '1s', ...sh('sleep 1.2; echo ran')));
    expect(long).toMatchObject({ exitCode: 0, stdout: 'ran\n' });
  });

  test('a waiter takes over when it is given back, and says for whom it waited', async () => {
    const first = await hold('db', '--holder', 'the one before');
    const second = world.start(lock('db', ...sh('echo "token $LOCKSTEP_FENCING_TOKEN"')));
    await second.untilError(/waiting for the lock db, which the one before holds/);
    first.child.kill('SIGTERM');
    expect(await second.result).toMatchObject({ exitCode: 0, stdout: 'token 2\n' });
  });

  test('who says another number of permits is told', async () => {
    await hold('db');
    const { exitCode, stderr } = await world.run(lock('db', '--permits', '2', ...sh('true')));
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/--permits.*in use with 1 permits/);
  });

  test.each(['wait', 'skip', 'fail'])(
    'by a store that never answers it is not: with --when-busy %s exit code 6',
    async (whenBusy) => {
      const silent = createServer(() => undefined);
      await new Promise<void>((ready) => silent.listen(0, '127.0.0.1', ready));
      try {
        const { port } = silent.address() as AddressInfo;
        const options = [
          '--store',
          `redis://127.0.0.1:${port}`,
          '--timeout',
          '500ms',
          '--when-busy',
          whenBusy,
          '--json',
        ];
        const result = await world.run(['lock', 'db', ...options, ...sh('echo ran')]);
        expect(result.exitCode).toBe(6);
        expect(result.json()).toMatchObject({ outcome: 'failed', childExitCode: null, exitCode: 6 });
      } finally {
        silent.close();
      }
    },
  );

  test('interrupted while waiting, it starts nothing and holds nothing', async () => {
    const first = await hold('db');
    const second = world.start(lock('db', '--json', ...sh('echo ran')));
    await second.untilError(/waiting/);
    second.child.kill('SIGINT');
    const result = await second.result;
    expect(result.exitCode).toBe(130);
    expect(result.json()).toMatchObject({ outcome: 'failed', childExitCode: null, exitCode: 130 });
    first.child.kill('SIGTERM');
    await first.result;
    expect((await world.run(lock('db', '--when-busy', 'fail', ...sh('true')))).exitCode).toBe(0);
  });
});

describe('signals', () => {
  test.each([
    ['SIGINT', 'INT', 130],
    ['SIGTERM', 'TERM', 143],
  ] as const)(
    '%s is forwarded; the lock is given back after the command has ended',
    async (signal, trap, exitCode) => {
      const script = `trap 'sleep 0.3; echo cleaned-up; exit 5' ${trap}; echo started >&2; while :; do sleep 0.05; done`;
      const first = world.start(lock('db', '--json', ...sh(script)));
      await first.untilError(/started/);
      const second = world.start(lock('db', '--poll', '50ms', ...sh('true')));
      await second.untilError(/waiting/);
      first.child.kill(signal);
      const result = await first.result;
      expect(result.stdout).toMatch(/^cleaned-up\n/);
      expect(result.exitCode).toBe(exitCode);
      expect(result.json()).toMatchObject({ outcome: 'ran', childExitCode: 5, exitCode });
      expect((await second.result).exitCode).toBe(0);
    },
  );

  test('reach what a shell script started, and the lock is held until that has ended, too', async () => {
    const worker =
      "trap 'sleep 0.4; echo out >> history; exit' TERM; echo started >&2; while :; do sleep 0.05; done";
    const first = world.start(lock('db', ...sh(`sh -c '${worker.replaceAll("'", "'\\''")}'; true`)));
    await first.untilError(/started/);
    const second = world.start(lock('db', ...sh('echo next >> history')));
    await second.untilError(/waiting/);
    first.child.kill('SIGTERM');
    expect((await first.result).exitCode).toBe(143);
    expect((await second.result).exitCode).toBe(0);
    expect(read('history')).toBe('out\nnext\n');
  });

  test('a second one is forwarded, too, instead of leaving the command alone', async () => {
    const script = "trap 'echo once' INT; trap 'exit 9' TERM; echo started >&2; while :; do sleep 0.05; done";
    const running = world.start(lock('db', '--json', ...sh(script)));
    await running.untilError(/started/);
    running.child.kill('SIGINT');
    await new Promise((resolve) => running.child.stdout?.once('data', resolve));
    running.child.kill('SIGTERM');
    const result = await running.result;
    expect(result.exitCode).toBe(130);
    expect(result.json()).toMatchObject({ outcome: 'ran', childExitCode: 9 });
  });
});

describe('a lock that is lost', () => {
  test('ends its command, exit code 8', async () => {
    const running = world.start(
      lock(
        'db',
        '--lease',
        '1s',
        '--json',
        ...sh("trap 'echo told; exit 0' TERM; echo started >&2; while :; do sleep 0.05; done"),
      ),
    );
    await running.untilError(/started/);
    expect((await world.run(['unlock', 'db', '--force', '--store', 'file:store'])).exitCode).toBe(0);
    const result = await running.result;
    expect(result.stdout).toMatch(/^told\n/);
    expect(result.exitCode).toBe(8);
    expect(result.json()).toMatchObject({ outcome: 'lost', fencingToken: 1, childExitCode: 0, exitCode: 8 });
  });

  test('of a process that was stopped past its lease: the successor works, and the resumed one says 8 although its command ended well', async () => {
    const script = 'echo started >&2; while [ ! -e go ]; do sleep 0.05; done';
    const first = world.start(lock('db', '--lease', '1s', '--json', ...sh(script)));
    await first.untilError(/started/);
    first.child.kill('SIGSTOP');
    const second = await world.run(lock('db', ...sh('touch go; echo "token $LOCKSTEP_FENCING_TOKEN"')));
    expect(second).toMatchObject({ exitCode: 0, stdout: 'token 2\n' });
    first.child.kill('SIGCONT');
    const result = await first.result;
    expect(result.exitCode).toBe(8);
    expect(result.json()).toMatchObject({ outcome: 'lost', fencingToken: 1 });
  });

  test('only after the command has ended changes nothing', async () => {
    // Free before it ends: its release finds nothing of its own.
    const free = `${lockstep} unlock db --force --store file:store`;
    const result = await world.run(lock('db', '--json', ...sh(`${free} >&2; exit 6`)));
    expect(result.exitCode).toBe(6);
    expect(result.json()).toMatchObject({ outcome: 'ran', childExitCode: 6, exitCode: 6 });
  });
});

describe('assert', () => {
  const assertion = (name: string) => `${lockstep} assert ${name} --store file:store`;

  test('succeeds while the token holds, also in nested locks, and fails with 8 once it does not', async () => {
    const inner = `${lockstep} lock inner --store file:store -- sh -c '${assertion('inner')}; echo $?; ${assertion('db')}; echo $?'`;
    const free = `${lockstep} unlock db --force --store file:store`;
    const script = `${assertion('db')}; echo $?; ${inner}; ${free} >&2; ${assertion('db')}; echo $?`;
    const { stdout, stderr } = await world.run(lock('db', ...sh(script)));
    expect(stdout.split('\n').slice(0, 4)).toEqual(['0', '0', '8', '8']);
    expect(stderr).toMatch(/that of the lock inner/);
  });

  test('without a token nothing is held: 8; what is no token is a configuration error', async () => {
    const args = ['assert', 'db', '--store', 'file:store', '--json'];
    const none = await world.run(args);
    expect(none.exitCode).toBe(8);
    expect(none.json()).toEqual({
      format: 1,
      command: 'assert',
      outcome: 'lost',
      name: 'db',
      fencingToken: null,
      exitCode: 8,
    });
    expect((await world.run(args, { env: { LOCKSTEP_FENCING_TOKEN: 'seven' } })).exitCode).toBe(2);
  });

  test('knows on the machine of the holder that a killed one has run out before anybody took over', async () => {
    const running = await hold('db', '--lease', '1s');
    const args = ['assert', 'db', '--store', 'file:store'];
    const env = { LOCKSTEP_FENCING_TOKEN: '1' };
    expect((await world.run(args, { env })).exitCode).toBe(0);
    running.child.kill('SIGSTOP');
    let { exitCode, stderr } = await world.run(args, { env });
    while (exitCode === 0) ({ exitCode, stderr } = await world.run(args, { env }));
    expect(exitCode).toBe(8);
    expect(stderr).toMatch(/has run out/);
    running.child.kill('SIGCONT');
  });
});

describe('unlock', () => {
  test('without --force is a configuration error; what is free is none', async () => {
    const bare = await world.run(['unlock', 'db', '--store', 'file:store', '--json']);
    expect(bare.exitCode).toBe(2);
    expect(bare.json<{ errors: unknown[] }>().errors).toEqual([
      { option: '--force', message: expect.any(String) },
    ]);
    const free = await world.run(['unlock', 'db', '--force', '--store', 'file:store', '--json']);
    expect(free.json()).toEqual({
      format: 1,
      command: 'unlock',
      outcome: 'free',
      name: 'db',
      fencingToken: null,
      exitCode: 0,
    });
  });

  test("takes over by the protocol: the next token is higher than the old holder's", async () => {
    await hold('db');
    const freed = await world.run(['unlock', 'db', '--force', '--store', 'file:store', '--json']);
    expect(freed.json()).toMatchObject({ outcome: 'freed', fencingToken: 2, exitCode: 0 });
    const next = await world.run(lock('db', '--when-busy', 'fail', ...sh('echo $LOCKSTEP_FENCING_TOKEN')));
    expect(next.stdout).toBe('3\n');
  });
});

test('status shows holder, token and those who wait in order', async () => {
  await hold('a/b', '--order', 'fifo', '--holder', 'ours');
  const waiter = world.start(lock('a/b', '--order', 'fifo', ...sh('true')));
  started.push(waiter);
  await waiter.untilError(/waiting/);
  const report = (
    await world.run(['status', 'lock', '--store', 'file:store', '--json'])
  ).json<StatusReport>();
  expect(report.records).toMatchObject([
    {
      kind: 'lock',
      name: 'a/b',
      state: 'held',
      holder: 'ours',
      fencingToken: 1,
      leaseMs: 60_000,
      waiters: 1,
    },
  ]);
});

test('gc keeps what remembers tokens', async () => {
  await world.run(lock('db', ...sh('true')));
  const result = await world.run(['gc', '--store', 'file:store', '--json']);
  expect(result.json()).toEqual({
    format: 1,
    command: 'gc',
    outcome: 'clean',
    removed: [],
    kept: { lock: 1 },
    exitCode: 0,
  });
  expect((await world.run(lock('db', ...sh('echo $LOCKSTEP_FENCING_TOKEN')))).stdout).toBe('2\n');
});
