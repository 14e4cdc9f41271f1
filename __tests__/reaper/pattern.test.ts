import { describe, expect, test } from '@jest/globals';
import { CANARY_NAMES, parsePattern } from '../../src/reaper/pattern.ts';

async function problemOf(text: string): Promise<string> {
  const parsed = await parsePattern(text);
  if (parsed.ok) throw new Error(`${text} was accepted`);
  return parsed.problem;
}

async function matcherOf(text: string): Promise<(name: string) => boolean> {
  const parsed = await parsePattern(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return (name) => parsed.value.matches(name);
}

describe('a name pattern', () => {
  test.each([
    ['hatchet-t-[a-f0-9]+', 'hatchet-t-0a1b', true],
    // hatchet's own pattern is not anchored at its end and takes this one.
    ['hatchet-t-[a-f0-9]+', 'hatchet-t-archive-production', false],
    ['hatchet-t-[a-f0-9]+', 'my-hatchet-t-0a1b', false],
    ['^ci-\\d+$', 'ci-12', true],
    ['^ci-\\d+$', 'ci-12x', false],
    ['ci-a|ci-ab', 'ci-ab', true],
    ['ci-a|pr-b', 'ci-a-production', false],
    ['(?i)ci-.+', 'CI-1', true],
    ['ci-.+', 'ci-1\nproduction', false],
    ['ci(-[a-z0-9]+)*', 'ci-a-b-1', true],
  ])('%s on %j: %p', async (text, name, expected) => {
    expect((await matcherOf(text))(name)).toBe(expected);
  });

  test('never matches a name over 256 characters', async () => {
    const matches = await matcherOf('ci-a+');
    expect(matches(`ci-${'a'.repeat(253)}`)).toBe(true);
    expect(matches(`ci-${'a'.repeat(254)}`)).toBe(false);
  });

  test.each(['', '   '])('is refused where it is empty: %j', async (text) => {
    expect(await problemOf(text)).toMatch(/^is empty; write a pattern/);
  });

  test.each([
    '.*',
    '.+',
    '\\w+',
    '[a-z-]+',
    'prod.*',
    'ma(in|ster)',
    'x*',
    '(ci-.*)?',
    '.{20,}',
    '.*-.*-.*',
    '\\S+|ci',
  ])('is refused where it matches what nobody may delete: %s', async (text) => {
    expect(await problemOf(text)).toMatch(/matches (the name|the empty name|nearly any name)/);
  });

  test.each([...CANARY_NAMES].filter(Boolean))(
    'is refused where it is the canary %s itself',
    async (name) => {
      expect(await problemOf(name)).toContain(`matches the name "${name}"`);
    },
  );

  test.each([
    '(a+)+$',
    '(a*)*',
    '([a-z]+)*',
    '(x+x+)+y',
    'ci-((a+))+',
    '(\\w+\\s?)*x',
    '(a|b+)*c',
    '(?:a+){2,}',
    '(.+.)*b',
    '(?i:a+)+',
  ])('is refused where it repeats a repetition: %s', async (text) => {
    expect(await problemOf(text)).toContain('repeats a repetition');
  });

  test.each([
    'ci(-[a-z]+)+',
    '(ci-)+\\d+',
    'ci-[(a+)+]x',
    'ci-\\(a+\\)+',
    'ci-\\Q(a+)+\\E',
    '(ci-a+b)+',
    'ci-(?P<id>[0-9]+)',
  ])('is accepted where a repetition only looks repeated: %s', async (text) => {
    expect((await parsePattern(text)).ok).toBe(true);
  });

  test.each([
    ['ci-(?=a).*', 'look-ahead and look-behind are not supported'],
    ['ci-(?<!x)a', 'look-ahead and look-behind are not supported'],
    ['ci-(a)\\1', 'back-references are not supported'],
    ['ci-[a', 'missing closing ]'],
    ['ci-(a', 'missing closing )'],
    ['ci-a{2,1}', 'invalid repeat count'],
    ['a)|(b', 'unexpected )'],
    ['ci-*+?{', 'cannot be used'],
  ])('%s is refused: %s', async (text, words) => {
    expect(await problemOf(text)).toContain(words);
  });

  test('is refused where it is too long, or too large once compiled', async () => {
    expect(await problemOf(`ci-${'a'.repeat(600)}`)).toContain('longer than 512');
    expect(await problemOf('ci-[a-z]{1000}')).toContain('too large');
  });

  test('a problem shows control characters harmlessly', async () => {
    expect(await problemOf('ci-[\u001b[31m')).not.toContain('\u001b');
  });
});
