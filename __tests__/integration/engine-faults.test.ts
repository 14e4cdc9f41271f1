// Each engine behind a network that misbehaves, and each engine itself killed, frozen and full: what the store claims of a
// write is true, every call settles within its deadline, and everything resumes without being told.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createNonce } from '../../src/base/identity.ts';
import type { Store, Watch } from '../../src/store/contract.ts';
import { ENGINES } from '../support/engine-list.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { openEngine } from '../support/engine-worlds.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';

const TIMEOUT_MS = 1000;

for (const engine of ENGINES) {
  describeEngine(engine, () => {
    let server: EngineProcess;
    let proxy: FaultProxy;
    /** Through the proxy. */
    let store: Store;
    /** Through the proxy as well; its deadlines pass when `clock` is moved, so that no slow machine meets them. */
    let timed: Store;
    let clock: ManualClock;
    /** Straight to the server. */
    let direct: Store;
    let key: string;
    const abort = new AbortController();

    beforeAll(async () => {
      server = await engine.start();
    });
    afterAll(async () => {
      abort.abort();
      await server.stop();
    });
    beforeEach(async () => {
      key = `faults/${createNonce()}`;
      proxy = await startFaultProxy(server.port);
      store = await openEngine(server.url(proxy.port));
      clock = createManualClock();
      timed = await openEngine(server.url(proxy.port), { timeoutMs: TIMEOUT_MS, clock });
      direct = await openEngine(server.url());
    });
    afterEach(async () => {
      await Promise.all([store, timed, direct].map((each) => each.close()));
      await proxy.close();
    });

    const codeOf = (call: Promise<unknown>) =>
      call.then(
        (value) => value,
        (error: { code?: string }) => error.code ?? error,
      );
    const mustWrite = async (on: Store, expected: string | null, value: string) => {
      const result = await on.compareAndSet(key, expected, value);
      if (!result.ok) throw new Error('a write without a rival was lost');
      return result.revision;
    };
    /** Calls until one succeeds: how long a server takes to come back is its own affair. */
    const insist = async <T>(call: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await call();
        } catch (error) {
          if (!['unavailable', 'indeterminate'].includes((error as { code: string }).code)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const startWatch = async (on: Store) => {
      const watch: Watch = on.watch(key, { signal: abort.signal });
      const iterator = watch[Symbol.asyncIterator]();
      await watch.ready;
      await iterator.next();
      let next = iterator.next();
      const nextEdge = async () => {
        const edge = await next;
        next = iterator.next();
        return edge;
      };
      return {
        nextEdge,
        /** Reads after edges alone. */
        untilValue: async (value: string) => {
          do await nextEdge();
          while ((await insist(() => direct.get(key)))?.value !== value);
        },
        /** Takes the edges that are still on their way, so that the next one is news. */
        drain: async () => {
          const quiet = () => new Promise<'quiet'>((resolve) => setTimeout(() => resolve('quiet'), 60));
          while ((await Promise.race([next, quiet()])) !== 'quiet') await nextEdge();
        },
      };
    };

    test('creation, change and deletion whose replies are cut after applying are indeterminate, never lost', async () => {
      // The first write of all may need two requests, and the first reply is what is cut.
      await store.compareAndSet(`${key}/warm`, null, 'x');
      proxy.set({ kind: 'cut-on-reply' });
      expect(await codeOf(store.compareAndSet(key, null, 'created'))).toBe('indeterminate');
      const created = await direct.get(key);
      expect(created?.value).toBe('created');
      proxy.set({ kind: 'pass' });
      await store.get(key);
      proxy.set({ kind: 'cut-on-reply' });
      expect(await codeOf(store.compareAndSet(key, created?.revision ?? '', 'changed'))).toBe(
        'indeterminate',
      );
      const changed = await direct.get(key);
      expect(changed?.value).toBe('changed');
      proxy.set({ kind: 'pass' });
      await store.get(key);
      proxy.set({ kind: 'cut-on-reply' });
      expect(await codeOf(store.delete(key, changed?.revision ?? ''))).toBe('indeterminate');
      expect(await direct.get(key)).toBeNull();
    });

    test('a connection cut right after the request leaves the outcome open', async () => {
      const revision = await mustWrite(store, null, 'before');
      proxy.set({ kind: 'cut-after-request' });
      expect(await codeOf(store.compareAndSet(key, revision, 'after'))).toBe('indeterminate');
      expect(['before', 'after']).toContain((await direct.get(key))?.value);
    });

    test('a write that was reset before the server had it is indeterminate, and is not there', async () => {
      const revision = await mustWrite(store, null, 'before');
      const { connections } = proxy;
      proxy.set({ kind: 'reset' });
      expect(await codeOf(store.compareAndSet(key, revision, 'after'))).toBe('indeterminate');
      // Nothing was sent a second time on a connection of its own.
      expect(proxy.connections).toBe(connections);
      expect((await direct.get(key))?.value).toBe('before');
      proxy.set({ kind: 'pass' });
      await mustWrite(store, revision, 'later');
    });

    test('where nobody listens, a write is certainly not applied', async () => {
      await proxy.close();
      expect(await codeOf(store.compareAndSet(key, null, 'x'))).toBe('unavailable');
      expect(await codeOf(store.get(key))).toBe('unavailable');
      proxy = await startFaultProxy(server.port);
    });

    test('in a blackhole every call settles, also while connecting, and the next one after it succeeds', async () => {
      const revision = await mustWrite(timed, null, 'before');
      const fresh = await openEngine(server.url(proxy.port), { timeoutMs: TIMEOUT_MS, clock });
      proxy.set({ kind: 'blackhole' });
      const arrived = proxy.nextRequest();
      const calls = Promise.all([
        codeOf(timed.compareAndSet(key, revision, 'swallowed')),
        codeOf(timed.get(key)),
        codeOf(timed.list('faults')),
        codeOf(fresh.compareAndSet(key, revision, 'swallowed, or never sent')),
      ]);
      await arrived;
      await clock.advance(TIMEOUT_MS);
      const outcomes = await calls;
      expect(outcomes.slice(0, 3)).toEqual(['indeterminate', 'unavailable', 'unavailable']);
      // Postgres greets first; with the others the request itself may have been swallowed.
      expect(outcomes[3]).toMatch(
        engine.name === 'postgres' ? /^unavailable$/ : /^(indeterminate|unavailable)$/,
      );
      proxy.set({ kind: 'pass' });
      expect((await timed.get(key))?.value).toBe('before');
      await mustWrite(timed, revision, 'after');
      await fresh.close();
    });

    test('late answers are answers', async () => {
      await store.get(key);
      proxy.set({ kind: 'delay', delayMs: 30 });
      const revision = await mustWrite(store, null, 'late');
      expect(await store.get(key)).toEqual({ value: 'late', revision });
    });

    test('one call that is given up takes no other down with it', async () => {
      await mustWrite(store, null, 'x');
      proxy.set({ kind: 'delay', delayMs: 40 });
      const given = new AbortController();
      const [aborted, other] = [codeOf(store.get(key, { signal: given.signal })), store.get(key)];
      given.abort(new Error('enough'));
      expect(await aborted).toMatchObject({ message: 'enough' });
      expect((await other)?.value).toBe('x');
    });

    test('a watch over a reset connection, and over one that silently died, tells what changed', async () => {
      const polling = await openEngine(server.url(proxy.port), { timeoutMs: 400, pollMs: 200 });
      let revision = await mustWrite(direct, null, 'one');
      const watch = await startWatch(polling);
      proxy.cutAll();
      expect((await watch.nextEdge()).done).toBe(false);
      revision = await mustWrite(direct, revision, 'two');
      await watch.untilValue('two');
      await watch.drain();
      // Nothing on a stranded connection ever fails: only the poll can find out, and subscribes again.
      proxy.strandAll();
      revision = await mustWrite(direct, revision, 'three');
      await watch.untilValue('three');
      for (const value of ['four', 'five']) {
        await watch.drain();
        revision = await mustWrite(direct, revision, value);
        await watch.untilValue(value);
      }
      await polling.close();
    });

    test('killed and started again, the server has what it acknowledged, and watches and calls resume', async () => {
      const revision = await mustWrite(store, null, 'kept');
      const watch = await startWatch(store);
      await server.kill();
      expect(await codeOf(store.compareAndSet(key, revision, 'lost'))).toMatch(
        /^(unavailable|indeterminate)$/,
      );
      await server.restart();
      expect((await watch.nextEdge()).done).toBe(false);
      expect(await insist(() => direct.get(key))).toEqual({ value: 'kept', revision });
      const next = await insist(() => store.compareAndSet(key, revision, 'after'));
      expect(next.ok).toBe(true);
      await watch.untilValue('after');
    });

    test('a frozen server leaves a write open, and once it goes on the truth can be read', async () => {
      const revision = await mustWrite(timed, null, 'before');
      server.pause();
      const arrived = proxy.nextRequest();
      const outcome = codeOf(timed.compareAndSet(key, revision, 'during'));
      await arrived;
      await clock.advance(TIMEOUT_MS);
      expect(await outcome).toBe('indeterminate');
      server.resume();
      // What was under way is applied now, or never: a later write settles which.
      const found = await insist(() => store.get(key));
      expect(['before', 'during']).toContain(found?.value);
      const later = await insist(() => store.compareAndSet(key, found?.revision ?? null, 'later'));
      const final = await insist(() => store.get(key));
      expect(final?.value).toBe(later.ok ? 'later' : 'during');
    });

    test('an error names the store without its password', async () => {
      await proxy.close();
      const secret = 'correct-horse';
      const url = server.url(proxy.port).replace(/\/\/([^@/]*@)?/, `//somebody:${secret}@`);
      const guarded = await openEngine(url);
      const error: unknown = await guarded.get(key).catch((thrown: unknown) => thrown);
      await guarded.close();
      expect(String(error)).toContain('127.0.0.1');
      const { inspect } = await import('node:util');
      expect(inspect(error, { depth: 10 }) + guarded.url).not.toContain(secret);
      proxy = await startFaultProxy(server.port);
    });
  });
}
