// What the engine stores cost over each engine's bare client, side by side in one run, as ratios: absolute times belong to
// the machine. Compare-and-set, change to notification in another connection, the hand-over of a lock, 1,000 waiters on one
// key. Run: node --import ./scripts/register-ts.js bench/engines.ts [redis|postgres|etcd …]
import { createHash } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { createClient } from '@redis/client';
import { Client } from 'pg';
import { ENGINES } from '../__tests__/support/engine-list.ts';
import type { EngineProcess } from '../__tests__/support/engine-process.ts';
import { startRedis } from '../__tests__/support/engine-redis.ts';
import { systemClock } from '../src/base/clock.ts';
import { createLeaseManager } from '../src/lease/manager.ts';
import type { Store } from '../src/store/contract.ts';
import { openStore, parseStoreUrl } from '../src/store/open.ts';

const ROUNDS = 1000;
const WAITERS = 1000;
const value = JSON.stringify({ v: 1, state: 'held', token: 1, holder: 'x'.repeat(200) });
const nowMs = () => systemClock.monotonicMs();

/** The least that a client of the engine can do for the same effect. */
interface Raw {
  /** A compare-and-set on the revision of the call before. */
  cas(): Promise<void>;
  /** Subscribes; calls back at each change. */
  watch(hear: () => void): Promise<void>;
  close(): Promise<void>;
}

async function openRedisRaw(port: number): Promise<Raw> {
  const open = async () => {
    const client = createClient({ RESP: 2, socket: { host: '127.0.0.1', port } });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const [client, listener] = [await open(), await open()];
  const script = `local r = redis.call('HGET', KEYS[1], 'r') or '0'
    if r ~= ARGV[1] then return false end
    local n = redis.call('HINCRBY', KEYS[1], 'r', 1)
    redis.call('HSET', KEYS[1], 'v', ARGV[2])
    redis.call('PUBLISH', KEYS[1], '')
    return tostring(n)`;
  const sha = createHash('sha1').update(script).digest('hex');
  await client.sendCommand(['SCRIPT', 'LOAD', script]);
  let revision = '0';
  return {
    async cas() {
      const next = await client.sendCommand(['EVALSHA', sha, '1', 'raw', revision, value]);
      if (typeof next !== 'string') throw new Error('the bare client lost a write without a rival');
      revision = next;
    },
    watch: (hear) => listener.subscribe('raw', hear),
    async close() {
      client.destroy();
      listener.destroy();
    },
  };
}

async function openPostgresRaw(port: number): Promise<Raw> {
  const open = async () => {
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    await client.connect();
    return client;
  };
  const [client, listener] = [await open(), await open()];
  await client.query('CREATE TABLE raw (k text PRIMARY KEY, r bigint, v text); CREATE SEQUENCE raws');
  let revision = '0';
  await client.query("INSERT INTO raw VALUES ('raw', 0, '')");
  const text = `WITH w AS (UPDATE raw SET r = nextval('raws'), v = $2 WHERE k = $1 AND r = $3 RETURNING r)
    SELECT r, pg_notify('raw', '') FROM w`;
  return {
    async cas() {
      const { rows } = await client.query<{ r: string }>(text, ['raw', value, revision]);
      revision = rows[0]?.r ?? '';
    },
    async watch(hear) {
      listener.on('notification', hear);
      await listener.query('LISTEN raw');
    },
    async close() {
      await Promise.all([client.end(), listener.end()]);
    },
  };
}

async function openEtcdRaw(port: number): Promise<Raw> {
  const agent = new Agent({ keepAlive: true });
  const post = (path: string, body: object) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const text = JSON.stringify(body);
      const options = { agent, path, port, host: '127.0.0.1', method: 'POST' };
      request({ ...options, headers: { 'content-length': Buffer.byteLength(text) } }, resolve)
        .on('error', reject)
        .end(text);
    });
  const key = Buffer.from('raw').toString('base64');
  const streams: IncomingMessage[] = [];
  let revision = '0';
  return {
    async cas() {
      const response = await post('/v3/kv/txn', {
        compare: [{ key, target: 'MOD', result: 'EQUAL', mod_revision: revision }],
        success: [{ request_put: { key, value: Buffer.from(value).toString('base64') } }],
      });
      let text = '';
      for await (const chunk of response) text += String(chunk);
      const answer = JSON.parse(text) as { succeeded?: boolean; header: { revision: string } };
      if (!answer.succeeded) throw new Error('the bare client lost a write without a rival');
      revision = answer.header.revision;
    },
    async watch(hear) {
      const response = await post('/v3/watch', { create_request: { key } });
      streams.push(response);
      response.on('error', () => undefined);
      response.on('data', (chunk: Buffer) => {
        if (chunk.includes('events')) hear();
      });
    },
    async close() {
      for (const stream of streams) stream.destroy();
      agent.destroy();
    },
  };
}

const RAW: Record<string, (port: number) => Promise<Raw>> = {
  redis: openRedisRaw,
  postgres: openPostgresRaw,
  etcd: openEtcdRaw,
};

function quantile(times: readonly number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
}

/** Runs the contenders in turn, so that a slow moment of the machine hits both. */
async function compare(ours: () => Promise<number>, raw: () => Promise<number>) {
  const times = { ours: [] as number[], raw: [] as number[] };
  for (let round = 0; round < ROUNDS + 50; round += 1) {
    const [own, bare] = [await ours(), await raw()];
    if (round < 50) continue;
    times.ours.push(own);
    times.raw.push(bare);
  }
  return times;
}

const timed = async (run: () => Promise<unknown>) => {
  const startMs = nowMs();
  await run();
  return nowMs() - startMs;
};

