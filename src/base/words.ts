/** A command as users write it in one option, taken apart without a shell: what a name from outside contains is never run. */
import type { Parsed } from './duration.ts';

/** Splits at white space; `'…'` and `"…"` keep theirs (in the latter `\"` and `\\` are escapes). No shell, no variables. */
export function splitWords(text: string): Parsed<string[]> {
  const words: string[] = [];
  let word: string | null = null;
  let quote: '"' | "'" | null = null;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    const next = text.charAt(at + 1);
    if (quote === '"' && char === '\\' && (next === '"' || next === '\\')) {
      word = (word ?? '') + next;
      at += 1;
    } else if (quote !== null) {
      if (char === quote) quote = null;
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== null) return { ok: false, problem: `has a ${quote} that is never closed` };
  if (word !== null) words.push(word);
  return { ok: true, value: words };
}
