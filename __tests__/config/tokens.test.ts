// Against node's own parser, which knows the conventions; where the two are meant to differ is said by name.
import { parseArgs } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type OptionToken, tokenize, type Word } from '../../src/config/tokens.ts';

const LETTERS: Readonly<Record<string, string>> = { h: 'help', V: 'version' };
const vocabulary = {
  takesValue: (name: string) => name === 'match' || name === 'limit',
  longName: (letter: string) => LETTERS[letter],
};
const take = (...argv: string[]) => tokenize(argv, vocabulary);

/** What node makes of the same words, in the same form. */
function takenByNode(argv: string[]) {
  const { tokens } = parseArgs({
    args: argv,
    options: {
      match: { type: 'string' },
      limit: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'V' },
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const end = tokens.find((token) => token.kind === 'option-terminator');
  return {
    isGreedy: tokens.some(
      (token) => token.kind === 'option' && token.inlineValue === false && token.value.startsWith('--'),
    ),
    tokens: tokens.flatMap((token): (OptionToken | Word)[] => {
      if (token.kind === 'option-terminator' || (end && token.index > end.index)) return [];
      if (token.kind === 'positional') return [{ kind: 'word', value: token.value }];
      return [{ kind: 'option', name: token.name, rawName: token.rawName, value: token.value }];
    }),
    rest: end ? argv.slice(end.index + 1) : null,
  };
}

const word = fc.oneof(
  fc.string(),
  fc.string().map((text) => `--${text}`),
  fc.string().map((text) => `-${text}`),
  fc.constantFrom('reap', '--', '-', '--match', '--match=', '--match=a=b', '--limit', '-1', '--no-x', '-hV'),
  fc.constantFrom(
    '--help',
    '--help=yes',
    '--=',
    '--=x',
    '--==x',
    '-=',
    '--__proto__',
    '-h=5',
    '--constructor',
  ),
);

describe('the words of a command line', () => {
  test('are taken apart as node does', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
        const { isGreedy, ...expected } = takenByNode(argv);
        // Node takes `-x-` for `-x --`.
        fc.pre(!isGreedy && !argv.some((text) => /^-[^-].*-/s.test(text)));
        expect(tokenize(argv, vocabulary)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test('save that an option never takes another one for its value', () => {
    expect(take('--match', '--limit', '3').tokens).toEqual([
      { kind: 'option', name: 'match', rawName: '--match', value: undefined },
      { kind: 'option', name: 'limit', rawName: '--limit', value: '3' },
    ]);
    expect(take('--match', '--', '--limit')).toEqual({
      tokens: [{ kind: 'option', name: 'match', rawName: '--match', value: undefined }],
      rest: ['--limit'],
    });
  });
});
