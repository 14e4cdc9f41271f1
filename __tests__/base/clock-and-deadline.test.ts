import { describe, expect, test } from '@jest/globals';
import { abortReason, sleep, systemClock } from '../../src/base/clock.ts';
import { createDeadline, withTimeout } from '../../src/base/deadline.ts';
import { CancelledError, DeadlineError, hasCode, IndeterminateError } from '../../src/base/errors.ts';
import { createManualClock } from '../support/manual-clock.ts';

describe('the system clock', () => {
  test('calls back once, and not after being cancelled', async () => {
    let calls = 0;
    const cancelled = systemClock.startTimer(0, () => {
      calls += 1;
    });
    cancelled.cancel();
    await new Promise<void>((resolve) => systemClock.startTimer(1, resolve));
    expect(calls).toBe(0);
  });

  test('does not fire a delay beyond what node can count at once', async () => {
    let fired = false;
    const timer = systemClock.startTimer(2 ** 31 + 5, () => {
      fired = true;
    });
    await new Promise<void>((resolve) => systemClock.startTimer(2, resolve));
    timer.cancel();
    expect(fired).toBe(false);
  });
});

describe('sleep', () => {
  test('rejects at once with the reason of its signal and leaves no timer', async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const sleeping = sleep(clock, 1000, controller.signal);
    expect(clock.pendingTimers).toBe(1);
    controller.abort(new DeadlineError('a test'));
    await expect(sleeping).rejects.toMatchObject({ code: 'deadline', waitedFor: 'a test' });
    expect(clock.pendingTimers).toBe(0);
  });

  test('a bare abort becomes a CancelledError', () => {
    expect(hasCode(abortReason(AbortSignal.abort()), 'cancelled')).toBe(true);
  });
});

describe('a deadline', () => {
  test('counts down on the monotonic clock and then aborts with what was waited for', async () => {
    const clock = createManualClock();
    const deadline = createDeadline({ clock, timeoutMs: 1000, waitingFor: 'the lease' });
    await clock.advance(400);
    clock.jumpWall(1e9);
    expect(deadline.remainingMs()).toBe(600);
    await clock.advance(600);
    expect(deadline.signal.reason).toBeInstanceOf(DeadlineError);
    expect(() => deadline.throwIfPassed()).toThrow('the lease');
    deadline.dispose();
  });

  test("joins the parent's cancellation, reason and all", () => {
    const parent = new AbortController();
    const deadline = createDeadline({
      clock: createManualClock(),
      timeoutMs: 1000,
      waitingFor: 'x',
      parent: parent.signal,
    });
    parent.abort(new CancelledError('stopped', { signalName: 'SIGTERM' }));
    expect(deadline.signal.reason).toMatchObject({ code: 'cancelled', signalName: 'SIGTERM' });
    deadline.dispose();
  });

  test('leaves no timer when disposed', () => {
    const clock = createManualClock();
    const deadline = createDeadline({ clock, timeoutMs: 1000, waitingFor: 'x' });
    deadline.dispose();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('withTimeout', () => {
  test('settles in time although the operation ignores its signal', async () => {
    const clock = createManualClock();
    const settled = withTimeout(
      { clock, timeoutMs: 50, waitingFor: 'x', onTimeout: () => new IndeterminateError('who knows') },
      () => new Promise<never>(() => undefined),
    );
    const seen = expect(settled).rejects.toMatchObject({ code: 'indeterminate' });
    await clock.advance(50);
    await seen;
    expect(clock.pendingTimers).toBe(0);
  });

  test("the parent's own reason is passed on, not the timeout's", async () => {
    const parent = new AbortController();
    const settled = withTimeout(
      { clock: createManualClock(), timeoutMs: 50, waitingFor: 'x', parent: parent.signal },
      () => new Promise<never>(() => undefined),
    );
    const seen = expect(settled).rejects.toMatchObject({ code: 'cancelled' });
    parent.abort(new CancelledError('enough'));
    await seen;
  });

  test('gives the result and disposes its timer', async () => {
    const clock = createManualClock();
    expect(await withTimeout({ clock, timeoutMs: 50, waitingFor: 'x' }, async () => 7)).toBe(7);
    expect(clock.pendingTimers).toBe(0);
  });
});
