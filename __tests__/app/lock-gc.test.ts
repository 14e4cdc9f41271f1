// What may be removed, and the proof it takes: decisions as tables, then the command over a file store with an API beside it.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { appLeaseKey } from '../../src/app/app-lease.ts';
import type { CommandContext } from '../../src/app/contract.ts';
import { findGateRun, isAppLease, isOverForGood, runGc } from '../../src/app/gc-command.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { gateKeySegments } from '../../src/gate/config.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';
import { createKey } from '../../src/store/key.ts';

const NOW = '2026-06-01T00:00:00Z';
const OLD = '2026-04-01T00:00:00Z';
const RECENT = '2026-05-20T00:00:00Z';
const run = (id: number, more: object = {}) => ({
  id,
  status: 'completed',
  created_at: OLD,
  run_started_at: OLD,
  updated_at: OLD,
  ...more,
});
const boardOf = (id: string, gate = 'upgrade') =>
  createKey('default', ...gateKeySegments({ scope: 'run', repository: 'octo/repo', run: id }, gate));

test.each([
  [['default', 'gate', 'octo/repo', '77', 'upgrade'], { owner: 'octo', repo: 'repo', run: '77' }],
  [['default', 'gate', 'octo/repo', 'env', 'staging', 'upgrade'], null],
  [['default', 'gate', 'octo/repo', 'local', 'upgrade'], null],
  [['default', 'gate', '../etc', '77', 'upgrade'], null],
  [['default', 'gate', 'octo/repo', '77/../1', 'upgrade'], null],
  [['default', 'lock', 'octo/repo', '77', 'upgrade'], null],
  [['default', 'reap', 'heroku-1'], null],
  [['default', 'check', 'db'], null],
])('%j belongs to the run %j', (segments, expected) => {
  expect(findGateRun(segments)).toEqual(expected);
});

test.each([
  ['a run completed long ago', run(77), true],
  ['one that still runs', run(77, { status: 'in_progress' }), false],
  ['one that was started again of late', run(77, { run_started_at: RECENT }), false],
  ['one that changed of late', run(77, { updated_at: RECENT }), false],
  ['another run', run(78), false],
  ['one without a stamp', run(77, { created_at: undefined }), false],
  ['one whose stamp cannot be read', run(77, { created_at: 'long ago' }), false],
  ['no answer', null, false],
])('%s is over for good: %s', (_, data, expected) => {
  expect(isOverForGood(data, '77', Date.parse(NOW))).toBe(expected);
  expect(isOverForGood(data, '77', Number.NaN)).toBe(false);
});

