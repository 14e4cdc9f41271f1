/**
 * The GitHub driver: a chain of commits behind one reference per key, the value in the commit's message on the empty tree.
 * Creating the reference is "must not exist"; moving it fast-forward to a child of the expected commit is compare-and-set.
 * NOT guaranteed: fresh reads (replicas lag), and nothing at all where somebody deletes or forces these references by hand.
 * Invariant: no reference is ever deleted; a holder that comes late would otherwise delete its successor's lock.
 */
import { createBackoff, jitter } from '../../base/backoff.ts';
import { type Clock, sleep, throwIfAborted } from '../../base/clock.ts';
import {
  hasCode,
  type ThrottledError,
  toError,
  UnavailableError,
  UnsupportedError,
} from '../../base/errors.ts';
import { type Logger, nullLogger } from '../../base/logger.ts';
import type { RateView } from '../../github/answers.ts';
import type { GitHubClient } from '../../github/client.ts';
import { createGitData } from '../../github/git-data.ts';
import type { RepositoryName } from '../../github/repository.ts';
import { admitKey, admitValue, isUnderPrefix } from '../admission.ts';
import { type Call, runCall } from '../call.ts';
import type { Store, StoreCapabilities } from '../contract.ts';
import { createEdges, type Edges } from '../edges.ts';
import { createCommitChain } from './github-chain.ts';
import { DEFAULT_REF_PREFIX, keyOf, refOf, refsUnder } from './github-decisions.ts';
import { createRefMover } from './github-move.ts';

export interface GitHubStoreOptions {
  client: GitHubClient;
  repository: RepositoryName;
  clock: Clock;
  /** `refs/lockstep` unless given; `refs/heads/…` is the fallback where a server refuses a namespace of one's own. */
  refPrefix?: string;
  /** How often a watch looks; 15 s unless given. */
  pollMs?: number;
  /** How long one operation may take with its repetitions; 30 s unless given. */
  operationTimeoutMs?: number;
  logger?: Logger;
}

export interface GitHubStore extends Store {
  /** What is left of the hourly budget as the last answer told it; null where nothing told, or there is no limit. */
  remainingQuota(): RateView | null;
}

const CAPABILITIES: StoreCapabilities = Object.freeze({
  linearizableReads: false,
  conditionalDelete: false,
  nativeWatch: false,
  multiKeyTxn: false,
  durable: 'remote',
  minPollMs: 2_000,
});

/** A store in a repository. Whoever creates it closes it; the client stays its owner's. */
export function createGitHubStore(options: GitHubStoreOptions): GitHubStore {
  const { client, repository, clock, logger = nullLogger } = options;
  const { refPrefix = DEFAULT_REF_PREFIX, pollMs = 15_000, operationTimeoutMs = 30_000 } = options;
  const url = `github:${repository.owner}/${repository.repo}`;
  const data = createGitData(client, repository);
  const chain = createCommitChain({ data, clock, url });
  const mover = createRefMover({ data, chain, clock, logger });
  const watches = new Set<Edges>();
  let closed = false;

  const run = <T>(
    what: string,
    signal: AbortSignal | undefined,
    operation: (call: Call) => Promise<T>,
  ): Promise<T> => {
    throwIfAborted(signal);
    if (closed) throw new UnavailableError('the store was closed');
    return runCall({ clock, timeoutMs: operationTimeoutMs, signal, what: `${what} in ${url}` }, operation);
  };

  /** Looks until the watch ends. A failed look is repeated with backoff, and the next good one owes an edge (S10). */
  async function poll(ref: string, edges: Edges): Promise<void> {
    const rested = createBackoff({ baseMs: pollMs, capMs: 8 * pollMs });
    let failing = rested;
    let seen: string | null | undefined;
    while (!edges.ended.aborted) {
      let waitMs = jitter(pollMs, 0.2, clock.random());
      try {
        const head = await data.readRef(ref, { signal: edges.ended });
        if (seen === undefined) edges.connected();
        else if (head !== seen) edges.emit();
        seen = head;
        failing = rested;
      } catch (error) {
        if (edges.ended.aborted) return;
        logger.debug(`${ref} could not be looked at: ${toError(error).message}`);
        seen = undefined;
        const step = failing.next(clock.random());
        failing = step.backoff;
        waitMs += step.delayMs;
        const atMs = hasCode(error, 'throttled') ? (error as ThrottledError).retryAtMs : null;
        if (atMs !== null) waitMs += Math.max(0, atMs - clock.monotonicMs());
      }
      try {
        await sleep(clock, waitMs, edges.ended);
      } catch {
        // Only the end of the watch interrupts the sleep.
        return;
      }
    }
  }

  async function listKeys(prefix: string, signal: AbortSignal): Promise<string[]> {
    const keys = new Set<string>();
    for (const start of refsUnder(refPrefix, prefix)) {
      for (const { ref, sha } of await data.listRefs(start, { signal })) {
        const found = keyOf(refPrefix, ref);
        const key = found === 'long' ? await chain.keyAt(sha, signal) : found?.key;
        if (key && isUnderPrefix(key, prefix)) keys.add(key);
      }
    }
    return [...keys];
  }

  return {
    url,
    capabilities: CAPABILITIES,
    async get(key, options = {}) {
      const ref = refOf(refPrefix, admitKey(key));
      return run(`get ${key}`, options.signal, async ({ signal }) =>
        chain.entryAt(key, await data.readRef(ref, { signal }), signal),
      );
    },
    async compareAndSet(key, expect, value, options = {}) {
      const ref = refOf(refPrefix, admitKey(key));
      admitValue(key, value);
      return run(`compareAndSet ${key}`, options.signal, (call) =>
        mover.compareAndSet({ key, ref, expect, value }, call),
      );
    },
    async delete(key) {
      throw new UnsupportedError(
        `${url} cannot delete ${admitKey(key)}: GitHub deletes references without a condition`,
      );
    },
    async list(prefix, options = {}) {
      return run(`list ${prefix}`, options.signal, ({ signal }) => listKeys(prefix, signal));
    },
    watch(key, { signal }) {
      const edges = createEdges(signal);
      const ref = refOf(refPrefix, admitKey(key));
      if (closed) edges.end();
      if (edges.ended.aborted) return edges.watch;
      watches.add(edges);
      edges.ended.addEventListener('abort', () => watches.delete(edges), { once: true });
      void poll(ref, edges);
      return edges.watch;
    },
    async close() {
      closed = true;
      for (const edges of [...watches]) edges.end();
    },
    remainingQuota: () => client.rate(),
  };
}
