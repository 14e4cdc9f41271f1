// Tests that need a real engine: with CI=true a missing one fails the run; elsewhere its tests are skipped, under a title that
// says how to get it (engine-report.ts says so before the run).
import { describe, test } from '@jest/globals';

/** Describes tests that need an engine. */
export function describeEngine(
  engine: { name: string; isInstalled: boolean; howToGet: string },
  define: () => void,
): void {
  if (engine.isInstalled) {
    describe(`over ${engine.name}`, define);
    return;
  }
  const isRequired = process.env['CI'] === 'true';
  (isRequired ? test : test.skip)(`${engine.name} is missing: ${engine.howToGet}`, () => {
    throw new Error(`${engine.name} is missing; ${engine.howToGet}`);
  });
}
