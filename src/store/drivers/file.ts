/**
 * The file store: one machine, many processes, no server and no lock. Each key is a folder, each revision a file in it that
 * was made in private and published by link(2) (see file-revisions.ts for the decisions, file-layout.ts for the names).
 * Linearizable on a local file system; on network ones as far as their listings are. NOT guaranteed without `fsync`: survival
 * of a power failure (of a killed process: always).
 * Invariant: a write counts from the moment its link succeeds; nothing that was read as the newest revision is ever taken back.
 */
import { join, resolve } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { LockstepError, UnavailableError, UnsupportedError } from '../../base/errors.ts';
import { type FileReads, readdir, readsBelow } from '../../base/files.ts';
import { createNonce } from '../../base/identity.ts';
import { admitKey, admitValue } from '../admission.ts';
import { type Call, runCall } from '../call.ts';
import type { Revision, Store, StoreCallOptions } from '../contract.ts';
import { createEdges, type Edges } from '../edges.ts';
import { isLinkRefused, noHardLinks, systemCodeOf, translateFileError } from '../file-errors.ts';
import {
  FORMAT,
  FORMAT_FILE,
  folderOf,
  foldersOf,
  keyOfNames,
  namesOf,
  REVISIONS_FOLDER,
} from '../file-layout.ts';
import { createFileRegister, entryOf } from './file-register.ts';
import { createVolume, type Volume } from './file-volume.ts';
import { startFileWatch, type WatchFolder } from './file-watch.ts';

export interface FileStoreOptions {
  /** An absolute path; made, for this user only, where it is missing. */
  path: string;
  clock: Clock;
  /** The watch's reconcile interval; 1 s unless given, never under {@link MIN_POLL_MS}. */
  pollMs?: number | undefined;
  /** Flush each write to disk before it counts; off unless given. */
  fsync?: boolean | undefined;
  /** The deadline of a single call; 10 s unless given. Only a network file system ever needs so long. */
  timeoutMs?: number | undefined;
  /** For tests: what stands in for the system's own. */
  seams?: { linkFile?: (from: string, to: string) => Promise<void>; watchFolder?: WatchFolder };
}

const MIN_POLL_MS = 50;

/**
 * Opens the store at a path. UnsupportedError where the file system has no hard links or the path is no folder, AuthError
 * where it may not be used; both say what to do. The caller closes it.
 */
