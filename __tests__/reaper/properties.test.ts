// Whatever a provider lists and answers: the identities hold, the sweep ends, and nothing is deleted that may not be.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { App, DestroyAnswer, GetAnswer, ListAnswer } from '../../src/provider/contract.ts';
import { assertIdentities } from '../../src/reaper/counts.ts';
import { ageOf } from '../../src/reaper/select.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, runSweep, START_WALL_MS } from '../support/reaper-harness.ts';
import { failure, meta } from '../support/scripted-provider.ts';

const someId = fc.stringMatching(/^[a-h]$/);
const someApp: fc.Arbitrary<App> = fc.record({
  id: someId,
  name: fc.constantFrom('ci-1', 'ci-2', 'ci-keep', 'production'),
  createdAtMs: fc.option(fc.integer({ min: START_WALL_MS - DAY_MS, max: START_WALL_MS + HOUR_MS })),
  version: fc.constantFrom('v1', 'v2'),
  state: fc.constantFrom<App['state']>(
    'ready',
    'ready',
    'ready',
    'transitional',
    'deleting',
    'delete-failed',
  ),
  isProtected: fc.constantFrom(false, false, false, true),
  inScope: fc.constantFrom(true, true, true, false),
  parentId: fc.option(someId, { freq: 4 }),
});
const someFailure = fc.constantFrom(
  failure.ambiguous(),
  failure.ambiguous(null),
  failure.forbidden(),
  failure.throttled(),
  failure.throttled(3000),
  failure.throttled(HOUR_MS),
  failure.invalid(),
);
const rarely = <T>(answer: fc.Arbitrary<T>) => fc.option(answer, { nil: undefined, freq: 3 });
const someDestroy: fc.Arbitrary<DestroyAnswer | undefined> = rarely(
  fc.oneof(
    someFailure,
    fc.constantFrom<DestroyAnswer>(
      failure.busy(),
      failure.gone(),
      failure.accepted(),
      failure.unauthorized(),
      { kind: 'deleted', meta: meta() },
      { kind: 'changed', meta: meta(), detail: 'x' },
    ),
  ),
);
const someGet: fc.Arbitrary<GetAnswer | undefined> = rarely(
  fc.oneof(
    someFailure,
    fc.constant(failure.gone()),
    someApp.map((app): GetAnswer => ({ kind: 'found', meta: meta(), app })),
  ),
);
const someList: fc.Arbitrary<ListAnswer | undefined> = fc.option(
  fc.oneof(
    someFailure,
    fc
      .record({ apps: fc.array(someApp, { maxLength: 4 }), next: fc.option(fc.constantFrom('1', '2', '3')) })
      .map(
        (page): ListAnswer => ({ kind: 'page', meta: meta(200, { serverNowMs: START_WALL_MS }), ...page }),
      ),
  ),
  { nil: undefined, freq: 2 },
);

describe('whatever a provider lists and answers', () => {
  test('identities hold, requests are bounded, and only listed, eligible, unprotected apps are deleted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          apps: fc.uniqueArray(someApp, { selector: (app) => app.id, maxLength: 8 }),
          destroys: fc.array(someDestroy, { maxLength: 30 }),
          gets: fc.array(someGet, { maxLength: 20 }),
          lists: fc.array(someList, { maxLength: 4 }),
          pageSize: fc.integer({ min: 1, max: 8 }),
          limit: fc.option(fc.nat(4)),
          concurrency: fc.integer({ min: 1, max: 5 }),
          maxDeletes: fc.option(fc.nat(5)),
          onConflict: fc.constantFrom(
            'refresh-and-continue' as const,
            'stop-if-under-limit' as const,
            'stop' as const,
          ),
          apply: fc.constantFrom(true, true, true, false),
          latencyMs: fc.constantFrom(0, 700, 61_000),
        }),
        async (script) => {
          const listed = new Map<string, App[]>();
          const remember = (app: App) => listed.set(app.id, [...(listed.get(app.id) ?? []), app]);
          for (const app of script.apps) remember(app);
          const { limit, concurrency, maxDeletes, onConflict, apply } = script;
          const run = await runSweep({
            ...script,
            settings: {
              limit,
              concurrency,
              maxDeletes,
              onConflict,
              apply,
              protect: [{ source: 'ci-keep', protects: ({ name }) => name === 'ci-keep' }],
            },
            serverNowMs: () => START_WALL_MS,
            list: (call) => {
              const answer = script.lists[call.n - 1];
              if (answer?.kind === 'page') answer.apps.forEach(remember);
              return answer;
            },
            get: (call) => {
              const answer = script.gets[call.n - 1];
              if (answer?.kind === 'found') remember(answer.app);
              return answer;
            },
            destroy: (call) => script.destroys[call.n - 1],
          });
          const { counts, apps } = run.result;
          assertIdentities(counts, apply);
          expect(new Set(apps.map((app) => app.id)).size).toBe(apps.length);

          const destroyed = run.provider.destroyedIds();
          if (!apply || run.result.reason === 'partial-list') expect(destroyed).toEqual([]);
          for (const id of destroyed) {
            const readings = listed.get(id) ?? [];
            expect(
              readings.some(
                (app) =>
                  app.inScope &&
                  !app.isProtected &&
                  app.name.startsWith('ci-') &&
                  app.name !== 'ci-keep' &&
                  (ageOf(app, START_WALL_MS) ?? 0) > 5 * MINUTE_MS,
              ),
            ).toBe(true);
            expect(apps.find((app) => app.id === id)?.verdict).toBe('eligible');
            // Three attempts, and six refusals for the rate on top.
            expect(destroyed.filter((one) => one === id).length).toBeLessThanOrEqual(9);
          }
          expect(new Set(destroyed).size).toBeLessThanOrEqual(maxDeletes ?? 8);
          expect(run.provider.calls.length).toBeLessThan(2000);
          expect([0, 3, 5, 6]).toContain(run.result.exitCode);
        },
      ),
      { numRuns: 400 },
    );
  });

  test.each([
    ['ambiguous', failure.ambiguous()],
    ['busy', failure.busy()],
    ['throttled', failure.throttled()],
    ['accepted', failure.accepted()],
    ['forbidden', failure.forbidden()],
    ['gone', failure.gone()],
  ])(
    'a provider that answers every deletion with %s is left alone after few requests, without any deadline',
    async (_, answer) => {
      const apps = Array.from({ length: 10 }, (_unused, at) => ({
        id: `x${at}`,
        name: 'ci-1',
        createdAtMs: START_WALL_MS - DAY_MS,
        version: null,
        state: 'ready' as const,
        isProtected: false,
        inScope: true,
        parentId: null,
      }));
      const run = await runSweep({ apps, destroy: () => answer, timeoutMs: Number.POSITIVE_INFINITY });
      assertIdentities(run.result.counts, true);
      expect(run.provider.calls.length).toBeLessThan(700);
    },
  );
});
