// GitHub's REST API on loopback: the endpoints lockstep uses, over a real or an in-memory repository, with what makes the real
// one hard: ETags salted with the token, budgets, read-only tokens, limits, lost answers, stale reads. Every answer and every
// request is held against the published document (`violations`), and every request is written down (`log`), so that a test
// can say what something costs.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { calm, type Fault, type FaultPlan } from './github-faults.ts';
import { checkAnswer } from './github-openapi.ts';
import type { GitBackend } from './github-repository.ts';
import { type FacadeWorld, findRoute, type Route, type RouteAnswer, refusal } from './github-routes.ts';

export interface FacadeOptions {
  git: GitBackend;
  /** `OWNER/REPO`. */
  name?: string;
  /** A path prefix as on GitHub Enterprise Server. */
  prefix?: string;
  /** Tokens that may only read. */
  readOnlyTokens?: readonly string[];
  /** Requests that all tokens together, and each of them alone, may make; unlimited where absent. */
  budget?: { perRepository?: number; perToken?: number };
}

export interface LoggedRequest {
  method: string;
  operation: string;
  path: string;
  token: string;
  status: number;
  /** False for a 304, which costs nothing. */
  isCounted: boolean;
}

export interface GitHubFacade {
  apiUrl: string;
  name: string;
  log: LoggedRequest[];
  /** What the published document says against what was said here. */
  violations: string[];
  world: FacadeWorld;
  /** Asked at each request; calm unless set. */
  plan: FaultPlan;
  countOf(filter: (request: LoggedRequest) => boolean): number;
  close(): Promise<void>;
}

