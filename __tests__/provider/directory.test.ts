import { execFile } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { App, Provider } from '../../src/provider/contract.ts';
import {
  createDirectoryProvider,
  type DirectoryProviderOptions,
  describeUnfitRoot,
} from '../../src/provider/directory.ts';
import { isTrashName, readApps, trashName } from '../../src/provider/directory-listing.ts';
import { createManualClock } from '../support/manual-clock.ts';

const { signal } = new AbortController();
const NONCE = '01234567-89ab-4cde-8f01-23456789abcd';
let base = '';
let root = '';

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'lockstep-directory-')));
  root = join(base, 'root');
  await mkdir(root);
});
afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

const open = (options: Partial<DirectoryProviderOptions> = {}) =>
  createDirectoryProvider({
    root,
    home: null,
    cwd: base,
    account: null,
    clock: createManualClock(),
    ...options,
  });

async function list(provider: Provider): Promise<App[]> {
  const page = await provider.list(null, { signal });
  if (page.kind !== 'page') throw new Error(`${page.kind}: ${page.detail}`);
  return [...page.apps].sort((a, b) => a.name.localeCompare(b.name));
}

const destroy = (provider: Provider, app: App) => provider.destroy(app, { signal, fencingToken: 1 });

/** Acts at its n-th check: between two steps that no test could otherwise tell apart. */
function signalThatActs(check: number, act: () => void): AbortSignal {
  let checks = 0;
  const controller = new AbortController();
  const { signal: hooked } = controller;
  const isAborted = () => hooked.reason !== undefined;
  Object.defineProperty(hooked, 'aborted', {
    get() {
      checks += 1;
      if (checks === check) act();
      return isAborted();
    },
  });
  return hooked;
}

function abortedAtCheck(check: number, reason: Error): AbortSignal {
  const inner = new AbortController();
  return Object.defineProperty(
    signalThatActs(check, () => inner.abort(reason)),
    'reason',
    { get: () => inner.signal.reason as unknown },
  );
}

async function one(provider: Provider, name = 'app'): Promise<App> {
  const found = (await list(provider)).find((app) => app.name === name);
  if (!found) throw new Error(`${name} is not listed`);
  return found;
}

describe('what is an app', () => {
  test('a folder directly below the root, hidden or not; nothing else', async () => {
    for (const name of ['app', '.hidden', 'with space', '-dash', 'ünï'])
      await mkdir(join(root, name, 'deep'), { recursive: true });
    await writeFile(join(root, 'file'), '');
    await symlink(base, join(root, 'link'));
    await symlink(join(root, 'nowhere'), join(root, 'dangling'));
    const names = (await list(await open())).map((app) => app.name);
    expect(new Set(names)).toEqual(new Set(['app', '.hidden', 'with space', '-dash', 'ünï']));
  });

  test('a name that is not UTF-8 is none, and does no harm', async () => {
    await mkdir(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff])]));
    await mkdir(join(root, 'app'));
    expect((await list(await open())).map((app) => app.name)).toEqual(['app']);
  });

  test('what is mounted there is none', async () => {
    await mkdir(join(root, 'mounted'));
    // Another device tells a mount point. To mount takes rights that a test has not, so the root's device is the other one.
    expect(await one(await open(), 'mounted')).toBeDefined();
    expect(await readApps({ root, device: -1n, marker: 'm', cwd: base })).toEqual([]);
  });

  test('the one that this process works in is protected', async () => {
    await mkdir(join(root, 'app', 'deep'), { recursive: true });
    await mkdir(join(root, 'app-2'));
    const apps = await list(await open({ cwd: join(root, 'app', 'deep') }));
    expect(apps.map((app) => [app.name, app.isProtected])).toEqual([
      ['app', true],
      ['app-2', false],
    ]);
  });
});

