// The library's way in: an account with a paced fetch and room, over a real server and a file store.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openAccount } from '../../src/app/account.ts';
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { isSharedByDefault, openPace, throttleKey } from '../../src/app/pace.ts';
import { createReleasers } from '../../src/app/wire.ts';
import { systemClock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { createProcessContext } from '../../src/host/process-context.ts';
import { createMemoryBackend, createMemoryStore } from '../../src/store/drivers/memory.ts';

const HOUR_MS = 3_600_000;
let folder: string;
let sandbox: HerokuSandbox;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-account-'));
  const apps = [0, 1, 2].map((at) => ({ name: `ci-${at}`, ageMs: (at + 1) * HOUR_MS }));
  sandbox = await startHerokuSandbox({
    clock: systemClock,
    apps,
    appLimit: 3,
    rateLimit: { capacity: 4500, refillPerMinute: 75, remaining: 600 },
  });
});
afterEach(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

const contextOf = () =>
  createProcessContext({
    logger: nullLogger,
    signal: new AbortController().signal,
    env: { HEROKU_API_URL: sandbox.url, HEROKU_API_KEY: 'key' },
    cwd: folder,
  });
const headers = { authorization: 'Bearer key', 'content-type': 'application/json' };

describe('an account', () => {
  test('paces calls and makes room for one more app, which no sweep takes while it is used', async () => {
    const account = await openAccount(contextOf(), {
      provider: 'heroku',
      account: 'ci',
      store: 'file:store',
    });
    try {
      const create = ({ signal }: { signal: AbortSignal }) =>
        account.fetch(`${sandbox.url}/apps`, { method: 'POST', headers, signal, body: '{"name":"ci-new"}' });
      const place = await account.withRoom(create, { match: 'ci-.*', olderThan: '90m' });
      expect(place.value.status).toBe(201);
      expect(sandbox.world.apps().map((app) => app['name'])).toEqual(['ci-0', 'ci-new']);
      await place.giveBack();
      const calls = sandbox
        .log()
        .map((entry) => `${entry.method} ${entry.path.replace(/\/apps\/.*/, '/apps/ID')}`);
      // The account and the first page are asked for beside each other.
      const beside = calls.splice(2, 2);
      expect(new Set(beside)).toEqual(new Set(['GET /account', 'GET /users/~/apps']));
      expect(calls).toEqual([
        'GET /account/rate-limits',
        'POST /apps',
        'DELETE /apps/ID',
        'DELETE /apps/ID',
        'POST /apps',
      ]);
    } finally {
      await account.close();
    }
  });

  test('that is wrongly described is refused with every problem at once, before anything is opened', async () => {
    const context = { ...contextOf(), env: {} };
    await expect(openAccount(context, { provider: 'heroku', store: 'nowhere' })).rejects.toMatchObject({
      code: 'config',
      problems: [{ option: 'store' }, { option: 'HEROKU_API_KEY' }],
    });
    const account = await openAccount(contextOf(), {
      provider: 'heroku',
      account: 'ci',
      store: 'file:store',
    });
    const rules = { match: '.*', olderThan: '7', limit: 0, headroom: 1, minAge: 'x', protect: ['a[b]'] };
    await expect(account.withRoom(async () => 1, rules)).rejects.toMatchObject({
      code: 'config',
      problems: ['match', 'protect', 'olderThan', 'minAge', 'limit', 'headroom'].map((option) => ({
        option,
      })),
    });
    await account.close();
    expect(sandbox.log()).toEqual([]);
  });
});

describe('the pace of a sweep', () => {
  test.each([
    ['file', false],
    ['github', false],
    ['redis', true],
    ['rediss', true],
    ['postgres', true],
    ['etcd', true],
  ])('through a store %s: is shared unless told otherwise: %s', (scheme, isShared) => {
    expect(isSharedByDefault({ scheme })).toBe(isShared);
  });

  test('is shared under the account, asks for the free count, and gives back what it did not spend', async () => {
    const backend = createMemoryBackend();
    const releasers = createReleasers();
    const provider = {
      name: 'heroku',
      accountId: 'abc',
      pace: { emissionIntervalMs: 800, burst: 4500 },
      countRemaining: async () => 3,
    };
    const store = createMemoryStore({ clock: systemClock, backend });
    const options = { provider, reserve: 0, clock: systemClock, logger: nullLogger, releasers };
    const pace = await openPace({ ...options, shared: { store, namespace: 'team' } });
    await pace.take({ signal: new AbortController().signal });
    const key = throttleKey('team', provider);
    expect(key).toBe('team/throttle/heroku-abc');
    expect(JSON.parse(backend.read(key)?.value ?? '{}')).toMatchObject({ total: 1, burst: 4500 });
    await releasers.close();
    expect(JSON.parse(backend.read(key)?.value ?? '{}')).toMatchObject({ lanes: [] });
    const alone = await openPace({ ...options, shared: null });
    expect(alone.delayMs()).toBe(0);
  });
});
