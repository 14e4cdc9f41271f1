// The engines' drivers inside dist: no node_modules near, nothing left running, the right exit codes.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type CliWorld, createCliWorld } from '../support/cli.ts';
import { ENGINES } from '../support/engine-list.ts';
import { type EngineProcess, findFreePort } from '../support/engine-process.ts';
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

    test('status reads the store from an empty folder, and ends by itself', async () => {
      const result = await world.run(['status', '--store', server.url(), '--json']);
      expect([result.exitCode, result.stderr]).toEqual([0, '']);
      expect(result.json()).toMatchObject({ command: 'status', records: [], exitCode: 0 });
    });

    test('where nobody listens the exit code is 6, and the password is not told', async () => {
      const url = server.url(await findFreePort()).replace(/\/\/([^@/]*@)?/, '//ci:correct-horse@');
      const result = await world.run(['status', '--store', url, '--json']);
      expect(result.exitCode).toBe(6);
      expect(result.stdout + result.stderr).not.toContain('correct-horse');
      expect(result.stderr).toContain('127.0.0.1');
    });
  });
}
