// Checks with real processes of dist over the file store: publish, await, mirror, replace, signals, sidecars.
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CheckReport, StatusReport } from '../../src/app/contract.ts';
import { type CliWorld, createCliWorld } from '../support/cli.ts';

let world: CliWorld;
let server: Server | undefined;
beforeEach(() => {
  world = createCliWorld();
});
afterEach(async () => {
  await world.dispose();
  await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  server = undefined;
});

const check = (...args: string[]) => ['check', ...args, '--store', 'file:store', '--json'];
const run = async (...args: string[]) => {
  const result = await world.run(check(...args));
  return { ...result, report: result.json<CheckReport>() };
};

describe('a check', () => {
  test('that nobody set reads unknown; one that was set reads what was set', async () => {
    expect((await run('get', 'db')).report).toMatchObject({
      outcome: 'read',
      status: 'unknown',
      exitCode: 0,
    });
    expect((await run('set', 'db', 'warning', '--output', 'slow')).report).toMatchObject({
      outcome: 'set',
      status: 'warning',
    });
    expect((await run('get', 'db')).report).toMatchObject({ status: 'warning', output: 'slow' });
  });

  test('is awaited until it passes, however late', async () => {
    const waiting = world.start(check('wait', 'db', '--timeout', '30s'));
    await waiting.untilError(/db: unknown/);
    await run('set', 'db', 'critical');
    await waiting.untilError(/unknown → critical/);
    await run('set', 'db', 'passing');
    const result = await waiting.result;
    expect(result.exitCode).toBe(0);
    expect(result.json<CheckReport>()).toMatchObject({
      outcome: 'reached',
      status: 'passing',
      transitions: 2,
    });
  });

  test('that does not come ends the wait with 7', async () => {
    expect(await run('wait', 'db', '--timeout', '1s')).toMatchObject({
      exitCode: 7,
      report: { outcome: 'timeout', status: 'unknown', exitCode: 7 },
    });
  });

  test('is listed by status with its age and what it mirrors', async () => {
    await run('set', 'db', 'passing', '--ttl', '5m');
    await run('alias', 'api', '--of', 'check:db', '--until', 'passing');
    const status = await world.run(['status', '--store', 'file:store', '--json']);
    expect(status.json<StatusReport>().records).toEqual([
      expect.objectContaining({
        kind: 'check',
        name: 'api',
        state: 'passing',
        detail: expect.stringContaining('mirrors check:db'),
      }),
      expect.objectContaining({
        kind: 'check',
        name: 'db',
        state: 'passing',
        detail: expect.stringContaining('valid for 5 m'),
      }),
    ]);
  });
});

describe('an alias', () => {
  test('follows its upstream, names the cause, and ends on a signal as a matter of course', async () => {
    const alias = world.start(check('alias', 'api', '--of', 'check:db'));
    await alias.untilError(/api: critical, by check:db/);
    await run('set', 'db', 'passing');
    await alias.untilError(/critical → passing, by check:db/);
    alias.child.kill('SIGTERM');
    const result = await alias.result;
    expect(result.exitCode).toBe(0);
    expect(result.json<CheckReport>()).toMatchObject({
      outcome: 'stopped',
      status: 'passing',
      transitions: 2,
    });
    expect((await run('get', 'api')).report.status).toBe('passing');
  });

  test('of a server mirrors its health', async () => {
    let status = 200;
    server = createServer((_, response) => {
      response.statusCode = status;
      response.end('{}');
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
    const alias = world.start(check('alias', 'web', '--of', url, '--reconcile', '1s'));
    await alias.untilError(/web: passing/);
    status = 503;
    await alias.untilError(/passing → critical/);
    alias.child.kill('SIGINT');
    expect((await alias.result).exitCode).toBe(0);
  });

  test('beside a command lives as long as the command and ends with its code', async () => {
    await run('set', 'db', 'passing');
    const result = await world.run([
      ...check('alias', 'api', '--of', 'check:db'),
      '--',
      'sh',
      '-c',
      'echo out; exit 5',
    ]);
    expect(result.exitCode).toBe(5);
    expect(result.stdout).toMatch(/^out\n+\{/);
    expect(result.json<CheckReport>()).toMatchObject({ outcome: 'stopped', exitCode: 5 });
  });

  test('is replaced by a second one of its name, with exit 8', async () => {
    const first = world.start(check('alias', 'api', '--of', 'check:db'));
    await first.untilError(/api: critical/);
    const second = world.start(check('alias', 'api', '--of', 'check:other'));
    const result = await first.result;
    expect(result.exitCode).toBe(8);
    expect(result.json<CheckReport>()).toMatchObject({ outcome: 'replaced', exitCode: 8 });
    second.child.kill('SIGTERM');
    expect((await second.result).exitCode).toBe(0);
  });
});

test('a store that never answers is told as that, exit 6, whatever was asked', async () => {
  const sockets = new Set<Socket>();
  const silent = createTcpServer((socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const store = `redis://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const asked = [
    ['get', 'db'],
    ['set', 'db', 'passing'],
    ['wait', 'db'],
    ['alias', 'api', '--of', 'command:true', '--until', 'critical'],
  ];
  const ask = (args: readonly string[], timeout: string) =>
    world.run(['check', ...args, '--store', store, '--timeout', timeout, '--json']);
  // After 1 ms the connection is still being made: its socket must not keep the process.
  const results = await Promise.all([...asked.map((args) => ask(args, '1s')), ask(['get', 'db'], '1ms')]);
  const within = ['--store', store, '--timeout', '1s'];
  const [status, gc] = await Promise.all([world.run(['status', ...within]), world.run(['gc', ...within])]);
  for (const socket of sockets) socket.destroy();
  silent.close();
  expect(status.exitCode).toBe(6);
  expect(status.stderr).toContain('the store did not show all of its records in time');
  expect(gc.exitCode).toBe(6);
  expect(gc.stderr).toContain('not all records were looked at in time');
  for (const result of results) {
    expect(result.stderr).toMatch(/the store did not answer about (the )?check (db|api)/);
    expect(result.exitCode).toBe(6);
    expect(result.json<CheckReport>()).toMatchObject({ outcome: 'failed', exitCode: 6 });
  }
});

describe('wrong options of check', () => {
  test.each([
    [['set', 'db'], 'STATUS'],
    [['get', 'db', '--ttl', '5m'], '--ttl'],
    [['alias', 'x'], '--of'],
    [['alias', 'x', '--of', 'check:x'], '--of'],
    [['alias', 'x', '--of', 'ftp://y'], '--of'],
    [['alias', 'x', '--of', 'heroku-release:my-app'], 'HEROKU_API_KEY'],
    [['wait', 'x', '--', 'true'], '--'],
    [['set', 'db', 'green'], 'STATUS'],
  ])('%j names %s', async (args, named) => {
    const at = args.indexOf('--');
    const own = at < 0 ? args : args.slice(0, at);
    const result = await world.run([...check(...own), ...(at < 0 ? [] : args.slice(at))]);
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain(named);
  });
});
