/**
 * Leases on live apps: whoever uses an app holds a lease under its id, and a sweep that protects apps in use reads it there.
 * NOT guaranteed: protection from sweeps without `--protect-while-held`, or in another store or namespace.
 */
import type { Clock } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import { retry } from '../base/retry.ts';
import type { HolderInfo, Lease, LeaseManager } from '../lease/contract.ts';
import type { HoldsSource } from '../reaper/holds.ts';
import { createKey } from '../store/key.ts';

/** Whose apps: a provider's account. */
export interface AccountName {
  readonly name: string;
  readonly accountId: string;
}

/** The lease's key of one app. */
export function appLeaseKey(namespace: string, { name, accountId }: AccountName, appId: string): string {
  return createKey(namespace, 'app', `${name}-${accountId}`, appId);
}

/** A read that failed keeps an app; a connection that just broke would keep them all, and the account would look full. */
const READ_ATTEMPTS = 3;
const READ_BACKOFF = Object.freeze({ baseMs: 100, capMs: 1000 });

/** Where a sweep reads who uses an app. */
export function createHoldsSource(
  manager: Pick<LeaseManager, 'read'>,
  { namespace, account, clock }: { namespace: string; account: AccountName; clock: Clock },
): HoldsSource {
  const isRetryable = (error: unknown) => hasCode(error, 'unavailable');
  return {
    readHold: (appId, { signal }) =>
      retry({ clock, attempts: READ_ATTEMPTS, ...READ_BACKOFF, signal, isRetryable }, () =>
        manager.read(appLeaseKey(namespace, account, appId), { signal }),
      ),
  };
}

/**
 * Holds an app; the caller releases the lease when it is done with the app. Null where somebody else holds it: it is protected
 * all the same.
 */
export async function holdApp(
  manager: Pick<LeaseManager, 'tryAcquire'>,
  options: { key: string; leaseMs: number; holder: HolderInfo; signal: AbortSignal },
): Promise<Lease | null> {
  const { key, leaseMs, holder, signal } = options;
  const tried = await manager.tryAcquire(key, { leaseMs, holder, signal });
  return tried.acquired ? tried.lease : null;
}
