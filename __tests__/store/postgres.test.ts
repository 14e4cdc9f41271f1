// What is Postgres's own: who may come in, the table that is made on first use, stricter isolation, connections that end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Store } from '../../src/store/contract.ts';
import { PREPARE_BY_HAND } from '../../src/store/drivers/postgres-statements.ts';
import { makeCertificate } from '../support/engine-certificate.ts';
import { askPostgres, holdRow, postgresEngine, startPostgres } from '../support/engine-postgres.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { openEngine } from '../support/engine-worlds.ts';
import { createManualClock } from '../support/manual-clock.ts';

describeEngine(postgresEngine, () => {
  let server: EngineProcess;
  const stores: Store[] = [];
  const open = async (url: string, options: Parameters<typeof openEngine>[1] = {}) => {
    const store = await openEngine(url, options);
    stores.push(store);
    return store;
  };
  const ask = (statement: string, database?: string) => askPostgres(server.port, statement, database);
  const urlOf = (database: string, user = 'postgres') =>
    `postgres://${user}@127.0.0.1:${server.port}/${database}`;
  let databases = 0;
  const makeDatabase = async () => {
    const name = `fresh${databases++}`;
    await ask(`CREATE DATABASE ${name}`);
    return name;
  };

  beforeAll(async () => {
    server = await startPostgres();
    await ask("CREATE ROLE ci LOGIN PASSWORD 'right-password'");
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(() => server.stop());

  test('a wrong or missing password is an AuthError that says where the right one goes', async () => {
    const wrong = await open(urlOf('postgres', 'ci:wrong-password'));
    await expect(wrong.get('a/b')).rejects.toMatchObject({
      code: 'auth',
      hint: expect.stringContaining('pg_hba'),
    });
    await expect(wrong.get('a/b')).rejects.not.toThrow(/wrong-password/);
    const none = await open(urlOf('postgres', 'ci'));
    await expect(none.get('a/b')).rejects.toMatchObject({
      code: 'auth',
      hint: expect.stringContaining('PGPASSWORD'),
    });
  });

  test('a database that does not exist is an error of the address', async () => {
    const store = await open(urlOf('nowhere'));
    await expect(store.get('a/b')).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('DATABASE'),
    });
  });

  test('who may not make the table is told what to have made, and after that it works', async () => {
    const database = await makeDatabase();
    const store = await open(urlOf(database, 'ci:right-password'));
    const refusal: unknown = await store.compareAndSet('a/b', null, 'x').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'auth', hint: expect.stringContaining(PREPARE_BY_HAND) });
    await ask(PREPARE_BY_HAND.replaceAll('TO …', 'TO ci'), database);
    const written = await store.compareAndSet('a/b', null, 'x');
    expect(written.ok).toBe(true);
    expect(await store.list('')).toEqual(['a/b']);
    const watch = store.watch('a/b', { signal: new AbortController().signal });
    await watch.ready;
    if (written.ok) expect(await store.delete('a/b', written.revision)).toMatchObject({ ok: true });
  });

  test('a table that may be read only is an AuthError on writing, and nothing is written', async () => {
    const database = await makeDatabase();
    await (await open(urlOf(database))).compareAndSet('a/b', null, 'x');
    await ask('GRANT SELECT ON lockstep_store TO ci', database);
    const store = await open(urlOf(database, 'ci:right-password'));
    expect((await store.get('a/b'))?.value).toBe('x');
    await expect(store.compareAndSet('a/c', null, 'y')).rejects.toMatchObject({ code: 'auth' });
    expect(await store.get('a/c')).toBeNull();
  });

  test('many first users at once make one table', async () => {
    const database = await makeDatabase();
    const all = await Promise.all(Array.from({ length: 8 }, () => open(urlOf(database))));
    const results = await Promise.all(all.map((store, n) => store.compareAndSet('first/use', null, `${n}`)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  test('a table that was dropped is unavailable for one call, and made again', async () => {
    const database = await makeDatabase();
    const store = await open(urlOf(database));
    await store.compareAndSet('a/b', null, 'x');
    await ask('DROP TABLE lockstep_store; DROP SEQUENCE lockstep_revision', database);
    await expect(store.get('a/b')).rejects.toMatchObject({ code: 'unavailable' });
    expect(await store.compareAndSet('a/b', null, 'y')).toMatchObject({ ok: true });
  });

  test.each(['repeatable read', 'serializable'])(
    'where %s is the default, exactly one of many writers wins',
    async (isolation) => {
      const database = await makeDatabase();
      await ask(`ALTER DATABASE ${database} SET default_transaction_isolation = '${isolation}'`);
      const all = await Promise.all(Array.from({ length: 6 }, () => open(urlOf(database))));
      let revision: string | null = null;
      for (let round = 0; round < 10; round += 1) {
        const results = await Promise.all(
          all.map((store) => store.compareAndSet('strict/a', revision, `${round}`)),
        );
        const won = results.flatMap((result) => (result.ok ? [result.revision] : []));
        expect(won).toHaveLength(1);
        revision = won[0] ?? '';
      }
    },
  );

  test('connections that an administrator ends are made anew, and a watch tells', async () => {
    const store = await open(server.url());
    const abort = new AbortController();
    const watch = store.watch('ended/a', { signal: abort.signal });
    const edges = watch[Symbol.asyncIterator]();
    await watch.ready;
    await edges.next();
    await ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lockstep'");
    expect((await edges.next()).done).toBe(false);
    expect(await store.compareAndSet('ended/a', null, 'x')).toMatchObject({ ok: true });
    while ((await store.get('ended/a'))?.value !== 'x') await edges.next();
    abort.abort();
  });

  test('a write that waits for a row is in doubt at its deadline, and the truth can be read when the row is free', async () => {
    const clock = createManualClock();
    const store = await open(server.url(), { timeoutMs: 1000, clock });
    const written = await store.compareAndSet('row/a', null, 'x');
    const held = await holdRow(server.port, 'row/a');
    const outcome = store
      .compareAndSet('row/a', written.ok ? written.revision : '', 'y')
      .catch((error: unknown) => error);
    const isBlocked = async () =>
      (
        await ask(
          "SELECT 1 FROM pg_stat_activity WHERE application_name = 'lockstep' AND wait_event_type = 'Lock'",
        )
      ).length > 0;
    while (!(await isBlocked())) await new Promise((resolve) => setTimeout(resolve, 10));
    await clock.advance(1000);
    expect(await outcome).toMatchObject({ code: 'indeterminate' });
    await held.release();
    while (await isBlocked()) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(['x', 'y']).toContain((await store.get('row/a'))?.value);
  });

  test('a statement that the server cancels is certainly not applied', async () => {
    const database = await makeDatabase();
    await ask(`ALTER DATABASE ${database} SET lock_timeout = '50ms'`);
    const store = await open(urlOf(database));
    const written = await store.compareAndSet('row/b', null, 'x');
    const revision = written.ok ? written.revision : '';
    const held = await holdRow(server.port, 'row/b', database);
    await expect(store.compareAndSet('row/b', revision, 'y')).rejects.toMatchObject({ code: 'unavailable' });
    await held.release();
    expect(await store.get('row/b')).toEqual({ value: 'x', revision });
  });

  test('over TLS as the connection string says; an unknown authority is refused before anything is sent', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-tls-'));
    const certificate = makeCertificate(folder);
    const guarded = await startPostgres({ certificate });
    try {
      const trusting = await open(`${guarded.url()}?sslmode=verify-full&sslrootcert=${certificate.cert}`);
      expect(await trusting.compareAndSet('tls/a', null, 'x')).toMatchObject({ ok: true });
      const watch = trusting.watch('tls/a', { signal: new AbortController().signal });
      await watch.ready;
      const sessions = await askPostgres(
        guarded.port,
        'SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $$lockstep$$',
      );
      expect(sessions).toEqual([{ ssl: true }, { ssl: true }]);
      const doubting = await open(`${guarded.url()}?sslmode=verify-full`);
      await expect(doubting.compareAndSet('tls/b', null, 'x')).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('not trusted'),
      });
    } finally {
      await guarded.stop();
      rmSync(folder, { recursive: true });
    }
  });

  test('a server whose disk is full loses no acknowledged write and claims none', async () => {
    // A limit on the size of its files stands in for the disk: extending one fails.
    const full = await startPostgres({ maxFileKiB: 2048, settings: ['wal_recycle=off'] });
    try {
      const store = await open(full.url());
      const acknowledged = new Map<string, string>();
      let failure: unknown = null;
      const { randomBytes } = await import('node:crypto');
      for (let n = 0; n < 300 && failure === null; n += 1) {
        const value = randomBytes(30_000).toString('hex');
        await store.compareAndSet(`full/${n}`, null, value).then(
          () => acknowledged.set(`full/${n}`, value),
          (error: unknown) => {
            failure = error;
          },
        );
      }
      expect((failure as { code?: string } | null)?.code).toMatch(/^(unavailable|indeterminate)$/);
      expect(acknowledged.size).toBeGreaterThan(5);
      for (const [key, value] of acknowledged) expect((await store.get(key))?.value === value).toBe(true);
    } finally {
      await full.stop();
    }
  });
});
