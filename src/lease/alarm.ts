/**
 * What wakes a waiting acquisition: edges of a watch, somebody's ring, or a delay. Edges are hints; whoever is woken reads
 * (L12). Invariants: a ring between `clear` and `wait` is not lost; `dispose` leaves no watch, timer or listener.
 */
import { abortReason, type Clock, throwIfAborted } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Store } from '../store/contract.ts';

export interface Alarm {
  /** False where the store would only poll for edges: the reconcile timer does that already, and twice would cost twice. */
  readonly hasEdges: boolean;
  /** Resolves when the subscription stands, or cannot be had: then only delays wake. */
  readonly ready: Promise<void>;
  ring(): void;
  /** Forgets earlier rings: call it right before a read. */
  clear(): void;
  /** Resolves with what woke. Rejects with the signal's reason. */
  wait(delayMs: number, signal: AbortSignal): Promise<'rung' | 'timer'>;
  dispose(): void;
}

/** Subscribes at once, where the store pushes. The caller disposes it. */
export function createAlarm(settings: { store: Store; key: string; clock: Clock; logger: Logger }): Alarm {
  const { store, key, clock, logger } = settings;
  const controller = new AbortController();
  let hasRung = false;
  let wake: (() => void) | null = null;

  const ring = () => {
    hasRung = true;
    wake?.();
  };
  const report = (thrown: unknown) => {
    if (controller.signal.aborted) return;
    logger.debug(`watching ${key} failed, waiting goes on by polling: ${toError(thrown).message}`);
  };

  let ready = Promise.resolve();
  const hasEdges = store.capabilities.nativeWatch;
  if (hasEdges) {
    const watch = store.watch(key, { signal: controller.signal });
    const pump = async () => {
      for await (const _ of watch) ring();
    };
    pump().catch(report);
    ready = watch.ready.catch(report);
  }

  return {
    hasEdges,
    ready,
    ring,
    clear() {
      hasRung = false;
    },
    wait(delayMs, signal) {
      throwIfAborted(signal);
      if (hasRung) return Promise.resolve('rung');
      return new Promise((resolve, reject) => {
        const finish = (settle: () => void) => () => {
          wake = null;
          timer.cancel();
          signal.removeEventListener('abort', onAbort);
          settle();
        };
        const onAbort = finish(() => reject(abortReason(signal)));
        const timer = clock.startTimer(
          delayMs,
          finish(() => resolve('timer')),
        );
        wake = finish(() => resolve('rung'));
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
    dispose() {
      controller.abort();
    },
  };
}
