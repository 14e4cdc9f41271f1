import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  announce,
  type CreationEnd,
  decideRoom,
  describeRoom,
  dropDead,
  endClaim,
  freePlace,
  hasPlace,
  type RoomFacts,
  recordCensus,
  takePlace,
} from '../../src/reaper/room.ts';
import {
  EMPTY_ROOM,
  encodeRoom,
  parseRoom,
  type RoomCensus,
  type RoomClaim,
  type RoomRecord,
} from '../../src/reaper/room-record.ts';

const claim = (nonce: string, state: RoomClaim['state'] = 'waiting'): RoomClaim => ({
  nonce,
  seq: 0,
  leaseMs: 10_000,
  state,
  holder: `job ${nonce}`,
});
const census = (overrides: Partial<RoomCensus> = {}): RoomCensus => ({
  number: 1,
  counted: 5,
  limit: 5,
  nextDueMs: null,
  spare: 0,
  holders: [],
  ...overrides,
});
const room = (overrides: Partial<RoomRecord> = {}): RoomRecord => ({ ...EMPTY_ROOM, ...overrides });
const facts = (overrides: Partial<RoomFacts> = {}): RoomFacts => ({
  staleCensus: 0,
  censusSeenForMs: 0,
  nonce: 'me',
  remainingMs: 60_000,
  isReleaseExpected: false,
  ...overrides,
});

describe('what somebody who was refused for the limit does next', () => {
  test.each<[string, RoomRecord, RoomFacts, string]>([
    ['a free place is taken', room({ free: 1 }), facts(), 'create'],
    ['nobody counted yet', room(), facts(), 'sweep'],
    ['the count is from before the refusal', room({ census: census() }), facts({ staleCensus: 1 }), 'sweep'],
    ['full, and nothing falls due', room({ census: census() }), facts(), 'full'],
    ['full, and something falls due in time', room({ census: census({ nextDueMs: 5000 }) }), facts(), 'wait'],
    [
      'full, and the next falls due too late',
      room({ census: census({ nextDueMs: 90_000 }) }),
      facts(),
      'full',
    ],
    [
      'it should have fallen due by now',
      room({ census: census({ nextDueMs: 5000 }) }),
      facts({ censusSeenForMs: 6001 }),
      'sweep',
    ],
    ['more would go for more headroom', room({ census: census({ spare: 2 }) }), facts(), 'sweep'],
    [
      'somebody else is creating and may fail',
      room({ census: census(), claims: [claim('other', 'creating')] }),
      facts(),
      'wait',
    ],
    ['only we are creating', room({ census: census(), claims: [claim('me', 'creating')] }), facts(), 'full'],
    ['a release is expected', room({ census: census() }), facts({ isReleaseExpected: true }), 'wait'],
  ])('%s', (_, record, known, step) => {
    expect(decideRoom(record, known).step).toBe(step);
  });

  test('it waits no longer than it must: to the second after the expiry, and less what has passed', () => {
    const step = decideRoom(room({ census: census({ nextDueMs: 5000 }) }), facts({ censusSeenForMs: 2000 }));
    expect(step).toEqual({ step: 'wait', forMs: 4000, why: 'expiry' });
  });
});

