import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OptionSpec } from '../../src/config/option-spec.ts';
import { isUnset, parseText, parseTyped } from '../../src/config/value.ts';

const spec = (rest: Partial<OptionSpec>): OptionSpec => ({
  name: 'some',
  type: 'string',
  commands: 'all',
  description: 'Some.',
  ...rest,
});
const DURATION = spec({ type: 'duration', min: '1s', max: '1h' });
const INTEGER = spec({ type: 'integer', min: 1, max: 32 });
const COUNT = spec({ type: 'integer' });
const BOOLEAN = spec({ type: 'boolean' });
const CHOICE = spec({ type: 'choice', choices: ['skip', 'wait'] });
const LIST = spec({ type: 'list' });
const LINES = spec({ type: 'lines' });

describe('text values', () => {
  test.each<[OptionSpec, string | boolean | string[], unknown]>([
    [DURATION, '90s', 90_000],
    [DURATION, '1h', 3_600_000],
    [DURATION, ' 15m\n', 900_000],
    [INTEGER, '1', 1],
    [INTEGER, '32', 32],
    [COUNT, '0', 0],
    [BOOLEAN, true, true],
    [BOOLEAN, 'TRUE', true],
    [BOOLEAN, 'false', false],
    [CHOICE, 'wait', 'wait'],
    [LIST, 'a, b,,\n c ,a', ['a', 'b', 'c']],
    [LIST, ['a,b', 'c'], ['a', 'b', 'c']],
    [LINES, 'Name: a, b\r\n\nOther: c', ['Name: a, b', 'Other: c']],
    [INTEGER, ['3', '4'], 4],
    [INTEGER, ['3', ''], 3],
  ])('%j reads %j', (option, raw, value) => {
    expect(parseText(option, raw)).toEqual({ ok: true, value });
  });

  test.each<[OptionSpec, string, string]>([
    [DURATION, '7', 'write 7s, 7m, 7h or 7d'],
    [DURATION, '-5m', '"-5m" is not a duration'],
    [DURATION, 'NaN', '"NaN" is not a duration'],
    [DURATION, '1e9', '"1e9" is not a duration'],
    [DURATION, '7w', '"7w" is not a duration'],
    [DURATION, '999ms', 'must be from 1s to 1h'],
    [DURATION, '61m', 'must be from 1s to 1h'],
    [DURATION, '9'.repeat(500), 'is not a duration'],
    [INTEGER, '0', 'must be from 1 to 32'],
    [INTEGER, '33', 'must be from 1 to 32'],
    [INTEGER, '-1', '"-1" is not a whole number'],
    [INTEGER, '+1', '"+1" is not a whole number'],
    [INTEGER, '1.0', '"1.0" is not a whole number'],
    [INTEGER, '1e1', '"1e1" is not a whole number'],
    [INTEGER, '0x10', '"0x10" is not a whole number'],
    [INTEGER, 'NaN', '"NaN" is not a whole number'],
    [INTEGER, '٣', 'is not a whole number'],
    [COUNT, '9'.repeat(30), 'is too large'],
    [BOOLEAN, 'yes', '"yes" is neither true nor false'],
    [BOOLEAN, '1', '"1" is neither true nor false'],
    [CHOICE, 'Wait', '"Wait" is not one of skip, wait'],
  ])('%j refuses %j', (option, raw, problem) => {
    expect(parseText(option, raw)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  test('a refused value is cut and printable', () => {
    const result = parseText(INTEGER, `\u001b[31m${'x'.repeat(1000)}`);
    expect(result).toEqual({ ok: false, problem: expect.stringMatching(/^"\\x1b\[31mx+…" is not/) });
  });

  test('a refused secret is not repeated, whatever the type', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<OptionSpec['type']>('duration', 'integer', 'boolean', 'choice'),
        fc.stringMatching(/^hunter2[!-~]{0,80}$/),
        (type, text) => {
          const result = parseText(spec({ type, secret: true, choices: ['a', 'b'] }), text);
          expect(JSON.stringify(result)).not.toContain('hunter2');
        },
      ),
    );
  });

  test('whatever is written for a number, the result is a whole number in range or a problem', () => {
    const written = fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String));
    fc.assert(
      fc.property(written, (text) => {
        const result = parseText(INTEGER, text);
        if (!result.ok) return;
        expect(Number.isSafeInteger(result.value)).toBe(true);
        expect(result.value).toBeGreaterThanOrEqual(1);
        expect(result.value).toBeLessThanOrEqual(32);
      }),
    );
  });
});

describe('typed values', () => {
  test.each<[OptionSpec, unknown, unknown]>([
    [DURATION, '15m', 900_000],
    [INTEGER, 4, 4],
    [BOOLEAN, false, false],
    [CHOICE, 'skip', 'skip'],
    [LIST, 'a,b', ['a', 'b']],
    [LIST, ['a', ' b '], ['a', 'b']],
    [spec({}), ' x ', 'x'],
  ])('%j reads %j', (option, raw, value) => {
    expect(parseTyped(option, raw)).toEqual({ ok: true, value });
  });

  test.each<[OptionSpec, unknown, string]>([
    [DURATION, 7, 'needs a unit'],
    [DURATION, Number.NaN, '"NaN" is not a duration'],
    [DURATION, true, 'must be a duration such as "15m", not a boolean'],
    [INTEGER, '4', 'must be a whole number, not a string'],
    [INTEGER, 1.5, '1.5 is not a whole number'],
    [INTEGER, Number.NaN, 'NaN is not a whole number'],
    [INTEGER, -1, 'must be from 1 to 32'],
    [INTEGER, null, 'must be a whole number, not null'],
    [BOOLEAN, 'true', 'must be true or false, not a string'],
    [CHOICE, ['skip'], 'must be a string, not a list'],
    [LIST, [1], 'must be a list of strings'],
    [LIST, {}, 'must be a list of strings, not an object'],
    [spec({}), 4, 'must be a string, not a number'],
  ])('%j refuses %j', (option, raw, problem) => {
    expect(parseTyped(option, raw)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });
});

test.each([undefined, '', '  \n', [], ['', ' ']])('%j counts as unset', (raw) => {
  expect(isUnset(raw)).toBe(true);
});

test.each([null, 0, false, 'a', ['a'], {}])('%j counts as set', (raw) => {
  expect(isUnset(raw)).toBe(false);
});
