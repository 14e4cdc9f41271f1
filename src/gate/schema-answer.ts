/**
 * What a probe's answer says about the schema and the API, in the gate's own terms. Pure but for the one question.
 * Invariant: a text that is no version of the gate's scheme is no answer; nothing here guesses.
 */
import { plain } from '../base/text.ts';
import type { Probe, ProbeResult } from '../probe/contract.ts';
import { type ReadinessPaths, readCarried } from '../probe/readiness.ts';
import type { Versions } from './contract.ts';
import { parseSchema, reaches, type VersionScheme } from './versions.ts';

/** `unknown`: it said nothing that counts; `fatal`: asking again will not help. */
export type SchemaAnswer =
  | { readonly kind: 'schema'; readonly schema: string; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string; readonly fatal: boolean };

/** Which schema the world has, by one answer. */
export function readSchemaAnswer(
  result: ProbeResult,
  { paths, versionScheme }: { paths: ReadinessPaths; versionScheme: VersionScheme },
): SchemaAnswer {
  const unknown = (why: string): SchemaAnswer => ({
    kind: 'unknown',
    detail: plain(why === '' ? result.detail : `${result.detail}; ${why}`),
    fatal: result.hint === 'fatal',
  });
  if (result.unreachable || result.status !== 'passing' || result.hint !== null) return unknown('');
  const carried = readCarried(result, paths);
  if (carried.kind === 'nothing') return unknown('it printed no JSON');
  if (carried.kind === 'unreadable') return unknown(carried.problem);
  if (carried.schema === null) return unknown('its JSON has no schema at the path');
  const parsed = parseSchema(carried.schema, versionScheme);
  if (!parsed.ok) return unknown(`its schema ${plain(carried.schema, 60)} ${parsed.problem}`);
  return { kind: 'schema', schema: parsed.value, detail: result.detail };
}

/** Asks once. Rejects only with the signal's reason. */
export async function askSchema(
  probe: Probe,
  rules: Parameters<typeof readSchemaAnswer>[1],
  signal: AbortSignal,
): Promise<SchemaAnswer & { readonly retryAfterMs: number }> {
  const result = await probe.probe({ signal });
  return { ...readSchemaAnswer(result, rules), retryAfterMs: result.retryAfterMs ?? 0 };
}

/** What a ready target's JSON lacks of the versions wanted; null where it suffices. */
export function lacksVersions(
  carried: { readonly schema: string | null; readonly api: readonly string[] | null },
  target: Versions,
  versionScheme: VersionScheme,
): string | null {
  if (carried.schema === null) return `its JSON has no schema; wanted is ${target.schema}`;
  const parsed = parseSchema(carried.schema, versionScheme);
  if (!parsed.ok) return `its schema ${plain(carried.schema, 60)} ${parsed.problem}`;
  if (!reaches(parsed.value, target.schema, versionScheme))
    return `has schema ${plain(parsed.value, 60)}, wanted is ${plain(target.schema, 60)}`;
  const missing = target.api.filter((name) => carried.api?.includes(name) !== true);
  return missing.length === 0 ? null : `lacks api ${plain(missing.join(' '), 120)}`;
}
