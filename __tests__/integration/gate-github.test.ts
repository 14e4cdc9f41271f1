// The gate over the GitHub store as jobs of a matrix pass it: a process each, with a token of its own, against the REST facade.
// Nobody beats there: that a job is over is asked of the jobs API. What a gate costs is read off the facade's log.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gateCost } from '../../src/app/quota-model.ts';
import type { GateReport } from '../../src/gate/report.ts';
import { makeTestFolder } from '../support/folder.ts';
import type { GateJobOrder } from '../support/gate-job.ts';
import { type GitHubFacade, startGitHubFacade } from '../support/github-facade.ts';
import { createMemoryRepository, type GitBackend } from '../support/github-repository.ts';

const project = resolve(import.meta.dirname, '..', '..');
const start = [
  '--import',
  join(project, 'scripts/register-ts.js'),
  join(project, '__tests__/support/gate-job.ts'),
];
const RUN = 7;
const TIMEOUT_MS = 60_000;
/** From the first process to the last one, by their own clocks. */
const STARTS_MS = 10_000;
const MIGRATE = 'echo "$LOCKSTEP_FENCING_TOKEN $LOCKSTEP_GATE_TO" >> runs; echo "$LOCKSTEP_GATE_TO" > db';
const PROBE = `command:sh -c 'printf "{\\"schema\\":\\"%s\\"}" "$(cat db 2>/dev/null || echo 40)"'`;

interface Job {
  readonly id: number;
  readonly child: ChildProcess;
  readonly report: Promise<GateReport>;
  /** Resolves once its log matches; never where it ends before. */
  until(pattern: RegExp): Promise<void>;
}

let git: GitBackend;
let facade: GitHubFacade;
let folder: string;
let children: ChildProcess[];

