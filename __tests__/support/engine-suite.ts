// Tests that need a real engine: with CI=true a missing one fails the run; elsewhere its tests are replaced by one line that
// says how to get it.
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
  test(`${engine.name} is missing: ${engine.howToGet}`, () => {
    if (process.env['CI'] === 'true') throw new Error(`${engine.name} is missing; ${engine.howToGet}`);
  });
}
