/**
 * What GitHub's answers about a run or a job prove of a holder. Pure. A holder is dead when its job is completed, its run is
 * completed, or its run is at a later attempt (a run is only started again after it ended).
 * Invariant: whatever is missing, senseless or does not belong to the holder proves nothing.
 */
import { isJsonObject } from '../base/codec.ts';
import { parseRepository, type RepositoryName } from '../github/repository.ts';
import type { EvidenceSubject } from './contract.ts';

/** Whom to ask about: ids of GitHub, digits only. */
export interface RunPlace {
  readonly run: string;
  /** Null where the holder did not tell: then nothing is concluded from attempts. */
  readonly attempt: number | null;
  /** The job's id, which is its check run's; null where the runner does not tell it (GitHub Enterprise Server). */
  readonly job: string | null;
  /** Null for the repository of the store. */
  readonly repository: RepositoryName | null;
}

const ID = /^[1-9]\d{0,17}$/;
const RUN_URL = /^(https?:\/\/[^/]+)\/([^/]+\/[^/]+)\/actions\/runs\/(\d+)(?:[/?#]|$)/;

/** Where a holder runs; null where it says nothing usable. A URL counts only on `serverUrl` and for the same run. */
export function parseRunPlace(holder: EvidenceSubject, serverUrl: string | null): RunPlace | null {
  const { run = '', attempt = '', job = '' } = holder;
  if (!ID.test(run)) return null;
  const [, server, name = '', runInUrl] = RUN_URL.exec(holder.url ?? '') ?? [];
  const repository = parseRepository(name);
  const isOwn = server !== undefined && server === serverUrl && runInUrl === run;
  return {
    run,
    attempt: ID.test(attempt) ? Number(attempt) : null,
    job: ID.test(job) ? job : null,
    repository: isOwn && repository.ok ? repository.value : null,
  };
}

/** True where this answer of `actions/jobs/{id}` proves the holder dead. */
export function isJobOver(data: unknown, place: RunPlace): boolean {
  if (!isJsonObject(data) || data['status'] !== 'completed') return false;
  const isSameJob = String(data['id']) === place.job && String(data['run_id']) === place.run;
  return isSameJob && (place.attempt === null || data['run_attempt'] === place.attempt);
}

/** True where this answer of `actions/runs/{id}` proves the holder dead. */
export function isRunOver(data: unknown, place: RunPlace): boolean {
  if (!isJsonObject(data) || String(data['id']) !== place.run) return false;
  const attempt = data['run_attempt'];
  if (place.attempt === null || typeof attempt !== 'number') return data['status'] === 'completed';
  if (attempt > place.attempt) return true;
  // An older attempt than the holder's own is a stale answer.
  return attempt === place.attempt && data['status'] === 'completed';
}
