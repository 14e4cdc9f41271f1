/**
 * The config file: which one, and its content as JSON. Names and values are checked by `sources.ts` and `resolve.ts`.
 * NOT guaranteed: that a `.mjs` is harmless; it is the user's code and runs here, so the Action never allows one.
 * Invariant: a file that is there but cannot be read or parsed is a problem, never an absent file. Nothing of its content is
 * repeated in a problem: it may hold a store URL with a password.
 */
import { extname, resolve } from 'node:path';
import type { ConfigProblem } from '../base/errors.ts';
import { isThere, readFile } from '../base/files.ts';
import { plain } from '../base/text.ts';

export interface ConfigFileRequest {
  /** Where a file is looked for, and where a relative `named.path` starts. */
  readonly directory: string;
  /** The file somebody named, with the option that names it; then nothing is looked for. */
  readonly named?: { readonly path: string; readonly spelling: string } | null;
  /** False in the Action: JSON only, and only a named one. */
  readonly canRunCode: boolean;
}

export interface ConfigFile {
  /** For `resolveOptions`; null where there is no file, or a broken one. */
  readonly file: { readonly name: string; readonly content: unknown } | null;
  readonly problems: readonly ConfigProblem[];
}

const JSON_NAME = 'lockstep.config.json';
const MODULE_NAME = 'lockstep.config.mjs';
const NO_FILE: ConfigFile = Object.freeze({ file: null, problems: Object.freeze([]) });

/** Reads the named file, or looks for `lockstep.config.json` and `lockstep.config.mjs`. Rejects for nothing. */
export async function readConfigFile(request: ConfigFileRequest): Promise<ConfigFile> {
  const { directory, named, canRunCode } = request;
  if (named) return readNamed(resolve(directory, named.path), named, canRunCode);
  if (!canRunCode) return NO_FILE;
  const jsonPath = resolve(directory, JSON_NAME);
  const modulePath = resolve(directory, MODULE_NAME);
  const hasModule = isThere(modulePath);
  const text: FileText = isThere(jsonPath) ? await readText(jsonPath) : { kind: 'absent' };
  if (text.kind === 'failed') return broken(JSON_NAME, text.message);
  if (text.kind === 'absent') return hasModule ? readModule(modulePath, MODULE_NAME) : NO_FILE;
  if (hasModule) {
    return broken(JSON_NAME, `${MODULE_NAME} is there too; keep one of them, or name one with --config`);
  }
  return readJson(text.text, JSON_NAME);
}

async function readNamed(
  path: string,
  { path: name, spelling }: { path: string; spelling: string },
  canRunCode: boolean,
): Promise<ConfigFile> {
  const extension = extname(path);
  const shown = plain(name, 120);
  if (extension === '.mjs' && !canRunCode) {
    return broken(spelling, `${shown} is a module; only a JSON file is read here`);
  }
  if (extension !== '.mjs' && extension !== '.json') {
    return broken(spelling, `${shown} ends neither in .json nor in .mjs`);
  }
  if (extension === '.mjs') {
    return isThere(path) ? readModule(path, name) : broken(spelling, `there is no file ${shown}`);
  }
  const text = await readText(path);
  if (text.kind === 'absent') return broken(spelling, `there is no file ${shown}`);
  if (text.kind === 'failed') return broken(spelling, `${shown} cannot be read: ${text.message}`);
  return readJson(text.text, name);
}

type FileText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly message: string };

async function readText(path: string): Promise<FileText> {
  try {
    return { kind: 'text', text: await readFile(path, 'utf8') };
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? { kind: 'absent' } : { kind: 'failed', message: code };
  }
}

function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown error';
}

async function readJson(text: string, name: string): Promise<ConfigFile> {
  // Editors on Windows may put a byte order mark in front; JSON.parse refuses it.
  const json = text.startsWith('\ufeff') ? text.slice(1) : text;
  try {
    return { file: { name, content: JSON.parse(json) as unknown }, problems: [] };
  } catch {
    // The engine's message quotes the content and, depending on its version, has no position: it is found again.
    const { findJsonError } = await import('./json-error.ts');
    const found = findJsonError(json);
    const where = found ? `line ${found.line}, column ${found.column}: ${found.message}` : 'is not JSON';
    return broken(plain(name, 120), where);
  }
}

async function readModule(path: string, name: string): Promise<ConfigFile> {
  const shown = plain(name, 120);
  let loaded: { default?: unknown };
  try {
    const { loadConfigModule } = await import('./config-module.ts');
    loaded = await loadConfigModule(path);
  } catch (error) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return broken(shown, `could not be loaded: ${plain(message)}; \`node ${shown}\` shows where`);
  }
  if (loaded.default === undefined) return broken(shown, 'has no default export');
  return { file: { name, content: loaded.default }, problems: [] };
}

function broken(option: string, message: string): ConfigFile {
  return { file: null, problems: [{ option, message }] };
}
