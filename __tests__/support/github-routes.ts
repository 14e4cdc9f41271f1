// The endpoints of GitHub's REST API that lockstep uses, answered from a repository and a small world of runs, checks and
// deployments. Knows nothing of tokens, budgets or faults: those are the facade's.
import { checkAnswer, checkRequest, minimalAnswer, minimalOf } from './github-openapi.ts';
import type { FacadeCommit, FacadeMove, GitBackend } from './github-repository.ts';

export interface FacadeJob {
  id: number;
  name: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion?: 'success' | 'failure' | 'cancelled';
  runId: number;
  runAttempt: number;
}

/** What exists beside git; tests change it in place. */
export interface FacadeWorld {
  runs: Map<number, { status: string; conclusion: string | null; attempt: number }>;
  jobs: Map<number, FacadeJob>;
  checkRuns: { ref: string; name: string; status: string; conclusion: string | null }[];
  deployments: { id: number; environment: string; states: string[] }[];
}

export interface RouteRequest {
  method: string;
  /** Below the API's address, still encoded. */
  path: string;
  query: URLSearchParams;
  body: unknown;
}

export interface RouteAnswer {
  status: number;
  body: unknown;
}

export interface Route {
  /** The operation of the document, or null for a path that does not exist. */
  operation: string | null;
  /** Reads no token is needed for more than reading; the rest are writes. */
  serve(): Promise<RouteAnswer>;
  /** What the document says against request or answer. */
  check(answer: RouteAnswer): string[];
  /** The reference in question, for stale reads. */
  ref: string | null;
}

const DOCS = 'https://docs.github.com/rest';
const REPO = '/repos/{owner}/{repo}';

export function refusal(status: number, message: string): RouteAnswer {
  return { status, body: { message, documentation_url: DOCS, status: String(status) } };
}

const PATTERNS: readonly (readonly [method: string, pattern: RegExp, operation: string])[] = [
  ['POST', /^\/git\/refs$/, `${REPO}/git/refs`],
  ['PATCH', /^\/git\/refs\/(.+)$/, `${REPO}/git/refs/{ref}`],
  ['GET', /^\/git\/ref\/(.+)$/, `${REPO}/git/ref/{ref}`],
  ['GET', /^\/git\/matching-refs\/(.+)$/, `${REPO}/git/matching-refs/{ref}`],
  ['POST', /^\/git\/commits$/, `${REPO}/git/commits`],
  ['GET', /^\/git\/commits\/([^/]+)$/, `${REPO}/git/commits/{commit_sha}`],
  ['GET', /^\/actions\/runs\/(\d+)$/, `${REPO}/actions/runs/{run_id}`],
  [
    'GET',
    /^\/actions\/runs\/(\d+)\/attempts\/(\d+)\/jobs$/,
    `${REPO}/actions/runs/{run_id}/attempts/{attempt_number}/jobs`,
  ],
  ['GET', /^\/actions\/jobs\/(\d+)$/, `${REPO}/actions/jobs/{job_id}`],
  ['GET', /^\/commits\/(.+)\/check-runs$/, `${REPO}/commits/{ref}/check-runs`],
  ['GET', /^\/deployments$/, `${REPO}/deployments`],
  ['GET', /^\/deployments\/(\d+)\/statuses$/, `${REPO}/deployments/{deployment_id}/statuses`],
  ['GET', /^$/, REPO],
];

/** Finds out what a request asks for. */
export function findRoute(
  request: RouteRequest,
  parts: { git: GitBackend; world: FacadeWorld; name: string },
): Route {
  const inRepository = request.path.toLowerCase().startsWith(`/repos/${parts.name}`.toLowerCase());
  const below = request.path.slice(`/repos/${parts.name}`.length);
  const found = inRepository
    ? PATTERNS.find(([method, pattern]) => method === request.method && pattern.test(below))
    : undefined;
  if (found === undefined) {
    return { operation: null, ref: null, serve: async () => refusal(404, 'Not Found'), check: () => [] };
  }
  const [method, pattern, template] = found;
  const parameters = (pattern.exec(below) ?? []).slice(1).map(decodeURIComponent);
  const operation = `${method} ${template}`;
  return {
    operation,
    ref: template.includes('/git/ref') ? `refs/${parameters[0] ?? ''}` : null,
    serve: () => serve(operation, parameters, { ...parts, request }),
    check: (answer) => [
      ...(answer.status === 422 ? [] : checkRequest(operation, request.body)),
      ...checkAnswer(operation, answer),
    ],
  };
}

interface Surroundings {
  git: GitBackend;
  world: FacadeWorld;
  request: RouteRequest;
}

