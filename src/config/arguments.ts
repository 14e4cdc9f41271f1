/**
 * A command line to what was set on it. The words themselves are taken apart by node's `util.parseArgs`; which of them are
 * options, of which command, is decided here. Pure: the host hands the list in and prints help or version.
 * A flag's value may start with one dash (`--limit -1` is a bad number, not a missing value) but not with two.
 */
import { parseArgs } from 'node:util';
import type { ConfigProblem } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import { type CommandName, commandSpec, isCommandName } from './commands.ts';
import { camelCase, isFor, isFrom, kebabCase, type OptionSpec } from './option-spec.ts';
import { isPositional, OPTIONS } from './options.ts';
import type { Given, Reading, UnknownName } from './sources.ts';

export interface ParsedArguments {
  /** Null where none was given, or an unknown one. */
  readonly command: CommandName | null;
  /** The first word where it is no command. */
  readonly unknownCommand: string | null;
  readonly help: boolean;
  readonly version: boolean;
  /** What to give to `resolveOptions` as `flags`. */
  readonly flags: Reading;
  /** The user's own command after `--`; null without one. */
  readonly rest: readonly string[] | null;
}

type Token = ReturnType<typeof tokenize>['tokens'][number];
type OptionToken = Extract<Token, { kind: 'option' }>;

/** `argv` without the program: `['reap', '--older-than', '7d']`. Never throws; whatever is wrong is in `flags`. */
export function parseArguments(argv: readonly string[]): ParsedArguments {
  const { tokens, withoutValue } = tokenize(argv);
  const end = tokens.find((token) => token.kind === 'option-terminator');
  const own = end ? tokens.filter((token) => token.index < end.index) : tokens;
  const rest = end ? Object.freeze(argv.slice(end.index + 1)) : null;
  const words = wordsOf(own);
  const first = words[0];
  const command = first !== undefined && isCommandName(first) ? first : null;
  const has = (name: string) =>
    own.some((token) => token.kind === 'option' && token.name === name && token.value === undefined);

  return {
    command,
    unknownCommand: command === null && first !== undefined ? first : null,
    help: has('help'),
    version: has('version'),
    flags:
      command === null
        ? readNothing()
        : readTokens(own, { command, words: words.slice(1), rest, withoutValue }),
    rest,
  };
}

function tokenize(argv: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  // Only those that may be meant: parseArgs examines each one it is given, and every start would pay for all of them.
  const named = new Set(argv.map((word) => camelCase(/^--(?:no-)?([^=]+)/.exec(word)?.[1] ?? '')));
  for (const spec of OPTIONS) {
    if (!isFrom(spec, 'flag') || !(named.has(spec.name) || spec.short !== undefined)) continue;
    options[kebabCase(spec.name)] = {
      type: spec.type === 'boolean' ? 'boolean' : 'string',
      ...(spec.short === undefined ? {} : { short: spec.short }),
    };
  }
  const words = [...argv];
  const withoutValue = new Set<number>();
  for (;;) {
    const { tokens } = parseArgs({
      args: words,
      options,
      strict: false,
      allowPositionals: true,
      tokens: true,
    });
    const greedy = tokens.find(
      (token) => token.kind === 'option' && token.inlineValue === false && token.value.startsWith('--'),
    );
    // parseArgs lets `--match --apply` take the second flag as a value. Closing the first one gives the second its own place.
    if (greedy?.kind !== 'option') return { tokens, withoutValue };
    words[greedy.index] = `${greedy.rawName}=`;
    withoutValue.add(greedy.index);
  }
}

/** The positionals. What follows an unknown flag is taken for its value, unless it is the command: one mistake, one problem. */
function wordsOf(tokens: readonly Token[]): string[] {
  const isKnown = (name: string) =>
    OPTIONS.some((spec) => isFrom(spec, 'flag') && kebabCase(spec.name) === name);
  const words: string[] = [];
  tokens.forEach((token, at) => {
    if (token.kind !== 'positional') return;
    const before = tokens[at - 1];
    const isFlagBefore = before?.kind === 'option' && before.value === undefined;
    const isUnknownBefore = isFlagBefore && !isKnown(before.name.replace(/^no-/, ''));
    const isCommand = words.length === 0 && isCommandName(token.value);
    if (!isUnknownBefore || isCommand) words.push(token.value);
  });
  return words;
}

function readNothing(): Reading {
  return { given: new Map(), unknown: [], problems: [] };
}

interface TokenContext {
  readonly command: CommandName;
  /** The positionals after the command. */
  readonly words: readonly string[];
  readonly rest: readonly string[] | null;
  /** Where in the list a flag stands that should have had a value. */
  readonly withoutValue: ReadonlySet<number>;
}

function readTokens(tokens: readonly Token[], context: TokenContext): Reading {
  const { command, words, rest, withoutValue } = context;
  const given = new Map<string, Given>();
  const unknown: UnknownName[] = [];
  const problems: ConfigProblem[] = [];
  const { positionals, takesCommand } = commandSpec(command);

  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const spelling = plain(token.rawName, 60);
    const match = findFlag(token.name, command);
    if (!match) {
      unknown.push({ source: 'flag', spelling, name: token.name, section: null });
      continue;
    }
    const { name } = match.spec;
    const earlier = given.get(name);
    const read = withoutValue.has(token.index) ? NO_VALUE : readFlag(token, match);
    if ('problem' in read)
      given.set(name, { source: 'flag', spelling, raw: undefined, problem: read.problem });
    else if (earlier?.problem === undefined) {
      given.set(name, { source: 'flag', spelling, raw: merge(earlier?.raw, read.raw) });
    }
  }
  words.forEach((word, index) => {
    const name = positionals[index];
    if (name !== undefined) given.set(name, { source: 'flag', spelling: name.toUpperCase(), raw: word });
    else problems.push({ option: `"${plain(word, 60)}"`, message: `is one word too many for ${command}` });
  });
  if (rest !== null && rest.length > 0 && !takesCommand) {
    problems.push({ option: '--', message: `${command} runs no command; nothing may follow --` });
  }
  return { given, unknown, problems };
}

interface FlagMatch {
  readonly spec: OptionSpec;
  readonly isNegated: boolean;
}

function findFlag(name: string, command: CommandName): FlagMatch | undefined {
  const find = (text: string) =>
    OPTIONS.find(
      (spec) =>
        kebabCase(spec.name) === text &&
        isFrom(spec, 'flag') &&
        isFor(spec, command) &&
        !isPositional(command, spec.name),
    );
  const spec = find(name);
  if (spec) return { spec, isNegated: false };
  const positive = name.startsWith('no-') ? find(name.slice('no-'.length)) : undefined;
  return positive?.type === 'boolean' ? { spec: positive, isNegated: true } : undefined;
}

const NO_VALUE = { problem: 'needs a value' } as const;

function readFlag(token: OptionToken, match: FlagMatch): { raw: string | boolean } | { problem: string } {
  const { spec, isNegated } = match;
  if (spec.type !== 'boolean') return token.value === undefined ? NO_VALUE : { raw: token.value };
  if (token.value === undefined) return { raw: !isNegated };
  return isNegated ? { problem: 'takes no value' } : { raw: token.value };
}

/** A repeated flag keeps all its texts; a list joins them, of a scalar the last one counts. */
function merge(earlier: unknown, raw: string | boolean): unknown {
  if (typeof raw === 'boolean') return raw;
  if (typeof earlier === 'string') return [earlier, raw];
  return Array.isArray(earlier) ? [...(earlier as string[]), raw] : raw;
}
