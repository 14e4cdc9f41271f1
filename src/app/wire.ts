/**
 * The composition root: the one place that builds stores, lease managers, throttles and providers for a command.
 * Invariant: whatever is opened here is closed by `close`, last opened first, also after an error.
 */
import { type ConfigProblem, toError } from '../base/errors.ts';
import type { OptionValues } from '../config/options.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepository } from '../github/repository.ts';
import type { Evidence, LeaseManager } from '../lease/contract.ts';
import { createLazyLeaseManager } from '../lease/lazy-manager.ts';
import { type MeteredStore, meterStore } from '../store/metered.ts';
import { openStore, parseStoreUrl, type StoreAddress } from '../store/open.ts';
import { parseRefPrefix } from '../store/ref-prefix.ts';
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
  resolved: {
    readonly values: Pick<CommonValues, 'store' | 'refPrefix'>;
    spellingOf(name: 'store' | 'refPrefix'): string;
  },
): StoreChoice {
  const { env, cwd, isRunner } = context;
  const given = resolved.values.store;
  const repository = env['GITHUB_REPOSITORY'];
  if (given === null && isRunner && (!env['GITHUB_TOKEN'] || !repository)) return { kind: 'no-store' };
  const url = given ?? (isRunner ? `github:${repository}` : 'file:');
  const parsed = parseStoreUrl(url, { env, cwd });
  const refused = (option: 'store' | 'refPrefix', message: string): StoreChoice => ({
    kind: 'problem',
    problem: { option: resolved.spellingOf(option), message },
  });
  if (!parsed.ok) return refused('store', parsed.problem);
  const prefix = parseRefPrefix(resolved.values.refPrefix);
  if (parsed.value.scheme === 'github' && !prefix.ok) return refused('refPrefix', prefix.problem);
  return { kind: 'store', address: parsed.value };
}

/** The store for a command that cannot do without one; otherwise null, and `problems` says why. */
export function requireStore(
  context: CommandContext,
  resolved: Parameters<typeof chooseStore>[1],
  problems: ConfigProblem[],
): StoreAddress | null {
  const choice = chooseStore(context, resolved);
  if (choice.kind === 'store') return choice.address;
  const message =
    'is required on this runner: without a token there is no GitHub store, and a file store would coordinate nobody';
  problems.push(
    choice.kind === 'problem' ? choice.problem : { option: resolved.spellingOf('store'), message },
  );
  return null;
}

/** A store with a lease manager over it. */
export interface StoreParts {
  readonly store: MeteredStore;
  readonly manager: LeaseManager;
  readonly pollMs: number;
  readonly leaseMs: number;
  /** The client of a GitHub store; null elsewhere. */
  readonly github: GitHubClient | null;
  /** What the store has cost so far: requests to GitHub, evidence included; calls elsewhere. */
  requests(): number;
}

/** Opens the store; `releasers` closes it, after the manager. */
export async function openStoreParts(
  context: CommandContext,
  options: { address: StoreAddress; values: CommonValues; releasers: Releasers },
): Promise<StoreParts> {
  const { clock, logger } = context;
  const { address, values, releasers } = options;
  const pollMs = values.pollMs ?? address.defaults.pollMs;
  const client = address.scheme === 'github' ? await openGitHub(context) : null;
  const github = client ? { client, refPrefix: values.refPrefix } : undefined;
  const store = meterStore(await openStore(address, { clock, pollMs, github }));
  releasers.add(() => store.close());
  const evidence = createEvidence(context, { address, client });
  const manager = createLazyLeaseManager({ store, clock, logger, pollMs, ...(evidence ? { evidence } : {}) });
  releasers.add(() => manager.close());
  return {
    store,
    manager,
    pollMs,
    leaseMs: values.leaseMs ?? address.defaults.leaseMs,
    github: client,
    requests: () => (client ? client.counts.sent : store.requests),
  };
}

/**
 * Evidence about holders that are jobs of GitHub, wherever the store is. Null where nobody could be asked; nothing is loaded
 * or sent before somebody is waited for.
 */
function createEvidence(
  context: CommandContext,
  { address, client }: { address: StoreAddress; client: GitHubClient | null },
): Evidence | null {
  const { env, clock, logger, isRunner } = context;
  const parsed = parseRepository(client ? address.location : (env['GITHUB_REPOSITORY'] ?? ''));
  if (!parsed.ok || (!client && !(isRunner && env['GITHUB_TOKEN']))) return null;
  const load = async (): Promise<Evidence> => {
    const { createGitHubEvidence } = await import('../evidence/github-runs.ts');
    const used = client ?? (await openGitHub(context));
    if (!used) return { isDead: async () => false };
    const serverUrl = env['GITHUB_SERVER_URL'] ?? null;
    return createGitHubEvidence({ client: used, repository: parsed.value, clock, serverUrl, logger });
  };
  let loaded: Promise<Evidence> | null = null;
  return {
    async isDead(holder, options) {
      loaded ??= load();
      return (await loaded).isDead(holder, options);
    },
  };
}

/** The client for the API of where we are; null without a token. One per command. */
export async function openGitHub({ env, clock, logger }: CommandContext): Promise<GitHubClient | null> {
  const token = env['GITHUB_TOKEN'];
  if (!token) return null;
  const { createGitHubClient } = await import('../github/client.ts');
  const graphqlUrl = env['GITHUB_GRAPHQL_URL'];
  return createGitHubClient({
    apiUrl: env['GITHUB_API_URL'] || 'https://api.github.com',
    ...(graphqlUrl ? { graphqlUrl } : {}),
    token,
    userAgent: 'lockstep',
    clock,
    logger,
  });
}
