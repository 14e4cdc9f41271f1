/**
 * Snapshots in the cache of GitHub Actions. The client is loaded at the first call, in a thread of its own that ends with the
 * call or with our deadline, whichever comes first. NOT guaranteed: that what was written can be read; see contract.ts.
 * Invariant: no call rejects and none outlasts its deadline; a cache that is absent, read-only, throttled or broken only costs
 * requests elsewhere.
 */
import { Worker } from 'node:worker_threads';
import { type Clock, throwIfAborted } from '../base/clock.ts';
import { withTimeout } from '../base/deadline.ts';
import { toError, UnavailableError } from '../base/errors.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import type { CacheOrder, CacheReply } from './cache-call.ts';
import type { SnapshotStore } from './contract.ts';
import { formatSnapshotKey, parseSnapshotKey, snapshotPrefixes } from './key.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface CacheSnapshotOptions {
  clock: Clock;
  /** The host's environment; only what the client needs of it is handed on. */
  env: Environment;
  logger?: Logger;
  /** For a look-up; 5 s unless given. */
  readTimeoutMs?: number;
  /** For a save; 10 s unless given. */
  writeTimeoutMs?: number;
}

/** True inside a step that an Action runs: only there the runner gives the cache's address and token, never in `run:` steps. */
export function hasCacheService(env: Environment): boolean {
  return Boolean(env['ACTIONS_RESULTS_URL'] && env['ACTIONS_RUNTIME_TOKEN']);
}

/** A store of snapshots. It owns nothing between calls. */
export function createCacheSnapshot(options: CacheSnapshotOptions): SnapshotStore {
  const { clock, logger = nullLogger, readTimeoutMs = 5000, writeTimeoutMs = 10_000 } = options;
  const env = clientEnvironment(options.env);

  async function call(order: CacheOrder, timeoutMs: number, parent?: AbortSignal): Promise<string | null> {
    const what = order.kind === 'save' ? 'the cache did not take the snapshot' : 'the cache told nothing';
    try {
      const reply = await withTimeout(
        { clock, timeoutMs, waitingFor: 'the cache', ...(parent ? { parent } : {}) },
        (signal) => runInThread(order, env, signal),
      );
      if (reply.kind === 'done') return reply.key;
      logger.debug(`${what}: ${reply.detail}`);
    } catch (thrown) {
      logger.debug(`${what}: ${toError(thrown).message}`);
    }
    return null;
  }

  return {
    async read(subject, { signal }) {
      const keys = snapshotPrefixes(subject, clock.wallMs());
      if (keys.length === 0) return null;
      const key = await call({ kind: 'look-up', keys }, readTimeoutMs, signal);
      return key === null ? null : parseSnapshotKey(subject, key);
    },
    async write(subject, snapshot) {
      const key = formatSnapshotKey(subject, snapshot);
      return key !== null && (await call({ kind: 'save', keys: [key] }, writeTimeoutMs)) !== null;
    },
  };
}

const NEEDED =
  /^(ACTIONS_(RESULTS_URL|CACHE_URL|RUNTIME_TOKEN|CACHE_SERVICE_V2|CACHE_MODE|ORCHESTRATION_ID)|RUNNER_(TEMP|OS|ARCH)|GITHUB_(SERVER_URL|WORKSPACE|REPOSITORY|RUN_ID)|(HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|SEGMENT_DOWNLOAD_TIMEOUT_MINS|PATH|HOME|USERPROFILE|SYSTEMROOT|TEMP|TMP|TMPDIR)$/i;

/** What the client is given of the host's environment. Not the tokens of the API or of a provider: it has no use for them. */
export function clientEnvironment(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => NEEDED.test(name)));
}

/** Starts the thread and ends it, whatever happens. Rejects with the signal's reason, or where the thread broke. */
async function runInThread(order: CacheOrder, env: Environment, signal: AbortSignal): Promise<CacheReply> {
  throwIfAborted(signal);
  // Built files end in .js, sources in .ts.
  const file = import.meta.url.endsWith('.ts') ? './cache-worker.ts' : './cache-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: order,
    env,
    // The client prints warnings that would become annotations of every job, and debug lines with its address.
    stdout: true,
    stderr: true,
  });
  worker.stdout.resume();
  worker.stderr.resume();
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<CacheReply>((resolve, reject) => {
      worker.once('message', (reply: CacheReply) => resolve(reply));
      worker.once('error', reject);
      worker.once('exit', () => reject(new UnavailableError('the cache client ended without an answer')));
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}
