// What a gate costs, on the file store and on each engine that is installed, as the number of members grows: from the last
// member ready to all open, beside one bare change of a key that as many hear of and read; the whole gate, beside its writes
// alone; wake-ups by timer, writes per member, memory. All members live in this process, each with a store handle of its own;
// on a runner each has a machine, so that the larger figures are mostly this process's own work.
// Run: node --import ./scripts/register-ts.js bench/gate.ts [rounds] [largest] [smallest] [file|redis|postgres|etcd …]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENGINES } from '../__tests__/support/engine-list.ts';
import { startPostgres } from '../__tests__/support/engine-postgres.ts';
import { startRedis } from '../__tests__/support/engine-redis.ts';
import { systemClock } from '../src/base/clock.ts';
import { nullLogger } from '../src/base/logger.ts';
import { gateKeySegments, parseGateConfig } from '../src/gate/config.ts';
import { passGate } from '../src/gate/gate.ts';
import type { GateOptions, GatePassage } from '../src/gate/ports.ts';
import { createResult } from '../src/probe/result.ts';
import type { Store } from '../src/store/contract.ts';
import { createKey } from '../src/store/key.ts';
import { openStore, parseStoreUrl } from '../src/store/open.ts';
import { median, printTable, round } from './pairs.ts';

const [given, wanted] = [process.argv.slice(2, 5).map(Number), process.argv.slice(5)];
const [rounds = 15, largest = 256, smallest = 3] = given;

interface Sample {
  readonly openedMs: number;
  readonly totalMs: number;
  readonly wakeups: number;
  readonly writes: number;
  readonly conflicts: number;
  /** One change of a key, until all handles have heard of it and read it. */
  readonly bareMs: number;
  /** As many changes in a row as the gate wrote, by one handle. */
  readonly bareWritesMs: number;
  /** Of this process, from before the stores were opened to when all but one are ready. */
  readonly memoryBytes: number;
}

const nowMs = () => systemClock.monotonicMs();

function open(url: string): Promise<Store> {
  const parsed = parseStoreUrl(url, { cwd: '/', env: {} });
  if (!parsed.ok) throw new Error(parsed.problem);
  return openStore(parsed.value, { clock: systemClock, pollMs: 30_000 });
}

/** The least that telling everybody takes: a change, an edge at each handle, a read by each. */
async function measureBare(stores: readonly Store[], number: number): Promise<number> {
  const key = `bench/bare/${number}`;
  const aborts = stores.map(() => new AbortController());
  const edges = await Promise.all(
    stores.map(async (store, at) => {
      const { signal } = aborts[at] as AbortController;
      const watch = store.watch(key, { signal });
      const iterator = watch[Symbol.asyncIterator]();
      await watch.ready;
      await iterator.next();
      return { store, iterator };
    }),
  );
  const [writer] = stores;
  const startMs = nowMs();
  const heard = edges.map(async ({ store, iterator }) => {
    // An edge may be of the subscription: only what is read counts.
    while ((await store.get(key)) === null) await iterator.next();
  });
  await writer?.compareAndSet(key, null, 'x'.repeat(2000));
  await Promise.all(heard);
  const tookMs = nowMs() - startMs;
  for (const abort of aborts) abort.abort();
  return tookMs;
}

async function measureWrites(store: Store, count: number, number: number): Promise<number> {
  const key = `bench/writes/${number}`;
  const startMs = nowMs();
  let revision: string | null = null;
  for (let each = 0; each < count; each += 1) {
    const result = await store.compareAndSet(key, revision, 'x'.repeat(2000));
    if (!result.ok) throw new Error('a write without a rival was lost');
    revision = result.revision;
  }
  return nowMs() - startMs;
}

