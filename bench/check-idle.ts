// What an idle hour of an alias costs, counted on the other side: by the log of an HTTP server and of GitHub's REST facade, by
// the engines' own statistics, and by a meter on the file store. The hour passes in two minutes; the intervals are the defaults.
// Run: node --import ./scripts/register-ts.js bench/check-idle.ts
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askEtcd, startEtcd } from '../__tests__/support/engine-etcd.ts';
import { askPostgres, startPostgres } from '../__tests__/support/engine-postgres.ts';
import { askRedis, startRedis } from '../__tests__/support/engine-redis.ts';
import { openEngine } from '../__tests__/support/engine-worlds.ts';
import { createHurriedClock } from '../__tests__/support/github-clock.ts';
import { startGitHubFacade } from '../__tests__/support/github-facade.ts';
import { createMemoryRepository } from '../__tests__/support/github-repository.ts';
import { type Clock, sleep, systemClock } from '../src/base/clock.ts';
import { nullLogger } from '../src/base/logger.ts';
import { startAlias } from '../src/check/alias.ts';
import { createChecks } from '../src/check/check.ts';
import { createGitHubClient } from '../src/github/client.ts';
import { createProbeOpener } from '../src/probe/open.ts';
import type { Target } from '../src/probe/target.ts';
import type { Store } from '../src/store/contract.ts';
import { openFileStore } from '../src/store/drivers/file.ts';
import { ENGINE_POLL_MS, ENGINE_TIMEOUT_MS } from '../src/store/engine.ts';
import { meterStore } from '../src/store/metered.ts';
import { printTable } from './pairs.ts';

const HOUR_MS = 3_600_000;
const RECONCILE_MS = 60_000;
const hurried = createHurriedClock(30);
// What limits a single question keeps its length, or a busy machine would make questions fail that are answered in time.
const isLimit = (delayMs: number, isBackground = false) =>
  isBackground || delayMs === ENGINE_TIMEOUT_MS || delayMs === 5000;
const clock: Clock = {
  ...hurried,
  startTimer: (delayMs, callback, options) =>
    (isLimit(delayMs, options?.background) ? systemClock : hurried).startTimer(delayMs, callback, options),
};
const namespace = 'bench';
const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
const openFile = (name: string) => openFileStore({ path: join(folder, name), clock });

const github = await startGitHubFacade({ git: createMemoryRepository() });
const client = createGitHubClient({
  ...{ apiUrl: github.apiUrl, token: 'token', userAgent: 'lockstep', clock },
});
const reader = {
  async get(path: string, { signal }: { signal: AbortSignal }) {
    const read = await client.read(path, { signal });
    if (read.kind !== 'found') throw new Error(`${path} is ${read.kind}`);
    return { status: 200, body: read.data, etag: null, retryAfterMs: null };
  },
};

