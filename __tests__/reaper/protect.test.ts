import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseProtect } from '../../src/reaper/protect.ts';

function protects(text: string, app: { id?: string; name?: string }): boolean {
  const parsed = parseProtect(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value.protects({ id: 'i', name: 'n', ...app });
}

describe('a protect rule', () => {
  test.each([
    ['ci-keep', 'ci-keep', true],
    ['ci-keep', 'ci-keep2', false],
    ['ci-keep', 'CI-KEEP', false],
    ['ci-*', 'ci-', true],
    ['ci-*-keep', 'ci-1-2-keep', true],
    ['ci-*-keep', 'ci-1-keep-2', false],
    ['*', 'anything', true],
    ['**a**', 'bab', true],
    ['ci-?', 'ci-1', true],
    ['ci-?', 'ci-12', false],
    ['ci-?', 'ci-😀', true],
    ['a.b', 'axb', false],
    ['a.b', 'a.b', true],
    ['review/*', 'review/pr-1', true],
    ['Review app', 'Review app', true],
  ])('%s on %s: %p', (rule, name, expected) => {
    expect(protects(rule, { name })).toBe(expected);
  });

  test('with id: protects exactly that id, and no name', () => {
    expect(protects('id:42', { id: '42' })).toBe(true);
    expect(protects('id:42', { id: '421' })).toBe(false);
    expect(protects('id:42', { name: '42' })).toBe(false);
  });

  test.each([
    ['', 'is empty'],
    ['  ', 'is empty'],
    [' ci', 'space'],
    ['a,b', 'comma'],
    ['ci-[0-9]', 'regular expression'],
    ['ci-.*', 'regular expression'],
    ['^ci$', 'regular expression'],
    ['a|b', 'regular expression'],
    ['{a}', 'regular expression'],
    ['(a)', 'regular expression'],
    ['a+', 'regular expression'],
    ['a\\*', 'regular expression'],
    ['!ci-*', 'can only protect'],
    ['id:', 'not an id'],
    ['id:4*', 'not an id'],
    ['id:4 2', 'not an id'],
    ['name:ci', 'unknown field name'],
    ['label:a', 'unknown field label'],
    ['a\nb', 'control character'],
    ['a'.repeat(300), 'longer than 256'],
  ])('%j is refused: %s', (text, words) => {
    const parsed = parseProtect(text);
    expect(parsed.ok ? 'accepted' : parsed.problem).toContain(words);
  });

  test('agrees with the same glob as a regular expression', () => {
    const glyphs = fc.array(fc.constantFrom('a', 'b', '*', '?', '-'), { minLength: 1, maxLength: 12 });
    const names = fc.array(fc.constantFrom('a', 'b', '-'), { maxLength: 12 });
    fc.assert(
      fc.property(glyphs, names, (glyph, chars) => {
        const regex = new RegExp(`^${glyph.map((c) => (c === '*' ? '.*' : c === '?' ? '.' : c)).join('')}$`);
        expect(protects(glyph.join(''), { name: chars.join('') })).toBe(regex.test(chars.join('')));
      }),
    );
  });

  test('with many stars is decided at once', () => {
    expect(protects(`${'*a'.repeat(120)}b`, { name: 'a'.repeat(256) })).toBe(false);
  });
});
