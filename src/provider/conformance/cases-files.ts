/** Conformance of providers over files: nothing is reached through a link. */
import assert from 'node:assert/strict';
import { destroy, listAll, names, only } from './calls.ts';
import type { Draft } from './fixture.ts';

/** In the order of the report. */
export const FILE_CASES: readonly Draft[] = [
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
