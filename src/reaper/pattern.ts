/**
 * The required name pattern: a regular expression that must match a whole name, run by a linear-time engine, so that no
 * name and no pattern can stall a sweep. Patterns that would match what nobody may delete are refused before any request
 * (hatchet's unanchored pattern also took `hatchet-t-archive-production`).
 * NOT guaranteed: that a pattern is the one the user meant; the canaries catch only the broadest.
 * The engine is loaded when a pattern is parsed and not before.
 */
import type { Parsed } from '../base/duration.ts';
import { invariant, toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { NamePattern } from './contract.ts';
import { readPlainPattern } from './plain-pattern.ts';
import { hasNestedRepetition } from './repetition.ts';

/** Names longer than this are never matched; the reaper keeps them. */
export const MAX_NAME_LENGTH = 256;
const MAX_PATTERN_LENGTH = 512;
/** Instructions of the compiled program: what one character of a name costs at most. */
const MAX_PROGRAM_SIZE = 1000;

/** Names that no pattern may match: things people keep, and the empty name. */
export const CANARY_NAMES: readonly string[] = Object.freeze([
  '',
  'production',
  'prod',
  'staging',
  'main',
  'master',
  'live',
  'www',
  'web',
  'app',
  'api',
  'db',
  'database',
  'default',
]);
/** Names that a pattern for stale apps matches only if it matches nearly everything. */
const ANY_NAMES: readonly string[] = Object.freeze([
  'x',
  '0',
  'a-name-that-nobody-would-ever-choose-for-a-stale-app',
  'Customer Portal (EU)',
]);

const EXAMPLE = 'write a pattern for whole names, such as ci-[a-f0-9]+';

/** A pattern that is certainly usable; compiling it may load the engine. */
export interface CheckedPattern {
  readonly source: string;
  compile(): Promise<NamePattern>;
}

/**
 * Everything that can be wrong with a pattern. A problem is worded to follow the option's name. The engine is loaded only for
 * a pattern that is not plain (plain-pattern.ts), so that whoever will not match a name does not pay for it.
 */
export async function checkPattern(text: string): Promise<Parsed<CheckedPattern>> {
  const matches = text.trim() !== '' && text.length <= MAX_PATTERN_LENGTH ? readPlainPattern(text) : null;
  if (!matches) {
    const parsed = await parsePattern(text);
    if (!parsed.ok) return parsed;
    return { ok: true, value: { source: text, compile: async () => parsed.value } };
  }
  const problem = findBreadth(plain(text, 80), matches);
  if (problem !== null) return { ok: false, problem };
  const compile = async () => {
    const parsed = await parsePattern(text);
    invariant(parsed.ok, `the plain pattern ${plain(text, 80)} was refused by the engine`);
    return parsed.value;
  };
  return { ok: true, value: { source: text, compile } };
}

/** Compiles a pattern with the linear-time engine. A problem is worded to follow the option's name. */
export async function parsePattern(text: string): Promise<Parsed<NamePattern>> {
  const refuse = (problem: string): Parsed<NamePattern> => ({ ok: false, problem });
  if (text.trim() === '') return refuse(`is empty; ${EXAMPLE}`);
  if (text.length > MAX_PATTERN_LENGTH)
    return refuse(`is longer than ${MAX_PATTERN_LENGTH} characters; ${EXAMPLE}`);
  const shown = plain(text, 80);

  const { RE2JS } = await import('re2js');
  let compiled: ReturnType<typeof RE2JS.compile>;
  try {
    // Alone first: wrapped at once, `a)|(b` would compile and escape the anchors.
    RE2JS.compile(text);
    compiled = RE2JS.compile(`^(?:${text})$`);
  } catch (thrown) {
    return refuse(`"${shown}" cannot be used: ${explain(text, toError(thrown))}`);
  }
  if (hasNestedRepetition(text))
    return refuse(
      `"${shown}" repeats a repetition (such as (a+)+), which can match one name in very many ways; repeat once`,
    );
  if (compiled.programSize() > MAX_PROGRAM_SIZE)
    return refuse(`"${shown}" is too large once compiled; use smaller repeat counts`);

  const matches = (name: string) => name.length <= MAX_NAME_LENGTH && compiled.matches(name);
  const problem = findBreadth(shown, matches);
  return problem === null ? { ok: true, value: Object.freeze({ source: text, matches }) } : refuse(problem);
}

/** What is wrong with a pattern that matches too much; null where it does not. */
function findBreadth(shown: string, matches: (name: string) => boolean): string | null {
  const canary = CANARY_NAMES.find(matches);
  if (canary === '') return `"${shown}" matches the empty name; require at least a prefix`;
  if (canary !== undefined)
    return `"${shown}" matches the name "${canary}", which no sweep may delete; require a prefix that only stale apps have`;
  return ANY_NAMES.some(matches)
    ? `"${shown}" matches nearly any name; require a prefix that only stale apps have`
    : null;
}

function explain(text: string, error: Error): string {
  if (/\(\?<?[=!]/.test(text))
    return 'look-ahead and look-behind are not supported; name what to keep with a protect rule';
  if (/\\[1-9]|\\k</.test(text)) return 'back-references are not supported';
  // The engine words it `error parsing regexp: what: `where``; the last part would quote our own anchors.
  return plain(error.message.replace(/^error parsing regexp: /, '').replace(/: `.*`$/s, ''), 120);
}
