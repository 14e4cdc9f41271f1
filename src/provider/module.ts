/**
 * The `module` provider: a file of the user's own that exports `createProvider`, which makes a provider of contract.ts. It
 * runs in this process, with its rights; so it is never loaded in the Action.
 * NOT guaranteed: that the module keeps the contract. Every answer is checked (module-answers.ts), every call is bounded in
 * time and ends with its signal, a throw is an `ambiguous` answer. The conformance suite says more than these guards can.
 */
import { pathToFileURL } from 'node:url';
import { type Clock, throwIfAborted } from '../base/clock.ts';
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import { withTimeout } from '../base/deadline.ts';
import { ConfigError, UnavailableError } from '../base/errors.ts';
import { hashIdentity } from '../base/identity.ts';
import { plain } from '../base/text.ts';
import type { Provider, ProviderCapabilities, ProviderPace } from './contract.ts';
import {
  toModuleDestroyAnswer,
  toModuleGetAnswer,
  toModuleListAnswer,
  toModuleScopeAnswer,
  toThrownFailure,
} from './module-answers.ts';

/** What `createProvider` of a module is given. */
export interface ProviderModuleOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start. */
  readonly cwd: string;
  /** The option `account`; null where nobody set it. */
  readonly account: string | null;
}

/** What a provider module exports. */
export interface ProviderModule {
  createProvider(options: ProviderModuleOptions): Provider | Promise<Provider>;
}

const DEFAULT_PACE: ProviderPace = Object.freeze({ emissionIntervalMs: 100, burst: 10 });
const METHODS = ['open', 'list', 'get', 'destroy', 'close'] as const;

/** Loads the module and opens its provider. ConfigError where it cannot be loaded or makes no provider. */
export async function openModuleProvider(
  options: ProviderModuleOptions & { path: string; clock: Clock; timeoutMs: number },
): Promise<Provider> {
  const { path, account, clock, timeoutMs } = options;
  const raw = await makeProvider(options);
  const foreign = checkShape(raw, path);
  const accountId = account === null ? foreign.accountId : hashIdentity(['module', 'account', account]);

  const guarded = async (
    call: string,
    signal: AbortSignal,
    act: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<unknown> => {
    throwIfAborted(signal);
    return await withTimeout(
      {
        clock,
        timeoutMs,
        parent: signal,
        waitingFor: `the provider module's ${call}`,
        onTimeout: () => new UnavailableError('it did not answer in time'),
      },
      act,
    );
  };
  const call = async <T>(
    name: string,
    signal: AbortSignal,
    use: { act: (signal: AbortSignal) => Promise<unknown>; read: (value: unknown) => T },
  ) => {
    try {
      return use.read(await guarded(name, signal, use.act));
    } catch (thrown) {
      throwIfAborted(signal);
      return toThrownFailure(name, thrown);
    }
  };

  return {
    name: foreign.name,
    accountId,
    capabilities: foreign.capabilities,
    pace: foreign.pace,
    open: (options) =>
      call('open', options.signal, {
        act: async (signal) => raw.open({ signal }),
        read: toModuleScopeAnswer,
      }),
    list: (cursor, options) =>
      call('list', options.signal, {
        act: async (signal) => raw.list(cursor, { signal }),
        read: toModuleListAnswer,
      }),
    get: (id, options) =>
      call('get', options.signal, {
        act: async (signal) => raw.get(id, { signal }),
        read: (value) => toModuleGetAnswer(value, id),
      }),
    destroy: (app, options) =>
      call('destroy', options.signal, {
        act: async (signal) => raw.destroy(app, { ...options, signal }),
        read: toModuleDestroyAnswer,
      }),
    close: async () => raw.close(),
  };
}

async function makeProvider(options: ProviderModuleOptions & { path: string }): Promise<Provider> {
  const { path, env, cwd, account } = options;
  let loaded: Partial<ProviderModule>;
  try {
    loaded = (await import(pathToFileURL(path).href)) as Partial<ProviderModule>;
  } catch (cause) {
    throw refusal(
      path,
      `could not be loaded: ${describe(cause)}; \`node ${plain(path)}\` shows where`,
      cause,
    );
  }
  if (typeof loaded.createProvider !== 'function') throw refusal(path, 'exports no function createProvider');
  try {
    return await loaded.createProvider({ env, cwd, account });
  } catch (cause) {
    throw refusal(path, `could not make its provider: ${describe(cause)}`, cause);
  }
}

/** The parts that are read once. A provider that lacks one is refused before anything is asked of it. */
function checkShape(
  value: unknown,
  path: string,
): Pick<Provider, 'name' | 'accountId' | 'capabilities' | 'pace'> {
  if (!isJsonObject(value)) throw refusal(path, 'createProvider returned no object');
  const missing = METHODS.filter((name) => typeof value[name] !== 'function');
  if (missing.length > 0) throw refusal(path, `its provider has no ${missing.join(', ')}`);
  const { name, accountId } = value;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,31}$/.test(name))
    throw refusal(path, 'its provider needs a name of lower-case letters, digits and dashes, 32 at most');
  if (typeof accountId !== 'string' || !/^[A-Za-z0-9._-]{1,64}$/.test(accountId))
    throw refusal(path, 'its provider needs an accountId of letters, digits, dots and dashes, 64 at most');
  return { name, accountId, capabilities: readCapabilities(value, path), pace: readPace(value, path) };
}

function readCapabilities(value: JsonObject, path: string): ProviderCapabilities {
  const given = value['capabilities'];
  if (!isJsonObject(given)) throw refusal(path, 'its provider has no capabilities');
  const { atomicPrecondition, openRequests, pageSize, listsWhileOpening = false } = given;
  const isSound =
    typeof atomicPrecondition === 'boolean' &&
    (openRequests === 0 || openRequests === 1) &&
    typeof pageSize === 'number' &&
    pageSize >= 1 &&
    typeof listsWhileOpening === 'boolean';
  if (!isSound)
    throw refusal(
      path,
      'its capabilities need atomicPrecondition (boolean), openRequests (0 or 1) and pageSize; listsWhileOpening is a boolean',
    );
  return Object.freeze({ atomicPrecondition, openRequests, pageSize, listsWhileOpening });
}

function readPace(value: JsonObject, path: string): ProviderPace {
  const given = value['pace'];
  if (given === undefined) return DEFAULT_PACE;
  const { emissionIntervalMs, burst } = isJsonObject(given) ? given : {};
  const isSound =
    typeof emissionIntervalMs === 'number' &&
    emissionIntervalMs > 0 &&
    emissionIntervalMs <= 3_600_000 &&
    typeof burst === 'number' &&
    Number.isSafeInteger(burst) &&
    burst >= 1;
  if (!isSound) throw refusal(path, 'its pace needs emissionIntervalMs and burst, both above 0');
  return Object.freeze({ emissionIntervalMs, burst });
}

function refusal(path: string, problem: string, cause?: unknown): ConfigError {
  return new ConfigError([{ option: 'providerModule', message: `${plain(path)} ${problem}` }], { cause });
}

function describe(thrown: unknown): string {
  return plain(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
}
