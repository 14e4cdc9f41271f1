/**
 * Reading JSON that came from outside without trusting it: small checkers that either return a typed value or say at
 * which path what was expected. A record that fails is corrupt; nothing here repairs or guesses.
 */
import { CorruptRecordError } from './errors.ts';

/** A JSON object of unknown fields. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for a plain object (not null, not an array). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses text that must be a JSON object; otherwise CorruptRecordError naming `what`. */
export function parseJsonObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CorruptRecordError(`${what} is not JSON; it was left untouched`, { cause });
  }
  if (!isJsonObject(value))
    throw new CorruptRecordError(`${what} is not a JSON object; it was left untouched`);
  return value;
}

/** A reader over one object: each method returns the field or throws CorruptRecordError with its path. */
export interface FieldReader {
  string(name: string): string;
  optionalString(name: string): string | undefined;
  /** A safe integer within [min, max]. */
  integer(name: string, range?: { min?: number; max?: number }): number;
  choice<T extends string>(name: string, choices: readonly T[]): T;
  object(name: string): FieldReader;
  array(name: string): readonly unknown[];
  readonly raw: JsonObject;
}

/** A reader for `object`; `path` prefixes every complaint. */
export function readFields(object: JsonObject, path: string): FieldReader {
  const fail = (name: string, expected: string): never => {
    throw new CorruptRecordError(`${path}.${name} should be ${expected}; the record was left untouched`);
  };
  return {
    raw: object,
    string(name) {
      const value = object[name];
      return typeof value === 'string' ? value : fail(name, 'a string');
    },
    optionalString(name) {
      const value = object[name];
      return value === undefined || typeof value === 'string' ? value : fail(name, 'a string or absent');
    },
    integer(name, { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = {}) {
      const value = object[name];
      const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
      return fits ? value : fail(name, `an integer from ${min} to ${max}`);
    },
    choice(name, choices) {
      const value = object[name];
      const found = choices.find((choice) => choice === value);
      return found ?? fail(name, `one of ${choices.join(', ')}`);
    },
    object(name) {
      const value = object[name];
      return isJsonObject(value) ? readFields(value, `${path}.${name}`) : fail(name, 'an object');
    },
    array(name) {
      const value = object[name];
      return Array.isArray(value) ? (value as readonly unknown[]) : fail(name, 'a list');
    },
  };
}

/** Freezes a value and all it holds; returns it. Records are values (consul #5876: one was changed in place). */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
