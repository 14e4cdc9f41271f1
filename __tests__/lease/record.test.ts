import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LeaseRecord } from '../../src/lease/contract.ts';
import {
  boundHolder,
  createRecord,
  encodeRecord,
  hasRoomForTicket,
  MAX_LEASE_MS,
  MAX_PERMITS,
  MAX_TICKETS,
  MAX_TOKEN,
  MIN_LEASE_MS,
  parseRecord,
  parseView,
} from '../../src/lease/record.ts';
import { entryOf, HOLDER, recordOf } from '../support/lease-scripted-store.ts';

const KEY = 'test/lock/key';
const held = recordOf([entryOf('a')]);
const mark = {
  renewedAt: '2026-01-01T00:00:00.000Z',
  stamp: { clockId: '04fdd084-3c38-43bb-8ec5-bc14032abe54/4026531834', ms: 2 ** 40 },
};
const ticket = (nonce: string) => ({ nonce, seq: 0, leaseMs: 10_000, holder: HOLDER });

describe('the lease record', () => {
  test('what is written is read back as an equal, frozen value', () => {
    const record = recordOf([entryOf('a', { holder: { ...HOLDER, run: '1', url: 'u' } })], {
      tickets: [{ ...ticket('b'), ...mark }],
      note: { x: { y: [1] } },
    });
    const parsed = parseRecord(KEY, encodeRecord(KEY, record));
    expect(parsed).toStrictEqual(record);
    expect(Object.isFrozen(parsed.entries[0]?.holder)).toBe(true);
    expect(Object.isFrozen(parsed.note)).toBe(true);
  });

  test('one of an earlier version has no times, and stays readable', () => {
    expect(parseRecord(KEY, JSON.stringify(held)).entries).toEqual([entryOf('a')]);
  });

  test('an absent key is a view without a record', () => {
    expect(parseView(KEY, null)).toEqual({ revision: null, record: null });
  });

  test('a present key is a view of its record and revision, frozen', () => {
    const view = parseView(KEY, { value: JSON.stringify(held), revision: 'r7' });
    expect(view).toStrictEqual({ revision: 'r7', record: held });
    expect(Object.isFrozen(view)).toBe(true);
  });

  test('the record of a key that nobody ever held is free, with token 0', () => {
    const fresh = createRecord(3);
    const empty = { v: 1, state: 'free', token: 0, permits: 3, entries: [], tickets: [], note: {} };
    expect(fresh).toStrictEqual(empty);
    expect(Object.isFrozen(fresh.entries)).toBe(true);
    expect(parseRecord(KEY, encodeRecord(KEY, fresh))).toStrictEqual(fresh);
  });

  const tickets = (count: number) => Array.from({ length: count }, (_, at) => ticket(`t${at}`));
  test.each<[string, LeaseRecord]>([
    [
      'the shortest lease and the longest',
      recordOf([entryOf('a', { leaseMs: MIN_LEASE_MS }), entryOf('b', { token: 2, leaseMs: MAX_LEASE_MS })], {
        permits: 2,
      }),
    ],
    ['the highest token', recordOf([entryOf('a', { token: MAX_TOKEN })])],
    ['as many permits as there may be', recordOf([], { permits: MAX_PERMITS })],
    ['as many tickets as there may be', recordOf([], { tickets: tickets(MAX_TICKETS) })],
    ['a nonce of 64 characters', recordOf([entryOf('n'.repeat(64))])],
    ['a time of 32 characters', recordOf([entryOf('a', { renewedAt: '2'.repeat(32) })])],
    [
      'a clock with a name of 64 characters',
      recordOf([entryOf('a', { stamp: { clockId: 'c'.repeat(64), ms: 0 } })]),
    ],
    ['an owner and a waiter of one acquisition', recordOf([entryOf('a')], { tickets: [ticket('a')] })],
    [
      'every field of a holder',
      recordOf([entryOf('a', { holder: { ...HOLDER, run: '1', attempt: '2', job: 'j', url: 'u' } })]),
    ],
    [
      'no field of a holder that may be absent',
      recordOf([entryOf('a', { holder: { text: 't', host: 'h', pid: 0 } })]),
    ],
  ])('%s is taken', (_, record) => {
    expect(parseRecord(KEY, encodeRecord(KEY, record))).toStrictEqual(record);
  });

  const corrupt: [string, unknown][] = [
    ['a newer version', { ...held, v: 2 }],
    ['no version', { ...held, v: undefined }],
    ["another program's JSON", { holder: 'me', acquiredAt: 1 }],
    ['a list', []],
    ['a lease over an hour', recordOf([entryOf('a', { leaseMs: 3_600_001 })])],
    ['a lease under a second', recordOf([entryOf('a', { leaseMs: 999 })])],
    ['a token beyond 2^53 - 2^20', { ...held, token: MAX_TOKEN + 1 }],
    ['an entry whose token is above the record', recordOf([entryOf('a', { token: 2 })], { token: 1 })],
    ['a fractional token', { ...held, token: 1.5 }],
    ['more entries than permits', recordOf([entryOf('a'), entryOf('b', { token: 2 })])],
    ['too many permits', recordOf([], { permits: MAX_PERMITS + 1 })],
    ['held without entries', recordOf([], { state: 'held' })],
    ['free with entries', recordOf([entryOf('a')], { state: 'free' })],
    ['one nonce twice', recordOf([entryOf('a'), entryOf('a', { token: 2 })], { permits: 2 })],
    ['one token twice', recordOf([entryOf('a'), entryOf('b')], { permits: 2 })],
    ['an empty nonce', recordOf([entryOf('')])],
    ['a nonce of 65 characters', recordOf([entryOf('n'.repeat(65))])],
    ['one ticket twice', recordOf([], { tickets: [ticket('t'), ticket('t')] })],
    ['an empty nonce behind a good one', recordOf([], { tickets: [ticket('t'), ticket('')] })],
    ['too many tickets', recordOf([], { tickets: tickets(MAX_TICKETS + 1) })],
    ['no permits', recordOf([], { permits: 0 })],
    ['a negative token', { ...held, token: -1, state: 'free', entries: [] }],
    ['an owner without a token of its own', recordOf([entryOf('a', { token: 0 })])],
    ['a negative seq', recordOf([entryOf('a', { seq: -1 })])],
    ['a negative process id', recordOf([entryOf('a', { holder: { ...HOLDER, pid: -1 } })])],
    ['an unknown state', { ...held, state: 'locked' }],
    ['an owner since no time', recordOf([{ ...entryOf('a'), since: undefined as never }])],
    [
      'an endless time behind a good one',
      recordOf([], { tickets: [ticket('t'), { ...ticket('u'), renewedAt: '2'.repeat(33) }] }),
    ],
    ['a note that is no object', { ...held, note: 'x' }],
    ['a holder without a text', recordOf([{ ...entryOf('a'), holder: { host: 'h', pid: 1 } as never }])],
    ['a holder whose run is a number', recordOf([entryOf('a', { holder: { ...HOLDER, run: 5 as never } })])],
    ['a stamp that is no object', recordOf([entryOf('a', { stamp: 5 as never })])],
    ['a stamp without a clock', recordOf([entryOf('a', { stamp: { ms: 5 } as never })])],
    ['a stamp before the start of time', recordOf([entryOf('a', { stamp: { clockId: 'c', ms: -1 } })])],
    ['a fractional stamp', recordOf([entryOf('a', { stamp: { clockId: 'c', ms: 0.5 } })])],
    [
      'a clock with an endless name',
      recordOf([], { tickets: [{ ...ticket('t'), stamp: { clockId: 'c'.repeat(65), ms: 1 } }] }),
    ],
    ['an endless time', recordOf([entryOf('a', { renewedAt: '2'.repeat(33) })])],
    ['a ticket that is null', recordOf([], { tickets: [null as never] })],
  ];
  test.each(corrupt)('L16: %s is corrupt, exit code 9', (_, value) => {
    expect(() => parseRecord(KEY, JSON.stringify(value))).toThrow(
      expect.objectContaining({ code: 'corrupt-record', message: expect.stringContaining(KEY) }),
    );
  });
  test.each(['', 'not json', '{"v":1', 'null', '"text"'])('L16: %j is corrupt', (text) => {
    expect(() => parseRecord(KEY, text)).toThrow(expect.objectContaining({ code: 'corrupt-record' }));
  });

  test.each<[string, unknown, string]>([
    ['is held without owners', recordOf([], { state: 'held' }), 'is held with 0 owners'],
    ['is free with one', recordOf([entryOf('a')], { state: 'free' }), 'is free with 1 owners'],
    ['is crowded', recordOf([entryOf('a'), entryOf('b', { token: 2 })]), 'has 2 owners for 1 permits'],
    ['has an endless queue', recordOf([], { tickets: tickets(101) }), 'has 101 tickets'],
    ['repeats a nonce', recordOf([], { tickets: [ticket('t'), ticket('t')] }), 'names one acquisition twice'],
    ['has an empty nonce', recordOf([entryOf('')]), 'has a bad nonce'],
    [
      'has an endless time',
      recordOf([entryOf('a', { renewedAt: '2'.repeat(33) })]),
      'has a time that is none',
    ],
    ['repeats a token', recordOf([entryOf('a'), entryOf('b')], { permits: 2 }), 'gives one token twice'],
    ['is of another version', { ...held, v: 2 }, 'is not of version 1'],
  ])('L16: one that %s says so', (_, value, problem) => {
    expect(() => parseRecord(KEY, JSON.stringify(value))).toThrow(
      `the lease record of ${KEY} ${problem}; it was left untouched`,
    );
  });

  test('L16: a foreign record comes with a hint, and a bad item is named by its place', () => {
    expect(() => parseRecord(KEY, '{}')).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/another program uses this key.*namespace/) }),
    );
    expect(() =>
      parseRecord(KEY, JSON.stringify(recordOf([], { tickets: [ticket('t'), 5 as never] }))),
    ).toThrow(`the lease record of ${KEY}.tickets[1] should be an object; it was left untouched`);
    const bad = recordOf([entryOf('a', { seq: -1 })]);
    expect(() => parseRecord(KEY, JSON.stringify(bad))).toThrow(
      `the lease record of ${KEY}.entries[0].seq should`,
    );
  });

  test('a record of exactly the bytes of a value is written, one more byte is not', () => {
    const bytes = Buffer.byteLength(encodeRecord(KEY, { ...held, note: { text: '' } }));
    const of = (length: number) => ({ ...held, note: { text: 'x'.repeat(length) } });
    expect(Buffer.byteLength(encodeRecord(KEY, of(65_536 - bytes)))).toBe(65_536);
    expect(() => encodeRecord(KEY, of(65_537 - bytes))).toThrow(
      expect.objectContaining({
        problems: [
          {
            option: '',
            message: `the lease record of ${KEY} would take 65537 bytes of 65536; use fewer permits, shorter holder names or a shorter note`,
          },
        ],
      }),
    );
  });

  test('one that contradicts itself is a bug of ours, and names what', () => {
    expect(() => encodeRecord(KEY, { ...held, state: 'free' })).toThrow(
      `a lease record of ${KEY} was made that is free with 1 owners`,
    );
    expect(() => encodeRecord(KEY, { ...held, token: MAX_TOKEN + 1 })).toThrow(
      `the tokens of ${KEY} are used up`,
    );
  });

  test('tokens that are used up, a record too large and one that contradicts itself are not written', () => {
    expect(() => encodeRecord(KEY, { ...held, token: MAX_TOKEN + 1 })).toThrow(/used up/);
    expect(() => encodeRecord(KEY, { ...held, note: { text: 'x'.repeat(65_536) } })).toThrow(
      expect.objectContaining({ code: 'config' }),
    );
    expect(() => encodeRecord(KEY, { ...held, state: 'free' })).toThrow(
      expect.objectContaining({ code: 'invariant' }),
    );
  });

  test('the largest record of 60 owners with the longest holders fits a value', () => {
    const holder = boundHolder({
      text: '\u0001'.repeat(999),
      host: '☃'.repeat(999),
      pid: 4_194_304,
      run: 'r'.repeat(999),
      attempt: 'a'.repeat(999),
      job: '"'.repeat(999),
      url: 'u'.repeat(999),
    });
    const entries = Array.from({ length: 60 }, (_, at) =>
      entryOf(`00000000-0000-0000-0000-0000000000${at}`, { token: MAX_TOKEN - at, holder, ...mark }),
    );
    const record = recordOf(entries, { permits: MAX_PERMITS });
    expect(Buffer.byteLength(encodeRecord(KEY, record))).toBeLessThan(65_536);
  });

  test('a queue is bounded in number and in bytes', () => {
    const queue = (count: number): LeaseRecord =>
      recordOf([entryOf('a')], { tickets: Array.from({ length: count }, (_, at) => ticket(`t${at}`)) });
    expect(hasRoomForTicket(queue(99))).toBe(true);
    expect(hasRoomForTicket(queue(100))).toBe(false);
    expect(hasRoomForTicket({ ...queue(1), note: { text: 'x'.repeat(32_768) } })).toBe(false);
    const noted = (length: number) => ({ ...queue(1), note: { text: 'x'.repeat(length) } });
    const fits = 32_768 - Buffer.byteLength(JSON.stringify(noted(0)));
    expect(hasRoomForTicket(noted(fits))).toBe(true);
    expect(hasRoomForTicket(noted(fits + 1))).toBe(false);
  });

  test('a holder is bounded field by field, and has no fields that it did not have', () => {
    const small = { text: 't', host: 'h', pid: 1 };
    expect(boundHolder(small)).toStrictEqual(small);
    const long = 'x'.repeat(999);
    const bounded = boundHolder({
      text: long,
      host: long,
      pid: 1,
      run: long,
      attempt: long,
      job: long,
      url: long,
    });
    expect(bounded).toStrictEqual({
      text: 'x'.repeat(200),
      host: 'x'.repeat(100),
      pid: 1,
      run: 'x'.repeat(40),
      attempt: 'x'.repeat(20),
      job: 'x'.repeat(100),
      url: 'x'.repeat(200),
    });
    expect(Object.isFrozen(bounded)).toBe(true);
  });

  test('a holder is cut between characters, and stays within its bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const cut = boundHolder({ ...HOLDER, text }).text;
        expect(text.startsWith(cut)).toBe(true);
        expect(Buffer.byteLength(JSON.stringify(cut))).toBeLessThanOrEqual(202);
        if (Buffer.byteLength(JSON.stringify(text)) <= 202) expect(cut).toBe(text);
      }),
    );
  });
});
