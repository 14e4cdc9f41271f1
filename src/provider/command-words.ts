/**
 * The words of a user's command with places for an app's id and name: `destroy-it --id {id}`. Parsed once while the options
 * are read, filled for each app. Pure. Invariants: a filled place is part of one argument, whatever it contains; it never
 * begins an argument with a dash, since the program would take it for an option of its own; filled text is not filled again.
 */
import type { Parsed } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import { splitWords } from '../base/words.ts';

/** The program and its arguments. */
export type WordsTemplate = readonly [string, ...string[]];

const PLACE = /\{([a-z]+)\}/gi;

/** Words of a command line, or what is wrong in words that follow the option's name. `places` are those it may have. */
export function parseWordsTemplate(text: string, places: readonly string[]): Parsed<WordsTemplate> {
  const words = splitWords(text);
  if (!words.ok) return words;
  const [file, ...args] = words.value;
  if (file === undefined || file === '') return { ok: false, problem: 'needs a program and its arguments' };
  if (words.value.some((word) => word.includes('\0')))
    return { ok: false, problem: 'contains a NUL character' };
  if (placesOf(file).length > 0)
    return { ok: false, problem: 'names its program by a place, which an app would fill' };
  const unknown = args.flatMap(placesOf).find((place) => !places.includes(place));
  if (unknown !== undefined) {
    const known = places.length > 0 ? places.map((place) => `{${place}}`).join(' and ') : 'none';
    return { ok: false, problem: `has the place {${plain(unknown, 40)}}; it may have ${known}` };
  }
  return { ok: true, value: Object.freeze([file, ...args] as const) };
}

/** The words for one app; a problem where a value cannot be an argument safely. */
export function fillWords(
  template: WordsTemplate,
  values: Readonly<Record<string, string>>,
): Parsed<readonly [string, ...string[]]> {
  let problem: string | null = null;
  const fill = (word: string) =>
    word.replace(PLACE, (place: string, name: string, at: number) => {
      const value = values[name] ?? place;
      if (value.includes('\0')) problem = `the ${name} contains a NUL character`;
      if (at === 0 && value.startsWith('-'))
        problem = `the ${name} ${plain(value, 60)} would be taken for an option`;
      return value;
    });
  const [file, ...args] = template;
  const filled = [file, ...args.map(fill)] as const;
  return problem === null ? { ok: true, value: filled } : { ok: false, problem };
}

function placesOf(word: string): string[] {
  return [...word.matchAll(PLACE)].map((match) => match[1] as string);
}
