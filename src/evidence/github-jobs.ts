/**
 * What the jobs of one attempt of a workflow run have come to, by one listing for all members: who will not come any more, and
 * whose job has ended. NOT guaranteed: an answer; 403, 404 and any other error say nothing.
 * Invariant: only a job that is completed counts, and of members only one that did not succeed.
 */
import { isJsonObject, type JsonObject } from '../base/codec.ts';
import { hasCode, toError } from '../base/errors.ts';
import { type Logger, nullLogger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import type { GitHubClient } from '../github/client.ts';
import type { RepositoryName } from '../github/repository.ts';

/** A member whose job has ended without success. */
export interface EndedMember {
  readonly name: string;
  readonly run: string;
  readonly attempt: number;
  /** `its job was cancelled, see https://…`. */
  readonly detail: string;
}

export interface JobsQuestion {
  readonly members: readonly string[];
  /** Who holds something, if anybody: is that job over? */
  readonly claim: {
    readonly member: string;
    readonly incarnation: { readonly run: string; readonly attempt: number; readonly id: string };
  } | null;
}

export interface GitHubJobsOptions {
  client: Pick<GitHubClient, 'read'>;
  repository: RepositoryName;
  run: string;
  attempt: number;
  /** How members' jobs are called, with `{member}` where the name stands; null where nobody said so. */
  jobName: string | null;
  logger?: Logger;
}

export interface JobsAnswer {
  readonly ended: readonly EndedMember[];
  readonly endedIds: ReadonlySet<string>;
}

const PAGE = 100;
/** A matrix has at most 256 jobs; a run may have several. */
const MAX_PAGES = 5;
const ID = /^[1-9]\d{0,17}$/;
const NOTHING: JobsAnswer = Object.freeze({ ended: [], endedIds: new Set<string>() });

/** Nothing to dispose. */
export function createGitHubJobs(options: GitHubJobsOptions): {
  look(question: JobsQuestion, options: { signal: AbortSignal }): Promise<JobsAnswer>;
} {
  const { client, repository, run, attempt, logger = nullLogger } = options;
  const { owner, repo } = repository;
  const path = `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/actions/runs/${run}/attempts/${attempt}/jobs`;
  let isClosed = !ID.test(run);

  const list = async (signal: AbortSignal): Promise<JsonObject[] | null> => {
    const jobs: JsonObject[] = [];
    for (let page = 1; page <= MAX_PAGES; page += 1) {
      const read = await client.read(`${path}?per_page=${PAGE}&page=${page}`, { signal });
      if (read.kind !== 'found' || !isJsonObject(read.data)) return null;
      const { jobs: found, total_count: total } = read.data;
      if (!Array.isArray(found)) return null;
      jobs.push(...found.filter(isJsonObject));
      if (found.length < PAGE || (typeof total === 'number' && jobs.length >= total)) break;
    }
    return jobs;
  };

  return {
    async look(question, { signal }) {
      if (isClosed) return NOTHING;
      try {
        const jobs = await list(signal);
        return jobs ? judgeJobs(jobs, question, options) : NOTHING;
      } catch (error) {
        // A missing permission (`actions: read`) does not come while this process lives.
        if (hasCode(error, 'auth')) isClosed = true;
        logger.debug(`no evidence about the jobs of run ${run}: ${toError(error).message}`);
        return NOTHING;
      }
    },
  };
}

/** What a listing of one attempt's jobs says. Pure. */
export function judgeJobs(
  jobs: readonly JsonObject[],
  { members, claim }: JobsQuestion,
  { run, attempt, jobName }: Pick<GitHubJobsOptions, 'run' | 'attempt' | 'jobName'>,
): JobsAnswer {
  // The listing of an attempt may repeat jobs of the one before that were not run again: their end says nothing about this one.
  const own = jobs.filter((job) => job['run_attempt'] === undefined || job['run_attempt'] === attempt);
  const over = own.filter((job) => job['status'] === 'completed');
  const endedIds = new Set(over.map((job) => String(job['id'])));
  if (jobName === null) return { ended: [], endedIds };

  const ended = members.flatMap((member): EndedMember[] => {
    // A re-run or a reusable workflow may list a name twice: whoever is still running counts.
    const same = own.filter((job) => isNamed(job['name'], member, jobName));
    const last = same.every((job) => job['status'] === 'completed') ? same.at(-1) : undefined;
    if (!last || last['conclusion'] === 'success') return [];
    return [{ name: member, run, attempt, detail: describeEnd(last) }];
  });
  // A matrix that was skipped as a whole is listed as one job, with its name not expanded.
  const skipped = over.find((job) => job['conclusion'] === 'skipped' && isUnexpanded(job['name'], jobName));
  const all = skipped ? members.map((name) => ({ name, run, attempt, detail: describeEnd(skipped) })) : ended;
  // A holder that did not know its job's id is known by its member's name.
  const { incarnation, member } = claim ?? {};
  const isHolderOver =
    incarnation?.run === run &&
    incarnation.attempt === attempt &&
    own.some((job) => isNamed(job['name'], member ?? '', jobName)) &&
    own.every((job) => !isNamed(job['name'], member ?? '', jobName) || job['status'] === 'completed');
  if (isHolderOver && incarnation) endedIds.add(incarnation.id);
  return { ended: all, endedIds };
}

/** `deploy (eu)`; a called workflow's jobs are `caller / deploy (eu)`. */
function isNamed(name: unknown, member: string, jobName: string): boolean {
  const wanted = jobName.replaceAll('{member}', member);
  return typeof name === 'string' && (name === wanted || name.endsWith(` / ${wanted}`));
}

function isUnexpanded(name: unknown, jobName: string): boolean {
  if (typeof name !== 'string' || !jobName.includes('{member}')) return false;
  // `deploy (${{ matrix.region }})`, or only `deploy`.
  const [start = '', end = ''] = jobName.split('{member}');
  const isExpression = name.startsWith(start) && name.endsWith(end) && name.includes('${{');
  return isExpression || (start.endsWith(' (') && name === start.slice(0, -2));
}

function describeEnd(job: JsonObject): string {
  const how = typeof job['conclusion'] === 'string' ? job['conclusion'].replaceAll('_', ' ') : 'ended';
  const page = typeof job['html_url'] === 'string' ? `, see ${job['html_url']}` : '';
  return plain(`its job ended as ${how}${page}`);
}
