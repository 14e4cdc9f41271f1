// The conformance suite over real engines, faults by a proxy in front of them.
import { afterAll, beforeAll } from '@jest/globals';
import { etcdEngine, startEtcd } from '../support/engine-etcd.ts';
import { postgresEngine, startPostgres } from '../support/engine-postgres.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { redisEngine, startRedis } from '../support/engine-redis.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { engineSubject } from '../support/engine-worlds.ts';
import { describeStore } from './store-suite.ts';

const ENGINES = [
  { engine: redisEngine, start: startRedis },
  { engine: postgresEngine, start: startPostgres },
  { engine: etcdEngine, start: startEtcd },
];

for (const { engine, start } of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());
    describeStore(engineSubject(engine.name, () => server));
  });
}