describe('an app’s age', () => {
  const OLD = new Date('2025-03-04T05:06:07Z');
  const ageOf = async (marker?: string) => {
    await mkdir(join(root, 'app'));
    if (marker !== undefined) await writeFile(join(root, 'app', '.lockstep-created'), marker);
    await utimes(join(root, 'app'), OLD, OLD);
    return (await one(await open())).createdAtMs;
  };

  test('is its modification time where it has no marker', async () => {
    expect(await ageOf()).toBe(OLD.getTime());
  });

  test('is what the marker says', async () => {
    expect(await ageOf('2025-12-24T00:00:00Z\n')).toBe(Date.UTC(2025, 11, 24));
  });

  test('is the marker’s own time where that is empty', async () => {
    const before = Date.now() - 60_000;
    expect(await ageOf('')).toBeGreaterThan(before);
  });

  test.each([['yesterday'], ['0'], ['1700000000'], ['x'.repeat(100)]])(
    'is unknown where the marker says %p',
    async (marker) => {
      expect(await ageOf(marker)).toBeNull();
    },
  );

  test('is unknown where the marker is a link, a folder or a pipe', async () => {
    for (const name of ['a', 'b', 'c']) await mkdir(join(root, name));
    await writeFile(join(base, 'elsewhere'), '2025-12-24T00:00:00Z');
    await symlink(join(base, 'elsewhere'), join(root, 'a', '.lockstep-created'));
    await mkdir(join(root, 'b', '.lockstep-created'));
    await promisify(execFile)('mkfifo', [join(root, 'c', '.lockstep-created')]);
    expect((await list(await open())).map((app) => app.createdAtMs)).toEqual([null, null, null]);
  });

  test('is judged by the file system’s clock, whatever this machine’s says', async () => {
    await mkdir(join(root, 'app'));
    // The manual clock stands in 2026-01-01; the file system has the real time.
    const provider = await open();
    await provider.open({ signal });
    const page = await provider.list(null, { signal });
    const { createdAtMs } = await one(provider);
    expect(Math.abs((page.meta.serverNowMs ?? 0) - (createdAtMs ?? 0))).toBeLessThan(60_000);
    expect(await readdir(root)).toEqual(['app']);
  });
});

describe('the root', () => {
  test.each([
    ['/', null],
    ['C:\\', null],
    ['/home', '/home/me'],
    ['/home/me', '/home/me'],
    ['/', '/'],
  ])('%s is refused (home %p)', (path, home) => {
    expect(describeUnfitRoot(path, home)).toEqual(expect.any(String));
  });

  test.each([
    ['/home/me/apps', '/home/me'],
    ['/home/me2', '/home/me'],
    ['/srv/apps', '/'],
    ['/srv', null],
  ])('%s may be one (home %p)', (path, home) => {
    expect(describeUnfitRoot(path, home)).toBeNull();
  });

  test('is refused where it is missing, a file, or a link to the home folder', async () => {
    await writeFile(join(base, 'file'), '');
    await symlink(base, join(base, 'home-link'));
    for (const options of [
      { root: join(base, 'nowhere') },
      { root: join(base, 'file') },
      { root: join(base, 'file', 'x') },
      { root: join(base, 'home-link'), home: base },
    ])
      await expect(open(options)).rejects.toMatchObject({ code: 'config', problems: [{ option: 'root' }] });
  });

  test('may be given through a link, and is the same account then', async () => {
    await mkdir(join(root, 'app'));
    await symlink(root, join(base, 'link'));
    const linked = await open({ root: join(base, 'link') });
    expect(linked.accountId).toBe((await open()).accountId);
    expect((await destroy(linked, await one(linked))).kind).toBe('deleted');
  });

  test('that is another folder than at the start is not touched', async () => {
    await mkdir(join(root, 'app'));
    const provider = await open();
    const app = await one(provider);
    await rename(root, join(base, 'moved'));
    await mkdir(join(root, 'app'), { recursive: true });
    expect((await provider.list(null, { signal })).kind).toBe('invalid');
    expect((await destroy(provider, app)).kind).toBe('invalid');
    expect(await readdir(root)).toEqual(['app']);
  });

  test('re-created is another account', async () => {
    const { accountId } = await open();
    await rm(root, { recursive: true });
    await mkdir(join(base, 'filler'));
    await mkdir(root);
    expect((await open()).accountId).not.toBe(accountId);
  });
});

