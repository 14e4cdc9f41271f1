// Leases on the GitHub store among real processes: one inside at a time and rising tokens, calm and in hostile weather, over
// real git and the model; and takeover from a killed job on GitHub's own word that it ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ContenderOrder } from '../support/github-contender.ts';
import { type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { calm, type FaultPlan, randomFaults } from '../support/github-faults.ts';
import { createMemoryRepository, createRealRepository } from '../support/github-repository.ts';

const project = resolve(import.meta.dirname, '..', '..');
const contender = join(project, '__tests__', 'support', 'github-contender.ts');
const loader = join(project, 'scripts', 'register-ts.js');

let folder: string;
let facade: GitHubFacade;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-github-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await facade.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(backend: 'git' | 'memory', plan: FaultPlan = calm): Promise<void> {
  const git = backend === 'git' ? createRealRepository(join(folder, 'repo')) : createMemoryRepository();
  facade = await startGitHubFacade({ git });
  facade.plan = plan;
}

function start(order: Partial<ContenderOrder>): {
  child: ChildProcess;
  inside: Promise<number>;
  ended: Promise<number>;
} {
  const job = children.length + 1;
  const whole: ContenderOrder = {
    ...{ apiUrl: facade.apiUrl, job, run: 7, folder, rounds: 1, leaseMs: 240_000, hurry: 20 },
    ...order,
  };
  const args = ['--import', loader, contender, JSON.stringify(whole)];
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const ended = new Promise<number>((done) => child.once('exit', (code) => done(code ?? -1)));
  const inside = new Promise<number>((got) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      const token = /inside (\d+)/.exec(chunk.toString())?.[1];
      if (token !== undefined) got(Number(token));
    });
  });
  return { child, inside, ended };
}

const readTokens = async () =>
  (await readFile(join(folder, 'tokens'), 'utf8')).trim().split('\n').map(Number);

describe('leases on the GitHub store, among processes', () => {
  test.each<[string, 'git' | 'memory', FaultPlan]>([
    ['over real git', 'git', calm],
    ['over the model in bad weather', 'memory', randomFaults({ seed: 1, share: 0.2 })],
    ['over real git in bad weather', 'git', randomFaults({ seed: 2, share: 0.1 })],
  ])('%s: one inside at a time, with rising tokens', async (_, backend, plan) => {
    await open(backend, plan);
    const rounds = 3;
    const processes = Array.from({ length: 4 }, () => start({ rounds }));
    expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
    const tokens = await readTokens();
    expect(tokens).toHaveLength(4 * rounds);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    expect(facade.violations).toEqual([]);
  });

  test('a killed job is succeeded on the word of GitHub, long before its lease would end', async () => {
    await open('memory');
    const job = { name: 'build', runId: 7, runAttempt: 1 };
    facade.world.runs.set(7, { status: 'in_progress', conclusion: null, attempt: 1 });
    facade.world.jobs.set(1, { ...job, id: 1, status: 'in_progress' });
    facade.world.jobs.set(2, { ...job, id: 2, status: 'in_progress' });
    // An hour, hurried to one minute: longer than this test may take.
    const lease = { leaseMs: 3_600_000, hurry: 60 };
    const first = start({ ...lease, keep: true });
    expect(await first.inside).toBe(1);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = start(lease);
    const asked = () => facade.countOf(({ path }) => path.endsWith('/actions/jobs/1'));
    while (asked() === 0) await new Promise((done) => setImmediate(done));
    expect(await readFile(join(folder, 'tokens'), 'utf8').catch(() => 'none')).toBe('none');
    facade.world.jobs.set(1, { ...job, id: 1, status: 'completed', conclusion: 'cancelled' });
    expect(await second.ended).toBe(0);
    expect(await readTokens()).toEqual([2]);
  });
});
