// Checks as steps: one job publishes, others wait for it or mirror it; each on a runner of its own.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CheckReport } from '../../src/app/contract.ts';
import { systemClock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { createChecks } from '../../src/check/check.ts';
import { openFileStore } from '../../src/store/drivers/file.ts';
import { createRunnerWorld, type RunnerStep, type RunnerWorld, type StepResult } from '../support/runner.ts';
import { followOutput } from '../support/runner-output.ts';
import { readGantt } from '../support/summary-gantt.ts';

let shared: string;
let worlds: RunnerWorld[];
beforeEach(() => {
  shared = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep-check-')));
  worlds = [];
});
afterEach(async () => {
  await Promise.all(worlds.map((world) => world.dispose()));
  rmSync(shared, { recursive: true, force: true });
});

function job(options: Record<string, string>, step: RunnerStep = {}): Promise<StepResult> {
  const world = createRunnerWorld();
  worlds.push(world);
  const store = `file:${join(shared, 'store')}`;
  return world.runStep({ ...step, with: { command: 'check', name: 'db', store, poll: '200ms', ...options } });
}

/** Publishes as another job would, without a process of its own; resolves when it is there. */
async function set(status: 'passing' | 'warning' | 'critical', output = ''): Promise<void> {
  const store = await openFileStore({ path: join(shared, 'store'), clock: systemClock });
  const world = { store, namespace: 'default', clock: systemClock, writer: 'test', logger: nullLogger };
  await createChecks(world).set('db', { status, output, ttlMs: null, signal: new AbortController().signal });
  await store.close();
}

const reportOf = (step: StepResult) => step.result<CheckReport>();

describe('a check that a job publishes', () => {
  test('is read by another; its text is never a command, Markdown or ANSI', async () => {
    const output = '::error::x ##[group] [a](http://evil) \u001b[31m|<b> @all';
    const published = await job({ action: 'set', status: 'warning', output, ttl: '5m' });
    expect(published.main).toMatchObject({ exitCode: 0, annotations: [] });
    const { main, post } = await job({ action: 'get' });
    expect(Object.fromEntries(main.outputs)).toMatchObject({
      command: 'check',
      outcome: 'read',
      name: 'db',
      status: 'warning',
      transitions: '0',
      'exit-code': '0',
    });
    expect(main.outputs.get('output')).not.toMatch(/::|##\[|\u001b/);
    expect(main.annotations).toEqual([]);
    expect(main.log).toContain('db is warning');
    expect(main.summary).toContain('### lockstep check db\n\n**warning** (read)');
    expect(main.summary).not.toMatch(/<b>|\]\(http:|@all|\|$|mermaid/m);
    expect([...main.state, ...post.commands]).toEqual([]);
  });

  test('is awaited: each change once in the log, in the table, and in the timeline', async () => {
    await set('critical', 'restoring');
    const [awaited, mirrored] = [followOutput(), followOutput()];
    const waiting = job({ action: 'wait', timeout: '30s' }, awaited);
    const options = { name: 'api', action: 'alias', of: 'check:db', until: 'passing', timeout: '30s' };
    const mirroring = job(options, mirrored);
    await Promise.all([awaited.until(/db: critical/), mirrored.until(/api: critical/)]);
    await set('warning', 'slow');
    await Promise.all([awaited.until(/→ warning/), mirrored.until(/→ warning/)]);
    await set('passing', 'migrated to 42');
    const steps = await Promise.all([waiting, mirroring]);
    for (const step of steps) {
      expect(step.main).toMatchObject({ exitCode: 0, annotations: [] });
      expect(reportOf(step)).toMatchObject({ outcome: 'reached', status: 'passing', exitCode: 0 });
      const { sections } = readGantt(step.main.summary);
      expect(sections.map(({ title, bars }) => [title, bars.map(({ tags }) => tags[0])])).toEqual([
        ['Status', ['crit', 'active', 'done']],
      ]);
      expect(step.main.log.match(/critical → warning|warning → passing/g)).toHaveLength(2);
      expect(step.main.summary.match(/^\| .* \|$/gm)).toHaveLength(5);
    }
    expect(reportOf(steps[0])).toMatchObject({ transitions: 2 });
    expect(steps[1].main.log).toMatch(
      /api: critical, by check:db: check:db is critical: restoring[\s\S]*critical → warning, by check:db/,
    );
  });

  test('is not there in time: exit 7 and one annotation that says what to do', async () => {
    await set('critical', 'no route to host');
    const { main } = await job({ action: 'wait', timeout: '1s' });
    expect(main.exitCode).toBe(7);
    expect(main.annotations).toEqual([
      {
        kind: 'error',
        message: expect.stringMatching(/^Timed out: db is critical: no route to host → look at the job/),
      },
    ]);
    expect(main.outputs.get('outcome')).toBe('timeout');
    expect(main.summary).toContain('**critical** (timeout): no route to host');
  });
});

describe('a mirror', () => {
  test('needs an end in a step, and everything wrong is told at once', async () => {
    const { main } = await job({ action: 'alias', name: 'api', of: 'check:api', ttl: '5m' });
    expect(main.exitCode).toBe(2);
    expect(main.annotations.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^ttl /),
      expect.stringMatching(/^until .*a step must end/),
      expect.stringMatching(/^of /),
    ]);
  });

  test('masks the passwords of its targets and no word of them beside', async () => {
    const { main } = await job(
      {
        action: 'alias',
        name: 'api',
        of: 'command:false\nhttp://me:pass-word-1@127.0.0.1:1/health\ncheck:db',
        until: 'critical',
        timeout: '20s',
      },
      { secrets: ['pass-word-1'] },
    );
    expect(main).toMatchObject({ exitCode: 0 });
    const masks = main.commands.filter(({ name }) => name === 'add-mask').map(({ data }) => data);
    expect(masks.filter((mask) => !mask.startsWith('ghs_')).toSorted()).toEqual([
      'me:pass-word-1',
      'pass-word-1',
    ]);
  });

  test('that is cancelled ends as a matter of course; its last status stands', async () => {
    const options = { action: 'alias', name: 'api', of: 'check:db', until: 'passing' };
    const { main, post } = await job(options, { cancelWhen: /api: .*critical/ });
    expect(main).toMatchObject({ exitCode: 0, signal: null });
    expect(main.outputs.get('outcome')).toBe('stopped');
    expect([post.exitCode, post.commands.length]).toEqual([0, 0]);
    expect((await job({ name: 'api', action: 'get' })).main.outputs.get('status')).toBe('critical');
  });

  test('a cancelled wait fails with 130', async () => {
    const { main } = await job({ action: 'wait' }, { cancelWhen: /db: unknown/ });
    expect(main).toMatchObject({ exitCode: 130, signal: null });
    expect(main.outputs.get('exit-code')).toBe('130');
  });
});
