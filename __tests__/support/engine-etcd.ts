// etcd for tests: one member with its data in a folder of its own.
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Certificate } from './engine-certificate.ts';
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
  /** Speaks TLS only; ready as soon as it listens. */
  certificate?: Certificate;
}

export async function startEtcd(options: EtcdOptions = {}): Promise<EngineProcess> {
  const [port, peerPort] = [await findFreePort(), await findFreePort()];
  const folder = makeEngineFolder('etcd');
  const { certificate } = options;
  const own = `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`;
  const tls = certificate ? ['--cert-file', certificate.cert, '--key-file', certificate.key] : [];
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
        ...tls,
        ...(options.settings ?? []),
      ]),
    async isReady() {
      if (certificate) return isListening(port);
      const { status, body } = await askEtcd(port, '/v3/kv/range', { key: 'eA==' });
      // With authentication on, being asked who one is is an answer as well.
      return status === 200 || String(body['message']).includes('user name is empty');
    },
    url: (at) => `${certificate ? 'etcds' : 'etcd'}://127.0.0.1:${at}`,
  });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
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
