/** Who runs this process, for holder texts. */
import { userInfo } from 'node:os';
import { hasCode } from '../base/errors.ts';

/** The login name; a container may run under a number that has none. */
export function userName(env: Readonly<Record<string, string | undefined>>): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (hasCode(error, 'invariant')) throw error;
    return env['USER'] ?? 'unknown';
  }
}
