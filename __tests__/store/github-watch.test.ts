// When a watch on GitHub looks: on a clock moved by hand, with a client that only says what the next look meets.
import { describe, expect, test } from '@jest/globals';
import { ThrottledError, UnavailableError } from '../../src/base/errors.ts';
import type { GitHubClient } from '../../src/github/client.ts';
import { createGitHubStore } from '../../src/store/drivers/github.ts';
import { createManualClock } from '../support/manual-clock.ts';

const POLL_MS = 15_000;

/** The instants at which a watch looks for `forMs`, where each look meets what `meet` throws. */
async function looks(given: { chance: number; forMs: number; meet?: (look: number) => Error | null }) {
  const clock = createManualClock();
  const atMs: number[] = [];
  const client: Pick<GitHubClient, 'read'> = {
    async read() {
      atMs.push(clock.monotonicMs());
      const error = given.meet?.(atMs.length) ?? null;
      if (error) throw error;
      return { kind: 'missing' };
    },
  };
  const store = createGitHubStore({
    client: client as GitHubClient,
    repository: { owner: 'octo', repo: 'demo' },
    clock: { ...clock, random: () => given.chance },
    pollMs: POLL_MS,
  });
  const ending = new AbortController();
  const watch = store.watch('default/lock/deploy', { signal: ending.signal });
  await clock.advance(given.forMs);
  ending.abort();
  await clock.advance(0);
  expect(clock.pendingTimers).toBe(0);
  return { atMs, watch };
}

describe('a watch on GitHub looks', () => {
  test.each([
    [0, 12_000],
    [0.5, 15_000],
    [1 - 2 ** -32, 18_000],
  ])(
    'each poll interval with jitter, so that a crowd spreads: chance %d gives %d ms',
    async (chance, stepMs) => {
      const { atMs } = await looks({ chance, forMs: 3 * stepMs });
      expect(atMs.map(Math.round)).toEqual([0, stepMs, 2 * stepMs, 3 * stepMs]);
    },
  );

  test('ever more seldom while it fails, and as often as before once it succeeds', async () => {
    const meet = (look: number) => (look <= 4 ? new UnavailableError('no answer') : null);
    const { atMs } = await looks({ chance: 0.5, forMs: 600_000, meet });
    const waits = atMs.slice(1).map((at, index) => at - (atMs[index] ?? 0));
    expect(waits.slice(0, 3)).toEqual([...waits.slice(0, 3)].sort((a, b) => a - b));
    expect(waits[2]).toBeGreaterThan(2 * POLL_MS);
    expect(new Set(waits.slice(4))).toEqual(new Set([POLL_MS]));
  });

  test('not before the time that GitHub asks for', async () => {
    const meet = (look: number) =>
      look === 1 ? new ThrottledError('limited', { retryAtMs: 300_000 }) : null;
    const { atMs } = await looks({ chance: 0.5, forMs: 400_000, meet });
    expect(atMs[1]).toBeGreaterThanOrEqual(300_000);
  });
});
