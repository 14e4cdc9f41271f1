import { expect, test } from '@jest/globals';
import { insist } from '../../src/app/store-patience.ts';
import { createDeadline } from '../../src/base/deadline.ts';
import {
  AuthError,
  CancelledError,
  IndeterminateError,
  ThrottledError,
  UnavailableError,
} from '../../src/base/errors.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { drive } from '../support/reaper-harness.ts';

/** Calls something that fails so often, with a budget of a minute. */
function insistOn(
  error: Error,
  { failures, isRead = false, parent }: { failures: number; isRead?: boolean; parent?: AbortSignal },
) {
  const clock = createManualClock();
  const deadline = createDeadline({
    clock,
    timeoutMs: 60_000,
    waitingFor: 'it',
    ...(parent ? { parent } : {}),
  });
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const logger = { error: say, warn: say, info: say, debug: say };
  let calls = 0;
  const work = insist({ clock, logger, signal: deadline.signal, isRead }, async () => {
    calls += 1;
    if (calls <= failures) throw error;
    return calls;
  });
  return { result: drive(clock, work, { deadline, isClockShared: true }), said, clock, calls: () => calls };
}

test('a store that is out of reach is asked again until it answers, and that is said once', async () => {
  const { result, said } = insistOn(new UnavailableError('connection \u001b[1mreset'), { failures: 9 });
  expect(await result).toBe(10);
  expect(said).toEqual([
    expect.stringMatching(/^the store does not answer; trying again: connection \\x1b\[1mreset$/),
  ]);
});

test('at the end of the time it is the store that failed, not the time', async () => {
  const { result, clock } = insistOn(new UnavailableError('down'), { failures: Number.POSITIVE_INFINITY });
  await expect(result).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/in time: down/),
  });
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(60_000);
});

test('whoever gives up meanwhile is told their own reason', async () => {
  const giving = new AbortController();
  const { result } = insistOn(new UnavailableError('down'), { failures: 1e9, parent: giving.signal });
  giving.abort(new CancelledError('enough'));
  await expect(result).rejects.toThrow('enough');
});

test.each([
  ['no permission', new AuthError('no'), false, 1],
  ['to slow down', new ThrottledError('slow', { retryAtMs: null }), false, 1],
  ['of a write in doubt', new IndeterminateError('open'), false, 1],
  ['of a read in doubt', new IndeterminateError('open'), true, 3],
])(
  'an error that tells %s ends the matter where nothing says that the call may be made again',
  async (_, error, isRead, calls) => {
    const insisting = insistOn(error, { failures: 2, isRead });
    if (calls === 1) await expect(insisting.result).rejects.toBe(error);
    else await insisting.result;
    expect(insisting.calls()).toBe(calls);
  },
);
