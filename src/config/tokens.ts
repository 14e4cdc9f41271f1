/**
 * The words of a command line, taken apart as `util.parseArgs` does (the Open Group's and GNU's conventions), without asking
 * which of them are meant for whom. Written here because every start pays for it: the library examines each option it is told
 * of, takes `--apply` for the value of a `--match` before it, and costs a short run as much as reading its store.
 * Nor is `-x-` an `-x` and the end of the options, as it is there. Pure. Invariant: words that do not follow the conventions are still tokens; nothing is refused here.
 */

export interface OptionToken {
  readonly kind: 'option';
  /** Without dashes; of a short one the long name, where it has one. */
  readonly name: string;
  /** As it was written, without a value: `--older-than`, `-h`. */
  readonly rawName: string;
  /** Undefined where there is none, or the next word is another long option. */
  readonly value: string | undefined;
}

export interface Word {
  readonly kind: 'word';
  readonly value: string;
}

export interface Tokens {
  readonly tokens: readonly (OptionToken | Word)[];
  /** What stands after `--`; null without one. */
  readonly rest: readonly string[] | null;
}

export interface Vocabulary {
  /** Whether the next word belongs to this long option. */
  takesValue(name: string): boolean;
  /** The long name of a letter; undefined for an unknown one. None of them takes a value. */
  longName(letter: string): string | undefined;
}

/** `argv` without the program. */
export function tokenize(argv: readonly string[], { takesValue, longName }: Vocabulary): Tokens {
  const tokens: (OptionToken | Word)[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const text = argv[at] as string;
    if (text === '--') return { tokens, rest: Object.freeze(argv.slice(at + 1)) };
    if (text === '-' || !text.startsWith('-')) {
      tokens.push({ kind: 'word', value: text });
    } else if (!text.startsWith('--')) {
      for (const letter of text.slice(1))
        tokens.push({
          kind: 'option',
          name: longName(letter) ?? letter,
          rawName: `-${letter}`,
          value: undefined,
        });
    } else if (text.includes('=', 3)) {
      const rawName = text.slice(0, text.indexOf('='));
      tokens.push({
        kind: 'option',
        name: rawName.slice(2),
        rawName,
        value: text.slice(rawName.length + 1),
      });
    } else {
      const name = text.slice(2);
      const next = argv[at + 1];
      // `--limit -1` is a bad number, `--match --apply` two options.
      const hasValue = next !== undefined && !next.startsWith('--') && takesValue(name);
      tokens.push({ kind: 'option', name, rawName: text, value: hasValue ? next : undefined });
      if (hasValue) at += 1;
    }
  }
  return { tokens, rest: null };
}
