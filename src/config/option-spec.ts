/**
 * What an entry of the option table says, and how each world spells an option's name.
 * Invariant: every spelling is computed from the camelCase name; nobody writes a second list of names.
 */
import type { CommandName } from './commands.ts';

/** Where a value can come from; the order is the precedence, the first that is set wins. */
export const SOURCES = ['flag', 'input', 'hook', 'env', 'file'] as const;
export type Source = (typeof SOURCES)[number];

/**
 * - `duration`: a number and a unit; the value is in ms, and its key in the values ends in `Ms`
 * - `integer`: digits, 0 or more
 * - `list`: repeated, or separated by commas or newlines
 * - `lines`: repeated, or separated by newlines; for items that may contain a comma (a header, a URL)
 */
export type OptionType = 'duration' | 'integer' | 'boolean' | 'string' | 'choice' | 'list' | 'lines';

/** The value of a `duration` default or bound is text with a unit, of the other types the value itself. */
export type OptionDefault = string | number | boolean | readonly string[];

export interface OptionSpec {
  /** camelCase; unique among the options of one command. */
  readonly name: string;
  readonly type: OptionType;
  readonly commands: 'all' | readonly CommandName[];
  /** One sentence, Markdown code spans allowed. */
  readonly description: string;
  /** The value when nobody set one. Lists and booleans always have one; for others its absence means null. */
  readonly default?: OptionDefault;
  /** Defaults of single commands, where they differ. */
  readonly defaultFor?: Readonly<Partial<Record<CommandName, OptionDefault>>>;
  /** How the default reads where it depends on something, or has no value. */
  readonly defaultText?: string;
  /** Somebody has to set it. */
  readonly required?: true;
  readonly min?: number | string;
  readonly max?: number | string;
  readonly choices?: readonly string[];
  /** What stands for the value in a usage line: `DURATION`. */
  readonly placeholder?: string;
  /** One letter for the command line. */
  readonly short?: string;
  /** Where it exists; absent means everywhere. */
  readonly sources?: readonly Source[];
  /** What it names is run. In the Action never taken from a file, which a checked-out pull request may have written. */
  readonly runsCode?: true;
  /** May carry a credential: never repeated in a problem. */
  readonly secret?: true;
  /** The expression that action.yml gives by default. Not an error for a command that has no use for it. */
  readonly actionDefault?: string;
}

/** `olderThan` → `older-than`: the Action's input, and the flag without its dashes. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `older-than` → `olderThan`. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The option that a flag's text without its dashes may name; null for one that no option could have (`olderThan`). */
export function nameOfFlag(text: string): string | null {
  const name = camelCase(text);
  return kebabCase(name) === text ? name : null;
}

/** `olderThan` → `LOCKSTEP_OLDER_THAN`. */
export function environmentName(name: string): string {
  return `LOCKSTEP_${kebabCase(name).replaceAll('-', '_').toUpperCase()}`;
}

export function isFrom(spec: OptionSpec, source: Source): boolean {
  return spec.sources === undefined || spec.sources.includes(source);
}

export function isFor(spec: OptionSpec, command: CommandName): boolean {
  return spec.commands === 'all' || spec.commands.includes(command);
}

/** The default of an option for one command, or undefined where nothing is set for it. */
export function defaultOf(spec: OptionSpec, command: CommandName): OptionDefault | undefined {
  return spec.defaultFor?.[command] ?? spec.default;
}
