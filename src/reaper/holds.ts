/**
 * Asks, for apps that would go, whether their owners hold a live lease on them: one read each, a few at once, so many at most.
 * Invariant: whatever could not be asked or read counts as held; only the sweep's own end rejects.
 */
import { toError } from '../base/errors.ts';
import type { LeaseView } from '../lease/contract.ts';
import type { App } from '../provider/contract.ts';
import { type HoldsQuestion, judgeHold, MAX_HELD_READS, type SeenBeat, type SeenBeats } from './held.ts';

const CONCURRENCY = 8;

/** Where leases on apps are read (wired in app/). */
export interface HoldsSource {
  readHold(appId: string, options: { signal: AbortSignal }): Promise<LeaseView>;
}

export interface Holds {
  readonly ask: HoldsQuestion;
  /** The beats to note for later sweeps. */
  readonly seen: SeenBeats;
}

/** For one sweep; `known` is what earlier ones noted. `onUnread` is told of each read that failed. */
export function createHolds({
  source,
  known,
  onUnread,
}: {
  source: HoldsSource;
  known: SeenBeats;
  onUnread: (error: Error) => void;
}): Holds {
  const seen = new Map<string, SeenBeat>();
  let readsLeft = MAX_HELD_READS;

  return {
    seen,
    async ask(apps, { serverNowMs, signal }) {
      // The oldest come first; those beyond the budget are kept for the next sweep.
      const queue: App[] = apps.slice(0, readsLeft);
      const held = new Set(apps.slice(readsLeft).map((app) => app.id));
      readsLeft -= queue.length;
      const worker = async () => {
        for (let app = queue.shift(); app; app = queue.shift()) {
          const before = known.get(app.id);
          try {
            const view = await source.readHold(app.id, { signal });
            const judged = judgeHold(view, { known: before, serverNowMs });
            if (judged.isHeld) held.add(app.id);
            if (judged.seen) seen.set(app.id, judged.seen);
          } catch (thrown) {
            if (signal.aborted) throw thrown;
            held.add(app.id);
            if (before) seen.set(app.id, before);
            onUnread(toError(thrown));
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(CONCURRENCY, queue.length) }, worker));
      return held;
    },
  };
}
