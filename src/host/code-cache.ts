/**
 * A start out of the engine's own notes: the files that most commands run are compiled once, and what V8 made of them is kept
 * in the user's cache folder for later processes. Node's compile cache is not used: it is missing before node 22 and leaves out
 * what is compiled at the first call, which is most of a short run.
 * NOT guaranteed: that a cache is there, is used or can be written; then the files are compiled as ever. Invariants: a cache is
 * taken only for exactly the text it was made of, and only from a file that nobody else may write.
 * `NODE_DISABLE_COMPILE_CACHE` (node's own switch) turns it off.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

/** The first bytes of the notes: in which ways the runs ended that made them. */
const ENDINGS_BYTES = 256;
const OPEN = Buffer.from('[');
const HEAD = Buffer.from('(function (exports, require, module, __filename, __dirname) { ');
const TAIL = Buffer.from('\n}),');
const CLOSE = Buffer.from(']');
/** V8 keeps what is larger than 128 KiB apart from its young generation, which the text alone would half fill: then the whole
 * run passes without collecting garbage. Blanks make it so. */
const LARGE_BYTES = 140_000;

export interface CodeCachePlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** `process.versions.node`: another engine's notes are refused by V8, so each major version has a file. */
  readonly nodeVersion: string;
  readonly arch: string;
  /** The first word of the command line: other commands run other parts of the same files. */
  readonly word: string | undefined;
}

/** Where the notes for one command on one file are kept; null where there are to be none. Pure. */
export function codeCachePath(place: CodeCachePlace, name: string): string | null {
  const { env, platform, nodeVersion, arch, word = '' } = place;
  if (env['NODE_DISABLE_COMPILE_CACHE'] || !/^[a-z]{2,12}$/.test(word)) return null;
  const home = env['HOME'] ? join(env['HOME'], '.cache') : undefined;
  const base = platform === 'win32' ? env['LOCALAPPDATA'] : env['XDG_CACHE_HOME'] || home;
  return base ? join(base, 'lockstep', `node${nodeVersion.split('.')[0]}-${arch}-${word}-${name}.bin`) : null;
}

export interface LoadingFile {
  /** Its own `require` and `module`, as node gives them to CommonJS. */
  readonly require: NodeJS.Require;
  readonly module: NodeModule;
  /** Asked at the end of a process that ended well: in which way, in one word; null for one whose code is not to be kept. */
  ending(): string | null;
  /** Files in the same folder that are loaded the same way when one of ours asks for them: `./lease.js` to its notes' path. */
  readonly later?: Readonly<Record<string, string>>;
}

/**
 * Loads CommonJS files of dist in the given order, as `require` does, out of the cache at `path` where that fits; otherwise they
 * are compiled, and the cache is written when this process has ended well. Returns what the first one exports.
 * To the engine they are one script, with one set of notes, which it reads faster than two: a stack trace names them joined by
 * `+` and counts the lines on. Each must be ASCII and contain no `import()`.
 */
export function loadCompiled(files: readonly string[], path: string, loader: LoadingFile): unknown {
  const texts = files.map((file) => fs.readFileSync(file));
  const notes = readNotes(path, texts);
  const script = new Script(notes?.source ?? Buffer.concat(partsOf(texts)).toString('latin1'), {
    filename: files.join('+'),
    ...(notes ? { cachedData: notes.cachedData } : {}),
  });
  const wrappers = script.runInThisContext() as ((...parts: unknown[]) => void)[];
  const modules = files.map((file) => register(file, loader));
  modules.forEach((module, at) => {
    const { exports, filename } = module;
    const require = (id: string): unknown => {
      const notesPath = loader.later?.[id];
      const file = join(dirname(filename), id);
      if (notesPath === undefined || loader.require.cache[file]) return module.require(id);
      return loadCompiled([file], notesPath, loader);
    };
    wrappers[at]?.call(exports, exports, require, module, filename, dirname(filename));
    module.loaded = true;
  });
  const known = notes && !script.cachedDataRejected ? notes.endings : [];
  // At the end, since by then V8 has compiled what such a run really calls; with what it read, and has not called, it is kept.
  process.once('exit', (exitCode) => {
    const ending = exitCode === 0 ? loader.ending() : null;
    if (ending === null || known.includes(ending)) return;
    // Of many that start at once, one writes.
    if (!script.cachedDataRejected && readNotes(path, texts)?.endings.includes(ending)) return;
    const endings = [...known, ending].join(' ').padEnd(ENDINGS_BYTES);
    if (endings.length === ENDINGS_BYTES)
      writeNotes(path, [Buffer.from(endings), ...partsOf(texts), script.createCachedData()]);
  });
  return modules[0]?.exports;
}

/** A list of functions, one for each text, and blanks. */
function partsOf(texts: readonly Buffer[]): Buffer[] {
  const parts = [OPEN, ...texts.flatMap((text) => [HEAD, text, TAIL]), CLOSE];
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return bytes < LARGE_BYTES ? [...parts, Buffer.alloc(LARGE_BYTES - bytes, ' ')] : parts;
}

/** A module that other files of dist get, too, when they require it by its name. */
function register(file: string, { require, module: parent }: LoadingFile): NodeModule {
  // The class by way of one of its own: `node:module` loads more than a short run has time for.
  const module = new (parent.constructor as new (id: string) => NodeModule)(file);
  module.filename = file;
  require.cache[file] = module;
  return module;
}

interface Notes {
  /** The endings of the runs that made them: one that ends in another way calls more. */
  readonly endings: readonly string[];
  /** What {@link partsOf} gives, as one. */
  readonly source: string;
  readonly cachedData: Buffer;
}

/** The notes for exactly these texts; null where there are none to be trusted. */
function readNotes(path: string, texts: readonly Buffer[]): Notes | null {
  try {
    const kept = readOwn(path);
    if (kept === null) return null;
    let at = ENDINGS_BYTES;
    for (const part of partsOf(texts)) {
      if (kept.compare(part, 0, part.length, at, at + part.length) !== 0) return null;
      at += part.length;
    }
    return {
      endings: kept.toString('latin1', 0, ENDINGS_BYTES).trim().split(' '),
      // Out of one buffer, in one piece: put together as strings the text would be there twice, and a short run would collect
      // garbage.
      source: kept.toString('latin1', ENDINGS_BYTES, at),
      cachedData: kept.subarray(at),
    };
  } catch {
    // Absent or unreadable: compiled as ever.
    return null;
  }
}

/** A file that nobody else may write: V8 believes what it reads here. Null for another's; judged and read as one and the same. */
function readOwn(path: string): Buffer | null {
  const file = fs.openSync(path, 'r');
  try {
    const { uid, mode } = fs.fstatSync(file);
    const isOwn = !process.getuid || (uid === process.getuid() && (mode & 0o022) === 0);
    return isOwn ? fs.readFileSync(file) : null;
  } finally {
    fs.closeSync(file);
  }
}

function writeNotes(path: string, parts: readonly Buffer[]): void {
  const own = `${path}.${process.pid}`;
  try {
    fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    fs.writeFileSync(own, Buffer.concat(parts), { mode: 0o600, flag: 'wx' });
    fs.renameSync(own, path);
  } catch {
    // A full disk, a home that cannot be written: the next start is as slow as this one, and nothing else changes.
    discard(own);
  }
}

function discard(path: string): void {
  try {
    fs.rmSync(path, { force: true });
  } catch {
    // Where it could not be made there is nothing to take away.
  }
}
