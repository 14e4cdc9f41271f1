/**
 * The file store's hands: read a revision, write a private file, link it, collect old ones. Errors leave here as the system
 * gave them; the driver translates. It decides nothing (see file-revisions.ts) and holds no state but its open ends.
 * Invariant: `collect` removes in ascending order and stops at the first failure; the judgement of a link rests on that.
 */
import { dirname, join } from 'node:path';
import { type FileReads, link, mkdir, openFile, readdir, stat, unlink } from '../../base/files.ts';
import { systemCodeOf } from '../file-errors.ts';
import { formatRevisionName, parseRevisionName, selectHead, TEMPORARY_FOLDER } from '../file-layout.ts';
import { isPastKeeping, parseRevision, type RevisionRecord, selectCollectable } from '../file-revisions.ts';

export interface Volume {
  /** The newest revision's number in a folder; 0 where there is none, or no folder. */
  headOf(folder: string): Promise<number>;
  /** Null where the file is not there. */
  read(folder: string, number: number): Promise<RevisionRecord | null>;
  /** Writes a writer's private file, named by its nonce; with fsync it is on disk for sure. */
  writePrivate(nonce: string, bytes: Buffer): Promise<void>;
  /** Removes it again, linked or not. */
  discardPrivate(nonce: string): Promise<void>;
  /** link(2) of the private file to a path; with fsync the folder's entry is on disk too. */
  publish(nonce: string, path: string): Promise<void>;
  /** Makes the folder and those above it, and the one for private files, for this user only. */
  makeFolder(folder: string): Promise<void>;
  /** Takes back one revision; one that is gone already is as good. */
  withdraw(folder: string, number: number): Promise<void>;
  /** Removes a folder's old revisions and, by the same measure, private files of writers long dead. */
  collect(folder: string, newest: number): Promise<void>;
}

export interface VolumeOptions {
  root: string;
  fsync: boolean;
  /** How to read below the root. */
  reads: FileReads;
  /** link(2), replaceable so that tests can lose its reply or take it away. */
  linkFile?: ((from: string, to: string) => Promise<void>) | undefined;
}

/** The hands for one root. */
export function createVolume({ root, fsync, reads, linkFile = link }: VolumeOptions): Volume {
  const temporary = join(root, TEMPORARY_FOLDER);

  const syncFolder = async (folder: string) => {
    // Windows cannot open a folder to flush it; NTFS journals the entry itself.
    if (!fsync || process.platform === 'win32') return;
    const handle = await openFile(folder);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  };

  const makeOne = async (folder: string) => {
    const first = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made))
      await syncFolder(dirname(made));
  };

  /** Removes in the given order while each is old enough. */
  const removeOld = async (paths: readonly string[], newestMs: number, stopAtYoung: boolean) => {
    for (const path of paths) {
      const found = await stat(path).catch(nullIfAbsent);
      if (found && isPastKeeping(found.mtimeMs, newestMs)) await unlink(path).catch(nullIfAbsent);
      else if (found && stopAtYoung) return;
    }
  };

  return {
    async headOf(folder) {
      const names = await reads.readdir(folder).catch(nullIfAbsent);
      return names ? selectHead(names) : 0;
    },
    async read(folder, number) {
      const path = join(folder, formatRevisionName(number));
      const bytes = await reads.readFile(path).catch(nullIfAbsent);
      return bytes ? parseRevision(bytes, path) : null;
    },
    async writePrivate(nonce, bytes) {
      const path = join(temporary, nonce);
      // Somebody may have cleared the store's folder while it was open.
      const handle = await openFile(path, 'wx', 0o600).catch(async (error: unknown) => {
        nullIfAbsent(error);
        await makeOne(temporary);
        return openFile(path, 'wx', 0o600);
      });
      try {
        await handle.writeFile(bytes);
        if (fsync) await handle.sync();
      } finally {
        await handle.close();
      }
    },
    async discardPrivate(nonce) {
      await unlink(join(temporary, nonce)).catch(nullIfAbsent);
    },
    async publish(nonce, path) {
      await linkFile(join(temporary, nonce), path);
      await syncFolder(dirname(path));
    },
    async makeFolder(folder) {
      await makeOne(temporary);
      await makeOne(folder);
    },
    async withdraw(folder, number) {
      await unlink(join(folder, formatRevisionName(number))).catch(nullIfAbsent);
    },
    async collect(folder, newest) {
      // The newest revision was just written: its stamp is what the file system calls now.
      const { mtimeMs } = await stat(join(folder, formatRevisionName(newest)));
      const numbers = (await readdir(folder)).map(parseRevisionName).filter((number) => number !== null);
      const paths = selectCollectable(numbers).map((number) => join(folder, formatRevisionName(number)));
      await removeOld(paths, mtimeMs, true);
      const strays = (await readdir(temporary)).map((name) => join(temporary, name));
      await removeOld(strays, mtimeMs, false);
    },
  };
}

/** Not being there is an answer; every other error stays one. */
function nullIfAbsent(error: unknown): null {
  if (systemCodeOf(error) === 'ENOENT') return null;
  throw error;
}
