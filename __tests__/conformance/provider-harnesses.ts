// Harnesses of the provider conformance suite: Heroku over the sandbox, and a folder on this machine's file system.
import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import type { SandboxAct } from '../../src/app/demo/heroku-sandbox-faults.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Provider } from '../../src/provider/contract.ts';
import { createDirectoryProvider } from '../../src/provider/directory.ts';
import { createHerokuProvider } from '../../src/provider/heroku.ts';
import type { HttpPlay, ProviderHarness } from '../../src/provider-conformance.ts';

/** What a twin may know of the world it spoils. */
export interface HerokuTwinWorld {
  url: string;
  apiKey: string;
}

export interface DirectoryTwinWorld {
  root: string;
}

const API_KEY = 'HRKU-0123456789abcdef';

/** Heroku over a sandbox of its own; `spoil` makes a broken twin of the provider. */
export function herokuHarness(
  spoil: (provider: Provider, world: HerokuTwinWorld) => Provider = (provider) => provider,
): ProviderHarness {
  return {
    speaksHttp: true,
    hasFiles: false,
    async setUp() {
      const clock = systemClock;
      const sandbox = await startHerokuSandbox({ clock, apiKey: API_KEY });
      const stray = await startStrayServer();
      const make = () =>
        spoil(
          createHerokuProvider({
            apiUrl: sandbox.url,
            apiKey: API_KEY,
            team: null,
            account: null,
            clock,
            timeoutMs: 10_000,
          }),
          { url: sandbox.url, apiKey: API_KEY },
        );
      const provider = make();
      return {
        provider,
        another: async () => make(),
        async create(name) {
          sandbox.world.add({ name, ageMs: 3_600_000 });
        },
        async remove(name) {
          sandbox.world.remove(String(sandbox.world.find(name)?.['id']));
        },
        exists: async (name) => sandbox.world.find(name) !== null,
        credential: API_KEY,
        links: null,
        http: {
          requestCount: () => sandbox.log().length,
          strayRequests: () => stray.count(),
          playNext: (play) => sandbox.faults.add({ match: {}, act: actOf(play, stray.url), times: 1 }),
          playOpening: (play) =>
            sandbox.faults.add({ match: { path: '/account' }, act: actOf(play, stray.url), times: 1 }),
          playListing: (play) =>
            sandbox.faults.add({
              match: { path: '/users/~/apps' },
              act: { kind: 'next-range', value: play === 'no-next' ? null : 'id ]0..; max=1000' },
            }),
        },
        async dispose() {
          await provider.close();
          await stray.close();
          await sandbox.close();
        },
      };
    },
  };
}

function actOf(play: HttpPlay, strayUrl: string): SandboxAct {
  const error = (id: string) => JSON.stringify({ id, message: `no: Bearer ${API_KEY}` });
  const acts: Readonly<Record<HttpPlay, SandboxAct>> = {
    'html with 200': { kind: 'answer', status: 200, body: '<html>log in</html>' },
    'half a JSON text with 200': { kind: 'truncate', end: 'body' },
    'html with 404': { kind: 'answer', status: 404, body: '<html>no such page</html>' },
    'redirect elsewhere': { kind: 'answer', status: 307, headers: { location: `${strayUrl}/apps` } },
    'reset before the effect': { kind: 'reset' },
    'reset after the effect': { kind: 'reset', when: 'after' },
    '500 before the effect': { kind: 'answer', status: 500, body: error('internal') },
    '500 after the effect': { kind: 'answer', status: 500, body: error('internal'), when: 'after' },
    '401': { kind: 'answer', status: 401, body: error('unauthorized') },
    '403': { kind: 'answer', status: 403, body: error('forbidden') },
    'answered 100 ms late': { kind: 'delay', delayMs: 100 },
    '429 with Retry-After: 7': { kind: 'answer', status: 429, headers: { 'retry-after': '7' } },
  };
  return acts[play];
}

/** A server that no request should ever reach. */
async function startStrayServer() {
  let count = 0;
  const server = http.createServer((_request, response) => {
    count += 1;
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => count,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A folder of its own below the system's temporary one; `spoil` makes a broken twin of the provider. */
export function directoryHarness(
  spoil: (provider: Provider, world: DirectoryTwinWorld) => Provider = (provider) => provider,
): ProviderHarness {
  return {
    speaksHttp: false,
    hasFiles: true,
    async setUp() {
      const base = await mkdtemp(join(tmpdir(), 'lockstep-provider-'));
      const root = join(base, 'root');
      const outside = join(base, 'outside');
      await mkdir(root);
      await mkdir(outside);
      await writeFile(join(outside, 'precious'), 'keep');
      const make = async () =>
        spoil(
          await createDirectoryProvider({ root, home: null, cwd: base, account: null, clock: systemClock }),
          { root },
        );
      const provider = await make();
      return {
        provider,
        another: make,
        async create(name) {
          await mkdir(join(root, name, 'inner'), { recursive: true });
          await writeFile(join(root, name, 'inner', 'file'), name);
        },
        remove: (name) => rm(join(root, name), { recursive: true }),
        exists: (name) => isThere(join(root, name)),
        credential: null,
        http: null,
        links: {
          addLink: ({ insideApp, name }) => symlink(outside, join(root, insideApp ?? '.', name)),
          async outsideIsIntact() {
            const file = join(outside, 'precious');
            return (await isThere(file)) && (await readFile(file, 'utf8')) === 'keep';
          },
        },
        async dispose() {
          await provider.close();
          await rm(base, { recursive: true, force: true });
        },
      };
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Whatever the reason, nobody can use it.
    return false;
  }
}
