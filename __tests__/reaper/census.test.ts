// The listing loop by itself: how long it pauses before it asks for a page again, and that it ends.
import { expect, test } from '@jest/globals';
import type { ListAnswer } from '../../src/provider/contract.ts';
import type { Calls } from '../../src/reaper/calls.ts';
import { takeCensus } from '../../src/reaper/census.ts';
import { createHalt } from '../../src/reaper/halt.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createApp } from '../support/reaper-harness.ts';

/** A listing whose nth request is answered by `answer`, and the instants of its requests. */
function listing(answer: (request: number) => ListAnswer) {
  const manual = createManualClock();
  const clock = { ...manual, random: () => 0.5 };
  const deadlineSignal = new AbortController().signal;
  const halt = createHalt({ clock, deadlineSignal, leaseSignal: null });
  const askedAtMs: number[] = [];
  const list: Calls['list'] = async () => {
    askedAtMs.push(clock.monotonicMs());
    return answer(askedAtMs.length);
  };
  const census = takeCensus({ calls: { list } as Calls, clock, halt }).finally(() => halt.dispose());
  return { census, askedAtMs, manual };
}

test('a page without a clear answer is asked for four times at most, after pauses that grow and vary by chance', async () => {
  const { census, askedAtMs, manual } = listing(() => ({
    kind: 'ambiguous',
    meta: { status: 500 },
    detail: 'oops',
  }));
  await manual.advance(60_000);
  expect(await census).toMatchObject({ isComplete: false, failure: 'ambiguous' });
  // Half of 1 s, 2 s and 4 s: the chance is a half.
  expect(askedAtMs).toEqual([0, 500, 1500, 3500]);
});

test('a listing that always has one more page with one more app ends after a thousand', async () => {
  const { census, askedAtMs } = listing((request) => ({
    kind: 'page',
    meta: { status: 206 },
    apps: [createApp(`app-${request}`)],
    next: `page-${request}`,
  }));
  expect(await census).toMatchObject({
    isComplete: false,
    problem: 'there are more than 1000 pages',
    pages: 1000,
  });
  expect(askedAtMs).toHaveLength(1000);
});
