/**
 * What every provider must do, as data: titles and plain async functions over a harness, free of any test runner. Give
 * `describeProvider` a harness for an implementation and run what comes back; a case that fails rejects with AssertionError.
 * NOT covered: pace and limits, which differ by provider. Invariant: each case makes its own fixture and disposes it.
 */
import assert from 'node:assert/strict';
import type { App, Provider, ProviderFailure } from '../../src/provider/contract.ts';

/** A world with one provider over it. Names are made by the cases: lower case, digits and dashes. */
export interface ProviderFixture {
  readonly provider: Provider;
  /** A second provider over the same account or root. */
  readonly another: () => Promise<Provider>;
  readonly create: (name: string) => Promise<void>;
  /** Deletes behind the provider's back. */
  readonly remove: (name: string) => Promise<void>;
  readonly exists: (name: string) => Promise<boolean>;
  /** The secret that must never be seen; null where there is none. */
  readonly credential: string | null;
  /** Null where the provider does not speak HTTP. */
  readonly http: HttpFixture | null;
  /** Null where the provider has no files. */
  readonly links: LinkFixture | null;
  readonly dispose: () => Promise<void>;
}

export interface HttpFixture {
  /** How many requests have arrived so far. */
  readonly requestCount: () => number;
  /** What happens to the next request, once. */
  readonly playNext: (play: HttpPlay) => void;
  /** Requests that arrived at another origin, where a played redirect points. */
  readonly strayRequests: () => number;
  /** What each listing's first page says from now on of the page after it. */
  readonly playListing: (play: 'no-next' | 'same-page-again') => void;
}

export type HttpPlay =
  | 'html with 200'
  | 'half a JSON text with 200'
  | 'html with 404'
  | 'redirect elsewhere'
  | 'reset before the effect'
  | 'reset after the effect'
  | '500 before the effect'
  | '500 after the effect'
  | '401'
  | '403'
  | '429 with Retry-After: 7';

export interface LinkFixture {
  /** A folder outside with one file in it, and a link to it: beside the apps, or inside the named app. */
  readonly addLink: (place: { insideApp: string | null; name: string }) => Promise<void>;
  /** The file outside is still there. */
  readonly outsideIsIntact: () => Promise<boolean>;
}

export interface ProviderHarness {
  readonly setUp: () => Promise<ProviderFixture>;
  readonly speaksHttp: boolean;
  readonly hasFiles: boolean;
}

export interface ProviderCase {
  readonly title: string;
  readonly run: () => Promise<void>;
}

interface Draft {
  title: string;
  needs?: 'http' | 'files';
  readonly run: (fixture: ProviderFixture & { signal: AbortSignal }) => Promise<void>;
}

/** The cases for one implementation, those that do not apply left out. */
export function describeProvider(name: string, harness: ProviderHarness): ProviderCase[] {
  return DRAFTS.filter((draft) => draft.needs !== 'http' || harness.speaksHttp)
    .filter((draft) => draft.needs !== 'files' || harness.hasFiles)
    .map((draft) => ({
      title: `${name}: ${draft.title}`,
      async run() {
        const fixture = await harness.setUp();
        try {
          await draft.run({ ...fixture, signal: new AbortController().signal });
        } finally {
          await fixture.dispose();
        }
      },
    }));
}

