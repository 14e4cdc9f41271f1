import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { splitWords } from '../../src/base/words.ts';

describe('a command line', () => {
  test.each<[string, string[]]>([
    ['a  b\tc', ['a', 'b', 'c']],
    ['a "b c" \'d "e"\'', ['a', 'b c', 'd "e"']],
    ['a"b c"d', ['ab cd']],
    ['""', ['']],
    ['"a\\"b\\\\c"', ['a"b\\c']],
    ['C:\\bin\\x.exe $HOME *', ['C:\\bin\\x.exe', '$HOME', '*']],
    ["'a\\b'", ['a\\b']],
  ])('%j is %j', (text, words) => {
    expect(splitWords(text)).toEqual({ ok: true, value: words });
  });

  test('any words come back from their quoted form', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (words) => {
        const line = words.map((word) => `"${word.replace(/(["\\])/g, '\\$1')}"`).join(' ');
        expect(splitWords(line)).toEqual({ ok: true, value: words });
      }),
    );
  });
});
