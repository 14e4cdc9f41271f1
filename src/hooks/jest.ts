/**
 * Jest's set-up: `globalSetup: 'lockstep/jest'`, or `createGlobalSetup` in a file of one's own. Jest calls it once per run, in
 * watch mode once per re-run, and never in an empty shard. No top-level await here or below: CommonJS projects load it, too.
 */
import type { HookOptions } from '../config/hook-options.ts';
import { setUpHook } from '../host/hook-host.ts';

/** What Jest hands to a set-up; only where the project is counts. */
interface JestConfig {
  readonly rootDir?: string;
}

export type { HookOptions } from '../config/hook-options.ts';

/**
 * A set-up with options of one's own; they count before the environment and the config file.
 *
 * @example
 * // jest.setup.mjs, named by globalSetup
 * import { createGlobalSetup } from 'lockstep/jest';
 * export default createGlobalSetup({ reap: { provider: 'heroku', match: 'ci-.*', olderThan: '2h', apply: true } });
 */
export function createGlobalSetup(
  options?: HookOptions,
): (globalConfig?: JestConfig, projectConfig?: JestConfig) => Promise<void> {
  return (globalConfig, projectConfig) =>
    setUpHook({ options, rootDir: globalConfig?.rootDir ?? projectConfig?.rootDir });
}

export default createGlobalSetup();
