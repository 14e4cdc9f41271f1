import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CANARY_NAMES, checkPattern, parsePattern } from '../../src/reaper/pattern.ts';
import { readPlainPattern } from '../../src/reaper/plain-pattern.ts';

describe('a plain pattern', () => {
  test.each([
    'hatchet-t-[a-f0-9]+',
    'pr-[0-9]+',
    'ci-(web|api)-[a-z]{4}',
    'tmp-.*',
    'a(?:b|c)?d',
    'x\\.y\\d+',
    'preview_[A-Z0-9_.-]+',
  ])('is %s', (text) => {
    expect(readPlainPattern(text)).not.toBeNull();
  });

  test.each([
    '(a+)+',
    '(a|b)*',
    '(a|aa){2}',
    '.*.*.*.*x',
    'a{200}b{9}',
    '(?=x)y',
    '(?i)x',
    '\\1',
    '\\bx',
    '[z-a]',
    'a)|(b',
    '(',
    '()',
    '+a',
    'a**',
    '\\p{L}',
    '[[:alpha:]]',
    '^a$',
    'é+',
  ])('is not %s: the linear engine decides', (text) => {
    expect(readPlainPattern(text)).toBeNull();
  });

  const part = fc.constantFrom(
    'ci-',
    'a',
    '[a-f0-9]',
    '[^x]',
    '.',
    '\\d',
    '\\w',
    '(web|api)',
    '(?:x|yz)?',
    '\\.',
    '-',
  );
  const count = fc.constantFrom('', '', '+', '*', '?', '{2}', '{1,3}', '+?');
  const pattern = fc
    .array(fc.tuple(part, count), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.map(([a, b]) => a + b).join(''));

  test('means to the linear engine what it means here, for any name', async () => {
    await fc.assert(
      fc.asyncProperty(
        pattern,
        fc.array(fc.stringMatching(/^[a-f0-9x.-]{0,12}$/), { maxLength: 8 }),
        async (text, names) => {
          const matches = readPlainPattern(text);
          fc.pre(matches !== null);
          const engine = await parsePattern(text);
          const quick = await checkPattern(text);
          expect(quick.ok).toBe(engine.ok);
          if (!engine.ok || !quick.ok) return expect(quick).toEqual(engine);
          for (const name of [...names, ...CANARY_NAMES])
            expect(matches?.(name)).toBe(engine.value.matches(name));
          expect((await quick.value.compile()).source).toBe(text);
        },
      ),
      { numRuns: 300 },
    );
  });
});