interface Idle {
  readonly upstream: string;
  readonly store: string;
  /** What was counted on the other side since it was last asked. */
  count(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

/** Starts an alias and waits until it shows what it mirrors; a question that failed spoils the count and ends the bench. */
async function begin(target: Target, opened: Store, about: Pick<Idle, 'upstream' | 'store' | 'count'>) {
  const store = meterStore(opened);
  const fail = (message: string) => {
    throw new Error(`the hour was not idle: ${message}`);
  };
  const world = {
    ...{ store, namespace, clock, writer: 'bench', logger: { ...nullLogger, debug: fail } },
  };
  const checks = createChecks(world);
  await checks.set('db', { status: 'passing' });
  const opener = createProbeOpener({
    ...{ clock, store, namespace, cwd: folder, env: {}, redact: (text: string) => text, heroku: null },
    github: { reader, repository: github.name },
  });
  const upstreams = await opener.open([target]);
  const alias = startAlias({ name: 'alias', upstreams, reconcileMs: RECONCILE_MS }, world);
  void alias.done.catch((error: unknown) => fail(String(error)));
  await checks.wait('alias', { pollMs: 1000, signal: new AbortController().signal });
  let before = store.requests;
  const idle: Idle = {
    ...about,
    async count() {
      const calls = store.requests - before;
      before = store.requests;
      return { 'calls of the store': calls, ...(await about.count()) };
    },
    async stop() {
      await alias.stop();
      await opener.close();
      await store.close();
    },
  };
  return idle;
}

/** The difference since the last call, of figures that only rise. */
function since(read: () => Promise<Record<string, number>>) {
  let last: Record<string, number> = {};
  return async () => {
    const now = await read();
    const grown = Object.entries(now).map(([name, value]) => [name, value - (last[name] ?? 0)] as const);
    last = now;
    return Object.fromEntries(grown);
  };
}

const web = { requests: 0, unchanged: 0, connections: 0 };
const server = createServer((request, response) => {
  web.requests += 1;
  const isKnown = request.headers['if-none-match'] === '"1"';
  if (isKnown) web.unchanged += 1;
  response.writeHead(isKnown ? 304 : 200, { etag: '"1"' }).end();
});
// Longer than an hour between two questions would be: the connection is the client's to keep.
server.keepAliveTimeout = HOUR_MS;
server.on('connection', () => {
  web.connections += 1;
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const webUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;

github.world.checkRuns.push({ ref: 'main', name: 'build', status: 'completed', conclusion: 'success' });
const [redis, postgres, etcd] = [await startRedis(), await startPostgres(), await startEtcd()];
const onEngine = (url: string) => openEngine(url, { clock, pollMs: ENGINE_POLL_MS });

const redisCommands = since(async () => {
  const text = String(await askRedis(redis.port, ['INFO', 'commandstats']));
  const calls = [...text.matchAll(/cmdstat_(hmget|evalsha|eval|hset|subscribe)[^:]*:calls=(\d+)/g)];
  return { 'the engine counts': calls.reduce((sum, [, , count]) => sum + Number(count), 0) };
});
const postgresScans = since(async () => {
  const [row] = await askPostgres(
    postgres.port,
    "SELECT idx_scan + seq_scan AS n FROM pg_stat_user_tables WHERE relname = 'lockstep_store'",
  );
  return { 'the engine counts': Number(row?.['n'] ?? 0) };
});
const etcdCalls = since(async () => {
  const text = await (await fetch(`http://127.0.0.1:${etcd.port}/metrics`)).text();
  const calls = [...text.matchAll(/grpc_server_started_total\{grpc_method="(Range|Txn)"[^}]*\} (\S+)/g)];
  return { 'the engine counts': calls.reduce((sum, [, , count]) => sum + Number(count), 0) };
});
await askEtcd(etcd.port, '/v3/kv/range', { key: 'eA==' });

const db: Target = { kind: 'check', name: 'db' };
const idles = [
  await begin({ kind: 'http', url: webUrl, credentials: null }, await openFile('web'), {
    upstream: 'https://… with an ETag',
    store: 'file',
    count: since(async () => ({
      'requests upstream': web.requests,
      'of them 304': web.unchanged,
      'new connections': web.connections,
    })),
  }),
  await begin({ kind: 'github-check', name: 'build', ref: 'main' }, await openFile('github'), {
    upstream: 'github-check:…',
    store: 'file',
    count: since(async () => ({
      'requests upstream': github.log.length,
      'of them 304': github.countOf(({ isCounted }) => !isCounted),
    })),
  }),
  await begin(db, await openFile('file'), { upstream: 'check:…', store: 'file', count: async () => ({}) }),
  await begin(db, await onEngine(redis.url()), { upstream: 'check:…', store: 'redis', count: redisCommands }),
  await begin(db, await onEngine(postgres.url()), {
    upstream: 'check:…',
    store: 'postgres',
    count: postgresScans,
  }),
  await begin(db, await onEngine(etcd.url()), { upstream: 'check:…', store: 'etcd', count: etcdCalls }),
];
// Postgres tells its statistics a little later.
await sleep(clock, 2 * RECONCILE_MS);
for (const idle of idles) await idle.count();
await sleep(clock, HOUR_MS);
const columns = [
  'calls of the store',
  'the engine counts',
  'requests upstream',
  'of them 304',
  'new connections',
];
const rows = [];
for (const idle of idles) {
  const found = await idle.count();
  const figures = columns.map((column) => [column, found[column] ?? '']);
  rows.push({ upstream: idle.upstream, store: idle.store, ...Object.fromEntries(figures) });
}
printTable('An hour in which nothing changes, of one alias with one upstream', rows);
for (const idle of idles) await idle.stop();
server.close();
await github.close();
for (const engine of [redis, postgres, etcd]) await engine.stop();
rmSync(folder, { recursive: true, force: true });
