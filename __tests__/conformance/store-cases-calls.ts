// Cases of the single call: what it may claim, when it settles, what closing does. S5–S7, S11.
import { expect } from '@jest/globals';
import { mustWrite } from './store-cases-basic.ts';
import type { CaseContext, StoreCase } from './store-suite.ts';

const silentOf = async ({ world }: CaseContext) => {
  if (!world.silence) throw new Error('the world has no silence()');
  return world.silence();
};

export const callCases: readonly StoreCase[] = [
  {
    rule: 'S5',
    title: 'a write that was applied while its reply was lost is indeterminate, never lost',
    needs: 'loseReply',
    async run({ world, store, key, readUntil }) {
      if (!world.loseReply) throw new Error('the world has no loseReply()');
      const revision = await mustWrite(store, key(), null, 'before');
      const losing = await world.loseReply();
      try {
        await expect(losing.compareAndSet(key(), revision, 'landed')).rejects.toMatchObject({
          code: 'indeterminate',
        });
      } finally {
        await losing.close();
      }
      await readUntil(store, key(), (value) => value === 'landed');
    },
  },
  {
    rule: 'S5',
    title: 'a lost write is false with certainty: what it would have written never appears',
    async run({ store, other, key, readUntil }) {
      const first = await mustWrite(store, key(), null, 'one');
      await mustWrite(other, key(), first, 'two');
      const results = await Promise.all(
        Array.from({ length: 5 }, (_, i) => store.compareAndSet(key(), first, `lost ${i}`)),
      );
      expect(results.map((result) => result.ok)).toEqual([false, false, false, false, false]);
      await readUntil(store, key(), (value) => value === 'two');
    },
  },
  {
    rule: 'S6',
    title: 'a call whose other side is silent settles when its signal aborts',
    needs: 'silence',
    async run(context) {
      const { store, sent } = await silentOf(context);
      const abort = new AbortController();
      const call = store.compareAndSet(context.key(), null, 'x', { signal: abort.signal });
      const outcome = context.within(call, 'the end of an aborted call').catch((error: unknown) => error);
      await context.within(sent, 'the write on its way');
      abort.abort(new Error('enough'));
      expect(await outcome).not.toMatchObject({ message: expect.stringMatching(/^missing/) });
      await store.close();
    },
  },
  {
    rule: 'S6',
    title: "a call whose other side is silent settles within the driver's own deadline",
    needs: 'silence',
    async run(context) {
      const { store, sent, passDeadline } = await silentOf(context);
      const call = store.compareAndSet(context.key(), null, 'x');
      const outcome = context
        .within(call, 'the end of a call without a signal')
        .catch((error: unknown) => error);
      await context.within(sent, 'the write on its way');
      await passDeadline();
      expect(await outcome).toMatchObject({ code: 'indeterminate' });
      await store.close();
    },
  },
  {
    rule: 'S7',
    title: 'an abort after sending is indeterminate, never "not applied"',
    needs: 'silence',
    async run(context) {
      const { store, sent } = await silentOf(context);
      const abort = new AbortController();
      const call = store.compareAndSet(context.key(), null, 'x', { signal: abort.signal });
      const outcome = call.catch((error: unknown) => error);
      await context.within(sent, 'the write on its way');
      abort.abort(new Error('enough'));
      expect(await context.within(outcome, 'the end of an aborted call')).toMatchObject({
        code: 'indeterminate',
      });
      await store.close();
    },
  },
  {
    rule: 'S7',
    title: "an abort before sending rejects with the signal's reason, and nothing is sent",
    async run({ store, key }) {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      await expect(store.get(key(), { signal })).rejects.toBe(reason);
      await expect(store.compareAndSet(key(), null, 'x', { signal })).rejects.toBe(reason);
      await expect(store.list(key(), { signal })).rejects.toBe(reason);
      expect(await store.get(key())).toBeNull();
    },
  },
  {
    rule: 'S7',
    title: 'a call that is done leaves no listener on its signal',
    async run({ store, key }) {
      const abort = new AbortController();
      let listeners = 0;
      const { signal } = abort;
      const count = (name: 'addEventListener' | 'removeEventListener', step: number) => {
        const original = signal[name].bind(signal);
        signal[name] = (...args: Parameters<AbortSignal['addEventListener']>) => {
          listeners += step;
          original(...args);
        };
      };
      count('addEventListener', 1);
      count('removeEventListener', -1);
      await store.compareAndSet(key(), null, 'x', { signal });
      await store.get(key(), { signal });
      await store.list(key(), { signal });
      expect(listeners).toBe(0);
    },
  },
  {
    rule: 'S11',
    title: 'after close a call is refused, close may be repeated, and other handles live on',
    async run({ store, other, key, readUntil }) {
      await mustWrite(store, key(), null, 'x');
      await store.close();
      await store.close();
      await expect(store.get(key())).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.compareAndSet(key(), null, 'y')).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.list('')).rejects.toMatchObject({ code: 'unavailable' });
      await readUntil(other, key(), (value) => value === 'x');
    },
  },
];
