/**
 * SIGINT and SIGTERM as a cancellation: the first one aborts, the command winds down (a partial report, the lease given
 * back); a second one, or 7 s, ends the process at once. The runner gives 7.5 s between SIGINT and SIGTERM.
 */
import type { Clock } from '../base/clock.ts';
import { CancelledError } from '../base/errors.ts';

export interface Interruption {
  readonly signal: AbortSignal;
  /** The signal that came, or null. */
  received(): 'SIGINT' | 'SIGTERM' | null;
  /**
   * From now on each signal goes to the listener and nothing ends this process by itself; the first one still aborts. Call the
   * result to hand back: if a signal came, the 7 s begin then.
   */
  takeOver(listener: (signalName: 'SIGINT' | 'SIGTERM') => void): () => void;
  /** Stops listening; the defaults are back. */
  dispose(): void;
}

const GRACE_MS = 7_000;

/** Listens on this process. `onExpired` is called when winding down took too long or a second signal came. */
export function listenForInterruption(options: {
  clock: Clock;
  process: Pick<NodeJS.Process, 'on' | 'off'>;
  onExpired: (signalName: 'SIGINT' | 'SIGTERM') => void;
}): Interruption {
  const controller = new AbortController();
  let received: 'SIGINT' | 'SIGTERM' | null = null;
  let timer: { cancel(): void } | null = null;
  let taker: ((signalName: 'SIGINT' | 'SIGTERM') => void) | null = null;
  const startGrace = (signalName: 'SIGINT' | 'SIGTERM') => {
    timer = options.clock.startTimer(GRACE_MS, () => options.onExpired(signalName), { background: true });
  };
  const handle = (signalName: 'SIGINT' | 'SIGTERM') => {
    const isFirst = received === null;
    received ??= signalName;
    if (isFirst) controller.abort(new CancelledError(`interrupted by ${signalName}`, { signalName }));
    if (taker) return taker(signalName);
    if (!isFirst) return options.onExpired(received);
    startGrace(signalName);
  };
  const onInterrupt = () => handle('SIGINT');
  const onTerminate = () => handle('SIGTERM');
  options.process.on('SIGINT', onInterrupt);
  options.process.on('SIGTERM', onTerminate);
  return {
    signal: controller.signal,
    received: () => received,
    takeOver(listener) {
      taker = listener;
      timer?.cancel();
      return () => {
        if (taker !== listener) return;
        taker = null;
        if (received !== null) startGrace(received);
      };
    },
    dispose() {
      timer?.cancel();
      options.process.off('SIGINT', onInterrupt);
      options.process.off('SIGTERM', onTerminate);
    },
  };
}
