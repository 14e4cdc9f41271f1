// A folder of apps for providers of one's own, and the conformance harness over it.

import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Provider } from '../../src/provider/contract.ts';
import type { ProviderHarness } from '../../src/provider-conformance.ts';
import { makeTestFolder } from './folder.ts';

export const ownAppsScript = fileURLToPath(new URL('./own-apps.mjs', import.meta.url));
export const ownProviderModule = fileURLToPath(new URL('./own-provider.mjs', import.meta.url));

export interface OwnWorld {
  readonly folder: string;
  create(name: string, fields?: Readonly<Record<string, unknown>>): Promise<void>;
  remove(name: string): Promise<void>;
  exists(name: string): Promise<boolean>;
  dispose(): Promise<void>;
}

/** Apps are files named by id; `own-apps.mjs` lists, reads and deletes them. */
export async function createOwnWorld(): Promise<OwnWorld> {
  const folder = makeTestFolder();
  const idOf = async (name: string) => {
    for (const id of await readdir(folder)) {
      const app = JSON.parse(await readFile(join(folder, id), 'utf8')) as { name: string };
      if (app.name === name) return id;
    }
    return null;
  };
  return {
    folder,
    async create(name, fields = {}) {
      const id = randomUUID();
      const createdAt = new Date(Date.now() - 3_600_000).toISOString();
      await writeFile(join(folder, id), JSON.stringify({ id, name, createdAt, version: '1', ...fields }));
    },
    async remove(name) {
      const id = await idOf(name);
      if (id !== null) await rm(join(folder, id));
    },
    exists: async (name) => (await idOf(name)) !== null,
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The conformance harness of a provider over such a world. */
export function ownHarness(make: (world: OwnWorld) => Promise<Provider>): ProviderHarness {
  return {
    speaksHttp: false,
    hasFiles: false,
    async setUp() {
      const world = await createOwnWorld();
      const provider = await make(world);
      return {
        provider,
        another: () => make(world),
        create: (name) => world.create(name),
        remove: (name) => world.remove(name),
        exists: (name) => world.exists(name),
        credential: null,
        http: null,
        links: null,
        async dispose() {
          await provider.close();
          await world.dispose();
        },
      };
    },
  };
}
