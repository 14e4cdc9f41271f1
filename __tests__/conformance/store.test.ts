// The conformance suite over the stores that need no server, and over broken twins: each must fail the case meant for it.
import { describe, expect, test } from '@jest/globals';
import { BROKEN_TWINS } from '../support/store-twins.ts';
import { faultySubject, fileSubject, memorySubject } from '../support/store-worlds.ts';
import { describeStore, runStoreCase, STORE_CASES } from './store-suite.ts';

describeStore(memorySubject);
describeStore(faultySubject);
describeStore(fileSubject);

const nameOf = ({ rule, title }: { rule: string; title: string }) => `${rule} ${title}`;

/** Null where the case passed; an assertion or a missing edge otherwise; anything else is a mistake of the twin's own. */
async function failureOf(
  ...args: Parameters<typeof runStoreCase>
): Promise<'assertion' | 'missing' | Error | null> {
  try {
    await runStoreCase(...args);
    return null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ('matcherResult' in error) return 'assertion';
    return error.message.startsWith('missing: ') ? 'missing' : error;
  }
}

describe('the suite itself', () => {
  test('has no two cases of one name', () => {
    expect(new Set(STORE_CASES.map(nameOf)).size).toBe(STORE_CASES.length);
  });

  test('has a case for every rule of the contract', () => {
    const rules = new Set(STORE_CASES.map(({ rule }) => rule));
    expect([...rules].sort()).toEqual(Array.from({ length: 16 }, (_, i) => `S${i + 1}`).sort());
  });

  test('has a broken twin for every rule', () => {
    const found = new Set(BROKEN_TWINS.flatMap(({ fails }) => fails.map((name) => name.split(' ')[0])));
    expect(found.size).toBe(16);
  });

  test.each(BROKEN_TWINS)('finds a store that $mistake', async ({ fails, subject }) => {
    for (const name of fails) {
      const storeCase = STORE_CASES.find((each) => nameOf(each).startsWith(name));
      if (!storeCase) throw new Error(`no case is called ${name}`);
      expect([name, await failureOf(subject, storeCase)]).toEqual([
        name,
        expect.stringMatching(/^(assertion|missing)$/),
      ]);
    }
  });
});
