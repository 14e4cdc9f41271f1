/**
 * Recognizes plain patterns: those that every engine reads alike and none can stall on, such as `hatchet-t-[a-f0-9]+`. For
 * them a name can be tried with the language's own engine, so that a job which only learns a fresh result need not load the
 * linear one. Whatever is not certainly plain is for the linear engine; nothing is judged here.
 * Invariant: no quantified group but by `?`, few unbounded repetitions, small counts: at worst a short polynomial.
 */

/** Unbounded repetitions in a row cost a power of the name's length. */
const MAX_UNBOUNDED = 3;
/** Length times counts: an upper bound of what the linear engine would compile. */
const MAX_SIZE = 300;

const TOKENS: readonly (readonly [kind: 'open' | 'close' | 'or' | 'atom', pattern: RegExp])[] = [
  ['open', /\((?:\?:)?(?!\?)/y],
  ['close', /\)/y],
  ['or', /\|/y],
  [
    'atom',
    /[A-Za-z0-9_ /:@#%&,;=~'"<>!-]|\.|\\[dw.\-_/+*?()[\]{}|^$\\]|\[\^?(?:[A-Za-z0-9_.]-[A-Za-z0-9_.]|[A-Za-z0-9_.])+-?\]/y,
  ],
];
const QUANTIFIER = /(?:([*+?])|\{(\d{1,3})(?:(,)(\d{1,3})?)?\})\??/y;

/** Tries whole names, or null where the pattern is not plain. */
export function readPlainPattern(text: string): ((name: string) => boolean) | null {
  if (!isPlain(text)) return null;
  try {
    const whole = new RegExp(`^(?:${text})$`);
    return (name) => whole.test(name);
  } catch {
    // A range that runs backwards, say: the linear engine words the refusal.
    return null;
  }
}

function isPlain(text: string): boolean {
  let depth = 0;
  let unbounded = 0;
  let size = text.length;
  let isEmptyBranch = true;
  for (let at = 0; at < text.length; ) {
    const found = readToken(text, at);
    if (!found) return false;
    at += found.length;
    if (found.kind === 'open') depth += 1;
    if (found.kind === 'open' || found.kind === 'or') {
      isEmptyBranch = true;
      continue;
    }
    if (found.kind === 'close') {
      depth -= 1;
      if (depth < 0 || isEmptyBranch) return false;
    }
    isEmptyBranch = false;
    QUANTIFIER.lastIndex = at;
    const quantifier = QUANTIFIER.exec(text);
    if (!quantifier) continue;
    const [{ length }, sign, min, comma, max] = quantifier;
    if (found.kind === 'close' && sign !== '?') return false;
    if (sign === '*' || sign === '+' || (comma !== undefined && max === undefined)) unbounded += 1;
    const count = Number(max ?? min ?? 1);
    if (max !== undefined && Number(min) > count) return false;
    size *= Math.max(1, count);
    at += length;
  }
  return depth === 0 && unbounded <= MAX_UNBOUNDED && size <= MAX_SIZE;
}

function readToken(text: string, at: number) {
  for (const [kind, pattern] of TOKENS) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) return { kind, length: found[0].length };
  }
  return null;
}
