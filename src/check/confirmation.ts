/**
 * After the store was away: what is known of the upstreams in it is older than its absence, or only says that it was away. So
 * they are asked once more before anything is written. Bounded: whoever has no answer in time counts with what was known.
 * NOT guaranteed: that the store is still there when the write is sent.
 */
import type { Clock } from '../base/clock.ts';
import { createEdge, type Edge } from './edge.ts';

/** Longer than a question to a store that is there; shorter than anybody would notice. */
const LIMIT_MS = 1000;

export interface Confirmation {
  /** Wakes the follower of an upstream. */
  edgeOf(at: number): Edge;
  /** Asks those of the store again; from now on there may be something to wait for. */
  demand(): void;
  /** An upstream answered. True where it was the last one that was waited for. */
  answered(at: number): boolean;
  /** How long to hold a write back; 0 where nothing is waited for any more. */
  holdMs(): number;
}

/** For so many upstreams; `isLocal` says which of them are in the store. */
export function createConfirmation(isLocal: readonly boolean[], clock: Clock): Confirmation {
  const edges = isLocal.map(createEdge);
  const awaited = new Set<number>();
  let untilMs = 0;
  return {
    edgeOf: (at) => edges[at] as Edge,
    demand() {
      untilMs = clock.monotonicMs() + LIMIT_MS;
      for (const [at, edge] of edges.entries()) {
        if (!isLocal[at]) continue;
        awaited.add(at);
        edge.fire();
      }
    },
    answered: (at) => awaited.delete(at) && awaited.size === 0,
    holdMs() {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0) awaited.clear();
      return awaited.size > 0 ? leftMs : 0;
    },
  };
}
