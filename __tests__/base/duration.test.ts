import { describe, expect, test } from '@jest/globals';
import { formatDuration, parseDuration } from '../../src/base/duration.ts';

describe('durations', () => {
  test.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: ms });
  });

  test.each([
    '',
    '7',
    '-1',
    '-5m',
    '1e9',
    '1e3s',
    'NaN',
    'Infinity',
    '7 d',
    ' 7d',
    '7D',
    '7w',
    '٧d',
    '99999d',
  ])('refuses %j', (text) => {
    expect(parseDuration(text).ok).toBe(false);
  });

  test('a bare number is told which units it could have meant', () => {
    expect(parseDuration('7')).toEqual({ ok: false, problem: expect.stringContaining('7m') });
  });

  test.each([
    [90, '90 ms'],
    [4_200, '4.2 s'],
    [900_000, '15 m'],
    [7_500_000, '2 h 5 m'],
    [259_200_000, '3 d'],
  ])('%d ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
