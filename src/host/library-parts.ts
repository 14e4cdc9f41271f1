/**
 * Store, lease and throttle as functions, with this machine's clock and this process's environment where the caller gives
 * none. NOT guaranteed: anything the parts themselves do not; each says so in its own contract.
 * Invariant: a lease obtained here and `lockstep lock NAME` in the same store and namespace exclude each other.
 */
import { createHolder } from '../app/holder.ts';
import { openGitHub } from '../app/wire.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { createDeadline } from '../base/deadline.ts';
import { ConfigError, invariant } from '../base/errors.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import type { AcquireOptions, Evidence, Lease, LeaseManager } from '../lease/contract.ts';
import { createLeaseManager as createManager } from '../lease/manager.ts';
import type { Store } from '../store/contract.ts';
import { createKey } from '../store/key.ts';
import { openStore as openAddress, parseStoreUrl } from '../store/open.ts';
import type { Throttle, ThrottleSettings } from '../throttle/contract.ts';
import { createThrottle as createOwnThrottle } from '../throttle/throttle.ts';
import type { CallOptions } from './library.ts';
import { createProcessContext } from './process-context.ts';

const DEFAULT_POLL_MS = 5000;
const DEFAULT_LEASE_MS = 60_000;

/**
 * Opens the store of a URL as the option `store` takes it: `file:`, `file:PATH`, `github:OWNER/REPO`, `redis://…`,
 * `postgres://…`, `etcd://…`. The caller closes it. ConfigError for a URL that is none; AuthError for GitHub without a token.
 *
 * @example
 * const store = await openStore('file:./state');
 */
export async function openStore(
  url: string,
  options: CallOptions & {
    /** The reconcile interval; what fits the store unless given. */
    readonly pollMs?: number | undefined;
    /** GitHub store: references begin with this; `refs/lockstep` unless given. */
    readonly refPrefix?: string | undefined;
  } = {},
): Promise<Store> {
  const context = contextOf(options);
  const address = parseStoreUrl(url, context);
  if (!address.ok) throw new ConfigError([{ option: 'store', message: address.problem }]);
  const client = address.value.scheme === 'github' ? await openGitHub(context) : null;
  return await openAddress(address.value, {
    clock: context.clock,
    pollMs: options.pollMs ?? address.value.defaults.pollMs,
    ...(client ? { github: { client, refPrefix: options.refPrefix } } : {}),
  });
}

/** A lease manager over a store. The caller closes it, before the store. */
export function createLeaseManager(settings: {
  readonly store: Store;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  /** Asked about holders that are waited for; only ever shortens a wait. */
  readonly evidence?: Evidence | undefined;
  readonly pollMs?: number | undefined;
}): LeaseManager {
  const { store, clock = systemClock, logger = nullLogger, evidence, pollMs = DEFAULT_POLL_MS } = settings;
  return createManager({ store, clock, logger, pollMs, ...(evidence ? { evidence } : {}) });
}

export interface LeaseOptions extends CallOptions {
  readonly store: Store;
  /** What is owned; as in `lockstep lock NAME`. */
  readonly name: string;
  /** `default` unless given. */
  readonly namespace?: string | undefined;
  /** How long a holder that stopped renewing is respected: 1 s to 1 h; 60 s unless given. */
  readonly leaseMs?: number | undefined;
  /** How long to wait for it; for ever unless given. */
  readonly timeoutMs?: number | undefined;
  /** The reconcile interval while waiting. */
  readonly pollMs?: number | undefined;
  /** The name others see; run and job on a runner, user@host:pid elsewhere unless given. */
  readonly holder?: string | undefined;
  readonly permits?: AcquireOptions['permits'];
  readonly order?: AcquireOptions['order'];
}

/**
 * Obtains a lease and keeps it renewed until it is released, which is the caller's to do (`await using` works, too). Look at
 * `lease.signal`, and call `lease.assertHeld()` right before each effect. Rejects with DeadlineError after `timeoutMs`, with
 * the signal's reason, or as the store does.
 *
 * @example
 * const lease = await createLease({ store, name: 'deploy', timeoutMs: 60_000 });
 * try {
 *   lease.assertHeld();
 * } finally {
 *   await lease.release();
 * }
 */
export async function createLease(options: LeaseOptions): Promise<Lease> {
  const { store, name, namespace = 'default', pollMs = DEFAULT_POLL_MS, permits, order } = options;
  if (name === '') throw new ConfigError([{ option: 'name', message: 'is required' }]);
  const context = contextOf(options);
  const { clock, logger } = context;
  const manager = createLeaseManager({ store, clock, logger, pollMs });
  const timeoutMs = options.timeoutMs ?? Number.POSITIVE_INFINITY;
  const deadline = createDeadline({
    clock,
    timeoutMs,
    waitingFor: `the lease ${name}`,
    parent: context.signal,
  });
  try {
    const lease = await manager.acquire(createKey(namespace, 'lock', name), {
      leaseMs: options.leaseMs ?? DEFAULT_LEASE_MS,
      holder: await createHolder(context, { holder: options.holder }),
      signal: deadline.signal,
      pollMs,
      ...(permits === undefined ? {} : { permits }),
      ...(order === undefined ? {} : { order }),
    });
    invariant(lease, 'an acquisition without isDone ends with a lease');
    return withManager(lease, manager);
  } catch (thrown) {
    await manager.close();
    throw thrown;
  } finally {
    deadline.dispose();
  }
}

/** Paces calls to one provider's API within this process. Owns nothing that must be disposed. */
export function createThrottle(options: {
  readonly settings: ThrottleSettings;
  readonly clock?: Clock | undefined;
}): Throttle {
  return createOwnThrottle({ settings: options.settings, clock: options.clock ?? systemClock });
}

/** The lease, which takes its manager with it when it goes. */
function withManager(lease: Lease, manager: LeaseManager): Lease {
  const release: Lease['release'] = async (options) => {
    try {
      return await lease.release(options);
    } finally {
      await manager.close();
    }
  };
  return {
    key: lease.key,
    token: lease.token,
    nonce: lease.nonce,
    signal: lease.signal,
    get view() {
      return lease.view;
    },
    validForMs: () => lease.validForMs(),
    assertHeld: () => lease.assertHeld(),
    renew: () => lease.renew(),
    release,
    async [Symbol.asyncDispose]() {
      await release();
    },
  };
}

function contextOf(options: CallOptions) {
  return createProcessContext({
    ...options,
    logger: options.logger ?? nullLogger,
    signal: options.signal ?? new AbortController().signal,
  });
}
