// A matrix of jobs that all `reap` through the GitHub store, as steps of the runner harness: real processes, each with a token of
// its own, in waves as a plan's concurrency lets them start. The request logs of the API, the cache and the provider say what it
// cost. Used by the end-to-end tests on a small scale and by the bench on the real one.
import { type HerokuSandbox, startHerokuSandbox } from '../../src/app/demo/heroku-sandbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { ReapReport } from '../../src/reaper/contract.ts';
import { type CacheService, startCacheService } from './cache-service.ts';
import { type GitHubFacade, type LoggedRequest, startGitHubFacade } from './github-facade.ts';
import { calm, type FaultPlan } from './github-faults.ts';
import { createMemoryRepository } from './github-repository.ts';
import { createRunnerWorld, type RunnerStep, type RunnerWorld, type StepResult } from './runner.ts';

const API_KEY = 'HRKU-key-of-the-matrix-0123456789';

export interface MatrixSettings {
  /** How many of them may ask; null where jobs do not know their index. */
  readonly electors: number | null;
  readonly hasCache: boolean;
  readonly apps: number;
  /** How long each answer of the provider takes; four deletions at a time. */
  readonly latencyMs: number;
  readonly plan?: FaultPlan;
}

export interface Matrix {
  readonly facade: GitHubFacade;
  readonly cache: CacheService;
  readonly sandbox: HerokuSandbox;
  /** The machine that a job runs on; one each. */
  worldOf(index: number): RunnerWorld;
  /** One job's step; `more` wins. */
  runJob(index: number, more?: RunnerStep): Promise<StepResult>;
  /** The requests that one job sent to the API. */
  requestsOf(index: number): readonly LoggedRequest[];
  dispose(): Promise<void>;
}

/** The world of one workflow run. The caller disposes it. */
export async function startMatrix(settings: MatrixSettings): Promise<Matrix> {
  const { electors, hasCache, apps, latencyMs, plan = calm } = settings;
  const worlds = new Map<number, RunnerWorld>();
  const worldOf = (index: number): RunnerWorld => {
    const world = worlds.get(index) ?? createRunnerWorld();
    worlds.set(index, world);
    return world;
  };
  const facade = await startGitHubFacade({ git: createMemoryRepository(), name: 'octo/repo' });
  facade.plan = plan;
  const cache = await startCacheService();
  const seeds = Array.from({ length: apps }, (_, index) => ({
    name: `review-${index}`,
    ageMs: 9 * 86_400_000,
  }));
  const sandbox = await startHerokuSandbox({ clock: systemClock, apiKey: API_KEY, apps: seeds, latencyMs });
  const tokenOf = (index: number) => `ghs_TokenOfJob${String(index).padStart(4, '0')}OfTheMatrix0123456789`;
  return {
    facade,
    cache,
    sandbox,
    worldOf,
    runJob: (index, more = {}) =>
      worldOf(index).runStep({
        ...more,
        token: more.token ?? tokenOf(index),
        secrets: [API_KEY],
        env: {
          GITHUB_API_URL: facade.apiUrl,
          HEROKU_API_URL: sandbox.url,
          HEROKU_API_KEY: API_KEY,
          ...(hasCache ? cache.variables() : {}),
          ...more.env,
        },
        with: {
          command: 'reap',
          provider: 'heroku',
          match: 'review-.*',
          'older-than': '7d',
          apply: 'true',
          'job-index': electors === null ? '' : String(index),
          'job-total': electors === null ? '' : '256',
          electors: electors === null ? '' : String(electors),
          ...more.with,
        },
      }),
    requestsOf: (index) => facade.log.filter(({ token }) => token === tokenOf(index)),
    async dispose() {
      for (const world of worlds.values()) await world.dispose();
      await sandbox.close();
      await cache.close();
      await facade.close();
    },
  };
}

/** Runs jobs 0 to `jobs - 1`, `parallel` at a time; the next one starts when one has ended. */
export async function runWaves(
  matrix: Matrix,
  { jobs, parallel }: { jobs: number; parallel: number },
): Promise<ReapReport[]> {
  const reports: ReapReport[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < jobs; index = next++) {
      const step = await matrix.runJob(index);
      reports[index] = step.result<ReapReport>();
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, jobs) }, lane));
  return reports;
}
