/**
 * The directory provider: each sub-folder of one root is an app. For preview environments, work folders and caches on a
 * self-hosted runner, and for trying lockstep out without an account.
 * NOT guaranteed: that nobody uses a folder; only its own modification and its marker are seen, not what happens deeper down.
 * Invariants: nothing outside the root is touched and nothing is reached through a link; the root is resolved once, and each
 * call checks that it is still the same folder; identity and version are checked again after the folder was moved aside.
 * Times are the file system's: `open` compares its clock with this machine's by making and removing an empty folder.
 */
import { join, sep } from 'node:path';
import { type Clock, throwIfAborted } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import { type FileReads, mkdir, readsBelow, rmdir } from '../base/files.ts';
import { createNonce, hashIdentity } from '../base/identity.ts';
import { plain } from '../base/text.ts';
import type { AnswerMeta, App, Provider, ProviderFailure } from './contract.ts';
import {
  type DirectoryApp,
  isTrashName,
  type ListingOptions,
  lookAt,
  readApps,
  trashName,
} from './directory-listing.ts';
import { removeApp, tidyTrash } from './directory-removal.ts';

export interface DirectoryProviderOptions {
  /** Absolute; may itself be a link. */
  root: string;
  /** The home folder: never a root, nor anything above it. */
  home: string | null;
  /** Where this process works: the app around it is protected. */
  cwd: string;
  /** The user's own name for the root; null to derive it. */
  account: string | null;
  /** `.lockstep-created` unless given. */
  marker?: string;
  clock: Clock;
}

/** The file in an app's folder that tells its age: an ISO 8601 timestamp, or empty (then its modification time). */
export const CREATED_MARKER = '.lockstep-created';

/** A provider for the folders below `root`. Rejects with ConfigError where that is no folder to clean up in. */
export async function createDirectoryProvider(options: DirectoryProviderOptions): Promise<Provider> {
  const { clock } = options;
  const { root, device, inode, birthNs } = await resolveRoot(options);
  const marker = options.marker ?? CREATED_MARKER;
  // Found out at the first look: a job that only learns a fresh result needs the account and no more.
  let found: ListingOptions | null = null;
  const listing = async (): Promise<ListingOptions> => {
    found ??= {
      root,
      device,
      marker,
      cwd: (await resolved(options.cwd, readsBelow(options.cwd))) ?? options.cwd,
    };
    return found;
  };
  // How far the file system's clock is ahead of this machine's.
  let offsetMs = 0;
  let hasDestroyed = false;
  // Where the last listing or read saw each app.
  const places = new Map<string, DirectoryApp>();

  const meta = (): AnswerMeta => ({ status: null, serverNowMs: clock.wallMs() + offsetMs });
  const attempt = async <T>(what: string, signal: AbortSignal, act: () => Promise<T>) => {
    throwIfAborted(signal);
    try {
      const now = await lookAt(root);
      if (now === null || !now.isDirectory() || now.dev !== device || now.ino !== inode)
        return failed('invalid', `${what}: ${root} is not the folder it was`);
      return await act();
    } catch (error) {
      throwIfAborted(signal);
      return toFailure(what, error);
    }
  };
  const failed = (kind: ProviderFailure['kind'], detail: string): ProviderFailure => ({
    kind,
    meta: meta(),
    detail: plain(detail),
  });
  const toFailure = (what: string, error: unknown): ProviderFailure => {
    const { code } = error as NodeJS.ErrnoException;
    // What carries no code of the system is a bug, not an answer.
    if (code === undefined) throw error;
    const isRefused = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    return failed(isRefused ? 'forbidden' : 'ambiguous', `${what}: ${code}`);
  };
  const look = async () => {
    const entries = await readApps(await listing());
    places.clear();
    for (const entry of entries) places.set(entry.app.id, entry);
    return entries.map((entry) => entry.app);
  };

  return {
    name: 'directory',
    // The folder itself, not its path alone: two machines have the same path, and a shared file system has one folder.
    accountId: hashIdentity(
      options.account === null
        ? ['directory', root, String(inode), String(birthNs)]
        : ['directory', 'account', options.account],
    ),
    capabilities: { atomicPrecondition: true, openRequests: 1, pageSize: Number.MAX_SAFE_INTEGER },
    pace: { emissionIntervalMs: 1, burst: 1000 },

    open: ({ signal }) =>
      attempt(`open ${root}`, signal, async () => {
        offsetMs = (await readClock(root, clock)) - clock.wallMs();
        return { kind: 'open', meta: meta(), label: root } as const;
      }),

    list: (_cursor, { signal }) =>
      attempt(`list ${root}`, signal, async () => {
        const apps = await look();
        return { kind: 'page', meta: meta(), apps, next: null, total: apps.length } as const;
      }),

    get: (id, { signal }) =>
      attempt(`look for ${id}`, signal, async () => {
        const app = (await look()).find((entry) => entry.id === id);
        return app
          ? ({ kind: 'found', meta: meta(), app } as const)
          : ({ kind: 'gone', meta: meta() } as const);
      }),

    destroy: (app: App, { signal }) =>
      attempt(`remove ${app.name}`, signal, async () => {
        if (!places.has(app.id)) await look();
        const place = places.get(app.id);
        if (!place) return { kind: 'gone', meta: meta() } as const;
        hasDestroyed = true;
        try {
          const removal = await removeApp({ ...place, app }, { ...(await listing()), signal });
          return removal.kind === 'changed'
            ? { ...removal, meta: meta(), detail: plain(`${app.name}: ${removal.detail}`) }
            : { kind: removal.kind, meta: meta() };
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code !== 'EBUSY' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
          return { kind: 'busy', meta: meta(), detail: plain(`remove ${app.name}: ${code}`) } as const;
        }
      }),

    async close() {
      if (hasDestroyed) await tidyTrash(root, isTrashName);
    },
  };
}

