/**
 * What all members of a gate must agree on, its key, and what is refused before anything is sent. Pure.
 * Invariant: the key never carries the attempt: a re-run must find the board of the attempt before it (L3, L4).
 */
import type { Parsed } from '../base/duration.ts';
import { hashIdentity } from '../base/identity.ts';
import { plain } from '../base/text.ts';
import type { GateConfig } from './event.ts';
import { parseApi, type VersionScheme } from './versions.ts';

/** A workflow matrix has at most this many jobs. */
export const MAX_MEMBERS = 256;
const MAX_MEMBER_NAME = 64;
/** 2N + 1 writes of two requests each: more does not fit the limits of the GitHub API. */
const MAX_GITHUB_MEMBERS = 40;

export interface GateConfigInput {
  readonly gate: string;
  readonly members: readonly string[];
  /** Null: all must have the same API. */
  readonly requireApi: readonly string[] | null;
  readonly versionScheme: VersionScheme;
}

/** Sorts, checks and hashes the settings; all problems at once, one a line. */
export function parseGateConfig(input: GateConfigInput): Parsed<GateConfig> {
  const problems: string[] = [];
  const expected = [
    ...new Set(input.members.map((name) => name.trim()).filter((name) => name !== '')),
  ].sort();
  if (input.gate.trim() === '') problems.push('the gate has no name');
  if (expected.length === 0) problems.push('no members are expected; name every one of them');
  if (expected.length > MAX_MEMBERS)
    problems.push(`${expected.length} members are expected; a gate has at most ${MAX_MEMBERS}`);
  for (const name of expected.filter((each) => each.length > MAX_MEMBER_NAME))
    problems.push(`the member name ${plain(name)} is longer than ${MAX_MEMBER_NAME} characters`);
  const api = input.requireApi === null ? null : parseApi(input.requireApi);
  if (api && !api.ok) problems.push(`the required API ${api.problem}`);
  if (problems.length > 0) return { ok: false, problem: problems.join('\n') };
  const requireApi = api?.ok ? api.value : null;
  const { versionScheme } = input;
  const configHash = hashIdentity([JSON.stringify({ expected, requireApi, versionScheme })]);
  return { ok: true, value: { gate: input.gate, expected, requireApi, versionScheme, configHash } };
}

/** Which board a member of a run belongs to. */
export type GatePlace =
  | { readonly scope: 'run'; readonly repository: string; readonly run: string }
  | { readonly scope: 'environment'; readonly repository: string; readonly environment: string };

/**
 * The raw segments of the board's key, for `createKey(namespace, ...)`. The environment takes two segments, so that a run
 * called `env` with a gate of some name can never meet an environment's board.
 */
export function gateKeySegments(place: GatePlace, gate: string): string[] {
  return place.scope === 'run'
    ? ['gate', place.repository, place.run, gate]
    : ['gate', place.repository, 'env', place.environment, gate];
}

/**
 * Why this gate cannot work as it is set up, or null. With fewer runners than members a member in mode `wait` holds the
 * runner that the missing one needs (microceph #386: node 1 waited for all, all waited for node 1).
 */
export function findParallelismProblem(
  config: Pick<GateConfig, 'expected'>,
  job: { readonly mode: 'wait' | 'announce' | 'wait-for'; readonly maxParallel: number | null },
): string | null {
  const count = config.expected.length;
  if (job.mode !== 'wait' || job.maxParallel === null || job.maxParallel >= count) return null;
  return (
    `only ${job.maxParallel} of the ${count} members can run at once, so those that wait would hold the runners ` +
    'of those that are missing; use mode announce in the matrix and mode wait-for in a job that needs it, ' +
    'or raise max-parallel'
  );
}

/** Why this many members do not fit a store, or null. */
export function findStoreProblem(config: Pick<GateConfig, 'expected'>, storeUrl: string): string | null {
  const count = config.expected.length;
  if (!storeUrl.startsWith('github:') || count <= MAX_GITHUB_MEMBERS) return null;
  return (
    `a gate of ${count} members needs more requests than the GitHub store allows (at most ${MAX_GITHUB_MEMBERS} members); ` +
    'use an engine: redis://, postgres:// or etcd://'
  );
}
