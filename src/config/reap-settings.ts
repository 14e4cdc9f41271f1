/**
 * What the options of `reap` mean together: the relations between them, and the settings the app builds from. `match` and
 * `protect` are handed on as text: `reaper/pattern.ts` and `reaper/protect.ts` parse them, the app adds the option's spelling.
 * Invariant: one mistake gives one problem; an option whose own value was refused takes part in no relation.
 */
import type { ConfigProblem } from '../base/errors.ts';
import type { ReapSettings } from '../reaper/contract.ts';
import type { OptionName } from './options.ts';
import type { ResolvedOptions } from './resolve.ts';

/** Everything `reap` needs beside the common options. The texts of `match` and `protect` are not parsed yet. */
export interface ReapOptions extends Omit<ReapSettings, 'match' | 'protect'> {
  readonly provider: 'heroku' | 'directory' | 'command' | 'module';
  readonly match: string;
  readonly protect: readonly string[];
  /** Null: the apps the account owns outside teams. */
  readonly herokuTeam: string | null;
  /** As the user wrote it; relative to the host's working directory. Set for the provider `directory` only. */
  readonly root: string | null;
  readonly account: string | null;
  readonly whenBusy: 'skip' | 'wait';
  /** 0: every call sweeps. */
  readonly everyMs: number;
  /** How many jobs of a matrix sweep; null for all. */
  readonly electors: number | null;
  readonly jobIndex: number | null;
  readonly jobTotal: number | null;
  readonly reserve: number;
  readonly protectWhileHeld: boolean;
  /** Null: as fits the store. */
  readonly shareThrottle: boolean | null;
  readonly detailedExitcode: boolean;
}

export interface CheckedReapOptions {
  /** Null where there are problems. */
  readonly settings: ReapOptions | null;
  /** Those of the single values first, then those of the relations. */
  readonly problems: readonly ConfigProblem[];
  /** Right, but without effect: one sentence each, for the log. */
  readonly notes: readonly string[];
}

/** The options that only one provider has. */
const PROVIDER_OPTIONS: readonly {
  readonly name: OptionName<'reap'>;
  readonly owner: ReapOptions['provider'];
  readonly isRequired: boolean;
}[] = [
  { name: 'herokuTeam', owner: 'heroku', isRequired: false },
  { name: 'root', owner: 'directory', isRequired: true },
  { name: 'listCommand', owner: 'command', isRequired: true },
  { name: 'getCommand', owner: 'command', isRequired: true },
  { name: 'destroyCommand', owner: 'command', isRequired: true },
  { name: 'providerModule', owner: 'module', isRequired: true },
];

/** Of a matrix, only so many sweep unless the user says otherwise. */
const DEFAULT_ELECTORS = 3;

/** Checks the relations. Pure. `match` and `protect` are in `resolved.values` for whoever parses them, problems or not. */
export function checkReapOptions(resolved: ResolvedOptions<'reap'>): CheckedReapOptions {
  const { values } = resolved;
  const problems = [...resolved.problems, ...relationProblems(resolved)];
  const notes: string[] = [];
  const isElectionPossible = values.jobIndex !== null && values.whenBusy === 'skip';
  if (values.electors !== null && values.jobIndex === null) {
    notes.push(
      `${resolved.spellingOf('electors')} has no effect: which job of the matrix this is was not given (${resolved.spellingOf('jobIndex')})`,
    );
  }
  const { provider, match } = values;
  if (problems.length > 0 || provider === null || match === null) return { settings: null, problems, notes };
  return {
    settings: Object.freeze({
      provider,
      match,
      protect: values.protect,
      herokuTeam: values.herokuTeam,
      root: values.root,
      account: values.account,
      olderThanMs: values.olderThanMs,
      limit: values.limit,
      headroom: values.headroom,
      minAgeMs: values.minAgeMs,
      maxDeletes: values.maxDeletes,
      apply: values.apply,
      onConflict: values.onConflict,
      concurrency: values.concurrency,
      whenBusy: values.whenBusy,
      everyMs: values.everyMs,
      electors: isElectionPossible ? (values.electors ?? DEFAULT_ELECTORS) : null,
      jobIndex: values.jobIndex,
      jobTotal: values.jobTotal,
      reserve: values.reserve,
      protectWhileHeld: values.protectWhileHeld,
      shareThrottle: resolved.sourceOf('shareThrottle') === null ? null : values.shareThrottle,
      detailedExitcode: values.detailedExitcode,
    }),
    problems,
    notes,
  };
}

/** True where this job is among those of its matrix that sweep. */
export function isElected({ electors, jobIndex }: Pick<ReapOptions, 'electors' | 'jobIndex'>): boolean {
  return electors === null || jobIndex === null || jobIndex < electors;
}

function relationProblems(resolved: ResolvedOptions<'reap'>): ConfigProblem[] {
  const { values } = resolved;
  const problems: ConfigProblem[] = [];
  const spell = (name: OptionName<'reap'>) => resolved.spellingOf(name);
  const isGiven = (name: OptionName<'reap'>) => resolved.sourceOf(name) !== null;
  const add = (name: OptionName<'reap'>, message: string) => problems.push({ option: spell(name), message });

  if (!isGiven('olderThan') && !isGiven('limit')) {
    add('olderThan', `is required, or ${spell('limit')}: nothing says which apps are stale`);
  }
  if (isGiven('headroom')) {
    if (!isGiven('limit')) add('headroom', `needs ${spell('limit')}`);
    else if (values.limit !== null && values.headroom >= values.limit) {
      add('headroom', `must be less than ${spell('limit')} (${values.limit})`);
    }
  }
  if (isGiven('electors') && values.whenBusy === 'wait') {
    add('electors', `cannot be used with ${spell('whenBusy')} wait: whoever waits needs the result`);
  }
  if (values.jobIndex !== null && values.jobTotal !== null && values.jobIndex >= values.jobTotal) {
    add('jobIndex', `must be less than ${spell('jobTotal')} (${values.jobTotal}); the first job is 0`);
  }
  if (values.provider === 'module' && resolved.sourceOf('provider') === 'input') {
    add('provider', 'module runs a file of the checkout, which the Action never does; use command');
    return problems;
  }
  for (const { name, owner, isRequired } of PROVIDER_OPTIONS) {
    if (values.provider === null) continue;
    if (owner !== values.provider && isGiven(name)) add(name, `is only for ${spell('provider')} ${owner}`);
    if (owner === values.provider && isRequired && !isGiven(name)) {
      add(name, `is required with ${spell('provider')} ${owner}`);
    }
  }
  return problems;
}