/** Starts a facade; the caller closes it. Any token is known, save `bad…`. */
export async function startGitHubFacade(options: FacadeOptions): Promise<GitHubFacade> {
  const { git, name = 'octo/demo', prefix = '', readOnlyTokens = [], budget = {} } = options;
  const world: FacadeWorld = { runs: new Map(), jobs: new Map(), checkRuns: [], deployments: [] };
  const log: LoggedRequest[] = [];
  const violations: string[] = [];
  const spent = new Map<string, number>();
  /** The head that a reference had before its present one. */
  const earlier = new Map<string, string | null>();
  const late = new Set<Promise<unknown>>();
  /** Requests that are being served, asked by somebody who may be gone. */
  const serving = new Set<Promise<void>>();
  let number = 0;

  const facade: GitHubFacade = {
    apiUrl: '',
    name,
    log,
    violations,
    world,
    plan: calm,
    countOf: (filter) => log.filter(filter).length,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      // What was begun or put off is still done, before the repository is taken away.
      await Promise.all(serving);
      await Promise.all(late);
    },
  };

  const remaining = (token: string): { limit: number; left: number } => {
    const all = [...spent.values()].reduce((sum, count) => sum + count, 0);
    const own = spent.get(token) ?? 0;
    const perToken = { limit: budget.perToken ?? 5_000, left: (budget.perToken ?? 5_000) - own };
    const shared = { limit: budget.perRepository ?? 5_000, left: (budget.perRepository ?? 5_000) - all };
    return perToken.left <= shared.left ? perToken : shared;
  };

  const rateHeaders = (token: string): Record<string, string> => {
    const { limit, left } = remaining(token);
    const now = Math.floor(Date.now() / 1000);
    return {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(Math.max(0, left)),
      'x-ratelimit-used': String(limit - Math.max(0, left)),
      'x-ratelimit-reset': String(now + 1800),
      'x-ratelimit-resource': 'core',
    };
  };

  /** The budget, told for nothing. */
  const rateLimit = (token: string): RouteAnswer => {
    const { limit, left } = remaining(token);
    const reset = Math.floor(Date.now() / 1000) + 1800;
    const rate = { limit, remaining: Math.max(0, left), used: limit - Math.max(0, left), reset };
    const answer = { status: 200, body: { resources: { core: rate, search: rate, graphql: rate }, rate } };
    violations.push(...checkAnswer('GET /rate_limit', answer));
    return answer;
  };

  /** The work itself, remembering what a reference was before, for stale reads. */
  const apply = async (route: Route, body: unknown): Promise<RouteAnswer> => {
    const ref = route.ref === 'refs/' ? ((body as { ref?: string } | null)?.ref ?? '') : route.ref;
    const isMove = /^(POST|PATCH) .*\/git\/refs/.test(route.operation ?? '');
    const before = isMove && ref !== null ? await git.readRef(ref) : null;
    const answer = await route.serve();
    if (isMove && ref !== null && answer.status < 300) earlier.set(ref, before);
    violations.push(...route.check(answer));
    return answer;
  };

  const stale = async (route: Route): Promise<RouteAnswer> => {
    const sha = route.ref === null ? undefined : earlier.get(route.ref);
    if (sha === undefined || route.ref === null) return route.serve();
    if (sha === null) return refusal(404, 'Not Found');
    const answer = await route.serve();
    if (answer.status !== 200) return answer;
    const body = answer.body as { object: { sha: string } };
    return { status: 200, body: { ...body, object: { ...body.object, sha } } };
  };

  /** The answer to send, or null where none is sent (then the connection was dealt with). */
  const meet = async (
    fault: Fault | undefined,
    route: Route,
    exchange: Exchange,
  ): Promise<RouteAnswer | null> => {
    const { response, body } = exchange;
    switch (fault?.kind) {
      case undefined:
        return apply(route, body);
      case 'stale':
        return route.ref === null ? apply(route, body) : stale(route);
      case 'drop-before':
        response.destroy();
        return null;
      case 'drop-after':
        await apply(route, body);
        response.destroy();
        return null;
      case 'hang':
        if (fault.applied) await apply(route, body);
        return null;
      case 'truncate': {
        const text = JSON.stringify((await apply(route, body)).body);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
        response.write(text.slice(0, text.length / 2));
        setImmediate(() => response.destroy());
        return null;
      }
      case 'error':
        if (fault.applied) await apply(route, body);
        return refusal(fault.status, 'Server Error');
      case 'late':
        late.add(
          sleep(systemClock, fault.delayMs)
            .then(() => apply(route, body))
            .catch((error: unknown) => violations.push(`a late request failed: ${String(error)}`)),
        );
        return refusal(504, 'Gateway Timeout');
      case 'refuse':
        if (fault.applied) await apply(route, body);
        return refusal(fault.status, fault.message);
      case 'limit':
        return refusal(fault.status, fault.message);
    }
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const url = new URL(request.url ?? '/', 'http://loopback');
    const token = /^(?:bearer|token) (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const method = request.method ?? 'GET';
    const path = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : '/elsewhere';
    const route = findRoute({ method, path, query: url.searchParams, body }, { git, world, name });
    const operation = route.operation ?? `${method} ${path}`;
    number += 1;
    const fault = facade.plan({ method, operation, path, token, body, number });

    let answer: RouteAnswer | null;
    if (token === '' || token.startsWith('bad')) answer = refusal(401, 'Bad credentials');
    else if (path === '/rate_limit') answer = rateLimit(token);
    else if (remaining(token).left <= 0) answer = refusal(403, 'API rate limit exceeded for installation.');
    else if (method !== 'GET' && readOnlyTokens.includes(token)) {
      answer = refusal(403, 'Resource not accessible by integration');
    } else answer = await meet(fault, route, { response, body });

    const text = JSON.stringify(answer?.body ?? null);
    const etag = `W/"${createHash('sha256').update(`${token}\n${text}`).digest('hex').slice(0, 40)}"`;
    const isKnown = method === 'GET' && answer?.status === 200 && request.headers['if-none-match'] === etag;
    const isFree = isKnown || path === '/rate_limit';
    if (!isFree) spent.set(token, (spent.get(token) ?? 0) + 1);
    const status = isKnown ? 304 : (answer?.status ?? 0);
    log.push({ method, operation, path, token, status, isCounted: !isFree });
    if (answer === null) return;
    const headers: Record<string, string> = {
      ...rateHeaders(token),
      'content-type': 'application/json; charset=utf-8',
    };
    if (answer.status === 200 && method === 'GET') headers['etag'] = etag;
    if (fault?.kind === 'limit' && fault.retryAfterSeconds !== undefined) {
      headers['retry-after'] = String(fault.retryAfterSeconds);
    }
    response.writeHead(status, headers);
    response.end(isKnown ? undefined : text);
  };

  const server = createServer((request, response) => {
    const served = serve(request, response).catch((error: unknown) => {
      // A request whose asker went away in the middle of it is no failure of this side.
      if (!request.destroyed || request.complete) violations.push(`the facade failed: ${String(error)}`);
      response.destroy();
    });
    serving.add(served);
    void served.then(() => serving.delete(served));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  facade.apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`;
  return facade;
}

interface Exchange {
  response: ServerResponse;
  body: unknown;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? null : (JSON.parse(text) as unknown);
}
