/**
 * The watch of the file store: fs.watch says "look" at once, a reconcile poll finds whatever it kept to itself (network file
 * systems, overflowing queues, a folder replaced under it). NOT guaranteed: one edge per revision.
 * Invariant: nothing here creates a folder, and nothing but the end of the edges stops it; an error of fs.watch means
 * polling until it can be had again.
 */
import { watch } from 'node:fs';
import { jitter } from '../../base/backoff.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Edges } from '../edges.ts';
import { parseRevisionName } from '../file-layout.ts';

/** What is used of fs.watch, so that tests can break it. */
export type WatchFolder = (
  path: string,
  listener: (eventType: string, filename: string | null) => void,
) => { on(event: 'error', listener: (error: Error) => void): unknown; close(): void };

export interface FileWatchOptions {
  clock: Clock;
  pollMs: number;
  /** From the root down to the revisions; the deepest that exists is watched until a deeper one appears. */
  folders: readonly string[];
  edges: Edges;
  /** The newest revision's number; 0 where there is none. */
  readHead(): Promise<number>;
  watchFolder?: WatchFolder | undefined;
}

/** Starts watching; ends with the edges. */
export function startFileWatch(options: FileWatchOptions): void {
  const { clock, edges, folders, watchFolder = watch } = options;
  const deepest = folders.length - 1;
  let current: { level: number; close(): void } | null = null;
  let timer: Timer | null = null;
  let seen = 0;

  const detach = () => {
    current?.close();
    current = null;
  };

  const watchLevel = (level: number): boolean => {
    try {
      const watcher = watchFolder(folders[level] ?? '', (_, filename) => onEvent(level, filename));
      watcher.on('error', () => {
        // What fs.watch missed from here on the poll finds, and tries to watch again.
        if (current?.level === level) detach();
        edges.emit();
      });
      detach();
      current = { level, close: () => watcher.close() };
      return true;
    } catch {
      // Not there yet, or no watches left on this machine: a folder further up, or the poll alone, has to do.
      return false;
    }
  };

  /** Watches as deep as there are folders, and looks again after each step down: one may have appeared in between. */
  const attach = () => {
    let isDeeper = true;
    while (isDeeper && !edges.ended.aborted) {
      const above = current?.level ?? -1;
      isDeeper = false;
      for (let level = deepest; level > above && !isDeeper; level -= 1) isDeeper = watchLevel(level);
    }
  };

  const onEvent = (level: number, filename: string | null) => {
    if (edges.ended.aborted) return;
    if (level < deepest) attach();
    const number = level === deepest && filename !== null ? parseRevisionName(filename) : null;
    // The removal of an old revision is not news.
    if (number !== null && number <= seen) return;
    if (number !== null) seen = number;
    edges.emit();
  };

  const look = async (): Promise<number> => {
    try {
      return await options.readHead();
    } catch {
      // A watch does not end by errors (S10): the reader that the edge wakes meets the same one and reports it.
      return -1;
    }
  };

  const poll = async () => {
    const before = seen;
    const head = await look();
    if (edges.ended.aborted) return;
    if (head !== before && seen === before) {
      // Nobody announced it: the watcher is deaf, on a folder that was replaced perhaps.
      detach();
      seen = head;
      edges.emit();
    }
    attach();
    schedule();
  };

  const schedule = () => {
    timer = clock.startTimer(jitter(options.pollMs, 0.1, clock.random()), () => void poll());
  };

  const start = async () => {
    attach();
    const head = await look();
    if (edges.ended.aborted) return;
    seen = Math.max(seen, head);
    edges.connected();
    schedule();
  };

  edges.ended.addEventListener('abort', () => {
    timer?.cancel();
    detach();
  });
  void start();
}
