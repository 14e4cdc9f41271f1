// The lease agent as a test runner has it: it holds through synchronous work, and lets go when the runner ends in whatever way.
// Leases are longer than the tests wait where it must not be the lease's end that frees the lock.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { type AgentSocket, parseAgentEnd } from '../../src/host/agent-protocol.ts';
import { askToGiveBack } from '../../src/host/agent-socket.ts';
import type { LeaseManager } from '../../src/lease/contract.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import type { Store } from '../../src/store/contract.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';

const project = resolve(import.meta.dirname, '..', '..');
const KEY = 'default/lock/suite';
const holder = { text: 'the test', host: 'loopback', pid: process.pid };

let folder: string;
let users: User[];
let store: Store;
let manager: LeaseManager;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-agent-'));
  users = [];
  store = await openFileStore({ path: join(folder, 'store'), clock: systemClock, pollMs: 100 });
  manager = createLeaseManager({ store, clock: systemClock, pollMs: 100 });
});
afterEach(async () => {
  for (const { child } of users) child.kill('SIGKILL');
  await Promise.all(users.map(({ ended }) => ended));
  await manager.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

interface User {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  line(pattern: RegExp): Promise<string>;
  say(text: string): void;
}

function start(...more: readonly string[]): User {
  const script = join(project, '__tests__/support/agent-user.ts');
  const args = [
    '--import',
    join(project, 'scripts/register-ts.js'),
    script,
    `file:${join(folder, 'store')}`,
    ...more,
  ];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  const looks = new Set<() => void>();
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (const look of looks) look();
  });
  const user: User = {
    child,
    ended: new Promise((done) => child.once('close', done)),
    line: (pattern) =>
      new Promise((found) => {
        const look = () => {
          const match = text
            .split('\n')
            .slice(0, -1)
            .find((each) => pattern.test(each));
          if (match === undefined) return;
          looks.delete(look);
          found(match);
        };
        looks.add(look);
        look();
      }),
    say: (line) => void child.stdin?.write(`${line}\n`),
  };
  users.push(user);
  return user;
}

/** The record's state, without becoming a contender. */
const state = async () => (await manager.read(KEY)).record?.state;
async function untilFree(): Promise<void> {
  while ((await state()) !== 'free');
}

describe('the lease agent', () => {
  test('gives back on request, and says so', async () => {
    const user = start();
    await user.line(/^held 1/);
    expect(await state()).toBe('held');
    user.say('release');
    expect(await user.line(/^released/)).toBe('released released');
    expect(await state()).toBe('free');
    user.say('end');
    expect(await user.ended).toBe(0);
  });

  test('renews while the one it holds for is blocked for longer than the lease', async () => {
    const user = start();
    await user.line(/^held 1/);
    user.say('block 2200');
    const contender = await Promise.race([
      manager.acquire(KEY, { leaseMs: 1000, holder, pollMs: 100 }).then(() => 'owned'),
      user.line(/^blocked/),
    ]);
    expect(contender).toBe('blocked');
    user.say('release');
    expect(await user.line(/^released/)).toBe('released released');
  });

  test.each(['SIGKILL', 'SIGINT'] as const)(
    'lets go when the one it holds for is ended by %s',
    async (signal) => {
      const user = start();
      await user.line(/^held 1/);
      user.child.kill(signal);
      // Freed, not run out: only its own release writes that.
      await untilFree();
    },
  );

  test('keeps nobody from ending, and lets go then', async () => {
    const user = start();
    await user.line(/^held 1/);
    user.say('end');
    expect(await user.ended).toBe(0);
    await untilFree();
  });

  test('killed itself, the one it holds for learns that the lock is lost', async () => {
    const user = start();
    const [, , pid] = (await user.line(/^held 1/)).split(' ');
    process.kill(Number(pid), 'SIGKILL');
    expect(await user.line(/^lost/)).toBe('lost lease-lost');
    user.say('release');
    expect(await user.line(/^released/)).toBe('released already-lost');
  });

  test('is not ended by the signals that a runner or a terminal sends to all', async () => {
    const user = start();
    const [, , pid] = (await user.line(/^held 1/)).split(' ');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(Number(pid), signal);
    user.say('block 300');
    await user.line(/^blocked/);
    user.say('release');
    expect(await user.line(/^released/)).toBe('released released');
  });

  test('tells when the lock was taken by force', async () => {
    const user = start();
    await user.line(/^held 1/);
    await manager.forceRelease(KEY, { holder });
    expect(await user.line(/^lost/)).toBe('lost lease-lost');
  });

  test('passes on that it is busy, and that one gave up waiting; then nothing is left behind', async () => {
    const taken = await manager.tryAcquire(KEY, { leaseMs: 60_000, holder });
    expect(taken.acquired).toBe(true);
    const refused = start('fail');
    expect(await refused.line(/^busy/)).toBe('busy the test');
    const waiting = start();
    await waiting.line(/waiting for the lock suite, which the test holds/);
    waiting.child.kill('SIGUSR2');
    expect(await waiting.line(/^failed/)).toBe('failed cancelled');
    expect(await waiting.ended).toBe(0);
    if (taken.acquired) await taken.lease.release();
    const next = await manager.tryAcquire(KEY, { leaseMs: 60_000, holder });
    expect(next.acquired).toBe(true);
    if (next.acquired) await next.lease.release();
  });
});

describe('the lease agent that stays', () => {
  let worker: ChildProcess;
  beforeEach(() => {
    worker = spawn('sleep', ['60']);
  });
  afterEach(() => void worker.kill('SIGKILL'));

  /** Of a process that has ended; its agent holds on. */
  async function leave(): Promise<AgentSocket> {
    const user = start('wait', String(worker.pid), folder);
    await user.line(/^held 1/);
    user.say('stay');
    const line = await user.line(/^stays/);
    expect(await user.ended).toBe(0);
    expect(await state()).toBe('held');
    return JSON.parse(line.slice('stays '.length)) as AgentSocket;
  }

  test('gives back on the word of who knows its nonce, and of nobody else', async () => {
    const address = await leave();
    expect(await askToGiveBack({ ...address, nonce: 'guessed' }, systemClock)).toBeNull();
    expect(await state()).toBe('held');
    expect(await askToGiveBack(address, systemClock)).toMatchObject({ outcome: 'released' });
    expect(await state()).toBe('free');
    expect(await askToGiveBack(address, systemClock)).toBeNull();
  });

  test("lets go when the job's worker is gone", async () => {
    await leave();
    worker.kill('SIGKILL');
    await untilFree();
  });

  test('ends with its lease, and leaves the reason for post', async () => {
    const address = await leave();
    await manager.forceRelease(KEY, { holder });
    const reason = () => {
      const path = join(folder, 'end.json');
      return existsSync(path) ? parseAgentEnd(readFileSync(path, 'utf8')) : null;
    };
    while (reason() === null) await sleep(systemClock, 20);
    expect(reason()).toMatchObject({ outcome: 'lost', message: expect.stringContaining('lost') });
    while (existsSync(address.path)) await sleep(systemClock, 20);
    expect(await askToGiveBack(address, systemClock)).toBeNull();
  });
});
