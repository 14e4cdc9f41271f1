/**
 * Every check of `reap` before anything is opened or sent, and what makes two sweeps the same work.
 * Invariant: a person sees all problems in one go.
 */
import { ConfigError, type ConfigProblem } from '../base/errors.ts';
import { hashIdentity } from '../base/identity.ts';
import type { OptionName } from '../config/options.ts';
import { checkReapOptions, type ReapOptions } from '../config/reap-settings.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { ProviderAccount } from '../provider/account.ts';
import { type ProviderSettings, parseProviderSettings } from '../provider/open.ts';
import type { ProtectRule, ReapSettings } from '../reaper/contract.ts';
import { type CheckedPattern, checkPattern } from '../reaper/pattern.ts';
import { parseProtect } from '../reaper/protect.ts';
import type { CommandContext } from './contract.ts';
import { chooseStore, type StoreChoice } from './wire.ts';

export interface CheckedReap {
  readonly options: ReapOptions;
  readonly settings: Omit<ReapSettings, 'match'>;
  readonly match: CheckedPattern;
  /** Null without a credential, where that may be no mistake. */
  readonly providerSettings: ProviderSettings | null;
  /** What is wrong where there is no credential after all. */
  readonly missingCredential: readonly ConfigProblem[];
  readonly choice: Exclude<StoreChoice, { kind: 'problem' }>;
}

/** ConfigError with every problem. `mayLackCredential`: somebody else may have done the work, or a fork rightly has none. */
export async function checkReap(
  context: CommandContext,
  resolved: ResolvedOptions<'reap'>,
  { mayLackCredential }: { mayLackCredential: boolean },
): Promise<CheckedReap> {
  const { values } = resolved;
  const checked = checkReapOptions(resolved);
  const problems: ConfigProblem[] = [...checked.problems];
  const add = (name: OptionName<'reap'>, message: string) =>
    problems.push({ option: resolved.spellingOf(name), message });

  let match: CheckedPattern | null = null;
  if (values.match !== null) {
    const parsed = await checkPattern(values.match);
    if (parsed.ok) match = parsed.value;
    else add('match', parsed.problem);
  }
  const protect: ProtectRule[] = [];
  for (const text of values.protect) {
    const parsed = parseProtect(text);
    if (parsed.ok) protect.push(parsed.value);
    else add('protect', parsed.problem);
  }
  const choice = chooseStore(context, resolved);
  if (choice.kind === 'problem') problems.push(choice.problem);
  const provider = parseProviderSettings(present(values), context);
  const missingCredential: ConfigProblem[] = [];
  if (!provider.ok) {
    for (const { option: name, message, source, isMissingCredential } of provider.problems) {
      // The providers speak of their options by the table's names.
      const option = source === 'environment' ? name : resolved.spellingOf(name as OptionName<'reap'>);
      if (isMissingCredential) missingCredential.push({ option, message });
      if (isMissingCredential && mayLackCredential) continue;
      // Relations between options were checked with the options; here counts what only the provider knows.
      if (!problems.some((each) => each.option === option)) problems.push({ option, message });
    }
  }
  const options = checked.settings;
  const isWithoutCredential = !provider.ok && provider.problems.every((each) => each.isMissingCredential);
  const isUsable = provider.ok || (isWithoutCredential && mayLackCredential);
  if (problems.length > 0 || !options || !match || !isUsable || choice.kind === 'problem') {
    throw new ConfigError(problems);
  }
  for (const note of checked.notes) context.logger.warn(note);
  return {
    options,
    settings: { ...options, protect },
    match,
    providerSettings: provider.ok ? provider.settings : null,
    missingCredential,
    choice,
  };
}

/** What makes two sweeps the same work. Order and spelling of the protect rules do not matter. */
export function identityOf(options: ReapOptions, account: ProviderAccount): string {
  return hashIdentity([account.name, account.accountId, ...rulesOf(options)]);
}

/** The same without the account's credential, for a later step of the job that may have none. */
export function workOf(
  { env }: CommandContext,
  { values }: ResolvedOptions<'reap'>,
  options: ReapOptions,
): string {
  const place = Object.entries({ ...present(values), apiUrl: env['HEROKU_API_URL'] });
  return hashIdentity([...place.flatMap(([name, text]) => [name, text ?? '']), ...rulesOf(options)]);
}

function rulesOf(options: ReapOptions): string[] {
  return [
    options.match,
    [...options.protect].sort().join('\n'),
    String(options.olderThanMs),
    String(options.limit),
    String(options.headroom),
    String(options.minAgeMs),
    // Appended only where it is set, so that sweeps without it are the work they always were.
    ...(options.protectWhileHeld ? ['protect-while-held'] : []),
  ];
}

/** The provider's options without those nobody set. */
function present(values: ResolvedOptions<'reap'>['values']) {
  const { provider, herokuTeam, root, account, listCommand, getCommand, destroyCommand, providerModule } =
    values;
  return {
    provider: provider ?? undefined,
    herokuTeam: herokuTeam ?? undefined,
    root: root ?? undefined,
    account: account ?? undefined,
    listCommand: listCommand ?? undefined,
    getCommand: getCommand ?? undefined,
    destroyCommand: destroyCommand ?? undefined,
    providerModule: providerModule ?? undefined,
  };
}
