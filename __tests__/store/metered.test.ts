import { describe, expect, test } from '@jest/globals';
import { createMemoryStore } from '../../src/store/drivers/memory.ts';
import { meterStore } from '../../src/store/metered.ts';
import { createManualClock } from '../support/manual-clock.ts';

describe('a metered store', () => {
  test('counts each call, whatever came of it, and nothing else', async () => {
    const store = meterStore(createMemoryStore({ clock: createManualClock() }));
    expect(store.requests).toBe(0);
    await store.get('a');
    const written = await store.compareAndSet('a', null, 'x');
    await store.compareAndSet('a', null, 'y');
    await store.list('');
    await store.delete('a', written.ok ? written.revision : '');
    await expect(store.get('NOT A KEY')).rejects.toThrow();
    expect(store.requests).toBe(6);

    const abort = new AbortController();
    await store.watch('a', { signal: abort.signal }).ready;
    abort.abort();
    await store.close();
    expect(store.requests).toBe(6);
    expect(store.url).toBe('memory:');
  });
});
