// What the GitHub driver costs, what it does where the repository or the token is not as it should be, and how it watches.
// The facade's log is the oracle for requests.
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import {
  createGitHubStore,
  type GitHubStore,
  type GitHubStoreOptions,
} from '../../src/store/drivers/github.ts';
import { createHurriedClock } from '../support/github-clock.ts';
import { type FacadeOptions, type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { faultsInTurn, isMove, isRefRead } from '../support/github-faults.ts';
import { createMemoryRepository } from '../support/github-repository.ts';

const KEY = 'default/lock/deploy';
const clock = createHurriedClock(100);
/** A quarter of a second before a move is repeated: time for somebody else. */
const unhurried = { ...systemClock, random: () => 0.5 };
const endings: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function start(options: Partial<FacadeOptions> = {}): Promise<GitHubFacade> {
  const facade = await startGitHubFacade({ git: createMemoryRepository(), ...options });
  endings.push(async () => {
    await facade.close();
    expect(facade.violations).toEqual([]);
  });
  return facade;
}

function open(
  facade: GitHubFacade,
  token = 'token-1',
  more: Partial<GitHubStoreOptions> & { requestTimeoutMs?: number } = {},
): GitHubStore {
  // Hurried time: 200 s are 2 s of patience with a busy machine.
  const { requestTimeoutMs = 200_000 } = more;
  const client = createGitHubClient({
    apiUrl: facade.apiUrl,
    token,
    clock,
    userAgent: 'test',
    requestTimeoutMs,
  });
  const [owner = '', repo = ''] = facade.name.split('/');
  const store = createGitHubStore({
    client,
    repository: { owner, repo },
    clock,
    pollMs: 1_000,
    operationTimeoutMs: 600_000,
    ...more,
  });
  endings.push(() => store.close());
  return store;
}

/** Runs, and returns what was sent meanwhile: `GET git/ref`, `POST git/commits`, with `304` where it cost nothing. */
async function requestsOf(facade: GitHubFacade, run: () => Promise<unknown>): Promise<string[]> {
  const before = facade.log.length;
  await run();
  return facade.log.slice(before).map(({ method, operation, status }) => {
    const path = operation.replace(/^.*\{repo\}\//, '').replace(/\/\{.*$/, '');
    return `${method} ${path}${status === 304 ? ' 304' : ''}`;
  });
}

async function mustWrite(store: GitHubStore, expected: string | null, value: string): Promise<string> {
  const result = await store.compareAndSet(KEY, expected, value);
  if (!result.ok) throw new Error('the write was lost');
  return result.revision;
}

describe('what an operation on GitHub costs', () => {
  test('a read of nothing is one request', async () => {
    const facade = await start();
    const store = open(facade);
    expect(await requestsOf(facade, () => store.get(KEY))).toEqual(['GET git/ref']);
  });

  test("a read of another's value is two, the second one unchanged is one that is not counted", async () => {
    const facade = await start();
    await mustWrite(open(facade), null, 'x');
    const store = open(facade, 'token-2');
    expect(await requestsOf(facade, () => store.get(KEY))).toEqual(['GET git/ref', 'GET git/commits']);
    expect(await requestsOf(facade, () => store.get(KEY))).toEqual(['GET git/ref 304']);
  });

  test('a creation and a write are two, and the own value is read back in one', async () => {
    const facade = await start();
    const store = open(facade);
    let revision: string | null = null;
    const write = async () => {
      revision = await mustWrite(store, revision, 'x');
    };
    expect(await requestsOf(facade, write)).toEqual(['POST git/commits', 'POST git/refs']);
    expect(await requestsOf(facade, write)).toEqual(['POST git/commits', 'PATCH git/refs']);
    expect(await requestsOf(facade, () => store.get(KEY))).toEqual(['GET git/ref']);
  });

  test('a lost write is four, and tells who won', async () => {
    const facade = await start();
    const first = await mustWrite(open(facade), null, 'one');
    const second = await mustWrite(open(facade), first, 'two');
    const store = open(facade, 'token-2');
    const requests = await requestsOf(facade, async () => {
      const result = await store.compareAndSet(KEY, first, 'late');
      expect(result).toEqual({ ok: false, current: { value: 'two', revision: second } });
    });
    expect(requests).toEqual(['POST git/commits', 'PATCH git/refs', 'GET git/ref', 'GET git/commits']);
  });

  test('a write whose answer is lost is three, and it is known to have succeeded', async () => {
    const facade = await start();
    facade.plan = faultsInTurn([{ kind: 'drop-after' }], isMove);
    const store = open(facade);
    const requests = await requestsOf(facade, () => mustWrite(store, null, 'x'));
    expect(requests).toEqual(['POST git/commits', 'POST git/refs', 'GET git/ref']);
  });

  test('a write that did not arrive is sent again as the same commit', async () => {
    const facade = await start();
    facade.plan = faultsInTurn([{ kind: 'drop-before' }], isMove);
    const store = open(facade);
    const requests = await requestsOf(facade, () => mustWrite(store, null, 'x'));
    expect(requests).toEqual(['POST git/commits', 'POST git/refs', 'GET git/ref', 'POST git/refs']);
  });

  test('a listing is two whatever the number of keys, and none of their commits is read', async () => {
    const facade = await start();
    const store = open(facade);
    for (const name of ['a', 'b', 'c']) await store.compareAndSet(`default/lock/${name}`, null, 'x');
    const requests = await requestsOf(facade, async () =>
      expect((await open(facade, 'token-2').list('default/lock')).sort()).toEqual([
        'default/lock/a',
        'default/lock/b',
        'default/lock/c',
      ]),
    );
    expect(requests).toEqual(['GET git/matching-refs', 'GET git/matching-refs']);
  });

  test('a revision that is none costs nothing', async () => {
    const facade = await start();
    const store = open(facade);
    const requests = await requestsOf(facade, async () =>
      expect(await store.compareAndSet(KEY, 'nonsense', 'x')).toEqual({ ok: false }),
    );
    expect(requests).toEqual([]);
  });

  test('what is left of the budget is known from the answers', async () => {
    const facade = await start({ budget: { perRepository: 1_000 } });
    const store = open(facade);
    expect(store.remainingQuota()).toBeNull();
    await mustWrite(open(facade, 'token-2'), null, 'x');
    await store.get(KEY);
    expect(store.remainingQuota()).toMatchObject({ resource: 'core', limit: 1_000, remaining: 996 });
  });
});

describe('doubt about a write on GitHub', () => {
  test('a write that was applied and overtaken at once is known to have succeeded', async () => {
    const facade = await start();
    const first = await mustWrite(open(facade), null, 'one');
    const rival = open(facade, 'token-2');
    const store = open(facade, 'token-1', { requestTimeoutMs: 20_000 });
    let overtaking: Promise<unknown> = Promise.resolve();
    // The answer is lost, and before the head is read again somebody has moved on from our commit.
    facade.plan = (request) => {
      if (!isMove(request) || request.token !== 'token-1') return undefined;
      facade.plan = () => undefined;
      const { sha } = request.body as { sha: string };
      overtaking = (async () => {
        for (;;) if ((await rival.compareAndSet(KEY, sha, 'overtaken')).ok) return;
      })();
      return { kind: 'hang', applied: true };
    };
    const writing = store.compareAndSet(KEY, first, 'two');
    await new Promise((resolve) => setImmediate(resolve));
    const result = await writing;
    await overtaking;
    expect(result).toMatchObject({ ok: true });
    expect(await rival.get(KEY)).toMatchObject({ value: 'overtaken' });
  });

  test('a write refused without a reason, applied all the same and then overtaken, is known to have succeeded', async () => {
    const facade = await start();
    const first = await mustWrite(open(facade), null, 'one');
    const rival = open(facade, 'token-2');
    let mine = '';
    let overtaking: Promise<unknown> = Promise.resolve();
    // Refused by its text, then a read that lags; the second move meets a head that certainly is no ancestor of ours.
    facade.plan = (request) => {
      if (request.token !== 'token-1') return undefined;
      if (isMove(request) && mine === '') {
        mine = (request.body as { sha: string }).sha;
        return { kind: 'refuse', status: 422, message: 'Reference update failed', applied: true };
      }
      if (!isRefRead(request) || mine === '') return undefined;
      facade.plan = () => undefined;
      overtaking = rival.compareAndSet(KEY, mine, 'overtaken');
      return { kind: 'stale' };
    };
    const store = open(facade, 'token-1', { clock: unhurried, requestTimeoutMs: 20_000 });
    expect(await store.compareAndSet(KEY, first, 'two')).toEqual({ ok: true, revision: mine });
    expect(await overtaking).toMatchObject({ ok: true });
    expect(await rival.get(KEY)).toMatchObject({ value: 'overtaken' });
  });

  test('a write that cannot be settled is indeterminate, not lost', async () => {
    const facade = await start();
    const store = open(facade);
    const first = await mustWrite(store, null, 'one');
    facade.plan = (request) =>
      isMove(request) || isRefRead(request) ? { kind: 'error', status: 502, applied: true } : undefined;
    await expect(store.compareAndSet(KEY, first, 'two')).rejects.toMatchObject({ code: 'indeterminate' });
    facade.plan = () => undefined;
    expect(await store.get(KEY)).toMatchObject({ value: 'two' });
  });

  test('a limit after doubt leaves the doubt, a limit before it is a limit', async () => {
    const facade = await start();
    const store = open(facade);
    const limit = { kind: 'limit', status: 429, message: 'slow down', retryAfterSeconds: 3 } as const;
    facade.plan = faultsInTurn([{ kind: 'error', status: 502, applied: true }], isMove);
    const calm = facade.plan;
    facade.plan = (request) => (isRefRead(request) ? limit : calm(request));
    await expect(store.compareAndSet(KEY, null, 'x')).rejects.toMatchObject({ code: 'indeterminate' });
    await expect(store.compareAndSet(KEY, null, 'x')).rejects.toMatchObject({ code: 'throttled' });
  });

  test('a limit that meets the repetition of a write in doubt leaves the doubt, too', async () => {
    const facade = await start();
    const moves = faultsInTurn(
      [
        { kind: 'error', status: 502, applied: true },
        { kind: 'limit', status: 429, message: 'slow down', retryAfterSeconds: 3 },
      ],
      isMove,
    );
    facade.plan = (request) => (isRefRead(request) ? { kind: 'stale' } : moves(request));
    await expect(open(facade).compareAndSet(KEY, null, 'x')).rejects.toMatchObject({ code: 'indeterminate' });
    expect(facade.countOf(({ operation }) => operation.endsWith('/git/refs'))).toBe(2);
    facade.plan = () => undefined;
    expect(await open(facade, 'token-2').get(KEY)).toMatchObject({ value: 'x' });
  });

  test('a commit whose answer is lost is made again, since nothing points to it', async () => {
    const facade = await start();
    facade.plan = faultsInTurn([{ kind: 'error', status: 500, applied: true }], ({ operation }) =>
      operation.endsWith('/git/commits'),
    );
    await mustWrite(open(facade), null, 'x');
    expect(await open(facade, 'token-2').get(KEY)).toMatchObject({ value: 'x' });
  });

  test('a commit that is refused without a reason is not a lost write, though the head that is read is an old one', async () => {
    const facade = await start();
    const store = open(facade);
    const first = await mustWrite(store, null, 'one');
    const second = await mustWrite(store, first, 'two');
    // The replica that is asked next still shows the commit before: it says nothing about who won.
    const refused = {
      kind: 'refuse',
      status: 422,
      message: 'Reference update failed',
      applied: false,
    } as const;
    facade.plan = faultsInTurn(
      [refused, { kind: 'stale' }],
      (request) => request.operation.endsWith('/git/commits') || isRefRead(request),
    );
    await expect(store.compareAndSet(KEY, second, 'three')).rejects.toMatchObject({ code: 'unavailable' });
    await mustWrite(store, second, 'three');
  });

  test('a commit that is refused is a lost write where the head descends from the expected one', async () => {
    const facade = await start();
    const store = open(facade);
    const first = await mustWrite(store, null, 'one');
    await mustWrite(store, first, 'two');
    const refused = {
      kind: 'refuse',
      status: 422,
      message: 'Reference update failed',
      applied: false,
    } as const;
    facade.plan = faultsInTurn([refused], ({ operation }) => operation.endsWith('/git/commits'));
    expect(await open(facade, 'token-2').compareAndSet(KEY, first, 'three')).toMatchObject({
      ok: false,
      current: { value: 'two' },
    });
  });
});

describe('a repository or token that is not as it should be', () => {
  test('a read-only token is told apart, with what to do, after two requests', async () => {
    const facade = await start({ readOnlyTokens: ['token-fork'] });
    const store = open(facade, 'token-fork');
    expect(await store.get(KEY)).toBeNull();
    await expect(store.compareAndSet(KEY, null, 'x')).rejects.toMatchObject({
      code: 'auth',
      hint: expect.stringContaining('contents: write'),
    });
    expect(facade.log).toHaveLength(2);
  });

  test('a bad token is told', async () => {
    const facade = await start();
    await expect(open(facade, 'bad-token').get(KEY)).rejects.toMatchObject({ code: 'auth' });
  });

  test('an empty repository is told, with the cure', async () => {
    const facade = await start({ git: createMemoryRepository({ empty: true }) });
    for (const call of [() => open(facade).get(KEY), () => open(facade).compareAndSet(KEY, null, 'x')]) {
      await expect(call()).rejects.toMatchObject({
        code: 'unsupported',
        hint: expect.stringContaining('first commit'),
      });
    }
  });

  test('a repository that is not there is told at the first write', async () => {
    const facade = await start();
    const store = open(facade, 'token-1', { repository: { owner: 'octo', repo: 'gone' } });
    expect(await store.get(KEY)).toBeNull();
    await expect(store.compareAndSet(KEY, null, 'x')).rejects.toMatchObject({
      code: 'auth',
      hint: expect.stringContaining('OWNER/REPO'),
    });
  });

  test('an exhausted budget is a limit with its end', async () => {
    const facade = await start({ budget: { perToken: 1 } });
    const store = open(facade);
    await store.get(KEY);
    await expect(store.get(KEY)).rejects.toMatchObject({ code: 'throttled', retryAtMs: expect.any(Number) });
  });

  test('a reference that holds something else is corrupt and stays as it is', async () => {
    const git = createMemoryRepository();
    const facade = await start({ git });
    const main = await git.readRef('refs/heads/main');
    await git.createRef(`refs/lockstep/${KEY}/@`, main ?? '');
    await expect(open(facade).get(KEY)).rejects.toMatchObject({ code: 'corrupt-record' });
  });
});

describe('where the values are', () => {
  test.each(['refs/lockstep', 'refs/heads/lockstep'])('below %s, and nowhere else', async (refPrefix) => {
    const git = createMemoryRepository();
    const facade = await start({ git, prefix: '/api/v3' });
    const store = open(facade, 'token-1', { refPrefix });
    await mustWrite(store, null, 'x');
    expect(await store.get(KEY)).toMatchObject({ value: 'x' });
    expect((await git.listRefs('refs/')).map(({ ref }) => ref).sort()).toEqual(
      ['refs/heads/main', `${refPrefix}/${KEY}/@`].sort(),
    );
  });

  test('stores of different prefixes do not meet', async () => {
    const facade = await start();
    await mustWrite(open(facade), null, 'x');
    expect(await open(facade, 'token-1', { refPrefix: 'refs/other' }).list('')).toEqual([]);
  });
});

describe('a watch on GitHub', () => {
  test('costs nothing that is counted while nothing changes', async () => {
    const facade = await start();
    const writer = open(facade);
    const first = await mustWrite(writer, null, 'one');
    const abort = new AbortController();
    const watch = open(facade, 'token-2', { pollMs: 100 }).watch(KEY, { signal: abort.signal });
    const edges = watch[Symbol.asyncIterator]();
    await edges.next();
    const before = facade.countOf(({ token, isCounted }) => token === 'token-2' && isCounted);
    expect(before).toBe(1);
    const polls = () => facade.countOf(({ token, status }) => token === 'token-2' && status === 304);
    while (polls() < 5) await new Promise((resolve) => setImmediate(resolve));
    await mustWrite(writer, first, 'two');
    await edges.next();
    expect(facade.countOf(({ token, isCounted }) => token === 'token-2' && isCounted)).toBe(2);
    abort.abort();
    expect((await edges.next()).done).toBe(true);
  });
});
