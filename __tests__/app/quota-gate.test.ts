// The bill of a gate against the log of real ones over the REST facade: never less than what was counted, nor two and a half times of it.
// The jobs run in this process, each with a token of its own, on a clock in a hurry.
import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import { gateCost } from '../../src/app/quota-model.ts';
import { sleep } from '../../src/base/clock.ts';
import { passGateJob } from '../support/gate-job.ts';
import { createHurriedClock } from '../support/github-clock.ts';
import { startGitHubFacade } from '../support/github-facade.ts';
import { createMemoryRepository } from '../support/github-repository.ts';

const HURRY = 15;
/** GitHub's default; the bill of `doctor` counts with it. */
const POLL_MS = 15_000;

interface Counted {
  readonly outcomes: readonly string[];
  readonly requests: number;
  readonly waitMs: number;
}

/** One gate; its members come `everyMs` apart, and are ready as far apart. */
async function count(size: number, everyMs: number): Promise<Counted> {
  const facade = await startGitHubFacade({ git: createMemoryRepository() });
  const clock = createHurriedClock(HURRY);
  const members = Array.from({ length: size }, (_, index) => `m${10 + index}`);
  members.forEach((member, index) => {
    const about = { name: `deploy (${member})`, status: 'in_progress', runId: 7, runAttempt: 1 } as const;
    facade.world.jobs.set(100 + index, { id: 100 + index, ...about });
  });
  try {
    const startMs = clock.monotonicMs();
    const reports = await Promise.all(
      members.map(async (member, index) => {
        await sleep(clock, index * everyMs);
        const order = { apiUrl: facade.apiUrl, folder: tmpdir(), member, members, jobId: 100 + index };
        return passGateJob({ ...order, runId: 7, attempt: 1, hurry: HURRY, inputs: { migrate: 'true' } });
      }),
    );
    expect(facade.violations).toEqual([]);
    return {
      outcomes: reports.map(({ outcome }) => outcome),
      requests: facade.countOf(({ isCounted }) => isCounted),
      waitMs: clock.monotonicMs() - startMs,
    };
  } finally {
    await facade.close();
  }
}

test('the bill of a gate of 12 that come at once, and of 5 that come one by one, is what they cost, or up to two and a half times of it', async () => {
  const gates = [
    { size: 12, everyMs: 0 },
    { size: 5, everyMs: 16_000 },
  ];
  const all = await Promise.all(gates.map(({ size, everyMs }) => count(size, everyMs)));
  all.forEach(({ outcomes, requests, waitMs }, at) => {
    const { size: members = 0, everyMs = 0 } = gates[at] ?? {};
    expect(outcomes).toEqual(outcomes.map(() => 'open'));
    const bill = (lastedMs: number) => gateCost({ members, waitMs: lastedMs, pollMs: POLL_MS }).requests;
    expect(bill(waitMs)).toBeGreaterThanOrEqual(requests);
    // By the plan: while a busy machine stands still the clock runs on, and nobody asks anything.
    expect(bill((members - 1) * everyMs + POLL_MS)).toBeLessThanOrEqual(2.5 * requests);
  });
}, 60_000);