const DRAFTS: readonly Draft[] = [
  {
    title: 'a listing gives each app once, with an id of its own, its name and its age',
    async run({ create, ...fixture }) {
      await create('app-one');
      await create('app-two');
      const apps = await listAll(fixture);
      assert.deepEqual(names(apps), ['app-one', 'app-two']);
      assert.equal(new Set(apps.map((app) => app.id)).size, 2);
      assert.ok(apps.every((app) => app.id !== '' && app.createdAtMs !== null && app.inScope));
    },
  },
  {
    title: 'a second look gives the same ids and versions, from another instance too',
    async run({ create, another, ...fixture }) {
      await create('app-one');
      const provider = await another();
      assert.deepEqual(await listAll({ ...fixture, provider }), await listAll(fixture));
      assert.equal(provider.accountId, fixture.provider.accountId);
      await provider.close();
    },
  },
  {
    title: 'the account is named without its credential',
    async run({ provider, credential }) {
      assert.match(provider.accountId, /^[A-Za-z0-9._-]+$/);
      assert.ok(credential === null || !provider.accountId.includes(credential));
    },
  },
  {
    title: 'a listed app is found by its id as it was listed',
    async run({ create, ...fixture }) {
      await create('app-one');
      const app = await only(fixture);
      const found = await fixture.provider.get(app.id, fixture);
      assert.equal(found.kind, 'found');
      assert.deepEqual(found.kind === 'found' && found.app, app);
    },
  },
  {
    title: 'an app that somebody else deleted is gone, to a read and to a delete',
    async run({ create, remove, ...fixture }) {
      await create('app-one');
      const app = await only(fixture);
      await remove('app-one');
      assert.equal((await fixture.provider.get(app.id, fixture)).kind, 'gone');
      assert.equal((await destroy(app, fixture)).kind, 'gone');
    },
  },
  {
    title: 'a delete removes that app and no other; a second one finds it gone',
    async run({ create, exists, ...fixture }) {
      await create('app-one');
      await create('app-two');
      const app = (await listAll(fixture)).find((one) => one.name === 'app-one');
      assert.ok(app);
      assert.equal((await destroy(app, fixture)).kind, 'deleted');
      assert.equal(await exists('app-one'), false);
      assert.equal(await exists('app-two'), true);
      assert.equal((await destroy(app, fixture)).kind, 'gone');
    },
  },
  {
    title: 'an app re-created under the same name survives a delete of the old one',
    async run({ create, remove, exists, ...fixture }) {
      await create('app-one');
      const old = await only(fixture);
      await remove('app-one');
      await create('app-one');
      const { kind } = await destroy(old, fixture);
      assert.ok(kind === 'gone' || kind === 'changed', `a delete of what is no longer there was ${kind}`);
      assert.equal(await exists('app-one'), true);
    },
  },
  {
    title: 'of two that delete the same app at once, one deleted it and the other finds it gone',
    async run({ create, another, ...fixture }) {
      await create('app-one');
      const app = await only(fixture);
      const second = await another();
      await listAll({ ...fixture, provider: second });
      const both = await Promise.all([
        destroy(app, fixture),
        second.destroy(app, { signal: fixture.signal, fencingToken: 2 }),
      ]);
      assert.deepEqual(both.map(({ kind }) => kind).sort(byText), ['deleted', 'gone']);
      await second.close();
    },
  },
  {
    title: 'a call that was cancelled before it began rejects with the reason and does nothing',
    async run({ create, exists, provider, signal }) {
      await create('app-one');
      const app = await only({ provider, signal });
      const reason = new Error('enough');
      const isReason = (thrown: unknown) => thrown === reason;
      const call = { signal: AbortSignal.abort(reason), fencingToken: 1 };
      await assert.rejects(provider.destroy(app, call), isReason);
      await assert.rejects(provider.list(null, call), isReason);
      await assert.rejects(provider.get(app.id, call), isReason);
      assert.equal(await exists('app-one'), true);
    },
  },
  {
    title: 'each function sends exactly one request',
    needs: 'http',
    async run({ create, provider, signal, http }) {
      assert.ok(http);
      await create('app-one');
      const count = async (act: () => Promise<unknown>) => {
        const before = http.requestCount();
        await act();
        return http.requestCount() - before;
      };
      assert.equal(await count(() => provider.open({ signal })), provider.capabilities.openRequests);
      assert.equal(await count(() => provider.list(null, { signal })), 1);
      const app = await only({ provider, signal });
      assert.equal(await count(() => provider.get(app.id, { signal })), 1);
      assert.equal(await count(() => destroy(app, { provider, signal })), 1);
    },
  },
  ...(
    [
      '500 before the effect',
      '500 after the effect',
      'reset before the effect',
      'reset after the effect',
    ] as const
  ).map(
    (play): Draft => ({
      title: `a delete that meets ${play} is ambiguous and is not sent again`,
      needs: 'http',
      async run({ create, exists, http, ...fixture }) {
        assert.ok(http);
        await create('app-one');
        const app = await only(fixture);
        const before = http.requestCount();
        http.playNext(play);
        assert.equal((await destroy(app, fixture)).kind, 'ambiguous');
        assert.equal(http.requestCount() - before, 1);
        assert.equal(await exists('app-one'), play.endsWith('before the effect'));
      },
    }),
  ),
  ...(['html with 200', 'half a JSON text with 200', 'html with 404'] as const).map(
    (play): Draft => ({
      title: `${play} proves nothing: a delete, a read and a listing are ambiguous`,
      needs: 'http',
      async run({ create, http, ...fixture }) {
        assert.ok(http);
        await create('app-one');
        const app = await only(fixture);
        http.playNext(play);
        assert.equal((await destroy(app, fixture)).kind, 'ambiguous');
        http.playNext(play);
        assert.equal((await fixture.provider.get(app.id, fixture)).kind, 'ambiguous');
        http.playNext(play);
        assert.equal((await fixture.provider.list(null, fixture)).kind, 'ambiguous');
      },
    }),
  ),
  {
    title: 'a redirect elsewhere is ambiguous and is never followed',
    needs: 'http',
    async run({ create, http, ...fixture }) {
      assert.ok(http);
      await create('app-one');
      const app = await only(fixture);
      http.playNext('redirect elsewhere');
      assert.equal((await fixture.provider.list(null, fixture)).kind, 'ambiguous');
      http.playNext('redirect elsewhere');
      assert.equal((await destroy(app, fixture)).kind, 'ambiguous');
      assert.equal(http.strayRequests(), 0);
    },
  },
  {
    title: '401, 403 and 429 are told apart, and how long to wait is passed on',
    needs: 'http',
    async run({ create, http, ...fixture }) {
      assert.ok(http);
      await create('app-one');
      const app = await only(fixture);
      const kinds = {
        '401': 'unauthorized',
        '403': 'forbidden',
        '429 with Retry-After: 7': 'throttled',
      } as const;
      for (const [play, kind] of Object.entries(kinds) as [keyof typeof kinds, ProviderFailure['kind']][]) {
        http.playNext(play);
        const answer = await destroy(app, fixture);
        assert.equal(answer.kind, kind);
        assert.equal(answer.meta.rate?.throttled, kind === 'throttled');
        assert.equal(answer.meta.rate?.retryAfterMs, kind === 'throttled' ? 7000 : undefined);
      }
    },
  },
  {
    title: 'no failure repeats the credential',
    needs: 'http',
    async run({ http, credential, provider, signal }) {
      assert.ok(http && credential !== null);
      for (const play of ['401', 'html with 404', 'reset before the effect'] as const) {
        http.playNext(play);
        assert.ok(!JSON.stringify(await provider.list(null, { signal })).includes(credential));
      }
    },
  },
  ...(['no-next', 'same-page-again'] as const).map(
    (play): Draft => ({
      title: `a listing whose page has ${play === 'no-next' ? 'no next one though it is partial' : 'itself for the next one'} ends as broken`,
      needs: 'http',
      async run({ create, http, provider, signal }) {
        assert.ok(http);
        await create('app-one');
        await create('app-two');
        http.playListing(play);
        let cursor: string | null = null;
        for (let page = 1; page <= 5; page += 1) {
          const answer = await provider.list(cursor, { signal });
          assert.equal(answer.kind, 'page');
          if (answer.kind !== 'page' || answer.broken !== undefined) return;
          cursor = answer.next;
          assert.notEqual(cursor, null, 'the listing ended as if it were complete');
        }
        assert.fail('the listing does not end');
      },
    }),
  ),
  {
    title: 'a link beside the apps is no app',
    needs: 'files',
    async run({ create, links, ...fixture }) {
      assert.ok(links);
      await create('app-one');
      await links.addLink({ insideApp: null, name: 'app-link' });
      assert.deepEqual(names(await listAll(fixture)), ['app-one']);
    },
  },
  {
    title: 'deleting an app with a link in it leaves what the link points to',
    needs: 'files',
    async run({ create, exists, links, ...fixture }) {
      assert.ok(links);
      await create('app-one');
      await links.addLink({ insideApp: 'app-one', name: 'outside' });
      assert.equal((await destroy(await only(fixture), fixture)).kind, 'deleted');
      assert.equal(await exists('app-one'), false);
      assert.equal(await links.outsideIsIntact(), true);
    },
  },
];

type Calls = Pick<ProviderFixture, 'provider'> & { signal: AbortSignal };

async function listAll({ provider, signal }: Calls): Promise<App[]> {
  assert.equal((await provider.open({ signal })).kind, 'open');
  const apps: App[] = [];
  let cursor: string | null = null;
  do {
    const answer = await provider.list(cursor, { signal });
    assert.equal(answer.kind, 'page', 'detail' in answer ? answer.detail : undefined);
    if (answer.kind !== 'page') break;
    assert.equal(answer.broken, undefined);
    apps.push(...answer.apps);
    cursor = answer.next;
  } while (cursor !== null);
  return apps;
}

async function only(calls: Calls): Promise<App> {
  const [app, ...others] = await listAll(calls);
  assert.ok(app && others.length === 0);
  return app;
}

function destroy(app: App, { provider, signal }: Calls) {
  return provider.destroy(app, { signal, fencingToken: 1 });
}

function names(apps: readonly App[]): string[] {
  return apps.map((app) => app.name).sort(byText);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
