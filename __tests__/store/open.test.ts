import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/base/clock.ts';
import { openStore, parseStoreUrl, showStoreUrl } from '../../src/store/open.ts';

const linux = { cwd: '/work', env: { HOME: '/home/u' }, platform: 'linux' } as const;
const windows = { cwd: 'C:\\work', env: { LOCALAPPDATA: 'C:\\Users\\u\\Local' }, platform: 'win32' } as const;

describe('store URLs', () => {
  test.each([
    ['file:', linux, '/home/u/.local/state/lockstep'],
    ['file:', { ...linux, env: { XDG_STATE_HOME: '/state', HOME: '/home/u' } }, '/state/lockstep'],
    [
      'file:',
      { ...linux, env: { XDG_STATE_HOME: 'relative', HOME: '/home/u' } },
      '/home/u/.local/state/lockstep',
    ],
    ['file:', { ...linux, platform: 'darwin' as const }, '/home/u/.local/state/lockstep'],
    ['file:', windows, 'C:\\Users\\u\\Local\\lockstep'],
    ['file:/var/lock', linux, '/var/lock'],
    ['file:///var/lock', linux, '/var/lock'],
    ['FILE:/var/lock/', linux, '/var/lock'],
    ['file:store', linux, '/work/store'],
    ['file:../store', linux, '/store'],
    ['file:.', linux, '/work'],
    ['file:D:\\store', windows, 'D:\\store'],
    ['file:store', windows, 'C:\\work\\store'],
    ['file:/with a space?and#signs', linux, '/with a space?and#signs'],
  ])('%s is a folder (%#)', (text, settings, location) => {
    const parsed = parseStoreUrl(text, settings);
    expect(parsed).toEqual({
      ok: true,
      value: {
        scheme: 'file',
        url: `file:${location}`,
        location,
        defaults: { pollMs: 1000, leaseMs: 60_000 },
      },
    });
  });

  test.each([
    ['file:~/store', linux, /only a shell expands/],
    ['file://host/share', linux, /names a host/],
    ['file:a\u0000b', linux, /NUL/],
    ['file:', { ...linux, env: {} }, /neither XDG_STATE_HOME nor HOME is set; write file:PATH/],
    ['file:', { ...windows, env: {} }, /LOCALAPPDATA is not set/],
    ['/tmp/store', linux, /is a path, not a store URL; write file:\/tmp\/store/],
    ['./store', linux, /is a path/],
    ['C:\\store', windows, /is a path/],
    ['', linux, /is not a store URL; write one of file:PATH/],
    ['nonsense', linux, /is not a store URL/],
    ['mongodb://user:secret@host/db', linux, /no known kind of store: mongodb:; write one of file:PATH/],
    ['constructor:x', linux, /no known kind of store: constructor:/],
    ['\u001b[31m:x', linux, /no known kind of store: \\x1b/],
  ])('%j is refused with a reason (%#)', (text, settings, problem) => {
    const parsed = parseStoreUrl(text, settings);
    expect(parsed).toEqual({ ok: false, problem: expect.stringMatching(problem) });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });

  test.each([
    ['redis://user:secret@host:6379/0?password=secret', 'redis://host:6379/0'],
    ['redis://:secret@host', 'redis://host'],
    ['postgres://u:se@cret@host/db#secret', 'postgres://host/db'],
    ['etcd://host:2379', 'etcd://host:2379'],
    ['file:/tmp/x', 'file:/tmp/x'],
  ])('%s is shown without its secrets', (text, shown) => {
    expect(showStoreUrl(text)).toBe(shown);
  });

  test('an address opens the store that it names', async () => {
    const path = await mkdtemp(join(tmpdir(), 'lockstep-open-'));
    try {
      const parsed = parseStoreUrl('file:inner', { ...linux, cwd: path });
      if (!parsed.ok) throw new Error(parsed.problem);
      const store = await openStore(parsed.value, { clock: systemClock });
      expect(store.url).toBe(`file:${join(path, 'inner')}`);
      expect(await store.compareAndSet('a', null, 'x')).toMatchObject({ ok: true });
      await store.close();
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  });
});
