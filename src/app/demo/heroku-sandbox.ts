/**
 * A server on loopback that speaks the Heroku Platform API as lockstep and the Heroku CLI use it: for `lockstep demo` and for
 * tests. It really deletes, really runs out of calls, and plays the faults it is given.
 * NOT guaranteed: anything beyond the routes in heroku-sandbox-routes.ts. Beside the API it has doors of its own, which cost
 * no token and are not logged: GET /_sandbox/log[?since=N], GET /_sandbox/apps, POST /_sandbox/apps, POST /_sandbox/faults.
 * Invariant: a request is in the log before its answer leaves, so whoever has the answer finds it there.
 */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, sleep } from '../../base/clock.ts';
import { createNonce } from '../../base/identity.ts';
import {
  createSandboxFaults,
  isApplied,
  type SandboxAct,
  type SandboxFault,
  type SandboxFaults,
} from './heroku-sandbox-faults.ts';
import {
  addressedApp,
  answerCall,
  failure,
  type SandboxAnswer,
  type SandboxCall,
  type SandboxRules,
} from './heroku-sandbox-routes.ts';
import { alterAnswer, playAct, readCall, sendAnswer, singleHeader } from './heroku-sandbox-wire.ts';
import {
  createSandboxWorld,
  type SandboxAppSeed,
  type SandboxLogEntry,
  type SandboxRateLimit,
  type SandboxWorld,
} from './heroku-sandbox-world.ts';

/** Everything but the clock is plain JSON. */
export interface SandboxSettings {
  apps?: readonly SandboxAppSeed[];
  faults?: readonly SandboxFault[];
  /** 4,500 calls, refilled by 75 a minute, unless given. */
  rateLimit?: SandboxRateLimit;
  /** How long each answer takes; 0 unless given. */
  latencyMs?: number;
  /** No page is longer; 1000 unless given. */
  pageSize?: number;
  /** 100 unless given. */
  appLimit?: number;
  /** The one key that is accepted; any unless given. */
  apiKey?: string;
  /** Added to what the `Date` header says. */
  dateSkewMs?: number;
  /** How an app that is gone answers; 404 unless given. */
  goneStatus?: 404 | 403;
  /** A free one unless given. */
  port?: number;
}

export interface HerokuSandbox {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly world: SandboxWorld;
  readonly faults: SandboxFaults;
  /** All requests so far, in the order of their ends. */
  log(): readonly SandboxLogEntry[];
  /** Ends all connections, those that hang too. */
  close(): Promise<void>;
}

/** Starts a sandbox in this process; resolves when it listens. The caller closes it. */
export async function startHerokuSandbox(
  settings: SandboxSettings & { clock: Clock },
): Promise<HerokuSandbox> {
  const { clock, latencyMs = 0 } = settings;
  const world = createSandboxWorld({
    clock,
    apps: settings.apps ?? [],
    rateLimit: settings.rateLimit ?? { capacity: 4500, refillPerMinute: 75 },
  });
  const faults = createSandboxFaults(settings.faults ?? []);
  const rules: SandboxRules = {
    world,
    appLimit: settings.appLimit ?? 100,
    pageSize: settings.pageSize ?? 1000,
    goneStatus: settings.goneStatus ?? 404,
  };
  const closing = new AbortController();
  let previousPage: readonly unknown[] = [];
  // Which page a handed-out range leads to.
  const pages = new Map<string, number>();

  const decide = (call: SandboxCall, act: SandboxAct | null, key: string | null): SandboxAnswer => {
    const isKnown = settings.apiKey === undefined ? key !== null && key !== '' : key === settings.apiKey;
    if (!isKnown) return failure(401, 'unauthorized', 'Invalid credentials provided.');
    const isFree = call.path === '/account/rate-limits' || (act?.kind === 'answer' && act.status === 429);
    if (!isFree && !world.takeToken())
      return failure(429, 'rate_limit', 'Your account reached the API rate limit.');
    const nothing: SandboxAnswer = { status: 200, headers: {}, body: undefined, applied: false };
    const answer = alterAnswer(isApplied(act) ? answerCall(call, rules) : nothing, { act, previousPage });
    if (Array.isArray(answer.body)) previousPage = answer.body;
    return answer;
  };

  const serve = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const call = await readCall(request);
    response.sendDate = false;
    response.setHeader('date', new Date(clock.wallMs() + (settings.dateSkewMs ?? 0)).toUTCString());
    if (call.path.startsWith('/_sandbox/')) return sendAnswer(response, openDoor(call, { world, faults }));
    const startedAtMs = clock.wallMs();
    const addressed = addressedApp(call.path);
    const app = addressed === null ? null : world.trace(addressed);
    const page = pages.get(call.range ?? '') ?? 1;
    const act = faults.next({ method: call.method, path: call.path, app, page });
    const delayMs = latencyMs + (act?.kind === 'delay' ? act.delayMs : 0);
    if (delayMs > 0) await sleep(clock, delayMs, closing.signal);
    const key = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
    const answer = decide(call, act, key);
    const next = answer.headers['next-range'];
    if (next !== undefined && !pages.has(next)) pages.set(next, page + 1);
    response.setHeader('request-id', createNonce());
    response.setHeader('ratelimit-remaining', String(world.remaining()));
    world.log.push({
      sequence: world.log.length + 1,
      method: call.method,
      path: call.path,
      range: call.range,
      appId: app?.id ?? null,
      appName: app?.name ?? null,
      status: act?.kind === 'reset' || act?.kind === 'hang' ? null : answer.status,
      client: request.headers['user-agent'] ?? '',
      job: singleHeader(request, 'x-lockstep-job'),
      fencingToken: singleHeader(request, 'x-lockstep-fencing-token'),
      startedAtMs,
      endedAtMs: clock.wallMs(),
      applied: answer.applied,
      fault: act?.kind ?? null,
      remaining: world.remaining(),
    });
    playAct(response, { act, answer });
  };

  const server = http.createServer((request, response) => {
    // A client that hangs up, or a sandbox that closes, leaves nobody to answer.
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    world,
    faults,
    log: () => world.log,
    async close() {
      closing.abort();
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await ended;
    },
  };
}

function openDoor(
  call: SandboxCall & { query: URLSearchParams },
  { world, faults }: { world: SandboxWorld; faults: SandboxFaults },
): SandboxAnswer {
  const answer = (body: unknown): SandboxAnswer => ({ status: 200, headers: {}, body, applied: false });
  const given = Array.isArray(call.body) ? (call.body as unknown[]) : [];
  switch (`${call.method} ${call.path}`) {
    case 'GET /_sandbox/log':
      return answer(world.log.slice(Number(call.query.get('since') ?? 0)));
    case 'GET /_sandbox/apps':
      return answer(world.apps());
    case 'POST /_sandbox/apps':
      return answer(given.map((seed) => world.add(seed as SandboxAppSeed)));
    case 'POST /_sandbox/faults':
      for (const fault of given) faults.add(fault as SandboxFault);
      return answer(given.length);
    default:
      return failure(404, 'not_found', 'The sandbox has no such door.');
  }
}
