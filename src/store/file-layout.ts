/**
 * Names on disk of the file store, as pure functions. A key's folder nests by segment; the revisions lie in a subfolder that
 * no segment can be called, so that the keys `a` and `a/b` live side by side:
 *
 *   ROOT/@format                     written once, by link: this place holds a store, and its file system has hard links
 *   ROOT/@tmp/NONCE                  a writer's private file before it is linked; garbage once its writer is dead
 *   ROOT/default/lock/db/@/0…07      revision 7 of default/lock/db
 *
 * Invariant: what is not a key's segment contains `@` or `+`, which no escaped segment has; names differ without regard to case.
 */
import { join } from 'node:path';

export const REVISIONS_FOLDER = '@';
export const TEMPORARY_FOLDER = '@tmp';
export const FORMAT_FILE = '@format';
/** What the format file says; another number is another layout. */
export const FORMAT = 'lockstep file store 1\n';

const MAX_PIECE = 200;
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/;

/** The folder names of a key. Pieces over 200 bytes are split (names end at 255), Windows' device names disguised. */
export function namesOf(key: string): string[] {
  return key.split('/').flatMap((segment) => {
    const pieces = segment.match(new RegExp(`.{1,${MAX_PIECE}}`, 'g')) ?? [segment];
    return pieces.map(
      (piece, i) => `${RESERVED.test(piece) ? '+' : ''}${piece}${i < pieces.length - 1 ? '+' : ''}`,
    );
  });
}

/** Every folder from the root down to the key's revisions. */
export function foldersOf(root: string, key: string): string[] {
  const folders = [root];
  for (const name of [...namesOf(key), REVISIONS_FOLDER]) folders.push(join(folders.at(-1) ?? root, name));
  return folders;
}

/** The folder of a key's revisions. */
export function folderOf(root: string, key: string): string {
  return join(root, ...namesOf(key), REVISIONS_FOLDER);
}

/** The key whose folders have these names; the inverse of {@link folderOf}. */
export function keyOfNames(names: readonly string[]): string {
  return names
    .map((name) => `${name.startsWith('+') ? name.slice(1) : name}/`)
    .join('')
    .replaceAll('+/', '')
    .slice(0, -1);
}

/** Sixteen digits, so that names sort as numbers do. */
export function formatRevisionName(number: number): string {
  return String(number).padStart(16, '0');
}

/** The number of a revision file, or null for any other name. */
export function parseRevisionName(name: string): number | null {
  return /^\d{16}$/.test(name) && Number.isSafeInteger(Number(name)) ? Number(name) : null;
}

/** The newest revision in a listing; 0 where there is none. */
export function selectHead(names: readonly string[]): number {
  let head = 0;
  for (const name of names) head = Math.max(head, parseRevisionName(name) ?? 0);
  return head;
}
