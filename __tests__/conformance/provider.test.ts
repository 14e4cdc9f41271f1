import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import type { App, DestroyAnswer, Provider } from '../../src/provider/contract.ts';
import { createHerokuProvider } from '../../src/provider/heroku.ts';
import { describeProvider, type ProviderHarness } from '../../src/provider-conformance.ts';
import { directoryHarness, type HerokuTwinWorld, herokuHarness } from './provider-harnesses.ts';

describe('every provider keeps the contract', () => {
  for (const { title, run } of describeProvider('heroku', herokuHarness())) test(title, run);
  for (const { title, run } of describeProvider('directory', directoryHarness())) test(title, run);
});

const meta = { status: 200 } as const;

/** A DELETE as a careless client sends it: redirects are followed, credential included. */
async function carelessDelete(world: HerokuTwinWorld, idOrName: string): Promise<DestroyAnswer> {
  const init = {
    method: 'DELETE',
    redirect: 'manual',
    headers: { authorization: `Bearer ${world.apiKey}` },
  } as const;
  let response = await fetch(`${world.url}/apps/${idOrName}`, init);
  const location = response.headers.get('location');
  if (location !== null) response = await fetch(location, init);
  if (response.status === 404) return { kind: 'gone', meta };
  return response.ok ? { kind: 'deleted', meta } : { kind: 'ambiguous', meta, detail: 'no' };
}

const twins: readonly { what: string; harness: ProviderHarness; fails: RegExp }[] = [
  {
    what: 'deletes by name',
    harness: herokuHarness((provider, world) => ({
      ...provider,
      destroy: (app) => carelessDelete(world, app.name),
    })),
    fails: /re-created under the same name/,
  },
  {
    what: 'follows a redirect with its credential',
    harness: herokuHarness((provider, world) => ({
      ...provider,
      destroy: (app) => carelessDelete(world, app.id),
    })),
    fails: /redirect elsewhere is ambiguous and is never followed/,
  },
  {
    what: 'takes any 404 for gone',
    harness: herokuHarness((provider) => ({
      ...provider,
      async destroy(app, options) {
        const answer = await provider.destroy(app, options);
        return answer.meta.status === 404 ? { kind: 'gone', meta: answer.meta } : answer;
      },
    })),
    fails: /html with 404 proves nothing/,
  },
  {
    what: 'retries inside destroy',
    harness: herokuHarness((provider) => ({
      ...provider,
      async destroy(app, options) {
        const answer = await provider.destroy(app, options);
        return answer.kind === 'ambiguous' ? await provider.destroy(app, options) : answer;
      },
    })),
    fails: /meets 500 before the effect is ambiguous and is not sent again/,
  },
  {
    what: 'takes a partial page for the last one',
    harness: herokuHarness((provider) => ({
      ...provider,
      async list(cursor, options) {
        const answer = await provider.list(cursor, options);
        if (answer.kind !== 'page') return answer;
        const { broken: _unsaid, ...page } = answer;
        return page;
      },
    })),
    fails: /no next one though it is partial ends as broken/,
  },
  {
    what: 'judges a page before it knows the account',
    harness: herokuHarness((provider, world) => {
      const settings = { apiUrl: world.url, apiKey: world.apiKey, team: null, account: null };
      const unopened = createHerokuProvider({ ...settings, clock: systemClock, timeoutMs: 10_000 });
      let isOpen = false;
      return {
        ...provider,
        async open(options) {
          const answer = await provider.open(options);
          isOpen = true;
          return answer;
        },
        async list(cursor, options) {
          const answer = await unopened.list(cursor, options);
          if (answer.kind !== 'page') return answer;
          return { ...answer, apps: answer.apps.map((app) => ({ ...app, inScope: isOpen })) };
        },
        async close() {
          await Promise.all([unopened.close(), provider.close()]);
        },
      };
    }),
    fails: /first page asked for while opening/,
  },
  {
    what: 'lists what links point to',
    harness: directoryHarness((provider, { root }) => ({
      ...provider,
      async list(cursor, options) {
        const answer = await provider.list(cursor, options);
        if (answer.kind !== 'page') return answer;
        const linked = (await readdir(root)).filter((name) => !answer.apps.some((app) => app.name === name));
        return {
          ...answer,
          apps: [...answer.apps, ...linked.map((name): App => ({ ...blank, id: name, name }))],
        };
      },
    })),
    fails: /a link beside the apps is no app/,
  },
  {
    what: 'follows links while deleting',
    harness: directoryHarness((provider, { root }) => ({
      ...provider,
      async destroy(app) {
        await removeThroughLinks(join(root, app.name));
        return { kind: 'deleted', meta };
      },
    })),
    fails: /leaves what the link points to/,
  },
  {
    what: 'deletes the folder that has the name now',
    harness: directoryHarness((provider, { root }) => ({
      ...provider,
      async destroy(app) {
        await rm(join(root, app.name), { recursive: true, force: true });
        return { kind: 'deleted', meta };
      },
    })),
    fails: /re-created under the same name/,
  },
];

const blank = {
  createdAtMs: 1,
  version: null,
  state: 'ready',
  isProtected: false,
  inScope: true,
  parentId: null,
} as const satisfies Partial<Awaited<ReturnType<Provider['list']>> | App>;

async function removeThroughLinks(path: string): Promise<void> {
  if ((await stat(path)).isDirectory())
    for (const name of await readdir(path)) await removeThroughLinks(join(path, name));
  await rm(await realpath(path), { recursive: true, force: true });
  await rm(path, { recursive: true, force: true });
}

describe('a broken twin fails the case that is there for it', () => {
  for (const { what, harness, fails } of twins)
    test(`one that ${what}`, async () => {
      const meant = describeProvider('twin', harness).filter(({ title }) => fails.test(title));
      expect(meant).toHaveLength(1);
      await expect(meant[0]?.run()).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
    });
});
