import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LeaseRecord } from '../../src/lease/contract.ts';
import {
  boundHolder,
  encodeRecord,
  hasRoomForTicket,
  MAX_PERMITS,
  MAX_TOKEN,
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
    expect(parsed).toEqual(record);
    expect(Object.isFrozen(parsed.entries[0]?.holder)).toBe(true);
    expect(Object.isFrozen(parsed.note)).toBe(true);
  });

  test('one of an earlier version has no times, and stays readable', () => {
    expect(parseRecord(KEY, JSON.stringify(held)).entries).toEqual([entryOf('a')]);
  });

  test('an absent key is a view without a record', () => {
    expect(parseView(KEY, null)).toEqual({ revision: null, record: null });
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
