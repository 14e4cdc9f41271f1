import { describe, expect, test } from '@jest/globals';
import type { ProbeFindings } from '../../src/probe/contract.ts';
import {
  decideReadiness,
  notReadyYet,
  parsePointer,
  type ReadinessRules,
  readCarried,
  resolvePointer,
} from '../../src/probe/readiness.ts';
import { createResult, unreachable } from '../../src/probe/result.ts';

const pointer = (text: string) => {
  const result = parsePointer(text);
  if (!result.ok) throw new Error(result.problem);
  return result.value;
};
const paths = { schemaPath: pointer('/schema'), apiPath: pointer('/api') };
const good = (body?: unknown, more: Partial<ProbeFindings> = {}) =>
  createResult({ status: 'passing', detail: 'HTTP 200', ...(body === undefined ? {} : { body }), ...more });

describe('JSON pointers (RFC 6901)', () => {
  const document = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'm~n': 8, ' ': 7, nested: { deep: { er: 'x' } } };

  test.each<[string, unknown]>([
    ['', document],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/m~0n', 8],
    ['/ ', 7],
    ['/nested/deep/er', 'x'],
    ['/foo/2', undefined],
    ['/foo/-', undefined],
    ['/foo/00', undefined],
    ['/foo/length', undefined],
    ['/toString', undefined],
    ['/__proto__', undefined],
    ['/nested/deep/er/0', undefined],
  ])('%j', (text, value) => {
    expect(resolvePointer(document, pointer(text))).toEqual(value);
  });

  test('`~01` is the name `~1`, not a slash', () => {
    expect(resolvePointer({ '~1': 'x' }, pointer('/~01'))).toBe('x');
  });

  test.each(['schema', '/a~2', '/a~'])('%j is refused', (text) => {
    expect(parsePointer(text).ok).toBe(false);
  });
});

describe('what an answer carries', () => {
  test.each<[unknown, ReturnType<typeof readCarried>]>([
    [undefined, { kind: 'nothing' }],
    [
      { schema: '42', api: ['a'] },
      { kind: 'versions', schema: '42', api: ['a'] },
    ],
    [{ schema: 20260101120000 }, { kind: 'versions', schema: '20260101120000', api: null }],
    [
      { schema: ['1', '2'], api: [] },
      { kind: 'versions', schema: '1,2', api: [] },
    ],
    [{ other: 1 }, { kind: 'versions', schema: null, api: null }],
    [{ schema: 2 ** 53 }, { kind: 'unreadable', problem: expect.any(String) as unknown as string }],
    [{ schema: { v: 1 } }, { kind: 'unreadable', problem: expect.any(String) as unknown as string }],
    [
      { schema: '1', api: 'a,b' },
      { kind: 'unreadable', problem: expect.any(String) as unknown as string },
    ],
    [
      { schema: '1', api: [1] },
      { kind: 'unreadable', problem: expect.any(String) as unknown as string },
    ],
  ])('%j', (body, carried) => {
    expect(readCarried(good(body), paths)).toEqual(carried);
  });
});

describe('readiness', () => {
  const rules: ReadinessRules = {
    paths,
    successes: 2,
    lacks: ({ schema }) => (schema === '42' ? null : `it has schema ${schema ?? 'none'}`),
  };
  const run = (...results: ReturnType<typeof good>[]) => {
    let state = notReadyYet;
    return results.map((result) => {
      const verdict = decideReadiness(state, result, rules);
      state = verdict.state;
      return verdict.ready;
    });
  };
  const ok = good({ schema: '42' });

  test('needs as many good answers in a row as asked', () => {
    expect(run(ok, ok, ok)).toEqual([false, true, true]);
  });

  test.each([
    ['an older replica', good({ schema: '41' })],
    ['a failing answer', createResult({ status: 'critical', detail: 'HTTP 503' })],
    ['no answer', unreachable('connection refused')],
    ['an unreadable answer', good({ schema: {} })],
    ['a body that nobody read to its end', good(undefined, { hint: 'pending' })],
    ['JSON without the schema', good({ status: 'up' })],
  ])('%s in between starts the count again', (_, result) => {
    expect(run(ok, result, ok, ok)).toEqual([false, false, false, true]);
  });

  test('a target without JSON satisfies when it is passing', () => {
    expect(run(good(), good())).toEqual([false, true]);
  });

  test('the detail says what the target said and what is missing, on one line', () => {
    const verdict = decideReadiness(notReadyYet, good({ schema: '4\n1' }), rules);
    expect(verdict.detail).toBe('HTTP 200; it has schema 4\\x0a1');
    expect(decideReadiness(notReadyYet, ok, rules).detail).toBe('HTTP 200; 1 of 2 in a row');
  });

  test('what waiting will not cure is told as fatal', () => {
    const failed = createResult({ status: 'critical', detail: 'release v3 failed', hint: 'fatal' });
    expect(decideReadiness(notReadyYet, failed, rules)).toMatchObject({ ready: false, fatal: true });
  });
});
