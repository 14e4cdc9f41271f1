// The gate as jobs run it, over each engine: processes of their own, each behind a network of its own that breaks, and an
// engine that is killed and comes back. Whether a migration ran twice is read off its own effect, with the token it was given.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { GateReport } from '../../src/gate/report.ts';
import { json, type Loopback, startLoopback } from '../probe/loopback.ts';
import { type CliResult, type CliWorld, createCliWorld, type RunningCli } from '../support/cli.ts';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';

const NAMES = ['a', 'b', 'c'];
const TIMEOUT_MS = 60_000;
/** A database that is a file, and a migration that notes each of its runs and does nothing once a higher token has been seen. */
const MIGRATE =
  'if [ "$(cat token 2>/dev/null || echo 0)" -le "$LOCKSTEP_FENCING_TOKEN" ]; then echo "$LOCKSTEP_FENCING_TOKEN" > token; ' +
  'echo "$LOCKSTEP_FENCING_TOKEN $LOCKSTEP_GATE_TO" >> runs; echo "$LOCKSTEP_GATE_TO" > db; fi';
const PROBE = `command:sh -c 'printf "{\\"schema\\":\\"%s\\"}" "$(cat db 2>/dev/null || echo 40)"'`;
/** Whoever has the first token waits in the middle until the file `go` is there. */
const untilGo = (before: string) =>
  `[ "$LOCKSTEP_FENCING_TOKEN" = 1 ] && { ${before}echo $$ > pid; echo hanging; while [ ! -e go ]; do sleep 0.05; done; }`;

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

