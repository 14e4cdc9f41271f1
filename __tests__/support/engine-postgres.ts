// postgres for tests: a cluster of its own, made once per test file; never as root, which the server refuses.
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
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
}

export async function startPostgres(options: PostgresOptions = {}): Promise<EngineProcess> {
  const port = await findFreePort();
  const folder = makeEngineFolder('postgres');
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const owner = serverUser();
  if (owner) for (const path of [folder, data]) chownSync(path, owner.uid, owner.gid);
  const run: ExecFileSyncOptions = { ...owner, cwd: folder, stdio: 'pipe' };
  const initialise = ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  execFileSync(initdb ?? 'initdb', initialise, run);
  // Who connects as somebody else must know a password; the superuser of the tests need not.
  writeFileSync(
    join(data, 'pg_hba.conf'),
    'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n',
  );
  const settings = ['fsync=off', 'shared_buffers=16MB', 'max_connections=60', ...(options.settings ?? [])];
  return startEngine({
    name: 'postgres',
    port,
    folder,
    start: () =>
      spawnEngine(
        program ?? 'postgres',
        [
          ...['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder],
          ...settings.flatMap((each) => ['-c', each]),
        ],
        { ...owner, cwd: folder },
      ),
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
