// etcd for tests: one member with its data in a folder of its own.
import { join } from 'node:path';
import {
  type EngineProcess,
  findFreePort,
  findProgram,
  makeEngineFolder,
  spawnEngine,
  startEngine,
} from './engine-process.ts';

const program = findProgram('etcd');

export const etcdEngine = {
  name: 'etcd',
  isInstalled: program !== null,
  howToGet: 'apt-get install etcd-server',
} as const;

export interface EtcdOptions {
  /** `['--quota-backend-bytes', '65536']` */
  settings?: readonly string[];
}

export async function startEtcd(options: EtcdOptions = {}): Promise<EngineProcess> {
  const [port, peerPort] = [await findFreePort(), await findFreePort()];
  const folder = makeEngineFolder('etcd');
  const own = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return startEngine({
    name: 'etcd',
    port,
    folder,
    start: () =>
      spawnEngine(program ?? 'etcd', [
        ...['--name', 'one', '--data-dir', join(folder, 'data'), '--logger', 'zap', '--log-level', 'error'],
        ...['--listen-client-urls', own, '--advertise-client-urls', own],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', `one=${peer}`, '--heartbeat-interval', '50', '--election-timeout', '250'],
        ...(options.settings ?? []),
      ]),
    isReady: async () => (await askEtcd(port, '/v3/kv/range', { key: 'eA==' })).status === 200,
    url: (at) => `etcd://127.0.0.1:${at}`,
  });
}

/** One request, without any of the driver's code. */
export async function askEtcd(
  port: number,
  path: string,
  body: object,
  token?: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: token === undefined ? {} : { authorization: token },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
