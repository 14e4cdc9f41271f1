/**
 * A section's result on its way to the tests: one JSON text in `LOCKSTEP_RESULT_<COMMAND>`, short enough for every system's
 * environment. Pure. NOT guaranteed: that all apps are in it; a cut list says `truncated: true`.
 */
import type { CommandResult } from '../app/contract.ts';
import { isJsonObject } from '../base/codec.ts';
import type { CommandName } from '../config/commands.ts';

/** Windows refuses a variable of 32,767 characters; all variables together count. */
const MAX_CHARACTERS = 30_000;

/** `reap` → `LOCKSTEP_RESULT_REAP`. */
export function resultVariable(command: CommandName): string {
  return `LOCKSTEP_RESULT_${command.toUpperCase()}`;
}

/** The result as JSON of a bounded length: long lists are cut at their end, the longest first. */
export function boundResult(report: CommandResult): CommandResult & { readonly truncated?: true } {
  const fields: Record<string, unknown> = { ...report };
  let isCut = false;
  const sizeOf = (value: unknown) => JSON.stringify(value)?.length ?? 0;
  const wholeSize = () => sizeOf({ ...fields, truncated: true });
  for (let size = wholeSize(); size > MAX_CHARACTERS; size = wholeSize()) {
    const lists = Object.entries(fields).filter((entry): entry is [string, unknown[]] =>
      Array.isArray(entry[1]),
    );
    const longest = lists.sort(([, a], [, b]) => sizeOf(b) - sizeOf(a))[0];
    // Without a list to cut there is nothing long in a result.
    if (!longest || longest[1].length === 0) break;
    const [name, list] = longest;
    const keep = Math.min(list.length - 1, Math.floor((list.length * MAX_CHARACTERS) / size));
    fields[name] = list.slice(0, Math.max(0, keep));
    isCut = true;
  }
  return (isCut ? { ...fields, truncated: true } : fields) as unknown as CommandResult & { truncated?: true };
}

/**
 * What a hook left for the tests; null where none ran. The type is the caller's claim: the text came from the environment.
 *
 * @example
 * const swept = readHookResult<ReapReport>('reap', process.env);
 */
export function readHookResult<T extends CommandResult = CommandResult>(
  command: CommandName,
  env: Readonly<Record<string, string | undefined>>,
): (T & { readonly truncated?: true }) | null {
  const text = env[resultVariable(command)];
  if (!text) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) && value['format'] === 1 ? (value as unknown as T) : null;
  } catch {
    // Set by something else than a hook: then no hook left anything.
    return null;
  }
}
