/**
 * Who paces the calls to a provider: this process alone, or all that share its account, through the store. Loaded only when a
 * sweep is due. NOT guaranteed: that others outside lockstep leave anything. `releasers` gives unspent calls back.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Provider } from '../provider/contract.ts';
import type { Store } from '../store/contract.ts';
import { createKey } from '../store/key.ts';
import type { StoreAddress } from '../store/open.ts';
import type { Throttle } from '../throttle/contract.ts';
import type { Releasers } from './wire.ts';

export interface PaceOptions {
  readonly provider: Pick<Provider, 'name' | 'accountId' | 'pace' | 'countRemaining'>;
  /** Calls left for the build itself. */
  readonly reserve: number;
  /** The store to share through; null to pace alone. */
  readonly shared: { readonly store: Store; readonly namespace: string } | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly releasers: Releasers;
}

/** True where sharing costs next to nothing: an engine answers in about a millisecond, and has no budget of its own. */
export function isSharedByDefault({ scheme }: Pick<StoreAddress, 'scheme'>): boolean {
  return scheme !== 'file' && scheme !== 'github';
}

/** The throttle for one account. */
export async function openPace(options: PaceOptions): Promise<Throttle> {
  const { provider, clock, logger, shared, releasers } = options;
  const settings = { ...provider.pace, reserve: options.reserve };
  if (!shared) {
    const { createThrottle } = await import('../throttle/throttle.ts');
    return createThrottle({ clock, settings });
  }
  const { createSharedThrottle } = await import('../throttle/shared-throttle.ts');
  const throttle = createSharedThrottle({
    settings,
    clock,
    logger,
    store: shared.store,
    key: throttleKey(shared.namespace, provider),
    countRemaining: provider.countRemaining?.bind(provider),
  });
  releasers.add(() => throttle.close());
  return throttle;
}

/** Where the processes of one account meet. */
export function throttleKey(namespace: string, provider: Pick<Provider, 'name' | 'accountId'>): string {
  return createKey(namespace, 'throttle', `${provider.name}-${provider.accountId}`);
}
