/**
 * The registry of providers: which there are, what each needs from options and environment, and how it is loaded (on demand,
 * so that a command pays only for the one it uses). `parseProviderSettings` is pure and reports every problem at once.
 * Invariant: no problem text and no error carries the value of a credential.
 */
import { isAbsolute, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { hashIdentity } from '../base/identity.ts';
import { parseWordsTemplate, type WordsTemplate } from './command-words.ts';
import type { Provider } from './contract.ts';

export const PROVIDER_NAMES = ['heroku', 'directory', 'command', 'module'] as const;
export type ProviderName = (typeof PROVIDER_NAMES)[number];

/** Options as the user gave them; absent and empty mean the same. */
export interface ProviderValues {
  readonly provider?: string | undefined;
  readonly herokuTeam?: string | undefined;
  readonly account?: string | undefined;
  /** The directory provider's folder; relative to `cwd`. */
  readonly root?: string | undefined;
  /** The command provider's commands. */
  readonly listCommand?: string | undefined;
  readonly getCommand?: string | undefined;
  readonly destroyCommand?: string | undefined;
  /** The module provider's file; relative to `cwd`. */
  readonly providerModule?: string | undefined;
}

/** Checked settings of one provider. */
export type ProviderSettings =
  | {
      readonly provider: 'heroku';
      readonly apiUrl: string;
      readonly apiKey: string;
      readonly team: string | null;
      readonly account: string | null;
    }
  | {
      readonly provider: 'directory';
      readonly root: string;
      readonly home: string | null;
      readonly cwd: string;
      readonly account: string | null;
    }
  | {
      readonly provider: 'command';
      readonly list: WordsTemplate;
      readonly get: WordsTemplate;
      readonly destroy: WordsTemplate;
      readonly env: Readonly<Record<string, string | undefined>>;
      readonly cwd: string;
      readonly account: string | null;
    }
  | {
      readonly provider: 'module';
      readonly path: string;
      readonly env: Readonly<Record<string, string | undefined>>;
      readonly cwd: string;
      readonly account: string | null;
    };

export interface ProviderProblem {
  /** In camelCase; the name of the variable where `source` is the environment. */
  readonly option: string;
  /** What is wrong and what to write instead; follows the option's name. */
  readonly message: string;
  readonly source: 'option' | 'environment';
  /** The credential is absent: no error in a pull request from a fork. */
  readonly isMissingCredential: boolean;
}

export type ParsedProvider =
  | { readonly ok: true; readonly settings: ProviderSettings }
  | { readonly ok: false; readonly problems: readonly ProviderProblem[] };

/** What the world around gives: read once by the host. */
export interface ProviderWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the user's own commands start with; `env` where absent. */
  readonly childEnv?: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start. */
  readonly cwd: string;
}

const HEROKU_API_URL = 'https://api.heroku.com';
/** A command may wait for what it deletes; the sweep's own deadline ends it earlier. */
const COMMAND_TIMEOUT_MS = 300_000;

/** Reads the settings of the provider that `values.provider` names. */
export function parseProviderSettings(values: ProviderValues, world: ProviderWorld): ParsedProvider {
  const known = PROVIDER_NAMES.join(', ');
  const name = values.provider ?? '';
  if (name === '') return refused([wrong('provider', `is required; known providers: ${known}`)]);
  if (name === 'heroku') return parseHeroku(values, world);
  if (name === 'directory') return parseDirectory(values, world);
  if (name === 'command') return parseCommands(values, world);
  if (name === 'module') return parseModule(values, world);
  return refused([wrong('provider', `there is no provider of this name; known providers: ${known}`)]);
}

/** Opens the provider. The caller closes it. Rejects with ConfigError where a folder or URL turns out unfit. */
export async function openProvider(
  settings: ProviderSettings,
  options: { clock: Clock /** For each request. */; timeoutMs?: number; client?: string | undefined },
): Promise<Provider> {
  const { clock, timeoutMs = 30_000, client } = options;
  switch (settings.provider) {
    case 'directory': {
      const { createDirectoryProvider } = await import('./directory.ts');
      return await createDirectoryProvider({ ...settings, clock });
    }
    case 'command': {
      const { createCommandProvider } = await import('./command.ts');
      const accountId = commandAccountId(settings);
      return createCommandProvider({ ...settings, accountId, clock, timeoutMs: COMMAND_TIMEOUT_MS });
    }
    case 'module': {
      const { openModuleProvider } = await import('./module.ts');
      return await openModuleProvider({ ...settings, clock, timeoutMs });
    }
    case 'heroku': {
      const { createHerokuProvider } = await import('./heroku.ts');
      return createHerokuProvider({
        ...settings,
        clock,
        timeoutMs,
        ...(client === undefined ? {} : { client }),
      });
    }
  }
}

