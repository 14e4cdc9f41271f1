// The file store's own promises, over real files: those that the contract's conformance suite cannot know of.
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/base/clock.ts';
import type { Store } from '../../../src/store/contract.ts';
import { type FileStoreOptions, openFileStore } from '../../../src/store/drivers/file.ts';
import { folderOf, formatRevisionName } from '../../../src/store/file-layout.ts';
import { KEPT_MS, KEPT_REVISIONS } from '../../../src/store/file-revisions.ts';

let root: string;
let stores: Store[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lockstep-file-'));
  stores = [];
});

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await rm(root, { recursive: true, force: true });
});

async function open(options: Partial<FileStoreOptions> = {}): Promise<Store> {
  const store = await openFileStore({ path: root, clock: systemClock, pollMs: 60_000, ...options });
  stores.push(store);
  return store;
}

async function write(store: Store, key: string, expectRevision: string | null, value = 'x'): Promise<string> {
  const result = await store.compareAndSet(key, expectRevision, value);
  if (!result.ok) throw new Error(`${key} was lost`);
  return result.revision;
}

async function writeMany(store: Store, key: string, count: number): Promise<string> {
  let revision: string | null = (await store.get(key))?.revision ?? null;
  for (let n = 0; n < count; n += 1) revision = await write(store, key, revision, `${n}`);
  return revision ?? '';
}

/** Makes files as old as the collection wants them. */
async function age(folder: string, names: readonly string[]) {
  const past = (systemClock.wallMs() - KEPT_MS - 60_000) / 1000;
  for (const name of names) await utimes(join(folder, name), past, past);
}

const revisionFiles = (key: string) => readdir(folderOf(root, key));
const failing = (code: string) => () => Promise.reject(Object.assign(new Error(`${code}: link`), { code }));

describe('opening', () => {
  test('makes the folder for this user only, and later finds it as it is', async () => {
    root = join(root, 'a', 'b');
    await write(await open(), 'k/e/y', null);
    for (const folder of [root, join(root, '@tmp'), folderOf(root, 'k/e/y')]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
    expect((await stat(join(folderOf(root, 'k/e/y'), formatRevisionName(1)))).mode & 0o777).toBe(0o600);
    expect(await (await open()).get('k/e/y')).toMatchObject({ value: 'x' });
  });

  test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES', 'EMLINK'])(
    'refuses a file system where links fail with %s, and says where and what to do',
    async (code) => {
      const opening = open({ seams: { linkFile: failing(code) } });
      await expect(opening).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining(`the file system at ${root} has no hard links`),
        hint: expect.stringContaining('local disk'),
      });
      expect(await readdir(join(root, '@tmp'))).toEqual([]);
    },
  );

  test('ends at the limit of a call where the file system falls silent', async () => {
    const opening = open({ timeoutMs: 20, seams: { linkFile: () => new Promise(() => undefined) } });
    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`opening the file store at ${root}`),
    });
  });

  test('refuses a path that is a file', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(open({ path: join(root, 'file') })).rejects.toMatchObject({ code: 'unsupported' });
    await expect(open({ path: join(root, 'file', 'below') })).rejects.toMatchObject({ code: 'unsupported' });
  });

  test.each([
    ['EACCES', 'auth', /may not be used by this user/, /give this user read and write access/],
    ['EROFS', 'unsupported', /read-only/, /mount it writable/],
    ['ENOSPC', 'unavailable', /full/, /free some space/],
  ])(
    'a write that meets %s says what to do, and is certainly not applied',
    async (code, kind, message, hint) => {
      await (await open()).close();
      const store = await open({ seams: { linkFile: failing(code) } });
      await expect(store.compareAndSet('a', null, 'x')).rejects.toMatchObject({
        code: kind,
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      });
      expect(await store.get('a')).toBeNull();
    },
  );

  test('refuses a store of another layout', async () => {
    await writeFile(join(root, '@format'), 'lockstep file store 2\n');
    await expect(open()).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('version'),
    });
  });

  test('may be done by many at once', async () => {
    root = join(root, 'new');
    const many = await Promise.all(Array.from({ length: 8 }, () => open()));
    const results = await Promise.all(many.map((store, n) => store.compareAndSet('a', null, `${n}`)));
    expect(results.filter((result) => result.ok)).toHaveLength(1);
  });
});

describe('reading', () => {
  test('makes no folder', async () => {
    const store = await open();
    const abort = new AbortController();
    await store.get('a/b');
    await store.list('a');
    await store.compareAndSet('a/b', '1.x', 'x');
    await store.watch('a/b', { signal: abort.signal }).ready;
    abort.abort();
    // Long enough for whatever was begun behind our back.
    for (let n = 0; n < 5; n += 1) await (await open()).get('a/b');
    expect((await readdir(root)).sort()).toEqual(['@format', '@tmp']);
  });

  test('of a torn file is a corrupt record, which no write replaces', async () => {
    const store = await open();
    const revision = await write(store, 'a', null, 'whole');
    const file = join(folderOf(root, 'a'), formatRevisionName(1));
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 2));
    await expect(store.get('a')).rejects.toMatchObject({ code: 'corrupt-record' });
    await expect(store.compareAndSet('a', null, 'x')).rejects.toMatchObject({ code: 'corrupt-record' });
    await expect(store.compareAndSet('a', revision, 'x')).rejects.toMatchObject({ code: 'corrupt-record' });
    expect(await store.list('')).toEqual(['a']);
    expect(await revisionFiles('a')).toHaveLength(1);
  });
});

