import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  DEFAULT_REF_PREFIX,
  decideMove,
  decideSearch,
  keyOf,
  type MoveFacts,
  readMessage,
  readMessageKey,
  refOf,
  refsUnder,
  writeMessage,
} from '../../src/store/drivers/github-decisions.ts';
import { createKey } from '../../src/store/key.ts';
import { parseRefPrefix } from '../../src/store/ref-prefix.ts';

const PREFIX = 'refs/lockstep';
const keys = fc
  .array(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 4 })
  .map((names) => createKey(...names));

describe('the reference of a key', () => {
  test('is readable where the name is', () => {
    expect(refOf(PREFIX, createKey('default', 'lock', 'deploy'))).toBe('refs/lockstep/default/lock/deploy/@');
  });

  test('has only what git takes, is bounded, and is found again', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const ref = refOf(PREFIX, key);
        expect(ref).toMatch(/^refs\/lockstep(\/[a-z0-9._=@-]+)+$/);
        expect(ref).not.toMatch(/\.\.|\.lock(\/|$)|\.(\/|$)|\/\./);
        expect(ref.length).toBeLessThanOrEqual(200);
        const found = keyOf(PREFIX, ref);
        expect(found === 'long' ? 'long' : found?.key).toBe(ref.includes('/@/') ? 'long' : key);
      }),
    );
  });

  test('of 200 characters is still readable; a longer one goes by a hash, which the key alone decides', () => {
    const [fits, long] = ['k'.repeat(184), 'k'.repeat(185)];
    expect(refOf(PREFIX, fits)).toBe(`${PREFIX}/${fits}/@`);
    expect(refOf(PREFIX, long)).toMatch(/^refs\/lockstep\/@\/[^/]+$/);
    expect(refOf(PREFIX, long)).toBe(refOf(PREFIX, long));
    expect(refOf(PREFIX, long)).not.toBe(refOf(PREFIX, `${long}k`));
    expect(keyOf(PREFIX, refOf(PREFIX, long))).toBe('long');
  });

  test.each([
    ['', ['refs/lockstep/']],
    ['///', ['refs/lockstep/']],
    ['a', ['refs/lockstep/a/', 'refs/lockstep/@/']],
    ['a/b~2e', ['refs/lockstep/a/b=2e/', 'refs/lockstep/@/']],
    ['a/b//', ['refs/lockstep/a/b/', 'refs/lockstep/@/']],
  ])('a listing of the keys under "%s" asks for %j', (keyPrefix, starts) => {
    expect(refsUnder(PREFIX, keyPrefix)).toEqual(starts);
  });

  test('is found by a listing of each prefix of the key', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const segments = key.split('/');
        for (let length = 0; length <= segments.length; length += 1) {
          const starts = refsUnder(PREFIX, segments.slice(0, length).join('/'));
          expect(starts.some((start) => refOf(PREFIX, key).startsWith(start))).toBe(true);
        }
      }),
    );
  });

  test.each(['refs/lockstep/a', 'refs/heads/main', 'refs/lockstepping/a/@'])(
    '%s is nobody of ours',
    (ref) => {
      expect(keyOf(PREFIX, ref)).toBeNull();
    },
  );
});

describe('a prefix of references', () => {
  test.each([
    DEFAULT_REF_PREFIX,
    'refs/lockstep',
    'refs/heads/lockstep',
    'refs/tags/locks/ci',
    'refs/a_b.c',
    'refs/a.locker',
  ])('%s is taken', (text) => {
    expect(parseRefPrefix(text)).toEqual({ ok: true, value: text });
  });
  test.each([
    '',
    'refs',
    'refs/',
    'lockstep',
    'heads/lockstep',
    'refs/heads',
    'refs/tags',
    'refs/pull/1',
    'refs/lock step',
    'refs/lockstep/',
    'refs//lockstep',
    'refs/../lockstep',
    'refs/.lockstep',
    'refs/a..b',
    'refs/a.lock',
    'refs/a@{0}',
    'refs/a~1',
    '-refs/a',
  ])('"%s" is refused', (text) => {
    expect(parseRefPrefix(text)).toMatchObject({ ok: false, problem: expect.any(String) });
  });
  test.each([
    ['lockstep', 'is not a prefix of references; write refs/lockstep or refs/heads/lockstep'],
    ['refs/heads', 'would take all refs/heads; write refs/heads/lockstep'],
    ['refs/tags', 'would take all refs/tags; write refs/tags/lockstep'],
    ['refs/pull/1', 'refs/pull belongs to others; write refs/lockstep'],
    ['refs/remotes/a', 'refs/remotes belongs to others; write refs/lockstep'],
    ['refs/notes/a', 'refs/notes belongs to others; write refs/lockstep'],
    ['refs/replace/a', 'refs/replace belongs to others; write refs/lockstep'],
  ])('"%s": %s', (text, problem) => {
    expect(parseRefPrefix(text)).toEqual({ ok: false, problem });
  });
});

