import { describe, expect, test } from '@jest/globals';
import type { AppReport } from '../../src/reaper/contract.ts';
import { assertIdentities, countApps, NO_COUNTS } from '../../src/reaper/counts.ts';

const app = (verdict: AppReport['verdict'], outcome: AppReport['outcome'] = null): AppReport => ({
  id: '1',
  name: 'ci-1',
  ageMs: 1,
  verdict,
  reason: '',
  outcome,
});

describe('counting', () => {
  test('counts each app once by verdict and once by outcome', () => {
    const apps = [app('eligible', 'deleted'), app('eligible', 'gone'), app('young'), app('unknown-age')];
    expect(countApps(9, apps, true)).toEqual({
      ...NO_COUNTS,
      listed: 9,
      matched: 4,
      eligible: 2,
      deleted: 1,
      gone: 1,
      young: 1,
      unknownAge: 1,
    });
  });

  test('calls an eligible app without an outcome after an apply a bug', () => {
    expect(() => countApps(1, [app('eligible')], true)).toThrow(
      '1 outcomes were due, but the outcomes add up to 0',
    );
  });

  test('calls an outcome in a plan, or of an app that was not eligible, a bug', () => {
    expect(() => countApps(1, [app('eligible', 'deleted')], false)).toThrow('0 outcomes were due');
    expect(() => countApps(1, [app('protected', 'deleted')], true)).toThrow(
      'the verdict protected has the outcome deleted',
    );
  });

  test('calls verdicts that do not add up a bug', () => {
    expect(() => assertIdentities({ ...NO_COUNTS, matched: 1 }, true)).toThrow(
      '1 apps matched, but the verdicts add up to 0',
    );
  });
});
