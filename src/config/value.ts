/**
 * One raw value, from text or from JSON, to the value of its option. Pure; knows nothing of where the value came from except
 * whether it is text (flag, input, environment) or already typed (hook option, config file).
 * Invariants: an empty string counts as unset everywhere; a secret is never repeated in a problem, other values only cut and
 * printable.
 */
import { type Parsed, parseDuration } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import type { OptionSpec } from './option-spec.ts';

export type OptionValue = string | number | boolean | readonly string[];

const MAX_DIGITS = 15;
const MAX_ECHO = 60;

/** True for what counts as not given: nothing, blank text, a list of blank text. */
export function isUnset(raw: unknown): boolean {
  if (raw === undefined) return true;
  if (typeof raw === 'string') return raw.trim() === '';
  return Array.isArray(raw) && raw.every(isUnset);
}

/** Text as a flag, an input or a variable carries it; several where the flag was repeated. */
export function parseText(spec: OptionSpec, raw: string | boolean | readonly string[]): Parsed<OptionValue> {
  if (typeof raw === 'boolean') return { ok: true, value: raw };
  const texts = typeof raw === 'string' ? [raw] : raw;
  if (spec.type === 'list' || spec.type === 'lines') return { ok: true, value: splitItems(spec, texts) };
  // A scalar that was repeated: the last one wins; blank text is no value.
  const text = (texts.findLast((each) => each.trim() !== '') ?? '').trim();
  switch (spec.type) {
    case 'duration':
      return parseDurationIn(spec, text);
    case 'integer':
      return parseIntegerIn(spec, text);
    case 'boolean':
      return parseBoolean(spec, text);
    case 'choice':
      return parseChoice(spec, text);
    case 'string':
      return { ok: true, value: text };
  }
}

/** A value of a hook option or a config file: strings, numbers, booleans and lists as the JSON Schema says. */
export function parseTyped(spec: OptionSpec, raw: unknown): Parsed<OptionValue> {
  switch (spec.type) {
    case 'boolean':
      return typeof raw === 'boolean' ? { ok: true, value: raw } : refuse('must be true or false', raw);
    case 'integer':
      if (typeof raw !== 'number') return refuse('must be a whole number', raw);
      return Number.isSafeInteger(raw)
        ? inRange(spec, raw)
        : { ok: false, problem: `${raw} is not a whole number` };
    case 'list':
    case 'lines':
      if (typeof raw === 'string') return parseText(spec, raw);
      return Array.isArray(raw) && raw.every((item) => typeof item === 'string')
        ? parseText(spec, raw)
        : refuse('must be a list of strings', raw);
    case 'duration':
      // A number reads as a duration without a unit, and says so.
      if (typeof raw === 'number') return parseText(spec, String(raw));
      return typeof raw === 'string' ? parseText(spec, raw) : refuse('must be a duration such as "15m"', raw);
    case 'choice':
    case 'string':
      return typeof raw === 'string' ? parseText(spec, raw) : refuse('must be a string', raw);
  }
}

function refuse(expectation: string, raw: unknown): { ok: false; problem: string } {
  const kind = raw === null ? 'null' : Array.isArray(raw) ? 'a list' : typeof raw;
  const found = kind === 'object' ? 'an object' : kind === 'null' || kind === 'a list' ? kind : `a ${kind}`;
  return { ok: false, problem: `${expectation}, not ${found}` };
}

function splitItems(spec: OptionSpec, texts: readonly string[]): readonly string[] {
  const separator = spec.type === 'list' ? /[,\r\n]/ : /[\r\n]+/;
  const items = texts.flatMap((text) => text.split(separator)).map((item) => item.trim());
  return Object.freeze([...new Set(items.filter((item) => item !== ''))]);
}

function quote(spec: OptionSpec, text: string): string {
  return spec.secret ? 'the value' : `"${plain(text, MAX_ECHO)}"`;
}

function parseDurationIn(spec: OptionSpec, text: string): Parsed<number> {
  if (text.length > MAX_ECHO) return { ok: false, problem: `${quote(spec, text)} is not a duration` };
  const parsed = parseDuration(text);
  if (!parsed.ok) {
    const { problem } = parsed;
    return { ok: false, problem: problem.startsWith('is ') ? `${quote(spec, text)} ${problem}` : problem };
  }
  return inRange(spec, parsed.value);
}

function parseIntegerIn(spec: OptionSpec, text: string): Parsed<number> {
  if (!/^\d+$/.test(text)) {
    return { ok: false, problem: `${quote(spec, text)} is not a whole number; write digits only` };
  }
  if (text.length > MAX_DIGITS) return { ok: false, problem: `${quote(spec, text)} is too large` };
  return inRange(spec, Number(text));
}

function parseBoolean(spec: OptionSpec, text: string): Parsed<boolean> {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === 'false') return { ok: true, value: lower === 'true' };
  return { ok: false, problem: `${quote(spec, text)} is neither true nor false` };
}

function parseChoice(spec: OptionSpec, text: string): Parsed<string> {
  const choices = spec.choices ?? [];
  if (choices.includes(text)) return { ok: true, value: text };
  return { ok: false, problem: `${quote(spec, text)} is not one of ${choices.join(', ')}` };
}

/** A bound of a duration is text with a unit; of an integer a number, 0 where the table gives none. */
function boundOf(bound: number | string | undefined): number | undefined {
  if (typeof bound !== 'string') return bound;
  const parsed = parseDuration(bound);
  return parsed.ok ? parsed.value : undefined;
}

function inRange(spec: OptionSpec, value: number): Parsed<number> {
  const min = spec.min ?? 0;
  if (value < (boundOf(min) ?? 0) || value > (boundOf(spec.max) ?? Number.POSITIVE_INFINITY)) {
    const range = spec.max === undefined ? `at least ${min}` : `from ${min} to ${spec.max}`;
    return { ok: false, problem: `must be ${range}` };
  }
  return { ok: true, value };
}
