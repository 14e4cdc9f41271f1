import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createBackoff, jitter } from '../../src/base/backoff.ts';
import { deepFreeze, parseJsonObject, readFields } from '../../src/base/codec.ts';
import {
  CancelledError,
  ConfigError,
  CorruptRecordError,
  exitCodeOf,
  hasCode,
  LeaseLostError,
  toError,
  UnavailableError,
} from '../../src/base/errors.ts';
import { hashIdentity } from '../../src/base/identity.ts';
import { retry } from '../../src/base/retry.ts';
import { createManualClock } from '../support/manual-clock.ts';

describe('errors', () => {
  test.each([
    [new ConfigError([{ option: '--match', message: 'is required' }]), 2],
    [new LeaseLostError('x'), 8],
    [new CorruptRecordError('x'), 9],
    [new CancelledError('x', { signalName: 'SIGINT' }), 130],
    [new CancelledError('x', { signalName: 'SIGTERM' }), 143],
    [new TypeError('a bug'), 1],
    ['a string', 1],
    [undefined, 1],
  ])('%s ends with exit code %d', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  test('are told by code, so that a copy from another bundle counts', () => {
    const foreign = Object.assign(new Error('x'), { code: 'lease-lost' });
    expect(hasCode(foreign, 'lease-lost')).toBe(true);
    expect(exitCodeOf(foreign)).toBe(8);
  });

  test('a configuration error lists every problem', () => {
    const error = new ConfigError([
      { option: '--match', message: 'is required' },
      { option: '--limit', message: 'is not a number' },
    ]);
    expect(error.message).toBe('--match: is required\n--limit: is not a number');
  });

  test('a thrown non-error is wrapped, never lost', () => {
    expect(toError(42)).toMatchObject({ message: 'non-error thrown: 42', cause: 42 });
  });
});

describe('backoff', () => {
  test('never exceeds its growing ceiling nor its cap', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(30), (random, tries) => {
        let backoff = createBackoff({ baseMs: 100, capMs: 5000 });
        for (let i = 0; i <= tries; i += 1) {
          const step = backoff.next(random);
          expect(step.delayMs).toBeGreaterThanOrEqual(0);
          expect(step.delayMs).toBeLessThanOrEqual(Math.min(5000, 100 * 2 ** i));
          backoff = step.backoff;
        }
      }),
    );
  });

  test('jitter stays within its share', () => {
    expect([0, 0.5, 1].map((random) => Math.round(jitter(100, 0.1, random)))).toEqual([90, 100, 110]);
  });
});

describe('retry', () => {
  const settings = {
    attempts: 3,
    baseMs: 10,
    capMs: 100,
    isRetryable: (e: unknown) => hasCode(e, 'unavailable'),
  };

  test('tries again after retryable errors, then gives the result', async () => {
    const clock = createManualClock();
    let calls = 0;
    const result = retry({ ...settings, clock }, async () => {
      calls += 1;
      if (calls < 3) throw new UnavailableError('down');
      return 'up';
    });
    await clock.advance(1000);
    expect(await result).toBe('up');
    expect(calls).toBe(3);
  });

  test('stops at the last attempt and at a final error', async () => {
    const clock = createManualClock();
    let calls = 0;
    const failing = retry({ ...settings, clock }, async () => {
      calls += 1;
      throw new UnavailableError('down');
    });
    const seen = expect(failing).rejects.toMatchObject({ code: 'unavailable' });
    await clock.advance(1000);
    await seen;
    expect(calls).toBe(3);
    await expect(
      retry({ ...settings, clock }, async () => {
        throw new TypeError('final');
      }),
    ).rejects.toThrow('final');
  });
});

describe('codec and identity', () => {
  test('what is not a JSON object is a corrupt record that names itself', () => {
    for (const text of ['', '{', '[]', 'null', '7']) {
      expect(() => parseJsonObject(text, 'the record of lock x')).toThrow(/record of lock x/);
    }
  });

  test('a field of another kind names its path and what was expected', () => {
    const fields = readFields({ a: { b: 'x' }, n: 1.5 }, 'record');
    expect(() => fields.object('a').integer('b')).toThrow('record.a.b should be an integer');
    expect(() => fields.integer('n')).toThrow('record.n');
    expect(() => fields.choice('n', ['x', 'y'])).toThrow('one of x, y');
  });

  test('deepFreeze makes a value and all in it unchangeable', () => {
    const value = deepFreeze({ a: [{ b: 1 }] });
    expect(() => {
      (value.a[0] as { b: number }).b = 2;
    }).toThrow(TypeError);
  });

  test('identities of different lists differ, however the parts are cut', () => {
    expect(hashIdentity(['a', 'bc'])).not.toBe(hashIdentity(['ab', 'c']));
    expect(hashIdentity(['a'])).toBe(hashIdentity(['a']));
  });
});
