/**
 * The set-up of node's own test runner (node 24): `node --test --test-global-setup=FILE`, where FILE exports what is here. The
 * flag takes a path, not a package's name; a file of one line re-exports it.
 */
import type { HookOptions } from '../config/hook-options.ts';
import { setUpHook, tearDownHook } from '../host/hook-host.ts';

export type { HookOptions } from '../config/hook-options.ts';

/** Set-up and teardown with options of one's own, to be exported under these names. */
export function createGlobalFixtures(options?: HookOptions): {
  readonly globalSetup: () => Promise<void>;
  readonly globalTeardown: () => Promise<void>;
} {
  return { globalSetup: () => setUpHook({ options }), globalTeardown: () => tearDownHook() };
}

export const { globalSetup, globalTeardown } = createGlobalFixtures();
