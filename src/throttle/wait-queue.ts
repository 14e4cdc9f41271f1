/**
 * Those who wait for a slot: first come, first served. Whoever gives up leaves at once.
 * Invariant: each waiter is settled once, and no listener stays on its signal afterwards.
 */
import { abortReason, throwIfAborted } from '../base/clock.ts';

/** Somebody who left the queue with `next`: to be granted, or to be handed on. */
export interface Waiter {
  readonly signal: AbortSignal;
  readonly grant: () => void;
  readonly refuse: (error: Error) => void;
}

export interface WaitQueue {
  readonly length: number;
  /** Resolves when granted. Rejects with the signal's reason. `onChange` is told when somebody comes or gives up. */
  wait(signal: AbortSignal): Promise<void>;
  /** Takes the first one out; null where nobody waits. */
  next(): Waiter | null;
}

export function createWaitQueue(onChange: () => void): WaitQueue {
  const queue: (Waiter & { stopListening(): void })[] = [];
  return {
    get length() {
      return queue.length;
    },
    async wait(signal) {
      throwIfAborted(signal);
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => {
          queue.splice(queue.indexOf(waiter), 1);
          onChange();
          reject(abortReason(signal));
        };
        const stopListening = () => signal.removeEventListener('abort', onAbort);
        const waiter = { signal, grant: resolve, refuse: reject, stopListening };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.push(waiter);
        onChange();
      });
    },
    next() {
      const waiter = queue.shift() ?? null;
      waiter?.stopListening();
      return waiter;
    },
  };
}
