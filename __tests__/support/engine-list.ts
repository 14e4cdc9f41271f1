// Every engine that a test runs over, with how to start it.
import { etcdEngine, startEtcd } from './engine-etcd.ts';
import { postgresEngine, startPostgres } from './engine-postgres.ts';
import type { EngineProcess } from './engine-process.ts';
import { redisEngine, startRedis } from './engine-redis.ts';

export interface ListedEngine {
  readonly name: string;
  readonly isInstalled: boolean;
  readonly howToGet: string;
  /** Keeps what it acknowledged across a kill. */
  start(): Promise<EngineProcess>;
}

export const ENGINES: readonly ListedEngine[] = [
  { ...redisEngine, start: () => startRedis({ isDurable: true }) },
  { ...postgresEngine, start: () => startPostgres() },
  { ...etcdEngine, start: () => startEtcd() },
];
