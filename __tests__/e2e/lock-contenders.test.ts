// Many processes that want one lock, over the file store. Each one's command appends a line when it begins and when it ends: the
// file is the oracle, since appending is atomic and its order is the order of what happened.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { StatusReport } from '../../src/app/contract.ts';
import { type CliWorld, createCliWorld, type RunningCli } from '../support/cli.ts';

const TIMEOUT_MS = 120_000;
let world: CliWorld;
beforeEach(() => {
  world = createCliWorld();
});
afterEach(() => world.dispose());

const script = (name: string, seconds: number) =>
  `echo "in $LOCKSTEP_FENCING_TOKEN ${name}" >> history; sleep ${seconds}; echo "out $LOCKSTEP_FENCING_TOKEN ${name}" >> history`;

function contend(name: string, options: readonly string[], seconds = 0.01): RunningCli {
  const command = ['--', 'sh', '-c', script(name, seconds)];
  return world.start([
    'lock',
    'contended',
    '--store',
    'file:store',
    '--holder',
    name,
    ...options,
    ...command,
  ]);
}

interface Event {
  readonly kind: 'in' | 'out';
  readonly token: number;
  readonly name: string;
}

function history(): Event[] {
  const path = join(world.folder, 'history');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  return lines.map((line) => {
    const [kind, token, name = ''] = line.split(' ');
    return { kind: kind === 'in' ? 'in' : 'out', token: Number(token), name };
  });
}

/** The most that were inside at once. */
function mostInside(events: readonly Event[]): number {
  let inside = 0;
  return Math.max(...events.map(({ kind }) => (inside += kind === 'in' ? 1 : -1)));
}

const entries = (events: readonly Event[]) => events.filter(({ kind }) => kind === 'in');

async function waiters(): Promise<number> {
  const result = await world.run(['status', 'lock', 'contended', '--store', 'file:store', '--json']);
  return result.json<StatusReport>().records[0]?.waiters ?? 0;
}

async function untilWaiting(count: number): Promise<void> {
  while ((await waiters()) < count);
}

test(
  'of 60 processes each gets it once, none while another has it, with tokens that rise by one',
  async () => {
    const names = Array.from({ length: 60 }, (_, index) => `c${index}`);
    const results = await Promise.all(names.map((name) => contend(name, []).result));
    expect(results.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr))).toEqual(names.map(() => 0));
    const events = history();
    expect(mostInside(events)).toBe(1);
    expect(entries(events).map(({ token }) => token)).toEqual(names.map((_, index) => index + 1));
    expect(
      entries(events)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...names].sort());
  },
  TIMEOUT_MS,
);

test(
  'with three permits three are inside at once and never four, each with a token of its own',
  async () => {
    const names = Array.from({ length: 12 }, (_, index) => `c${index}`);
    const results = await Promise.all(names.map((name) => contend(name, ['--permits', '3'], 0.3).result));
    expect(results.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr))).toEqual(names.map(() => 0));
    const events = history();
    expect(mostInside(events)).toBe(3);
    expect(
      entries(events)
        .map(({ token }) => token)
        .sort((a, b) => a - b),
    ).toEqual(names.map((_, index) => index + 1));
  },
  TIMEOUT_MS,
);

test(
  'in order fifo they get it as they came, and one that died in the queue is skipped',
  async () => {
    const options = ['--order', 'fifo', '--lease', '1s', '--poll', '100ms'];
    const first = world.start([
      ...['lock', 'contended', '--store', 'file:store', ...options],
      ...['--', 'sh', '-c', 'echo started >&2; while [ ! -e go ]; do sleep 0.02; done'],
    ]);
    await first.untilError(/started/);
    const queued: RunningCli[] = [];
    for (const name of ['a', 'b', 'dead', 'c', 'd']) {
      queued.push(contend(name, options));
      await untilWaiting(queued.length);
    }
    queued[2]?.child.kill('SIGKILL');
    await world.run(['lock', 'go', '--store', 'file:store', '--', 'touch', 'go']);
    await Promise.all([first, ...queued].map(({ result }) => result));
    const events = history();
    expect(entries(events).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
    expect(mostInside(events)).toBe(1);
  },
  TIMEOUT_MS,
);

test('a holder that is killed is replaced after its lease, by one of those who wait', async () => {
  const first = world.start([
    ...['lock', 'contended', '--store', 'file:store', '--lease', '1s'],
    ...['--', 'sh', '-c', 'echo "$$" > command; echo started >&2; exec sleep 30'],
  ]);
  await first.untilError(/started/);
  const second = contend('next', ['--poll', '100ms']);
  await second.untilError(/waiting/);
  first.child.kill('SIGKILL');
  expect((await second.result).exitCode).toBe(0);
  expect(entries(history())).toMatchObject([{ token: 2, name: 'next' }]);
  // Nobody ended its command: a vanished lockstep cannot. That is what fencing tokens are for.
  process.kill(Number(readFileSync(join(world.folder, 'command'), 'utf8')), 'SIGKILL');
});