describe('a handle that has seen a key', () => {
  test.each([0, 1, 3, 20])('finds its head %d revisions later', async (count) => {
    const [store, other] = [await open(), await open()];
    const revision = await write(store, 'a', null, 'first');
    expect((await other.get('a'))?.revision).toBe(revision);
    const last = await writeMany(store, 'a', count);
    expect((await other.get('a'))?.revision).toBe(last);
  });

  test('is not taken in by a file at a number that was collected, whose writer has yet to take it back', async () => {
    const [store, other] = [await open(), await open()];
    await writeMany(store, 'a', 3);
    await other.get('a');
    const last = await writeMany(store, 'a', 5);
    const folder = folderOf(root, 'a');
    const third = await readFile(join(folder, formatRevisionName(3)), 'utf8');
    for (const n of [1, 2, 3, 4, 5]) await unlink(join(folder, formatRevisionName(n)));
    for (const n of [3, 4]) {
      await writeFile(join(folder, formatRevisionName(n)), third.replace(/ [0-9a-f-]{36} /, ' zombie '));
    }
    expect((await other.get('a'))?.revision).toBe(last);
    expect((await other.compareAndSet('a', null, 'x')).ok).toBe(false);
  });

  test('sees a deletion and a new beginning', async () => {
    const [store, other] = [await open(), await open()];
    const revision = await write(store, 'a', null, 'first');
    await other.get('a');
    await store.delete('a', revision);
    expect(await other.get('a')).toBeNull();
    await rm(folderOf(root, 'a'), { recursive: true });
    expect(await other.get('a')).toBeNull();
    await write(store, 'a', null, 'again');
    expect((await other.get('a'))?.value).toBe('again');
  });
});

describe('old files', () => {
  test('go when they are both old and many, and private files of dead writers with them', async () => {
    const store = await open();
    await writeMany(store, 'a', KEPT_REVISIONS + 30);
    await age(folderOf(root, 'a'), await revisionFiles('a'));
    for (const name of ['dead', 'alive']) await writeFile(join(root, '@tmp', name), 'half');
    await age(join(root, '@tmp'), ['dead']);
    const revision = await writeMany(store, 'a', 3);
    await store.close();

    const left = (await revisionFiles('a')).map(Number);
    // The collection ran at revision 96.
    expect(left).toEqual(Array.from({ length: KEPT_REVISIONS + 1 }, (_, n) => 97 - KEPT_REVISIONS + n));
    expect(await readdir(join(root, '@tmp'))).toEqual(['alive']);
    expect((await (await open()).get('a'))?.revision).toBe(revision);
  });

  test('stay while they are young, however many', async () => {
    const store = await open();
    await writeMany(store, 'a', KEPT_REVISIONS * 2);
    await store.close();
    expect(await revisionFiles('a')).toHaveLength(KEPT_REVISIONS * 2);
  });

  test('stay from the first young one on, so that they go in order', async () => {
    const store = await open();
    await writeMany(store, 'a', KEPT_REVISIONS + 31);
    const names = (await revisionFiles('a')).sort();
    await age(
      folderOf(root, 'a'),
      names.filter((_, i) => i !== 5),
    );
    await writeMany(store, 'a', 1);
    await store.close();
    expect(
      (await revisionFiles('a'))
        .map(Number)
        .sort((a, b) => a - b)
        .slice(0, 3),
    ).toEqual([6, 7, 8]);
  });
});

