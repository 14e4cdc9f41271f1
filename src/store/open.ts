/**
 * From a store URL to a store: parsing is pure and happens while the configuration is read, opening comes later and loads
 * only the driver that is wanted. A driver is one entry of the table below.
 * Invariant: `url` of an address, and every problem text, can be shown to anybody; `location` may carry credentials and goes
 * to the driver alone.
 */
import { posix, win32 } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Parsed } from '../base/duration.ts';
import { AuthError, invariant } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepository } from '../github/repository.ts';
import type { Store } from './contract.ts';
import { parsePostgresUrl, parseServerUrl } from './server-address.ts';

/** Where a store is, checked and ready to be opened. */
export interface StoreAddress {
  /** Without the colon. */
  readonly scheme: string;
  /** For people; never with credentials. */
  readonly url: string;
  /** What the driver needs: an absolute path, or the URL as the user wrote it. Never shown. */
  readonly location: string;
  /** What fits this kind of store where the user said nothing. */
  readonly defaults: StoreDefaults;
}

export interface StoreDefaults {
  /** The reconcile interval. */
  readonly pollMs: number;
  /** How long a holder that stopped renewing is respected. */
  readonly leaseMs: number;
}

/** What parsing needs to know of the world. */
export interface StoreUrlSettings {
  /** Where relative paths start. */
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** This process's own unless given. */
  platform?: NodeJS.Platform;
}

export interface OpenStoreSettings {
  clock: Clock;
  /** The reconcile interval; the driver's own default unless given. */
  pollMs?: number | undefined;
  /** Engines: the deadline of a single call; the driver's own unless given. */
  timeoutMs?: number | undefined;
  /** File store: flush each write to disk before it counts. */
  fsync?: boolean | undefined;
  /**
   * GitHub store: the client, shared with evidence and probes so that they share one budget, and where references go.
   * Absent where there is no token.
   */
  github?: { client: GitHubClient; refPrefix?: string | undefined } | undefined;
}

interface Scheme {
  /** How it is written, for the list of known ones; null for another spelling of a listed one. */
  readonly example: string | null;
  /** `rest` is what follows the first colon. */
  parse(rest: string, settings: StoreUrlSettings): Parsed<StoreAddress>;
  open(address: StoreAddress, settings: OpenStoreSettings): Promise<Store>;
}

const FILE_DEFAULTS: StoreDefaults = Object.freeze({ pollMs: 1000, leaseMs: 60_000 });

const GITHUB_DEFAULTS: StoreDefaults = Object.freeze({ pollMs: 15_000, leaseMs: 600_000 });

const ENGINE_DEFAULTS: StoreDefaults = Object.freeze({ pollMs: 5000, leaseMs: 60_000 });

const SCHEMES: Readonly<Record<string, Scheme>> = Object.freeze({
  file: {
    example: 'file:PATH',
    parse: parseFileUrl,
    async open({ location }, settings) {
      const { openFileStore } = await import('./drivers/file.ts');
      return openFileStore({ ...settings, path: location });
    },
  },
  github: {
    example: 'github:OWNER/REPO',
    parse: parseGitHubUrl,
    async open({ location }, { clock, pollMs, github }) {
      const repository = parseRepository(location);
      invariant(repository.ok, 'a GitHub store is opened by a parsed address');
      if (!github) {
        throw new AuthError('a GitHub store needs a token', {
          hint: 'set GITHUB_TOKEN, or pass the input `token`',
        });
      }
      const { createGitHubStore } = await import('./drivers/github.ts');
      const { client, refPrefix } = github;
      return createGitHubStore({
        client,
        clock,
        repository: repository.value,
        ...(pollMs === undefined ? {} : { pollMs }),
        ...(refPrefix === undefined ? {} : { refPrefix }),
      });
    },
  },
  redis: engine('redis', 'redis://HOST', openRedis),
  rediss: engine('rediss', 'rediss://HOST', openRedis),
  postgres: engine('postgres', 'postgres://HOST/DATABASE', openPostgres),
  postgresql: engine('postgresql', null, openPostgres),
  etcd: engine('etcd', 'etcd://HOST:PORT', openEtcd),
  etcds: engine('etcds', null, openEtcd),
});

