import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type SandboxSettings, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock as clock } from '../../src/base/clock.ts';
import type { App, Provider } from '../../src/provider/contract.ts';
import { createHerokuProvider, type HerokuProviderOptions } from '../../src/provider/heroku.ts';

const { signal } = new AbortController();
const HOUR_MS = 3_600_000;
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

function providerAt(apiUrl: string, options: Partial<HerokuProviderOptions> = {}): Provider {
  const provider = createHerokuProvider({
    apiUrl,
    apiKey: 'key',
    team: null,
    account: null,
    clock,
    timeoutMs: 10_000,
    ...options,
  });
  cleanups.push(() => provider.close());
  return provider;
}

async function start(settings: SandboxSettings, options: Partial<HerokuProviderOptions> = {}) {
  const sandbox = await startHerokuSandbox({ clock, ...settings });
  cleanups.push(() => sandbox.close());
  return { sandbox, provider: providerAt(sandbox.url, options) };
}

async function listAll(provider: Provider): Promise<{ apps: App[]; broken: string | undefined }> {
  await provider.open({ signal });
  const apps: App[] = [];
  for (let cursor: string | null = null; ; ) {
    const page = await provider.list(cursor, { signal });
    if (page.kind !== 'page') throw new Error(page.kind);
    apps.push(...page.apps);
    if (page.next === null || page.broken !== undefined) return { apps, broken: page.broken };
    cursor = page.next;
  }
}

const seeds = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `app-${index}` }));
const inScope = (apps: App[]) => apps.filter((app) => app.inScope).map((app) => app.name);

/** A server that keeps what it was sent and answers with nothing of use. */
async function recordingServer(
  answer: (path: string) => { status: number; body: string } | Promise<{ status: number; body: string }>,
) {
  const requests: { method?: string | undefined; path: string; headers: http.IncomingHttpHeaders }[] = [];
  const respond = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const path = request.url ?? '';
    requests.push({ method: request.method, path, headers: request.headers });
    const { status, body } = await answer(path);
    response.writeHead(status);
    response.end(body);
  };
  const server = http.createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

const appOf = (id: string): App => ({
  id,
  name: 'app-one',
  createdAtMs: 1,
  version: null,
  state: 'ready',
  isProtected: false,
  inScope: true,
  parentId: null,
});

