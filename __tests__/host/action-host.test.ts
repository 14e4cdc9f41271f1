// The step host in this process, with a runner that fails in one place: what cannot be written never changes the step's fate.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { WorkflowCommands } from '../../src/host/action-core.ts';
import { runAction } from '../../src/host/action-host.ts';
import { runPost } from '../../src/host/action-post.ts';
import type { HostProcess } from '../../src/host/contract.ts';

let folder: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-step-'));
  said = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const write =
  (name: string) =>
  (...texts: string[]) =>
    void said.push([name, ...texts].join(' '));

const commands: WorkflowCommands = {
  debug: write('debug'),
  info: write('info'),
  notice: write('notice'),
  warning: write('warning'),
  error: write('error'),
  startGroup: write('group'),
  endGroup: write('endgroup'),
  setSecret: write('mask'),
  setOutput: write('output'),
  saveState: write('state'),
  exportVariable: write('env'),
  writeSummary: async () => write('summary')(),
};

/** A `status` step over an empty store. */
const createProcess = (env: Record<string, string> = {}): HostProcess => ({
  argv: ['node', 'action.js'],
  execPath: process.execPath,
  execArgv: [],
  env: { INPUT_COMMAND: 'status', INPUT_STORE: `file:${join(folder, 'store')}`, RUNNER_TEMP: folder, ...env },
  on: process.on.bind(process),
  off: process.off.bind(process),
  stdout: process.stdout,
  stderr: process.stderr,
  pid: process.pid,
  cwd: () => folder,
  exit: (code) => {
    throw new Error(`exit ${code}`);
  },
});

test('a summary that cannot be written costs a warning, not the step', async () => {
  const step = createProcess();
  await runAction(step, { ...commands, writeSummary: () => Promise.reject(new Error('the disk is full')) });
  expect(step.exitCode).toBe(0);
  expect(said).toContain('warning the job summary could not be written: the disk is full');
  expect(said).toContain('output command status');
});

test('a folder that is not there costs the file of the result, not the outputs', async () => {
  const step = createProcess({ RUNNER_TEMP: join(folder, 'nowhere') });
  await runAction(step, commands);
  expect(step.exitCode).toBe(0);
  expect(said).toContainEqual(
    expect.stringMatching(/^warning the file of the whole result could not be written: .*ENOENT/),
  );
  expect(said).toContain('output result-file ');
  expect(said).toContain('summary');
});

test('what nobody expected fails the step with code 1, says where, and has a result all the same', async () => {
  const step = createProcess({ INPUT_CONFIG: 'x.json' });
  await runAction(
    {
      ...step,
      cwd: () => {
        throw 'no folder';
      },
      set exitCode(code: number) {
        step.exitCode = code;
      },
    },
    commands,
  );
  expect(step.exitCode).toBe(1);
  expect(said).toContain('error non-error thrown: no folder');
  expect(said).toContain('info This is a bug in lockstep.');
  expect(said).toContain('output exit-code 1');
});

test('the step leaves no listener behind', async () => {
  const before = process.listenerCount('SIGINT');
  await runAction(createProcess(), commands);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

test('post leaves a command alone that keeps nothing', async () => {
  const held = { command: 'reap', name: 'x', socketPath: '/x', nonce: 'n', fencingToken: 1 };
  const step = createProcess({ STATE_held: JSON.stringify(held) });
  await runPost(step, commands);
  expect(step.exitCode).toBeUndefined();
  expect(said).toEqual([]);
});
