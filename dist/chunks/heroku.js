import { i as isJsonObject, h as hashIdentity } from './wire.js';
import { p as plain, f as formatDuration, c as createRedactor } from './duration.js';
import { p as parseTimestamp } from './timestamp.js';
import * as http from 'node:http';
import * as https from 'node:https';
import { t as throwIfAborted, d as abortReason } from './terminal.js';

/**
 * What an HTTP answer's headers tell about the server's clock and the budget of calls. Pure. A header that cannot be read
 * counts as not sent: a guess here would become a wrong wait or a wrong age.
 */
                                                
                                                                   

const MAX_RETRY_AFTER_MS = 24 * 3_600_000;
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** An HTTP date (RFC 9110, the one form servers may send) as epoch ms; undefined for anything else. */
function parseHttpDate(text                    )                     {
  if (text === undefined || !IMF_FIXDATE.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? ms : undefined;
}

/**
 * `Retry-After` in ms from now: whole seconds, or a date taken relative to the server's own clock (`serverNowMs`; without it
 * the date says nothing). Undefined where it is absent, negative, unreadable or beyond a day.
 */
function parseRetryAfter(
  text                    ,
  serverNowMs                    ,
)                     {
  if (text === undefined) return undefined;
  const atMs = parseHttpDate(text);
  const waitMs = /^\d{1,9}$/.test(text)
    ? Number(text) * 1000
    : atMs !== undefined && serverNowMs !== undefined
      ? atMs - serverNowMs
      : Number.NaN;
  return waitMs >= 0 && waitMs <= MAX_RETRY_AFTER_MS ? waitMs : undefined;
}

/** A count in a header; undefined unless it is a whole number. */
function parseCount(text                    )                     {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The part of an answer beside its content. `isThrottled` is the provider's own classification. */
function readMeta(exchange              , isThrottled         )             {
  const { headers, status } = exchange;
  const serverNowMs = parseHttpDate(headers['date']);
  const requestId = headers['request-id'] ?? headers['x-request-id'];
  return {
    status,
    ...(requestId === undefined ? {} : { requestId }),
    ...(serverNowMs === undefined ? {} : { serverNowMs }),
    ...(status === null ? {} : { rate: readRate(headers, isThrottled, serverNowMs) }),
  };
}

function readRate(headers             , throttled         , serverNowMs                    ) {
  const retryAfterMs = parseRetryAfter(headers['retry-after'], serverNowMs);
  const remaining = parseCount(headers['ratelimit-remaining']);
  const limit = parseCount(headers['ratelimit-limit']);
  return {
    throttled,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(remaining === undefined ? {} : { remaining }),
    ...(limit === undefined ? {} : { limit }),
  };
}

/**
 * Heroku's answers as the contract's values: status, headers and body in, one value out. Pure, no I/O, no clock.
 * Invariant: only an answer that plainly says so becomes `deleted` or `gone`. A 404 page of a proxy, half a JSON text or a
 * login page with status 200 prove nothing and are `ambiguous`; the reaper settles them with a read.
 * Source: the Platform API's JSON schema (heroku/platform-api, lib/platform-api/schema.json) and its reference, "Ranges",
 * "Rate limits" and "Errors".
 */

/** Whose apps count: a team's, or those that one account owns outside teams (`null` while its id is not known yet). */
                         
                                                    
                                                                

/** One exchange, and how a failure's detail speaks of it. */
                                 
                                  
                             
                        
                                                          
                                            
 

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `GET /account`: learns the account's id. */
function toScopeAnswer(answer                )                                                    {
  const failure = toFailure(answer);
  if (failure) return { answer: failure, accountId: null };
  const account = parseObject(answer.exchange.body);
  const accountId = account?.['id'];
  if (typeof accountId !== 'string' || accountId === '')
    return { answer: ambiguous(answer, 'the answer is no account'), accountId: null };
  const email = account?.['email'];
  const label = typeof email === 'string' && email !== '' ? email : accountId;
  return { answer: { kind: 'open', meta: metaOf(answer.exchange), label }, accountId };
}

/** One page. `askedRanges` are the `Range` values sent since the listing began: a page that leads back to one is broken. */
function toListAnswer(
  answer                ,
  { scope, askedRanges }                                                          ,
)             {
  const failure = toFailure(answer);
  if (failure) return failure;
  const items = parseJson(answer.exchange.body);
  if (!Array.isArray(items)) return ambiguous(answer, 'the answer is no list');
  const apps        = [];
  for (const item of items                      ) {
    const app = parseHerokuApp(item, scope);
    if (app) apps.push(app);
  }
  const { next, broken } = nextRange(answer.exchange, askedRanges);
  const unread = items.length - apps.length;
  const problem = broken ?? (unread > 0 ? `${unread} entries of the list cannot be read` : undefined);
  const page = { kind: 'page', meta: metaOf(answer.exchange), apps, next }         ;
  return problem === undefined ? page : { ...page, broken: problem };
}

/** `GET /apps/{id}`. */
function toGetAnswer(
  answer                ,
  { id, scope }                                    ,
)            {
  if (isGone(answer.exchange)) return { kind: 'gone', meta: metaOf(answer.exchange) };
  const failure = toFailure(answer);
  if (failure) return failure;
  const app = parseHerokuApp(parseJson(answer.exchange.body), scope);
  if (app === null || app.id !== id) return ambiguous(answer, 'the answer is not the app asked for');
  return { kind: 'found', meta: metaOf(answer.exchange), app };
}

/** `DELETE /apps/{id}`. */
function toDestroyAnswer(answer                , id        )                {
  const { exchange } = answer;
  if (isGone(exchange)) return { kind: 'gone', meta: metaOf(exchange) };
  const isComplete = exchange.problem === null;
  if (isComplete && (exchange.status === 409 || exchange.status === 422 || exchange.status === 423))
    return { kind: 'busy', meta: metaOf(exchange), detail: describe(answer) };
  const failure = toFailure(answer);
  if (failure) return failure;
  if (exchange.status === 202) return { kind: 'accepted', meta: metaOf(exchange) };
  if (parseObject(exchange.body)?.['id'] !== id)
    return ambiguous(answer, 'the answer does not name the deleted app');
  return { kind: 'deleted', meta: metaOf(exchange) };
}

/** An app of a listing or a read; null where it has no id or no name. Unreadable times are null, never "old". */
function parseHerokuApp(value         , scope             )             {
  if (!isJsonObject(value)) return null;
  const id = value['id'];
  const name = value['name'];
  if (typeof id !== 'string' || id === '' || typeof name !== 'string' || name === '') return null;
  return {
    id,
    name,
    createdAtMs: parseTimestamp(value['created_at']),
    version: versionOf(value),
    // Heroku has no asynchronous deletion and no state of its own.
    state: 'ready',
    // Somebody put it away on purpose.
    isProtected: typeof value['archived_at'] === 'string',
    inScope: isInScope(value, scope),
    parentId: null,
  };
}

function isInScope(app            , scope             )          {
  const team = app['team'];
  if (scope.kind === 'team') {
    if (!isJsonObject(team)) return false;
    // A team's listing gives the name alone, so a team asked for by its id is what that listing is of.
    const isAskedById = UUID.test(scope.team) && team['id'] === undefined;
    return team['name'] === scope.team || team['id'] === scope.team || isAskedById;
  }
  const owner = app['owner'];
  // Apps of teams are listed too but count against the team's limit (hatchet #90: they caused a destroy loop).
  const isOwn = scope.accountId !== null && isJsonObject(owner) && owner['id'] === scope.accountId;
  return isOwn && (team === null || team === undefined);
}

function versionOf(app            )                {
  const parts = [app['released_at'], app['updated_at'], app['maintenance']];
  if (parts.every((part) => part === undefined)) return null;
  return parts.map((part) => JSON.stringify(part ?? null)).join('|');
}

function nextRange(exchange              , askedRanges                     ) {
  const next = exchange.headers['next-range'];
  if (next === undefined) {
    const isCut = exchange.status !== 200;
    return { next: null, broken: isCut ? 'the answer is partial but does not say what follows' : undefined };
  }
  if (!/^[\x20-\x7e]{1,512}$/.test(next)) return { next: null, broken: 'the next range cannot be read' };
  if (askedRanges.has(next)) return { next: null, broken: 'the list leads back to a page already read' };
  return { next, broken: undefined };
}

// A 404 proves nothing unless Heroku itself says so.
function isGone(exchange              )          {
  return (
    exchange.status === 404 && exchange.problem === null && parseObject(exchange.body)?.['id'] === 'not_found'
  );
}

/** What any call may get; null where the status is a success with a complete body. */
function toFailure(answer                )                         {
  const { status, problem, body } = answer.exchange;
  const fail = (kind                         )                  => ({
    kind,
    meta: metaOf(answer.exchange),
    detail: describe(answer),
  });
  if (status === null) return fail('ambiguous');
  // These three are said by the status alone, whatever became of the body.
  if (status === 401) return fail('unauthorized');
  if (isThrottled(answer.exchange)) return fail('throttled');
  if (status === 403) return fail('forbidden');
  if (problem !== null || status < 200 || status === 408) return fail('ambiguous');
  if (status < 300) return null;
  const isOwnWord = status !== 404 || parseObject(body)?.['id'] !== undefined;
  return fail(status >= 400 && status < 500 && isOwnWord ? 'invalid' : 'ambiguous');
}

/**
 * A 429, or a 403 whose headers ask to wait. An empty bucket alone does not make a 403 a throttled one where Heroku itself
 * says `forbidden`: with little budget left every answer carries a remaining count near 0.
 */
function isThrottled({ status, headers, body }              )          {
  if (status === 429) return true;
  if (status !== 403) return false;
  if (headers['retry-after'] !== undefined) return true;
  return headers['ratelimit-remaining'] === '0' && parseObject(body)?.['id'] !== 'forbidden';
}

function metaOf(exchange              )             {
  return readMeta(exchange, isThrottled(exchange));
}

function ambiguous(answer                , why        )                                          {
  const { status } = answer.exchange;
  const detail = `${answer.what}: status ${status ?? 'none'}, ${why}`;
  return { kind: 'ambiguous', meta: metaOf(answer.exchange), detail: plain(answer.redact(detail)) };
}

function describe({ exchange, what, redact }                )         {
  const error = parseObject(exchange.body);
  const said = [error?.['id'], error?.['message']].filter((part) => typeof part === 'string').join(': ');
  const parts = [exchange.status === null ? '' : `status ${exchange.status}`, exchange.problem ?? '', said];
  return plain(redact(`${what}: ${parts.filter(Boolean).join(', ')}`));
}

function parseJson(text        )          {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is an ordinary finding here: the callers check for what they need.
    return undefined;
  }
}

function parseObject(text        )                    {
  const value = parseJson(text);
  return isJsonObject(value) ? value : null;
}

/**
 * One HTTP request, one exchange: what came back as values, whatever went wrong. Never retries, never follows a redirect
 * (so a credential reaches only the origin it was given for), never reads more than it was told to.
 * NOT guaranteed: that a request without an answer was not applied. Invariant: `send` throws only the caller's own
 * cancellation; everything the network does is an exchange with a `problem`.
 */

/** Header names in lower case; one value each. */
                                                           

                           
                           
                                                                                     
               
                       
                                                                          
                       
                      
 

                               
                                      
                                 
                                
                                                                  
                        
                                                                                                        
                                  
 

                             
                                               
                                              
                               
                
 

                                    
                                                                   
               
               
                                                   
                    
 

// Shorter than the 5 s after which many servers end an idle connection: a request sent into a closing one is doubtful.
const IDLE_CONNECTION_MS = 4000;

/** A client for one origin, with connections kept alive between calls. The caller closes it. */
function createHttpClient({ baseUrl, clock, timeoutMs }                   )             {
  const transport = baseUrl.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS });
  const prefix = baseUrl.pathname.replace(/\/+$/, '');
  return {
    async send(call) {
      throwIfAborted(call.signal);
      return await exchange(
        () =>
          transport.request({
            agent,
            protocol: baseUrl.protocol,
            // A bracketed IPv6 literal is a URL's spelling; a socket wants it bare.
            hostname: baseUrl.hostname.replace(/^\[(.*)\]$/, '$1'),
            port: baseUrl.port,
            method: call.method,
            path: `${prefix}${call.path}`,
            headers: call.headers,
          }),
        { call, clock, timeoutMs },
      );
    },
    close: () => agent.destroy(),
  };
}

