/** Loads a user's config module. A file of its own: what every command runs is kept compiled, and may not contain `import()`. */
import { pathToFileURL } from 'node:url';

/** The module's exports; rejects with whatever its code throws. */
export async function loadConfigModule(path: string): Promise<{ default?: unknown }> {
  return (await import(pathToFileURL(path).href)) as { default?: unknown };
}
