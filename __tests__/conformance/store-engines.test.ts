// The conformance suite over real engines, faults by a proxy in front of them.
import { afterAll, beforeAll, test } from '@jest/globals';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { engineSubject } from '../support/engine-worlds.ts';
import { checkAgainstMap } from '../support/store-model.ts';
import { describeStore } from './store-suite.ts';

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    beforeAll(async () => {
      server = await engine.start();
    });
    afterAll(() => server.stop());
    const subject = engineSubject(engine.name, () => server);
    describeStore(subject);

    test('agrees with a Map whatever is asked of it', () => {
      // Every sequence begins with an empty store.
      const create = async () => {
        const world = await subject.create();
        const store = await world.open();
        for (const key of await store.list('')) {
          await store.delete(key, (await store.get(key))?.revision ?? '');
        }
        await store.close();
        return world;
      };
      return checkAgainstMap({ ...subject, create }, 25);
    });
  });
}