function exchange(
  start                          ,
  { call, clock, timeoutMs }                                                     ,
)                        {
  return new Promise((resolve, reject) => {
    let status                = null;
    let headers              = {};
    const chunks           = [];
    let size = 0;
    let isSettled = false;

    let request                    ;
    try {
      request = start();
    } catch (error) {
      // Node refuses characters that no header may carry; nothing was sent.
      resolve({
        status,
        headers,
        body: '',
        problem: `the request cannot be sent: ${describeFailure(error         )}`,
      });
      return;
    }
    const timer = clock.startTimer(timeoutMs, () =>
      settle(`no complete answer within ${formatDuration(timeoutMs)}`),
    );
    const onAbort = () => settle('cancelled');
    const settle = (problem               ) => {
      if (isSettled) return;
      isSettled = true;
      timer.cancel();
      call.signal.removeEventListener('abort', onAbort);
      // A connection with an unread rest must not go back to the agent.
      if (problem !== null) request.destroy();
      if (call.signal.aborted) return reject(abortReason(call.signal));
      const body = problem === null ? Buffer.concat(chunks).toString('utf8') : '';
      resolve({ status, headers, body, problem });
    };

    call.signal.addEventListener('abort', onAbort, { once: true });
    // Stays attached after settling: destroying a request may still report an error.
    request.on('error', (error) => settle(describeFailure(error)));
    request.on('response', (response) => {
      status = response.statusCode ?? null;
      headers = singleHeaders(response.headers);
      response.on('data', (chunk        ) => {
        size += chunk.length;
        if (size > call.maxBodyBytes) settle(`the answer is larger than ${call.maxBodyBytes} bytes`);
        else chunks.push(chunk);
      });
      response.on('error', (error) => settle(describeFailure(error)));
      response.on('end', () => settle(response.complete ? null : 'the answer broke off'));
    });
    request.end();
  });
}

