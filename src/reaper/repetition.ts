/**
 * Finds repetitions of repetitions in a regular expression, such as `(a+)+` or `(x+x+)*`: one text, very many ways to
 * match it. The engine in use is linear and would not mind; the pattern is a mistake all the same, and deadly to whoever
 * copies it into another engine. A repeated group with a literal between (`(-[a-z]+)*`) is no such mistake.
 * NOT guaranteed: completeness; `(a|a)*` passes. The pattern has been compiled before, so its syntax is known to be right.
 */

/** One quantified thing of a branch. */
interface Item {
  /** Can take any number of characters, where nothing in it marks the end. */
  isLoose: boolean;
  /** Always there and literal: marks where one round ends. */
  separates: boolean;
}

interface Group {
  branches: Item[][];
}

interface Quantifier {
  length: number;
  min: number;
  isUnbounded: boolean;
}

/** True where an unbounded repetition repeats a branch that is itself nothing but loose. */
export function hasNestedRepetition(pattern: string): boolean {
  const stack: Group[] = [{ branches: [[]] }];
  const top = () => stack[stack.length - 1] as Group;
  const branch = () => top().branches[top().branches.length - 1] as Item[];

  for (let at = 0; at < pattern.length; ) {
    const char = pattern[at] as string;
    if (char === '(') {
      at += groupHeadLength(pattern, at);
      if (pattern[at - 1] !== ')') stack.push({ branches: [[]] });
      continue;
    }
    if (char === '|') {
      top().branches.push([]);
      at += 1;
      continue;
    }
    let item: Item;
    let isNested = false;
    if (char === ')' && stack.length > 1) {
      const group = stack.pop() as Group;
      isNested = group.branches.some(isLooseBranch);
      item = {
        isLoose: isNested,
        separates: group.branches.every((items) => items.some((one) => one.separates)),
      };
      at += 1;
    } else {
      item = { isLoose: false, separates: !/[.^$]/.test(char) };
      at += atomLength(pattern, at);
    }
    const quantifier = readQuantifier(pattern, at);
    if (quantifier) {
      at += quantifier.length;
      if (quantifier.isUnbounded && isNested) return true;
      item = {
        isLoose: item.isLoose || quantifier.isUnbounded,
        separates: item.separates && quantifier.min > 0 && !quantifier.isUnbounded,
      };
    }
    branch().push(item);
  }
  return false;
}

function isLooseBranch(items: readonly Item[]): boolean {
  return items.some((item) => item.isLoose) && !items.some((item) => item.separates);
}

/** `(`, `(?:`, `(?i:`, `(?P<name>`, `(?<name>`, or a whole flag setting `(?i)`. */
function groupHeadLength(pattern: string, at: number): number {
  const head = /^\((?:\?(?:P?<[^>]*>|[a-zA-Z-]*[:)]))?/.exec(pattern.slice(at));
  return head?.[0].length ?? 1;
}

/** An escape, a quotation, a class, or one character. */
function atomLength(pattern: string, at: number): number {
  const rest = pattern.slice(at);
  const found =
    /^\\Q[\s\S]*?(?:\\E|$)/.exec(rest) ??
    /^\\(?:[pP]\{[^}]*\}|x\{[^}]*\}|[\s\S])/.exec(rest) ??
    /^\[\^?\]?(?:\[:[^\]]*:\]|\\[\s\S]|[^\]\\])*\]/.exec(rest);
  return found?.[0].length ?? 1;
}

function readQuantifier(pattern: string, at: number): Quantifier | null {
  const found = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(pattern.slice(at));
  if (!found) return null;
  const [{ length }, sign, min, comma, max] = found;
  if (sign !== undefined) return { length, min: sign === '+' ? 1 : 0, isUnbounded: sign !== '?' };
  return { length, min: Number(min), isUnbounded: comma !== undefined && max === '' };
}
