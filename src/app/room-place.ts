/**
 * The place of what was created: a lease on the app while it is used, and how the place is given back.
 * Invariant: nothing here rejects; what was created is never lost to a store that fails afterwards.
 */
import type { Clock } from '../base/clock.ts';
import { createDeadline } from '../base/deadline.ts';
import { toError } from '../base/errors.ts';
import { nullLogger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import type { Lease } from '../lease/contract.ts';
import type { Provider } from '../provider/contract.ts';
import { freePlace } from '../reaper/room.ts';
import { appLeaseKey, holdApp } from './app-lease.ts';
import { ROOM_DEFAULTS, type RoomOptions, type RoomPlace } from './room-contract.ts';
import type { RoomRegister } from './room-register.ts';
import { insist } from './store-patience.ts';

const TIMEOUT_MS = 5000;

/** The place of what was created: a lease on it where its id is known, and how it is given back. */
export async function settleIn<T>(
  value: T,
  parts: {
    provider: Provider;
    options: RoomOptions;
    clock: Clock;
    register: RoomRegister;
    namespace: string;
  },
): Promise<RoomPlace<T>> {
  const { provider, options, clock, register, namespace } = parts;
  const { logger = nullLogger, leaseMs = ROOM_DEFAULTS.leaseMs, holder, manager } = options;
  const limited = async (waitingFor: string, work: (signal: AbortSignal) => Promise<void>) => {
    const budget = createDeadline({ clock, timeoutMs: TIMEOUT_MS, waitingFor });
    try {
      await work(budget.signal);
    } catch (thrown) {
      logger.warn(`${waitingFor} failed: ${plain(toError(thrown).message)}`);
    } finally {
      budget.dispose();
    }
  };
  let lease: Lease | null = null;
  const id = options.idOf?.(value as never);
  if (id !== undefined)
    await limited('the lease on the new app', async (signal) => {
      const key = appLeaseKey(namespace, provider, id);
      // Without it a sweep for room may take the app: a connection that broke a moment ago is no reason to do without.
      lease = await insist({ clock, logger, signal }, () =>
        holdApp(manager, { key, leaseMs, holder, signal }),
      );
    });
  let isGivenBack = false;
  return {
    value,
    lease,
    async giveBack() {
      if (isGivenBack) return;
      isGivenBack = true;
      await limited('giving a place back', async (signal) => {
        await lease?.release({ signal });
        // Nobody waits in an account that was never full; then there is nothing to tell.
        const { record } = await register.read(signal);
        if (record.claims.length === 0) return;
        let isFreed = false;
        await register.update((room) => {
          if (isFreed) return null;
          isFreed = true;
          return freePlace(room);
        }, signal);
      });
    },
  };
}
