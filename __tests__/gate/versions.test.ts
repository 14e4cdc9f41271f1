import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  compareSchema,
  compareVersions,
  highestSchema,
  parseApi,
  parseSchema,
  reaches,
  targetOf,
  VERSION_SCHEMES,
} from '../../src/gate/versions.ts';

const ALL = { versionScheme: 'integer', requireApi: null } as const;

describe('schema versions', () => {
  test.each([
    ['integer', '20260101120000', '20260101120000'],
    ['integer', ' 42 ', '42'],
    ['integer', '9'.repeat(40), '9'.repeat(40)],
    ['dotted', '1.12.0', '1.12.0'],
    ['dotted', '2026.10', '2026.10'],
    ['list', 'x'.repeat(128), 'x'.repeat(128)],
    ['list', '0002_b, 0001_a\n0002_b', '0001_a,0002_b'],
  ] as const)('%s %j is read as %j', (scheme, text, value) => {
    expect(parseSchema(text, scheme)).toEqual({ ok: true, value });
  });

  test.each([
    ['integer', ''],
    ['integer', '1.2'],
    ['integer', '-1'],
    ['integer', '1e3'],
    ['integer', '٤٢'],
    ['integer', '9'.repeat(41)],
    ['dotted', 'v1.2'],
    ['dotted', '1..2'],
    ['dotted', '1.2-rc1'],
    ['list', 'x'.repeat(129)],
    ['list', ' , '],
  ] as const)('%s refuses %j', (scheme, text) => {
    expect(parseSchema(text, scheme).ok).toBe(false);
  });

  test.each([
    ['integer', '  ', 'is empty'],
    [
      'integer',
      'x',
      'is not a whole number of at most 40 digits; version-scheme dotted or list takes others',
    ],
    ['dotted', 'x', 'is not numbers joined by dots, such as 1.12.0 (at most ten, without a prefix)'],
    ['list', ',', 'names no id'],
    ['list', 'x'.repeat(129), 'has an id of more than 128 characters'],
    ['list', 'x'.repeat(16_385), 'is longer than 16384 characters'],
  ] as const)('%s tells of %j that it %s', (scheme, text, problem) => {
    expect(parseSchema(text, scheme)).toEqual({ ok: false, problem });
  });

  test('a list of 16384 characters is still read', () => {
    const text = `${'x'.repeat(127)},`.repeat(128);
    expect(parseSchema(text, 'list')).toEqual({ ok: true, value: 'x'.repeat(127) });
  });

  test.each([
    ['integer', '9', '10', 'behind'],
    ['integer', '20260101120001', '20260101120000', 'ahead'],
    ['integer', '9007199254740993', '9007199254740992', 'ahead'],
    ['integer', '042', '42', 'equal'],
    ['dotted', '1.9', '1.10', 'behind'],
    ['dotted', '1.2', '1.2.0', 'equal'],
    ['dotted', '2', '1.99.99', 'ahead'],
    ['dotted', '1.2', '1.2.1', 'behind'],
    ['dotted', '1.2.1', '1.2', 'ahead'],
    ['list', 'ab', 'ba', 'diverged'],
    ['list', '', 'a', 'behind'],
    ['list', 'a', 'a,b', 'behind'],
    ['list', 'a,b,c', 'a,c', 'ahead'],
    ['list', 'a,b', 'a,c', 'diverged'],
  ] as const)('%s: %s against %s is %s', (scheme, mine, theirs, relation) => {
    expect(compareSchema(mine, theirs, scheme)).toBe(relation);
  });

  test('comparing is antisymmetric in every scheme, and the highest is reached by none that is behind', () => {
    const opposite = { behind: 'ahead', ahead: 'behind', equal: 'equal', diverged: 'diverged' };
    const schema = fc.constantFrom('1', '2', '10', '010');
    fc.assert(
      fc.property(fc.constantFrom(...VERSION_SCHEMES), schema, schema, (scheme, a, b) => {
        expect(compareSchema(b, a, scheme)).toBe(opposite[compareSchema(a, b, scheme)]);
        const highest = highestSchema([a, b], scheme) ?? '';
        expect(reaches(highest, a, scheme) && reaches(highest, b, scheme)).toBe(true);
      }),
    );
  });

  test.each(['abc', 'x1', '1x', '1.', ''])('%j, which no parser made, is a corrupt record', (text) => {
    expect(() => compareSchema(text, '1', 'integer')).toThrow(
      expect.objectContaining({
        code: 'corrupt-record',
        message: 'a schema version on the board is not a number; it was left untouched',
      }),
    );
  });

  test('the highest of lists has all ids, sorted; of none there is none', () => {
    expect(highestSchema(['b,d', 'a,b'], 'list')).toBe('a,b,d');
    expect(highestSchema([], 'list')).toBeNull();
  });

  test('a world that is unknown, behind or diverged has not reached what is wanted', () => {
    expect(reaches(null, '1', 'integer')).toBe(false);
    expect(reaches('1', '2', 'integer')).toBe(false);
    expect(reaches('a,b', 'a,c', 'list')).toBe(false);
    expect(reaches('2', '1', 'integer')).toBe(true);
  });
});

