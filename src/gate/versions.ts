/**
 * Versions: one schema (by scheme) and a set of API extensions, and how two of them relate. Pure.
 * A version has several dimensions; one that misses something and has something else is diverged, not "behind"
 * (microcluster compared the lengths of two lists: same length, other names, and both were told to upgrade).
 */
import type { Parsed } from '../base/duration.ts';
import { CorruptRecordError } from '../base/errors.ts';

export const VERSION_SCHEMES = ['integer', 'dotted', 'list'] as const;
export type VersionScheme = (typeof VERSION_SCHEMES)[number];

/** How the first of two relates to the second. */
export type Relation = 'equal' | 'behind' | 'ahead' | 'diverged';

/** How versions are compared: the gate's settings. */
export interface VersionRules {
  readonly versionScheme: VersionScheme;
  /** Only these entries count; null: all do. */
  readonly requireApi: readonly string[] | null;
}

interface Versioned {
  readonly schema: string;
  readonly api: readonly string[];
}

/** The difference of one version to another, in words a report can print. */
export interface VersionDifference {
  readonly relation: Relation;
  readonly schema: Relation;
  /** API entries the other has and this one lacks. */
  readonly missing: readonly string[];
  /** API entries this one has and the other lacks. */
  readonly extra: readonly string[];
}

const MAX_SCHEMA_CHARS = 16 * 1024;
const MAX_NAME_CHARS = 128;
const MAX_API_ENTRIES = 200;

/** A schema version as a user wrote it → canonical text (a list is sorted, without repetitions), or the problem. */
export function parseSchema(text: string, scheme: VersionScheme): Parsed<string> {
  const trimmed = text.trim();
  if (trimmed === '') return { ok: false, problem: 'is empty' };
  if (trimmed.length > MAX_SCHEMA_CHARS)
    return { ok: false, problem: `is longer than ${MAX_SCHEMA_CHARS} characters` };
  switch (scheme) {
    case 'integer':
      if (/^\d{1,40}$/.test(trimmed)) return { ok: true, value: trimmed };
      return {
        ok: false,
        problem: 'is not a whole number of at most 40 digits; version-scheme dotted or list takes others',
      };
    case 'dotted':
      if (/^\d{1,20}(\.\d{1,20}){0,9}$/.test(trimmed)) return { ok: true, value: trimmed };
      return {
        ok: false,
        problem: 'is not numbers joined by dots, such as 1.12.0 (at most ten, without a prefix)',
      };
    case 'list': {
      const ids = parseNames(trimmed.split(/[\s,]+/), 'id');
      if (!ids.ok) return ids;
      if (ids.value.length === 0) return { ok: false, problem: 'names no id' };
      return { ok: true, value: ids.value.join(',') };
    }
  }
}

/** API extensions → sorted, without repetitions. None at all is a set, too. */
export function parseApi(names: readonly string[]): Parsed<string[]> {
  const parsed = parseNames(names, 'API extension');
  if (parsed.ok && parsed.value.length > MAX_API_ENTRIES)
    return { ok: false, problem: `has more than ${MAX_API_ENTRIES} API extensions` };
  return parsed;
}

function parseNames(names: readonly string[], what: string): Parsed<string[]> {
  const wanted = names.map((name) => name.trim()).filter((name) => name !== '');
  if (wanted.some((name) => name.length > MAX_NAME_CHARS))
    return { ok: false, problem: `has an ${what} of more than ${MAX_NAME_CHARS} characters` };
  return { ok: true, value: [...new Set(wanted)].sort() };
}

/** How schema `mine` relates to `theirs`. CorruptRecordError where one was never parsed: it came from a forged board. */
export function compareSchema(mine: string, theirs: string, scheme: VersionScheme): Relation {
  if (mine === theirs) return 'equal';
  if (scheme === 'list') {
    const [own, others] = [new Set(listOf(mine)), new Set(listOf(theirs))];
    return relationOf({
      lacks: [...others].some((id) => !own.has(id)),
      has: [...own].some((id) => !others.has(id)),
    });
  }
  const [own, others] = [numbersOf(mine), numbersOf(theirs)];
  for (let index = 0; index < Math.max(own.length, others.length); index += 1) {
    // 1.2 and 1.2.0 are the same version.
    const [left, right] = [own[index] ?? 0n, others[index] ?? 0n];
    if (left !== right) return left < right ? 'behind' : 'ahead';
  }
  return 'equal';
}

/** The least schema that is at least each of them: the highest, or all ids together. Null for none. */
export function highestSchema(schemas: readonly string[], scheme: VersionScheme): string | null {
  if (schemas.length === 0) return null;
  if (scheme === 'list') return [...new Set(schemas.flatMap(listOf))].sort().join(',');
  return schemas.reduce((highest, schema) =>
    compareSchema(schema, highest, scheme) === 'ahead' ? schema : highest,
  );
}

/** True where `schema` has all that `wanted` has: the world is at least there. */
export function reaches(schema: string | null, wanted: string, scheme: VersionScheme): boolean {
  if (schema === null) return false;
  const relation = compareSchema(schema, wanted, scheme);
  return relation === 'equal' || relation === 'ahead';
}

/** How version `mine` relates to `theirs`, over all dimensions. */
export function compareVersions(mine: Versioned, theirs: Versioned, rules: VersionRules): VersionDifference {
  const counts = (name: string) => rules.requireApi === null || rules.requireApi.includes(name);
  const missing = theirs.api.filter((name) => counts(name) && !mine.api.includes(name));
  const extra = mine.api.filter((name) => counts(name) && !theirs.api.includes(name));
  const schema = compareSchema(mine.schema, theirs.schema, rules.versionScheme);
  const relation = relationOf({
    lacks: missing.length > 0 || schema === 'behind' || schema === 'diverged',
    has: extra.length > 0 || schema === 'ahead' || schema === 'diverged',
  });
  return { relation, schema, missing, extra };
}

/** What a set of versions asks of each: the highest schema, and all API entries or the required ones. Null for none. */
export function targetOf(
  versions: readonly Versioned[],
  rules: VersionRules,
): { schema: string; api: string[] } | null {
  const schemas = versions.map((each) => each.schema);
  const schema = highestSchema(schemas, rules.versionScheme);
  if (schema === null) return null;
  const api = rules.requireApi ?? versions.flatMap((each) => each.api);
  return { schema, api: [...new Set(api)].sort() };
}

function relationOf({ lacks, has }: { lacks: boolean; has: boolean }): Relation {
  if (lacks) return has ? 'diverged' : 'behind';
  return has ? 'ahead' : 'equal';
}

function listOf(text: string): string[] {
  return text.split(',').filter((id) => id !== '');
}

function numbersOf(text: string): bigint[] {
  if (!/^\d+(\.\d+)*$/.test(text))
    throw new CorruptRecordError('a schema version on the board is not a number; it was left untouched');
  return text.split('.').map(BigInt);
}
