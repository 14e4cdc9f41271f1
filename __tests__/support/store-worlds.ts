// The places over which the store suites run: memory, the faulty network without faults, and real files.

import { watch } from 'node:fs';
import { link, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { type FileStoreOptions, openFileStore } from '../../src/store/drivers/file.ts';
import { createMemoryBackend, createMemoryStore } from '../../src/store/drivers/memory.ts';
import type { SilentStore, StoreSubject, StoreWorld } from '../conformance/store-suite.ts';
import { createFaultyNetwork, type FaultPlan } from './faulty-store.ts';
import { createManualClock } from './manual-clock.ts';

export const memorySubject: StoreSubject = {
  name: 'memory',
  settleMs: 5000,
  deviations: {
    silence: 'it has no other side that could be silent',
    loseReply: 'it has no wire on which a reply could be lost',
    disconnect: 'it has no connection',
  },
  async create() {
    const backend = createMemoryBackend();
    const clock = createManualClock();
    return { open: async () => createMemoryStore({ clock, backend }), dispose: async () => undefined };
  },
};

/** The fault-injecting store with no faults but those that a case asks for. */
export const faultySubject: StoreSubject = {
  name: 'faulty (without faults)',
  settleMs: 5000,
  deviations: {
    silence: 'it has no deadline of its own: the simulated caller brings one',
    disconnect: 'a dropped edge is a fault, not a lost connection',
  },
  async create() {
    const plans = new Map<string, FaultPlan>();
    const network = createFaultyNetwork({
      clock: createManualClock(),
      decide: ({ actor, kind }) => (kind === 'compareAndSet' ? (plans.get(actor) ?? {}) : {}),
    });
    let actors = 0;
    return {
      open: async () => network.open(`actor-${actors++}`),
      async loseReply() {
        plans.set('losing', { fault: 'lose-reply' });
        return network.open('losing');
      },
      dispose: async () => undefined,
    };
  },
};

export const fileSubject: StoreSubject = { name: 'file', settleMs: 5000, create: () => createFileWorld() };

/** Real files in a folder of their own. Polls rarely, so that edges must come from the file system. */
export async function createFileWorld(
  options: Partial<FileStoreOptions> = {},
): Promise<StoreWorld & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'lockstep-store-'));
  const open = (more: Partial<FileStoreOptions> = {}) =>
    openFileStore({ path, clock: systemClock, pollMs: 60_000, ...options, ...more });
  return {
    path,
    open: () => open(),
    async silence(): Promise<SilentStore> {
      await (await open()).close();
      const clock = createManualClock();
      let onSent: () => void = () => undefined;
      const sent = new Promise<void>((resolve) => {
        onSent = resolve;
      });
      const linkFile = () => {
        onSent();
        return new Promise<void>(() => undefined);
      };
      const store = await open({ clock, timeoutMs: 1000, seams: { linkFile } });
      return { store, sent, passDeadline: () => clock.advance(1000) };
    },
    async loseReply() {
      await (await open()).close();
      const linkFile = async (from: string, to: string) => {
        await link(from, to);
        throw Object.assign(new Error('EIO: i/o error, link'), { code: 'EIO' });
      };
      return open({ seams: { linkFile } });
    },
    async disconnect() {
      const watchers: ReturnType<typeof watch>[] = [];
      const watchFolder: NonNullable<FileStoreOptions['seams']>['watchFolder'] = (folder, listener) => {
        const watcher = watch(folder, listener);
        watchers.push(watcher);
        return watcher;
      };
      const store = await open({ pollMs: 50, seams: { watchFolder } });
      return {
        store,
        async cut() {
          for (const watcher of watchers) watcher.emit('error', new Error('ENOSPC: no watches left'));
        },
      };
    },
    dispose: () => rm(path, { recursive: true, force: true }),
  };
}
