import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { boundResult, readHookResult, resultVariable } from '../../src/host/hook-result.ts';

const report = (apps: readonly unknown[]) => ({ format: 1 as const, command: 'reap', apps, exitCode: 0 });

describe('a result on its way to the tests', () => {
  test('that is short stays as it is', () => {
    expect(boundResult(report([1, 2]))).toEqual(report([1, 2]));
  });

  test('is never longer than 30,000 characters; a cut list keeps its beginning and says so', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 200 }), { maxLength: 500, size: 'max' }), (apps) => {
        const bound = boundResult(report(apps)) as ReturnType<typeof report> & { truncated?: true };
        expect(JSON.stringify(bound).length).toBeLessThanOrEqual(30_000);
        expect(bound.apps).toEqual(apps.slice(0, bound.apps.length));
        expect(bound.truncated === true).toBe(bound.apps.length < apps.length);
      }),
    );
    expect(boundResult(report(Array.from({ length: 5000 }, (_, n) => ({ name: `app-${n}` }))))).toMatchObject(
      {
        truncated: true,
        exitCode: 0,
      },
    );
  });

  test.each([undefined, '', 'x', '[]', '{}', '{"format":2}'])('%j is no result', (text) => {
    expect(readHookResult('reap', { [resultVariable('reap')]: text })).toBeNull();
  });
});