describe('listing', () => {
  test('450 apps on pages of 200 cost three requests, one more to know whose they are', async () => {
    const { sandbox, provider } = await start({ apps: seeds(450), pageSize: 200 });
    const { apps, broken } = await listAll(provider);
    expect([apps.length, broken]).toEqual([450, undefined]);
    expect(sandbox.log().map(({ path, status }) => `${path} ${status}`)).toEqual([
      '/account 200',
      '/users/~/apps 206',
      '/users/~/apps 206',
      '/users/~/apps 200',
    ]);
  });

  test('asks for pages of 1000, by id', async () => {
    const { sandbox, provider } = await start({ apps: seeds(1) });
    await provider.list(null, { signal });
    expect(sandbox.log()[0]?.range).toBe('id ..; max=1000');
  });

  test('only apps that the account owns outside teams are in scope', async () => {
    const { provider } = await start({
      apps: [{ name: 'mine' }, { name: 'theirs', owner: 'x@example.com' }, { name: 'ours', team: 'core' }],
    });
    expect(inScope((await listAll(provider)).apps)).toEqual(['mine']);
  });

  test('nothing is in scope before it is known whose account it is', async () => {
    const { provider } = await start({ apps: [{ name: 'mine' }] });
    const page = await provider.list(null, { signal });
    expect(page.kind === 'page' && inScope([...page.apps])).toEqual([]);
  });

  test('a team’s apps come from the team’s own list, without a request to open', async () => {
    const apps = [{ name: 'mine' }, { name: 'ours', team: 'my team/x' }];
    const { sandbox, provider } = await start({ apps }, { team: 'my team/x' });
    expect(provider.capabilities.openRequests).toBe(0);
    expect(inScope((await listAll(provider)).apps)).toEqual(['ours']);
    expect(sandbox.log().map(({ path }) => path)).toEqual(['/teams/my%20team%2Fx/apps']);
  });

  test('a page that fails may be asked for again with the same cursor', async () => {
    const faults = [{ match: { page: 2 }, act: { kind: 'answer', status: 500 }, times: 1 }] as const;
    const { provider } = await start({ apps: seeds(5), pageSize: 2, faults });
    const first = await provider.list(null, { signal });
    const cursor = first.kind === 'page' ? first.next : null;
    expect((await provider.list(cursor, { signal })).kind).toBe('ambiguous');
    expect(await provider.list(cursor, { signal })).not.toHaveProperty('broken');
  });

  test('pages that lead in a circle end as broken, and a new listing starts afresh', async () => {
    const faults = [
      { match: { page: 3 }, act: { kind: 'next-range', value: 'id ..; max=1000' }, times: 1 },
    ] as const;
    const { provider } = await start({ apps: seeds(6), pageSize: 2, faults });
    expect((await listAll(provider)).broken).toMatch(/back to a page/);
    expect(await listAll(provider)).toMatchObject({ broken: undefined });
  });

  test('an app that is on two pages is listed twice: the reaper de-duplicates', async () => {
    const faults = [{ match: { page: 2 }, act: { kind: 'overlap', count: 1 } }] as const;
    const { provider } = await start({ apps: seeds(4), pageSize: 2, faults });
    const { apps, broken } = await listAll(provider);
    expect([apps.length, new Set(apps.map((app) => app.id)).size, broken]).toEqual([5, 4, undefined]);
  });

  test('the server’s clock comes with the answer, and unreadable times are null', async () => {
    const apps = [
      { name: 'good', ageMs: HOUR_MS },
      { name: 'none', omit: ['created_at'] },
      ...[null, '', 'yesterday', 0].map((created_at, index) => ({
        name: `bad-${index}`,
        fields: { created_at },
      })),
    ];
    const { provider } = await start({ apps, dateSkewMs: 3 * HOUR_MS });
    const page = await provider.list(null, { signal });
    if (page.kind !== 'page') throw new Error(page.kind);
    const ages = new Map(page.apps.map((app) => [app.name, app.createdAtMs]));
    const { serverNowMs = 0 } = page.meta;
    const good = ages.get('good') ?? 0;
    expect(Math.round((serverNowMs - good) / HOUR_MS)).toBe(4);
    ages.delete('good');
    expect([...ages.values()]).toEqual([null, null, null, null, null]);
  });

  test('a page of more than 4 MiB is not read to its end', async () => {
    const { url } = await recordingServer(() => ({
      status: 200,
      body: `["${'x'.repeat(4 * 1024 * 1024)}"]`,
    }));
    expect(await providerAt(url).list(null, { signal })).toMatchObject({
      kind: 'ambiguous',
      detail: expect.stringContaining('larger than 4194304 bytes'),
    });
  });
});

describe('deleting', () => {
  test('addresses the id, carries the fencing token, and says who asks', async () => {
    const { sandbox, provider } = await start({ apps: seeds(1) }, { client: 'job 3 (é)' });
    const [app] = (await listAll(provider)).apps;
    if (!app) throw new Error('no app');
    await provider.destroy(app, { signal, fencingToken: 42 });
    expect(sandbox.log().at(-1)).toMatchObject({
      method: 'DELETE',
      path: `/apps/${app.id}`,
      fencingToken: '42',
      client: 'lockstep (job 3 )',
      applied: true,
    });
  });

  test.each([
    ['a b', 'a%20b'],
    ['ä?x=1#y', '%C3%A4%3Fx%3D1%23y'],
    ['a%2Fb', 'a%252Fb'],
  ])('the id %p is URL-encoded', async (id, encoded) => {
    const { url, requests } = await recordingServer(() => ({ status: 500, body: '' }));
    const provider = providerAt(url);
    await provider.destroy(appOf(id), { signal, fencingToken: 1 });
    await provider.get(id, { signal });
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `DELETE /apps/${encoded}`,
      `GET /apps/${encoded}`,
    ]);
  });

  test.each([[''], ['.'], ['..'], ['a/b'], ['../account'], ['x'.repeat(129)]])(
    'the id %p addresses something else, so nothing is sent',
    async (id) => {
      const { url, requests } = await recordingServer(() => ({ status: 200, body: '{}' }));
      const provider = providerAt(url);
      expect((await provider.destroy(appOf(id), { signal, fencingToken: 1 })).kind).toBe('invalid');
      expect((await provider.get(id, { signal })).kind).toBe('invalid');
      expect(requests).toEqual([]);
    },
  );

  test('an answer of more than 64 KiB is ambiguous, though it begins well', async () => {
    const { url } = await recordingServer(() => ({
      status: 200,
      body: JSON.stringify({ id: 'one', name: 'x'.repeat(64 * 1024) }),
    }));
    const answer = await providerAt(url).destroy(appOf('one'), { signal, fencingToken: 1 });
    expect(answer).toMatchObject({ kind: 'ambiguous', meta: { status: 200 } });
  });

  test('a request that gets no answer is ambiguous when its time is over', async () => {
    const faults = [{ match: { method: 'DELETE' }, act: { kind: 'hang', when: 'after' } }] as const;
    const { sandbox, provider } = await start({ apps: seeds(1), faults });
    const [app] = (await listAll(provider)).apps;
    if (!app) throw new Error('no app');
    const hasty = providerAt(sandbox.url, { timeoutMs: 30 });
    const pending = hasty.destroy(app, { signal, fencingToken: 1 });
    expect(await pending).toMatchObject({ kind: 'ambiguous', meta: { status: null } });
    while (sandbox.log().length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(sandbox.world.apps()).toEqual([]);
    expect((await provider.get(app.id, { signal })).kind).toBe('gone');
  });
});

