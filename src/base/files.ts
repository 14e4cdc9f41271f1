/**
 * The file calls that every start makes, as promises over node's callbacks: `node:fs` is there already when a program begins,
 * while `node:fs/promises` takes milliseconds to load.
 */
import fs, { type BigIntStats } from 'node:fs';
import { nextTurn } from './clock.ts';
import { isOnLocalDisk } from './local-disk.ts';

type PromiseOf<F> = F extends { __promisify__: infer P } ? P : never;

/** What `util.promisify` makes of a call of `node:fs`; that module costs a start more to load than this is long. */
function promised<F extends { __promisify__: unknown }>(call: F): PromiseOf<F> {
  const plain = call as unknown as (...parts: unknown[]) => void;
  const asPromise = (...parts: unknown[]) =>
    new Promise((resolve, reject) => {
      plain(...parts, (error: Error | null, value: unknown) => (error ? reject(error) : resolve(value)));
    });
  return asPromise as PromiseOf<F>;
}

export const link = promised(fs.link);
export const mkdir = promised(fs.mkdir);
export const readdir = promised(fs.readdir);
export const readFile = promised(fs.readFile);
export const rename = promised(fs.rename);
export const rm = promised(fs.rm);
export const rmdir = promised(fs.rmdir);
export const stat = promised(fs.stat);
export const unlink = promised(fs.unlink);
export const writeFile = promised(fs.writeFile);

/** Reads of few and small things: what a job needs that only learns a result. They leave nothing open. */
export interface FileReads {
  readFile(path: string): Promise<Buffer>;
  readdir(path: string): Promise<string[]>;
  realpath(path: string): Promise<string>;
  /** Of a link itself, in full precision. */
  lstat(path: string): Promise<BigIntStats>;
}

const lstat = promised(fs.lstat);

function realpath(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    fs.realpath.native(path, (error, found) => (error ? reject(error) : resolve(found)));
  });
}

/** Through libuv's threads: a file system that does not answer keeps no timer and no signal from its turn. */
export const pooledReads: FileReads = {
  readFile: (path) => readFile(path),
  readdir: (path) => readdir(path),
  realpath,
  lstat: (path) => lstat(path, { bigint: true }),
};

/** So many direct reads may follow each other before timers and sockets get their turn: whoever reads in a loop shall not stop them. */
const READS_IN_A_ROW = 16;
let directReadCount = 0;

async function direct<T>(read: () => T): Promise<T> {
  directReadCount += 1;
  if (directReadCount % READS_IN_A_ROW === 0) await nextTurn();
  return read();
}

/** At once, in this thread: a tenth of the time where the disk is near, and a short run starts no threads at all. */
const directReads: FileReads = {
  readFile: (path) => direct(() => fs.readFileSync(path)),
  readdir: (path) => direct(() => fs.readdirSync(path)),
  realpath: (path) => direct(() => fs.realpathSync.native(path)),
  lstat: (path) => direct(() => fs.lstatSync(path, { bigint: true })),
};

/** How to read below an absolute path: at once on a disk of this machine, through threads wherever that is not certain. */
export function readsBelow(path: string): FileReads {
  return isOnLocalDisk(path) ? directReads : pooledReads;
}

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