describe('versions of several dimensions', () => {
  const of = (schema: string, ...api: string[]) => ({ schema, api });

  test.each([
    ['the same', of('2', 'a'), of('2', 'a'), 'equal'],
    ['a lower schema', of('1', 'a'), of('2', 'a'), 'behind'],
    ['a missing entry', of('2', 'a'), of('2', 'a', 'b'), 'behind'],
    ['more of both', of('3', 'a', 'b'), of('2', 'a'), 'ahead'],
    ['as many entries with other names', of('2', 'a', 'b'), of('2', 'a', 'c'), 'diverged'],
    ['a higher schema without an entry', of('2'), of('1', 'a'), 'diverged'],
  ])('%s', (_what, mine, theirs, relation) => {
    expect(compareVersions(mine, theirs, ALL).relation).toBe(relation);
  });

  test('with diverged lists is diverged as a whole', () => {
    const rules = { versionScheme: 'list', requireApi: null } as const;
    expect(compareVersions(of('a'), of('b'), rules).relation).toBe('diverged');
  });

  test('both lists of a difference are told', () => {
    expect(compareVersions(of('2', 'a', 'b'), of('2', 'b', 'c'), ALL)).toMatchObject({
      missing: ['c'],
      extra: ['a'],
    });
  });

  test('with a required API nothing else counts', () => {
    const rules = { versionScheme: 'integer', requireApi: ['a'] } as const;
    expect(compareVersions(of('2', 'a', 'x'), of('2', 'a', 'y'), rules).relation).toBe('equal');
    expect(compareVersions(of('2', 'x'), of('2', 'a'), rules).relation).toBe('behind');
    expect(targetOf([of('2', 'x'), of('1', 'y')], rules)).toEqual({ schema: '2', api: ['a'] });
  });

  test('the target is the highest schema and all entries together', () => {
    expect(targetOf([of('1', 'b'), of('3', 'a'), of('2')], ALL)).toEqual({ schema: '3', api: ['a', 'b'] });
    expect(targetOf([], ALL)).toBeNull();
  });

  test('API extensions are sorted, without repetitions; none is a set', () => {
    expect(parseApi([' b', 'a', 'b', ''])).toEqual({ ok: true, value: ['a', 'b'] });
    expect(parseApi([])).toEqual({ ok: true, value: [] });
    expect(parseApi(['x'.repeat(128)]).ok).toBe(true);
    expect(parseApi(['x'.repeat(129)])).toEqual({
      ok: false,
      problem: 'has an API extension of more than 128 characters',
    });
  });

  test('200 API extensions are taken, one more is not', () => {
    const names = (count: number) => Array.from({ length: count }, (_, at) => `e${at}`);
    expect(parseApi(names(200)).ok).toBe(true);
    expect(parseApi(names(201))).toEqual({ ok: false, problem: 'has more than 200 API extensions' });
  });
});
