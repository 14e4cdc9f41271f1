/**
 * The gate's probes: which targets a job may ask, what a job that ends leaves on the board for others to ask, and what of
 * that another job may follow. What is on a board may be forged.
 * Invariant: from a board no command is run and no header or credential of this job's is sent to an http address.
 */
import type { ConfigProblem } from '../base/errors.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { MemberRecord } from '../gate/contract.ts';
import { findTargetProblem, type ProbeWorld } from '../probe/open.ts';
import { displayTarget, parseTarget, type Target } from '../probe/target.ts';

export type BoardProbe = NonNullable<MemberRecord['probe']>;

export interface GateTargets {
  readonly schemaProbe: Target | null;
  readonly ready: readonly Target[];
}

/** Parses the targets; what is wrong goes to `problems`. */
export function parseGateTargets(
  resolved: ResolvedOptions<'gate'>,
  world: Pick<ProbeWorld, 'heroku' | 'github'>,
  problems: ConfigProblem[],
): GateTargets {
  const { values } = resolved;
  const parse = (text: string, name: 'ready' | 'schemaProbe'): Target[] => {
    const parsed = parseTarget(text);
    const problem = parsed.ok ? findTargetProblem(parsed.value, world) : parsed.problem;
    if (problem !== null) problems.push({ option: resolved.spellingOf(name), message: problem });
    return parsed.ok && problem === null ? [parsed.value] : [];
  };
  const [schemaProbe = null] = values.schemaProbe === null ? [] : parse(values.schemaProbe, 'schemaProbe');
  if (schemaProbe && schemaProbe.kind !== 'http' && schemaProbe.kind !== 'command') {
    const message = `must answer JSON: https://… or command:…, not ${schemaProbe.kind}:`;
    problems.push({ option: resolved.spellingOf('schemaProbe'), message });
  }
  const ready = values.ready.flatMap((text) => parse(text, 'ready'));
  if (values.mode === 'announce' && ready.length === values.ready.length) {
    const problem = findBoardProblem(ready, values.probeHeader.length > 0);
    if (problem !== null) problems.push({ option: resolved.spellingOf('ready'), message: problem });
  }
  return { schemaProbe, ready };
}

/** What a released member leaves on the board; undefined where it has no target. Call it for what has no problem only. */
export function boardProbeOf([target]: readonly Target[]): BoardProbe | undefined {
  return target && { kind: target.kind, url: target.kind === 'http' ? target.url : displayTarget(target) };
}

/** The target a member left on the board, or null where this job must not or cannot ask it. */
export function parseBoardProbe({ kind, url }: BoardProbe): Target | null {
  const parsed = parseTarget(url);
  if (!parsed.ok || parsed.value.kind !== kind || kind === 'command') return null;
  return parsed.value.kind === 'http' && parsed.value.credentials !== null ? null : parsed.value;
}

// A board holds no secrets, and another job runs no command that it finds there.
function findBoardProblem(ready: readonly Target[], hasHeaders: boolean): string | null {
  const instead = 'give it to the wait-for job instead';
  const [first] = ready;
  if (ready.length > 1)
    return `with mode announce only one target can be left for the wait-for job; ${instead}`;
  if (first?.kind === 'command') return `a command cannot be left for the wait-for job; ${instead}`;
  const isSecret =
    first?.kind === 'http' && (first.credentials !== null || first.url.includes('?') || hasHeaders);
  return isSecret
    ? `a target with a user, a query or headers may hold secrets, and the board is not the place for them; ${instead}`
    : null;
}