function singleHeaders(raw                          )              {
  const single                         = {};
  for (const [name, value] of Object.entries(raw)) if (typeof value === 'string') single[name] = value;
  return single;
}

const FAILURES                                   = Object.freeze({
  ECONNRESET: 'the connection was reset',
  ECONNREFUSED: 'the connection was refused',
  EPIPE: 'the connection was closed',
  ENOTFOUND: 'the host name could not be resolved',
  EAI_AGAIN: 'the host name could not be resolved',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network is unreachable',
});

// Node's own messages may quote what was sent; codes do not.
function describeFailure(error       )         {
  const code = (error                         ).code;
  if (code === undefined) return 'the connection failed';
  return `${FAILURES[code] ?? 'the connection failed'} (${code})`;
}

/**
 * The Heroku provider: one request per function over {@link createHttpClient}, answers read by heroku-answers.ts.
 * NOT guaranteed: that an `ambiguous` delete was not applied. Invariants: an app is addressed by its id, never by its name
 * (a name may have been given to another app since); the credential goes to the one configured origin only.
 */


                                        
                                                                               
                 
                 
                                                                                           
                      
                                                                                                  
                         
               
                          
                    
                                                                      
                  
 

const PAGE_SIZE = 1000;
const FIRST_RANGE = `id ..; max=${PAGE_SIZE}`;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const MAX_BODY_BYTES = 64 * 1024;

