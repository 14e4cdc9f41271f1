// The file watch where fs.watch fails it: a scripted fs.watch and a manual clock, so that every edge has one known cause.
import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { startFileWatch } from '../../../src/store/drivers/file-watch.ts';
import { createEdges } from '../../../src/store/edges.ts';
import { formatRevisionName } from '../../../src/store/file-layout.ts';
import { createManualClock, settle } from '../../support/manual-clock.ts';

class FakeWatcher extends EventEmitter {
  isClosed = false;
  close() {
    this.isClosed = true;
  }
}

interface Opened {
  path: string;
  watcher: FakeWatcher;
  fire(filename: string | null): void;
}

function start({ existing = ['/r', '/r/a', '/r/a/@'], head = 0, pollMs = 1000 } = {}) {
  const clock = createManualClock();
  const abort = new AbortController();
  const edges = createEdges(abort.signal);
  const state = { existing: new Set(existing), head, unreadable: false, watchesLeft: 100 };
  const opened: Opened[] = [];
  startFileWatch({
    clock,
    pollMs,
    edges,
    folders: ['/r', '/r/a', '/r/a/@'],
    async readHead() {
      if (state.unreadable) throw new Error('EACCES');
      return state.head;
    },
    watchFolder(path, listener) {
      if (!state.existing.has(path)) throw new Error('ENOENT');
      if (state.watchesLeft === 0) throw new Error('ENOSPC');
      const watcher = new FakeWatcher();
      opened.push({ path, watcher, fire: (filename) => listener('rename', filename) });
      return watcher;
    },
  });
  let count = 0;
  const counting = (async () => {
    for await (const _ of edges.watch) count += 1;
  })();
  return {
    clock,
    abort,
    state,
    opened,
    counting,
    ready: edges.watch.ready,
    open: () => opened.filter(({ watcher }) => !watcher.isClosed),
    /** Edges since the last look. */
    async edges() {
      await settle();
      const seen = count;
      count = 0;
      return seen;
    },
  };
}

describe('the file watch', () => {
  test('watches the revisions and passes on each newer one, once', async () => {
    const watch = start({ head: 3 });
    await watch.ready;
    expect(await watch.edges()).toBe(1);
    expect(watch.open().map(({ path }) => path)).toEqual(['/r/a/@']);
    watch.state.head = 4;
    watch.opened[0]?.fire(formatRevisionName(4));
    expect(await watch.edges()).toBe(1);
    watch.opened[0]?.fire(formatRevisionName(4));
    watch.opened[0]?.fire(formatRevisionName(1));
    expect(await watch.edges()).toBe(0);
    await watch.clock.advance(5000);
    expect(await watch.edges()).toBe(0);
    watch.abort.abort();
  });

  test('takes an event without a name for a change', async () => {
    const watch = start();
    await watch.ready;
    await watch.edges();
    watch.opened[0]?.fire(null);
    expect(await watch.edges()).toBe(1);
    watch.abort.abort();
  });

  test('follows the folders down as they appear', async () => {
    const watch = start({ existing: ['/r'] });
    await watch.ready;
    await watch.edges();
    expect(watch.open().map(({ path }) => path)).toEqual(['/r']);
    for (const folder of ['/r/a', '/r/a/@']) {
      watch.state.existing.add(folder);
      watch.open()[0]?.fire('next');
      expect(await watch.edges()).toBe(1);
      expect(watch.open().map(({ path }) => path)).toEqual([folder]);
    }
    watch.abort.abort();
  });

  test('polls what nobody announced, and then watches anew', async () => {
    const watch = start({ head: 1 });
    await watch.ready;
    await watch.edges();
    watch.state.head = 2;
    await watch.clock.advance(1100);
    expect(await watch.edges()).toBe(1);
    expect(watch.opened).toHaveLength(2);
    expect(watch.open()).toHaveLength(1);
    watch.abort.abort();
  });

  test('falls back to polling where no watch is to be had, and takes the first that is', async () => {
    const watch = start({ existing: [] });
    await watch.ready;
    expect(await watch.edges()).toBe(1);
    watch.state.head = 1;
    await watch.clock.advance(1100);
    expect(await watch.edges()).toBe(1);
    expect(watch.opened).toHaveLength(0);
    watch.state.existing.add('/r').add('/r/a').add('/r/a/@');
    await watch.clock.advance(1100);
    expect(watch.open().map(({ path }) => path)).toEqual(['/r/a/@']);
    watch.abort.abort();
  });

  test('survives an error of fs.watch: an edge, polling, and a new watch with the next poll', async () => {
    const watch = start();
    await watch.ready;
    await watch.edges();
    watch.state.watchesLeft = 0;
    watch.opened[0]?.watcher.emit('error', new Error('EMFILE'));
    expect(await watch.edges()).toBe(1);
    expect(watch.open()).toHaveLength(0);
    watch.state.watchesLeft = 100;
    await watch.clock.advance(1100);
    expect(watch.open()).toHaveLength(1);
    watch.abort.abort();
  });

  test('does not end where the folder cannot be read: the reader meets the error itself', async () => {
    const watch = start({ head: 1 });
    await watch.ready;
    await watch.edges();
    watch.state.unreadable = true;
    await watch.clock.advance(1100);
    expect(await watch.edges()).toBe(1);
    await watch.clock.advance(5000);
    expect(await watch.edges()).toBe(0);
    watch.state.unreadable = false;
    await watch.clock.advance(1100);
    expect(await watch.edges()).toBe(1);
    watch.abort.abort();
  });

  test('ends with its signal and leaves neither a timer nor a watch', async () => {
    const watch = start();
    await watch.ready;
    watch.abort.abort();
    await watch.counting;
    expect(watch.clock.pendingTimers).toBe(0);
    expect(watch.open()).toHaveLength(0);
    watch.opened[0]?.fire(null);
    expect(watch.clock.pendingTimers).toBe(0);
  });

  test('ended while it connects, starts nothing', async () => {
    const watch = start();
    watch.abort.abort();
    await watch.counting;
    await settle();
    expect(watch.clock.pendingTimers).toBe(0);
    expect(watch.open()).toHaveLength(0);
  });
});
