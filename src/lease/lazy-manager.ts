/**
 * A lease manager that is loaded with its first use for ownership: a job that only reads a record, to learn a fresh result,
 * does not pay for the protocol. In all else it is the manager it loads.
 */
import type { LeaseManager } from './contract.ts';
import type { LeaseManagerSettings } from './manager.ts';
import { createLeaseRegister } from './register.ts';

/** The manager's own limit for a read. */
const READ_TIMEOUT_MS = 15_000;

/** The caller closes it before the store. */
export function createLazyLeaseManager(settings: LeaseManagerSettings): LeaseManager {
  const { store, clock } = settings;
  let loading: Promise<LeaseManager> | null = null;
  const load = () => {
    loading ??= import('./manager.ts').then(({ createLeaseManager }) => createLeaseManager(settings));
    return loading;
  };
  return {
    read: (key, { signal } = {}) =>
      createLeaseRegister({ store, clock, key }).read({ timeoutMs: READ_TIMEOUT_MS, signal }),
    tryAcquire: async (key, options) => (await load()).tryAcquire(key, options),
    acquire: async (key, options) => (await load()).acquire(key, options),
    forceRelease: async (key, options) => (await load()).forceRelease(key, options),
    async close() {
      if (loading) await (await loading).close();
    },
  };
}
