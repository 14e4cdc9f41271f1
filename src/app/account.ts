/**
 * An account of a provider, as the user's own tests use it: calls that share its rate limit with every other process, and room
 * for one more app. Everything is opened here and closed by `close`, last opened first.
 * NOT guaranteed: anything the parts do not; see throttle/shared-throttle.ts and room.ts.
 */

import { type Parsed, parseDuration } from '../base/duration.ts';
import { ConfigError, type ConfigProblem } from '../base/errors.ts';
import { locateAccount } from '../provider/account.ts';
import type { Provider } from '../provider/contract.ts';
import { type ProviderValues, parseProviderSettings } from '../provider/open.ts';
import type { ReapSettings } from '../reaper/contract.ts';
import { parsePattern } from '../reaper/pattern.ts';
import { parseProtect } from '../reaper/protect.ts';
import { parseStoreUrl } from '../store/open.ts';
import type { Throttle } from '../throttle/contract.ts';
import { throttledFetch } from '../throttle/throttled-fetch.ts';
import type { CommandContext } from './contract.ts';
import { createHolder } from './holder.ts';
import { openPace } from './pace.ts';
import { withRoom } from './room.ts';
import { ROOM_DEFAULTS, type RoomOptions, type RoomPlace } from './room-contract.ts';
import { createReleasers, openStoreParts } from './wire.ts';

export interface AccountOptions extends ProviderValues {
  /** Where the processes meet; as the option `store` takes it. */
  readonly store: string;
  readonly namespace?: string;
  /** Calls of the rate limit to leave to others; 0 unless given. */
  readonly reserve?: number;
  /** The name others see. */
  readonly holder?: string;
}

/** Which apps may go to make room. Durations as text with a unit, as everywhere. */
export interface RoomRules {
  /** Only apps whose whole name matches. */
  readonly match: string;
  /** Older apps go. Without it the oldest go until there is room. */
  readonly olderThan?: string;
  /** How many apps the account may have; the provider's word unless given. */
  readonly limit?: number;
  readonly headroom?: number;
  readonly protect?: readonly string[];
  /** `5m` unless given. */
  readonly minAge?: string;
  /** How long to wait for room; `10m` unless given. */
  readonly timeout?: string;
}

export interface Account {
  readonly provider: Provider;
  /** Shared with every process of the account. */
  readonly throttle: Throttle;
  /** `fetch`, paced by it. */
  readonly fetch: typeof fetch;
  /** Creates, and makes room first where the account is full; see {@link withRoom}. */
  withRoom<T>(
    create: (options: { signal: AbortSignal }) => Promise<T>,
    rules: RoomRules,
    more?: Pick<RoomOptions, 'isReleaseExpected' | 'classify' | 'idOf'>,
  ): Promise<RoomPlace<T>>;
  close(): Promise<void>;
}

/** Opens an account. The caller closes it. ConfigError with every problem at once, before anything is opened. */
export async function openAccount(context: CommandContext, options: AccountOptions): Promise<Account> {
  const { clock, logger, signal } = context;
  const { namespace = ROOM_DEFAULTS.namespace, reserve = 0 } = options;
  const problems: ConfigProblem[] = [];
  const address = parseStoreUrl(options.store, context);
  if (!address.ok) problems.push({ option: 'store', message: address.problem });
  const parsed = parseProviderSettings(options, context);
  if (!parsed.ok) problems.push(...parsed.problems);
  if (!address.ok || !parsed.ok) throw new ConfigError(problems);

  const releasers = createReleasers();
  try {
    const holder = await createHolder(context, { holder: options.holder });
    const located = await locateAccount(parsed.settings, { clock });
    releasers.add(() => located.close());
    const provider = await located.open(holder.text);
    releasers.add(() => provider.close());
    const values = {
      store: options.store,
      namespace,
      pollMs: null,
      leaseMs: null,
      refPrefix: 'refs/lockstep',
      quotaFloor: null,
    };
    const parts = await openStoreParts(context, { address: address.value, values, releasers });
    const { store, manager, pollMs, leaseMs } = parts;
    const shared = { store, namespace };
    const throttle = await openPace({ provider, reserve, shared, clock, logger, releasers });
    return {
      provider,
      throttle,
      fetch: throttledFetch(throttle, { clock }),
      async withRoom(create, rules, more = {}) {
        const { settings, timeoutMs } = await checkRules(rules);
        const common = { store, manager, namespace, pollMs, leaseMs, holder, clock, logger, signal };
        return await withRoom(provider, create, { ...common, ...more, settings, timeoutMs, pace: throttle });
      },
      close: () => releasers.close(),
    };
  } catch (error) {
    await releasers.close();
    throw error;
  }
}

/** ConfigError with every problem. */
async function checkRules(
  rules: RoomRules,
): Promise<{ settings: Omit<ReapSettings, 'apply'>; timeoutMs: number }> {
  const problems: ConfigProblem[] = [];
  const read = <T>(option: keyof RoomRules, parsed: Parsed<T>): T | null => {
    if (parsed.ok) return parsed.value;
    problems.push({ option, message: parsed.problem });
    return null;
  };
  const match = read('match', await parsePattern(rules.match));
  const protect = (rules.protect ?? []).map((text) => read('protect', parseProtect(text)));
  const olderThanMs =
    rules.olderThan === undefined ? null : read('olderThan', parseDuration(rules.olderThan));
  const minAgeMs = read('minAge', parseDuration(rules.minAge ?? '5m'));
  const timeoutMs = read('timeout', parseDuration(rules.timeout ?? '10m'));
  const { limit = null, headroom = 0 } = rules;
  for (const [option, count] of [
    ['limit', limit],
    ['headroom', headroom],
  ] as const)
    if (count !== null && !(Number.isSafeInteger(count) && count >= (option === 'limit' ? 1 : 0)))
      problems.push({ option, message: 'must be a whole number' });
  if (limit !== null && headroom >= limit)
    problems.push({ option: 'headroom', message: 'must be less than limit' });
  if (problems.length > 0 || !match || minAgeMs === null || timeoutMs === null)
    throw new ConfigError(problems);
  return {
    timeoutMs,
    settings: {
      match,
      protect: protect.filter((rule) => rule !== null),
      olderThanMs,
      limit,
      headroom,
      minAgeMs,
      maxDeletes: null,
      // Somebody else who deletes makes room, too.
      onConflict: 'stop-if-under-limit',
      concurrency: 4,
    },
  };
}
