// What is Redis's own: who may come in, what its refusals mean, TLS, a Cluster, Sentinels.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Store } from '../../src/store/contract.ts';
import { NEEDED_ACL } from '../../src/store/drivers/redis-script.ts';
import { makeCertificate } from '../support/engine-certificate.ts';
import { type EngineProcess, findFreePort } from '../support/engine-process.ts';
import { askRedis, redisEngine, startRedis } from '../support/engine-redis.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { openEngine } from '../support/engine-worlds.ts';

describeEngine(redisEngine, () => {
  let server: EngineProcess;
  const others: EngineProcess[] = [];
  const stores: Store[] = [];
  const open = async (url: string, options: Parameters<typeof openEngine>[1] = {}) => {
    const store = await openEngine(url, options);
    stores.push(store);
    return store;
  };
  const startOther = async (options: Parameters<typeof startRedis>[0]) => {
    const other = await startRedis(options);
    others.push(other);
    return other;
  };
  const withUser = (user: string) => server.url().replace('//', `//${user}@`);

  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await Promise.all(others.splice(0).map((other) => other.stop()));
  });
  afterAll(() => server.stop());

  test('a wrong password is an AuthError that says where the right one goes, and does not repeat it', async () => {
    await askRedis(server.port, [
      'ACL',
      'SETUSER',
      'ci',
      'on',
      '>right-password',
      'allkeys',
      'allchannels',
      '+@all',
    ]);
    const store = await open(withUser('ci:wrong-password'));
    await expect(store.get('a/b')).rejects.toMatchObject({
      code: 'auth',
      hint: expect.stringContaining('redis://USER'),
    });
    await expect(store.get('a/b')).rejects.not.toThrow(/wrong-password/);
    const right = await open(withUser('ci:right-password'));
    expect(await right.get('a/b')).toBeNull();
  });

  test('the permissions that the docs name suffice, and a missing one is an AuthError that names them', async () => {
    await askRedis(server.port, [
      'ACL',
      'SETUSER',
      'narrow',
      'on',
      '>pw-narrow',
      'reset',
      'on',
      '>pw-narrow',
      ...NEEDED_ACL.split(' '),
    ]);
    const store = await open(withUser('narrow:pw-narrow'));
    const created = await store.compareAndSet('acl/a', null, 'x');
    expect(created.ok).toBe(true);
    expect(await store.list('acl')).toEqual(['acl/a']);
    const watch = store.watch('acl/a', { signal: new AbortController().signal });
    await watch.ready;
    if (created.ok) expect(await store.delete('acl/a', created.revision)).toMatchObject({ ok: true });
    // Without the channel nothing is written either: a write that nobody is told of would be half a write.
    await askRedis(server.port, ['ACL', 'SETUSER', 'mute', 'on', '>pw-mute', '~lockstep:*', '+@all']);
    const mute = await open(withUser('mute:pw-mute'));
    await expect(mute.compareAndSet('acl/b', null, 'x')).rejects.toMatchObject({
      code: 'auth',
      hint: expect.stringContaining('&lockstep:*'),
    });
    expect(await mute.get('acl/b')).toBeNull();
  });

  test('without permission to subscribe a watch lives on its poll', async () => {
    await askRedis(server.port, [
      'ACL',
      'SETUSER',
      'deaf',
      'on',
      '>pw-deaf',
      '~lockstep:*',
      '&lockstep:*',
      '+@all',
      '-subscribe',
    ]);
    const store = await open(withUser('deaf:pw-deaf'), { pollMs: 100 });
    const abort = new AbortController();
    const watch = store.watch('deaf/a', { signal: abort.signal });
    await watch.ready;
    const edges = watch[Symbol.asyncIterator]();
    await edges.next();
    await (await open(server.url())).compareAndSet('deaf/a', null, 'x');
    while ((await store.get('deaf/a')) === null) await edges.next();
    abort.abort();
  });

  test('a name that something else uses is corrupt and stays as it is', async () => {
    const store = await open(server.url());
    await askRedis(server.port, ['SET', 'lockstep:foreign/text', 'theirs']);
    await askRedis(server.port, ['HSET', 'lockstep:foreign/hash', 'field', 'theirs']);
    for (const key of ['foreign/text', 'foreign/hash']) {
      await expect(store.compareAndSet(key, null, 'ours')).rejects.toMatchObject({ code: 'corrupt-record' });
    }
    expect(await askRedis(server.port, ['GET', 'lockstep:foreign/text'])).toBe('theirs');
    expect(await askRedis(server.port, ['HLEN', 'lockstep:foreign/hash'])).toBe(1);
  });

  test('a server without memory takes no write, says so, and keeps what it had', async () => {
    const small = await startOther({ settings: ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'] });
    const store = await open(small.url());
    const first = await store.compareAndSet('full/0', null, 'kept');
    let failure: unknown = null;
    for (let n = 1; n < 200 && failure === null; n += 1) {
      failure = await store.compareAndSet(`full/${n}`, null, 'x'.repeat(60_000)).then(
        () => null,
        (error: unknown) => error,
      );
    }
    expect(failure).toMatchObject({ code: 'unavailable', hint: expect.stringContaining('memory') });
    expect(await store.get('full/0')).toMatchObject({ value: 'kept', revision: first.ok && first.revision });
  });

  test('a replica refuses writes as unavailable', async () => {
    const replica = await startOther({ settings: ['--replicaof', '127.0.0.1', String(server.port)] });
    const store = await open(replica.url());
    await expect(store.compareAndSet('replica/a', null, 'x')).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('a database that does not exist is an error of the address', async () => {
    const store = await open(`${server.url()}/99`);
    await expect(store.get('a/b')).rejects.toMatchObject({ code: 'unsupported' });
    const other = await open(`${server.url()}/5`);
    await other.compareAndSet('db/five', null, 'x');
    expect(await (await open(server.url())).get('db/five')).toBeNull();
  });

  /** A server that answers every command with one line. */
  const startParrot = async (reply: string) => {
    const sockets = new Set<Socket>();
    let connections = 0;
    const parrot = createServer((socket) => {
      connections += 1;
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        for (const _ of chunk.toString().match(/^\*\d/gm) ?? []) socket.write(`${reply}\r\n`);
      });
    });
    await new Promise<void>((resolve) => parrot.listen(0, '127.0.0.1', resolve));
    const address = parrot.address();
    return {
      port: typeof address === 'object' ? address?.port : 0,
      connections: () => connections,
      async close() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => parrot.close(resolve));
      },
    };
  };

  test('a refusal that repeats what was sent does not carry the password on', async () => {
    const secret = 'correct-horse';
    const parrot = await startParrot(`-ERR unknown command 'AUTH', with args beginning with: '${secret}'`);
    const store = await open(`redis://:${secret}@127.0.0.1:${parrot.port}`);
    const error: unknown = await store.get('a/b').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('***') });
    expect(inspect(error, { depth: 10 })).not.toContain(secret);
    await parrot.close();
  });

  test('a server that is no longer the one to write to is asked on a new connection the next time', async () => {
    const parrot = await startParrot("-READONLY You can't write against a read only replica.");
    const store = await open(`redis://127.0.0.1:${parrot.port}`);
    for (const connections of [1, 2]) {
      await expect(store.compareAndSet('a/b', null, 'x')).rejects.toMatchObject({ code: 'unavailable' });
      expect(parrot.connections()).toBe(connections);
    }
    await parrot.close();
  });

  test('a script that the server forgot is sent along again', async () => {
    const store = await open(server.url());
    const first = await store.compareAndSet('script/a', null, '1');
    await askRedis(server.port, ['SCRIPT', 'FLUSH']);
    expect(await store.compareAndSet('script/a', first.ok ? first.revision : '', '2')).toMatchObject({
      ok: true,
    });
  });

  test('over TLS with an authority of its own; an unknown one is refused before anything is sent', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-tls-'));
    try {
      const { cert, key } = makeCertificate(folder);
      const tlsPort = await findFreePort();
      await startOther({
        settings: [
          ...['--tls-port', String(tlsPort), '--tls-cert-file', cert, '--tls-key-file', key],
          ...['--tls-ca-cert-file', cert, '--tls-auth-clients', 'no'],
        ],
      });
      const url = `rediss://127.0.0.1:${tlsPort}`;
      const trusting = await open(`${url}?ca=${encodeURIComponent(cert)}`);
      expect(await trusting.compareAndSet('tls/a', null, 'x')).toMatchObject({ ok: true });
      const watch = trusting.watch('tls/a', { signal: new AbortController().signal });
      await watch.ready;
      const doubting = await open(url);
      await expect(doubting.compareAndSet('tls/b', null, 'x')).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('not trusted'),
      });
      const lost = await open(`${url}?ca=${encodeURIComponent(join(folder, 'none.pem'))}`);
      await expect(lost.get('tls/a')).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('?ca='),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a Cluster is followed from any of its nodes', async () => {
    const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const [one, two] = [await startOther({ settings }), await startOther({ settings })];
    await askRedis(one.port, ['CLUSTER', 'ADDSLOTSRANGE', '0', '8191']);
    await askRedis(two.port, ['CLUSTER', 'ADDSLOTSRANGE', '8192', '16383']);
    await askRedis(one.port, ['CLUSTER', 'MEET', '127.0.0.1', String(two.port)]);
    const isUp = async ({ port }: EngineProcess) =>
      String(await askRedis(port, ['CLUSTER', 'INFO'])).includes('cluster_state:ok');
    while (!((await isUp(one)) && (await isUp(two)))) await new Promise((resolve) => setTimeout(resolve, 50));

    const [first, second] = [await open(one.url()), await open(`redis://127.0.0.1:1,127.0.0.1:${two.port}`)];
    const keys = Array.from({ length: 12 }, (_, n) => `cluster/${n}`);
    for (const key of keys) {
      const abort = new AbortController();
      const watch = second.watch(key, { signal: abort.signal });
      await watch.ready;
      const edges = watch[Symbol.asyncIterator]();
      await edges.next();
      const result = await first.compareAndSet(key, null, key);
      expect(result.ok).toBe(true);
      // The channel of a key is heard on every node.
      while ((await second.get(key)) === null) await edges.next();
      expect(await second.compareAndSet(key, null, 'late')).toMatchObject({
        ok: false,
        current: { value: key },
      });
      abort.abort();
    }
    expect((await first.list('cluster')).sort()).toEqual([...keys].sort());
    expect((await second.list('cluster')).sort()).toEqual([...keys].sort());
    const sizes = await Promise.all([one, two].map(({ port }) => askRedis(port, ['DBSIZE'])));
    expect(sizes.every((size) => Number(size) > 0)).toBe(true);
  });

  test('Sentinels name the primary, and after a failover the new one', async () => {
    const primary = await startOther({});
    const replica = await startOther({ settings: ['--replicaof', '127.0.0.1', String(primary.port)] });
    const port = await findFreePort();
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-sentinel-'));
    const config = join(folder, 'sentinel.conf');
    writeFileSync(
      config,
      `sentinel monitor main 127.0.0.1 ${primary.port} 1\nsentinel down-after-milliseconds main 500\n`,
    );
    await startOther({ port, sentinelConfig: config });
    try {
      const store = await open(`redis://127.0.0.1:1,127.0.0.1:${port}/0?sentinel=main`);
      const written = await store.compareAndSet('sentinel/a', null, 'x');
      expect(written.ok).toBe(true);
      const unknown = await open(`redis://127.0.0.1:${port}?sentinel=other`);
      await expect(unknown.get('sentinel/a')).rejects.toMatchObject({
        code: 'unsupported',
        hint: expect.stringContaining('sentinel=NAME'),
      });

      const isKnown = async () =>
        String(await askRedis(port, ['SENTINEL', 'REPLICAS', 'main'])).includes(String(replica.port));
      while (!(await isKnown())) await new Promise((resolve) => setTimeout(resolve, 50));
      while ((await askRedis(port, ['SENTINEL', 'FAILOVER', 'main'])) !== 'OK') {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const roleOf = async () => String(await askRedis(replica.port, ['ROLE']));
      while (!(await roleOf()).startsWith('master')) await new Promise((resolve) => setTimeout(resolve, 20));
      // Until the old primary hears of it, it takes writes that will be lost: what a lock over Redis cannot help.
      await primary.kill();
      for (;;) {
        const found = await store
          .compareAndSet('sentinel/b', null, 'y')
          .catch((error: { code: string }) => error.code);
        if (typeof found === 'object') break;
        expect(found).toMatch(/^(unavailable|indeterminate)$/);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(await askRedis(replica.port, ['HGET', 'lockstep:sentinel/b', 'v'])).toBe('y');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