describe('a writer that stopped between its read and its link', () => {
  /** A store whose next link waits until it is let go. */
  async function openStopped() {
    const gate = { isReached: (): void => undefined, go: (): void => undefined };
    const reached = new Promise<void>((resolve) => {
      gate.isReached = resolve;
    });
    const going = new Promise<void>((resolve) => {
      gate.go = resolve;
    });
    const linkFile = async (from: string, to: string) => {
      gate.isReached();
      await going;
      await link(from, to);
    };
    await (await open()).close();
    return { store: await open({ seams: { linkFile } }), reached, go: () => gate.go() };
  }

  async function collectUpTo(key: string, number: number) {
    for (let n = 1; n <= number; n += 1) await unlink(join(folderOf(root, key), formatRevisionName(n)));
  }

  test('lost, where the number it re-created is below another: its file is taken back', async () => {
    const [stopped, store] = [await openStopped(), await open()];
    const revision = await write(store, 'a', null, 'first');
    const late = stopped.store.compareAndSet('a', revision, 'late');
    await stopped.reached;
    await writeMany(store, 'a', 5);
    await collectUpTo('a', 2);
    stopped.go();
    expect(await late).toEqual({ ok: false });
    await stopped.store.close();
    expect((await revisionFiles('a')).map(Number)).toEqual([3, 4, 5, 6]);
    expect((await store.get('a'))?.value).toBe('4');
  });

  test('cannot know, where the successor that would tell is gone as well', async () => {
    const [stopped, store] = [await openStopped(), await open()];
    const revision = await write(store, 'a', null, 'first');
    const late = stopped.store.compareAndSet('a', revision, 'late').catch((error: unknown) => error);
    await stopped.reached;
    await writeMany(store, 'a', 5);
    await collectUpTo('a', 3);
    stopped.go();
    expect(await late).toMatchObject({ code: 'indeterminate' });
    expect((await store.get('a'))?.value).toBe('4');
  });

  test('lost a creation the same way', async () => {
    const [stopped, store] = [await openStopped(), await open()];
    const late = stopped.store.compareAndSet('a', null, 'late');
    await stopped.reached;
    await writeMany(store, 'a', 4);
    await collectUpTo('a', 1);
    stopped.go();
    expect(await late).toEqual({ ok: false });
    expect((await store.get('a'))?.value).toBe('3');
  });

  test('simply lost, where the number is still there', async () => {
    const [stopped, store] = [await openStopped(), await open()];
    const revision = await write(store, 'a', null, 'first');
    const late = stopped.store.compareAndSet('a', revision, 'late');
    await stopped.reached;
    await writeMany(store, 'a', 1);
    stopped.go();
    expect(await late).toEqual({ ok: false });
  });

  test('won, where it was followed before it could look', async () => {
    const store = await open();
    const revision = await write(store, 'a', null, 'first');
    const linkFile = async (from: string, to: string) => {
      await link(from, to);
      await writeMany(store, 'a', 3);
    };
    const result = await (await open({ seams: { linkFile } })).compareAndSet('a', revision, 'mine');
    expect(result).toMatchObject({ ok: true });
  });
});

describe('a link', () => {
  test('that was repeated after its reply was lost finds its own nonce and has won', async () => {
    await (await open()).close();
    const linkFile = async (from: string, to: string) => {
      await link(from, to);
      await link(from, to);
    };
    const store = await open({ seams: { linkFile } });
    expect(await store.compareAndSet('a', null, 'mine')).toMatchObject({ ok: true });
    expect((await store.get('a'))?.value).toBe('mine');
  });

  test.each(['EIO', 'ESTALE', 'ETIMEDOUT'])('that ends in %s is indeterminate', async (code) => {
    await (await open()).close();
    const store = await open({ seams: { linkFile: failing(code) } });
    await expect(store.compareAndSet('a', null, 'x')).rejects.toMatchObject({ code: 'indeterminate' });
  });

  test('leaves no private file, won or lost', async () => {
    const store = await open();
    const revision = await write(store, 'a', null);
    await Promise.all(Array.from({ length: 5 }, () => store.compareAndSet('a', revision, 'y')));
    await store.close();
    expect(await readdir(join(root, '@tmp'))).toEqual([]);
  });

  test('survives that somebody clears the store under an open handle', async () => {
    const store = await open();
    const revision = await write(store, 'a', null);
    await rm(root, { recursive: true });
    expect(await store.compareAndSet('a', revision, 'y')).toEqual({ ok: false });
    await write(store, 'a', null, 'again');
    expect((await store.get('a'))?.value).toBe('again');
  });
});

describe('deleting', () => {
  test('leaves a tombstone, so that numbers go on and an old revision stays stale', async () => {
    const store = await open();
    const revision = await write(store, 'a', null, 'same');
    const deleted = await store.delete('a', revision);
    expect(deleted).toMatchObject({ ok: true });
    expect(await store.compareAndSet('a', deleted.ok ? deleted.revision : '', 'x')).toEqual({ ok: false });
    await write(store, 'a', null, 'same');
    expect((await revisionFiles('a')).map(Number)).toEqual([1, 2, 3]);
  });
});

describe('with fsync', () => {
  test('says so and works the same', async () => {
    const store = await open({ fsync: true });
    expect(store.capabilities.durable).toBe('fsync');
    await writeMany(store, 'deep/er/key', 3);
    expect((await (await open()).get('deep/er/key'))?.value).toBe('2');
    expect((await open()).capabilities.durable).toBe('process');
  });
});

// Root may write everywhere, so the kernel refuses only where somebody else runs the tests.
const isRoot = process.getuid?.() === 0;
describe(isRoot ? 'permissions (as root nothing is refused: only the codes above)' : 'permissions', () => {
  test('a folder that may not be written is refused with the cure', async () => {
    await mkdir(join(root, 'closed'), { mode: 0o500 });
    const opening = open({ path: join(root, 'closed', 'store') });
    if (isRoot) await opening;
    else {
      await expect(opening).rejects.toMatchObject({
        code: 'auth',
        hint: expect.stringContaining('read and write access'),
      });
    }
    await chmod(join(root, 'closed'), 0o700);
  });
});