describe('deleting', () => {
  test('leaves nothing of the app and no trash', async () => {
    await mkdir(join(root, 'app', 'a', 'b'), { recursive: true });
    await writeFile(join(root, 'app', 'a', 'b', 'file'), 'x');
    const provider = await open();
    expect((await destroy(provider, await one(provider))).kind).toBe('deleted');
    await provider.close();
    expect(await readdir(root)).toEqual([]);
  });

  test('an app that was modified since it was listed is changed, and stays', async () => {
    await mkdir(join(root, 'app'));
    const provider = await open();
    const app = await one(provider);
    await writeFile(join(root, 'app', 'new'), '');
    expect(await destroy(provider, app)).toMatchObject({
      kind: 'changed',
      detail: expect.stringMatching(/modified/),
    });
    expect(await readdir(join(root, 'app'))).toEqual(['new']);
  });

  test('an app that was modified is not even moved', async () => {
    await mkdir(join(root, 'app'));
    const provider = await open();
    const app = await one(provider);
    await writeFile(join(root, 'app', 'new'), '');
    const answer = await destroy(provider, app);
    expect('detail' in answer && answer.detail).not.toMatch(/put back/);
  });

  test('another folder, a file or a link in its place is changed, and stays', async () => {
    for (const name of ['a', 'b', 'c']) await mkdir(join(root, name));
    const provider = await open();
    const apps = await list(provider);
    // The old ones live on elsewhere, so that no inode is used again.
    await mkdir(join(base, 'old'));
    for (const name of ['a', 'b', 'c']) await rename(join(root, name), join(base, 'old', name));
    await mkdir(join(root, 'a'));
    await writeFile(join(root, 'b'), '');
    await symlink(join(base, 'old', 'c'), join(root, 'c'));
    for (const app of apps) expect((await destroy(provider, app)).kind).toBe('changed');
    expect((await readdir(root)).sort()).toEqual(['a', 'b', 'c']);
    expect((await readdir(join(base, 'old'))).sort()).toEqual(['a', 'b', 'c']);
  });

  test('an app renamed since it was listed is gone under its old name, and stays under the new', async () => {
    await mkdir(join(root, 'app'));
    const provider = await open();
    const app = await one(provider);
    await rename(join(root, 'app'), join(root, 'production'));
    expect((await destroy(provider, app)).kind).toBe('gone');
    expect(await readdir(root)).toEqual(['production']);
  });

  test('an app that was modified, or exchanged, just before it was moved is put back', async () => {
    await mkdir(join(root, 'a'));
    await mkdir(join(root, 'b'));
    const provider = await open();
    const [a, b] = await list(provider);
    const modify = () => writeFileSync(join(root, 'a', 'new'), 'x');
    const exchange = () => {
      renameSync(join(root, 'b'), join(base, 'old-b'));
      mkdirSync(join(root, 'b', 'other'), { recursive: true });
    };
    const destroyWhile = (app: App | undefined, act: () => void) =>
      provider.destroy(app as App, { signal: signalThatActs(2, act), fencingToken: 1 });
    expect(await destroyWhile(a, modify)).toMatchObject({
      kind: 'changed',
      detail: expect.stringMatching(/put back/),
    });
    expect(await destroyWhile(b, exchange)).toMatchObject({
      kind: 'changed',
      detail: expect.stringMatching(/put back/),
    });
    expect((await readdir(root)).sort()).toEqual(['a', 'b']);
    expect(await readdir(join(root, 'a'))).toEqual(['new']);
    expect(await readdir(join(root, 'b'))).toEqual(['other']);
  });

  test('does nothing when it is cancelled before the app was moved', async () => {
    await mkdir(join(root, 'app'));
    const provider = await open();
    const reason = new Error('enough');
    const call = { signal: abortedAtCheck(2, reason), fencingToken: 1 };
    await expect(provider.destroy(await one(provider), call)).rejects.toBe(reason);
    expect((await list(provider)).map(({ name, state }) => [name, state])).toEqual([['app', 'ready']]);
  });

  test('stops between two steps when it is cancelled; what is left is taken up later, at its old age', async () => {
    await mkdir(join(root, 'app'));
    for (const name of ['1', '2']) await writeFile(join(root, 'app', name), '');
    const old = new Date('2025-03-04T05:06:07Z');
    await utimes(join(root, 'app'), old, old);
    const provider = await open();
    const app = await one(provider);
    const reason = new Error('enough');
    const call = { signal: abortedAtCheck(4, reason), fencingToken: 1 };
    await expect(provider.destroy(app, call)).rejects.toBe(reason);

    const [left, ...others] = await list(await open());
    expect(others).toEqual([]);
    expect(left).toMatchObject({ name: 'app', state: 'delete-failed', createdAtMs: old.getTime() });
    const second = await open();
    expect((await destroy(second, left as App)).kind).toBe('deleted');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('what a crashed run left', () => {
  test('is listed under its old name, and only in a trash folder of the exact form', async () => {
    await mkdir(join(root, trashName(1_700_000_000_000, NONCE), 'app'), { recursive: true });
    await mkdir(join(root, trashName(null, NONCE), 'app-2'), { recursive: true });
    await mkdir(join(root, '.lockstep-trash-mine', 'app-3'), { recursive: true });
    const apps = await list(await open());
    expect(
      apps.map(({ name, state, createdAtMs }) => [name, state, createdAtMs && Math.trunc(createdAtMs)]),
    ).toEqual([
      ['.lockstep-trash-mine', 'ready', expect.any(Number)],
      ['app', 'delete-failed', 1_700_000_000_000],
      ['app-2', 'delete-failed', null],
    ]);
  });

  test('is deleted once, also where two runs meet at it', async () => {
    const left = join(root, trashName(1_700_000_000_000, NONCE), 'app');
    await mkdir(join(left, 'deep', 'deeper'), { recursive: true });
    for (let index = 0; index < 20; index += 1) await writeFile(join(left, 'deep', `${index}`), '');
    const [first, second] = [await open(), await open()];
    const [seen, seenToo] = [await one(first), await one(second)];
    const answers = await Promise.all([destroy(first, seen), destroy(second, seenToo)]);
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['deleted', 'gone']);
    expect(await readdir(root)).toEqual([]);
  });

  test('is changed, and stays, where somebody worked in it since it was listed', async () => {
    const left = join(root, trashName(1_700_000_000_000, NONCE), 'app');
    await mkdir(left, { recursive: true });
    const provider = await open();
    const app = await one(provider);
    await writeFile(join(left, 'new'), '');
    expect((await destroy(provider, app)).kind).toBe('changed');
    expect(await readdir(left)).toEqual(['new']);
  });

  test('is not touched by looking; empty trash goes when a run that deleted something ends', async () => {
    const empty = trashName(null, NONCE);
    await mkdir(join(root, empty));
    await mkdir(join(root, 'app'));
    const looking = await open();
    await looking.open({ signal });
    await list(looking);
    await looking.close();
    expect((await readdir(root)).sort()).toEqual([empty, 'app']);
    const deleting = await open();
    await destroy(deleting, await one(deleting));
    await deleting.close();
    expect(await readdir(root)).toEqual([]);
  });

  test('trash that is a link is not looked into', async () => {
    await mkdir(join(base, 'outside', 'app'), { recursive: true });
    await symlink(join(base, 'outside'), join(root, trashName(null, NONCE)));
    expect(await list(await open())).toEqual([]);
  });

  test('trash folders are private', async () => {
    expect(isTrashName(trashName(null, NONCE))).toBe(true);
    await mkdir(join(root, 'app'));
    await writeFile(join(root, 'app', '1'), '');
    const provider = await open();
    const app = await one(provider);
    const call = { signal: abortedAtCheck(3, new Error('enough')), fencingToken: 1 };
    await expect(provider.destroy(app, call)).rejects.toThrow('enough');
    const [trash = ''] = await readdir(root);
    expect((await stat(join(root, trash))).mode & 0o777).toBe(0o700);
  });
});

test('without the right to delete an app is forbidden, and stays', async () => {
  await mkdir(join(root, 'app'));
  // The superuser may delete anything, so the test lets go of its rights for a while.
  const isSuperuser = process.getuid?.() === 0;
  await chmod(base, 0o755);
  await chmod(root, 0o555);
  if (isSuperuser) process.seteuid?.(65_534);
  try {
    const provider = await open();
    expect((await provider.open({ signal })).kind).toBe('open');
    expect((await destroy(provider, await one(provider))).kind).toBe('forbidden');
    expect(await readdir(root)).toEqual(['app']);
  } finally {
    if (isSuperuser) process.seteuid?.(0);
    await chmod(root, 0o755);
  }
});
