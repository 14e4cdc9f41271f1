import { describe, expect, test } from '@jest/globals';
import { createConnection } from '../../src/store/connection.ts';
import { settle } from '../support/manual-clock.ts';

interface Attempt {
  connect(name?: string): void;
  fail(error: Error): void;
  lose(): void;
  destroyed: number;
}

/** A connection whose attempts the test settles by hand. */
function createBench() {
  const attempts: Attempt[] = [];
  const connection = createConnection<string>((onLost) => {
    const attempt: Attempt = { connect: () => undefined, fail: () => undefined, lose: onLost, destroyed: 0 };
    const ready = new Promise<string>((resolve, reject) => {
      attempt.connect = (name) => resolve(name ?? `connection ${attempts.length}`);
      attempt.fail = reject;
    });
    attempts.push(attempt);
    return {
      ready,
      destroy() {
        attempt.destroyed += 1;
      },
    };
  });
  const at = (index: number) => {
    const attempt = attempts[index];
    if (!attempt) throw new Error(`no attempt ${index}`);
    return attempt;
  };
  return { connection, attempts, at, signal: new AbortController().signal };
}

const never = () => new Promise<never>(() => undefined);
const name = async (client: string) => client;

describe('a shared connection', () => {
  test('is made on first use, once for all who ask meanwhile', async () => {
    const { connection, attempts, at, signal } = createBench();
    expect(attempts).toHaveLength(0);
    const both = Promise.all([connection.use(signal, name), connection.use(signal, name)]);
    at(0).connect('one');
    expect(await both).toEqual(['one', 'one']);
    expect(await connection.use(signal, name)).toBe('one');
    expect(attempts).toHaveLength(1);
  });

  test('that cannot be had is tried again by the next call, not by this one', async () => {
    const { connection, attempts, at, signal } = createBench();
    const first = connection.use(signal, name);
    at(0).fail(new Error('refused'));
    await expect(first).rejects.toThrow('refused');
    expect(attempts).toHaveLength(1);
    expect(at(0).destroyed).toBe(1);
    const second = connection.use(signal, name);
    at(1).connect('two');
    expect(await second).toBe('two');
  });

  test('that was lost is made anew by the next call; the call under way keeps its own error', async () => {
    const { connection, attempts, at, signal } = createBench();
    let fail: (error: Error) => void = () => undefined;
    const under = connection.use(signal, () => new Promise<never>((_, reject) => (fail = reject)));
    at(0).connect();
    await settle();
    at(0).lose();
    fail(new Error('reset'));
    await expect(under).rejects.toThrow('reset');
    expect(attempts).toHaveLength(1);
    expect(at(0).destroyed).toBe(1);
    void connection.use(signal, name);
    expect(attempts).toHaveLength(2);
  });

  test('is left behind by a call that was given up, but lives until the others on it have ended', async () => {
    const { connection, attempts, at, signal } = createBench();
    const given = new AbortController();
    void connection.use(given.signal, never);
    let answer: (text: string) => void = () => undefined;
    const other = connection.use(signal, () => new Promise<string>((resolve) => (answer = resolve)));
    at(0).connect();
    await settle();
    given.abort();
    expect(at(0).destroyed).toBe(0);
    void connection.use(signal, name);
    expect(attempts).toHaveLength(2);
    answer('late');
    expect(await other).toBe('late');
    await settle();
    expect(at(0).destroyed).toBe(1);
    expect(at(1).destroyed).toBe(0);
  });

  test('that nobody uses any more is destroyed at once when a call is given up while it connects', () => {
    const { connection, at } = createBench();
    const given = new AbortController();
    void connection.use(given.signal, never);
    given.abort();
    expect(at(0).destroyed).toBe(1);
  });

  test('is left behind on demand, and close destroys all, the ones left behind too', async () => {
    const { connection, at, signal } = createBench();
    void connection.use(signal, never);
    at(0).connect();
    await settle();
    connection.renew();
    expect(at(0).destroyed).toBe(0);
    void connection.use(signal, never);
    connection.close();
    expect([at(0).destroyed, at(1).destroyed]).toEqual([1, 1]);
  });

  test('leaves no listener on the signal of a call that has ended', async () => {
    const { connection, at } = createBench();
    const abort = new AbortController();
    const call = connection.use(abort.signal, name);
    at(0).connect('one');
    await call;
    abort.abort();
    expect(at(0).destroyed).toBe(0);
  });
});
