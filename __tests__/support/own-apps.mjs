// A world of apps as a user's own tools might keep it: a folder with one file per app, named by its id. Used by the provider
// module beside it and, run with `list`, `get ID` or `destroy ID`, by the command provider's tests.
import { readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export function listApps(folder) {
  return readdirSync(folder)
    .sort()
    .map((id) => readAppFile(folder, id))
    .filter((app) => app !== null);
}

export function readAppFile(folder, id) {
  try {
    return JSON.parse(readFileSync(join(folder, id), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** True for the one who did it. */
export function destroyApp(folder, id) {
  try {
    unlinkSync(join(folder, id));
    return true;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

function answer(call, id) {
  const folder = process.env.APPS;
  if (call === 'list') return listApps(folder);
  if (call === 'get') return [readAppFile(folder, id) ?? { outcome: 'gone' }];
  return [{ outcome: destroyApp(folder, id) ? 'deleted' : 'gone' }];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const line of answer(process.argv[2], process.argv[3]))
    process.stdout.write(`${JSON.stringify(line)}\n`);
}
