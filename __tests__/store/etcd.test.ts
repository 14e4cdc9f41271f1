// What is etcd's own: authentication, several endpoints, a full database, compaction.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Store } from '../../src/store/contract.ts';
import { makeCertificate } from '../support/engine-certificate.ts';
import { askEtcd, etcdEngine, startEtcd } from '../support/engine-etcd.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { openEngine } from '../support/engine-worlds.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { createManualClock } from '../support/manual-clock.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describeEngine(etcdEngine, () => {
  let server: EngineProcess;
  const stores: Store[] = [];
  const open = async (url: string, options: Parameters<typeof openEngine>[1] = {}) => {
    const store = await openEngine(url, options);
    stores.push(store);
    return store;
  };

  beforeAll(async () => {
    server = await startEtcd();
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(() => server.stop());

  test('an endpoint that cannot be reached is passed over, for writes too, and remembered', async () => {
    const store = await open(`etcd://127.0.0.1:1,127.0.0.1:${server.port}`);
    const first = await store.compareAndSet('several/a', null, 'x');
    expect(first.ok).toBe(true);
    expect(await store.compareAndSet('several/a', first.ok ? first.revision : '', 'y')).toMatchObject({
      ok: true,
    });
  });

  test('an endpoint that does not answer costs one call, and the next asks another', async () => {
    const proxy = await startFaultProxy(server.port);
    try {
      const clock = createManualClock();
      const store = await open(`etcd://127.0.0.1:${proxy.port},127.0.0.1:${server.port}`, {
        timeoutMs: 1000,
        clock,
      });
      await store.get('silent/a');
      proxy.set({ kind: 'blackhole' });
      const arrived = proxy.nextRequest();
      const outcome = store.compareAndSet('silent/a', null, 'x').catch((error: unknown) => error);
      await arrived;
      await clock.advance(1000);
      expect(await outcome).toMatchObject({ code: 'indeterminate' });
      expect(await store.compareAndSet('silent/a', null, 'y')).toMatchObject({ ok: true });
    } finally {
      await proxy.close();
    }
  });

  test('a write whose reply was cut is not sent again to another endpoint', async () => {
    const proxy = await startFaultProxy(server.port);
    try {
      const store = await open(`etcd://127.0.0.1:${proxy.port},127.0.0.1:${server.port}`);
      await store.get('cut/a');
      proxy.set({ kind: 'cut-on-reply' });
      await expect(store.compareAndSet('cut/a', null, 'x')).rejects.toMatchObject({ code: 'indeterminate' });
      expect((await store.get('cut/a'))?.value).toBe('x');
    } finally {
      await proxy.close();
    }
  });

  test('a refusal that repeats what was sent does not carry the password on', async () => {
    const secret = 'correct-horse';
    const { createServer } = await import('node:http');
    const parrot = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => {
        response.writeHead(400).end(JSON.stringify({ error: `cannot understand ${chunk.toString()}` }));
      });
    });
    await new Promise<void>((resolve) => parrot.listen(0, '127.0.0.1', resolve));
    const address = parrot.address();
    const store = await open(
      `etcd://ci:${secret}@127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    );
    const error: unknown = await store.get('a/b').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('***') });
    expect(inspect(error, { depth: 10 })).not.toContain(secret);
    parrot.closeAllConnections();
    parrot.close();
  });

  test('the revision counts on across keys, and a compacted history harms nobody', async () => {
    const store = await open(server.url());
    const abort = new AbortController();
    const watch = store.watch('compact/a', { signal: abort.signal });
    const edges = watch[Symbol.asyncIterator]();
    await watch.ready;
    await edges.next();
    let revision: string | null = null;
    for (const value of ['1', '2', '3']) {
      const result = await store.compareAndSet('compact/a', revision, value);
      revision = result.ok ? result.revision : revision;
    }
    await askEtcd(server.port, '/v3/kv/compaction', { revision, physical: true });
    expect(await store.compareAndSet('compact/a', revision, '4')).toMatchObject({ ok: true });
    while ((await store.get('compact/a'))?.value !== '4') await edges.next();
    abort.abort();
  });

  test('a server that asks nobody who they are takes one who says it', async () => {
    const store = await open(server.url().replace('//', '//somebody:whatever@'));
    expect(await store.get('open/door')).toBeNull();
  });

  test('what answers but is no etcd is an error of the address', async () => {
    const { createServer } = await import('node:http');
    const web = createServer((_, response) => response.writeHead(404).end('<html>nothing here</html>'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const address = web.address();
    try {
      const store = await open(`etcd://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
      await expect(store.compareAndSet('a/b', null, 'x')).rejects.toMatchObject({ code: 'unsupported' });
    } finally {
      web.closeAllConnections();
      web.close();
    }
  });

  test('a full database takes no write, says what to do, and keeps what it had', async () => {
    const small = await startEtcd({ settings: ['--quota-backend-bytes', '200000'] });
    try {
      const store = await open(small.url());
      const first = await store.compareAndSet('full/0', null, 'kept');
      let failure: unknown = null;
      for (let n = 1; n < 100 && failure === null; n += 1) {
        failure = await store.compareAndSet(`full/${n}`, null, 'x'.repeat(60_000)).then(
          () => null,
          (error: unknown) => error,
        );
      }
      expect(failure).toMatchObject({ code: 'unavailable', hint: expect.stringContaining('alarm disarm') });
      expect(await store.get('full/0')).toEqual({ value: 'kept', revision: first.ok && first.revision });
    } finally {
      await small.stop();
    }
  });

  test('over TLS with an authority of its own; an unknown one is refused before anything is sent', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-tls-'));
    const certificate = makeCertificate(folder);
    const guarded = await startEtcd({ certificate });
    try {
      const doubting = await open(guarded.url());
      await expect(doubting.compareAndSet('tls/a', null, 'x')).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('not trusted'),
      });
      const trusting = await open(`${guarded.url()}?ca=${encodeURIComponent(certificate.cert)}`);
      expect(await trusting.compareAndSet('tls/a', null, 'x')).toMatchObject({ ok: true });
      const watch = trusting.watch('tls/a', { signal: new AbortController().signal });
      await watch.ready;
    } finally {
      await guarded.stop();
      rmSync(folder, { recursive: true });
    }
  });

  test('with authentication: a wrong password, a missing one, a role too narrow, and a token that the server forgot', async () => {
    const guarded = await startEtcd({ settings: ['--auth-token', 'simple'] });
    try {
      const ask = (path: string, body: object) => askEtcd(guarded.port, path, body);
      await ask('/v3/auth/user/add', { name: 'root', password: 'root-password' });
      await ask('/v3/auth/role/add', { name: 'root' });
      await ask('/v3/auth/user/grant', { user: 'root', role: 'root' });
      await ask('/v3/auth/user/add', { name: 'ci', password: 'right-password' });
      await ask('/v3/auth/role/add', { name: 'ci' });
      await ask('/v3/auth/role/grant', {
        name: 'ci',
        perm: { permType: 'READWRITE', key: base64('lockstep/'), range_end: base64('lockstep0') },
      });
      await ask('/v3/auth/user/grant', { user: 'ci', role: 'ci' });
      await ask('/v3/auth/user/add', { name: 'narrow', password: 'narrow-password' });
      await ask('/v3/auth/enable', {});
      const as = (user: string) => open(guarded.url().replace('//', `//${user}@`), { pollMs: 200 });

      const wrong = await as('ci:wrong-password');
      await expect(wrong.get('a/b')).rejects.toMatchObject({
        code: 'auth',
        hint: expect.stringContaining('etcd://USER'),
      });
      await expect(wrong.get('a/b')).rejects.not.toThrow(/wrong-password/);
      await expect((await open(guarded.url())).get('a/b')).rejects.toMatchObject({ code: 'auth' });
      const narrow = await as('narrow:narrow-password');
      await expect(narrow.compareAndSet('a/b', null, 'x')).rejects.toMatchObject({
        code: 'auth',
        hint: expect.stringContaining('grant-permission'),
      });

      const store = await as('ci:right-password');
      const abort = new AbortController();
      const watch = store.watch('auth/a', { signal: abort.signal });
      const edges = watch[Symbol.asyncIterator]();
      await watch.ready;
      await edges.next();
      const first = await store.compareAndSet('auth/a', null, 'x');
      expect(await store.list('auth')).toEqual(['auth/a']);
      // Simple tokens live in the server's memory.
      await guarded.kill();
      await guarded.restart();
      const revision = first.ok ? first.revision : '';
      for (;;) {
        const found = await store.get('auth/a').catch((error: { code: string }) => error.code);
        if (typeof found === 'object') break;
        expect(found).toBe('unavailable');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(await store.compareAndSet('auth/a', revision, 'y')).toMatchObject({ ok: true });
      while ((await store.get('auth/a'))?.value !== 'y') await edges.next();
      abort.abort();
    } finally {
      await guarded.stop();
    }
  });
});
