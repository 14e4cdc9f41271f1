// Cases of the watch: S9–S11.
import { expect } from '@jest/globals';
import type { Store } from '../../src/store/contract.ts';
import { mustWrite } from './store-cases-basic.ts';
import type { CaseContext, StoreCase } from './store-suite.ts';

/** An open watch with its first edge not yet taken. */
async function startWatch({ within }: CaseContext, store: Store, key: string) {
  const abort = new AbortController();
  const watch = store.watch(key, { signal: abort.signal });
  const iterator = watch[Symbol.asyncIterator]();
  await within(watch.ready, 'a ready watch');
  return {
    watch,
    nextEdge: () => within(iterator.next(), 'an edge'),
    end: () => abort.abort(),
  };
}

/** Level, not edge: reads at each edge, and only then, until the value is there. */
async function readAtEdges(
  watching: { nextEdge(): Promise<IteratorResult<void>> },
  store: Store,
  about: { key: string; value: string },
) {
  for (;;) {
    const edge = await watching.nextEdge();
    expect(edge.done).toBe(false);
    if ((await store.get(about.key))?.value === about.value) return;
  }
}

export const watchCases: readonly StoreCase[] = [
  {
    rule: 'S9',
    title: 'one edge is there as soon as the watch is connected',
    async run(context) {
      const watching = await startWatch(context, context.store, context.key());
      expect((await watching.nextEdge()).done).toBe(false);
      watching.end();
    },
  },
  {
    rule: 'S9',
    title: 'edges carry no data',
    async run(context) {
      const { store, other, key } = context;
      const watching = await startWatch(context, store, key());
      expect(await watching.nextEdge()).toEqual({ done: false, value: undefined });
      await mustWrite(other, key(), null, 'x');
      expect(await watching.nextEdge()).toEqual({ done: false, value: undefined });
      watching.end();
    },
  },
  {
    rule: 'S9',
    title: 'whoever reads at edges alone sees every change in the end: creation, change and deletion',
    async run(context) {
      const { store, other, key } = context;
      const watching = await startWatch(context, store, key());
      await watching.nextEdge();
      let revision: string | null = null;
      for (const value of ['one', 'two', 'three']) {
        const reading = readAtEdges(watching, store, { key: key(), value });
        [revision] = await Promise.all([mustWrite(other, key(), revision, value), reading]);
      }
      if (store.capabilities.conditionalDelete) {
        await other.delete(key(), revision ?? '');
        while ((await store.get(key())) !== null) await watching.nextEdge();
      }
      watching.end();
    },
  },
  {
    rule: 'S9',
    title: 'a change between ready and the first read is not lost',
    async run(context) {
      const { store, other, key } = context;
      const watching = await startWatch(context, store, key());
      let revision: string | null = null;
      for (let n = 0; n < 20; n += 1) revision = await mustWrite(other, key(), revision, `${n}`);
      await readAtEdges(watching, store, { key: key(), value: '19' });
      watching.end();
    },
  },
  {
    rule: 'S9',
    title: 'several watches of one key each get their edges',
    async run(context) {
      const { store, other, key } = context;
      const watchings = await Promise.all([1, 2, 3].map(() => startWatch(context, store, key())));
      for (const each of watchings) await each.nextEdge();
      await mustWrite(other, key(), null, 'x');
      await Promise.all(watchings.map((each) => readAtEdges(each, store, { key: key(), value: 'x' })));
      for (const each of watchings) each.end();
    },
  },
  {
    rule: 'S9',
    title: 'a watch that begins as another of its key ends gets its edges',
    async run(context) {
      const { store, other, key } = context;
      const pauses = [null, async () => undefined, () => new Promise((resolve) => setImmediate(resolve))];
      for (const [at, pause] of pauses.entries()) {
        const name = `name${at}`;
        const first = await startWatch(context, store, key('kind', name));
        await first.nextEdge();
        first.end();
        if (pause) await pause();
        const second = await startWatch(context, store, key('kind', name));
        await second.nextEdge();
        await mustWrite(other, key('kind', name), null, 'x');
        await readAtEdges(second, store, { key: key('kind', name), value: 'x' });
        second.end();
      }
    },
  },
  {
    rule: 'S10',
    title: 'leaving the loop does not end a watch',
    async run(context) {
      const { store, other, key, within } = context;
      const watching = await startWatch(context, store, key());
      const leave = async () => {
        for await (const _ of watching.watch) return 'an edge';
        return 'the end of the watch';
      };
      expect(await within(leave(), 'the first edge')).toBe('an edge');
      await mustWrite(other, key(), null, 'x');
      expect(await within(leave(), 'an edge after the first loop was left')).toBe('an edge');
      watching.end();
    },
  },
  {
    rule: 'S10',
    title: 'a watch that was cut off gives an edge when it is back, and the edges after it',
    needs: 'disconnect',
    async run(context) {
      const { world, other, key } = context;
      if (!world.disconnect) throw new Error('the world has no disconnect()');
      const { store, cut } = await world.disconnect();
      const revision = await mustWrite(other, key(), null, 'before');
      const watching = await startWatch(context, store, key());
      await watching.nextEdge();
      await cut();
      expect((await watching.nextEdge()).done).toBe(false);
      await mustWrite(other, key(), revision, 'after');
      await readAtEdges(watching, store, { key: key(), value: 'after' });
      watching.end();
      await store.close();
    },
  },
  {
    rule: 'S10',
    title: 'an abort ends the watch, without an error',
    async run(context) {
      const watching = await startWatch(context, context.store, context.key());
      await watching.nextEdge();
      const next = watching.nextEdge();
      watching.end();
      await expect(next).resolves.toMatchObject({ done: true });
      await expect(watching.nextEdge()).resolves.toMatchObject({ done: true });
      const aborted = context.store.watch(context.key(), { signal: AbortSignal.abort() });
      await context.within(aborted.ready, 'ready of an aborted watch');
      expect((await aborted[Symbol.asyncIterator]().next()).done).toBe(true);
    },
  },
  {
    rule: 'S11',
    title: 'close ends the watches of its handle, and only those',
    async run(context) {
      const { store, other, key } = context;
      const own = await startWatch(context, store, key());
      const foreign = await startWatch(context, other, key());
      await own.nextEdge();
      await foreign.nextEdge();
      const next = own.nextEdge();
      await store.close();
      expect((await next).done).toBe(true);
      await mustWrite(other, key(), null, 'x');
      await readAtEdges(foreign, other, { key: key(), value: 'x' });
      foreign.end();
    },
  },
];
