/**
 * The watch every driver hands out: edges that coalesce and carry nothing. A driver calls `connected` at each (re)connect and
 * `emit` when something may have changed; the reader sees at least one edge after the last call, never how many there were.
 * NOT guaranteed: one edge per change. Invariant: it ends by the caller's abort or by `end` (the store's close), never by an
 * error, and then leaves no listener behind.
 */
import type { Watch } from './contract.ts';

export interface Edges {
  readonly watch: Watch;
  /** Aborts when the watch has ended, for whatever reason: a driver ties its sockets and timers to it. */
  readonly ended: AbortSignal;
  /** Something may have changed. */
  emit(): void;
  /** The subscription stands from now on: resolves `ready` and gives the edge that every (re)connect owes. */
  connected(): void;
  /** Ends the watch; `ready` resolves if it never did, so that nobody waits for a closed store. */
  end(): void;
}

/** A watch that the caller's `signal` ends; the driver calls `end` when the store is closed. */
export function createEdges(signal: AbortSignal): Edges {
  const controller = new AbortController();
  const waiting = new Set<(result: IteratorResult<void>) => void>();
  let pending = false;
  let becomeReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });

  const wake = (result: IteratorResult<void>) => {
    const woken = [...waiting];
    waiting.clear();
    for (const resolve of woken) resolve(result);
  };
  const emit = () => {
    if (controller.signal.aborted) return;
    if (waiting.size === 0) pending = true;
    wake({ done: false, value: undefined });
  };
  const end = () => {
    if (controller.signal.aborted) return;
    signal.removeEventListener('abort', end);
    pending = false;
    controller.abort();
    becomeReady();
    wake({ done: true, value: undefined });
  };
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });

  const next = (): Promise<IteratorResult<void>> => {
    if (controller.signal.aborted) return Promise.resolve({ done: true, value: undefined });
    if (!pending) return new Promise((resolve) => waiting.add(resolve));
    pending = false;
    return Promise.resolve({ done: false, value: undefined });
  };

  return {
    watch: {
      ready,
      // No `return`: leaving a loop must not end the watch (S10), only the signal does.
      [Symbol.asyncIterator]: () => ({ next }),
    },
    ended: controller.signal,
    emit,
    connected() {
      if (controller.signal.aborted) return;
      becomeReady();
      emit();
    },
    end,
  };
}