/** One gate of `count` members. All but the last are ready from the start; time runs from the last one's readiness. */
async function measure(url: string, count: number, number: number): Promise<Sample> {
  const names = Array.from({ length: count }, (_, index) => `member-${index}`);
  const config = parseGateConfig({
    gate: 'bench',
    members: names,
    requireApi: null,
    versionScheme: 'integer',
  });
  if (!config.ok) throw new Error(config.problem);
  const key = createKey(
    'default',
    ...gateKeySegments({ scope: 'run', repository: 'o/r', run: `${number}` }, 'bench'),
  );
  let apiReached = 0;
  let lastReadyMs = 0;
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const openedAtMs: number[] = [];
  const before = process.memoryUsage().rss;
  let memoryBytes = 0;
  const stores = await Promise.all(names.map(() => open(url)));
  const startMs = nowMs();
  const passages = await Promise.all(
    names.map(async (name, index): Promise<GatePassage> => {
      const store = stores[index] as Store;
      const isLast = index === count - 1;
      const options: GateOptions = {
        store,
        key,
        clock: systemClock,
        logger: nullLogger,
        config: config.value,
        scope: 'run',
        self: {
          name,
          incarnation: { run: `${number}`, attempt: 1, id: name },
          versions: { schema: '42', api: ['billing', 'search'] },
          mode: 'wait',
          canMigrate: true,
          canProbeSchema: false,
          canProbeApi: true,
          allowDowngrade: false,
          onLeave: 'fail',
          timeoutMs: 600_000,
          leaseMs: 60_000,
        },
        pollMs: 30_000,
        hasBeats: true,
        migrate: async () => ({ ok: true }),
        schemaProbe: null,
        ready: [
          {
            id: 'app',
            watch: null,
            async probe() {
              if (isLast) {
                await released;
                lastReadyMs = nowMs();
              }
              return createResult({ status: 'passing', detail: 'ok' });
            },
            close: async () => undefined,
          },
        ],
        openMemberProbe: async () => null,
        paths: { schemaPath: ['schema'], apiPath: ['api'] },
        successes: 1,
        jobs: null,
        signal: new AbortController().signal,
        onProgress(progress) {
          if (progress.kind !== 'board' || !isLast) return;
          const states = Object.values(progress.doc?.members ?? {});
          apiReached = states.filter(({ state }) => state === 'api-ready').length;
          if (apiReached < count - 1) return;
          memoryBytes ||= process.memoryUsage().rss - before;
          release();
        },
      };
      const passage = await passGate(options);
      openedAtMs.push(nowMs());
      return passage;
    }),
  );
  if (passages.some(({ run }) => run.outcome !== 'open')) throw new Error('a gate did not open');
  const sum = (pick: (passage: GatePassage) => number) => passages.reduce((all, each) => all + pick(each), 0);
  const totalMs = nowMs() - startMs;
  const writes = sum(({ writes: all, conflicts }) => all - conflicts);
  const bareMs = await measureBare(stores, number);
  const bareWritesMs = await measureWrites(stores[0] as Store, writes, number);
  await Promise.all(stores.map((store) => store.close()));
  return {
    openedMs: Math.max(...openedAtMs) - lastReadyMs,
    totalMs,
    wakeups: sum(({ run }) => run.wakeupsByTimer),
    writes,
    conflicts: sum(({ conflicts }) => conflicts),
    bareMs,
    bareWritesMs,
    memoryBytes,
  };
}

/** A place for one table: where it is, and how to leave it. */
interface Place {
  readonly url: string;
  close(): Promise<void>;
}

async function openPlace(name: string): Promise<Place | null> {
  if (name === 'file') {
    const folder = await mkdtemp(join(tmpdir(), 'lockstep-gate-bench-'));
    return { url: `file:${folder}`, close: () => rm(folder, { recursive: true, force: true }) };
  }
  const engine = ENGINES.find((each) => each.name === name);
  if (!engine?.isInstalled) return null;
  // Without flushing, so that the disk does not hide what the gate costs; each member takes two connections of Postgres.
  const server =
    name === 'redis'
      ? await startRedis()
      : name === 'postgres'
        ? await startPostgres({ settings: ['max_connections=600'] })
        : await engine.start();
  return { url: server.url(), close: () => server.stop() };
}

for (const name of ['file', 'redis', 'postgres', 'etcd']) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const place = await openPlace(name);
  if (place === null) continue;
  try {
    const rows = [];
    let number = 0;
    for (const count of [3, 10, 40, 100, 256].filter((each) => each <= largest && each >= smallest)) {
      const samples: Sample[] = [];
      const times = count <= 10 ? rounds : count <= 40 ? Math.ceil(rounds / 3) : Math.ceil(rounds / 8);
      for (let each = 0; each < times; each += 1) {
        number += 1;
        samples.push(await measure(place.url, count, number));
      }
      const middle = (pick: (sample: Sample) => number) => median(samples.map(pick));
      rows.push({
        members: count,
        rounds: times,
        'last ready → all open, ms': round(
          middle(({ openedMs }) => openedMs),
          1,
        ),
        'a bare change told to as many, ms': round(
          middle(({ bareMs }) => bareMs),
          1,
        ),
        ratio: round(
          middle(({ openedMs, bareMs }) => openedMs / bareMs),
          1,
        ),
        'whole gate, ms': round(
          middle(({ totalMs }) => totalMs),
          0,
        ),
        'its writes alone, ms': round(
          middle(({ bareWritesMs }) => bareWritesMs),
          0,
        ),
        'wake-ups by timer': Math.max(...samples.map(({ wakeups }) => wakeups)),
        'writes, 2N+1': `${Math.max(...samples.map(({ writes }) => writes))}, ${2 * count + 1}`,
        'lost writes per member': round(middle(({ conflicts }) => conflicts) / count, 1),
        'memory per member, KiB': round(middle(({ memoryBytes }) => memoryBytes) / count / 1024, 0),
      });
    }
    printTable(`A gate over ${name}`, rows);
  } finally {
    await place.close();
  }
}