describe('a page that was asked for before the account is known', () => {
  /** The account is answered when `answerAccount` is called, everything else at once. */
  const startSlow = async (status = 200) => {
    let answerAccount: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => {
      answerAccount = resolve;
    });
    const { url, requests } = await recordingServer(async (path) => {
      if (path === '/account') {
        await isAsked;
        return {
          status,
          body: status === 200 ? '{"id":"me","email":"me@example.com"}' : '{"id":"forbidden"}',
        };
      }
      const app = (id: string, owner: string) => ({ id, name: `app-${id}`, owner: { id: owner } });
      return { status: 200, body: JSON.stringify([app('1', 'me'), app('2', 'another')]) };
    });
    return { provider: providerAt(url), requests, answerAccount: () => answerAccount() };
  };

  test('is sent at once, and judged by the account', async () => {
    const { provider, requests, answerAccount } = await startSlow();
    const opening = provider.open({ signal });
    const listing = provider.list(null, { signal });
    while (requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    answerAccount();
    expect(await opening).toMatchObject({ kind: 'open' });
    const answer = await listing;
    expect(answer.kind === 'page' && answer.apps.map(({ id, inScope }) => [id, inScope])).toEqual([
      ['1', true],
      ['2', false],
    ]);
  });

  test('tells its own failure first: how long to wait, say', async () => {
    const { url } = await recordingServer((path) => ({
      status: path === '/account' ? 403 : 429,
      body: '{}',
    }));
    const provider = providerAt(url);
    const [opened, listed] = await Promise.all([provider.open({ signal }), provider.list(null, { signal })]);
    expect([opened.kind, listed.kind]).toEqual(['forbidden', 'throttled']);
  });

  test('is no page where the account stays unknown', async () => {
    const { provider, answerAccount } = await startSlow(403);
    const opening = provider.open({ signal });
    const listing = provider.list(null, { signal });
    answerAccount();
    expect((await opening).kind).toBe('forbidden');
    expect(await listing).toMatchObject({
      kind: 'invalid',
      detail: expect.stringContaining('account is not known'),
    });
  });
});

test('every request asks for version 3 with the key, and nothing else of ours', async () => {
  const { url, requests } = await recordingServer(() => ({ status: 500, body: '' }));
  const provider = providerAt(`${url}/base`);
  await provider.open({ signal });
  await provider.list(null, { signal });
  expect(requests.map(({ path }) => path)).toEqual(['/base/account', '/base/users/~/apps']);
  expect(requests[1]?.headers).toEqual({
    accept: 'application/vnd.heroku+json; version=3',
    authorization: 'Bearer key',
    connection: 'keep-alive',
    host: new URL(url).host,
    range: 'id ..; max=1000',
    'user-agent': 'lockstep',
  });
});

describe('the account’s name', () => {
  const base = { apiKey: 'one' };
  const idOf = (options: Partial<HerokuProviderOptions>, url = 'https://api.heroku.com') =>
    providerAt(url, { ...base, ...options }).accountId;

  test('differs by origin, team and key', () => {
    const ids = [
      idOf({}),
      idOf({ apiKey: 'two' }),
      idOf({ team: 'core' }),
      idOf({ team: 'own' }),
      idOf({}, 'https://other.example.com'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    expect(idOf({}, 'https://api.heroku.com/')).toBe(ids[0]);
  });

  test('is the user’s own for all keys, where given', () => {
    expect(idOf({ account: 'ci' })).toBe(idOf({ account: 'ci', apiKey: 'two' }));
    expect(idOf({ account: 'ci' })).not.toBe(idOf({ account: 'cd' }));
  });
});
