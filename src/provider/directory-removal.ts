/**
 * Removes one folder, and only the one that was listed: moved into a private trash folder, looked at again where nobody else
 * reaches it by its name, then emptied. A folder that turns out to be another one is put back.
 * NOT guaranteed: that a process which works inside the folder notices; and against a hostile owner of folders deeper down,
 * since Node cannot open relative to a folder. Links are removed, never followed.
 * Invariant: whoever ends with `deleted` removed the folder's last entry; of two that race, the other one sees `gone`.
 */
import { basename, dirname, join } from 'node:path';
import { throwIfAborted } from '../base/clock.ts';
import { mkdir, readdir, rename, rm, rmdir } from '../base/files.ts';
import { createNonce } from '../base/identity.ts';
import type { App } from './contract.ts';
import {
  type DirectoryApp,
  isMissing,
  type ListingOptions,
  lookAt,
  readApp,
  trashName,
} from './directory-listing.ts';

export type Removal =
  | { readonly kind: 'deleted' | 'gone' }
  | { readonly kind: 'changed'; readonly detail: string };

/** Removes what was listed as `app`. Rejects with the file system's error, or with the signal's reason between two steps. */
export async function removeApp(
  { app, path, trash }: DirectoryApp,
  { signal, ...options }: ListingOptions & { signal: AbortSignal },
): Promise<Removal> {
  // 1 As listed, in its place? What a former removal left is judged where it lies.
  const before = await readApp({ path, name: app.name, trash }, options);
  if (before === null)
    return (await lookAt(path)) === null ? { kind: 'gone' } : changed('is no folder any more');
  const difference = describeDifference(app, before.app);
  if (difference !== null) return changed(difference);
  if (trash !== null) return await empty({ path, trash, signal });

  // 2 Out of everybody's way, in one step. A call that was cancelled until here did nothing.
  throwIfAborted(signal);
  const own = join(options.root, trashName(app.createdAtMs, createNonce()));
  await mkdir(own, { mode: 0o700 });
  const moved = join(own, basename(path));
  try {
    await rename(path, moved);
  } catch (error) {
    await rmdir(own);
    if (isMissing(error)) return { kind: 'gone' };
    throw error;
  }

  // 3 Did the step take what was meant?
  const taken = await readApp({ path: moved, name: app.name, trash: null }, options);
  const late = taken === null ? 'is no folder any more' : describeDifference(app, taken.app);
  if (late !== null) return changed(`${late}; ${await putBack({ moved, path, own })}`);
  return await empty({ path: moved, trash: own, signal });
}

/** Removes the trash folders of the root that are empty: what a run left that ended between two steps. */
export async function tidyTrash(root: string, isTrash: (name: string) => boolean): Promise<void> {
  for (const name of (await readdir(root)).filter(isTrash)) await removeIfEmpty(join(root, name));
}

async function empty(place: { path: string; trash: string; signal: AbortSignal }): Promise<Removal> {
  try {
    for (const name of await readdir(place.path)) {
      // A large folder takes long; what is left is listed as `delete-failed` the next time.
      throwIfAborted(place.signal);
      await rm(join(place.path, name), { recursive: true, force: true });
    }
    await rmdir(place.path);
  } catch (error) {
    // Another run finished what was left.
    if (isMissing(error)) return { kind: 'gone' };
    throw error;
  }
  await removeIfEmpty(place.trash);
  return { kind: 'deleted' };
}

async function putBack(place: { moved: string; path: string; own: string }): Promise<string> {
  // A rename replaces an empty folder without a word, so a place that was taken meanwhile is left alone.
  const isFree = (await lookAt(place.path)) === null;
  const target = isFree
    ? place.path
    : join(dirname(place.path), `${basename(place.path)}.kept-${createNonce()}`);
  await rename(place.moved, target);
  await removeIfEmpty(place.own);
  return isFree ? 'it was put back' : `its place was taken, so it was kept as ${basename(target)}`;
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // In use by another run, or tidied by one.
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
  }
}

function describeDifference(listed: App, found: App): string | null {
  if (found.id !== listed.id) return 'another folder has its name now';
  return found.version === listed.version ? null : 'it was modified since it was listed';
}

function changed(detail: string): Removal {
  return { kind: 'changed', detail };
}
