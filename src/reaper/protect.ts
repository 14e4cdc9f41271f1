/**
 * Protect rules: a whole name with `*` (any run of characters) and `?` (any one), or `id:ID` for one exact id.
 * Everything else is refused, so that nobody believes a regular expression or a list protects something.
 * Matching is case-sensitive and bounded by name length times rule length, without backtracking over more than one star.
 */
import type { Parsed } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import type { ProtectRule } from './contract.ts';

const MAX_RULE_LENGTH = 256;
const FIELD = /^([a-z][a-z_-]*):/i;
const REGEX_SIGNS = /[[\]{}()^$|+\\]|\.\*/;

/** One protect rule from its text. A problem is worded to follow the option's name. */
export function parseProtect(text: string): Parsed<ProtectRule> {
  const problem = findProblem(text);
  if (problem !== null) return { ok: false, problem };
  if (text.startsWith('id:')) {
    const id = text.slice('id:'.length);
    return { ok: true, value: { source: text, protects: (app) => app.id === id } };
  }
  const glob = Array.from(text);
  return { ok: true, value: { source: text, protects: (app) => matchesGlob(glob, Array.from(app.name)) } };
}

function findProblem(text: string): string | null {
  if (text.trim() === '') return 'is empty; write a whole name with * and ?, or id:ID';
  const shown = `"${plain(text, 80)}"`;
  if (text.length > MAX_RULE_LENGTH)
    return `${shown} is longer than ${MAX_RULE_LENGTH} characters; no name is that long`;
  if (/^\s|\s$/.test(text)) return `${shown} starts or ends with a space; remove it`;
  if (/[\u0000-\u001f\u007f]/.test(text)) return `${shown} contains a control character`;
  if (text.includes(',')) return `${shown} contains a comma; write one rule each`;
  const field = FIELD.exec(text)?.[1];
  if (field === 'id') {
    return /^id:[^\s*?]+$/.test(text)
      ? null
      : `${shown} is not an id; write id: and the exact id, without * and ?`;
  }
  if (field !== undefined) return `${shown} names the unknown field ${plain(field, 40)}; only id:ID is known`;
  if (text.startsWith('!')) return `${shown} starts with !; a rule can only protect`;
  if (REGEX_SIGNS.test(text))
    return `${shown} looks like a regular expression; write a whole name with * and ?, or id:ID`;
  return null;
}

/** Greedy matching that remembers only the last star. */
function matchesGlob(glob: readonly string[], name: readonly string[]): boolean {
  let at = 0;
  let starAt = -1;
  let resumeAt = 0;
  for (let nameAt = 0; nameAt < name.length; ) {
    if (glob[at] === '*') {
      starAt = at;
      resumeAt = nameAt;
      at += 1;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === name[nameAt])) {
      at += 1;
      nameAt += 1;
    } else if (starAt >= 0) {
      at = starAt + 1;
      resumeAt += 1;
      nameAt = resumeAt;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}
