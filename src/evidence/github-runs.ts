/**
 * Evidence from GitHub's own record of runs and jobs: a completed one holds nothing any more, even if it was killed without a
 * word. Costs at most one or two requests per question, 304s mostly. NOT guaranteed: an answer; 403, 404 and any other error
 * are no evidence and no reason to stop waiting.
 * Invariant: "dead" is final and remembered; "not dead" is only good until the next look.
 */
import type { Clock } from '../base/clock.ts';
import { hasCode, toError } from '../base/errors.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import type { GitHubClient } from '../github/client.ts';
import type { RepositoryName } from '../github/repository.ts';
import type { EvidenceSubject, HolderEvidence } from './contract.ts';
import { isJobOver, isRunOver, parseRunPlace, type RunPlace } from './github-decisions.ts';

export interface GitHubEvidenceOptions {
  client: GitHubClient;
  /** Where runs are looked for unless the holder's URL names their repository. */
  repository: RepositoryName;
  clock: Clock;
  /** GITHUB_SERVER_URL: a holder's URL counts only there. None counts where it is null. */
  serverUrl?: string | null;
  /**
   * Nothing is asked about a holder before it was looked at for this long; 10 s unless given. Whoever only tries once then
   * pays for the record alone, and whoever waits asks at its next look.
   */
  firstAskAfterMs?: number;
  /** After an answer that did not count against the budget (304); 30 s unless given. */
  askEveryMs?: number;
  /** After one that did, so that a lively job does not eat the budget: at most 20 an hour at 3 min. */
  askEveryCountedMs?: number;
  logger?: Logger;
}

interface Known {
  readonly isDead: boolean;
  readonly askAgainAtMs: number;
  /** GitHub knows no such job (a runner that does not tell the id, or another server's): only the run is asked about. */
  readonly hasNoJob: boolean;
}

const REMEMBERED = 256;

/** Evidence through one client. Nothing to dispose. */
export function createGitHubEvidence(options: GitHubEvidenceOptions): HolderEvidence {
  const { client, clock, logger = nullLogger, serverUrl = null } = options;
  const { firstAskAfterMs = 10_000, askEveryMs = 30_000, askEveryCountedMs = 180_000 } = options;
  const known = new Map<string, Known>();
  /** Repositories whose runs the token may not read: asking again would only cost. */
  const closed = new Set<string>();

  function remember(id: string, knowledge: Known): boolean {
    known.delete(id);
    known.set(id, knowledge);
    const oldest = known.keys().next();
    if (known.size > REMEMBERED && !oldest.done) known.delete(oldest.value);
    return knowledge.isDead;
  }

  /** One question; `nowMs` is when it was asked. */
  async function ask(
    base: string,
    place: RunPlace,
    about: { hasNoJob: boolean; nowMs: number; signal: AbortSignal },
  ): Promise<Known> {
    const { nowMs, signal } = about;
    const soon = nowMs + askEveryMs;
    const later = nowMs + askEveryCountedMs;
    if (place.job !== null && !about.hasNoJob) {
      const job = await client.read(`${base}/jobs/${place.job}`, { signal });
      // Known to GitHub: then its run adds nothing, since a run ends with its last job.
      if (job.kind === 'found') {
        return {
          isDead: isJobOver(job.data, place),
          askAgainAtMs: job.changed ? later : soon,
          hasNoJob: false,
        };
      }
    }
    const run = await client.read(`${base}/runs/${place.run}`, { signal });
    // A run that GitHub does not know will not be known later either.
    if (run.kind !== 'found')
      return { isDead: false, askAgainAtMs: Number.POSITIVE_INFINITY, hasNoJob: true };
    return { isDead: isRunOver(run.data, place), askAgainAtMs: run.changed ? later : soon, hasNoJob: true };
  }

  return {
    async isDead(holder: EvidenceSubject, { signal }) {
      const place = parseRunPlace(holder, serverUrl);
      if (place === null) return false;
      const { owner, repo } = place.repository ?? options.repository;
      const base = `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/actions`;
      if (closed.has(base)) return false;
      const id = `${base} ${place.run} ${place.attempt ?? ''} ${place.job ?? ''}`;
      const before = known.get(id);
      const nowMs = clock.monotonicMs();
      if (before === undefined && firstAskAfterMs > 0) {
        return remember(id, { isDead: false, askAgainAtMs: nowMs + firstAskAfterMs, hasNoJob: false });
      }
      if (before !== undefined && (before.isDead || nowMs < before.askAgainAtMs)) return before.isDead;
      const hasNoJob = before?.hasNoJob ?? false;
      // Set before the question, so that two waiters of a process do not ask it twice.
      remember(id, { isDead: false, askAgainAtMs: nowMs + askEveryMs, hasNoJob });
      try {
        return remember(id, await ask(base, place, { hasNoJob, nowMs, signal }));
      } catch (error) {
        // A missing permission does not come back while this process lives.
        if (hasCode(error, 'auth')) closed.add(base);
        logger.debug(`no evidence about run ${place.run}: ${toError(error).message}`);
        return false;
      }
    },
  };
}
