/**
 * Which account a provider's settings stand for: the name of the lease, so that all who share an account share it. Known
 * before the provider is loaded wherever it can be told from the settings alone, so that a skipped sweep loads nothing.
 * Invariant: an account's id is a hash; it never reveals a credential.
 */
import type { Clock } from '../base/clock.ts';
import { hashIdentity } from '../base/identity.ts';
import type { Provider } from './contract.ts';
import { commandAccountId, openProvider, type ProviderSettings } from './open.ts';

export interface ProviderAccount {
  readonly name: string;
  readonly accountId: string;
  /** Loads and opens the provider, which may tell the account's owner who `client` is; whoever calls it closes it. */
  open(client?: string): Promise<Provider>;
  /** Closes a provider that had to be opened to learn its account and that nobody asked for. */
  close(): Promise<void>;
}

/** The lease-relevant identity of Heroku settings: API origin, team or own apps, and credential, or the user's own name. */
export function herokuAccountId(settings: {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly team: string | null;
  readonly account: string | null;
}): string {
  if (settings.account !== null) return hashIdentity(['heroku', 'account', settings.account]);
  const { origin, pathname } = new URL(settings.apiUrl);
  const scope = settings.team === null ? 'own' : `team:${settings.team}`;
  return hashIdentity(['heroku', origin + pathname, scope, settings.apiKey]);
}

/** ConfigError where a folder turns out unfit. A folder is looked at here and now; other providers are not loaded yet. */
export async function locateAccount(
  settings: ProviderSettings,
  options: { clock: Clock },
): Promise<ProviderAccount> {
  const known =
    settings.provider === 'heroku'
      ? herokuAccountId(settings)
      : settings.provider === 'command'
        ? commandAccountId(settings)
        : null;
  if (known !== null) {
    const { provider: name } = settings;
    return {
      name,
      accountId: known,
      open: (client) => openProvider(settings, { ...options, client }),
      close: async () => undefined,
    };
  }
  const provider = await openProvider(settings, options);
  let isHandedOut = false;
  return {
    name: provider.name,
    accountId: provider.accountId,
    async open() {
      isHandedOut = true;
      return provider;
    },
    async close() {
      if (!isHandedOut) await provider.close();
    },
  };
}
