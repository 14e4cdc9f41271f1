// The conformance suite over real engines, faults by a proxy in front of them.
import { afterAll, beforeAll } from '@jest/globals';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { engineSubject } from '../support/engine-worlds.ts';
import { describeStore } from './store-suite.ts';

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    beforeAll(async () => {
      server = await engine.start();
    });
    afterAll(() => server.stop());
    describeStore(engineSubject(engine.name, () => server));
  });
}
