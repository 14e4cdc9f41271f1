/**
 * A command line to what was set on it: which of its words are options, of which command. Pure: the host hands the list in and
 * prints help or version.
 * A flag's value may start with one dash (`--limit -1` is a bad number, not a missing value) but not with two.
 */
import type { ConfigProblem } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import { type CommandName, commandSpec, isCommandName } from './commands.ts';
import { isFor, isFrom, nameOfFlag, type OptionSpec } from './option-spec.ts';
import { isPositional, OPTIONS } from './options.ts';
import type { Given, Reading, UnknownName } from './sources.ts';
import { type OptionToken, type Tokens, tokenize } from './tokens.ts';

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

type Token = Tokens['tokens'][number];

/** `argv` without the program: `['reap', '--older-than', '7d']`. Never throws; whatever is wrong is in `flags`. */
export function parseArguments(argv: readonly string[]): ParsedArguments {
  const { tokens, rest } = tokenize(argv, VOCABULARY);
  const words = wordsOf(tokens);
  const first = words[0];
  const command = first !== undefined && isCommandName(first) ? first : null;
  const has = (name: string) =>
    tokens.some((token) => token.kind === 'option' && token.name === name && token.value === undefined);

  return {
    command,
    unknownCommand: command === null && first !== undefined ? first : null,
    help: has('help'),
    version: has('version'),
    flags: command === null ? readNothing() : readTokens(tokens, { command, words: words.slice(1), rest }),
    rest,
  };
}

// Read before the command is known: entries that share a name agree on whether it takes a value.
const VOCABULARY = {
  takesValue: (flag: string) => {
    const spec = findSpec(flag, () => true);
    return spec !== undefined && spec.type !== 'boolean';
  },
  longName: (letter: string) => OPTIONS.find((spec) => spec.short === letter)?.name,
};

/** The first option with this flag, without its dashes, that is also what is asked for. */
function findSpec(flag: string, isMeant: (spec: OptionSpec) => boolean): OptionSpec | undefined {
  const name = nameOfFlag(flag);
  return OPTIONS.find((spec) => spec.name === name && isFrom(spec, 'flag') && isMeant(spec));
}

/** The positionals. What follows an unknown flag is taken for its value, unless it is the command: one mistake, one problem. */
function wordsOf(tokens: readonly Token[]): string[] {
  const isKnown = (flag: string) => findSpec(flag, () => true) !== undefined;
  const words: string[] = [];
  tokens.forEach((token, at) => {
    if (token.kind !== 'word') return;
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
}

function readTokens(tokens: readonly Token[], context: TokenContext): Reading {
  const { command, words, rest } = context;
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
    const read = readFlag(token, match);
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
  const find = (flag: string) =>
    findSpec(flag, (spec) => isFor(spec, command) && !isPositional(command, spec.name));
  const spec = find(name);
  if (spec) return { spec, isNegated: false };
  const positive = name.startsWith('no-') ? find(name.slice('no-'.length)) : undefined;
  return positive?.type === 'boolean' ? { spec: positive, isNegated: true } : undefined;
}

function readFlag(token: OptionToken, match: FlagMatch): { raw: string | boolean } | { problem: string } {
  const { spec, isNegated } = match;
  if (spec.type !== 'boolean')
    return token.value === undefined ? { problem: 'needs a value' } : { raw: token.value };
  if (token.value === undefined) return { raw: !isNegated };
  return isNegated ? { problem: 'takes no value' } : { raw: token.value };
}

/** A repeated flag keeps all its texts; a list joins them, of a scalar the last one counts. */
function merge(earlier: unknown, raw: string | boolean): unknown {
  if (typeof raw === 'boolean') return raw;
  if (typeof earlier === 'string') return [earlier, raw];
  return Array.isArray(earlier) ? [...(earlier as string[]), raw] : raw;
}
