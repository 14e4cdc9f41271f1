/** Mocha's global fixtures: `mocha --require lockstep/mocha`, or `createGlobalFixtures` in a required file of one's own. */
import type { HookOptions } from '../config/hook-options.ts';
import { setUpHook, tearDownHook } from '../host/hook-host.ts';

export type { HookOptions } from '../config/hook-options.ts';

/** Fixtures with options of one's own, to be exported under these names. */
export function createGlobalFixtures(options?: HookOptions): {
  readonly mochaGlobalSetup: () => Promise<void>;
  readonly mochaGlobalTeardown: () => Promise<void>;
} {
  return { mochaGlobalSetup: () => setUpHook({ options }), mochaGlobalTeardown: () => tearDownHook() };
}

export const { mochaGlobalSetup, mochaGlobalTeardown } = createGlobalFixtures();
