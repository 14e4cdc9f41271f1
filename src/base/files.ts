/**
 * The file calls that every start makes, as promises over node's callbacks: `node:fs` is there already when a program begins,
 * while `node:fs/promises` takes milliseconds to load.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';

export const link = promisify(fs.link);
export const lstat = promisify(fs.lstat);
export const mkdir = promisify(fs.mkdir);
export const readdir = promisify(fs.readdir);
export const readFile = promisify(fs.readFile);
export const realpath = promisify(fs.realpath.native);
export const rename = promisify(fs.rename);
export const rm = promisify(fs.rm);
export const rmdir = promisify(fs.rmdir);
export const stat = promisify(fs.stat);
export const unlink = promisify(fs.unlink);
export const writeFile = promisify(fs.writeFile);

/**
 * Whether something is there; true, too, where that cannot be told (whoever opens it is told why). At once: for the one or two
 * files that each start looks for, a promise costs more than the look.
 */
export function isThere(path: string): boolean {
  try {
    return fs.statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** File handles are for writers and guarded readers alone: `fs.promises` loads what they need with its first use. */
export function openFile(path: string, flags?: string | number, mode?: number) {
  return fs.promises.open(path, flags, mode);
}