describe('gc', () => {
  let folder: string;
  let server: Server;
  let asked: string[];
  let runs: Map<string, object>;
  let serverAheadMs: number;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-gc-'));
    asked = [];
    serverAheadMs = 0;
    runs = new Map([['1000', { ...run(1000), run_started_at: NOW, status: 'in_progress' }]]);
    server = createServer((request, response) => {
      const id = /^\/repos\/octo\/repo\/actions\/runs\/(\d+)$/.exec(request.url ?? '')?.[1] ?? '';
      asked.push(id);
      const found = runs.get(id);
      const date = new Date(Date.now() + serverAheadMs).toUTCString();
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json', date });
      response.end(JSON.stringify(found ?? { message: 'Not Found' }));
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = () => openFileStore({ path: join(folder, 'store'), clock: systemClock });
  async function put(...keys: readonly string[]): Promise<void> {
    const store = await open();
    for (const key of keys) await store.compareAndSet(key, null, '{}');
    await store.close();
  }
  async function gc(env: Readonly<Record<string, string>> = {}, clock: Clock = systemClock) {
    const { port } = server.address() as AddressInfo;
    const runner = {
      GITHUB_TOKEN: 'token-of-the-test',
      GITHUB_REPOSITORY: 'octo/repo',
      GITHUB_RUN_ID: '1000',
    };
    const context: CommandContext = {
      clock,
      logger: nullLogger,
      env: { ...runner, GITHUB_API_URL: `http://127.0.0.1:${port}`, ...env },
      cwd: folder,
      signal: new AbortController().signal,
      isRunner: env['GITHUB_ACTIONS'] !== 'false',
      process: { pid: 1, who: async () => ({ host: 'h', user: 'u' }), execPath: '', execArgv: [], entry: '' },
      rest: null,
    };
    return runGc(
      context,
      await resolveOptions({ command: 'gc', host: 'hook', hook: { store: 'file:store' } }),
    );
  }

  test('removes gates of runs that are over for good, and nothing else', async () => {
    runs
      .set('1', run(1))
      .set('2', run(2, { status: 'in_progress' }))
      .set('3', run(3, { updated_at: RECENT }));
    await put(...['1', '2', '3', '4'].map((id) => boardOf(id)), createKey('default', 'lock', 'db'));
    await put(
      createKey('default', 'gate', 'octo/repo', 'env', 'staging', 'upgrade'),
      createKey('other', 'lock', 'x'),
    );
    expect(await gc()).toEqual({
      format: 1,
      command: 'gc',
      outcome: 'cleaned',
      removed: [{ kind: 'gate', name: 'octo/repo/1/upgrade' }],
      kept: { gate: 4, lock: 1 },
      exitCode: 0,
    });
    expect(asked.sort()).toEqual(['1', '1000', '2', '3', '4']);
    const store = await open();
    expect(await store.get(boardOf('1'))).toBeNull();
    expect(await store.get(boardOf('2'))).not.toBeNull();
    await store.close();
    expect((await gc()).outcome).toBe('clean');
  });

  test('outside of a job nothing can be proven: nothing is asked and nothing removed', async () => {
    runs.set('1', run(1));
    await put(boardOf('1'));
    expect(await gc({ GITHUB_ACTIONS: 'false' })).toMatchObject({ removed: [], kept: { gate: 1 } });
    expect(asked).toEqual([]);
  });

  test('keeps all where its own run cannot be asked about', async () => {
    runs.set('1', run(1)).delete('1000');
    await put(boardOf('1'));
    expect(await gc()).toMatchObject({ removed: [], kept: { gate: 1 } });
  });

  const ACCOUNT = { name: 'heroku', accountId: 'abc' };
  const appKey = (id: string) => appLeaseKey('default', ACCOUNT, id);
  /** The machine's clocks, all moved on by so many days. */
  const daysLater = (days: number): Clock => {
    const ms = days * 86_400_000;
    return {
      ...systemClock,
      wallMs: () => systemClock.wallMs() + ms,
      machineTime: () => ({ clockId: 'boot-of-the-test', ms: systemClock.monotonicMs() + ms }),
    };
  };
  /** Holds the lease on an app; frees it unless told otherwise. */
  async function useApp(id: string, options: { keeps?: boolean } = {}): Promise<void> {
    const store = await open();
    const manager = createLeaseManager({ store, clock: systemClock });
    const holder = { text: 'creator', host: 'h', pid: 1 };
    const tried = await manager.tryAcquire(appKey(id), { leaseMs: 60_000, holder });
    if (!tried.acquired) throw new Error('it should be free');
    if (!options.keeps) await tried.lease.release();
    await manager.close();
    await store.close();
  }
  async function has(id: string): Promise<boolean> {
    const store = await open();
    const entry = await store.get(appKey(id));
    await store.close();
    return entry !== null;
  }
  const local = { GITHUB_ACTIONS: 'false' };

  test('removes the lease on an app that stayed free for a month, by one clock, and never one that was used meanwhile', async () => {
    await Promise.all([useApp('done'), useApp('used'), useApp('held', { keeps: true })]);
    await put(createKey('default', 'app', 'heroku-abc', 'foreign'));
    expect(await gc(local, daysLater(0))).toMatchObject({ outcome: 'clean', removed: [], kept: { app: 4 } });
    expect(await gc(local, daysLater(30))).toMatchObject({ removed: [] });
    await useApp('used');
    expect(await gc(local, daysLater(32))).toMatchObject({
      outcome: 'cleaned',
      removed: [{ kind: 'app', name: 'heroku-abc/done' }],
      kept: { app: 3 },
    });
    expect(await Promise.all(['done', 'used', 'held', 'foreign'].map(has))).toEqual([
      false,
      true,
      true,
      true,
    ]);
    // A creator whose app is called the same finds it as it would find any other.
    await useApp('done');
    expect(await has('done')).toBe(true);
  });

  test('takes the time from GitHub where it is a job, whatever the machine thinks', async () => {
    await useApp('done');
    const restarted = (days: number): Clock => ({ ...daysLater(days), machineTime: () => null });
    await gc({}, restarted(0));
    serverAheadMs = 20 * 86_400_000;
    expect(await gc({}, restarted(400))).toMatchObject({ removed: [] });
    serverAheadMs = 32 * 86_400_000;
    expect(await gc({}, restarted(0))).toMatchObject({ removed: [{ kind: 'app', name: 'heroku-abc/done' }] });
  });

  test('with no clock to tell by leaves such a lease as it is, unmarked', async () => {
    await useApp('done');
    const store = await open();
    const before = await store.get(appKey('done'));
    await gc(local, { ...systemClock, machineTime: () => null });
    expect(await store.get(appKey('done'))).toEqual(before);
    await store.close();
  });

  test.each([
    [['default', 'app', 'heroku-abc', 'id'], true],
    [['default', 'app', 'heroku-abc'], false],
    [['default', 'app', 'heroku-abc', 'id', 'more'], false],
    [['default', 'lock', 'heroku-abc', 'id'], false],
    [['app', 'reap', 'heroku-abc', 'id'], false],
  ])('%j is the lease of an app: %s', (segments, expected) => {
    expect(isAppLease(segments)).toBe(expected);
  });
});
