/**
 * `github-check:NAME@REF`: check runs of that name on a commit, branch or tag. Success, neutral and skipped are passing, not
 * completed is a warning, every other conclusion critical; several runs of the name (other apps, other workflows) roll up to
 * the worst; no such run is `unknown`. One conditional request per call. Reads the first 100 runs of the name.
 */
import type { JsonObject } from '../base/codec.ts';
import { isJsonObject } from '../base/codec.ts';
import { plain } from '../base/text.ts';
import { HEALTH_STATUSES, type Probe, type ProbeResult } from './contract.ts';
import { createGithubMemory, type GithubReader, listOf } from './github-reader.ts';
import { createResult, unreachable } from './result.ts';
import type { Target } from './target.ts';

export interface GithubCheckProbeOptions {
  readonly id: string;
  readonly target: Extract<Target, { kind: 'github-check' }>;
  readonly reader: GithubReader;
  /** `OWNER/REPO`. */
  readonly repository: string;
}

const GOOD = new Set(['success', 'neutral', 'skipped']);

/** A probe of one check name on one ref. */
export function createGithubCheckProbe({ id, target, reader, repository }: GithubCheckProbeOptions): Probe {
  const memory = createGithubMemory(reader);
  const name = encodeURIComponent(target.name);
  const path = `/repos/${repository}/commits/${encodeURIComponent(target.ref)}/check-runs?check_name=${name}&filter=latest&per_page=100`;
  return {
    id,
    watch: null,
    async probe({ signal }) {
      const answer = await memory.read(path, signal);
      if (answer.kind === 'result') return answer.result;
      const runs = isJsonObject(answer.body) ? listOf(answer.body['check_runs']) : null;
      return runs === null ? unreachable('GitHub: no list of check runs in the answer') : judgeRuns(runs);
    },
    async close() {
      // The reader is borrowed.
    },
  };
}

function judgeRuns(runs: readonly JsonObject[]): ProbeResult {
  const results = runs.map(judgeRun);
  const worst = results.reduce<ProbeResult | null>(
    (so, next) => (so === null || rank(next) > rank(so) ? next : so),
    null,
  );
  return worst ?? createResult({ status: 'unknown', detail: 'no such check run', hint: 'pending' });
}

function judgeRun(run: JsonObject): ProbeResult {
  const { status, conclusion } = run;
  if (status !== 'completed')
    return createResult({
      status: 'warning',
      detail: typeof status === 'string' ? plain(status, 40) : 'not completed',
      hint: 'pending',
    });
  const word = typeof conclusion === 'string' ? plain(conclusion, 40) : 'no conclusion';
  return createResult({ status: GOOD.has(word) ? 'passing' : 'critical', detail: word });
}

function rank(result: ProbeResult): number {
  return HEALTH_STATUSES.indexOf(result.status);
}
