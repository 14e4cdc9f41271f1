/**
 * What every holder of a named lock does first, whoever keeps it then (this process, or the lease agent for one that cannot
 * keep time): options into a request, a request into a lease. NOT guaranteed: a lease; busy is a value.
 * Invariant: a request is plain data, so that it can be handed to another process.
 */
import { createDeadline } from '../base/deadline.ts';
import { ConfigError, type ConfigProblem, hasCode, UnavailableError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { OptionName } from '../config/options.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { HolderInfo, Lease } from '../lease/contract.ts';
import { createKey } from '../store/key.ts';
import type { StoreAddress } from '../store/open.ts';
import type { CommandContext } from './contract.ts';
import { createHolder } from './holder.ts';
import { openStoreParts, type Releasers, requireStore } from './wire.ts';

type LockValues = ResolvedOptions<'lock'>['values'];

/** All that obtaining a lock needs. The store's address may carry a credential: never logged, never on a command line. */
export interface LockRequest {
  readonly name: string;
  readonly address: StoreAddress;
  readonly values: Pick<
    LockValues,
    'store' | 'namespace' | 'pollMs' | 'leaseMs' | 'refPrefix' | 'quotaFloor' | 'timeoutMs'
  >;
  readonly whenBusy: 'wait' | 'skip' | 'fail';
  readonly permits: number;
  readonly order: 'any' | 'fifo';
  readonly holder: HolderInfo;
}

export type LockAttempt =
  | { readonly kind: 'held'; readonly lease: Lease; readonly waitedMs: number }
  /** Somebody else has it: at once (`skip`, `fail`), or still when the time was over. */
  | { readonly kind: 'busy'; readonly holder: string; readonly waitedMs: number };

/** The request of these options. ConfigError with every problem, those of the caller (`more`) included. */
export async function createLockRequest(
  context: CommandContext,
  resolved: ResolvedOptions<'lock'>,
  more: readonly ConfigProblem[] = [],
): Promise<LockRequest> {
  const { values } = resolved;
  const problems = [...resolved.problems, ...more];
  const address = requireStore(context, resolved, problems);
  const { name, whenBusy, permits, order } = values;
  if (problems.length > 0 || !address || name === null) throw new ConfigError(problems);
  const { store, namespace, pollMs, leaseMs, refPrefix, quotaFloor, timeoutMs } = values;
  return {
    name,
    address,
    values: { store, namespace, pollMs, leaseMs, refPrefix, quotaFloor, timeoutMs },
    whenBusy,
    permits,
    order,
    holder: await createHolder(context, {
      holder: values.holder ?? undefined,
      jobIndex: values.jobIndex ?? undefined,
      jobId: values.jobId ?? undefined,
    }),
  };
}

/** The key of a named lock. */
export function lockKey(namespace: string, name: string): string {
  return createKey(namespace, 'lock', name);
}

/**
 * Obtains it, within the request's time. The caller releases the lease before it closes `releasers`. Errors: those of the store;
 * UnavailableError also where it never answered in time; ConfigError where contenders disagree about permits; the signal's
 * reason.
 */
export async function attemptLock(
  context: CommandContext,
  request: LockRequest,
  releasers: Releasers,
): Promise<LockAttempt> {
  const { clock, logger, signal } = context;
  const { name, values, whenBusy, permits, order, holder } = request;
  const startedMs = clock.monotonicMs();
  const waitedMs = () => Math.round(clock.monotonicMs() - startedMs);
  const deadline = createDeadline({
    clock,
    timeoutMs: values.timeoutMs,
    waitingFor: `the lock ${plain(name, 80)}`,
    parent: signal,
  });
  let present: string | null = null;
  try {
    const parts = await openStoreParts(context, { address: request.address, values, releasers });
    const key = lockKey(values.namespace, name);
    const options = { leaseMs: parts.leaseMs, holder, permits, order, signal: deadline.signal };
    if (whenBusy !== 'wait') {
      const result = await parts.manager.tryAcquire(key, {
        ...options,
        // One look cannot tell a holder that died from one that works; without this a killed one would keep all of them out.
        observeSuspect: {
          pollMs: parts.pollMs,
          onObserve: (other) =>
            logger.info(
              `${plain(other.text)} holds the lock ${plain(name, 80)} and looks dead; observing it for one lease at most`,
            ),
        },
      });
      return result.acquired
        ? { kind: 'held', lease: result.lease, waitedMs: waitedMs() }
        : { kind: 'busy', holder: plain(result.holder.text), waitedMs: waitedMs() };
    }
    const lease = await parts.manager.acquire(key, {
      ...options,
      pollMs: parts.pollMs,
      onWait(other) {
        present = plain(other.text);
        const page = other.url === undefined ? '' : ` (${plain(other.url, 300)})`;
        logger.info(`waiting for the lock ${plain(name, 80)}, which ${present} holds${page}`);
      },
    });
    // Only a wait that may end without ownership gives none; this one may not.
    if (lease === null) throw new UnavailableError(`the wait for the lock ${plain(name, 80)} ended early`);
    return { kind: 'held', lease, waitedMs: waitedMs() };
  } catch (error) {
    if (!hasCode(error, 'deadline')) throw error;
    if (present !== null) return { kind: 'busy', holder: present, waitedMs: waitedMs() };
    // Nobody was ever seen to hold it, so it was the store that took this long.
    const message = `the store did not answer about the lock ${plain(name, 80)} in time`;
    throw new UnavailableError(message, { cause: error });
  } finally {
    deadline.dispose();
  }
}

/** A problem that showed only when the lock was tried, in the user's own spelling. */
export function respell(error: ConfigError, resolved: ResolvedOptions<'lock'>): ConfigError {
  const names: readonly OptionName<'lock'>[] = ['permits', 'lease'];
  const problems = error.problems.map(({ option, message }) => {
    const known = names.find((name) => name === option);
    return { option: known ? resolved.spellingOf(known) : option, message };
  });
  return new ConfigError(problems, { cause: error });
}