/** A provider for one Heroku account or team. The caller closes it. Calls reject only with their signal's reason. */
function createHerokuProvider(options                       )           {
  const { apiKey, team, account, clock, timeoutMs } = options;
  const baseUrl = new URL(options.apiUrl);
  const client = createHttpClient({ baseUrl, clock, timeoutMs });
  const redact = createRedactor([apiKey]);
  const headers              = {
    accept: 'application/vnd.heroku+json; version=3',
    authorization: `Bearer ${apiKey}`,
    'user-agent': userAgentOf(options.client),
  };
  let scope              = team === null ? { kind: 'own', accountId: null } : { kind: 'team', team };
  // The ranges asked for since the listing began: one that comes back would make it endless.
  const askedRanges = new Set        ();

  const send = async (
    call                                                                                               ,
  )                          => ({
    what: `${call.method} ${call.path}`,
    redact,
    exchange: await client.send({
      method: call.method,
      path: call.path,
      signal: call.signal,
      headers: { ...headers, ...call.extra },
      maxBodyBytes: call.maxBodyBytes ?? MAX_BODY_BYTES,
    }),
  });

  return {
    name: 'heroku',
    accountId: hashIdentity(
      account === null
        ? ['heroku', baseUrl.origin + baseUrl.pathname, team === null ? 'own' : `team:${team}`, apiKey]
        : ['heroku', 'account', account],
    ),
    capabilities: { atomicPrecondition: false, openRequests: team === null ? 1 : 0, pageSize: PAGE_SIZE },
    // 4,500 tokens an account, refilled by 75 a minute.
    pace: { emissionIntervalMs: 800, burst: 4500 },

    async open({ signal }) {
      if (team !== null) return { kind: 'open', meta: { status: null }, label: `team ${team}` };
      const { answer, accountId } = toScopeAnswer(await send({ method: 'GET', path: '/account', signal }));
      if (accountId !== null) scope = { kind: 'own', accountId };
      return answer;
    },

    async list(cursor, { signal }) {
      if (cursor === null) askedRanges.clear();
      const range = cursor ?? FIRST_RANGE;
      askedRanges.add(range);
      const path = team === null ? '/users/~/apps' : `/teams/${encodeURIComponent(team)}/apps`;
      const answer = await send({
        method: 'GET',
        path,
        signal,
        extra: { range },
        maxBodyBytes: MAX_PAGE_BYTES,
      });
      return toListAnswer(answer, { scope, askedRanges });
    },

    async get(id, { signal }) {
      const path = appPath(id);
      if (path === null) return refusedId(id);
      return toGetAnswer(await send({ method: 'GET', path, signal }), { id, scope });
    },

    async destroy(app, { signal, fencingToken }) {
      const path = appPath(app.id);
      if (path === null) return refusedId(app.id);
      // For the audit trail: the API itself cannot check it.
      const extra = { 'x-lockstep-fencing-token': String(fencingToken) };
      return toDestroyAnswer(await send({ method: 'DELETE', path, signal, extra }), app.id);
    },

    async close() {
      client.close();
    },
  };
}

/** The path of an app; null for an id that would address something else. */
function appPath(id        )                {
  if (id === '' || id === '.' || id === '..' || id.includes('/') || id.length > 128) return null;
  return `/apps/${encodeURIComponent(id)}`;
}

function refusedId(id        )                  {
  const shown = JSON.stringify(id.slice(0, 40));
  return {
    kind: 'invalid',
    meta: { status: null },
    detail: `the app id ${shown} is not one to put in a path; nothing was sent`,
  };
}

function userAgentOf(client                    )         {
  const printable = client?.replace(/[^\x20-\x7e]|[()]/g, '').slice(0, 100);
  return printable ? `lockstep (${printable})` : 'lockstep';
}

export { createHerokuProvider };
