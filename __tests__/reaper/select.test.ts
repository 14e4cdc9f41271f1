import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { App } from '../../src/provider/contract.ts';
import type { ProtectRule } from '../../src/reaper/contract.ts';
import { orderChildrenFirst } from '../../src/reaper/order.ts';
import { parseProtect } from '../../src/reaper/protect.ts';
import { type Listing, selectApps } from '../../src/reaper/select.ts';
import {
  createApp,
  createSettings,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  START_WALL_MS,
} from '../support/reaper-harness.ts';

function rule(text: string): ProtectRule {
  const parsed = parseProtect(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

function select(
  apps: App[],
  settings: Parameters<typeof createSettings>[0] = {},
  listing: Partial<Listing> = {},
) {
  return selectApps(
    { apps, isComplete: true, serverNowMs: START_WALL_MS, ...listing },
    createSettings(settings),
  );
}

const verdictOf = (app: App, settings: Parameters<typeof createSettings>[0] = {}) =>
  select([app], settings).matched[0]?.verdict ?? 'not matched';

const ids = (apps: readonly App[]) => apps.map((app) => app.id);

describe('the verdict on an app', () => {
  test.each<[string, Parameters<typeof createApp>[1], string]>([
    ['is stale', {}, 'eligible'],
    ['does not match', { name: 'production' }, 'not matched'],
    ['belongs to somebody else', { inScope: false }, 'not matched'],
    ['is protected by the provider', { isProtected: true }, 'protected'],
    ['is protected by name', { name: 'ci-keep-1' }, 'protected'],
    ['is being deleted', { state: 'deleting' }, 'kept'],
    ['is between two states', { state: 'transitional' }, 'kept'],
    ['could not be deleted before (row 30)', { state: 'delete-failed' }, 'eligible'],
    ['could not be deleted before, but is young', { state: 'delete-failed', ageMs: MINUTE_MS }, 'young'],
    ['has no age', { createdAtMs: null }, 'unknown-age'],
    ['is exactly the min-age old', { ageMs: 5 * MINUTE_MS }, 'young'],
    ['is just over the min-age', { ageMs: 5 * MINUTE_MS + 1 }, 'kept'],
    ['is exactly as old as allowed', { ageMs: HOUR_MS }, 'kept'],
    ['is just older than allowed', { ageMs: HOUR_MS + 1 }, 'eligible'],
    ['has a name over 256 characters', { name: `ci-${'a'.repeat(260)}` }, 'kept'],
    ['has an endless name of another kind', { name: 'x'.repeat(260) }, 'kept'],
  ])('that %s', (_, overrides, expected) => {
    expect(verdictOf(createApp('1', overrides), { protect: [rule('ci-keep-*')] })).toBe(expected);
  });

  // Row 4: whatever a provider's time turns into, it never makes an app old.
  test.each([
    Number.NaN,
    0,
    -1,
    1_735_689_600,
    Date.UTC(2099, 0, 1),
    START_WALL_MS + 120_001,
    Infinity,
    -Infinity,
  ])('created at %d is unknown-age, never old', (createdAtMs) => {
    expect(verdictOf(createApp('1', { createdAtMs }))).toBe('unknown-age');
  });

  test('created a little in the future is young: clocks of one provider differ', () => {
    expect(verdictOf(createApp('1', { createdAtMs: START_WALL_MS + 119_000 }), { minAgeMs: 0 })).toBe(
      'young',
    );
  });

  test('is unknown-age where the provider tells no time', () => {
    expect(select([createApp('1')], {}, { serverNowMs: null }).matched[0]?.verdict).toBe('unknown-age');
  });

  test('the min-age protects also where older-than is shorter', () => {
    expect(verdictOf(createApp('1', { ageMs: 2 * MINUTE_MS }), { olderThanMs: MINUTE_MS })).toBe('young');
  });

  test('a rule that throws protects, and a pattern that throws keeps (row 7)', () => {
    const broken = () => {
      throw new Error('cannot');
    };
    expect(verdictOf(createApp('1'), { protect: [{ source: 'x', protects: broken }] })).toBe('protected');
    expect(verdictOf(createApp('1'), { match: { source: 'x', matches: broken } })).toBe('kept');
  });

  test('says which rule decided, in words for a table', () => {
    const reasons = select(
      [createApp('1'), createApp('2', { name: 'ci-keep' }), createApp('3', { ageMs: 10 })],
      { olderThanMs: 7 * HOUR_MS, protect: [rule('ci-k*')] },
    ).matched.map((one) => one.reason);
    expect(reasons.sort()).toEqual(['not older than 5 m', 'older than 7 h', 'protected by ci-k*']);
  });
});

describe('the limit', () => {
  const apps = [1, 2, 3, 4, 5].map((n) => createApp(String(n), { ageMs: n * HOUR_MS }));

  test('alone takes the oldest, down to the limit less the headroom', () => {
    const selection = select(apps, { olderThanMs: null, limit: 4, headroom: 1 });
    expect(ids(selection.candidates)).toEqual(['5', '4']);
    expect(selection).toMatchObject({ counted: 5, target: 3, shortfall: 0 });
    expect(selection.matched[0]?.reason).toBe('over the limit of 4');
  });

  test('takes nothing while it is met', () => {
    expect(select(apps, { olderThanMs: null, limit: 5 }).candidates).toEqual([]);
  });

  // Row 25: an account lists 224 apps, and only one of them counts.
  test('counts only apps in scope', () => {
    const foreign = Array.from({ length: 223 }, (_, at) => createApp(`f${at}`, { inScope: false }));
    const selection = select([...foreign, createApp('own')], { olderThanMs: null, limit: 10 });
    expect(selection).toMatchObject({ listed: 224, counted: 1, candidates: [], shortfall: 0 });
  });

  test('counts what does not match, and takes the more of what does', () => {
    const selection = select([...apps, createApp('p', { name: 'production' })], {
      olderThanMs: null,
      limit: 5,
    });
    expect(ids(selection.candidates)).toEqual(['5']);
  });

  test('does not count what is being deleted already', () => {
    const leaving = createApp('9', { state: 'deleting' });
    expect(select([...apps, leaving], { olderThanMs: null, limit: 5 }).candidates).toEqual([]);
  });

  test('takes nothing young, protected or of unknown age, and says how many are too many', () => {
    const held = [
      createApp('1', { ageMs: MINUTE_MS }),
      createApp('2', { isProtected: true }),
      createApp('3', { createdAtMs: null }),
    ];
    const selection = select(held, { olderThanMs: null, limit: 1 });
    expect(selection).toMatchObject({ candidates: [], shortfall: 2, nextDueMs: 4 * MINUTE_MS });
  });

  // Row 24.
  test('never takes what is younger than older-than, and says when the next falls due', () => {
    const selection = select(apps, { olderThanMs: 6 * HOUR_MS, limit: 2 });
    expect(selection).toMatchObject({ candidates: [], shortfall: 3, nextDueMs: HOUR_MS });
  });

  test.each<[string, Parameters<typeof createApp>[1], Parameters<typeof createSettings>[0], number]>([
    ['everything is young', { ageMs: MINUTE_MS }, { limit: 3 }, 1],
    ['nothing is due yet', { ageMs: 30 * MINUTE_MS }, { limit: 3, olderThanMs: HOUR_MS }, 1],
    ['the oldest could be culled if more came', { ageMs: DAY_MS }, { limit: 3, olderThanMs: null }, 0],
    ['a place is free', { ageMs: MINUTE_MS }, { limit: 4 }, 0],
  ])('an account that is exactly full where %s', (_, overrides, settings, shortfall) => {
    const selection = select(
      ['1', '2', '3'].map((id) => createApp(id, overrides)),
      settings,
    );
    expect(selection.shortfall).toBe(shortfall);
  });

  test('decides nothing on an incomplete list; age still judges', () => {
    const partial = { isComplete: false };
    expect(select(apps, { olderThanMs: null, limit: 1 }, partial)).toMatchObject({
      candidates: [],
      shortfall: 0,
    });
    expect(ids(select(apps, { olderThanMs: 4 * HOUR_MS, limit: 1 }, partial).candidates)).toEqual(['5']);
  });
});

describe('the order of deletion', () => {
  test('is oldest first, ties by id', () => {
    const apps = [createApp('b'), createApp('a'), createApp('c', { ageMs: 2 * DAY_MS })];
    expect(ids(select(apps).candidates)).toEqual(['c', 'a', 'b']);
  });

  test('puts children before parents', () => {
    const apps = [
      createApp('root', { ageMs: 3 * DAY_MS }),
      createApp('leaf', { parentId: 'mid' }),
      createApp('mid', { parentId: 'root' }),
    ];
    expect(ids(select(apps).candidates)).toEqual(['leaf', 'mid', 'root']);
  });

  test('keeps a parent whose child stays, up to the root', () => {
    const apps = [
      createApp('root'),
      createApp('mid', { parentId: 'root' }),
      createApp('leaf', { parentId: 'mid', name: 'production' }),
    ];
    const selection = select(apps);
    expect(selection.candidates).toEqual([]);
    expect(selection.matched.map((one) => one.reason)).toEqual([
      'has children that stay',
      'has children that stay',
    ]);
  });

  test('over the limit, too, a parent goes only after all its children', () => {
    const apps = [
      createApp('root', { ageMs: 9 * HOUR_MS }),
      createApp('kid', { ageMs: 2 * HOUR_MS, parentId: 'root' }),
      createApp('pinned', { ageMs: 8 * HOUR_MS, isProtected: true, parentId: 'root' }),
      createApp('other', { ageMs: 3 * HOUR_MS }),
    ];
    expect(ids(select(apps, { olderThanMs: null, limit: 1 }).candidates)).toEqual(['other', 'kid']);
  });

  test('survives a long chain, and parents that form a circle', () => {
    const chain = Array.from({ length: 20_000 }, (_, at) =>
      createApp(`c${at}`, { parentId: at > 0 ? `c${at - 1}` : null }),
    );
    const ordered = ids(orderChildrenFirst(chain));
    expect(ordered[0]).toBe('c19999');
    expect(ordered).toHaveLength(20_000);
    const circle = [createApp('a', { parentId: 'b' }), createApp('b', { parentId: 'a' })];
    expect(ids(orderChildrenFirst(circle)).sort()).toEqual(['a', 'b']);
  });
});

describe('whatever is listed', () => {
  const someApp = fc.record({
    id: fc.stringMatching(/^[a-f]{1,2}$/),
    name: fc.oneof(
      fc.stringMatching(/^ci-[a-z]{0,3}$/),
      fc.string({ maxLength: 12 }),
      fc.constant(`ci-${'x'.repeat(300)}`),
    ),
    createdAtMs: fc.option(
      fc.oneof(fc.double(), fc.integer({ min: START_WALL_MS - 2 * DAY_MS, max: START_WALL_MS })),
    ),
    version: fc.option(fc.string()),
    state: fc.constantFrom<App['state']>('ready', 'transitional', 'deleting', 'delete-failed'),
    isProtected: fc.boolean(),
    inScope: fc.boolean(),
    parentId: fc.option(fc.stringMatching(/^[a-f]{1,2}$/)),
  });
  const someApps = fc.uniqueArray(someApp, { selector: (app) => app.id, maxLength: 30 });

  test('every matched app has one verdict, and only eligible ones are candidates, once each', () => {
    fc.assert(
      fc.property(
        someApps,
        fc.option(fc.nat(20)),
        fc.boolean(),
        fc.boolean(),
        (apps, limit, hasAge, isComplete) => {
          const settings = {
            limit,
            olderThanMs: hasAge || limit === null ? HOUR_MS : null,
            protect: [rule('ci-a*')],
          };
          const selection = select(apps, settings, { isComplete });
          const eligible = selection.matched.filter((one) => one.verdict === 'eligible');
          expect(ids(selection.candidates).sort()).toEqual(ids(eligible.map((one) => one.app)).sort());
          for (const { app, ageMs } of eligible) {
            expect(app).toMatchObject({ inScope: true, isProtected: false });
            expect(app.name).toMatch(/^ci-/);
            expect(app.name).not.toMatch(/^ci-a/);
            expect(ageMs).toBeGreaterThan(5 * MINUTE_MS);
            expect(['ready', 'delete-failed']).toContain(app.state);
          }
          const going = new Set(ids(selection.candidates));
          for (const app of apps)
            if (app.parentId !== null && going.has(app.parentId) && app.state !== 'deleting')
              expect(going).toContain(app.id);
        },
      ),
    );
  });
});