describe('a commit message', () => {
  test('gives back any value and key, also where a server trims the end', () => {
    fc.assert(
      fc.property(keys, fc.string({ unit: 'grapheme', maxLength: 200 }), (key, value) => {
        const message = writeMessage({ key, value, nonce: 'n' });
        expect(readMessage(message, key)).toBe(value);
        expect(readMessage(message.trimEnd(), key)).toBe(value);
        expect(readMessageKey(message)).toBe(key);
      }),
    );
  });

  test('has a title for people and one line of JSON, as every version writes it', () => {
    const message = writeMessage({ key: 'a', value: 'x\ny', nonce: 'n' });
    expect(message).toBe('lockstep a\n\n{"v":1,"key":"a","nonce":"n","value":"x\\ny"}\n');
  });

  test.each([
    ['Merge branch main', 'the commit that keeps a was not written by lockstep; it was left untouched'],
    [
      'not lockstep a\n\n{"v":1}',
      'the commit that keeps a was not written by lockstep; it was left untouched',
    ],
    ['lockstep a\n\n{', 'the commit that keeps a is not JSON; it was left untouched'],
    [
      'lockstep a\n\n{"v":1,"key":"b","value":"x"}',
      'the commit that keeps a keeps something else; it was left untouched',
    ],
    ['lockstep a\n\n{"v":2}', 'the commit that keeps a has the format 2, not 1'],
  ])('%j is refused: %s', (message, problem) => {
    expect(() => readMessage(message, 'a')).toThrow(problem);
  });

  test('of a newer version says what to do', () => {
    expect(() => readMessage('lockstep a\n\n{"v":2}', 'a')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('update') }),
    );
  });

  test.each(['Merge branch main', '', 'lockstep a\n\n{"v":1,"key":5}', 'lockstep a\n\n{"v":2,"key":"a"}'])(
    'that is %j names no key, and a listing goes on',
    (message) => {
      expect(readMessageKey(message)).toBeNull();
    },
  );

  test('differs per attempt, so that each has a commit of its own', () => {
    const of = (nonce: string) => writeMessage({ key: 'a', value: 'same', nonce });
    expect(of('one')).not.toBe(of('two'));
  });

  test.each([
    ['foreign', 'Merge branch main'],
    ['empty', ''],
    ['without a body', 'lockstep a'],
    ['damaged', 'lockstep a\n\n{"v":1,"key":"a","va'],
    ['of another key', writeMessage({ key: 'b', value: 'x', nonce: 'n' })],
    ['newer', 'lockstep a\n\n{"v":2,"key":"a","value":"x"}'],
    ['without a value', 'lockstep a\n\n{"v":1,"key":"a"}'],
    ['a list', 'lockstep a\n\n[1]'],
  ])('that is %s is a corrupt record', (_, message) => {
    expect(() => readMessage(message, 'a')).toThrow(expect.objectContaining({ code: 'corrupt-record' }));
  });
});

describe('a move that was not plainly done', () => {
  const [expected, mine, other] = ['e', 'm', 'o'];
  const facts = (partial: Partial<MoveFacts>): MoveFacts => ({
    expect: expected,
    mine,
    answer: 'doubtful',
    earlierDoubt: false,
    head: other,
    ...partial,
  });

  test.each<[string, Partial<MoveFacts>, string]>([
    ['own commit is the head after silence', { head: mine }, 'applied'],
    ['own commit is the head after a refusal', { answer: 'not-fast-forward', head: mine }, 'applied'],
    [
      'own creation is refused as existing',
      { expect: null, answer: 'already-exists', head: mine },
      'applied',
    ],
    ['an unexplained refusal with own commit as head', { answer: 'unknown', head: mine }, 'applied'],
    ['a plain refusal, another head', { answer: 'not-fast-forward' }, 'lost'],
    ['a plain refusal of a creation', { expect: null, answer: 'already-exists' }, 'lost'],
    ['the reference is not there', { answer: 'no-such-ref', head: null }, 'lost'],
    [
      'the reference is not there, after doubt',
      { answer: 'no-such-ref', head: null, earlierDoubt: true },
      'lost',
    ],
    ['a plain refusal, and a stale read', { answer: 'not-fast-forward', head: expected }, 'lost-unseen'],
    [
      'a refused creation, and a stale read',
      { expect: null, answer: 'already-exists', head: null },
      'lost-unseen',
    ],
    ['the reference is not there, and a read that saw it', { answer: 'no-such-ref' }, 'lost'],
    [
      'the reference is not there, and a stale read',
      { answer: 'no-such-ref', head: expected },
      'lost-unseen',
    ],
    [
      'the reference was not there after doubt, another head now',
      { answer: 'no-such-ref', earlierDoubt: true },
      'search',
    ],
    ['silence, and the old head', { head: expected }, 'again'],
    ['an unexplained refusal, and the old head', { answer: 'unknown', head: expected }, 'again'],
    ['a creation in silence, and nothing there', { expect: null, head: null }, 'again'],
    [
      'a plain refusal after doubt, and the old head',
      { answer: 'not-fast-forward', head: expected, earlierDoubt: true },
      'again',
    ],
    ['silence, and nothing there any more', { head: null }, 'again'],
    ['silence, another head', {}, 'search'],
    ['an unexplained refusal, another head', { answer: 'unknown' }, 'search'],
    [
      'a plain refusal after doubt, another head',
      { answer: 'not-fast-forward', earlierDoubt: true },
      'search',
    ],
  ])('%s', (_, partial, verdict) => {
    expect(decideMove(facts(partial))).toBe(verdict);
  });
});

describe('the walk down a chain', () => {
  test.each<[string, string | null, string[], unknown]>([
    ['meets the own commit: overtaken after it was applied', 'e', ['m'], 'applied'],
    ['meets the expected commit: another child of it won', 'e', ['e'], 'lost'],
    ['meets neither: goes on', 'e', ['x'], { next: 'x' }],
    ['ends without the expected commit: a stale or foreign head', 'e', [], 'unrelated'],
    ['ends for a creation: another root won', null, [], 'lost'],
    ['goes on for a creation', null, ['x'], { next: 'x' }],
    ['meets the own root', null, ['m'], 'applied'],
    ['meets the own commit below a merge by hand', 'e', ['x', 'm'], 'applied'],
  ])('%s', (_, expect_, parents, step) => {
    expect(decideSearch({ expect: expect_, mine: 'm', parents })).toEqual(step);
  });
});
