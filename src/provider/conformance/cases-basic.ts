/** Conformance of any provider: listing, reading and deleting by immutable id, and cancellation. */
import assert from 'node:assert/strict';
import { byText, destroy, listAll, names, only } from './calls.ts';
import type { Draft } from './fixture.ts';

/** In the order of the report. */
export const BASIC_CASES: readonly Draft[] = [
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
];
