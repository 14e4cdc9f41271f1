// How a turn is asked for; what the lease makes of it is tested there.
import { describe, expect, test } from '@jest/globals';
import { nullLogger } from '../../src/base/logger.ts';
import type { TryAcquireOptions, TryAcquireResult } from '../../src/lease/contract.ts';
import type { ReapEvent } from '../../src/reaper/contract.ts';
import type { Run } from '../../src/reaper/run.ts';
import { takeTurn } from '../../src/reaper/turn.ts';
import { HOLDER } from '../support/lease-scripted-store.ts';
import { createManualClock } from '../support/manual-clock.ts';

/** A turn where the lease stays busy, after an observation of `observedMs` if that is allowed. */
function busyTurn(whenBusy: 'skip' | 'wait', observedMs: number) {
  const clock = createManualClock();
  const events: ReapEvent[] = [];
  const asked: TryAcquireOptions[] = [];
  const tryAcquire = async (_: string, options: TryAcquireOptions): Promise<TryAcquireResult> => {
    asked.push(options);
    if (observedMs > 0 && options.observeSuspect) {
      options.observeSuspect.onObserve?.({ ...HOLDER, text: 'job \u001b[31m1' });
      await clock.advance(observedMs);
    }
    return { acquired: false, holder: HOLDER, view: { revision: null, record: null }, retryAfterMs: 1 };
  };
  const options = {
    lease: {
      manager: { read: never, tryAcquire, acquire: never },
      key: 'k',
      leaseMs: 60_000,
      holder: async () => HOLDER,
      pollMs: 700,
      whenBusy,
    },
    identity: 'me',
    everyMs: 0,
    clock,
    logger: nullLogger,
    deadline: { signal: new AbortController().signal },
    storeRequests: () => 1,
    onEvent: (event: ReapEvent) => void events.push(event),
  } as unknown as Run['options'];
  const run: Run = { options, startMs: 0, waitedMs: 0, holder: null, token: null, sight: null };
  return { turn: takeTurn(run, null, null), run, asked, events };
}
const never = () => Promise.reject(new Error('not asked for'));

describe('a turn', () => {
  test('that leaves when it is busy has a silent holder observed, says so, and counts the time as waited', async () => {
    const { turn, run, asked, events } = busyTurn('skip', 5000);
    expect(await turn).toMatchObject({ report: { outcome: 'skipped', reason: 'busy', waitedMs: 5000 } });
    expect(asked[0]?.observeSuspect?.pollMs).toBe(700);
    expect(events[0]).toMatchObject({
      kind: 'note',
      message: expect.stringMatching(/^job .*1 has not renewed/),
    });
    expect(JSON.stringify(events)).not.toContain('\\u001b');
    expect(run.waitedMs).toBe(5000);
  });

  test('that leaves before a living holder waited for nothing', async () => {
    const { turn } = busyTurn('skip', 0);
    expect(await turn).toMatchObject({ report: { reason: 'busy', waitedMs: 0 } });
  });

  test('that waits anyway has nothing observed before', async () => {
    const { turn, asked } = busyTurn('wait', 5000);
    await expect(turn).rejects.toThrow('not asked for');
    expect(asked[0]).not.toHaveProperty('observeSuspect');
  });
});