async function resolveRoot({ root: given, home }: DirectoryProviderOptions) {
  const reads = readsBelow(given);
  const root = await resolved(given, reads);
  const stats = root === null ? null : await lookAt(root, reads);
  const refuse = (message: string): never => {
    throw new ConfigError([{ option: 'root', message }]);
  };
  if (root === null || stats === null) return refuse(`${given} does not exist; name an existing folder`);
  if (!stats.isDirectory()) return refuse(`${given} is not a folder`);
  const realHome = home === null ? null : ((await resolved(home, readsBelow(home))) ?? home);
  const problem = describeUnfitRoot(root, realHome);
  if (problem !== null) return refuse(problem);
  return { root, device: stats.dev, inode: stats.ino, birthNs: stats.birthtimeNs };
}

/** Why a folder must not be a root; null where it may. Both paths absolute. */
export function describeUnfitRoot(root: string, home: string | null): string | null {
  const withSlash = (path: string) => (path.endsWith(sep) ? path : `${path}${sep}`);
  if (/^([A-Za-z]:)?[\\/]*$/.test(root))
    return 'is the root of the whole file system; name a folder of its own';
  if (home !== null && withSlash(home).startsWith(withSlash(root)))
    return `${root} is or contains the home folder; name a folder of its own`;
  return null;
}

async function resolved(path: string, reads: FileReads): Promise<string | null> {
  try {
    return await reads.realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null;
    throw error;
  }
}

// The time the file system gives to something new. Where nothing can be made (a plan without the right to write) this
// machine's clock has to do.
async function readClock(root: string, clock: Clock): Promise<number> {
  const probe = join(root, trashName(null, createNonce()));
  try {
    await mkdir(probe, { mode: 0o700 });
  } catch {
    return clock.wallMs();
  }
  const stats = await lookAt(probe);
  await rmdir(probe);
  return stats === null ? clock.wallMs() : Number(stats.mtimeMs);
}
