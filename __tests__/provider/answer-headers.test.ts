import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCount, parseHttpDate, parseRetryAfter, readMeta } from '../../src/provider/answer-headers.ts';
import { parseTimestamp } from '../../src/provider/timestamp.ts';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const date = (offsetMs: number) => new Date(NOW + offsetMs).toUTCString();

describe('Retry-After', () => {
  test.each([
    ['seconds', '3600', 3_600_000],
    ['no wait', '0', 0],
    ['a date', date(90_000), 90_000],
    ['the date of now', date(0), 0],
    ['a day', '86400', 86_400_000],
  ])('%s', (_what, text, waitMs) => {
    expect(parseRetryAfter(text, NOW)).toBe(waitMs);
  });

  test.each([
    ['absent', undefined],
    ['empty', ''],
    ['negative', '-5'],
    ['a fraction', '1.5'],
    ['a comparison', '>10'],
    ['words', 'soon'],
    ['an exponent', '1e3'],
    ['a date that has passed', date(-60_000)],
    ['a date in another form', '2026-11-20T12:01:00Z'],
    ['more than a day', '86401'],
    ['a date beyond a day', date(2 * 86_400_000)],
    ['more digits than a number holds', '9'.repeat(400)],
  ])('%s counts as not sent', (_what, text) => {
    expect(parseRetryAfter(text, NOW)).toBeUndefined();
  });

  test('a date says nothing where the server’s own clock is unknown', () => {
    expect(parseRetryAfter(date(90_000), undefined)).toBeUndefined();
  });

  test('is a wait between nothing and a day, or unknown, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.date().map(String)), (text) => {
        const waitMs = parseRetryAfter(text, NOW);
        expect(waitMs === undefined || (waitMs >= 0 && waitMs <= 86_400_000)).toBe(true);
      }),
    );
  });
});

test.each([
  ['Fri, 20 Nov 2026 12:00:00 GMT', NOW],
  ['20 Nov 2026', undefined],
  ['-5', undefined],
  [undefined, undefined],
])('the HTTP date %p', (text, ms) => {
  expect(parseHttpDate(text)).toBe(ms);
});

test.each([
  ['0', 0],
  ['4499', 4499],
  ['', undefined],
  ['-1', undefined],
  ['4e3', undefined],
  [undefined, undefined],
])('the count %p', (text, count) => {
  expect(parseCount(text)).toBe(count);
});

describe('what an answer tells beside its content', () => {
  test('the server’s clock, its name for the request, and the budget', () => {
    const headers = {
      date: date(0),
      'request-id': 'r1',
      'ratelimit-remaining': '17',
      'retry-after': date(5000),
    };
    expect(readMeta({ status: 429, headers, body: '', problem: null }, true)).toEqual({
      status: 429,
      requestId: 'r1',
      serverNowMs: NOW,
      rate: { throttled: true, remaining: 17, retryAfterMs: 5000 },
    });
  });

  test('nothing is made up where nothing was sent', () => {
    expect(readMeta({ status: 200, headers: {}, body: '', problem: null }, false)).toEqual({
      status: 200,
      rate: { throttled: false },
    });
    expect(readMeta({ status: null, headers: {}, body: '', problem: 'reset' }, false)).toEqual({
      status: null,
    });
  });
});

describe('a timestamp', () => {
  test.each([
    ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.678Z', Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
    ['2026-01-02T03:04:05+01:00', Date.UTC(2026, 0, 2, 2, 4, 5)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ])('%s', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });

  test.each([
    [undefined],
    [null],
    [''],
    [0],
    [1_700_000_000],
    ['yesterday'],
    ['2026-01-02'],
    ['2026-01-02T03:04:05'],
    ['2026-13-02T03:04:05Z'],
    ['2026-02-30T03:04:05Z'],
    ['2026-01-02T25:04:05Z'],
    ['1970-01-01T00:00:00Z'],
    ['0001-01-01T00:00:00Z'],
    ['1700000000'],
  ])('%p is unknown', (value) => {
    expect(parseTimestamp(value)).toBeNull();
  });
});