export async function openFileStore(options: FileStoreOptions): Promise<Store> {
  const { clock, fsync = false, timeoutMs = 10_000, seams = {} } = options;
  const pollMs = Math.max(MIN_POLL_MS, options.pollMs ?? 1000);
  const root = resolve(options.path);
  const reads = readsBelow(root);
  const volume = createVolume({ root, fsync, reads, linkFile: seams.linkFile });
  const what = `opening the file store at ${root}`;
  await runCall({ clock, timeoutMs, signal: undefined, what }, () => prepare(root, volume, reads));

  const watches = new Set<Edges>();
  const tidying = new Set<Promise<unknown>>();
  let isClosed = false;

  /** Tidying is nobody's business but the store's: a failure leaves a file that the next round finds again. */
  const tidy = (work: Promise<unknown>) => {
    const quiet = work.catch(() => undefined).finally(() => tidying.delete(quiet));
    tidying.add(quiet);
  };
  const register = createFileRegister({ root, volume, tidy });

  const run = <T>(
    about: { name: string; key: string; signal: AbortSignal | undefined },
    operation: (call: Call) => Promise<T>,
  ): Promise<T> => {
    if (isClosed) return Promise.reject(new UnavailableError(`the file store at ${root} was closed`));
    const what = `${about.name} ${about.key} in the file store at ${root}`;
    return runCall({ clock, timeoutMs, signal: about.signal, what }, async (call) => {
      try {
        return await operation(call);
      } catch (error) {
        throw translateFileError(error, root);
      }
    });
  };

  const collectKeys = async (folder: string, names: readonly string[]): Promise<string[]> => {
    const found = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return [];
      throw error;
    });
    const inner = await Promise.all(
      found.map(async (entry) => {
        const path = join(folder, entry.name);
        if (entry.name === REVISIONS_FOLDER) return (await isPresent(path)) ? [keyOfNames(names)] : [];
        return entry.isDirectory() && !entry.name.startsWith('@')
          ? collectKeys(path, [...names, entry.name])
          : [];
      }),
    );
    return inner.flat();
  };

  const isPresent = async (folder: string): Promise<boolean> => {
    try {
      const head = await register.readHead(folder);
      return head !== null && head.record.value !== null;
    } catch (error) {
      // A damaged record is there all the same; whoever reads it learns what is wrong.
      if (error instanceof LockstepError && error.code === 'corrupt-record') return true;
      throw error;
    }
  };

  const change = (
    key: string,
    about: { name: string; expect: Revision | null; value: string | null; bytes: Buffer },
    signal: AbortSignal | undefined,
  ) => {
    const folder = folderOf(root, admitKey(key));
    return run({ name: about.name, key, signal }, (call) => register.write({ ...about, folder }, call));
  };

  return {
    url: `file:${root}`,
    capabilities: Object.freeze({
      linearizableReads: true,
      conditionalDelete: true,
      nativeWatch: true,
      multiKeyTxn: false,
      durable: fsync ? 'fsync' : 'process',
      minPollMs: MIN_POLL_MS,
    }),
    async get(key, { signal }: StoreCallOptions = {}) {
      const folder = folderOf(root, admitKey(key));
      return run({ name: 'get', key, signal }, async () => {
        const head = await register.readHead(folder);
        return head && entryOf(head);
      });
    },
    async compareAndSet(key, expect, value, { signal }: StoreCallOptions = {}) {
      return change(key, { name: 'compareAndSet', expect, value, bytes: admitValue(key, value) }, signal);
    },
    async delete(key, expect, { signal }: StoreCallOptions = {}) {
      return change(key, { name: 'delete', expect, value: null, bytes: Buffer.alloc(0) }, signal);
    },
    async list(prefix, { signal }: StoreCallOptions = {}) {
      const border = prefix.replace(/\/+$/, '');
      const names = border === '' ? [] : namesOf(admitKey(border));
      return run({ name: 'list', key: prefix, signal }, () => collectKeys(join(root, ...names), names));
    },
    watch(key, { signal }) {
      const folders = foldersOf(root, admitKey(key));
      const edges = createEdges(signal);
      if (isClosed) edges.end();
      if (edges.ended.aborted) return edges.watch;
      watches.add(edges);
      edges.ended.addEventListener('abort', () => watches.delete(edges));
      const readNewest = () => volume.headOf(folderOf(root, key));
      startFileWatch({ clock, pollMs, folders, edges, readHead: readNewest, watchFolder: seams.watchFolder });
      return edges.watch;
    },
    async close() {
      isClosed = true;
      for (const edges of [...watches]) edges.end();
      await Promise.all(tidying);
    },
  };
}

/** Makes the root and proves hard links once, by linking the format file; afterwards opening is one read. */
async function prepare(root: string, volume: Volume, reads: FileReads): Promise<void> {
  const formatPath = join(root, FORMAT_FILE);
  try {
    const found = await reads.readFile(formatPath).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (found?.toString() === FORMAT) return;
    if (found !== null) {
      throw new UnsupportedError(`${root} holds a store of another version`, {
        hint: 'use one version of lockstep on a machine, or another path for the store',
      });
    }
    const nonce = createNonce();
    await volume.makeFolder(root);
    await volume.writePrivate(nonce, Buffer.from(FORMAT));
    try {
      await volume.publish(nonce, formatPath);
    } catch (error) {
      // Another process was faster: the proof is its.
      if (systemCodeOf(error) !== 'EEXIST') throw isLinkRefused(error) ? noHardLinks(root, error) : error;
    } finally {
      await volume.discardPrivate(nonce);
    }
  } catch (error) {
    throw translateFileError(error, root);
  }
}
