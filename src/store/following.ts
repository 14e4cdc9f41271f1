/**
 * The watches of a store whose engine pushes changes over a connection: one subscription per key however many watch it, an
 * edge at each (re)subscription, and a poll beside it that finds what was never told (a dead connection looks like a quiet
 * one). NOT guaranteed: one edge per change.
 * Invariant: errors end no watch; a watch without a subscription lives on its poll. Nothing is left after `close`.
 */
import { createBackoff, jitter } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { withTimeout } from '../base/deadline.ts';
import type { Revision, Watch } from './contract.ts';
import { createEdges, type Edges } from './edges.ts';

/** A standing subscription of one key. */
export interface Subscription {
  /** Resolves when it has ended by itself. */
  readonly lost: Promise<void>;
  /** Ends it; `isSuspect`: a change went untold, so what it stands on seems dead. */
  end(about: { isSuspect: boolean }): void;
}

export interface FollowingSettings {
  clock: Clock;
  /** How often the poll looks. */
  pollMs: number;
  /** How long one attempt to subscribe may take. */
  timeoutMs: number;
  /** Resolves when the engine has confirmed it; `onChange` may be called from then on. */
  subscribe(key: string, onChange: () => void, signal: AbortSignal): Promise<Subscription>;
  /** The revision as it is now. */
  look(key: string, signal: AbortSignal): Promise<Revision | null>;
}

export interface Following {
  watch(key: string, options: { signal: AbortSignal }): Watch;
  close(): void;
}

const RETRY_BASE_MS = 50;
const RETRY_CAP_MS = 5000;

/** Follows nothing until the first watch. The store closes it. */
export function createFollowing(settings: FollowingSettings): Following {
  const followed = new Map<string, Follower>();
  let isClosed = false;
  return {
    watch(key, { signal }) {
      const edges = createEdges(signal);
      if (isClosed) edges.end();
      if (edges.ended.aborted) return edges.watch;
      const follower = followed.get(key) ?? startFollower(key, settings);
      followed.set(key, follower);
      follower.join(edges);
      edges.ended.addEventListener('abort', () => {
        if (follower.leave(edges) === 0 && followed.get(key) === follower) followed.delete(key);
      });
      return edges.watch;
    },
    close() {
      isClosed = true;
      for (const follower of [...followed.values()]) follower.end();
    },
  };
}

interface Follower {
  join(edges: Edges): void;
  /** Returns how many are left; the last one stops it. */
  leave(edges: Edges): number;
  end(): void;
}

function startFollower(key: string, settings: FollowingSettings): Follower {
  const { clock, pollMs, timeoutMs } = settings;
  const ending = new AbortController();
  const { signal } = ending;
  const ended = new Promise<'ended'>((resolve) => {
    signal.addEventListener('abort', () => resolve('ended'), { once: true });
  });
  const members = new Set<Edges>();
  const rested = createBackoff({ baseMs: RETRY_BASE_MS, capMs: RETRY_CAP_MS });
  let isConnected = false;
  let toldSinceLook = false;
  let seen: Revision | null | undefined;
  let doubt: (() => void) | null = null;

  const connected = () => {
    isConnected = true;
    for (const edges of members) edges.connected();
  };
  const onChange = () => {
    toldSinceLook = true;
    for (const edges of members) edges.emit();
  };

  /** Looks once; a change that nobody told casts doubt on the subscription. */
  const look = async () => {
    const revision = await settings.look(key, signal);
    const isNews = seen !== undefined && revision !== seen;
    const wasTold = toldSinceLook;
    const isFirst = seen === undefined;
    seen = revision;
    toldSinceLook = false;
    if (!isConnected) return connected();
    if (isNews || isFirst) for (const edges of members) edges.emit();
    if (isNews && !wasTold) doubt?.();
  };

  const subscribeOnce = async () => {
    let attempt: Promise<Subscription> | null = null;
    const options = { clock, timeoutMs, waitingFor: `the subscription of ${key}`, parent: signal };
    try {
      return await withTimeout(options, (limited) => {
        attempt = settings.subscribe(key, onChange, limited);
        return attempt;
      });
    } catch (error) {
      // One that comes late is not wanted any more.
      void (attempt as Promise<Subscription> | null)?.then(
        (late) => late.end({ isSuspect: false }),
        () => undefined,
      );
      throw error;
    }
  };

  const subscribe = async () => {
    let backoff = rested;
    while (!signal.aborted) {
      try {
        const subscription = await subscribeOnce();
        const sinceMs = clock.monotonicMs();
        connected();
        const suspected = new Promise<'suspect'>((resolve) => {
          doubt = () => resolve('suspect');
        });
        const end = await Promise.race([subscription.lost, suspected, ended]);
        doubt = null;
        subscription.end({ isSuspect: end === 'suspect' });
        // One that is lost again and again as soon as it stands is no reason to hurry.
        if (clock.monotonicMs() - sinceMs >= RETRY_CAP_MS) backoff = rested;
      } catch {
        if (signal.aborted) return;
        // Without a subscription the poll alone must do; whether it can is known at once. Its error is the calls' to report.
        await look().catch(() => undefined);
      }
      const step = backoff.next(clock.random());
      backoff = step.backoff;
      // Only the end interrupts the sleep.
      await sleep(clock, step.delayMs, signal).catch(() => undefined);
    }
  };

  const poll = async () => {
    while (!signal.aborted) {
      await sleep(clock, jitter(pollMs, 0.1, clock.random()), signal).catch(() => undefined);
      // A look that failed tells nothing; the next one compares with the same revision.
      if (!signal.aborted) await look().catch(() => undefined);
    }
  };

  void subscribe();
  void poll();
  return {
    join(edges) {
      members.add(edges);
      if (isConnected) edges.connected();
    },
    leave(edges) {
      members.delete(edges);
      if (members.size === 0) ending.abort();
      return members.size;
    },
    end() {
      for (const edges of [...members]) edges.end();
    },
  };
}
