import { describe, expect, test } from '@jest/globals';
import {
  classifyAnswer,
  classifyGraphQlErrors,
  classifyRefRefusal,
  type HttpAnswer,
  parseRate,
} from '../../src/github/answers.ts';

const DATE = 'Fri, 20 Nov 2026 21:00:00 GMT';
const NOW_SECONDS = Date.parse(DATE) / 1000;

function answer(status: number, text = '', headers: HttpAnswer['headers'] = {}): HttpAnswer {
  return { status, text, headers };
}

describe('an answer of GitHub', () => {
  test.each<[string, HttpAnswer, object]>([
    ['200', answer(200), { kind: 'ok' }],
    ['201', answer(201), { kind: 'ok' }],
    ['304', answer(304), { kind: 'not-modified' }],
    ['a renamed repository', answer(301, 'Moved Permanently'), { kind: 'moved' }],
    ['a kept method redirect', answer(307), { kind: 'moved' }],
    ['a bad token', answer(401, 'Bad credentials'), { kind: 'unauthorized' }],
    ['404', answer(404, 'Not Found'), { kind: 'missing' }],
    ['409', answer(409, 'Git Repository is empty.'), { kind: 'refused' }],
    ['422', answer(422, 'Update is not a fast forward'), { kind: 'refused' }],
    ['410', answer(410), { kind: 'refused' }],
    ['500', answer(500), { kind: 'unavailable' }],
    ['502', answer(502), { kind: 'unavailable' }],
    ['a request timeout', answer(408), { kind: 'unavailable' }],
  ])('%s', (_, given, verdict) => {
    expect(classifyAnswer(given)).toEqual(verdict);
  });

  test.each<[string, HttpAnswer, number | null]>([
    ['429 that names seconds', answer(429, '', { 'retry-after': '30' }), 30_000],
    [
      '429 that names a date',
      answer(429, '', { 'retry-after': 'Fri, 20 Nov 2026 21:01:00 GMT', date: DATE }),
      60_000,
    ],
    ['429 that says nothing', answer(429), null],
    ['429 with nonsense', answer(429, '', { 'retry-after': 'soon' }), null],
    [
      'a secondary limit',
      answer(403, 'You have exceeded a secondary rate limit', { 'retry-after': '60' }),
      60_000,
    ],
    ['a secondary limit without a time', answer(403, 'You have exceeded a secondary rate limit.'), null],
    ['the old text of it', answer(403, 'You have triggered an abuse detection mechanism'), null],
    [
      'an exhausted budget',
      answer(403, 'API rate limit exceeded for installation ID 1.', {
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(NOW_SECONDS + 1800),
        date: DATE,
      }),
      1_800_000,
    ],
    [
      'an exhausted budget with a secondary limit on top',
      answer(403, '', {
        'retry-after': 90,
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(NOW_SECONDS + 5),
        date: DATE,
      }),
      90_000,
    ],
    [
      'a reset in the past',
      answer(429, '', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1', date: DATE }),
      0,
    ],
    [
      'a reset without the server time',
      answer(429, '', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' }),
      null,
    ],
  ])('%s is a limit', (_, given, retryAfterMs) => {
    expect(classifyAnswer(given)).toEqual({ kind: 'throttled', retryAfterMs });
  });

  test.each([
    ['a read-only token', answer(403, 'Resource not accessible by integration')],
    [
      'a fine-grained token without the permission',
      answer(403, 'Resource not accessible by personal access token'),
    ],
    [
      'a read-only token whose answer carries an exhausted budget',
      answer(403, 'Resource not accessible by integration', {
        'x-ratelimit-remaining': '0',
        'retry-after': '60',
      }),
    ],
    ['single sign-on', answer(403, 'Resource protected by organization SAML enforcement.')],
    ['a 403 of no known kind', answer(403, 'Forbidden')],
    ['a 403 without a text', answer(403)],
  ])('%s is a missing permission, never a limit', (_, given) => {
    expect(classifyAnswer(given)).toEqual({ kind: 'forbidden' });
  });
});

describe('a refusal by git', () => {
  test.each([
    ['Reference already exists', 'already-exists'],
    ['reference already exists.', 'already-exists'],
    ['Update is not a fast forward', 'not-fast-forward'],
    ['Update is not a fast-forward', 'not-fast-forward'],
    ['Reference does not exist', 'no-such-ref'],
    ['Git Repository is empty.', 'empty-repository'],
    ['Reference update failed', 'unknown'],
    ['is at 1234567 but expected 89abcde', 'unknown'],
    ['Object does not exist', 'unknown'],
    ['Validation Failed', 'unknown'],
    ['', 'unknown'],
  ])('"%s" is %s', (text, refusal) => {
    expect(classifyRefRefusal(text)).toBe(refusal);
  });
});

describe('the rate headers', () => {
  const headers = {
    'x-ratelimit-limit': '1000',
    'x-ratelimit-remaining': '37',
    'x-ratelimit-reset': String(NOW_SECONDS + 60),
    'x-ratelimit-resource': 'graphql',
    date: DATE,
  };
  test('are told as durations by the clock of the server', () => {
    expect(parseRate(answer(200, '', headers))).toEqual({
      resource: 'graphql',
      limit: 1000,
      remaining: 37,
      resetMs: 60_000,
    });
  });
  test('are absent where the server has no limits', () => {
    expect(parseRate(answer(200, '', { date: DATE }))).toBeNull();
  });
  test.each(['-1', '1e3', ' ', 'NaN', '12.5'])('are not believed when they say %j', (remaining) => {
    expect(parseRate(answer(200, '', { ...headers, 'x-ratelimit-remaining': remaining }))).toBeNull();
  });
});

describe('errors inside a GraphQL answer', () => {
  const rate = { resource: 'graphql', limit: 1000, remaining: 0, resetMs: 5_000 };
  test.each<[string, unknown[], object]>([
    ['none', [], { kind: 'ok' }],
    [
      'the primary limit',
      [{ type: 'RATE_LIMITED', message: 'x' }],
      { kind: 'throttled', retryAfterMs: 5_000 },
    ],
    [
      'the limit by its text',
      [{ message: 'API rate limit exceeded' }],
      { kind: 'throttled', retryAfterMs: 5_000 },
    ],
    ['a missing permission', [{ type: 'FORBIDDEN', message: 'no' }], { kind: 'forbidden' }],
    ['a missing scope', [{ type: 'INSUFFICIENT_SCOPES' }], { kind: 'forbidden' }],
    ['a timeout', [{ message: 'Something went wrong while executing your query' }], { kind: 'unavailable' }],
    ['nothing there', [{ type: 'NOT_FOUND', message: 'x' }], { kind: 'missing' }],
    ['anything else', [{ type: 'STALE_DATA' }, { type: 'NOT_FOUND' }], { kind: 'refused' }],
    ['no object at all', ['x', null], { kind: 'refused' }],
  ])('%s', (_, errors, verdict) => {
    expect(classifyGraphQlErrors(errors, rate)).toEqual(verdict);
  });
});
