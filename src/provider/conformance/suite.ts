/**
 * What every provider must do, as data: titles and plain async functions over a harness, free of any test runner. Give
 * `describeProvider` a harness for an implementation and run what comes back; a case that fails rejects with AssertionError.
 * NOT covered: pace and limits, which differ by provider. Invariant: each case makes its own fixture and disposes it.
 */
import { BASIC_CASES } from './cases-basic.ts';
import { FILE_CASES } from './cases-files.ts';
import { HTTP_CASES } from './cases-http.ts';
import type { ProviderCase, ProviderHarness } from './fixture.ts';

/** The cases for one implementation, those that do not apply left out. */
export function describeProvider(name: string, harness: ProviderHarness): ProviderCase[] {
  return [...BASIC_CASES, ...HTTP_CASES, ...FILE_CASES]
    .filter((draft) => draft.needs !== 'http' || harness.speaksHttp)
    .filter((draft) => draft.needs !== 'files' || harness.hasFiles)
    .map((draft) => ({
      title: `${name}: ${draft.title}`,
      async run() {
        const fixture = await harness.setUp();
        try {
          await draft.run({ ...fixture, signal: new AbortController().signal });
        } finally {
          await fixture.dispose();
        }
      },
    }));
}
