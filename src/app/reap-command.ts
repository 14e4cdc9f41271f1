/**
 * `reap`: options in, one report out. Everything a user can get wrong is found before anything is opened or sent; the provider
 * is opened only when a sweep is due, so a job that learns a fresh result pays for one read.
 */
import { createDeadline } from '../base/deadline.ts';
import { ConfigError, type ConfigProblem, hasCode } from '../base/errors.ts';
import { hashIdentity } from '../base/identity.ts';
import type { Logger } from '../base/logger.ts';
import type { OptionName } from '../config/options.ts';
import { checkReapOptions, isElected, type ReapOptions } from '../config/reap-settings.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import { locateAccount, type ProviderAccount } from '../provider/account.ts';
import { type ProviderSettings, parseProviderSettings } from '../provider/open.ts';
import type { ProtectRule, ReapReport, ReapSettings } from '../reaper/contract.ts';
import { type CheckedPattern, checkPattern } from '../reaper/pattern.ts';
import { parseProtect } from '../reaper/protect.ts';
import { reap } from '../reaper/reap.ts';
import { createSkippedReport, type Surroundings } from '../reaper/report.ts';
import { createKey } from '../store/key.ts';
import type { CommandContext } from './contract.ts';
import { createHolder } from './holder.ts';
import { chooseStore, createReleasers, openStoreParts, type StoreChoice } from './wire.ts';

/** Runs one `reap`. ConfigError with every problem at once; all else is in the report. */
export async function runReap(
  context: CommandContext,
  resolved: ResolvedOptions<'reap'>,
): Promise<ReapReport> {
  const { clock, signal } = context;
  const { options, settings, match, providerSettings, choice } = await checkEverything(context, resolved);
  if (!isElected(options)) return createSkippedReport('not-elected');
  if (providerSettings === null) return skipWithNotice(context, NO_CREDENTIAL);
  if (choice.kind === 'no-store') return skipWithNotice(context, NO_STORE);
  const logger = loggerFor(context);
  const { values } = resolved;
  const releasers = createReleasers();
  const deadline = createDeadline({
    clock,
    timeoutMs: values.timeoutMs,
    waitingFor: 'the sweep',
    parent: signal,
  });
  try {
    const holder = createHolder(context, {
      holder: values.holder ?? undefined,
      jobIndex: options.jobIndex ?? undefined,
    });
    const account = await locateAccount(providerSettings, { clock, client: holder.text });
    releasers.add(() => account.close());
    const parts = await openStoreParts(context, { address: choice.address, values, releasers });
    const report = await reap({
      settings,
      match,
      lease: {
        manager: parts.manager,
        key: createKey(values.namespace, 'reap', `${account.name}-${account.accountId}`),
        leaseMs: parts.leaseMs,
        holder,
        pollMs: parts.pollMs,
        whenBusy: options.whenBusy,
      },
      identity: identityOf(options, account),
      everyMs: options.everyMs,
      openProvider: async () => {
        const provider = await account.open();
        const { createThrottle } = await import('../throttle/throttle.ts');
        const pace = createThrottle({ clock, settings: { ...provider.pace, reserve: options.reserve } });
        return { provider, pace };
      },
      clock,
      logger,
      deadline,
      storeRequests: () => parts.store.requests,
      onEvent: context.onReapEvent,
    });
    if (context.isForkPullRequest && report.outcome === 'failed' && report.reason === 'auth') {
      const { requests, waitedMs, durationMs } = report;
      return skipWithNotice(context, READ_ONLY, { requests, waitedMs, durationMs });
    }
    const hasCandidates = report.outcome === 'planned' && report.counts.eligible > 0 && report.exitCode === 0;
    return options.detailedExitcode && hasCandidates ? { ...report, exitCode: 10 } : report;
  } catch (error) {
    // Refused before the sweep began: no token at all, say.
    if (context.isForkPullRequest && hasCode(error, 'auth')) return skipWithNotice(context, READ_ONLY);
    throw error;
  } finally {
    deadline.dispose();
    await releasers.close();
  }
}

const NO_STORE = {
  reason: 'no-store',
  message:
    'this runner has no token for the GitHub store, so nothing was coordinated and nothing deleted; pass a token, or a store',
};
const NO_CREDENTIAL = {
  reason: 'no-permission',
  message:
    'a pull request from a fork gets no secrets, so there is no credential for the provider and nothing was cleaned up; runs of the repository itself do it',
};
const READ_ONLY = {
  reason: 'no-permission',
  message:
    'a pull request from a fork gets a token that may only read, so nothing was coordinated and nothing cleaned up; runs of the repository itself do it',
};

/** A run that rightly does nothing, and says so once. */
function skipWithNotice(
  context: CommandContext,
  { reason, message }: { reason: string; message: string },
  surroundings: Surroundings = {},
): ReapReport {
  if (context.onNotice) context.onNotice(message);
  else context.logger.warn(message);
  return createSkippedReport(reason, surroundings);
}

/** A stranger's run is refused as a matter of course: that is a line of the log, and its result says the rest. */
function loggerFor({ logger, isForkPullRequest }: CommandContext): Logger {
  return isForkPullRequest ? { ...logger, error: (message) => logger.info(message) } : logger;
}

interface Checked {
  readonly options: ReapOptions;
  readonly settings: Omit<ReapSettings, 'match'>;
  readonly match: CheckedPattern;
  /** Null in a pull request from a fork that has no credential. */
  readonly providerSettings: ProviderSettings | null;
  readonly choice: Exclude<StoreChoice, { kind: 'problem' }>;
}

/** Every check there is, so that a person sees all problems in one go. */
async function checkEverything(context: CommandContext, resolved: ResolvedOptions<'reap'>): Promise<Checked> {
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
  if (!provider.ok) {
    for (const { option: name, message, source, isMissingCredential } of provider.problems) {
      if (isMissingCredential && context.isForkPullRequest) continue;
      // The providers speak of their options by the table's names.
      const option = source === 'environment' ? name : resolved.spellingOf(name as OptionName<'reap'>);
      // Relations between options were checked with the options; here counts what only the provider knows.
      if (!problems.some((each) => each.option === option)) problems.push({ option, message });
    }
  }
  const options = checked.settings;
  const isWithoutCredential = !provider.ok && provider.problems.every((each) => each.isMissingCredential);
  const isUsable = provider.ok || (isWithoutCredential && context.isForkPullRequest === true);
  if (problems.length > 0 || !options || !match || !isUsable || choice.kind === 'problem') {
    throw new ConfigError(problems);
  }
  for (const note of checked.notes) context.logger.warn(note);
  return {
    options,
    settings: { ...options, protect },
    match,
    providerSettings: provider.ok ? provider.settings : null,
    choice,
  };
}

/** What makes two sweeps the same work. Order and spelling of the protect rules do not matter. */
function identityOf(options: ReapOptions, account: ProviderAccount): string {
  return hashIdentity([
    account.name,
    account.accountId,
    options.match,
    [...options.protect].sort().join('\n'),
    String(options.olderThanMs),
    String(options.limit),
    String(options.headroom),
    String(options.minAgeMs),
  ]);
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
