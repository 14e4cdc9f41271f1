import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findJsonError } from '../../src/config/json-error.ts';

describe('where JSON breaks', () => {
  test.each<[string, number, number, string]>([
    ['', 1, 1, 'the text ends where a value is expected'],
    ['{', 1, 2, 'the text ends where a name is expected'],
    ['{"a": 1,}', 1, 9, 'a comma may not stand before }'],
    ['[1,\n2,\n]', 3, 1, 'a comma may not stand before ]'],
    ['{"a" 1}', 1, 6, 'expected a colon after the name'],
    ['{"a": 1 "b": 2}', 1, 9, 'expected a comma or }'],
    ["{'a': 1}", 1, 2, 'a name needs double quotes'],
    ['{a: 1}', 1, 2, 'a name needs double quotes'],
    ['{"a": \'b\'}', 1, 7, 'a string needs double quotes'],
    ['{\n  // why\n  "a": 1\n}', 2, 3, 'JSON has no comments'],
    ['{"a": 1} // why', 1, 10, 'nothing may follow the value'],
    ['{"a": "b\n"}', 1, 9, 'the string is not closed on its line'],
    ['{"a": "c:\\dir"}', 1, 10, 'this escape is unknown; a backslash itself is written twice'],
    ['{"a": undefined}', 1, 7, 'expected a value'],
    ['{"a": 01}', 1, 8, 'expected a comma or }'],
    ['{"a": truex}', 1, 7, 'expected a value'],
  ])('%j: line %d, column %d, %s', (text, line, column, message) => {
    expect(findJsonError(text)).toEqual({ line, column, message });
  });

  test('a nesting deeper than any configuration is an error, not an overflow', () => {
    expect(findJsonError('['.repeat(100_000))?.message).toBe('is nested too deeply');
  });

  test('an error is found exactly where the engine refuses a text', () => {
    // Right JSON, with a few characters put in or taken out.
    const broken = fc
      .tuple(
        fc.json({ maxDepth: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[]",:\\ \n01.eE+-tnu\u0001'.split(''))), {
          maxLength: 3,
        }),
      )
      .map(([json, edits]) =>
        edits.reduce((text, [at, char]) => {
          const index = at % (text.length + 1);
          return at % 2 === 0
            ? text.slice(0, index) + char + text.slice(index)
            : text.slice(0, index) + text.slice(index + 1);
        }, json),
      );
    fc.assert(
      fc.property(fc.oneof(broken, fc.string(), fc.json()), (text) => {
        let isRefused = false;
        try {
          JSON.parse(text);
        } catch {
          // Only whether it throws is compared.
          isRefused = true;
        }
        expect(findJsonError(text) !== null).toBe(isRefused);
      }),
      { numRuns: 2000 },
    );
  });
});
