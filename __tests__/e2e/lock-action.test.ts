// `lock` and `unlock` as steps, through a harness that behaves like the runner: the lease agent lives between main and post.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lockKey } from '../../src/app/lock-attempt.ts';
import type { LockReport } from '../../src/app/lock-report.ts';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';
import { type CliWorld, createCliWorld, type RunningCli } from '../support/cli.ts';
import { createRunnerWorld, type RunnerStep, type RunnerWorld, type StepResult } from '../support/runner.ts';

let world: RunnerWorld;
beforeEach(() => {
  world = createRunnerWorld();
});
afterEach(() => world.dispose());

const store = () => `file:${join(world.folder, 'store')}`;
const lockStep = (more: RunnerStep = {}) =>
  world.runStep({
    ...more,
    with: { command: 'lock', name: 'staging', store: store(), lease: '2s', ...more.with },
  });

/** The command line beside the steps, in the same store. */
async function lockstep(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const cli = createCliWorld();
  try {
    return await cli.run([...args.slice(0, 2), '--store', store(), ...args.slice(2)], { env });
  } finally {
    await cli.dispose();
  }
}

describe('lock without a script', () => {
  test('is held by an agent from main to post, longer than its lease, and given back in post', async () => {
    const seen: unknown[] = [];
    const step = await lockStep({
      async between({ exported, exitCode }) {
        expect(exitCode).toBe(0);
        await sleep(systemClock, 2500);
        const env = Object.fromEntries(exported);
        seen.push(env['LOCKSTEP_LOCK_NAME'], env['LOCKSTEP_FENCING_TOKEN']);
        seen.push((await lockstep(['assert', 'staging'], env)).exitCode);
        seen.push((await lockstep(['lock', 'staging', '--when-busy', 'fail', '--', 'true'])).exitCode);
      },
    });
    expect(seen).toEqual(['staging', '1', 0, 4]);
    expect(step.result<LockReport>()).toMatchObject({ outcome: 'ran', fencingToken: 1, exitCode: 0 });
    expect(step.main.summary).toContain('staging');
    expect(step.post.exitCode).toBe(0);
    expect((await lockstep(['lock', 'staging', '--when-busy', 'fail', '--', 'true'])).exitCode).toBe(0);
    expect(readdirSync(world.temp).filter((name) => /^lockstep-\w{6}$/.test(name))).toEqual([]);
  });

  test('another job of the matrix is told which one holds it, with a link; so is status', async () => {
    const neighbour = createRunnerWorld();
    const elsewhere = createCliWorld();
    try {
      // A store outside of the runners' folders: each harness counts every process that names its own as left behind.
      const place = { store: `file:${join(elsewhere.folder, 'store')}` };
      const contend = (more: Record<string, string>) =>
        neighbour.runStep({
          with: { command: 'lock', name: 'staging', ...place, 'job-index': '2', 'job-total': '3', ...more },
        });
      const seen: StepResult[] = [];
      let status = '';
      await lockStep({
        with: { ...place, 'job-index': '1', 'job-total': '3' },
        async between() {
          seen.push(await contend({ 'when-busy': 'skip' }), await contend({ timeout: '1s' }));
          status = (await elsewhere.run(['status', '--store', place.store])).stdout;
        },
      });
      const holder = 'run 777, attempt 1, job test, index 1';
      const page = 'https://github.com/octo/repo/actions/runs/777/job/4242';
      expect(seen.map((step) => step.result<LockReport>().holder)).toEqual([holder, holder]);
      expect(seen.map(({ main }) => main.exitCode)).toEqual([0, 4]);
      expect(seen[1]?.main.log).toContain(`waiting for the lock staging, which ${holder} holds (${page})`);
      expect(status).toContain(holder);
      expect(status).toContain(page);
    } finally {
      await neighbour.dispose();
      await elsewhere.dispose();
    }
  });

  test('lost in between, post fails with 8 and says why', async () => {
    const { post } = await lockStep({
      async between({ exported }) {
        expect((await lockstep(['unlock', 'staging', '--force'])).exitCode).toBe(0);
        expect((await lockstep(['assert', 'staging'], Object.fromEntries(exported))).exitCode).toBe(8);
        // The agent notices at its next renewal.
        await sleep(systemClock, 1200);
      },
    });
    expect(post.exitCode).toBe(8);
    expect(post.annotations).toEqual([
      {
        kind: 'error',
        message: expect.stringMatching(/^The lock staging was lost .* → the lock staging was lost: /),
      },
    ]);
  });

  test('that a record of a newer version keeps from being obtained has one annotation with the reason and the cure', async () => {
    const opened = await openFileStore({ path: join(world.folder, 'store'), clock: systemClock });
    await opened.compareAndSet(lockKey('default', 'staging'), null, JSON.stringify({ format: 99 }));
    await opened.close();
    const { main } = await lockStep();
    expect(main.exitCode).toBe(9);
    expect(main.annotations).toEqual([
      {
        kind: 'error',
        message: expect.stringMatching(
          /^The lock staging was not obtained .* → .* → .*newer lockstep wrote it/,
        ),
      },
    ]);
  });

  describe('while another holds it', () => {
    let elsewhere: CliWorld;
    let holder: RunningCli;
    beforeEach(async () => {
      // A store outside of the runner's folder: the harness counts every process that names it as left behind.
      elsewhere = createCliWorld();
      const script = 'echo in >&2; exec sleep 20';
      holder = elsewhere.start(['lock', 'staging', '--store', 'file:store', '--', 'sh', '-c', script]);
      await holder.untilError(/in/);
    });
    afterEach(async () => {
      // Its command would outlive a holder that is killed.
      holder.child.kill('SIGTERM');
      await holder.result;
      await elsewhere.dispose();
    });
    const contend = (more: RunnerStep) =>
      lockStep({ ...more, with: { store: `file:${join(elsewhere.folder, 'store')}`, ...more.with } });

    test('cancelled, the step leaves nothing behind', async () => {
      const { main, post } = await contend({ cancelWhen: /waiting for the lock/ });
      expect([main.exitCode, post.exitCode]).toEqual([130, 0]);
      holder.child.kill('SIGTERM');
      expect((await holder.result).exitCode).toBe(143);
      const next = ['lock', 'staging', '--store', 'file:store', '--when-busy', 'fail', '--', 'true'];
      expect((await elsewhere.run(next)).exitCode).toBe(0);
    });

    test('when-busy skip succeeds and names the holder; post has nothing to give back', async () => {
      const step = await contend({ with: { 'when-busy': 'skip' } });
      expect([step.main.exitCode, step.post.exitCode]).toEqual([0, 0]);
      expect(step.result<LockReport>()).toMatchObject({
        outcome: 'skipped',
        holder: expect.stringContaining('@'),
      });
      expect(step.main.state.size).toBe(0);
    });

    test('when-busy fail fails with 4, and one annotation says all', async () => {
      const { main } = await contend({ with: { 'when-busy': 'fail' } });
      expect(main.exitCode).toBe(4);
      expect(main.annotations).toEqual([
        { kind: 'error', message: expect.stringMatching(/^The lock staging is held by .*@.* not obtained/) },
      ]);
    });
  });
});

describe('lock with a script', () => {
  test('runs it in bash under the lock inside the step', async () => {
    const step = await lockStep({
      with: { run: 'set -u\necho "token $LOCKSTEP_FENCING_TOKEN"\nfalse | true\necho unreachable' },
    });
    expect(step.main.log).toContain('token 1');
    expect(step.main.log).not.toContain('unreachable');
    expect(step.main.exitCode).toBe(1);
    expect(step.result<LockReport>()).toMatchObject({ outcome: 'ran', childExitCode: 1, exitCode: 1 });
    expect(step.post.exitCode).toBe(0);
  });
});

test('unlock frees it whoever holds it, and only by force', async () => {
  const free = (more: Record<string, string>) =>
    world.runStep({ with: { command: 'unlock', name: 'staging', store: store(), ...more } });
  expect((await free({})).main.exitCode).toBe(2);
  expect((await free({ force: 'true' })).main).toMatchObject({ exitCode: 0 });
});

test('on a runner without a token or a store nothing is held and the step fails with 2', async () => {
  const { main } = await world.runStep({ token: '', with: { command: 'lock', name: 'staging' } });
  expect(main.exitCode).toBe(2);
  expect(main.annotations.map((each) => each.message).join('\n')).toMatch(/store/);
});