async function serve(operation: string, parameters: string[], at: Surroundings): Promise<RouteAnswer> {
  const [first = '', second = ''] = parameters;
  const { git, world, request } = at;
  const body = (request.body ?? {}) as Record<string, unknown>;
  if (operation.includes('/git/') && (await git.isEmpty())) return refusal(409, 'Git Repository is empty.');
  switch (operation) {
    case `POST ${REPO}/git/refs`: {
      const { ref, sha } = body as { ref: string; sha: string };
      return moveAnswer(await git.createRef(ref, sha), { ref, sha, status: 201 });
    }
    case `PATCH ${REPO}/git/refs/{ref}`: {
      const { sha, force } = body as { sha: string; force?: boolean };
      const ref = `refs/${first}`;
      return moveAnswer(await git.moveRef(ref, sha, force === true), { ref, sha, status: 200 });
    }
    case `GET ${REPO}/git/ref/{ref}`: {
      const sha = await git.readRef(`refs/${first}`);
      return sha === null ? refusal(404, 'Not Found') : { status: 200, body: refBody(`refs/${first}`, sha) };
    }
    case `GET ${REPO}/git/matching-refs/{ref}`: {
      const refs = await git.listRefs(`refs/${first}`);
      return { status: 200, body: refs.map(({ ref, sha }) => refBody(ref, sha)) };
    }
    case `POST ${REPO}/git/commits`: {
      const { message, tree, parents } = body as { message: string; tree: string; parents?: string[] };
      const made = await git.createCommit({ message, tree, parents: parents ?? [] });
      return made === null
        ? refusal(422, 'Parent SHA does not exist or is not a commit object')
        : { status: 201, body: commitBody(operation, made, 201) };
    }
    case `GET ${REPO}/git/commits/{commit_sha}`: {
      const commit = await git.readCommit(first);
      return commit === null
        ? refusal(404, 'Not Found')
        : { status: 200, body: commitBody(operation, commit, 200) };
    }
    case `GET ${REPO}/actions/runs/{run_id}`: {
      const run = world.runs.get(Number(first));
      if (run === undefined) return refusal(404, 'Not Found');
      const { status, conclusion, attempt } = run;
      return {
        status: 200,
        body: {
          ...minimalAnswer(operation, 200),
          id: Number(first),
          status,
          conclusion,
          run_attempt: attempt,
        },
      };
    }
    case `GET ${REPO}/actions/runs/{run_id}/attempts/{attempt_number}/jobs`: {
      const jobs = [...world.jobs.values()]
        .filter(({ runId, runAttempt }) => runId === Number(first) && runAttempt === Number(second))
        .map(jobBody);
      return { status: 200, body: { total_count: jobs.length, jobs } };
    }
    case `GET ${REPO}/actions/jobs/{job_id}`: {
      const job = world.jobs.get(Number(first));
      return job === undefined ? refusal(404, 'Not Found') : { status: 200, body: jobBody(job) };
    }
    case `GET ${REPO}/commits/{ref}/check-runs`: {
      const name = request.query.get('check_name');
      const runs = world.checkRuns
        .filter((run) => run.ref === first && (name === null || run.name === name))
        .map(({ status, conclusion, ...run }) => ({
          ...minimalOf('check-run'),
          name: run.name,
          status,
          conclusion,
        }));
      return { status: 200, body: { total_count: runs.length, check_runs: runs } };
    }
    case `GET ${REPO}/deployments`: {
      const environment = request.query.get('environment');
      const found = world.deployments
        .filter((deployment) => environment === null || deployment.environment === environment)
        .map((deployment) => ({
          ...minimalOf('deployment'),
          id: deployment.id,
          environment: deployment.environment,
        }));
      return { status: 200, body: found.reverse() };
    }
    case `GET ${REPO}/deployments/{deployment_id}/statuses`: {
      const deployment = world.deployments.find(({ id }) => id === Number(first));
      if (deployment === undefined) return refusal(404, 'Not Found');
      const states = deployment.states.map((state, id) => ({ ...minimalOf('deployment-status'), id, state }));
      return { status: 200, body: states.reverse() };
    }
    default:
      return { status: 200, body: minimalAnswer(operation, 200) };
  }
}

function moveAnswer(move: FacadeMove, done: { ref: string; sha: string; status: number }): RouteAnswer {
  switch (move) {
    case 'moved':
      return { status: done.status, body: refBody(done.ref, done.sha) };
    case 'exists':
      return refusal(422, 'Reference already exists');
    case 'missing':
      return refusal(422, 'Reference does not exist');
    case 'not-fast-forward':
      return refusal(422, 'Update is not a fast forward');
    case 'raced':
      return refusal(422, 'Reference update failed');
    case 'invalid':
      return refusal(422, 'Object does not exist');
  }
}

function refBody(ref: string, sha: string): Record<string, unknown> {
  return { ref, node_id: 'R', url: `${DOCS}/${ref}`, object: { type: 'commit', sha, url: `${DOCS}/${sha}` } };
}

function commitBody(operation: string, commit: FacadeCommit, status: number): Record<string, unknown> {
  const parents = commit.parents.map((sha) => ({ sha, url: DOCS, html_url: DOCS }));
  const tree = { sha: commit.tree, url: DOCS };
  return { ...minimalAnswer(operation, status), sha: commit.sha, message: commit.message, parents, tree };
}

function jobBody(job: FacadeJob): Record<string, unknown> {
  const { id, name, status, conclusion = null, runId, runAttempt } = job;
  return { ...minimalOf('job'), id, name, status, conclusion, run_id: runId, run_attempt: runAttempt };
}
