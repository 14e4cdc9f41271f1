/**
 * The sections a hook runs, in this order. What holds something through the test run (a lock, by its lease agent) returns
 * `release` in its outcome; hook-host.ts calls it in teardown, the last section's first.
 */
import type { HookSection } from './hook-contract.ts';

export const HOOK_SECTIONS: readonly HookSection[] = Object.freeze([
  {
    command: 'reap',
    startedBy: 'provider',
    failsTests: 'with-fail-on-error',
    run: async (context, resolved) => (await import('./hook-reap.ts')).runReapSection(context, resolved),
  },
  {
    command: 'lock',
    startedBy: null,
    failsTests: 'always',
    run: async (context, resolved) => (await import('./hook-lock.ts')).runLockSection(context, resolved),
  },
  {
    command: 'gate',
    startedBy: null,
    failsTests: 'always',
    run: async (context, resolved) => (await import('./hook-gate.ts')).runGateSection(context, resolved),
  },
  {
    command: 'check',
    startedBy: null,
    failsTests: 'always',
    run: async (context, resolved) => (await import('./hook-check.ts')).runCheckSection(context, resolved),
  },
]);
