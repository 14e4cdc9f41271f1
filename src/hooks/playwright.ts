/** Playwright's set-up: `globalSetup: 'lockstep/playwright'`, resolved by the config file; what it returns is the teardown. */
import { dirname } from 'node:path';
import type { HookOptions } from '../config/hook-options.ts';
import { setUpHook, tearDownHook } from '../host/hook-host.ts';

/** What is used of Playwright's FullConfig. */
interface PlaywrightConfig {
  readonly configFile?: string;
  /** The tests' folder, which need not be the project's. */
  readonly rootDir?: string;
}

export type { HookOptions } from '../config/hook-options.ts';

/** A set-up with options of one's own. */
export function createGlobalSetup(
  options?: HookOptions,
): (config?: PlaywrightConfig) => Promise<() => Promise<void>> {
  return async (config) => {
    const { configFile, rootDir } = config ?? {};
    await setUpHook({ options, rootDir: configFile === undefined ? rootDir : dirname(configFile) });
    return tearDownHook;
  };
}

export default createGlobalSetup();
