// Target 8 in virtual time: 20 tokens are left, 40 apps are to go, and the server refuses what its bucket does not hold.
import { setMaxListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../src/base/clock.ts';
import type { RateSignal } from '../../src/throttle/contract.ts';
import { createThrottle } from '../../src/throttle/throttle.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';

const LIMIT = 4500;
const REFILL_MS = 800;

/** A token bucket as Heroku's: refills continuously, and tells what remains unless it is mute. */
function createServer(clock: ManualClock, { tokens, isMute = false }: { tokens: number; isMute?: boolean }) {
  let left = tokens;
  let atMs = clock.monotonicMs();
  const counts = { accepted: 0, refused: 0 };
  const handle = (cost = 1): RateSignal => {
    left = Math.min(LIMIT, left + (clock.monotonicMs() - atMs) / REFILL_MS);
    atMs = clock.monotonicMs();
    const isAccepted = left >= cost - 1e-9;
    if (isAccepted) left -= cost;
    counts[isAccepted ? 'accepted' : 'refused'] += 1;
    return {
      throttled: !isAccepted,
      ...(isMute ? {} : { remaining: Math.floor(left + 1e-9), limit: LIMIT }),
    };
  };
  return { counts, handle };
}

async function clear(options: {
  tokens: number;
  work: number;
  concurrency: number;
  latencyMs: number;
  isMute?: boolean;
}) {
  const clock = createManualClock();
  const server = createServer(clock, options);
  const throttle = createThrottle({
    settings: { emissionIntervalMs: REFILL_MS, burst: LIMIT, reserve: 0 },
    clock,
  });
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  let left = options.work;
  const call = async () => {
    await throttle.take({ signal });
    await sleep(clock, options.latencyMs * (0.25 + 0.5 * clock.random()));
    const answer = server.handle();
    await sleep(clock, options.latencyMs * (0.25 + 0.5 * clock.random()));
    throttle.observe(answer);
    return !answer.throttled;
  };
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      if (!(await call())) left += 1;
    }
  };
  let isDone = false;
  // One listing comes first, as in a sweep: it tells what remains.
  const all = (async () => {
    while (!(await call()));
    await Promise.all(Array.from({ length: options.concurrency }, worker));
    isDone = true;
  })();
  while (!isDone) await clock.advanceToNext();
  await all;
  const idealMs = Math.max(0, options.work + 1 - options.tokens) * REFILL_MS;
  return { tookMs: clock.monotonicMs(), idealMs, ...server.counts };
}

describe('a starved budget', () => {
  test.each([
    [1, 30],
    [4, 30],
    [4, 150],
    [4, 400],
    [8, 150],
    [16, 600],
  ])(
    'of 20 tokens is spent on 40 deletions by %d workers at %d ms a call in 1.15 times the ideal time',
    async (concurrency, latencyMs) => {
      const run = await clear({ tokens: 20, work: 40, concurrency, latencyMs });
      expect(run.accepted).toBe(41);
      expect(run.refused / (run.refused + run.accepted)).toBeLessThanOrEqual(0.05);
      expect(run.tookMs).toBeLessThanOrEqual(run.idealMs * 1.15);
    },
  );

  test('that is empty at the start costs one refusal', async () => {
    const run = await clear({ tokens: 0, work: 40, concurrency: 4, latencyMs: 100 });
    expect(run.refused).toBeLessThanOrEqual(2);
    expect(run.tookMs).toBeLessThanOrEqual(run.idealMs * 1.15);
  });

  test('of a provider that tells nothing is found out by few refusals', async () => {
    const run = await clear({ tokens: 20, work: 40, concurrency: 4, latencyMs: 100, isMute: true });
    expect(run.accepted).toBe(41);
    expect(run.refused).toBeLessThanOrEqual(8);
    expect(run.tookMs).toBeLessThanOrEqual(run.idealMs * 2);
  });
});