interface Job extends RunningCli {
  readonly name: string;
  /** Its network. */
  readonly proxy: FaultProxy;
}

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    let world: CliWorld;
    let loopback: Loopback;
    let proxies: FaultProxy[];
    let gates = 0;

    beforeAll(async () => {
      server = await engine.start();
      loopback = await startLoopback(json({ schema: '42', api: ['billing'] }));
    });
    afterAll(async () => {
      await loopback.close();
      await server.stop();
    });
    beforeEach(() => {
      world = createCliWorld();
      proxies = [];
      gates += 1;
    });
    afterEach(async () => {
      await world.dispose();
      await Promise.all(proxies.map((proxy) => proxy.close()));
    });

    const start = async (name: string, more: readonly string[], members = NAMES): Promise<Job> => {
      const proxy = await startFaultProxy(server.port);
      proxies.push(proxy);
      const given = (flag: string, value: string) => (more.includes(flag) ? [] : [flag, value]);
      const running = world.start([
        ...['gate', `deploy-${gates}`, '--store', server.url(proxy.port), '--member', name],
        ...['--members', members.join(','), '--schema', '42', '--json', '--timeout', '50s'],
        ...given('--poll', '30s'),
        ...more,
      ]);
      return { ...running, name, proxy };
    };
    const startAll = (more: readonly string[], members = NAMES) =>
      Promise.all(members.map((name) => start(name, more, members)));
    const reportOf = (result: CliResult): GateReport => {
      const report = result.json<GateReport>();
      expect(report.exitCode).toBe(result.exitCode);
      return report;
    };
    const reportsOf = async (jobs: readonly RunningCli[]) =>
      (await Promise.all(jobs.map(({ result }) => result))).map(reportOf);
    const outcomesOf = (reports: readonly GateReport[]) => reports.map(({ outcome }) => outcome);
    const linesOf = (file: string) => {
      const path = join(world.folder, file);
      return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
    };
    const go = () => writeFileSync(join(world.folder, 'go'), '');
    /** The job that migrates and waits in the middle, and the others. */
    const untilHanging = async (jobs: readonly Job[]) => {
      const committer = await Promise.any(
        jobs.map(async (job) => {
          await job.untilError(/hanging/);
          return job;
        }),
      );
      return { committer, others: jobs.filter((job) => job !== committer) };
    };

    test(
      'all open without a wake-up by timer, one migrated; one that never comes is missing for all who did',
      async () => {
        const more = ['--api', 'billing', '--migrate', MIGRATE, '--schema-probe', PROBE];
        const ready = ['--ready', `${loopback.origin}/version`, '--successes', '1'];
        const reports = await reportsOf(await startAll([...more, ...ready]));
        expect(reports.map(({ outcome, wakeupsByTimer }) => [outcome, wakeupsByTimer])).toEqual(
          NAMES.map(() => ['open', 0]),
        );
        expect(reports.filter(({ committed }) => committed)).toMatchObject([{ token: 1 }]);
        expect(linesOf('runs')).toEqual(['1 42']);
        const [alone] = await reportsOf([await start('b', [...more, '--attempt', '2'])]);
        expect(alone).toMatchObject({ outcome: 'open', committed: false, epoch: 1 });

        const b = await start('b', ['--run', 'other']);
        await b.untilError(/b {2}WAITING/);
        const a = await start('a', ['--run', 'other', '--timeout', '1500ms', '--json=false']);
        const { exitCode, stdout } = await a.result;
        expect([exitCode, stdout]).toEqual([7, expect.stringMatching(/^c +MISSING/m)]);
        expect(reportOf(await b.result)).toMatchObject({ code: 'timeout', exitCode: 7, missing: ['c'] });
        const again = await reportsOf(await startAll(['--run', 'other', '--attempt', '2']));
        expect(again.map(({ outcome, epoch }) => [outcome, epoch])).toEqual(NAMES.map(() => ['open', 2]));
      },
      TIMEOUT_MS,
    );

    test(
      'a committer that is killed after its migration: its re-run proves it dead, adopts, and all open',
      async () => {
        // Nobody waits for a lease of a minute: the announcement of the re-run is the proof.
        const more = ['--migrate', untilGo(`${MIGRATE}; `), '--schema-probe', PROBE, '--lease', '60s'];
        const { committer, others } = await untilHanging(await startAll(more));
        committer.child.kill('SIGKILL');
        // What a job leaves running is beyond any gate; here it only waits.
        process.kill(-Number(linesOf('pid')[0]), 'SIGKILL');
        await committer.result;
        const again = await start(committer.name, [...more, '--attempt', '2']);
        const reports = await reportsOf([...others, again]);
        expect(outcomesOf(reports)).toEqual(['open', 'open', 'open']);
        expect(reports.map(({ committed, token }) => [committed, token])).toEqual([
          [false, null],
          [false, null],
          [true, 2],
        ]);
        expect(linesOf('runs')).toEqual(['1 42']);
      },
      TIMEOUT_MS,
    );

    test(
      'replies are lost, connections cut, the engine killed in the middle of the migration: one migration, and all open',
      async () => {
        const members = [...NAMES, 'd'];
        const more = ['--migrate', `${untilGo('')}; ${MIGRATE}`, '--schema-probe', PROBE];
        const jobs = await startAll([...more, '--lease', '60s', '--poll', '500ms'], members);
        let isOver = false;
        const disturb = async () => {
          for (let turn = 0; !isOver; turn += 1) {
            const proxy = proxies[turn % jobs.length];
            proxy?.set({ kind: turn % 3 === 0 ? 'cut-after-request' : 'cut-on-reply' });
            await pause(10);
            proxy?.set({ kind: 'pass' });
            if (turn % 5 === 4) for (const each of proxies) each.cutAll();
            await pause(60);
          }
        };
        const disturbing = disturb();
        await untilHanging(jobs);

        await server.kill();
        const late = await start('z', ['--run', 'other', '--timeout', '500ms'], ['y', 'z']);
        await Promise.all(jobs.map(({ untilError }) => untilError(/does not answer/)));
        expect(reportOf(await late.result)).toMatchObject({ code: 'store-unavailable', exitCode: 6 });
        expect(jobs.map(({ child }) => child.exitCode)).toEqual(members.map(() => null));

        await server.restart();
        await Promise.any(jobs.map(({ untilError }) => untilError(/answers again/)));
        go();
        const reports = await reportsOf(jobs);
        isOver = true;
        await disturbing;
        expect(outcomesOf(reports)).toEqual(members.map(() => 'open'));
        expect(reports.filter(({ committed }) => committed)).toMatchObject([{ token: 1 }]);
        expect(linesOf('runs')).toEqual(['1 42']);
      },
      TIMEOUT_MS,
    );

    test(
      'a committer in a blackhole is replaced and, back again, fenced; nobody else in one hangs or opens',
      async () => {
        const doomed = await start('m', ['--run', 'one', '--timeout', '300ms'], ['m', 'n']);
        doomed.proxy.set({ kind: 'blackhole' });
        const told = await start('m', ['--run', 'two'], ['m', 'n']);
        const more = ['--migrate', `${untilGo('')}; ${MIGRATE}`, '--schema-probe', PROBE];
        const jobs = await startAll([...more, '--lease', '2s', '--poll', '500ms']);
        await told.untilError(/WAITING/);
        told.proxy.set({ kind: 'blackhole' });
        told.child.kill('SIGTERM');

        const { committer, others } = await untilHanging(jobs);
        committer.proxy.set({ kind: 'blackhole' });
        await Promise.all(others.map(({ untilError }) => untilError(/the schema is there/)));
        expect(reportOf(await told.result)).toMatchObject({ code: 'member-left', exitCode: 143 });
        expect(jobs.map(({ child }) => child.exitCode)).toEqual([null, null, null]);

        committer.proxy.set({ kind: 'pass' });
        committer.proxy.cutAll();
        // Its migration ends well, without effect: only the token can tell that its commit must not count.
        go();
        const reports = await reportsOf(jobs);
        expect(outcomesOf(reports)).toEqual(['open', 'open', 'open']);
        expect(reports.filter(({ committed }) => committed)).toMatchObject([{ token: 2 }]);
        expect(linesOf('runs')).toEqual(['2 42']);
        expect(reportOf(await doomed.result)).toMatchObject({ code: 'store-unavailable', exitCode: 6 });
      },
      TIMEOUT_MS,
    );
  });
}
