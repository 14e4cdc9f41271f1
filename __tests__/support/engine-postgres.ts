// postgres for tests: a cluster of its own, made once per test file; never as root, which the server refuses.
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Certificate } from './engine-certificate.ts';
import {
  type EngineProcess,
  findFreePort,
  findProgram,
  makeEngineFolder,
  spawnEngine,
  startEngine,
} from './engine-process.ts';

const DEBIAN = '/usr/lib/postgresql';
const folders = existsSync(DEBIAN)
  ? readdirSync(DEBIAN)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(DEBIAN, version, 'bin'))
  : [];
const program = findProgram('postgres', folders);
const initdb = findProgram('initdb', folders);

export const postgresEngine = {
  name: 'postgres',
  isInstalled: program !== null && initdb !== null,
  howToGet: 'apt-get install postgresql',
} as const;

export interface PostgresOptions {
  /** `['synchronous_commit=off']` */
  settings?: readonly string[];
  /** No file of the server may grow beyond this; it stands in for a full disk. */
  maxFileKiB?: number;
  /** Speaks TLS, too. */
  certificate?: Certificate;
}

export async function startPostgres(options: PostgresOptions = {}): Promise<EngineProcess> {
  const port = await findFreePort();
  const folder = makeEngineFolder('postgres');
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const owner = serverUser();
  if (owner) for (const path of [folder, data]) chownSync(path, owner.uid, owner.gid);
  const run: ExecFileSyncOptions = { ...owner, cwd: folder, stdio: 'pipe' };
  const segments = options.maxFileKiB === undefined ? [] : ['--wal-segsize=1'];
  const initialise = [
    ...segments,
    '-D',
    data,
    '-U',
    'postgres',
    '--auth=trust',
    '--no-sync',
    '-E',
    'UTF8',
    '--locale=C',
  ];
  execFileSync(initdb ?? 'initdb', initialise, run);
  // Who connects as somebody else must know a password; the superuser of the tests need not.
  writeFileSync(
    join(data, 'pg_hba.conf'),
    'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n',
  );
  const tls: string[] = [];
  if (options.certificate) {
    // The server wants a key that nobody else can read.
    for (const kind of ['cert', 'key'] as const) {
      const path = join(folder, `${kind}.pem`);
      copyFileSync(options.certificate[kind], path);
      chmodSync(path, 0o600);
      if (owner) chownSync(path, owner.uid, owner.gid);
      tls.push(`ssl_${kind}_file=${path}`);
    }
    tls.push('ssl=on');
  }
  const settings = [
    ...tls,
    'fsync=off',
    'shared_buffers=16MB',
    'max_connections=60',
    ...(options.settings ?? []),
  ];
  return startEngine({
    name: 'postgres',
    port,
    folder,
    start() {
      const limit = options.maxFileKiB === undefined ? '' : `ulimit -f ${options.maxFileKiB};`;
      const place = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder];
      const args = [program ?? 'postgres', ...place, ...settings.flatMap((each) => ['-c', each])];
      return spawnEngine('bash', ['-c', `${limit} exec "$@"`, 'bash', ...args], { ...owner, cwd: folder });
    },
    isReady: async () => (await askPostgres(port, 'SELECT 1')).length === 1,
    url: (at) => `postgres://postgres@127.0.0.1:${at}/postgres`,
  });
}

/** One statement on a connection of its own, without any of the driver's code. */
export async function askPostgres(
  port: number,
  statement: string,
  database = 'postgres',
): Promise<Record<string, unknown>[]> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

/** Holds a row of a store in a transaction of its own until `release` is called. */
export async function holdRow(
  port: number,
  key: string,
  database = 'postgres',
): Promise<{ release(): Promise<void> }> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT 1 FROM lockstep_store WHERE k = $1 FOR UPDATE', [key]);
  return {
    async release() {
      await client.query('COMMIT');
      await client.end();
    },
  };
}

/** Root must lend itself the user that Debian's package makes; anybody else runs the server as themselves. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('postgres:'));
  const [, , uid, gid] = (line ?? '').split(':').map(Number);
  if (uid === undefined || gid === undefined)
    throw new Error('there is no user called postgres to run the server');
  return { uid, gid };
}
