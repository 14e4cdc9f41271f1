/**
 * The composition root: the one place that builds stores, lease managers, throttles and providers for a command.
 * Invariant: whatever is opened here is closed by `close`, last opened first, also after an error.
 */
import { type ConfigProblem, toError } from '../base/errors.ts';
import type { OptionValues } from '../config/options.ts';
import type { LeaseManager } from '../lease/contract.ts';
import { createLeaseManager } from '../lease/manager.ts';
import { type MeteredStore, meterStore } from '../store/metered.ts';
import { openStore, parseStoreUrl, type StoreAddress } from '../store/open.ts';
import type { CommandContext } from './contract.ts';

/** Things that must be closed, last opened first; the first error is kept. */
export interface Releasers {
  add(release: () => Promise<void>): void;
  close(): Promise<void>;
}

export function createReleasers(): Releasers {
  const releases: (() => Promise<void>)[] = [];
  return {
    add: (release) => void releases.push(release),
    async close() {
      const errors: Error[] = [];
      for (let release = releases.pop(); release; release = releases.pop()) {
        await release().catch((error: unknown) => errors.push(toError(error)));
      }
      if (errors[0]) throw errors[0];
    },
  };
}

type CommonValues = Pick<
  OptionValues<'status'>,
  'store' | 'namespace' | 'pollMs' | 'leaseMs' | 'refPrefix' | 'quotaFloor'
>;

/** Where the parties meet, decided before anything is opened. */
export type StoreChoice =
  | { readonly kind: 'store'; readonly address: StoreAddress }
  /** On a runner without a token: a file store there would silently coordinate nobody. */
  | { readonly kind: 'no-store' }
  | { readonly kind: 'problem'; readonly problem: ConfigProblem };

/** The store the user named, or the default of where we are. */
export function chooseStore(
  context: CommandContext,
  resolved: { readonly values: Pick<CommonValues, 'store'>; spellingOf(name: 'store'): string },
): StoreChoice {
  const { env, cwd, isRunner } = context;
  const given = resolved.values.store;
  const repository = env['GITHUB_REPOSITORY'];
  if (given === null && isRunner && (!env['GITHUB_TOKEN'] || !repository)) return { kind: 'no-store' };
  const url = given ?? (isRunner ? `github:${repository}` : 'file:');
  const parsed = parseStoreUrl(url, { env, cwd });
  if (parsed.ok) return { kind: 'store', address: parsed.value };
  return { kind: 'problem', problem: { option: resolved.spellingOf('store'), message: parsed.problem } };
}

/** Defaults that depend on the store: a store that is dear to ask is asked rarely. */
const DEFAULTS = {
  file: { pollMs: 1000, leaseMs: 60_000 },
  engine: { pollMs: 5000, leaseMs: 60_000 },
  github: { pollMs: 15_000, leaseMs: 600_000 },
} as const;

function kindOf({ scheme }: StoreAddress): keyof typeof DEFAULTS {
  return scheme === 'file' || scheme === 'github' ? scheme : 'engine';
}

/** A store with a lease manager over it. */
export interface StoreParts {
  readonly store: MeteredStore;
  readonly manager: LeaseManager;
  readonly pollMs: number;
  readonly leaseMs: number;
}

/** Opens the store; `releasers` closes it, after the manager. */
export async function openStoreParts(
  context: CommandContext,
  options: { address: StoreAddress; values: CommonValues; releasers: Releasers },
): Promise<StoreParts> {
  const { clock, logger } = context;
  const { address, values, releasers } = options;
  const pollMs = values.pollMs ?? DEFAULTS[kindOf(address)].pollMs;
  const store = meterStore(await openStore(address, { clock, pollMs }));
  releasers.add(() => store.close());
  const manager = createLeaseManager({ store, clock, logger, pollMs });
  releasers.add(() => manager.close());
  return { store, manager, pollMs, leaseMs: values.leaseMs ?? DEFAULTS[kindOf(address)].leaseMs };
}