/** A store URL as the user wrote it, or what is wrong with it in words that follow the option's name. Opens nothing. */
export function parseStoreUrl(text: string, settings: StoreUrlSettings): Parsed<StoreAddress> {
  const examples = Object.values(SCHEMES).flatMap((scheme) => scheme.example ?? []);
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(0, colon)).toLowerCase();
  const isPath = colon < 0 ? /[\\/.]/.test(text) : name.length <= 1 || /[\\/.]/.test(name);
  if (isPath) return { ok: false, problem: `is a path, not a store URL; write file:${showStoreUrl(text)}` };
  const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
  if (scheme) return scheme.parse(text.slice(colon + 1), settings);
  const what = colon < 0 ? 'is not a store URL' : `names no known kind of store: ${plain(name, 40)}:`;
  return { ok: false, problem: `${what}; write one of ${examples.join(', ')}` };
}

/** Loads the driver and opens the store. The caller closes it. Errors are the driver's: what failed, and what to do. */
export function openStore(address: StoreAddress, settings: OpenStoreSettings): Promise<Store> {
  const scheme = Object.hasOwn(SCHEMES, address.scheme) ? SCHEMES[address.scheme] : undefined;
  invariant(scheme, `no driver for ${address.scheme}:`);
  return scheme.open(address, settings);
}

/** A URL without what could be a secret: no user, no password, no query; one printable line. */
export function showStoreUrl(text: string): string {
  const bare = text.replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/]*@/i, '$1//').replace(/[?#].*$/s, '');
  return plain(bare);
}

function parseGitHubUrl(rest: string): Parsed<StoreAddress> {
  const repository = parseRepository(rest);
  if (!repository.ok) return { ok: false, problem: 'names no repository; write github:OWNER/REPO' };
  const url = `github:${rest}`;
  return {
    ok: true,
    value: Object.freeze({ scheme: 'github', url, location: rest, defaults: GITHUB_DEFAULTS }),
  };
}

function parseFileUrl(rest: string, settings: StoreUrlSettings): Parsed<StoreAddress> {
  const path = (settings.platform ?? process.platform) === 'win32' ? win32 : posix;
  const fail = (problem: string): Parsed<StoreAddress> => ({ ok: false, problem });
  const found = (location: string): Parsed<StoreAddress> => ({
    ok: true,
    value: Object.freeze({
      scheme: 'file',
      url: `file:${plain(location, 1024)}`,
      location,
      defaults: FILE_DEFAULTS,
    }),
  });
  if (rest.includes('\u0000')) return fail('has a NUL character in its path');
  if (rest.startsWith('~')) return fail('starts with ~, which only a shell expands; write the whole path');
  if (/^\/\/[^/]/.test(rest))
    return fail('names a host; a file store is a folder of this machine: write file:PATH');
  if (rest !== '') return found(path.resolve(settings.cwd, rest.replace(/^\/\/(?=\/)/, '')));

  const { env } = settings;
  const absolute = (name: string) => {
    const value = env[name];
    // The XDG specification has relative paths ignored; for the others they would depend on where one stands.
    return value !== undefined && path.isAbsolute(value) ? value : undefined;
  };
  if (path === win32) {
    const local = absolute('LOCALAPPDATA');
    if (local) return found(win32.join(local, 'lockstep'));
    return fail('needs a path, since LOCALAPPDATA is not set; write file:PATH');
  }
  const state = absolute('XDG_STATE_HOME');
  if (state) return found(posix.join(state, 'lockstep'));
  const home = absolute('HOME');
  if (home) return found(posix.join(home, '.local', 'state', 'lockstep'));
  return fail('needs a path, since neither XDG_STATE_HOME nor HOME is set; write file:PATH');
}

/** The entry of an engine: the driver takes the URL as it is, with its scheme in small letters. */
function engine(scheme: string, example: string | null, open: Scheme['open']): Scheme {
  const parseUrl = scheme.startsWith('postgres') ? parsePostgresUrl : parseServerUrl;
  return {
    example,
    open,
    parse(rest) {
      const location = `${scheme}:${rest}`;
      const parsed = parseUrl(location);
      if (!parsed.ok) return parsed;
      const { shown: url } = parsed.value;
      return { ok: true, value: Object.freeze({ scheme, url, location, defaults: ENGINE_DEFAULTS }) };
    },
  };
}

async function openRedis({ location: url }: StoreAddress, settings: OpenStoreSettings): Promise<Store> {
  const { openRedisStore } = await import('./drivers/redis.ts');
  return openRedisStore({ ...settings, url });
}

async function openPostgres({ location: url }: StoreAddress, settings: OpenStoreSettings): Promise<Store> {
  const { openPostgresStore } = await import('./drivers/postgres.ts');
  return openPostgresStore({ ...settings, url });
}

async function openEtcd({ location: url }: StoreAddress, settings: OpenStoreSettings): Promise<Store> {
  const { openEtcdStore } = await import('./drivers/etcd.ts');
  return openEtcdStore({ ...settings, url });
}
