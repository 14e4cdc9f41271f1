import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CorruptRecordError } from '../../src/base/errors.ts';
import {
  FORMAT,
  FORMAT_FILE,
  folderOf,
  foldersOf,
  formatRevisionName,
  keyOfNames,
  namesOf,
  parseRevisionName,
  REVISIONS_FOLDER,
  selectHead,
  TEMPORARY_FOLDER,
} from '../../src/store/file-layout.ts';
import {
  decideLinked,
  formatRevision,
  formatToken,
  isPastKeeping,
  KEPT_MS,
  KEPT_REVISIONS,
  parseRevision,
  parseToken,
  type RevisionRecord,
  selectCollectable,
} from '../../src/store/file-revisions.ts';
import { createKey } from '../../src/store/key.ts';

const nonce = fc.uuid();
const record: fc.Arbitrary<RevisionRecord> = fc.record({
  nonce,
  previous: fc.option(nonce),
  value: fc.option(fc.string({ unit: 'grapheme' })),
});
const segments = fc.array(fc.string({ minLength: 1, maxLength: 150, unit: 'grapheme' }), {
  minLength: 1,
  maxLength: 4,
});

describe('names on disk', () => {
  test('lead from a key to its folder and back, each of a length that file systems take', () => {
    fc.assert(
      fc.property(segments, (raw) => {
        const key = createKey(...raw);
        const names = namesOf(key);
        expect(keyOfNames(names)).toBe(key);
        for (const name of names) expect(name.length).toBeLessThan(210);
        expect(folderOf('/root', key)).toBe(`/root/${names.join('/')}/@`);
      }),
    );
  });

  test('of a key and of one below it live side by side', () => {
    expect(foldersOf('/r', 'a/b')).toEqual(['/r', '/r/a', '/r/a/b', '/r/a/b/@']);
    expect(folderOf('/r', 'a')).toBe('/r/a/@');
  });

  test('are those that every version of this format uses', () => {
    expect([REVISIONS_FOLDER, TEMPORARY_FOLDER, FORMAT_FILE]).toEqual(['@', '@tmp', '@format']);
    expect(FORMAT).toBe('lockstep file store 1\n');
  });

  test('are split over 200 bytes, not at 200, and put together again', () => {
    const long = 'k'.repeat(200);
    expect(namesOf(long)).toEqual([long]);
    expect(namesOf(`a/${long}x`)).toEqual(['a', `${long}+`, 'x']);
    expect(keyOfNames(['a', `${long}+`, 'x'])).toBe(`a/${long}x`);
  });

  test.each(['con', 'prn', 'aux', 'nul.txt', 'com1', 'lpt9.x'])('disguise the device name %s', (name) => {
    expect(namesOf(`a/${name}`)).toEqual(['a', `+${name}`]);
    expect(keyOfNames(['a', `+${name}`])).toBe(`a/${name}`);
  });

  test.each(['console', 'falcon', 'com', 'comx', 'com10', 'lptx', 'a.con'])(
    'leave %s alone, which only looks like a device',
    (name) => {
      expect(namesOf(name)).toEqual([name]);
    },
  );

  test('of revisions sort as numbers do, and nothing else is one', () => {
    expect(formatRevisionName(42)).toBe('0000000000000042');
    expect(parseRevisionName(formatRevisionName(42))).toBe(42);
    for (const name of [
      '42',
      '@',
      '000000000000004x',
      '00000000000000042',
      '9999999999999999',
      'x0000000000000042',
    ]) {
      expect(parseRevisionName(name)).toBeNull();
    }
    expect(selectHead(['0000000000000009', 'x', '0000000000000010'])).toBe(10);
    expect(selectHead([])).toBe(0);
  });
});

