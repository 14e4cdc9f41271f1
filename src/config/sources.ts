/**
 * Readers of the places where options come from, save the command line (`arguments.ts`): each takes a plain record and gives
 * what was set, by option, with the user's spelling. Pure: the host hands the records in.
 * NOT done here: precedence and values (`resolve.ts`). Invariant: a name nobody knows is never dropped silently, except a blank
 * variable or input, which counts as unset.
 */
import type { ConfigProblem } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import { type CommandName, commandSpec, isCommandName } from './commands.ts';
import { environmentName, isFor, isFrom, kebabCase, type OptionSpec, type Source } from './option-spec.ts';
import { OPTIONS } from './options.ts';
import { isUnset } from './value.ts';

/** One option as somebody set it. `raw` is text, or a typed value from a hook option or a file. */
export interface Given {
  readonly source: Source;
  /** As the user wrote it: `--older-than`, `older-than`, `olderThan`, `LOCKSTEP_OLDER_THAN`, `reap.olderThan in FILE`. */
  readonly spelling: string;
  readonly raw: unknown;
  /** Set where it cannot have a value at all, such as a flag without one. */
  readonly problem?: string;
}

/** A name that is no option of this command here. `name` is what to look for among the known ones. */
export interface UnknownName {
  readonly source: Source;
  readonly spelling: string;
  readonly name: string;
  /** The section of the config file or hook options it stands in; null at the top and elsewhere. */
  readonly section: CommandName | null;
}

/** What one source says. */
export interface Reading {
  readonly given: ReadonlyMap<string, Given>;
  readonly unknown: readonly UnknownName[];
  readonly problems: readonly ConfigProblem[];
}

export const EMPTY_READING: Reading = Object.freeze({
  given: new Map<string, Given>(),
  unknown: Object.freeze([]),
  problems: Object.freeze([]),
});

/** Variables lockstep sets for others. Never options, whatever they hold. */
const RESERVED = /^LOCKSTEP_(LOCK_NAME|FENCING_TOKEN|SESSION|GATE_.*|RESULT_.*)$/;

/** An Action's inputs by their names (`older-than`). Expressions that action.yml fills in by default bother no command. */
export function readInputs(
  inputs: Readonly<Record<string, string | undefined>>,
  command: CommandName,
): Reading {
  const given = new Map<string, Given>();
  const unknown: UnknownName[] = [];
  for (const [name, raw] of Object.entries(inputs)) {
    if (isUnset(raw)) continue;
    const rows = OPTIONS.filter((spec) => kebabCase(spec.name) === name && isFrom(spec, 'input'));
    const own = rows.find((spec) => isFor(spec, command));
    if (own) given.set(own.name, { source: 'input', spelling: name, raw });
    else if (!rows.some((spec) => spec.actionDefault !== undefined)) {
      unknown.push({ source: 'input', spelling: plain(name, 60), name, section: null });
    }
  }
  return { given, unknown, problems: [] };
}

/** The inputs among a runner's variables: `INPUT_OLDER-THAN` → `older-than`. */
export function inputsOf(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(environment)
      .filter(([name]) => name.startsWith('INPUT_'))
      .map(([name, value]) => [name.slice('INPUT_'.length).toLowerCase(), value]),
  );
}

/** The `LOCKSTEP_*` variables. One that belongs to another command is ignored: a job's environment serves all its steps. */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  command: CommandName,
): Reading {
  const given = new Map<string, Given>();
  const unknown: UnknownName[] = [];
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('LOCKSTEP_') || RESERVED.test(name) || isUnset(environment[name])) continue;
    const rows = OPTIONS.filter((spec) => environmentName(spec.name) === name && isFrom(spec, 'env'));
    const own = rows.find((spec) => isFor(spec, command));
    if (own) given.set(own.name, { source: 'env', spelling: name, raw: environment[name] });
    else if (rows.length === 0) {
      unknown.push({ source: 'env', spelling: plain(name, 60), name, section: null });
    }
  }
  return { given, unknown, problems: [] };
}

/** Commands that may have a section in a config file or in hook options. */
export function sectionNames(source: 'hook' | 'file'): CommandName[] {
  const names = OPTIONS.flatMap((spec) =>
    isFrom(spec, source) && spec.commands !== 'all' ? spec.commands : [],
  );
  return [...new Set(names)];
}

/** An option that may stand in the section of a command; common ones may, and then win over the top. */
export function sectionOptions(source: 'hook' | 'file', section: CommandName): OptionSpec[] {
  return OPTIONS.filter((spec) => isFrom(spec, source) && isFor(spec, section));
}

/** The options that stand at the top. */
export function topOptions(source: 'hook' | 'file'): OptionSpec[] {
  return OPTIONS.filter((spec) => isFrom(spec, source) && spec.commands === 'all');
}

/**
 * A config file's content or the options given to a hook: common options at the top, one section per command. The names of
 * every section are checked, the values of this command's only.
 */
export function readSections(
  content: unknown,
  { source, command, fileName }: { source: 'hook' | 'file'; command: CommandName; fileName?: string },
): Reading {
  const where = fileName === undefined ? '' : ` in ${plain(fileName, 120)}`;
  const problems: ConfigProblem[] = [];
  const given = new Map<string, Given>();
  const unknown: UnknownName[] = [];
  if (!isRecord(content)) {
    const option = fileName === undefined ? 'options' : plain(fileName, 120);
    return { given, unknown, problems: [{ option, message: 'must be an object' }] };
  }
  const sections = sectionNames(source);
  const spell = (path: string) => `${plain(path, 80)}${where}`;

  const take = (record: Readonly<Record<string, unknown>>, section: CommandName | null) => {
    const known = section === null ? topOptions(source) : sectionOptions(source, section);
    for (const [name, raw] of Object.entries(record)) {
      if (section === null && (name === '$schema' || isSection(name))) continue;
      const path = section === null ? name : `${section}.${name}`;
      const spec = known.find((each) => each.name === name);
      if (!spec) unknown.push({ source, spelling: spell(path), name, section });
      else if (!isUnset(raw) && (section === null || section === command)) {
        given.set(name, { source, spelling: source === 'hook' ? name : spell(path), raw });
      }
    }
  };
  const isSection = (name: string): name is CommandName => isCommandName(name) && sections.includes(name);

  take(content, null);
  for (const [name, raw] of Object.entries(content)) {
    if (!isSection(name) || raw === undefined) continue;
    const { shorthand } = commandSpec(name);
    if (isRecord(raw)) take(raw, name);
    else if (typeof raw === 'string' && shorthand !== undefined) take({ [shorthand]: raw }, name);
    else
      problems.push({ option: spell(name), message: 'must be an object with the options of this command' });
  }
  return { given, unknown, problems };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
