/**
 * `github-deployment:ENVIRONMENT`: the latest status of the latest deployment there. Success is passing; in progress, queued,
 * pending (and none yet) a warning; failure, error, inactive critical; no deployment at all is `unknown`, since an environment
 * without one and an environment that does not exist answer alike. Two conditional requests per call: GitHub's REST API gives a
 * deployment without its status.
 */
import { plain } from '../base/text.ts';
import type { HealthStatus, Probe, ProbeResult } from './contract.ts';
import { createGithubMemory, type GithubReader, listOf } from './github-reader.ts';
import { createResult, unreachable } from './result.ts';
import type { Target } from './target.ts';

export interface GithubDeploymentProbeOptions {
  readonly id: string;
  readonly target: Extract<Target, { kind: 'github-deployment' }>;
  readonly reader: GithubReader;
  /** `OWNER/REPO`. */
  readonly repository: string;
}

const STATUS_OF: ReadonlyMap<string, HealthStatus> = new Map<string, HealthStatus>([
  ['success', 'passing'],
  ['in_progress', 'warning'],
  ['queued', 'warning'],
  ['pending', 'warning'],
  ['failure', 'critical'],
  ['error', 'critical'],
  ['inactive', 'critical'],
]);

/** A probe of one environment. */
export function createGithubDeploymentProbe(options: GithubDeploymentProbeOptions): Probe {
  const { id, target, reader, repository } = options;
  const memory = createGithubMemory(reader);
  const path = `/repos/${repository}/deployments`;
  const query = `?environment=${encodeURIComponent(target.environment)}&per_page=1`;
  return {
    id,
    watch: null,
    async probe({ signal }) {
      const deployments = await memory.read(`${path}${query}`, signal);
      if (deployments.kind === 'result') return deployments.result;
      const latest = listOf(deployments.body)?.[0];
      if (latest === undefined) return judgeNone(deployments.body);
      const deploymentId = latest['id'];
      if (typeof deploymentId !== 'number') return unreachable('GitHub: a deployment without an id');
      const statuses = await memory.read(`${path}/${deploymentId}/statuses?per_page=1`, signal);
      return statuses.kind === 'result' ? statuses.result : judgeStatuses(statuses.body);
    },
    async close() {
      // The reader is borrowed.
    },
  };
}

function judgeNone(body: unknown): ProbeResult {
  return Array.isArray(body) && body.length === 0
    ? createResult({ status: 'unknown', detail: 'no deployment there', hint: 'pending' })
    : unreachable('GitHub: no list of deployments in the answer');
}

function judgeStatuses(body: unknown): ProbeResult {
  const statuses = listOf(body);
  if (statuses === null) return unreachable('GitHub: no list of deployment statuses in the answer');
  const state = statuses[0]?.['state'];
  if (state === undefined)
    return createResult({ status: 'warning', detail: 'deployment without a status yet', hint: 'pending' });
  if (typeof state !== 'string') return unreachable('GitHub: a deployment status without a state');
  const status = STATUS_OF.get(state);
  const detail = `deployment ${plain(state.replaceAll('_', ' '), 40)}`;
  if (status === undefined) return createResult({ status: 'unknown', detail });
  return createResult({ status, detail, hint: status === 'warning' ? 'pending' : null });
}
