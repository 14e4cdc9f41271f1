// Snapshots through the real cache client, in real processes with the variables of a step, against a cache service on loopback.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import {
  clientEnvironment,
  createCacheSnapshot,
  hasCacheService,
} from '../../src/snapshot/cache-snapshot.ts';
import { COUNT_NAMES, type Snapshot, type SnapshotCounts } from '../../src/snapshot/contract.ts';
import { type CacheService, startCacheService } from '../support/cache-service.ts';
import type { SnapshotOrder } from '../support/snapshot-caller.ts';

const project = resolve(import.meta.dirname, '..', '..');
const subject = { identity: '00d1e2f3a4b5c6d7', everyMs: 600_000 };
const counts = Object.fromEntries(COUNT_NAMES.map((name, index) => [name, index])) as SnapshotCounts;
const snapshotAt = (atMs: number): Snapshot => ({ outcome: 'reaped', counts, atMs });
const write = (atMs = Date.now()): SnapshotOrder => ({ kind: 'write', subject, snapshot: snapshotAt(atMs) });
const read: SnapshotOrder = { kind: 'read', subject };

interface Line {
  result: unknown;
  tookMs: number;
  said: string[];
  isAvailable: boolean;
}

let folder: string;
let service: CacheService;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-cache-'));
  service = await startCacheService({
    grants: {
      reader: { scopes: ['refs/heads/main'], isReadOnly: true },
      pull: { scopes: ['refs/pull/7/merge', 'refs/heads/main'] },
    },
  });
});

afterEach(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

/** A step with its own temporary folder, workspace and home. */
async function step(
  orders: readonly SnapshotOrder[],
  variables: Record<string, string> = service.variables(),
): Promise<{ lines: Line[]; output: string }> {
  const own = await mkdtemp(join(folder, 'job-'));
  const script = join(project, '__tests__', 'support', 'snapshot-caller.ts');
  const args = ['--import', join(project, 'scripts', 'register-ts.js'), script, JSON.stringify(orders)];
  const child = spawn(process.execPath, args, {
    cwd: own,
    env: { PATH: process.env['PATH'], HOME: own, RUNNER_TEMP: own, GITHUB_WORKSPACE: own, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await new Promise((done) => child.once('close', done));
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return { lines: lines.map((line) => JSON.parse(line) as Line), output };
}

test('the cache client is given what it needs, and no other credential of the step', () => {
  const needed = {
    ACTIONS_RESULTS_URL: 'u',
    ACTIONS_RUNTIME_TOKEN: 't',
    RUNNER_TEMP: '/tmp',
    https_proxy: 'p',
  };
  const others = {
    GITHUB_TOKEN: 'x',
    INPUT_TOKEN: 'x',
    HEROKU_API_KEY: 'x',
    LOCKSTEP_STORE: 'redis://u:x@h',
  };
  expect(clientEnvironment({ ...others, ...needed })).toEqual(needed);
});

describe('a snapshot in the cache', () => {
  test('reaches other jobs with one look-up, whatever their folders are; the newest of the window counts', async () => {
    // All in one window, whenever this runs.
    const startMs = Math.floor(Date.now() / subject.everyMs) * subject.everyMs;
    const saved = await step([read, write(startMs), write(startMs + 1)]);
    expect(saved.lines.map(({ result }) => result)).toEqual([null, true, true]);
    for (const { key } of service.entries) {
      expect(key).toMatch(/^lockstep-sweep-1-[0-9a-f]+-[0-9a-z]+-[rc]-[0-9a-z]+-[0-9a-z.]+$/);
    }
    service.log.length = 0;
    const pull = await step([read], service.variables('pull'));
    expect(pull.lines.map(({ result }) => result)).toEqual([snapshotAt(startMs + 1)]);
    expect(service.log).toEqual([
      { method: 'GetCacheEntryDownloadURL', status: 200, key: expect.any(String) },
    ]);

    // What a pull request saved stays its own.
    service.entries = service.entries.map((entry) => ({ ...entry, scope: 'refs/pull/7/merge' }));
    const main = await step([read]);
    expect(main.lines.map(({ result }) => result)).toEqual([null]);
  });
});

describe('a cache that does not work costs nothing but the look-up', () => {
  test.each<[string, Record<string, string>, CacheService['plan']]>([
    ['is throttled', {}, () => ({ kind: 'status', status: 429, retryAfterSeconds: 60 })],
    ['may not be used at all', { ACTIONS_CACHE_MODE: 'none' }, () => undefined],
  ])('when it %s', async (_, extra, plan) => {
    service.plan = plan;
    const { lines, output } = await step([read, write()], { ...service.variables(), ...extra });
    expect(lines.map(({ result }) => result)).toEqual([null, false]);
    // The client's own warnings would be annotations of every job.
    expect(output).not.toContain('::');
  });

  test('when a name is taken, or the token may only read; what others saved is seen', async () => {
    const again = write();
    const first = await step([again, again]);
    expect(first.lines.map(({ result }) => result)).toEqual([true, false]);
    expect(service.log.filter(({ status }) => status === 409)).toHaveLength(1);
    const { lines } = await step([read, write(Date.now() + 1)], service.variables('reader'));
    expect(lines.map(({ result }) => result !== null && result !== false)).toEqual([true, false]);
  });

  test('when an upload breaks off; a blob that ends half way is never downloaded', async () => {
    let uploads = 0;
    service.plan = (method) => {
      if (method === 'upload' && uploads++ === 0) return { kind: 'status', status: 400 };
      return method === 'download' ? { kind: 'truncate' } : undefined;
    };
    const atMs = Date.now();
    const { lines } = await step([write(atMs - 1), write(atMs), read]);
    expect(lines.map(({ result }) => result)).toEqual([false, true, snapshotAt(atMs)]);
    expect(service.countOf('download')).toBe(0);
  });

  test.each([
    ['hangs', { kind: 'hang' }, read],
    ['keeps a reservation and says no more', { kind: 'hang' }, write()],
    ['fails, which the client would retry for half a minute', { kind: 'status', status: 503 }, read],
  ] as const)(
    'when it %s, for no longer than its deadline, and the process can end',
    async (_, fault, order) => {
      service.plan = () => fault;
      const startMs = systemClock.monotonicMs();
      const { lines } = await step([{ ...order, timeoutMs: 1000 }]);
      expect(lines.map(({ result }) => result)).toEqual([order.kind === 'read' ? null : false]);
      // Far from the client's own 24 s and more; not a measurement.
      expect(systemClock.monotonicMs() - startMs).toBeLessThan(20_000);
      expect(lines[0]?.said.join()).toContain('the time budget passed while waiting for the cache');
    },
  );
});

describe('outside a step of an Action', () => {
  test.each([
    ['without address and token', {}],
    ['without a token', { ACTIONS_RESULTS_URL: 'http://127.0.0.1:1/' }],
    ['without an address', { ACTIONS_RUNTIME_TOKEN: 'runtime' }],
  ])('%s there is no cache service', (_, env) => {
    expect(hasCacheService(env)).toBe(false);
  });

  test('a window of no length is nothing to look for', async () => {
    const store = createCacheSnapshot({ clock: systemClock, env: {} });
    const signal = new AbortController().signal;
    expect(await store.read({ ...subject, everyMs: 0 }, { signal })).toBeNull();
    expect(await store.write({ ...subject, everyMs: 0 }, snapshotAt(1))).toBe(false);
  });
});
