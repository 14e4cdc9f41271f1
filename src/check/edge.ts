/**
 * One pending "look again", at most: firing never blocks and carries nothing, any number of firings before a wait are one
 * (consul's channel of exactly one). Beside each wait runs a timer, so that a lost edge costs one interval and no more.
 * NOT guaranteed: one wake-up per change; whoever wakes re-reads the whole state.
 */
import { abortReason, type Clock, sleep, throwIfAborted } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Watch } from '../store/contract.ts';

export interface Edge {
  fire(): void;
  /** Resolves on an edge (also one that came before) or after `delayMs`. Rejects with the signal's reason. */
  wait(options: { clock: Clock; delayMs: number; signal: AbortSignal }): Promise<'edge' | 'timer'>;
}

/** A fresh one, with nothing pending. One waiter at a time. */
export function createEdge(): Edge {
  let pending = false;
  let wake: (() => void) | null = null;
  return {
    fire() {
      pending = true;
      wake?.();
    },
    async wait({ clock, delayMs, signal }) {
      throwIfAborted(signal);
      const cause = pending
        ? 'edge'
        : await new Promise<'edge' | 'timer'>((resolve, reject) => {
            const finish = (act: () => void) => {
              timer.cancel();
              signal.removeEventListener('abort', onAbort);
              wake = null;
              act();
            };
            const onAbort = () => finish(() => reject(abortReason(signal)));
            const timer = clock.startTimer(delayMs, () => finish(() => resolve('timer')));
            signal.addEventListener('abort', onAbort, { once: true });
            wake = () => finish(() => resolve('edge'));
          });
      pending = false;
      return cause;
    },
  };
}

export interface SubscribeOptions {
  readonly watch: (options: { signal: AbortSignal }) => Watch;
  readonly edge: Edge;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long to wait for the subscription before reading without it. */
  readonly readyTimeoutMs: number;
  readonly logger: Logger;
  /** For a debug line. */
  readonly what: string;
}

/**
 * Subscribes and waits until the subscription stands. A store that does not answer delays the first reading by `readyTimeoutMs`
 * at most: its edge comes with the connection, and the timer beside each wait does the rest. Rejects with the signal's reason.
 */
export async function subscribe(options: SubscribeOptions): Promise<void> {
  const { edge, clock, signal, logger, what } = options;
  throwIfAborted(signal);
  const report = (error: unknown) =>
    logger.debug(`the watch on ${what} ended (${toError(error).message}); reading on the timer alone`);
  const settled = new AbortController();
  try {
    const watch = options.watch({ signal });
    // Not awaited at the end: it can only fire an edge that nobody waits for any more.
    void forward(watch, edge).catch(report);
    const limit = sleep(clock, options.readyTimeoutMs, AbortSignal.any([signal, settled.signal]));
    await Promise.race([watch.ready, limit]);
  } catch (error) {
    throwIfAborted(signal);
    report(error);
  } finally {
    settled.abort();
  }
}

async function forward(watch: Watch, edge: Edge): Promise<void> {
  for await (const _ of watch) edge.fire();
}
