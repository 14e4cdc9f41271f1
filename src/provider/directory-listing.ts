/**
 * Reads the sub-folders of a root as apps. Only looks: nothing here writes, and nothing is reached through a link.
 * NOT an app: a link, a file, another file system mounted there, a name that is not UTF-8. What an interrupted removal left
 * in a trash folder is listed under its old name as `delete-failed`, so that the usual rules decide about it once more.
 * Age: the marker file inside the folder, else the folder's own modification time (which an unpacked archive may set back).
 */
import fs, { type BigIntStats } from 'node:fs';
import { join, sep } from 'node:path';
import { type FileReads, openFile, pooledReads, readdir } from '../base/files.ts';
import type { App } from './contract.ts';
import { parseTimestamp } from './timestamp.ts';

/** A folder that counts as an app, and where it is. */
export interface DirectoryApp {
  readonly app: App;
  readonly path: string;
  /** The trash folder it is left in; null for an app in its place. */
  readonly trash: string | null;
}

export interface ListingOptions {
  root: string;
  /** The device of the root: apps on another one are mount points. */
  device: bigint;
  /** The marker file's name inside an app. */
  marker: string;
  /** The folder this process works in; the app around it is protected. */
  cwd: string;
}

const TRASH = /^\.lockstep-trash-(\d{1,15}|unknown)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_MARKER_BYTES = 64;
const LOOKS_AT_ONCE = 32;

/** The name of a trash folder for one app. It carries the app's age, which a half-finished removal would lose. */
export function trashName(createdAtMs: number | null, nonce: string): string {
  return `.lockstep-trash-${createdAtMs === null ? 'unknown' : Math.trunc(createdAtMs)}-${nonce}`;
}

/** True for the name of a trash folder of lockstep's own. */
export function isTrashName(name: string): boolean {
  return TRASH.test(name);
}

/** All apps below the root. Rejects with the file system's error where the root itself cannot be read. */
export async function readApps(options: ListingOptions): Promise<DirectoryApp[]> {
  const apps: DirectoryApp[] = [];
  const names = await readNames(options.root);
  for (let start = 0; start < names.length; start += LOOKS_AT_ONCE) {
    const batch = names.slice(start, start + LOOKS_AT_ONCE);
    apps.push(...(await Promise.all(batch.map((name) => readEntry(name, options)))).flat());
  }
  return apps;
}

/** The app at a path as it is now; null where there is none. */
export async function readApp(
  place: { path: string; name: string; trash: string | null },
  options: ListingOptions,
): Promise<DirectoryApp | null> {
  const stats = await lookAt(place.path);
  if (stats === null || !stats.isDirectory() || stats.dev !== options.device) return null;
  const age =
    place.trash === null ? await readAge(place.path, stats, options.marker) : ageInName(place.trash);
  return {
    path: place.path,
    trash: place.trash,
    app: {
      // An inode is used again soon after a deletion; the time of birth tells the two apart.
      id: `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`,
      name: place.name,
      createdAtMs: age.createdAtMs,
      version: `${stats.mtimeNs}|${age.version}`,
      state: place.trash === null ? 'ready' : 'delete-failed',
      isProtected: `${options.cwd}${sep}`.startsWith(`${place.path}${sep}`),
      inScope: true,
      parentId: null,
    },
  };
}

/** Stats of the thing itself, never of what it links to; null where there is nothing. */
export async function lookAt(
  path: string,
  { lstat }: Pick<FileReads, 'lstat'> = pooledReads,
): Promise<BigIntStats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    // Gone between the listing and the look: the ordinary race of a folder that others use.
    if (isMissing(error)) return null;
    throw error;
  }
}

/** True for "there is no such file or folder". */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function readEntry(name: string, options: ListingOptions): Promise<DirectoryApp[]> {
  const path = join(options.root, name);
  if (!isTrashName(name)) {
    const found = await readApp({ path, name, trash: null }, options);
    return found ? [found] : [];
  }
  const stats = await lookAt(path);
  if (stats === null || !stats.isDirectory() || stats.dev !== options.device) return [];
  const left = await Promise.all(
    (await readTrash(path)).map((inner) =>
      readApp({ path: join(path, inner), name: inner, trash: path }, options),
    ),
  );
  return left.filter((app) => app !== null);
}

async function readTrash(path: string): Promise<string[]> {
  try {
    return await readNames(path);
  } catch (error) {
    // Emptied meanwhile, or private to another user of the same root: theirs to finish.
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'EACCES') return [];
    throw error;
  }
}

async function readNames(folder: string): Promise<string[]> {
  const raw = await readdir(folder, { encoding: 'buffer' });
  return raw.flatMap((bytes) => {
    const name = bytes.toString('utf8');
    return Buffer.from(name, 'utf8').equals(bytes) ? [name] : [];
  });
}

interface Age {
  createdAtMs: number | null;
  /** Moves with what the age was read from. */
  version: string;
}

function ageInName(trash: string): Age {
  const text = TRASH.exec(trash.slice(trash.lastIndexOf(sep) + 1))?.[1];
  const createdAtMs = text === undefined || text === 'unknown' ? null : Number(text);
  return { createdAtMs, version: 'trash' };
}

// The marker's text where it is a timestamp, its modification time where it is empty; any other text makes the age unknown.
async function readAge(path: string, stats: BigIntStats, marker: string): Promise<Age> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  try {
    // Neither through a link nor waiting for a pipe's other end. Windows knows neither flag.
    const file = await openFile(join(path, marker), O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
    try {
      const own = await file.stat({ bigint: true });
      const version = String(own.mtimeNs);
      if (!own.isFile() || own.size > BigInt(MAX_MARKER_BYTES)) return { createdAtMs: null, version };
      const text = (await file.readFile('utf8')).trim();
      return { createdAtMs: text === '' ? Number(own.mtimeMs) : parseTimestamp(text), version };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return { createdAtMs: Number(stats.mtimeMs), version: 'none' };
    // A marker that cannot be read leaves the age unknown, and that protects.
    return { createdAtMs: null, version: 'unreadable' };
  }
}
