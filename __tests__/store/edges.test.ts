import { describe, expect, test } from '@jest/globals';
import { createEdges } from '../../src/store/edges.ts';

const edge = { done: false, value: undefined };
const end = { done: true, value: undefined };

describe('edges', () => {
  test('coalesce: many without a reader are one', async () => {
    const edges = createEdges(new AbortController().signal);
    const iterator = edges.watch[Symbol.asyncIterator]();
    for (let n = 0; n < 10; n += 1) edges.emit();
    expect(await iterator.next()).toEqual(edge);
    const waiting = iterator.next();
    expect(await Promise.race([waiting, Promise.resolve('nothing yet')])).toBe('nothing yet');
    edges.emit();
    expect(await waiting).toEqual(edge);
  });

  test('one that comes while a reader is being woken is kept', async () => {
    const edges = createEdges(new AbortController().signal);
    const iterator = edges.watch[Symbol.asyncIterator]();
    const waiting = iterator.next();
    edges.emit();
    edges.emit();
    expect(await waiting).toEqual(edge);
    expect(await iterator.next()).toEqual(edge);
  });

  test('are ready when connected, and that is an edge each time', async () => {
    const edges = createEdges(new AbortController().signal);
    const iterator = edges.watch[Symbol.asyncIterator]();
    expect(await Promise.race([edges.watch.ready, Promise.resolve('not ready')])).toBe('not ready');
    edges.connected();
    await edges.watch.ready;
    expect(await iterator.next()).toEqual(edge);
    edges.connected();
    expect(await iterator.next()).toEqual(edge);
  });

  test.each(['abort', 'end'] as const)('end with %s, for every reader, and stay ended', async (how) => {
    const abort = new AbortController();
    const edges = createEdges(abort.signal);
    const readers = [1, 2].map(() => edges.watch[Symbol.asyncIterator]().next());
    if (how === 'abort') abort.abort();
    else edges.end();
    edges.emit();
    edges.connected();
    await edges.watch.ready;
    expect(await Promise.all(readers)).toEqual([end, end]);
    expect(await edges.watch[Symbol.asyncIterator]().next()).toEqual(end);
    expect(edges.ended.aborted).toBe(true);
  });

  test('leave nothing behind on a signal that lives on', () => {
    const { signal } = new AbortController();
    let listeners = 0;
    signal.addEventListener = () => {
      listeners += 1;
    };
    signal.removeEventListener = () => {
      listeners -= 1;
    };
    createEdges(signal).end();
    expect(listeners).toBe(0);
  });
});
