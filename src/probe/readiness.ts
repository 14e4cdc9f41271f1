/**
 * When a target is ready for the gate, pure (gate 1.6): its answer is passing, its JSON (where it has some) carries the
 * schema and API that suffice, and that several times in a row, since replicas behind one name may differ.
 * What suffices is the gate's to say: version schemes live there. JSON pointers follow RFC 6901.
 */
import type { Parsed } from '../base/duration.ts';
import { plain } from '../base/text.ts';
import type { ProbeResult } from './contract.ts';

/** Reference tokens of a parsed pointer; none is the whole document. */
export type JsonPointer = readonly string[];

/** `/schema`, `/data/0/version`; `~1` is a slash, `~0` a tilde. */
export function parsePointer(text: string): Parsed<JsonPointer> {
  if (text !== '' && !text.startsWith('/'))
    return { ok: false, problem: 'is not a JSON pointer; start it with a slash, such as /schema' };
  if (/~(?![01])/.test(text))
    return { ok: false, problem: 'is not a JSON pointer; write ~ as ~0 and / within a name as ~1' };
  const tokens = text === '' ? [] : text.slice(1).split('/');
  return { ok: true, value: tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~')) };
}

/** What the pointer leads to; undefined where it leads nowhere. Own fields only. */
export function resolvePointer(document: unknown, pointer: JsonPointer): unknown {
  let value = document;
  for (const token of pointer) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(token)) return undefined;
    if (!Object.hasOwn(value, token)) return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return value;
}

export interface ReadinessPaths {
  readonly schemaPath: JsonPointer;
  readonly apiPath: JsonPointer;
}

/** What an answer says about versions. A list of schema ids comes joined by commas. */
export type Carried =
  | { readonly kind: 'versions'; readonly schema: string | null; readonly api: readonly string[] | null }
  /** No JSON at all: then passing is all there is to ask. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Reads schema and API out of a result's JSON. A field that is absent or null is null; one of a wrong type unreadable. */
export function readCarried(result: ProbeResult, paths: ReadinessPaths): Carried {
  if (result.body === undefined) return { kind: 'nothing' };
  const schema = readSchema(resolvePointer(result.body, paths.schemaPath));
  const api = readNames(resolvePointer(result.body, paths.apiPath));
  if (schema === undefined)
    return { kind: 'unreadable', problem: 'its schema is neither a text, an integer nor a list of these' };
  if (api === undefined) return { kind: 'unreadable', problem: 'its API is not a list of texts' };
  return { kind: 'versions', schema, api };
}

/** How many good answers came in a row. */
export interface ReadinessState {
  readonly successes: number;
}

/** Before anything was asked. */
export const notReadyYet: ReadinessState = Object.freeze({ successes: 0 });

export interface ReadinessRules {
  readonly paths: ReadinessPaths;
  /** How many good answers in a row make it ready. */
  readonly successes: number;
  /** Null where the versions suffice, else what is missing, as one line. */
  lacks(carried: { schema: string | null; api: readonly string[] | null }): string | null;
}

export interface Readiness {
  readonly state: ReadinessState;
  readonly ready: boolean;
  /** Waiting will not help. */
  readonly fatal: boolean;
  readonly carried: Carried;
  /** One printable line: the last thing the target said and what is missing. */
  readonly detail: string;
}

/** The verdict after one more answer. Any answer that is not good starts the count again. */
export function decideReadiness(
  state: ReadinessState,
  result: ProbeResult,
  rules: ReadinessRules,
): Readiness {
  const carried = readCarried(result, rules.paths);
  const problem = findProblem(result, carried, rules);
  const successes = problem === null ? state.successes + 1 : 0;
  const ready = successes >= rules.successes;
  const counted = ready ? 'ready' : `${successes} of ${rules.successes} in a row`;
  return {
    state: Object.freeze({ successes }),
    ready,
    fatal: result.hint === 'fatal',
    carried,
    detail: plain(`${result.detail}; ${problem ?? counted}`),
  };
}

function findProblem(result: ProbeResult, carried: Carried, rules: ReadinessRules): string | null {
  if (result.unreachable) return 'cannot be asked';
  if (result.status !== 'passing' || result.hint !== null) return 'not yet';
  if (carried.kind === 'nothing') return null;
  return carried.kind === 'unreadable' ? carried.problem : rules.lacks(carried);
}

function readSchema(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) {
    const names = value.map(readScalar);
    return names.every((name) => name !== undefined) ? names.join(',') : undefined;
  }
  return readScalar(value);
}

function readScalar(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  // Beyond 2^53 a number has lost digits on its way through JSON.
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
}

function readNames(value: unknown): readonly string[] | null | undefined {
  if (value === undefined || value === null) return null;
  return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : undefined;
}