beforeEach(async () => {
  git = createMemoryRepository();
  facade = await startGitHubFacade({ git });
  folder = makeTestFolder();
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await facade.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the jobs API tells of a member's job. */
function list(member: string, attempt: number, conclusion?: 'success' | 'failure'): number {
  const id = facade.world.jobs.size + 100;
  const status = conclusion ? 'completed' : 'in_progress';
  const about = { id, name: `deploy (${member})`, status, runId: RUN, runAttempt: attempt } as const;
  facade.world.jobs.set(id, { ...about, ...(conclusion ? { conclusion } : {}) });
  return id;
}

function end(id: number, conclusion: 'success' | 'failure'): void {
  const job = facade.world.jobs.get(id);
  if (job) facade.world.jobs.set(id, { ...job, status: 'completed', conclusion });
}

function startJob(
  member: string,
  order: Pick<GateJobOrder, 'members' | 'inputs'> & { attempt?: number },
): Job {
  const { attempt = 1 } = order;
  const id = list(member, attempt);
  const whole: GateJobOrder = {
    ...order,
    ...{ apiUrl: facade.apiUrl, folder, member, jobId: id, runId: RUN, attempt, hurry: 10 },
  };
  const child = spawn(process.execPath, [...start, JSON.stringify(whole)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let [stdout, log] = ['', ''];
  const looks = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
    for (const look of looks) look();
  });
  const report = new Promise<GateReport>((done, fail) => {
    child.once('close', (exitCode) => {
      try {
        const parsed = JSON.parse(stdout) as GateReport;
        expect(exitCode).toBe(parsed.exitCode);
        // A job that ends well is over for the jobs API as well.
        end(id, exitCode === 0 ? 'success' : 'failure');
        done(parsed);
      } catch (error) {
        fail(new Error(`${member} ended with ${exitCode}: ${log}`, { cause: error }));
      }
    });
  });
  report.catch(() => undefined);
  return {
    id,
    child,
    report,
    until: (pattern) =>
      new Promise((done) => {
        const look = () => {
          if (pattern.test(log)) done();
        };
        looks.add(look);
        look();
      }),
  };
}

/** How often the board was changed. */
async function chainLength(): Promise<number> {
  const [board, ...others] = await git.listRefs('refs/lockstep/');
  expect(others).toEqual([]);
  let length = 0;
  for (let at = board?.sha; at !== undefined; at = (await git.readCommit(at))?.parents[0]) length += 1;
  return length;
}

const reportsOf = (jobs: readonly Job[]) => Promise.all(jobs.map(({ report }) => report));
const runs = () => {
  const path = join(folder, 'runs');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
};

describe('a matrix passes a gate over the GitHub store', () => {
  test(
    'one migrates and all open, for at most 2N + 1 changes of the board and no more requests than the bill says',
    async () => {
      const members = ['a', 'b', 'c', 'd', 'e'];
      const inputs = { migrate: MIGRATE, 'schema-probe': PROBE };
      const reports = await reportsOf(members.map((member) => startJob(member, { members, inputs })));
      expect(reports.map(({ outcome }) => outcome)).toEqual(members.map(() => 'open'));
      expect(reports.filter(({ committed }) => committed)).toMatchObject([{ token: 1 }]);
      expect(runs()).toEqual(['1 42']);

      // Each change is a commit on the board's chain; an answer that comes late may cost a request twice, but no change.
      expect(await chainLength()).toBeLessThanOrEqual(2 * members.length + 1);
      // What `doctor` says beforehand; every request is one of a known job.
      const waitMs = Math.max(...reports.map(({ waitedMs }) => waitedMs)) + STARTS_MS;
      const bill = gateCost({ members: members.length, waitMs, pollMs: 15_000 });
      expect(facade.countOf(({ isCounted }) => isCounted)).toBeLessThanOrEqual(bill.requests);
      expect(new Set(facade.log.map(({ token }) => token)).size).toBe(members.length);
      expect(facade.violations).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'a committer whose job dies is found out by the jobs API: its migration is adopted, it is LOST for the others, and a re-run opens',
    async () => {
      const members = ['a', 'b', 'c'];
      const inputs = {
        migrate: `${MIGRATE}; echo $$ > pid; echo hanging; sleep 60`,
        'schema-probe': PROBE,
        poll: '5s',
      };
      const jobs = members.map((member) => startJob(member, { members, inputs }));
      const dead = await Promise.any(jobs.map((job) => job.until(/hanging/).then(() => job)));
      const others = jobs.filter((job) => job !== dead);
      dead.child.kill('SIGKILL');
      // What a job leaves running is beyond any gate; here it only waits.
      process.kill(-Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGKILL');
      end(dead.id, 'failure');
      const name = members[jobs.indexOf(dead)] ?? '';
      const reports = await reportsOf(others);
      expect(reports).toEqual(
        others.map(() => expect.objectContaining({ code: 'member-lost', exitCode: 20, lost: [name] })),
      );
      expect(reports.filter(({ committed }) => committed)).toMatchObject([{ token: 2 }]);
      expect(reports[0]?.members.find((member) => member.name === name)).toMatchObject({
        state: 'lost',
        detail: expect.stringContaining('failure'),
      });

      const again = await reportsOf(
        members.map((member) => startJob(member, { members, inputs, attempt: 2 })),
      );
      expect(again.map(({ outcome, epoch }) => [outcome, epoch])).toEqual(members.map(() => ['open', 2]));
      expect(runs()).toEqual(['1 42']);
      expect(facade.violations).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'a member whose job failed before the gate ends the wait of the others long before their deadline',
    async () => {
      const members = ['a', 'b', 'c'];
      list('c', 1, 'failure');
      const jobs = ['a', 'b'].map((member) => startJob(member, { members }));
      const reports = await reportsOf(jobs);
      expect(reports).toEqual(
        jobs.map(() => expect.objectContaining({ code: 'member-lost', exitCode: 20, lost: ['c'] })),
      );
      for (const { waitedMs } of reports) expect(waitedMs).toBeLessThan(1_800_000);
    },
    TIMEOUT_MS,
  );

  test(
    'more than 40 members are refused by the name of the input, with the cure, before anything is sent',
    async () => {
      const members = Array.from({ length: 41 }, (_, index) => `m${index}`);
      const job = startJob('m0', { members });
      await expect(job.report).rejects.toThrow(
        /members.*at most 40 members.*redis:\/\/, postgres:\/\/ or etcd:\/\//s,
      );
      expect(facade.log).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
