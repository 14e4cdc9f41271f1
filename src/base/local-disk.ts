/**
 * Whether a path lies on a disk of this machine, told without touching it: a network file system whose server is silent would
 * not let go of whoever asked. The kernel's mount table says what is mounted where; links are followed by hand, and only where
 * everything above them is local.
 * NOT guaranteed: that a local disk answers soon (a disk that fails, a block device at the other end of a network).
 * Invariant: what cannot be told counts as remote.
 */
import fs from 'node:fs';

/** What the kernel keeps on block devices or in memory of its own, and what containers lay over them. */
const LOCAL_TYPES: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'bcachefs', 'jfs', 'zfs'],
  ...['tmpfs', 'ramfs', 'overlay'],
]);
const MAX_LINKS = 40;

/** Mount points to file system types, the last one mounted at a place. */
export type MountTable = ReadonlyMap<string, string>;

/** Reads `/proc/self/mountinfo` (proc_pid_mountinfo(5)); lines of another form are left out. Pure. */
export function parseMounts(text: string): MountTable {
  const types = new Map<string, string>();
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const point = fields[4];
    const type = fields[fields.indexOf('-', 6) + 1];
    // The kernel writes blanks, tabs, line ends and backslashes of a name in octal.
    if (point?.startsWith('/') && type)
      types.set(
        point.replace(/\\([0-7]{3})/g, (_, digits: string) =>
          String.fromCharCode(Number.parseInt(digits, 8)),
        ),
        type,
      );
  }
  return types;
}

/** Where a link points to; null for what is no link, or not there. Throws where that cannot be told. */
type LinkReader = (path: string) => string | null;

/**
 * True where an absolute path, all that leads to it and all that is mounted below it are local. `readLink` is asked only for
 * paths that are local themselves. Pure but for it.
 */
export function isLocalPath(path: string, mounts: MountTable, readLink: LinkReader): boolean {
  const isRemote = (point: string) => {
    const type = mounts.get(point);
    return type !== undefined && !LOCAL_TYPES.has(type);
  };
  if (!path.startsWith('/') || !mounts.has('/') || isRemote('/')) return false;
  let at = '';
  let rest = namesOf(path);
  for (let links = 0; rest.length > 0; ) {
    const [name, ...others] = rest as [string, ...string[]];
    rest = others;
    // As the kernel does it: a step up is one from where the links have led, not from how the path is written.
    const next = name === '..' ? parentOf(at) : `${at}/${name}`;
    if (isRemote(next === '' ? '/' : next)) return false;
    const target = name === '..' ? null : readLink(next);
    if (target === null) {
      at = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return false;
    rest = [...namesOf(target), ...rest];
    if (target.startsWith('/')) at = '';
  }
  for (const point of mounts.keys()) if (point.startsWith(`${at}/`) && isRemote(point)) return false;
  return true;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** {@link isLocalPath} here and now; false off Linux. A path that is not there yet is judged by what it would be made in. */
export function isOnLocalDisk(path: string): boolean {
  if (process.platform !== 'linux') return false;
  try {
    return isLocalPath(path, parseMounts(fs.readFileSync('/proc/self/mountinfo', 'utf8')), readLink);
  } catch {
    // No /proc, or a folder on the way that may not be searched: it counts as remote.
    return false;
  }
}

function readLink(path: string): string | null {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? fs.readlinkSync(path) : null;
}
