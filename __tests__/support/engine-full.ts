// Engines that take no writes any more, each in its own way, and take them again: no space for Redis's log, for Postgres's files
// (which ends it after a while, as a full disk does), for etcd's database (its quota, until somebody cleans up).
import { askEtcd, etcdEngine, startEtcd } from './engine-etcd.ts';
import { askPostgres, postgresEngine, startPostgres } from './engine-postgres.ts';
import { type EngineProcess, findProgram } from './engine-process.ts';
import { askRedis, redisEngine, startRedis } from './engine-redis.ts';

export interface FullableEngine {
  readonly name: string;
  readonly isInstalled: boolean;
  readonly howToGet: string;
  start(): Promise<EngineProcess>;
  /** Resolves when the engine has refused a write, or has ended. */
  fill(server: EngineProcess): Promise<void>;
  /** There is space again; starts it where it had ended. */
  relieve(server: EngineProcess): Promise<void>;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 400; n += 1) {
    if (await isTrue()) return;
    await pause(25);
  }
  throw new Error('the engine still takes writes');
}

async function restartIfEnded(server: EngineProcess): Promise<void> {
  server.limitFiles(null);
  if (!server.isRunning) await server.restart();
}

/** What takes the space away from a running process; Linux alone has it. */
const canLimit = findProgram('prlimit') !== null;
const limited = <Named extends { isInstalled: boolean; howToGet: string }>(engine: Named) => ({
  ...engine,
  isInstalled: engine.isInstalled && canLimit,
  howToGet: `${engine.howToGet} util-linux`,
});

export const FULLABLE_ENGINES: readonly FullableEngine[] = [
  {
    ...limited(redisEngine),
    start: () =>
      startRedis({ minds: 'full-disk', settings: ['--appendonly', 'yes', '--appendfsync', 'everysec'] }),
    async fill(server) {
      server.limitFiles(64);
      await until(async () =>
        String(await askRedis(server.port, ['SET', 'ballast', 'x'])).includes('MISCONF'),
      );
    },
    relieve: restartIfEnded,
  },
  {
    ...limited(postgresEngine),
    start: () => startPostgres(),
    async fill(server) {
      server.limitFiles(4096);
      const write = 'CREATE TABLE ballast AS SELECT 1 AS a';
      await until(() =>
        askPostgres(server.port, write).then(
          () => false,
          () => true,
        ),
      );
    },
    relieve: restartIfEnded,
  },
  {
    ...etcdEngine,
    start: () => startEtcd({ settings: ['--quota-backend-bytes', '400000'] }),
    async fill(server) {
      let n = 0;
      await until(async () => {
        n += 1;
        const value = base64('x'.repeat(50_000));
        const { body } = await askEtcd(server.port, '/v3/kv/put', { key: base64(`ballast/${n}`), value });
        return String(body['message']).includes('space exceeded');
      });
    },
    async relieve(server) {
      const ask = (path: string, body: object) => askEtcd(server.port, path, body);
      const range = { key: base64('ballast/'), range_end: base64('ballast0') };
      const { body } = await ask('/v3/kv/deleterange', range);
      const { revision } = body['header'] as { revision: string };
      await ask('/v3/kv/compaction', { revision, physical: true });
      await ask('/v3/maintenance/defragment', {});
      const { body: raised } = await ask('/v3/maintenance/alarm', { action: 'GET' });
      for (const alarm of raised['alarms'] as readonly object[])
        await ask('/v3/maintenance/alarm', { ...alarm, action: 'DEACTIVATE' });
    },
  },
];
