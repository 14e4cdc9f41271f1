/** The files that TLS parameters of a store's URL name, read when the store first connects. */
import { readFile } from 'node:fs/promises';
import { toError, UnsupportedError } from '../base/errors.ts';
import type { ServerAddress } from './server-address.ts';

export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** UnsupportedError names the parameter of a file that cannot be read. */
export async function readTlsFiles({ parameters, shown }: ServerAddress): Promise<TlsFiles> {
  const files: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const path = parameters[name];
    if (path === undefined) continue;
    try {
      files[name] = await readFile(path);
    } catch (thrown) {
      throw new UnsupportedError(
        `the file for ?${name}= of ${shown} cannot be read: ${toError(thrown).message}`,
        {
          hint: 'name a PEM file that this user may read',
          cause: thrown,
        },
      );
    }
  }
  return files;
}
