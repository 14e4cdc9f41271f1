/**
 * From everything that was set to one value per option: flag or input, then hook option, then environment, then config file,
 * then default. NOT checked here: relations between options (`reap-settings.ts`) and what belongs to a capability (a pattern).
 * Invariants: all problems come at once, each in the user's own spelling; in an Action neither environment nor hook options
 * count; a value that is overridden is not looked at.
 */
import type { Parsed } from '../base/duration.ts';
import type { ConfigProblem } from '../base/errors.ts';
import type { CommandName, Host } from './commands.ts';
import {
  defaultOf,
  environmentName,
  isFrom,
  kebabCase,
  type OptionSpec,
  type Source,
} from './option-spec.ts';
import { isPositional, type OptionName, type OptionValues, optionsOf, valueKey } from './options.ts';
import {
  EMPTY_READING,
  type Given,
  type Reading,
  readEnvironment,
  readInputs,
  readSections,
} from './sources.ts';
import { isUnset, type OptionValue, parseText, parseTyped } from './value.ts';

export interface ResolveRequest<C extends CommandName> {
  readonly command: C;
  readonly host: Host;
  /** `parseArguments(argv).flags`. */
  readonly flags?: Reading;
  /** An Action's inputs by name (`older-than`). */
  readonly inputs?: Readonly<Record<string, string | undefined>>;
  /** The object given to a hook or the library, in the shape of the config file. */
  readonly hook?: unknown;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A config file's parsed content; `name` as the user should read it. */
  readonly file?: { readonly name: string; readonly content: unknown } | null;
}

export interface ResolvedOptions<C extends CommandName> {
  readonly command: C;
  readonly values: OptionValues<C>;
  /** Empty where everything is right. Do not act on `values` otherwise. */
  readonly problems: readonly ConfigProblem[];
  /** Which source set the option, also where its value is wrong; null where none did. */
  sourceOf(name: OptionName<C>): Source | null;
  /** The option as the user wrote it, or as this host would where nobody did. */
  spellingOf(name: OptionName<C>): string;
}

/** Never throws for what users wrote; the caller makes a ConfigError of the problems once it has added its own. */
export async function resolveOptions<C extends CommandName>(
  request: ResolveRequest<C>,
): Promise<ResolvedOptions<C>> {
  const { command, host } = request;
  const readings = readingsOf(request);
  const given = new Map<string, Given>();
  const values: Record<string, OptionValue | null> = {};
  const problems: ConfigProblem[] = [...(await unknownNames(readings, command))];
  problems.push(...readings.flatMap((reading) => reading.problems));

  for (const spec of optionsOf(command)) {
    const winner = readings.map((reading) => reading.given.get(spec.name)).find(isSet);
    values[valueKey(spec)] = defaultValue(spec, command);
    if (!winner) {
      if (isMissing(spec, host)) {
        problems.push({ option: hostSpelling(spec, command, host), message: missingMessage(spec) });
      }
      continue;
    }
    given.set(spec.name, winner);
    if (spec.runsCode && host === 'action' && winner.source === 'file') {
      problems.push({ option: winner.spelling, message: 'runs code, so in the Action no file may set it' });
      continue;
    }
    const parsed = parseGiven(spec, winner);
    if (parsed.ok) values[valueKey(spec)] = parsed.value;
    else problems.push({ option: winner.spelling, message: parsed.problem });
  }

  return {
    command,
    values: Object.freeze(values) as OptionValues<C>,
    problems: Object.freeze(problems),
    sourceOf: (name) => given.get(name)?.source ?? null,
    spellingOf: (name) => given.get(name)?.spelling ?? spellOption(name, command, host),
  };
}

/**
 * The config file somebody named, before it can be read: flag or input, then hook option, then environment. Null where nobody
 * did. The rest of the options is resolved once the file's content is there.
 */
export function namedConfigFile<C extends CommandName>(
  request: Omit<ResolveRequest<C>, 'file'>,
): { path: string; spelling: string } | null {
  for (const reading of readingsOf(request)) {
    const given = reading.given.get('config');
    if (given === undefined || !isSet(given)) continue;
    const raw = Array.isArray(given.raw) ? given.raw.at(-1) : given.raw;
    // A value of another type is a problem that resolveOptions reports.
    return typeof raw === 'string' ? { path: raw.trim(), spelling: given.spelling } : null;
  }
  return null;
}

/** How a host spells an option of a command: `--older-than`, `older-than`, `olderThan`; `NAME` for a word without a flag. */
export function spellOption(name: string, command: CommandName, host: Host): string {
  const spec = optionsOf(command).find((each) => each.name === name);
  return spec ? hostSpelling(spec, command, host) : name;
}

function readingsOf<C extends CommandName>(request: ResolveRequest<C>): Reading[] {
  const { command, host, flags, inputs, hook, env, file } = request;
  const isAction = host === 'action';
  const fileName = file?.name;
  return [
    flags ?? EMPTY_READING,
    inputs ? readInputs(inputs, command) : EMPTY_READING,
    hook === undefined || isAction ? EMPTY_READING : readSections(hook, { source: 'hook', command }),
    env === undefined || isAction ? EMPTY_READING : readEnvironment(env, command),
    file && fileName !== undefined
      ? readSections(file.content, { source: 'file', command, fileName })
      : EMPTY_READING,
  ];
}

async function unknownNames(readings: readonly Reading[], command: CommandName): Promise<ConfigProblem[]> {
  const unknown = readings.flatMap((reading) => reading.unknown);
  if (unknown.length === 0) return [];
  const { describeUnknownName } = await import('./unknown-name.ts');
  return unknown.map((each) => describeUnknownName(each, command));
}

/** The table's default, parsed like a user's value, so that it cannot mean something else than it reads. */
function defaultValue(spec: OptionSpec, command: CommandName): OptionValue | null {
  const value = defaultOf(spec, command);
  if (value === undefined) return null;
  const parsed = parseTyped(spec, value);
  return parsed.ok ? parsed.value : null;
}

function isSet(given: Given | undefined): boolean {
  return given !== undefined && (given.problem !== undefined || !isUnset(given.raw));
}

function parseGiven(spec: OptionSpec, { source, raw, problem }: Given): Parsed<OptionValue> {
  if (problem !== undefined) return { ok: false, problem };
  return source === 'hook' || source === 'file'
    ? parseTyped(spec, raw)
    : parseText(spec, raw as string | boolean | readonly string[]);
}

function isMissing(spec: OptionSpec, host: Host): boolean {
  if (!spec.required) return false;
  const own: Source = host === 'cli' ? 'flag' : host === 'action' ? 'input' : 'hook';
  return isFrom(spec, own);
}

function missingMessage(spec: OptionSpec): string {
  return spec.choices ? `is required; one of ${spec.choices.join(', ')}` : 'is required';
}

function hostSpelling(spec: OptionSpec, command: CommandName, host: Host): string {
  if (host === 'action' && isFrom(spec, 'input')) return kebabCase(spec.name);
  if (host === 'hook' && isFrom(spec, 'hook')) return spec.name;
  if (isFrom(spec, 'flag')) {
    return isPositional(command, spec.name) ? spec.name.toUpperCase() : `--${kebabCase(spec.name)}`;
  }
  return isFrom(spec, 'env') ? environmentName(spec.name) : kebabCase(spec.name);
}
