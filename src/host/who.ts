/** On which machine and for whom this process runs: for holder texts. Loaded when somebody wants to know. */
import { hostname, userInfo } from 'node:os';
import type { Who } from '../app/contract.ts';
import { hasCode } from '../base/errors.ts';

/** The machine's name and the login name; a container may run under a number that has none. */
export function whoRunsThis(env: Readonly<Record<string, string | undefined>>): Who {
  return { host: hostname(), user: userName(env) };
}

function userName(env: Readonly<Record<string, string | undefined>>): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (hasCode(error, 'invariant')) throw error;
    return env['USER'] ?? 'unknown';
  }
}
