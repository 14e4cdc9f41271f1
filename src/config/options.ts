/**
 * The one table of options: flags, inputs, hook options, environment variables, config file, README, help and JSON Schema all
 * come from it, and so do the types of the values. A new command adds a table file and one line here.
 * Invariants (tested): a name is unique among the options of a command; entries that share a name agree on whether it takes a
 * value, so that a command line can be read before its command is known.
 */
import { type CommandName, commandSpec } from './commands.ts';
import { isFor, type OptionSpec } from './option-spec.ts';
import { CHECK_OPTIONS } from './tables/check.ts';
import { DEMO_OPTIONS } from './tables/demo.ts';
import { DOCTOR_OPTIONS } from './tables/doctor.ts';
import { ACTION_OPTIONS, COMMON_OPTIONS } from './tables/every-command.ts';
import { GATE_OPTIONS } from './tables/gate.ts';
import { ASSERT_OPTIONS, LOCK_OPTIONS, UNLOCK_OPTIONS } from './tables/lock.ts';
import { REAP_OPTIONS } from './tables/reap.ts';
import { STATUS_OPTIONS } from './tables/status.ts';

const TABLE = [
  ...ACTION_OPTIONS,
  ...COMMON_OPTIONS,
  ...REAP_OPTIONS,
  ...LOCK_OPTIONS,
  ...ASSERT_OPTIONS,
  ...UNLOCK_OPTIONS,
  ...GATE_OPTIONS,
  ...CHECK_OPTIONS,
  ...STATUS_OPTIONS,
  ...DOCTOR_OPTIONS,
  ...DEMO_OPTIONS,
] as const;

/** One entry, with its literal types. */
export type Row = (typeof TABLE)[number];

/** Every option of every command, in the order of the README. */
export const OPTIONS: readonly OptionSpec[] = TABLE;

/** The entries of one command. */
export type RowOf<C extends CommandName, R extends Row = Row> = R extends { commands: 'all' }
  ? R
  : R extends { commands: readonly (infer Each)[] }
    ? C extends Each
      ? R
      : never
    : never;

type Key<R extends Row> = R['type'] extends 'duration' ? `${R['name']}Ms` : R['name'];

type Value<R extends Row> = R extends { choices: readonly (infer Choice)[] }
  ? Choice
  : {
      duration: number;
      integer: number;
      boolean: boolean;
      string: string;
      choice: never;
      list: readonly string[];
      lines: readonly string[];
    }[R['type']];

/**
 * The values of a command's options: durations in ms under a key that ends in `Ms`. Null where nobody set an option that has no
 * default, required ones included: read `problems` first.
 */
export type OptionValues<C extends CommandName> = {
  readonly [R in RowOf<C> as Key<R>]: R extends { default: unknown } ? Value<R> : Value<R> | null;
};

/** The camelCase names of a command's options. */
export type OptionName<C extends CommandName> = RowOf<C>['name'];

/** A command's options, in the order of the table. */
export function optionsOf(command: CommandName): readonly OptionSpec[] {
  return OPTIONS.filter((spec) => isFor(spec, command));
}

/** True where the option is written without a flag: its place says which one it is. */
export function isPositional(command: CommandName, name: string): boolean {
  return commandSpec(command).positionals.includes(name);
}

/** The key of an option among the values. */
export function valueKey(spec: OptionSpec): string {
  return spec.type === 'duration' ? `${spec.name}Ms` : spec.name;
}