describe('a place', () => {
  const ends: readonly CreationEnd[] = ['created', 'failed', 'refused', 'left'];

  test('is never used by two, and every step may be applied twice', () => {
    const step = fc.record({
      who: fc.constantFrom('a', 'b', 'c', 'd'),
      what: fc.constantFrom('announce', 'take', 'dead', ...ends),
    });
    fc.assert(
      fc.property(fc.nat(3), fc.array(step, { maxLength: 40 }), (free, steps) => {
        let record = room({ free });
        let freedByRefusal = 0;
        let used = 0;
        for (const { who, what } of steps) {
          const before = record;
          const apply = (from: RoomRecord): RoomRecord => {
            if (what === 'announce') return announce(from, claim(who));
            if (what === 'take') return takePlace(from, claim(who)) ?? from;
            if (what === 'dead') return dropDead(from, new Set([who]));
            return endClaim(from, who, what) ?? from;
          };
          record = apply(record);
          if (what !== 'announce') expect(apply(record)).toEqual(record);
          const had = hasPlace(before, who);
          if (had && (what === 'created' || what === 'dead' || what === 'left' || what === 'announce'))
            used += 1;
          if (what === 'refused' && before.claims.some((each) => each.nonce === who))
            freedByRefusal += before.free + (had ? 1 : 0);
          const creating = record.claims.filter((each) => each.state === 'creating').length;
          expect(record.free).toBeGreaterThanOrEqual(0);
          expect(record.free + creating + used + freedByRefusal).toBe(free);
        }
      }),
    );
  });

  test('given back by its owner is one more, but never more than the account may have', () => {
    expect(freePlace(room({ free: 1 })).free).toBe(2);
    expect(freePlace(room({ free: 5, census: census({ limit: 5 }) })).free).toBe(5);
  });
});

describe('a count', () => {
  const figures = { counted: 10, freed: 4, nextDueMs: 1234.5, spare: 3, holders: ['x'] };

  test('leaves what was freed, less the places of those who are creating', () => {
    const record = room({ claims: [claim('a', 'creating'), claim('b')] });
    const counted = recordCensus(record, { figures, limit: 10, number: 1 });
    expect(counted).toMatchObject({ free: 3, census: { counted: 6, limit: 10, nextDueMs: 1235, spare: 3 } });
  });

  test('without a known limit leaves what was freed, and with too many apps nothing', () => {
    expect(recordCensus(room(), { figures, limit: null, number: 1 })?.free).toBe(4);
    expect(recordCensus(room(), { figures, limit: 5, number: 1 })?.free).toBe(0);
  });

  test('that freed nothing promises nothing either', () => {
    const none = recordCensus(room(), { figures: { ...figures, freed: 0 }, limit: 10, number: 1 });
    expect(none?.census?.spare).toBe(0);
  });

  test('is recorded once', () => {
    const once = recordCensus(room(), { figures, limit: 10, number: 1 });
    expect(once && recordCensus(once, { figures, limit: 10, number: 1 })).toBeNull();
  });

  test('reads as who holds the places and when the next falls due', () => {
    expect(describeRoom(census({ nextDueMs: 90_000, holders: ['ci-a (2 m old, young)'] }))).toBe(
      'the account is full: 5 of 5 places are taken, the next falls due in 1 m 30 s; they are held by ci-a (2 m old, young)',
    );
    // Those who were faster have created since.
    expect(describeRoom(census({ counted: 3 }))).toMatch(
      /^the account is full: 3 of 5 places were taken at the last count, the others since then, none/,
    );
    expect(describeRoom(census({ limit: null }))).toMatch(/5 apps are there, none of them will fall due$/);
  });
});

describe('the record', () => {
  test('reads back what was written, cut to what it may hold', () => {
    const record = room({ free: 2, census: census({ holders: ['a\nb'] }), claims: [claim('x')] });
    const text = encodeRoom(record);
    expect(parseRoom('k', text)).toMatchObject({
      free: 2,
      claims: [claim('x')],
      census: { holders: ['a\\x0ab'] },
    });
    const crowd = room({ claims: Array.from({ length: 500 }, (_, at) => claim(String(at))) });
    expect(parseRoom('k', encodeRoom(crowd)).claims).toHaveLength(200);
  });

  test.each([
    'no json',
    '[]',
    '{"v":2}',
    '{"v":1,"free":-1,"census":null,"claims":[]}',
    '{"v":1,"free":0,"census":7,"claims":[]}',
    '{"v":1,"free":0,"census":null,"claims":[7]}',
    '{"v":1,"free":0,"census":null,"claims":[{"nonce":"a","seq":0,"leaseMs":1,"state":"waiting","holder":"x"}]}',
  ])('that is foreign is corrupt: %s', (text) => {
    expect(() => parseRoom('k', text)).toThrow(expect.objectContaining({ code: 'corrupt-record' }));
  });
});
