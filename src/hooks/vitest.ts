/**
 * Vitest's set-up: `globalSetup: 'lockstep/vitest'`, or `createGlobalSetup` in a file of one's own. Results are provided to the
 * tests as `inject('lockstep')`, since a worker may have been started before the variables were set.
 */
import type { HookOptions } from '../config/hook-options.ts';
import { setUpHook, tearDownHook } from '../host/hook-host.ts';

/** What is used of Vitest's TestProject. */
interface VitestProject {
  readonly config?: { readonly root?: string };
  provide?(key: never, value: never): void;
}

export type { HookOptions } from '../config/hook-options.ts';

/** A set-up with options of one's own. What it resolves to is the teardown. */
export function createGlobalSetup(
  options?: HookOptions,
): (project?: VitestProject) => Promise<() => Promise<void>> {
  return async (project) => {
    await setUpHook({
      options,
      rootDir: project?.config?.root,
      // The key's type is declared by each project (ProvidedContext); here it can only be asserted.
      provide: (results) => project?.provide?.('lockstep' as never, results as never),
    });
    return tearDownHook;
  };
}

export default createGlobalSetup();
