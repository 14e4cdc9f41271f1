/**
 * What the options of `gate` mean together: which belong to which mode and scope, versions and pointers parsed, and what
 * cannot work refused at once. Targets are handed on as text; the probes parse them.
 * Invariant: one mistake gives one problem; an option that would have no effect is refused.
 */
import type { ConfigProblem } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import { findParallelismProblem, findStoreProblem, parseGateConfig } from '../gate/config.ts';
import type { GateConfig } from '../gate/event.ts';
import { parseApi, parseSchema } from '../gate/versions.ts';
import { parsePointer, type ReadinessPaths } from '../probe/readiness.ts';
import type { OptionName } from './options.ts';
import type { ResolvedOptions } from './resolve.ts';

/** Everything `gate` needs beside the common options. */
export interface GateSettings {
  readonly config: GateConfig;
  /** Null: mode `wait-for` without a name of its own. */
  readonly member: string | null;
  readonly versions: { readonly schema: string; readonly api: readonly string[] };
  readonly paths: ReadinessPaths;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Options that need a job that stays. */
const NOT_FOR_ANNOUNCE: readonly OptionName<'gate'>[] = ['migrate', 'schemaProbe', 'onLeave', 'jobName'];
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/;

export interface CheckedGateOptions {
  readonly settings: GateSettings | null;
  readonly problems: ConfigProblem[];
  /** This job's own name is not on its list of members: the code `unexpected-member`. */
  readonly isStranger: boolean;
}

/** Checks everything there is to check without the world. Null where there are problems. */
export function checkGateOptions(
  resolved: ResolvedOptions<'gate'>,
  storeUrl: string | null,
): CheckedGateOptions {
  const { values } = resolved;
  const spellingOf = (name: OptionName<'gate'>) => resolved.spellingOf(name);
  const problems = [...resolved.problems];
  const add = (name: OptionName<'gate'>, message: string) =>
    problems.push({ option: spellingOf(name), message });
  const isGiven = (name: OptionName<'gate'>) => resolved.sourceOf(name) !== null;

  // 1. Who takes part.
  const parsed = parseGateConfig({
    gate: values.name ?? '',
    members: values.members,
    requireApi: isGiven('requireApi') ? values.requireApi : null,
    versionScheme: values.versionScheme,
  });
  if (!parsed.ok && isGiven('members')) for (const line of parsed.problem.split('\n')) add('members', line);
  const member = values.member?.trim() ?? null;
  if (member === null && values.mode !== 'wait-for')
    add('member', 'is required: which of the members this job is');
  const isStranger =
    member !== null && parsed.ok && values.mode !== 'wait-for' && !parsed.value.expected.includes(member);
  if (isStranger)
    add(
      'member',
      `${plain(member, 64)} is not one of ${spellingOf('members')}: ${parsed.value.expected.join(', ')}`,
    );

  // 2. What it was built for.
  const schema = values.schema === null ? null : parseSchema(values.schema, values.versionScheme);
  if (schema && !schema.ok) add('schema', schema.problem);
  const api = parseApi(values.api);
  if (!api.ok) add('api', api.problem);

  // 3. What does not go together.
  if (values.mode === 'announce') {
    for (const name of NOT_FOR_ANNOUNCE)
      if (isGiven(name))
        add(name, `has no effect with ${spellingOf('mode')} announce, whose job ends at once`);
  }
  if (values.scope === 'environment' && !isGiven('environment'))
    add('environment', `is required with ${spellingOf('scope')} environment`);
  if (values.scope === 'run' && isGiven('environment'))
    add('environment', `needs ${spellingOf('scope')} environment`);
  if (parsed.ok) {
    // Of several matrices none limits the gate as long as it runs all of its own jobs at once.
    const isFree =
      values.maxParallel !== null && values.jobTotal !== null && values.maxParallel >= values.jobTotal;
    const problem = findParallelismProblem(parsed.value, {
      mode: values.mode,
      maxParallel: isFree ? null : values.maxParallel,
    });
    if (problem !== null) add('maxParallel', problem);
    const storeProblem = storeUrl === null ? null : findStoreProblem(parsed.value, storeUrl);
    if (storeProblem !== null) add('members', storeProblem);
  }

  // 4. How probes are asked.
  const schemaPath = parsePointer(values.schemaPath);
  if (!schemaPath.ok) add('schemaPath', schemaPath.problem);
  const apiPath = parsePointer(values.apiPath);
  if (!apiPath.ok) add('apiPath', apiPath.problem);
  const headers = parseHeaders(values.probeHeader);
  if (!headers) add('probeHeader', "has a line that is no header; write 'Name: value'");

  const isWhole = parsed.ok && schema?.ok && api.ok && schemaPath.ok && apiPath.ok && headers;
  if (problems.length > 0 || !isWhole) return { settings: null, problems, isStranger };
  const settings: GateSettings = Object.freeze({
    config: parsed.value,
    member,
    versions: { schema: schema.value, api: api.value },
    paths: { schemaPath: schemaPath.value, apiPath: apiPath.value },
    headers,
  });
  return { settings, problems, isStranger };
}

/** Null where a line is no header. A value may be anything printable; it is never shown. */
function parseHeaders(lines: readonly string[]): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value))
      return null;
    headers[name.toLowerCase()] = value.trim();
  }
  return headers;
}
