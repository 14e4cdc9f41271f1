// redis-server for tests: no persistence unless asked for, so that it starts in milliseconds.
import { join } from 'node:path';
import { createClient } from '@redis/client';
import {
  type EngineProcess,
  findFreePort,
  findProgram,
  makeEngineFolder,
  spawnEngine,
  startEngine,
} from './engine-process.ts';

const program = findProgram('redis-server');

export const redisEngine = {
  name: 'redis',
  isInstalled: program !== null,
  howToGet: 'apt-get install redis-server',
} as const;

export interface RedisOptions {
  /** More settings, as on its command line: `['--maxmemory', '1mb']`. */
  settings?: readonly string[];
  /** Keeps what it acknowledged across `kill` and `restart`. */
  isDurable?: boolean;
  /** A file that may not grow is an error that it reports, instead of its end (`limitFiles`). */
  minds?: 'full-disk';
  port?: number;
  /** Runs as a Sentinel with this file, which it rewrites. */
  sentinelConfig?: string;
}

export async function startRedis(options: RedisOptions = {}): Promise<EngineProcess> {
  const port = options.port ?? (await findFreePort());
  const folder = makeEngineFolder('redis');
  const durable = options.isDurable ? ['yes', '--appendfsync', 'always'] : ['no'];
  return startEngine({
    name: 'redis-server',
    port,
    folder,
    start() {
      const args = [
        ...(options.sentinelConfig === undefined ? [] : [options.sentinelConfig, '--sentinel']),
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
        ...(options.sentinelConfig === undefined ? ['--save', '', '--appendonly', ...durable] : []),
        ...['--logfile', '', '--pidfile', join(folder, 'redis.pid')],
        ...(options.settings ?? []),
      ];
      const name = program ?? 'redis-server';
      if (options.minds === undefined) return spawnEngine(name, args);
      return spawnEngine('bash', ['-c', `trap '' XFSZ; exec "$@"`, 'bash', name, ...args]);
    },
    isReady: async () => (await askRedis(port, ['PING'])) !== null,
    url: (at) => `redis://127.0.0.1:${at}`,
  });
}

/** One command on a connection of its own, without any of the driver's code. An error reply comes back as its text. */
export async function askRedis(
  port: number,
  command: readonly string[],
  password?: string,
): Promise<unknown> {
  const client = createClient({
    RESP: 2,
    socket: { host: '127.0.0.1', port, reconnectStrategy: false },
    disableClientInfo: true,
    ...(password === undefined ? {} : { password }),
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.sendCommand([...command]).catch((error: Error) => {
      if (error.constructor.name.includes('Reply') || error.constructor.name === 'SimpleError')
        return error.message;
      throw error;
    });
  } finally {
    client.destroy();
  }
}
