/**
 * A start out of the engine's own notes: the files that most commands run are compiled once, and what V8 made of them is kept
 * in the user's cache folder for later processes. Node's compile cache is not used: it is missing before node 22 and leaves out
 * what is compiled at the first call, which is most of a short run.
 * NOT guaranteed: that a cache is there, is used or can be written; then the file is compiled as ever. Invariants: a cache is
 * taken only for exactly the text it was made of, and only from a file that nobody else may write.
 * `NODE_DISABLE_COMPILE_CACHE` (node's own switch) turns it off.
 */
import fs from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

// On one line with the file's first, so that a stack trace counts lines as in the file.
const HEAD = Buffer.from('(function (exports, require, module, __filename, __dirname) { ');
const TAIL = Buffer.from('\n})');
/** V8 keeps what is larger than 128 KiB apart from its young generation, which the text alone would half fill: then the whole
 * run passes without collecting garbage. Blanks make it so. */
const LARGE_BYTES = 140_000;

export interface CodeCachePlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** `process.versions.node`: another engine's notes are refused by V8, so each major version has a file. */
  readonly nodeVersion: string;
  readonly arch: string;
  /** The first word of the command line: other commands run other parts of the same file. */
  readonly word: string | undefined;
}

/** Where the notes for one command on one file (`core`) are kept; null where there are to be none. Pure. */
export function codeCachePath(place: CodeCachePlace, name: string): string | null {
  const { env, platform, nodeVersion, arch, word = '' } = place;
  if (env['NODE_DISABLE_COMPILE_CACHE'] || !/^[a-z]{2,12}$/.test(word)) return null;
  const home = env['HOME'] ? join(env['HOME'], '.cache') : undefined;
  const base = platform === 'win32' ? env['LOCALAPPDATA'] : env['XDG_CACHE_HOME'] || home;
  if (!base) return null;
  return join(base, 'lockstep', `node${nodeVersion.split('.')[0]}-${arch}-${word}-${name}.bin`);
}

/**
 * Loads a CommonJS file of dist as `require` does, out of the cache at `path` where that fits; otherwise it is compiled, and
 * the cache is written when this process has ended well. The file must be ASCII and contain no `import()`.
 */
export function loadCompiled(file: string, path: string): unknown {
  const require = createRequire(file);
  const known = require.cache[file];
  if (known) return known.exports;
  const text = fs.readFileSync(file);
  const cachedData = readNotes(path, text);
  // Put together outside of the heap: joined as strings it would be there twice, and a short run would collect garbage.
  const blanks = Buffer.alloc(Math.max(0, LARGE_BYTES - text.length), ' ');
  const source = Buffer.concat([HEAD, text, TAIL, blanks]).toString('latin1');
  const script = new Script(source, { filename: file, ...(cachedData ? { cachedData } : {}) });
  // Other files of dist require this one by its name and must get the same.
  const module = new Module(file);
  module.filename = file;
  require.cache[file] = module;
  const run = script.runInThisContext() as (...parts: unknown[]) => void;
  run.call(module.exports, module.exports, require, module, file, dirname(file));
  module.loaded = true;
  if (!cachedData || script.cachedDataRejected) {
    // At the end, since by then V8 has compiled what such a run really calls. Of many that start at once, one writes.
    process.once('exit', (exitCode) => {
      if (exitCode === 0 && (cachedData || !readNotes(path, text))) writeNotes(path, text, script);
    });
  }
  return module.exports;
}

/** The notes for exactly this text; undefined where there are none to be trusted. */
function readNotes(path: string, text: Buffer): Buffer | undefined {
  try {
    const { uid, mode } = fs.statSync(path);
    // V8 believes what it reads here: a file that others may write would be theirs to run.
    if (process.getuid && (uid !== process.getuid() || (mode & 0o022) !== 0)) return undefined;
    const kept = fs.readFileSync(path);
    return text.equals(kept.subarray(0, text.length)) ? kept.subarray(text.length) : undefined;
  } catch {
    // Absent or unreadable: compiled as ever.
    return undefined;
  }
}

function writeNotes(path: string, text: Buffer, script: Script): void {
  const own = `${path}.${process.pid}`;
  try {
    fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    fs.writeFileSync(own, Buffer.concat([text, script.createCachedData()]), { mode: 0o600, flag: 'wx' });
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
