/**
 * The queue inside one process (L15): at most as many acquisitions of a key go on or hold at once as it has permits, the
 * others wait in line without asking the store. It decides nothing about other processes.
 * Invariant: every place that was given is left exactly once; leaving twice does nothing.
 */
import { abortReason, throwIfAborted } from '../base/clock.ts';

export interface Place {
  leave(): void;
}

export interface PlaceQueue {
  /** First come, first served. Rejects with the signal's reason. */
  enter(key: string, options: { permits: number; signal: AbortSignal }): Promise<Place>;
  /** Null where all places are taken or somebody is in line. */
  tryEnter(key: string, permits: number): Place | null;
}

interface Line {
  taken: number;
  waiting: { permits: number; admit: () => void }[];
}

/** An empty queue; holds no timers. */
export function createPlaceQueue(): PlaceQueue {
  const lines = new Map<string, Line>();

  const admitNext = (key: string, line: Line) => {
    const [first] = line.waiting;
    if (first && line.taken < first.permits) {
      line.waiting.shift();
      first.admit();
      admitNext(key, line);
    } else if (!first && line.taken === 0) {
      lines.delete(key);
    }
  };
  const take = (key: string, line: Line): Place => {
    line.taken += 1;
    let hasLeft = false;
    return {
      leave() {
        if (hasLeft) return;
        hasLeft = true;
        line.taken -= 1;
        admitNext(key, line);
      },
    };
  };
  const tryEnter = (key: string, permits: number): Place | null => {
    const line = lines.get(key) ?? { taken: 0, waiting: [] };
    if (line.waiting.length > 0 || line.taken >= permits) return null;
    lines.set(key, line);
    return take(key, line);
  };

  return {
    tryEnter,
    async enter(key, { permits, signal }) {
      throwIfAborted(signal);
      const place = tryEnter(key, permits);
      if (place) return place;
      const line = lines.get(key) as Line;
      return new Promise<Place>((resolve, reject) => {
        const waiter = {
          permits,
          admit() {
            signal.removeEventListener('abort', onAbort);
            resolve(take(key, line));
          },
        };
        const onAbort = () => {
          line.waiting.splice(line.waiting.indexOf(waiter), 1);
          reject(abortReason(signal));
          // The one behind may want a permit count that fits already.
          admitNext(key, line);
        };
        line.waiting.push(waiter);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}
