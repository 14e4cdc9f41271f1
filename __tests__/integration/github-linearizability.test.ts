// Several jobs write one key on GitHub in bad weather: lost answers, work that is done long after it was given up, refusals
// without a reason, stale reads. What the driver then says (done, lost, unknown) must be explainable by one register. Reads
// are only the way to an expectation here, since they may be stale; the last one is calm and counts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Entry } from '../../src/store/contract.ts';
import type { GitHubStore } from '../../src/store/drivers/github.ts';
import { createHurriedClock } from '../support/github-clock.ts';
import { startGitHubFacade } from '../support/github-facade.ts';
import { calm, randomFaults } from '../support/github-faults.ts';
import { createMemoryRepository, createRealRepository } from '../support/github-repository.ts';
import { openGitHubHandle } from '../support/github-worlds.ts';
import { checkLinearizable, type RegisterCall } from '../support/store-linearizability.ts';

const KEY = 'default/lock/contended';
const MIN_DONE = 6;
const clock = createHurriedClock(100);

/** One job: reads, writes on what it read (or lately read), and writes down what it was told. */
async function contend(store: GitHubStore, job: string, about: { writes: number; history: RegisterCall[] }) {
  let seen: Entry | null = null;
  // Who wins is a matter of moments: they go on until there is something to judge.
  const isEmpty = () => about.history.filter(({ outcome }) => outcome === 'ok').length < MIN_DONE;
  for (let n = 0; n < about.writes || (isEmpty() && n < 10 * about.writes); n += 1) {
    // Now and then on what is surely old by now.
    if (n % 3 !== 2) seen = await store.get(KEY).catch(() => seen);
    const value = `${job}-${n}`;
    const startNs = process.hrtime.bigint();
    const outcome = await store.compareAndSet(KEY, seen?.revision ?? null, value).then(
      ({ ok }) => (ok ? 'ok' : 'lost'),
      (error: { code?: string }) => (error.code === 'unavailable' ? 'nothing' : 'unknown'),
    );
    // UnavailableError says that nothing was applied: it must not show up either.
    if (outcome === 'nothing') continue;
    const call = { process: job, kind: 'cas', expect: seen?.value ?? null, value, startNs } as const;
    about.history.push({ ...call, outcome, endNs: process.hrtime.bigint() });
  }
}

describe('writes on GitHub in bad weather', () => {
  test.each<['git' | 'memory', number]>([
    ...Array.from({ length: 12 }, (_, seed): ['memory', number] => ['memory', seed + 1]),
    ['git', 13],
  ])('over %s, seed %d: every answer is that of one register', async (backend, seed) => {
    const folder = backend === 'git' ? await mkdtemp(join(tmpdir(), 'lockstep-linear-')) : null;
    const facade = await startGitHubFacade({
      git: folder ? createRealRepository(folder) : createMemoryRepository(),
    });
    facade.plan = randomFaults({ seed, share: 0.25 });
    const stores = Array.from({ length: 5 }, (_, job) =>
      openGitHubHandle({ apiUrl: facade.apiUrl, token: `token-${job}`, clock }),
    );
    const history: RegisterCall[] = [];
    const writes = backend === 'git' ? 6 : 12;
    await Promise.all(stores.map((store, job) => contend(store, `job${job}`, { writes, history })));
    facade.plan = calm;
    const startNs = process.hrtime.bigint();
    const found = (await stores[0]?.get(KEY))?.value ?? null;
    history.push({
      process: 'reader',
      kind: 'get',
      found,
      outcome: 'ok',
      startNs,
      endNs: process.hrtime.bigint(),
    });
    await Promise.all(stores.map((store) => store.close()));
    await facade.close();
    if (folder) await rm(folder, { recursive: true, force: true });

    const outcomes = (outcome: string) => history.filter((call) => call.outcome === outcome).length;
    expect(outcomes('ok')).toBeGreaterThanOrEqual(MIN_DONE);
    expect(checkLinearizable(history)).toMatchObject({ isLinearizable: true });
    expect(facade.violations).toEqual([]);
  });
});