describe('a revision file', () => {
  test('gives back what was put in, and the whole of it only', () => {
    fc.assert(
      fc.property(record, fc.nat(), (wanted, cut) => {
        const bytes = formatRevision(wanted, Buffer.from(wanted.value ?? ''));
        expect(parseRevision(bytes, '/f')).toEqual(wanted);
        const torn = bytes.subarray(0, cut % bytes.length);
        expect(() => parseRevision(torn, '/f')).toThrow(/\/f is/);
        expect(() => parseRevision(Buffer.concat([bytes, Buffer.from('x')]), '/f')).toThrow(/cut short/);
      }),
    );
  });

  test('is one line before the value, as every version writes it', () => {
    const bytes = (record: RevisionRecord) =>
      formatRevision(record, Buffer.from(record.value ?? '')).toString();
    expect(bytes({ nonce: 'n', previous: null, value: 'é' })).toBe('lockstep 1 n - 2\né');
    expect(bytes({ nonce: 'n', previous: 'p', value: null })).toBe('lockstep 1 n p x\n');
  });

  test.each([
    ['lockstep 2 a - 0\n', /not a revision that this version can read; it was left/, /newer version/],
    ['lockstep 1 a - 2\nx', /is cut short; it was left untouched/, /with fsync/],
  ])('%j is refused in words, with a hint', (text, message, hint) => {
    expect(() => parseRevision(Buffer.from(text), '/f')).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      }),
    );
  });

  test.each([
    '',
    'lockstep 2 a - 0\n',
    'xlockstep 1 a - 0\n',
    'lockstep 1 a - 0 \n',
    'lockstep 1 A - 0\n',
    'lockstep 1 a P 0\n',
    '{"v":1}',
    '\u0000'.repeat(100),
  ])('is corrupt as %j', (text) => {
    expect(() => parseRevision(Buffer.from(text), '/f')).toThrow(CorruptRecordError);
  });

  test('has an opaque token of its number and nonce', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), nonce, (number, mark) => {
        expect(parseToken(formatToken(number, mark))).toEqual({ number, nonce: mark });
      }),
    );
    for (const foreign of [
      '',
      '1',
      'x',
      '0.a',
      '-1.a',
      '1.',
      '1.A',
      '1e3.a',
      'x1.a',
      '1.a!',
      '12345678901234567.a',
    ])
      expect(parseToken(foreign)).toBeNull();
  });
});

describe('collection', () => {
  test('of a hundred revisions in any order takes the oldest 36, by number and not by name', () => {
    const numbers = Array.from({ length: 100 }, (_, at) => at + 1);
    const oldest = numbers.slice(0, 100 - KEPT_REVISIONS);
    expect(selectCollectable([...numbers].reverse())).toEqual(oldest);
    expect(selectCollectable([...numbers.slice(50), ...numbers.slice(0, 50)])).toEqual(oldest);
    expect(selectCollectable(numbers.slice(0, KEPT_REVISIONS))).toEqual([]);
  });

  test('keeps the newest, whatever the order of the listing, and goes from old to new', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 200 }), (numbers) => {
        const gone = selectCollectable(numbers);
        const kept = numbers.filter((number) => !gone.includes(number));
        expect(kept).toHaveLength(Math.min(numbers.length, KEPT_REVISIONS));
        expect(gone).toEqual([...gone].sort((a, b) => a - b));
        for (const number of gone) expect(Math.min(...kept)).toBeGreaterThan(number);
      }),
    );
  });

  test.each([
    [0, KEPT_MS + 1, true],
    [0, KEPT_MS, false],
    [1000, 0, false],
    [1, KEPT_MS + 1, false],
  ])('a file of %d ms beside one of %d ms may go: %s', (modifiedMs, newestMs, expected) => {
    expect(isPastKeeping(modifiedMs, newestMs)).toBe(expected);
  });
});

describe('a linked revision', () => {
  const mine = { number: 8, nonce: 'mine' };
  const successor = (previous: string | null): RevisionRecord => ({ nonce: 'next', previous, value: '' });
  test.each([
    ['is the newest', { head: 8, successor: null }, 'applied'],
    ['was followed by one that builds on it', { head: 12, successor: successor('mine') }, 'applied'],
    ['is below one that builds on another', { head: 90, successor: successor('other') }, 'zombie'],
    ['is below one that began the key', { head: 90, successor: successor(null) }, 'zombie'],
    ['lost its successor to the collection', { head: 90, successor: null }, 'unknown'],
    ['is gone with its folder', { head: 0, successor: null }, 'unknown'],
    ['is above what is there now', { head: 3, successor: null }, 'unknown'],
    ['had a successor and is above what is there now', { head: 3, successor: successor('mine') }, 'unknown'],
  ] as const)('that %s', (_, view, verdict) => {
    expect(decideLinked({ mine, ...view })).toBe(verdict);
  });
});
