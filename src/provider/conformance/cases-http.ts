/** Conformance of providers that speak HTTP: doubtful answers, redirects, limits, and listings that lead nowhere. */
import assert from 'node:assert/strict';
import type { ProviderFailure } from '../contract.ts';
import { destroy, only } from './calls.ts';
import type { Draft } from './fixture.ts';

/** In the order of the report. */
export const HTTP_CASES: readonly Draft[] = [
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
  {
    title:
      'a first page asked for while opening, where that is offered, is judged as one asked for afterwards',
    needs: 'http',
    async run({ create, another, signal, http }) {
      assert.ok(http);
      await create('app-one');
      const [early, late] = [await another(), await another()];
      try {
        // Then the page is there long before the account is.
        if (early.capabilities.openRequests === 1) http.playOpening('answered 100 ms late');
        const opening = early.open({ signal });
        if (!early.capabilities.listsWhileOpening) await opening;
        const [, beside] = await Promise.all([opening, early.list(null, { signal })]);
        await late.open({ signal });
        const after = await late.list(null, { signal });
        assert.ok(beside.kind === 'page' && after.kind === 'page');
        assert.deepEqual(beside.apps, after.apps);
      } finally {
        await Promise.all([early.close(), late.close()]);
      }
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
];
