// The places over which the store suites run on GitHub: the REST facade over real git and over a model in memory, calm and
// hostile. Time is hurried, so that backoffs and polls take moments; each handle has a token of its own, as each job has.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { createGitHubStore, type GitHubStore } from '../../src/store/drivers/github.ts';
import type { SilentStore, StoreSubject, StoreWorld } from '../conformance/store-suite.ts';
import { createHurriedClock } from './github-clock.ts';
import { startGitHubFacade } from './github-facade.ts';
import { calm, type FaultPlan, isMove } from './github-faults.ts';
import { createMemoryRepository, createRealRepository } from './github-repository.ts';
import { createManualClock } from './manual-clock.ts';

export interface GitHubHandleOptions {
  apiUrl: string;
  token: string;
  clock: Clock;
  pollMs?: number;
  requestTimeoutMs?: number;
}

/** A store handle as one job has it. */
export function openGitHubHandle(options: GitHubHandleOptions): GitHubStore {
  const { apiUrl, token, clock, pollMs = 2_000, requestTimeoutMs = 200_000 } = options;
  const client = createGitHubClient({ apiUrl, token, clock, requestTimeoutMs, userAgent: 'lockstep-test' });
  const repository = { owner: 'octo', repo: 'demo' };
  return createGitHubStore({ client, repository, clock, pollMs, operationTimeoutMs: 600_000 });
}

export interface GitHubSubjectOptions {
  name: string;
  backend: 'git' | 'memory';
  /** Made anew for each case; calm unless given. */
  plan?: () => FaultPlan;
}

/** A suite subject; disposing a world fails where the facade said something that GitHub's document forbids. */
export function createGitHubSubject({
  name,
  backend,
  plan = () => calm,
}: GitHubSubjectOptions): StoreSubject {
  return { name, settleMs: 20_000, create: () => createGitHubWorld(backend, plan()) };
}

async function createGitHubWorld(backend: 'git' | 'memory', plan: FaultPlan): Promise<StoreWorld> {
  const directory = backend === 'git' ? await mkdtemp(join(tmpdir(), 'lockstep-github-')) : null;
  const git = directory === null ? createMemoryRepository() : createRealRepository(directory);
  const facade = await startGitHubFacade({ git });
  facade.plan = plan;
  const clock = createHurriedClock(100);
  let handles = 0;
  const { apiUrl } = facade;
  return {
    async open() {
      handles += 1;
      return openGitHubHandle({ apiUrl, token: `token-${handles}`, clock });
    },
    async silence(): Promise<SilentStore> {
      let onSent: () => void = () => undefined;
      const sent = new Promise<void>((resolve) => {
        onSent = resolve;
      });
      let isSilent = false;
      facade.plan = (request) => {
        if (request.token !== 'token-silent') return plan(request);
        if (isMove(request)) isSilent = true;
        if (isMove(request)) onSent();
        return isSilent ? { kind: 'hang', applied: true } : undefined;
      };
      const manual = createManualClock();
      const store = openGitHubHandle({ apiUrl, token: 'token-silent', clock: manual });
      return { store, sent, passDeadline: () => manual.advance(600_000) };
    },
    async loseReply() {
      let isLost = false;
      facade.plan = (request) => {
        if (request.token !== 'token-losing') return plan(request);
        const isFirst = isMove(request) && !isLost;
        isLost ||= isFirst;
        // Nor can it be read what became of it: then the driver has to admit that it does not know.
        return isFirst ? { kind: 'drop-after' } : isLost ? { kind: 'drop-before' } : undefined;
      };
      return openGitHubHandle({ apiUrl, token: 'token-losing', clock });
    },
    async disconnect() {
      let failures = 0;
      facade.plan = (request) => {
        if (request.token !== 'token-cut' || failures === 0) return plan(request);
        failures -= 1;
        return { kind: 'drop-before' };
      };
      const store = openGitHubHandle({ apiUrl, token: 'token-cut', clock });
      return {
        store,
        async cut() {
          // More than a read is tried, so that the watch itself sees the failure.
          failures = 4;
        },
      };
    },
    async dispose() {
      await facade.close();
      if (directory !== null) await rm(directory, { recursive: true, force: true });
      if (facade.violations.length > 0) throw new Error(facade.violations.slice(0, 3).join('\n'));
    },
  };
}
