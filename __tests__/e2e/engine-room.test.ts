// Jobs that wait for room in a full account, as processes of dist over each engine, while the engine is killed and started again.
// The sandbox's log tells how often the account was listed.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { LeaseManager } from '../../src/lease/contract.ts';
import { createLeaseManager } from '../../src/lease/manager.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import type { Store } from '../../src/store/contract.ts';
import { type CliWorld, createCliWorld } from '../support/cli.ts';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { openEngine } from '../support/engine-worlds.ts';

const JOBS = 8;

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    let world: CliWorld;
    let sandbox: HerokuSandbox;
    let store: Store;
    let manager: LeaseManager;

    beforeAll(async () => {
      server = await engine.start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      world = createCliWorld();
      const apps = Array.from({ length: 5 }, (_, at) => ({ name: `ci-${at}`, ageMs: 600_000 + at }));
      sandbox = await startHerokuSandbox({ clock: systemClock, apps, latencyMs: 20, appLimit: 5 });
      store = await openEngine(server.url());
      manager = createLeaseManager({ store, clock: systemClock });
    });
    afterEach(async () => {
      await world.dispose();
      await sandbox.close();
      await manager.close();
      await store.close();
    });

    const start = () =>
      world.start(
        [
          ...['reap', '--provider', 'heroku', '--match', 'ci-.*', '--apply', '--json', '--account', 'ci'],
          ...['--store', server.url(), '--when-busy', 'wait', '--limit', '5', '--headroom', '1'],
          ...['--older-than', '1h', '--poll', '500ms'],
        ],
        { env: { HEROKU_API_URL: sandbox.url, HEROKU_API_KEY: 'key' } },
      );
    const listings = () => sandbox.log().filter((entry) => entry.path === '/users/~/apps').length;
    /** The one lease of the account, as whoever sweeps holds it. */
    const holdSweep = async () => {
      const [key = ''] = await store.list('default/reap');
      const holder = { text: 'a sweep under way', host: 'test', pid: 1 };
      const tried = await manager.tryAcquire(key, { leaseMs: 60_000, holder });
      if (!tried.acquired) throw new Error(`${key} should be free`);
      return tried.lease;
    };

    test(`${JOBS} jobs that wait list a full account once between them, over a restart; one that asks later looks itself`, async () => {
      // The first makes the record whose name the test takes over.
      expect((await start().result).json<ReapReport>()).toMatchObject({ reason: 'full', exitCode: 3 });
      expect(listings()).toBe(1);

      const lease = await holdSweep();
      const jobs = Array.from({ length: JOBS }, start);
      await Promise.all(jobs.map((job) => job.untilError(/a sweep under way/)));
      await server.kill();
      await server.restart();
      expect(await lease.release()).toBe('released');
      const results = await Promise.all(jobs.map((job) => job.result));
      const reports = results.map((result) => result.json<ReapReport>());
      for (const report of reports)
        expect(report).toMatchObject({ outcome: 'incomplete', reason: 'full', exitCode: 3 });
      for (const { stderr } of results)
        expect(stderr).toMatch(/full: 5 apps are there, 4 may be; the next falls due in \d+ m.*ci-4/);
      expect(listings()).toBe(2);
      expect(reports.filter((report) => report.requests.list === 1)).toHaveLength(1);

      // A place came free, and nobody told.
      const gone = sandbox.world.apps()[0]?.['id'];
      await fetch(`${sandbox.url}/apps/${String(gone)}`, {
        method: 'DELETE',
        headers: { authorization: 'Bearer key' },
      });
      expect((await start().result).json<ReapReport>()).toMatchObject({ outcome: 'clean', exitCode: 0 });
      expect(listings()).toBe(3);
    }, 90_000);
  });
}
