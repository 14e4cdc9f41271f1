/** The tries of `doctor --live` that are about the runner's surroundings: the jobs API and the cache. */

import { formatDuration } from '../base/duration.ts';
import { hashIdentity } from '../base/identity.ts';
import type { GitHubClient } from '../github/client.ts';
import { COUNT_NAMES, type Snapshot, type SnapshotCounts } from '../snapshot/contract.ts';
import type { CommandContext } from './contract.ts';
import { type DoctorCheck, examine, NOT_TRIED } from './doctor-command-check.ts';

/** Whether the API tells of this very job: then a killed holder is noticed at once. */
export async function tryRuns(
  { env }: CommandContext,
  what: { github: GitHubClient; repository: string; jobId: string | null; signal: AbortSignal },
): Promise<DoctorCheck[]> {
  const { github, jobId, signal } = what;
  const run = env['GITHUB_RUN_ID'];
  const about = { name: 'live', tried: 'read this job by its id (`job-id`)' };
  if (!run || !jobId) {
    return [
      { ...NOT_TRIED, ...about, found: 'this is no step of an Action, or the runner does not tell the id' },
    ];
  }
  const repository = env['GITHUB_REPOSITORY'] ?? what.repository;
  const { check } = await examine(about, async () => {
    const read = await github.read(`/repos/${repository}/actions/jobs/${jobId}`, { signal });
    if (read.kind !== 'found')
      return { status: 'warning', found: 'GitHub knows no such job: evidence is per run' };
    const { status, run_id: runId, run_attempt: attempt } = read.data as Record<string, unknown>;
    const isOwn = String(runId) === run;
    const found = `status ${String(status)}, run ${String(runId)}, attempt ${String(attempt)}`;
    return isOwn && status === 'in_progress' ? { found } : { status: 'warning', found };
  });
  return [check.status === 'problem' ? { ...check, status: 'warning', exitCode: 0 } : check];
}

const COUNTS = Object.fromEntries(COUNT_NAMES.map((name) => [name, 0])) as SnapshotCounts;

/** Saves two entries and looks the newer one up. They are a few bytes each, and evicted after a week. */
export async function tryCache(
  { env, clock, logger }: CommandContext,
  signal: AbortSignal,
): Promise<DoctorCheck> {
  const about = {
    ...NOT_TRIED,
    name: 'live',
    tried: 'save two names in the cache and look for the newer one',
  };
  const { createCacheSnapshot, hasCacheService } = await import('../snapshot/cache-snapshot.ts');
  if (!hasCacheService(env)) return { ...about, found: 'not reachable here: only the step of an Action can' };
  const said: string[] = [];
  const store = createCacheSnapshot({
    clock,
    env,
    logger: { ...logger, debug: (text) => void said.push(text) },
  });
  const everyMs = 3_600_000;
  const subject = { identity: hashIdentity([String(clock.wallMs()), String(clock.random())]), everyMs };
  const atMs = Math.floor(clock.wallMs() / everyMs) * everyMs;
  const snapshots: Snapshot[] = [atMs, atMs + 1].map((each) => ({
    outcome: 'clean',
    counts: COUNTS,
    atMs: each,
  }));
  const startMs = clock.monotonicMs();
  const saved = [];
  for (const snapshot of snapshots) saved.push(await store.write(subject, snapshot));
  const savedMs = clock.monotonicMs() - startMs;
  const found = await store.read(subject, { signal });
  const readMs = clock.monotonicMs() - startMs - savedMs;
  const spent = `two saves ${formatDuration(Math.ceil(savedMs))}, look-up ${formatDuration(Math.ceil(readMs))}`;
  if (!saved.every(Boolean))
    return { ...about, status: 'warning', found: `not saved: ${said.join('; ') || 'refused'}` };
  if (found?.atMs === atMs + 1) return { ...about, status: 'ok', found: `the newer one; ${spent}` };
  const what = found ? 'the older one' : `nothing (${said.join('; ') || 'a miss'})`;
  return { ...about, status: 'warning', found: `${what}; ${spent}` };
}
