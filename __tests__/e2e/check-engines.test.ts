// Checks on the command line over each engine: one story of set, get, wait, alias and status, and the gate that waits for it.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { CheckReport, StatusReport } from '../../src/app/contract.ts';
import type { GateReport } from '../../src/gate/report.ts';
import { type CliWorld, createCliWorld } from '../support/cli.ts';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    let world: CliWorld;
    beforeAll(async () => {
      server = await engine.start();
    });
    afterAll(() => server.stop());
    beforeEach(() => {
      world = createCliWorld();
    });
    afterEach(() => world.dispose());

    // Neither a poll nor a reconcile interval comes in a test's time: everything below is told.
    const on = () => ['--store', server.url(), '--poll', '1h', '--json'];
    const check = (...args: string[]) => ['check', ...args, ...on()];
    const run = async (...args: string[]) => (await world.run(check(...args))).json<CheckReport>();

    test('what one job publishes another mirrors, a third waits for, and a gate takes as readiness', async () => {
      const waiting = world.start(check('wait', 'api', '--timeout', '5m'));
      const gate = world.start([
        ...['gate', 'deploy', '--member', 'a', '--members', 'a', '--schema', '1', '--ready', 'check:api'],
        ...on(),
      ]);
      const alias = world.start(check('alias', 'api', '--of', 'check:db', '--reconcile', '1h'));
      await alias.untilError(/api: critical, by check:db: .*nobody set it/);
      expect(await run('set', 'db', 'warning', '--output', 'slow')).toMatchObject({
        outcome: 'set',
        status: 'warning',
      });
      await alias.untilError(/critical → warning, by check:db/);
      expect(await run('get', 'api')).toMatchObject({
        status: 'warning',
        output: 'check:db is warning: slow',
      });
      const status = await world.run(['status', 'check', 'api', ...on()]);
      expect(status.json<StatusReport>().records).toMatchObject([
        { state: 'warning', detail: expect.stringMatching(/^\d+ m?s old; mirrors check:db; .*slow$/) },
      ]);
      await run('set', 'db', 'passing', '--ttl', '1h');
      expect((await waiting.result).json<CheckReport>()).toMatchObject({ outcome: 'reached', exitCode: 0 });
      expect((await gate.result).json<GateReport>()).toMatchObject({ outcome: 'open', exitCode: 0 });
      const second = world.start(check('alias', 'api', '--of', 'check:db', '--until', 'critical'));
      expect((await alias.result).json<CheckReport>()).toMatchObject({ outcome: 'replaced', exitCode: 8 });
      await run('set', 'db', 'critical');
      expect((await second.result).json<CheckReport>()).toMatchObject({
        outcome: 'reached',
        status: 'critical',
      });
      // Each change once, whatever was read again in between.
      const { stderr } = await alias.result;
      expect(stderr.match(/ → /g)).toHaveLength(2);
    });
  });
}
