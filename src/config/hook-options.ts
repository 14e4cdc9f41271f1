/**
 * The types of the options object of hooks and library, computed from the option table: what a compiler accepts is what the
 * parser accepts. Types only. NOT expressed: relations between options; those are problems of a ConfigError.
 */
import type { COMMANDS, CommandName } from './commands.ts';
import type { Row, RowOf } from './options.ts';

/** A number and its unit: `90s`, `15m`, `12h`, `7d`. */
export type DurationText = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** A row that a hook may set. */
type HookRow<R> = R extends { sources: readonly (infer S)[] } ? ('hook' extends S ? R : never) : R;

type HookValue<R extends Row> = R extends { choices: readonly (infer Choice)[] }
  ? Choice
  : {
      duration: DurationText;
      integer: number;
      boolean: boolean;
      string: string;
      choice: never;
      list: string | readonly string[];
      lines: string | readonly string[];
    }[R['type']];

/** All options of one command, those of every command included, under their camelCase names. */
export type CommandOptions<C extends CommandName> = {
  readonly [R in HookRow<RowOf<C>> as R['name']]?: HookValue<R> | undefined;
};

/** The options of every command. */
export type CommonOptions = {
  readonly [R in HookRow<Extract<Row, { commands: 'all' }>> as R['name']]?: HookValue<R> | undefined;
};

/** The commands that a test runner hook can run. */
export type HookCommand = {
  [C in CommandName]: 'hook' extends (typeof COMMANDS)[C]['hosts'][number] ? C : never;
}[CommandName];

type Shorthand<C extends CommandName> = (typeof COMMANDS)[C] extends { shorthand: string } ? string : never;

/** The options object: common options at the top, one section per command. The config file has the same shape. */
export type HookOptions = CommonOptions & {
  readonly [C in HookCommand]?: CommandOptions<C> | Shorthand<C> | undefined;
};