/** The identity of commands: what they list, or the user's own name. Known without running any. */
export function commandAccountId(settings: {
  readonly list: WordsTemplate;
  readonly account: string | null;
}): string {
  return hashIdentity(
    settings.account === null ? ['command', ...settings.list] : ['command', 'account', settings.account],
  );
}

function parseHeroku(values: ProviderValues, { env }: ProviderWorld): ParsedProvider {
  const problems: ProviderProblem[] = [];
  if (values.root) problems.push(wrong('root', 'belongs to the directory provider, not to heroku'));
  const apiKey = (env['HEROKU_API_KEY'] ?? '').trim();
  if (apiKey === '')
    problems.push({
      ...wrongVariable(
        'HEROKU_API_KEY',
        'is not set; make a key with `heroku authorizations:create` and pass it on',
      ),
      isMissingCredential: true,
    });
  else if (!/^[\x21-\x7e]+$/.test(apiKey))
    problems.push(
      wrongVariable('HEROKU_API_KEY', 'has characters that no key has; was more than the key copied?'),
    );
  const apiUrl = env['HEROKU_API_URL']?.trim() || HEROKU_API_URL;
  const problem = describeUnfitUrl(apiUrl);
  if (problem !== null) problems.push(wrongVariable('HEROKU_API_URL', problem));
  if (problems.length > 0) return refused(problems);
  return {
    ok: true,
    settings: {
      provider: 'heroku',
      apiUrl,
      apiKey,
      team: values.herokuTeam || null,
      account: values.account || null,
    },
  };
}

function parseDirectory(values: ProviderValues, { env, cwd }: ProviderWorld): ParsedProvider {
  const problems: ProviderProblem[] = [];
  if (values.herokuTeam)
    problems.push(wrong('herokuTeam', 'belongs to the heroku provider, not to directory'));
  if (!values.root)
    problems.push(
      wrong('root', 'is required by the directory provider; name the folder whose sub-folders are the apps'),
    );
  if (problems.length > 0 || !values.root) return refused(problems);
  return {
    ok: true,
    settings: {
      provider: 'directory',
      root: isAbsolute(values.root) ? values.root : join(cwd, values.root),
      home: env['HOME'] || env['USERPROFILE'] || null,
      cwd,
      account: values.account || null,
    },
  };
}

function parseCommands(values: ProviderValues, { env, childEnv, cwd }: ProviderWorld): ParsedProvider {
  const problems: ProviderProblem[] = [];
  const parse = (option: 'listCommand' | 'getCommand' | 'destroyCommand', places: readonly string[]) => {
    const text = values[option];
    if (!text) {
      problems.push(wrong(option, 'is required by the command provider'));
      return null;
    }
    const words = parseWordsTemplate(text, places);
    if (words.ok) return words.value;
    problems.push(wrong(option, words.problem));
    return null;
  };
  const list = parse('listCommand', []);
  const get = parse('getCommand', ['id']);
  const destroy = parse('destroyCommand', ['id', 'name']);
  if (!list || !get || !destroy) return refused(problems);
  const account = values.account || null;
  return {
    ok: true,
    settings: { provider: 'command', list, get, destroy, env: childEnv ?? env, cwd, account },
  };
}

function parseModule(values: ProviderValues, { env, cwd }: ProviderWorld): ParsedProvider {
  const file = values.providerModule;
  if (!file) return refused([wrong('providerModule', 'is required by the module provider')]);
  const path = isAbsolute(file) ? file : join(cwd, file);
  return { ok: true, settings: { provider: 'module', path, env, cwd, account: values.account || null } };
}

/** Why a URL cannot be the API's; null where it can. The URL itself is not repeated: it may carry a password. */
function describeUnfitUrl(text: string): string | null {
  if (!URL.canParse(text)) return `is not a URL; write ${HEROKU_API_URL} or leave it out`;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not carry a user name or password';
  if (url.search !== '' || url.hash !== '') return 'must not have a query or a fragment';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'must start with https://';
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  return isLoopback ? null : 'must start with https://: over http the key would be readable on the way';
}

function refused(problems: readonly ProviderProblem[]): ParsedProvider {
  return { ok: false, problems };
}

function wrong(option: string, message: string): ProviderProblem {
  return { option, message, source: 'option', isMissingCredential: false };
}

function wrongVariable(option: string, message: string): ProviderProblem {
  return { option, message, source: 'environment', isMissingCredential: false };
}
