/** The file system's errors in lockstep's words: what failed, on what, why, what to do. Nothing here was applied. */
import {
  AuthError,
  IndeterminateError,
  InvariantError,
  LockstepError,
  toError,
  UnavailableError,
  UnsupportedError,
} from '../base/errors.ts';

/** The system's code of an error (`ENOENT`), or an empty string. */
export function systemCodeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** What the first link says where the file system has no hard links, in the tongues of its kinds. */
const LINK_REFUSED = new Set([
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EXDEV',
  'EMLINK',
  'EINVAL',
  'UNKNOWN',
]);

/** After these a link has certainly not happened. */
const NOT_LINKED = new Set([
  'EPERM',
  'EACCES',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ENOENT',
  'ENOTDIR',
  'ENAMETOOLONG',
  'ELOOP',
]);

/** Whether a link right after a successful write to the same place failed because there are no hard links. */
export function isLinkRefused(error: unknown): boolean {
  return LINK_REFUSED.has(systemCodeOf(error));
}

/** An error of reading or preparing, at the store's edge: certainly nothing was applied. */
export function translateFileError(thrown: unknown, root: string): LockstepError {
  if (thrown instanceof LockstepError) return thrown;
  const cause = toError(thrown);
  const code = systemCodeOf(thrown);
  if (code === '') return new InvariantError(`the file store failed: ${cause.message}`, { cause });
  const at = `the file store at ${root}`;
  const elsewhere = 'or choose another path for the store';
  if (code === 'EACCES' || code === 'EPERM') {
    return new AuthError(`${at} may not be used by this user: ${cause.message}`, {
      hint: `give this user read and write access to the folder, ${elsewhere}`,
      cause,
    });
  }
  if (code === 'EROFS') {
    return new UnsupportedError(`${at} is on a read-only file system`, {
      hint: `mount it writable, ${elsewhere}`,
      cause,
    });
  }
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'ELOOP' || code === 'ENAMETOOLONG') {
    return new UnsupportedError(`${at} is not usable as a folder: ${cause.message}`, {
      hint: `remove what is in its way, ${elsewhere}`,
      cause,
    });
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UnavailableError(`${at} is full: ${cause.message}`, {
      hint: `free some space there, ${elsewhere}`,
      cause,
    });
  }
  return new UnavailableError(`${at} did not answer as it should: ${cause.message}`, { cause });
}

/** An error of link(2) itself: certain where the system says so, in doubt otherwise. */
export function translateLinkError(thrown: unknown, root: string): LockstepError {
  const code = systemCodeOf(thrown);
  // Links worked when the store was made: no permission now is only that.
  if (NOT_LINKED.has(code)) return translateFileError(thrown, root);
  if (isLinkRefused(thrown) && code !== 'UNKNOWN') return noHardLinks(root, thrown);
  return new IndeterminateError(
    `linking a revision in ${root} failed in the middle: ${toError(thrown).message}`,
    {
      cause: thrown,
    },
  );
}

/** The refusal of a file system on which the protocol cannot be right. */
export function noHardLinks(root: string, cause: unknown): UnsupportedError {
  return new UnsupportedError(
    `the file system at ${root} has no hard links (${toError(cause).message}); without them a killed process could leave half a record`,
    {
      hint: 'put the store on a local disk of the machine (ext4, xfs, APFS, NTFS), not on exFAT, FAT or a shared mount',
      cause,
    },
  );
}