function report(title: string, times: { ours: number[]; raw?: number[] }): void {
  const show = (all: number[]) =>
    `p50 ${quantile(all, 0.5).toFixed(3)} ms  p90 ${quantile(all, 0.9).toFixed(3)} ms`;
  const bare = times.raw
    ? `   bare client ${show(times.raw)}   ratio ${(quantile(times.ours, 0.5) / quantile(times.raw, 0.5)).toFixed(2)}`
    : '';
  process.stdout.write(`${title.padEnd(34)} ${show(times.ours)}${bare}\n`);
}

function open(server: EngineProcess): Promise<Store> {
  const parsed = parseStoreUrl(server.url(), { cwd: '/', env: {} });
  if (!parsed.ok) throw new Error(parsed.problem);
  return openStore(parsed.value, { clock: systemClock });
}

async function benchCas(name: string, store: Store, raw: Raw): Promise<void> {
  let revision: string | null = null;
  const write = async () => {
    const result = await store.compareAndSet('bench/cas', revision, value);
    if (!result.ok) throw new Error('a write without a rival was lost');
    revision = result.revision;
  };
  report(
    `${name}: compareAndSet`,
    await compare(
      () => timed(write),
      () => timed(() => raw.cas()),
    ),
  );
  report(`${name}: get`, {
    ours: (
      await compare(
        () => timed(() => store.get('bench/cas')),
        async () => 0,
      )
    ).ours,
  });
}

/** From the call that changes to the callback of another connection. */
async function benchNotification(
  name: string,
  options: { store: Store; other: Store; raw: Raw },
): Promise<void> {
  const { store, other, raw } = options;
  const abort = new AbortController();
  const watch = other.watch('bench/watch', { signal: abort.signal });
  const edges = watch[Symbol.asyncIterator]();
  await watch.ready;
  await edges.next();
  let revision: string | null = null;
  const ours = async () => {
    const startMs = nowMs();
    const edge = edges.next().then(() => nowMs() - startMs);
    const result = await store.compareAndSet('bench/watch', revision, value);
    if (result.ok) revision = result.revision;
    return edge;
  };
  let heard: () => void = () => undefined;
  await raw.watch(() => heard());
  const bare = async () => {
    const startMs = nowMs();
    const edge = new Promise<number>((resolve) => {
      heard = () => resolve(nowMs() - startMs);
    });
    await raw.cas();
    return edge;
  };
  report(`${name}: change to notification`, await compare(ours, bare));
  abort.abort();
}

const holder = (text: string) => ({ text, host: 'bench', pid: process.pid });

/** From the release to the owner after it, who waited on another connection. */
async function benchHandOver(name: string, store: Store, other: Store): Promise<void> {
  const [one, two] = [store, other].map((each) => createLeaseManager({ store: each, clock: systemClock }));
  if (!one || !two) throw new Error('there are two');
  const options = (text: string) => ({ leaseMs: 10_000, holder: holder(text), pollMs: 5000 });
  const times: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    const key = `bench/lock/${name}`;
    const lease = await one.acquire(key, options('one'));
    let isWaiting: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      isWaiting = resolve;
    });
    const next = two.acquire(key, { ...options('two'), onWait: () => isWaiting() });
    await waiting;
    await new Promise((resolve) => setTimeout(resolve, 15));
    const startMs = nowMs();
    await lease?.release();
    const owned = await next;
    times.push(nowMs() - startMs);
    await owned?.release();
  }
  report(`${name}: hand-over of a lock`, { ours: times });
  await Promise.all([one.close(), two.close()]);
}

/** One change, and how long until the last of many waiters in one process knows of it. */
async function benchWaiters(name: string, store: Store, other: Store): Promise<void> {
  const key = 'bench/crowd';
  const aborts: AbortController[] = [];
  const startedMs = nowMs();
  const before = process.memoryUsage().rss;
  const crowd = await Promise.all(
    Array.from({ length: WAITERS }, async () => {
      const abort = new AbortController();
      aborts.push(abort);
      const watch = other.watch(key, { signal: abort.signal });
      const edges = watch[Symbol.asyncIterator]();
      await watch.ready;
      await edges.next();
      return edges;
    }),
  );
  const readyMs = nowMs() - startedMs;
  const rss = (process.memoryUsage().rss - before) / 1024 / 1024;
  const times: number[] = [];
  let revision: string | null = null;
  for (let round = 0; round < 20; round += 1) {
    const all = Promise.all(crowd.map((edges) => edges.next()));
    const startMs = nowMs();
    const result = await store.compareAndSet(key, revision, `${round}`);
    if (result.ok) revision = result.revision;
    await all;
    times.push(nowMs() - startMs);
  }
  for (const abort of aborts) abort.abort();
  report(`${name}: ${WAITERS} waiters on one key`, { ours: times });
  process.stdout.write(
    `${''.padEnd(34)} subscribed in ${readyMs.toFixed(0)} ms, ${rss.toFixed(1)} MiB more\n`,
  );
}

const wanted = process.argv.slice(2);
for (const engine of ENGINES) {
  const openRaw = RAW[engine.name];
  if (!openRaw || (wanted.length > 0 && !wanted.includes(engine.name))) continue;
  // Without flushing, so that the engine's disk does not hide what the clients cost.
  const server = engine.name === 'redis' ? await startRedis() : await engine.start();
  const [store, other, raw] = [await open(server), await open(server), await openRaw(server.port)];
  try {
    await benchCas(engine.name, store, raw);
    await benchNotification(engine.name, { store, other, raw });
    await benchHandOver(engine.name, store, other);
    await benchWaiters(engine.name, store, other);
  } finally {
    await Promise.all([store.close(), other.close(), raw.close()]);
    await server.stop();
  }
}
