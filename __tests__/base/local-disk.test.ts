// Which paths are near, as a table of mounts and links; that a near file is read at once is shown on this machine's own disk.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readsBelow } from '../../src/base/files.ts';
import { isLocalPath, isOnLocalDisk, parseMounts } from '../../src/base/local-disk.ts';

const TABLE = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:50 / /home rw master:1 shared:7 - nfs4 server:/home rw,vers=4.2
31 30 0:51 / /home/ann/near rw - tmpfs tmpfs rw
32 27 0:52 / /with\\040blank rw - fuse.sshfs ann@far:/ rw
33 27 0:53 / /tmp rw - tmpfs tmpfs rw
34 27 0:54 / /twice rw - ext4 /dev/vdb rw
35 34 0:55 / /twice rw - cifs //far/share rw
36 27 0:56 / /work/cache/far rw - nfs server:/cache rw
37 27 0:57 / /auto rw - autofs systemd-1 rw
38 27 0:58 / /layers rw - overlay overlay rw
not a line of the kernel
`;
const LINKS: Readonly<Record<string, string>> = {
  '/near-link': '/tmp/x',
  '/far-link': '/home/ann',
  '/tmp/relative': '../home',
  '/loop': '/loop',
  '/chain': 'near-link/../y',
  // Written, both lie in the root; walked, one is below the network and the other is not.
  '/deep': '/work/cache/near',
  '/up-far': 'deep/../far',
  '/shallow': '/srv/a',
  '/up-near': 'shallow/../home',
};

describe('a path', () => {
  const mounts = parseMounts(TABLE);

  test.each([
    ['on the root disk', '/srv/store', true],
    ['that is the root, with remote ones below', '/', false],
    ['in memory', '/tmp/store', true],
    ['on layers of a container', '/layers/store', true],
    ['on a network file system', '/home/ann/store', false],
    ['that is where one is mounted', '/home', false],
    ['whose name only begins like one', '/homes/ann', true],
    ['on a disk below a network file system, which has to be passed', '/home/ann/near/store', false],
    ['under a name that the kernel writes in octal', '/with blank/store', false],
    ['where a network file system lies over a disk', '/twice/store', false],
    ['below which a network file system is mounted', '/work/cache', false],
    ['beside which one is mounted', '/work/cache/near', true],
    ['where something would be mounted by looking', '/auto/x', false],
    ['of a kind nobody knows', '/proc/self', false],
    ['through a link to somewhere near', '/near-link/store', true],
    ['through a link to somewhere far', '/far-link/store', false],
    ['through a relative link to somewhere far', '/tmp/relative/store', false],
    ['through a link through a link', '/chain/store', true],
    ['through a link to itself', '/loop/store', false],
    ['up out of where a link leads, to somewhere far', '/up-far/store', false],
    ['up out of where a link leads, to somewhere near', '/up-near/store', true],
    ['with steps up to somewhere far', '/srv/../home/ann', false],
    ['with steps up beyond the root', '/../../srv/./store', true],
    ['that is not absolute', 'srv/store', false],
  ])('%s: %s is local: %p', (_, path, expected) => {
    expect(isLocalPath(path, mounts, (each) => LINKS[each] ?? null)).toBe(expected);
  });

  test('is never looked at where it is remote, nor anything beyond', () => {
    const asked: string[] = [];
    isLocalPath('/far-link/deep/store', mounts, (each) => {
      asked.push(each);
      return LINKS[each] ?? null;
    });
    expect(asked).toEqual(['/far-link']);
  });

  test('is remote without a table', () => {
    expect(isLocalPath('/srv/store', parseMounts(''), () => null)).toBe(false);
  });
});

describe('on this machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-disk-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('what lies near is read before anything else happens', async () => {
    const path = join(folder, 'a');
    writeFileSync(path, 'there');
    const reading = readsBelow(folder)
      .readFile(path)
      .catch((error: NodeJS.ErrnoException) => error.code);
    rmSync(path);
    const found = String(await reading);
    // Elsewhere a thread may have been faster, or not.
    if (isOnLocalDisk(folder)) expect(found).toBe('there');
    else expect(['there', 'ENOENT']).toContain(found);
    if (process.platform === 'linux') expect(isOnLocalDisk('/proc/self')).toBe(false);
  });

  test('who reads again and again does not keep others from their turn', async () => {
    const reads = readsBelow(folder);
    let hasTurn = false;
    setTimeout(() => {
      hasTurn = true;
    }, 1);
    for (let count = 0; !hasTurn && count < 1_000_000; count += 1) await reads.readdir(folder);
    expect(hasTurn).toBe(true);
  });

  test('errors are the same either way, and come as rejections', async () => {
    symlinkSync('/proc/self', join(folder, 'elsewhere'));
    for (const below of [folder, join(folder, 'elsewhere')]) {
      const reads = readsBelow(below);
      await expect(reads.readFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(reads.readdir(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(reads.lstat(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(reads.realpath(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
      expect((await reads.lstat(join(folder, 'elsewhere'))).isSymbolicLink()).toBe(true);
      expect(await reads.readdir(folder)).toContain('elsewhere');
    }
  });
});
