import { describe, expect, test } from '@jest/globals';
import { type Call, runCall } from '../../src/store/call.ts';
import { createManualClock } from '../support/manual-clock.ts';

function start(options: { signal?: AbortSignal; operation: (call: Call) => Promise<string> }) {
  const clock = createManualClock();
  const settings = { clock, timeoutMs: 1000, signal: options.signal, what: 'compareAndSet a' };
  const outcome = runCall(settings, options.operation).catch((error: unknown) => error);
  return { clock, outcome };
}

const never = () => new Promise<string>(() => undefined);

describe('a call in its frame', () => {
  test('gives what the operation gives, and leaves no timer', async () => {
    const { clock, outcome } = start({ operation: async () => 'done' });
    expect(await outcome).toBe('done');
    expect(clock.pendingTimers).toBe(0);
  });

  test("passes the operation's own error on", async () => {
    const { clock, outcome } = start({ operation: () => Promise.reject(new Error('own')) });
    expect(await outcome).toMatchObject({ message: 'own' });
    expect(clock.pendingTimers).toBe(0);
  });

  test('is unavailable when its deadline passes before anything was sent', async () => {
    const { clock, outcome } = start({ operation: never });
    await clock.advance(1000);
    expect(await outcome).toMatchObject({
      code: 'unavailable',
      message: 'compareAndSet a: no answer within 1000 ms',
    });
  });

  test('is indeterminate when its deadline passes after sending', async () => {
    const { clock, outcome } = start({
      operation(call) {
        call.sending();
        return never();
      },
    });
    await clock.advance(1000);
    expect(await outcome).toMatchObject({ code: 'indeterminate', cause: { code: 'unavailable' } });
  });

  test.each([
    [false, 'the reason'],
    [true, 'compareAndSet a: no answer, the outcome is open'],
  ])('ends at once with an abort; sent: %s', async (isSent, message) => {
    const abort = new AbortController();
    const { clock, outcome } = start({
      signal: abort.signal,
      operation(call) {
        if (isSent) call.sending();
        return never();
      },
    });
    abort.abort(new Error('the reason'));
    expect(await outcome).toMatchObject({ message });
    expect(clock.pendingTimers).toBe(0);
  });

  test('lets nothing be sent that was reported as not sent', async () => {
    const abort = new AbortController();
    let late: () => void = () => undefined;
    let isSent = false;
    const { outcome } = start({
      signal: abort.signal,
      async operation(call) {
        await new Promise<void>((resolve) => {
          late = resolve;
        });
        call.sending();
        isSent = true;
        return 'sent';
      },
    });
    abort.abort(new Error('enough'));
    expect(await outcome).toMatchObject({ message: 'enough' });
    late();
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSent).toBe(false);
  });

  test('tells the operation that it was given up', async () => {
    let given: AbortSignal | undefined;
    const { clock, outcome } = start({
      operation(call) {
        given = call.signal;
        return never();
      },
    });
    await clock.advance(1000);
    await outcome;
    expect(given?.aborted).toBe(true);
  });
});
