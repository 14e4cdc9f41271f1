import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { b as sleep, t as throwIfAborted, e as createLiveBlock, r as renderTable } from './terminal.js';
import { i as isJsonObject, e as createNonce, a as createDeadline, d as createReleasers } from './wire.js';
import { a as ConfigError } from './errors.js';
import * as http from 'node:http';
import { f as formatDuration } from './duration.js';

/**
 * What happened in a demonstration, from two witnesses: the sandbox's request log and the job processes' results. Pure.
 * The log is the oracle: requests and deletions are counted there, not in what the jobs say of themselves.
 */

/** A request as the story needs it; times in ms since the demonstration began. */
                              
                       
                          
                        
                                
                                 
                            
                           
                         
 

/** One job process as the demonstration sees it. */
                          
                        
                           
                            
                                
                                  
                                 
                                 
                                   
                              
 

                             
                         
                           
                         
                          
                                                                               
                           
                               
                                                   
                              
                             
                                
 

                               
                             
                        
                                    
                                            
                              
 

                             
                     
                           
                                    
                        
                              
                              
                            
 

/** Counts what the log shows. */
function totalRequests(requests                        , apps        )             {
  const deletions = requests.filter((request) => request.method === 'DELETE');
  const reads = requests.filter((request) => request.method === 'GET');
  const isList = (request             ) => request.path.split('?')[0]?.endsWith('/apps') === true;
  const isApp = (request             ) => /^\/apps\/[^/]+$/.test(request.path);
  return {
    lists: reads.filter(isList).length,
    deletes: deletions.length,
    reads: reads.filter(isApp).length,
    others: reads.filter((request) => !isList(request) && !isApp(request)).length,
    minimum: 1 + apps,
    deletedApps: new Set(deletions.filter((request) => request.applied).map((request) => request.appId)).size,
    duplicates: deletions.filter((request) => request.status === 404).length,
    throttled: requests.filter((request) => request.status === 429).length,
    serverErrors: requests.filter((request) => (request.status ?? 0) >= 500).length,
  };
}

/** True where the demonstration showed what it promises: every app gone, none deleted twice, no job failed. */
function isHappyEnd(snapshot              )          {
  return (
    snapshot.totals.deletedApps === snapshot.apps &&
    snapshot.totals.duplicates === 0 &&
    snapshot.jobs.every((job) => job.wasKilled || job.exitCode === 0)
  );
}

/**
 * Faults of the Heroku sandbox, as data: which requests, how often, and what happens to them. Plain JSON, so that a sandbox
 * in a process of its own takes the same list. Invariant: each request plays at most one fault, the first that matches.
 */

/** Which requests. Absent fields match everything. */
                               
                  
                                                                      
                
                                                       
               
                                      
                
 

/** What happens. `after` means that the effect was applied before the trouble. */
                        
                                                                                                  
     
                              
                              
                             
                                                          
                                         
     
                               
                                                                  
                                                   
                                                                 
                                                                                                                      
                                                                      
                                                                  
                                                                  
                                                                                 
                                                        
                                                         

                               
                      
                  
                                                       
                 
                                                         
                
                                                                 
                 
 

                                 
                 
               
                                           
               
 

                                
                                 
                                                     
                                                   
 

/** Faults with their counters. */
function createSandboxFaults(faults                         )                {
  const armed                                                          = [];
  const add = (fault              ) => armed.push({ fault, seen: 0, played: 0 });
  faults.forEach(add);
  return {
    add,
    next(request) {
      for (const entry of armed) {
        const { match, act, times, skip = 0, every = 1 } = entry.fault;
        if (times !== undefined && entry.played >= times) continue;
        if (!matches(match, request)) continue;
        entry.seen += 1;
        if (entry.seen <= skip || (entry.seen - skip) % every !== 0) continue;
        entry.played += 1;
        return act;
      }
      return null;
    },
  };
}

function matches(match              , request                )          {
  const { method, path, app, page } = match;
  if (method !== undefined && method !== request.method) return false;
  if (path !== undefined && !matchesPath(path, request.path)) return false;
  if (app !== undefined && request.app?.id !== app && request.app?.name !== app) return false;
  return page === undefined || page === request.page;
}

function matchesPath(wanted        , path        )          {
  return wanted.endsWith('*') ? path.startsWith(wanted.slice(0, -1)) : path === wanted;
}

/** The true answer is wanted: nothing of the fault stands in its way, or it comes after the effect. */
function isApplied(act                   )          {
  if (act === null) return true;
  if (act.kind === 'answer' || act.kind === 'reset' || act.kind === 'hang') return act.when === 'after';
  return true;
}

/**
 * What the Heroku sandbox answers: method and path to status, headers and JSON. Changes the world, knows no sockets.
 * Source: the Platform API's reference and JSON schema; the requests that the real CLI was seen to send.
 */
                                                              

                                
                 
                                  
                                     
                
                   
 

                              
                 
                           
               
                       
                
 

                               
                      
                                           
                   
                                                   
                   
                                                                                                
                        
 

/** The request addressed an app: `/apps/X` with X decoded. */
function addressedApp(path        )                {
  const match = /^\/apps\/([^/]+)$/.exec(path);
  if (match?.[1] === undefined) return null;
  try {
    return decodeURIComponent(match[1]);
  } catch {
    // Not an encoding anybody meant; it addresses nothing.
    return null;
  }
}

/** The one answer to one call, and its effect on the world. */
function answerCall(call             , rules              )                {
  const { world } = rules;
  const { method, path } = call;
  if (method === 'GET') {
    if (path === '/account') return ok(accountObject(world));
    if (path === '/account/rate-limits') return ok({ remaining: world.remaining() });
    const listed = listedApps(path, world);
    if (listed) return page(listed, call.range, rules.pageSize);
  }
  if (method === 'POST' && path === '/apps') return create(call.body, rules);
  const id = addressedApp(path);
  if (id === null) return failure(404, 'not_found', 'The requested API endpoint was not found.');
  const app = world.find(id);
  if (!app)
    return rules.goneStatus === 404
      ? failure(404, 'not_found', "Couldn't find that app.")
      : failure(403, 'forbidden', 'You do not have access to the app.');
  if (method === 'GET') return ok(app);
  if (method === 'DELETE') {
    world.remove(String(app['id']));
    return { ...ok(app), applied: true };
  }
  if (method === 'PATCH' && isJsonObject(call.body)) {
    const changes = pick(call.body, ['maintenance', 'name']);
    return { ...ok(world.patch(String(app['id']), changes)), applied: true };
  }
  return failure(405, 'method_not_allowed', 'This method is not allowed here.');
}

/** An error as Heroku writes one. */
function failure(status        , id        , message        )                {
  return { status, headers: {}, body: { id, message }, applied: false };
}

// How a Range header asks for apps; null where it cannot be read.
function parseRange(range               ) {
  const match = /^(id|name|updated_at)? ?(\]?)([^\s;]*?)\.\.([^\s;]*)(?:; ?(.*))?$/.exec(range ?? 'id ..');
  if (!match) return null;
  const parameters = new Map((match[5] ?? '').split(/[,;] ?/).map((pair) => splitPair(pair)));
  const max = Number(parameters.get('max') ?? 200);
  if (!Number.isInteger(max) || max < 1 || max > 1000) return null;
  return {
    field: match[1] ?? 'id',
    isExclusive: match[2] === ']',
    from: match[3] ?? '',
    to: match[4] ?? '',
    max,
    isDescending: parameters.get('order') === 'desc',
  };
}

function splitPair(pair        )                   {
  const [key = '', value = ''] = pair.split('=');
  return [key.trim(), value.trim()];
}

function page(apps              , rangeHeader               , pageSize        )                {
  const range = parseRange(rangeHeader);
  if (!range)
    return failure(416, 'requested_range_not_satisfiable', 'The requested range is not satisfiable.');
  const keyOf = (app            ) => String(app[range.field]);
  const sign = range.isDescending ? -1 : 1;
  const compare = (a        , b        ) => (a < b ? -sign : a > b ? sign : 0);
  const rest = apps
    .filter((app) => {
      const order = compare(keyOf(app), range.from);
      const isPastStart = range.from === '' || order > 0 || (order === 0 && !range.isExclusive);
      return isPastStart && (range.to === '' || compare(keyOf(app), range.to) <= 0);
    })
    .sort((a, b) => compare(keyOf(a), keyOf(b)));
  const items = rest.slice(0, Math.min(range.max, pageSize));
  const last = items.at(-1);
  const headers                         = { 'accept-ranges': 'id, name, updated_at' };
  if (!last || items.length === rest.length) return { status: 200, headers, body: items, applied: false };
  const order = range.isDescending ? ',order=desc' : '';
  headers['next-range'] = `${range.field} ]${keyOf(last)}..${range.to}; max=${range.max}${order}`;
  return { status: 206, headers, body: items, applied: false };
}

function listedApps(path        , world              )                      {
  if (path === '/apps') return world.apps();
  if (path === '/users/~/apps') return world.apps().filter((app) => (app['team'] ?? null) === null);
  const team = /^\/teams\/([^/]+)\/apps$/.exec(path)?.[1];
  if (team === undefined || !world.hasTeam(decodeURIComponent(team))) return null;
  return world.apps().filter((app) => {
    const own = app['team'];
    return isJsonObject(own) && [own['name'], own['id']].includes(decodeURIComponent(team));
  });
}

function create(body         , { world, appLimit }              )                {
  const wanted = isJsonObject(body) ? body['name'] : undefined;
  const name = typeof wanted === 'string' ? wanted : `sandbox-${world.log.length}-app`;
  if (world.ownCount() >= appLimit) {
    const message = `You've reached your app limit of ${appLimit} apps. Delete some apps to create more.`;
    return failure(422, 'invalid_params', message);
  }
  if (!/^[a-z][a-z0-9-]{1,28}[a-z0-9]$/.test(name))
    return failure(422, 'invalid_params', 'Name must start with a letter, and have 3 to 30 characters.');
  if (world.find(name)) return failure(422, 'invalid_params', `Name ${name} is already taken`);
  return { status: 201, headers: {}, body: world.add({ name }), applied: true };
}

function ok(body         )                {
  return { status: 200, headers: {}, body, applied: false };
}

function pick(object            , names                   )             {
  return Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));
}

function accountObject({ account }              )             {
  return {
    allow_tracking: false,
    beta: false,
    created_at: '2020-01-01T00:00:00Z',
    email: account.email,
    federated: false,
    id: account.id,
    identity_provider: null,
    last_login: null,
    name: 'CI',
    sms_number: null,
    suspended_at: null,
    delinquent_at: null,
    two_factor_authentication: true,
    updated_at: '2020-01-01T00:00:00Z',
    verified: true,
    default_organization: null,
    default_team: null,
  };
}

/**
 * The socket side of the Heroku sandbox: reads a request, sends an answer, and plays a fault on the way out.
 * Invariant: an answer that no fault touches is complete, with its length, and leaves the connection usable.
 */
                                       
                                                             
                                                                             

const MAX_REQUEST_BYTES = 1024 * 1024;

/** Reads the request to its end. A body that is not JSON, or is too long, counts as none. */
async function readCall(
  request                      ,
)                                                    {
  const chunks           = [];
  let size = 0;
  for await (const chunk of request                         ) {
    size += chunk.length;
    if (size <= MAX_REQUEST_BYTES) chunks.push(chunk);
  }
  const url = new URL(request.url ?? '/', 'http://sandbox');
  let body         ;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    // Most requests have no body at all; a route that needs one refuses.
    body = undefined;
  }
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    range: singleHeader(request, 'range'),
    body,
  };
}

/** A request header, or null. */
function singleHeader(request                      , name        )                {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

/** Sends the answer as JSON; a string body goes as it is. */
function sendAnswer(response                     , answer               )       {
  const text = encode(answer.body);
  const type = typeof answer.body === 'string' ? 'text/html; charset=utf-8' : 'application/json';
  response.writeHead(answer.status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    ...answer.headers,
  });
  response.end(text);
}

/** Sends what is left of the answer after the fault. */
function playAct(
  response                     ,
  { act, answer }                                                   ,
)       {
  if (act?.kind === 'hang') return;
  if (act?.kind === 'reset') response.socket?.resetAndDestroy();
  else if (act?.kind === 'truncate') truncate(response, { answer, end: act.end });
  else sendAnswer(response, answer);
}

/** What the fault makes of the true answer; `previousPage` is the last page that was sent. */
function alterAnswer(
  answer               ,
  { act, previousPage }                                                              ,
)                {
  if (act?.kind === 'answer') {
    const headers = Object.fromEntries(
      Object.entries(act.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    // A body that is JSON goes as JSON, anything else as a page of HTML.
    return { ...answer, status: act.status, headers, body: decode(act.body ?? '') };
  }
  if (act?.kind === 'next-range') {
    const { 'next-range': _replaced, ...headers } = answer.headers;
    if (act.value !== null) headers['next-range'] = act.value;
    return { ...answer, status: 206, headers };
  }
  if (act?.kind === 'overlap' && Array.isArray(answer.body))
    return { ...answer, body: [...previousPage.slice(-act.count), ...(answer.body             )] };
  return answer;
}

function truncate(
  response                     ,
  { answer, end }                                                       ,
)       {
  const text = encode(answer.body);
  const half = text.slice(0, Math.floor(text.length / 2));
  const announced = end === 'body' ? half : text;
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(announced),
    ...answer.headers,
  });
  if (end === 'body') response.end(half);
  else response.write(half, () => response.socket?.destroy());
}

function encode(body         )         {
  if (body === undefined) return '';
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function decode(text        )          {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: sent as the text it is.
    return text;
  }
}

/**
 * The world behind the Heroku sandbox: apps, their owners, the account's bucket of calls, and the request log. No HTTP here.
 * NOT a copy of Heroku: it knows what lockstep and the Heroku CLI ask for, in the fields of the published JSON schema.
 * Invariant: an app that was deleted never comes back under its id; the log has one entry for each request that arrived.
 */
                                                 

/** An app to start with. Ages count back from the sandbox's own clock. */
                                 
               
              
                        
                 
                                                                        
                
                                                                                      
                 
                        
                                                                                                                        
                      
                                           
                           
 

/** The account's bucket of calls, as Heroku has it. */
                                   
                   
                          
                                         
                     
 

/** One request as it went; the oracle of tests and the demo's live picture. Times are the sandbox's wall clock. */
                                  
                            
                          
                        
                                
                                                                          
                                
                                  
                                                               
                                 
                      
                          
                                      
                              
                                                
                                       
                               
                             
                                                                                           
                            
                                                       
                                
                             
 

                                 
                      
                         
 

                               
                                   
                                  
                                        
                              
                                                            
                                         
                                            
                                                          
                                                               
                                
                       
                                                     
                     
                                     
                                                   
                       
                               
                      
                            
 

/** A world with these apps in it. */
function createSandboxWorld(options   
               
                                  
                              
 )               {
  const { clock, rateLimit } = options;
  const account                 = { id: createNonce(), email: 'ci@example.com' };
  const owners = new Map                        ([[account.email, account]]);
  const teams = new Map                                      ();
  const apps = new Map                    ();
  const traces = new Map                                      ();
  let tokens = rateLimit.remaining ?? rateLimit.capacity;
  let refilledAtMs = clock.monotonicMs();

  const ownerOf = (email        )                 => {
    const known = owners.get(email) ?? { id: createNonce(), email };
    owners.set(email, known);
    return known;
  };
  const teamOf = (name                    ) => {
    if (name === undefined) return null;
    const known = teams.get(name) ?? { id: createNonce(), name };
    teams.set(name, known);
    return known;
  };
  const refill = () => {
    const nowMs = clock.monotonicMs();
    const gained = ((nowMs - refilledAtMs) / 60_000) * rateLimit.refillPerMinute;
    tokens = Math.min(rateLimit.capacity, tokens + gained);
    refilledAtMs = nowMs;
  };

  const world               = {
    account,
    log: [],
    capacity: rateLimit.capacity,
    add(seed) {
      const id = seed.id ?? createNonce();
      const createdAt = timestamp(clock.wallMs() - (seed.ageMs ?? 0));
      const team = teamOf(seed.team);
      // Heroku owns a team's apps through an account that stands for the team.
      const owner = ownerOf(team ? `${team.name}@herokumanager.com` : (seed.owner ?? account.email));
      const complete = appObject({
        id,
        name: seed.name,
        createdAt,
        owner,
        team,
        maintenance: seed.maintenance,
      });
      const omitted = new Set(seed.omit);
      const entries = Object.entries({ ...complete, ...seed.fields });
      const app = Object.fromEntries(entries.filter(([field]) => !omitted.has(field)));
      apps.set(id, app);
      traces.set(id, { id, name: seed.name });
      return app;
    },
    remove: (id) => apps.delete(id),
    patch(id, changes) {
      const app = apps.get(id);
      if (!app) return null;
      const patched = { ...app, ...changes, updated_at: timestamp(clock.wallMs()) };
      apps.set(id, patched);
      traces.set(id, { id, name: String(changes['name'] ?? app['name']) });
      return patched;
    },
    find(idOrName) {
      return apps.get(idOrName) ?? world.apps().find((app) => app['name'] === idOrName) ?? null;
    },
    trace(idOrName) {
      const byId = traces.get(idOrName);
      return byId ?? [...traces.values()].findLast((trace) => trace.name === idOrName) ?? null;
    },
    apps: () => [...apps.values()],
    ownCount: () => world.apps().filter((app) => isOwn(app, account)).length,
    hasTeam: (idOrName) => [...teams.values()].some((team) => team.name === idOrName || team.id === idOrName),
    takeToken() {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    remaining() {
      refill();
      return Math.floor(tokens);
    },
  };
  for (const seed of options.apps) world.add(seed);
  return world;
}

function isOwn(app            , account                )          {
  const owner = app['owner']                                       ;
  return owner?.id === account.id && (app['team'] ?? null) === null;
}

// Heroku writes whole seconds.
function timestamp(ms        )         {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

// The fields of `app` in the published schema, all of them.
function appObject(app   
             
               
                    
                        
                                            
                                   
 )             {
  const stack = { id: 'cb63c7ca-0a5a-4b4e-8f05-1c5a4a3b2d24', name: 'heroku-24' };
  return {
    acm: false,
    archived_at: null,
    buildpack_provided_description: null,
    build_stack: stack,
    created_at: app.createdAt,
    git_url: `https://git.heroku.com/${app.name}.git`,
    id: app.id,
    internal_routing: null,
    maintenance: app.maintenance ?? false,
    name: app.name,
    organization: app.team,
    owner: { email: app.owner.email, id: app.owner.id },
    region: { id: '59accabd-516d-4f0e-83e6-6e3757701145', name: 'us' },
    released_at: app.createdAt,
    repo_size: null,
    slug_size: null,
    space: null,
    stack,
    team: app.team,
    updated_at: app.createdAt,
    web_url: `https://${app.name}.herokuapp.com/`,
  };
}

/**
 * A server on loopback that speaks the Heroku Platform API as lockstep and the Heroku CLI use it: for `lockstep demo` and for
 * tests. It really deletes, really runs out of calls, and plays the faults it is given.
 * NOT guaranteed: anything beyond the routes in heroku-sandbox-routes.ts. Beside the API it has doors of its own, which cost
 * no token and are not logged: GET /_sandbox/log[?since=N], GET /_sandbox/apps, POST /_sandbox/apps, POST /_sandbox/faults.
 * Invariant: a request is in the log before its answer leaves, so whoever has the answer finds it there.
 */

/** Everything but the clock is plain JSON. */
                                  
                                   
                                   
                                                            
                               
                                                    
                     
                                              
                    
                          
                    
                                                        
                  
                                              
                      
                                                           
                         
                                 
                
 

                                
                                 
                       
                               
                                 
                                                         
                                    
                                                   
                         
 

/** Starts a sandbox in this process; resolves when it listens. The caller closes it. */
async function startHerokuSandbox(
  settings                                    ,
)                         {
  const { clock, latencyMs = 0 } = settings;
  const world = createSandboxWorld({
    clock,
    apps: settings.apps ?? [],
    rateLimit: settings.rateLimit ?? { capacity: 4500, refillPerMinute: 75 },
  });
  const faults = createSandboxFaults(settings.faults ?? []);
  const rules               = {
    world,
    appLimit: settings.appLimit ?? 100,
    pageSize: settings.pageSize ?? 1000,
    goneStatus: settings.goneStatus ?? 404,
  };
  const closing = new AbortController();
  let previousPage                     = [];
  // Which page a handed-out range leads to.
  const pages = new Map                ();

  const decide = (call             , act                   , key               )                => {
    const isKnown = settings.apiKey === undefined ? key !== null && key !== '' : key === settings.apiKey;
    if (!isKnown) return failure(401, 'unauthorized', 'Invalid credentials provided.');
    const isFree = call.path === '/account/rate-limits' || (act?.kind === 'answer' && act.status === 429);
    if (!isFree && !world.takeToken())
      return failure(429, 'rate_limit', 'Your account reached the API rate limit.');
    const nothing                = { status: 200, headers: {}, body: undefined, applied: false };
    const answer = alterAnswer(isApplied(act) ? answerCall(call, rules) : nothing, { act, previousPage });
    if (Array.isArray(answer.body)) previousPage = answer.body;
    return answer;
  };

  const serve = async (request                      , response                     )                => {
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
  await new Promise      ((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address()               ).port}`,
    world,
    faults,
    log: () => world.log,
    async close() {
      closing.abort();
      const ended = new Promise      ((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await ended;
    },
  };
}

function openDoor(
  call                                          ,
  { world, faults }                                                ,
)                {
  const answer = (body         )                => ({ status: 200, headers: {}, body, applied: false });
  const given = Array.isArray(call.body) ? (call.body             ) : [];
  switch (`${call.method} ${call.path}`) {
    case 'GET /_sandbox/log':
      return answer(world.log.slice(Number(call.query.get('since') ?? 0)));
    case 'GET /_sandbox/apps':
      return answer(world.apps());
    case 'POST /_sandbox/apps':
      return answer(given.map((seed) => world.add(seed                  )));
    case 'POST /_sandbox/faults':
      for (const fault of given) faults.add(fault                );
      return answer(given.length);
    default:
      return failure(404, 'not_found', 'The sandbox has no such door.');
  }
}

/**
 * `demo`: a Heroku sandbox on loopback, many real processes of this very program on one file store, and who does what. Needs
 * no account and no network. Everything it makes lives in a temporary folder that is removed at the end.
 * Invariant: no job process outlives the demonstration.
 */

/** How often the picture is taken anew. */
const SNAPSHOT_MS = 80;
const DAY_MS = 86_400_000;

                                           

/** Runs the demonstration; `onDemoSnapshot` of the context is shown each picture. */
async function runDemo(
  context                ,
  resolved                         ,
)                      {
  if (resolved.problems.length > 0) throw new ConfigError(resolved.problems);
  const { values } = resolved;
  const { clock } = context;
  const releasers = createReleasers();
  const deadline = createDeadline({
    clock,
    timeoutMs: values.timeoutMs,
    waitingFor: 'the demonstration to end',
    parent: context.signal,
  });
  try {
    const folder = await mkdtemp(join(tmpdir(), 'lockstep-demo-'));
    releasers.add(() => rm(folder, { recursive: true, force: true }));
    const sandbox = await startHerokuSandbox({
      clock,
      latencyMs: values.latencyMs,
      apps: Array.from({ length: values.apps }, (_, index) => ({
        name: `demo-app-${String(index + 1).padStart(3, '0')}`,
        ageMs: (8 + (index % 30)) * DAY_MS,
      })),
      faults: faultsOf(values.fault),
    });
    releasers.add(() => sandbox.close());
    const play = startJobs(context, { folder, url: sandbox.url, jobs: values.jobs, fault: values.fault });
    releasers.add(() => play.stop());

    const look = ()               =>
      takeSnapshot({ sandbox, play, apps: values.apps, nowMs: clock.wallMs() });
    for (let snapshot = look(); snapshot.jobs.some((job) => job.endMs === null); snapshot = look()) {
      context.onDemoSnapshot?.(snapshot);
      if (values.fault === 'kill') play.killSweeperAt(snapshot, Math.ceil(values.apps / 3));
      await deadline.sleep(SNAPSHOT_MS);
    }
    throwIfAborted(deadline.signal);
    const last = look();
    context.onDemoSnapshot?.(last);
    return {
      format: 1,
      command: 'demo',
      jobs: last.jobs,
      apps: last.apps,
      totals: last.totals,
      durationMs: Math.round(last.elapsedMs),
      exitCode: isHappyEnd(last) ? 0 : 1,
    };
  } finally {
    deadline.dispose();
    await releasers.close();
  }
}

function faultsOf(fault       )                 {
  const match = { method: 'DELETE' };
  if (fault === '503') return [{ match, act: { kind: 'answer', status: 503 }, skip: 3, every: 6, times: 6 }];
  if (fault === '429') {
    const act = { kind: 'answer', status: 429, headers: { 'retry-after': '1' } }         ;
    return [{ match, act, skip: 8, times: 2 }];
  }
  return [];
}

                
                               
                             
                                                                     
                                                                 
                        
 

function startJobs(
  context                ,
  options                                                             ,
)       {
  const { clock, process: self } = context;
  const startWallMs = clock.wallMs();
  const children = new Map                                                       ();
  const jobs = new Map                 ();
  const update = (name        , change                  ) => {
    const job = jobs.get(name);
    if (job) jobs.set(name, { ...job, ...change });
  };
  for (let index = 1; index <= options.jobs; index += 1) {
    const name = `job-${index}`;
    const child = spawn(self.execPath, [...self.execArgv, self.entry, ...argumentsOf(name, options)], {
      // Nothing of the user's own world: a demonstration touches no account.
      env: {
        PATH: context.env['PATH'],
        HOME: options.folder,
        HEROKU_API_KEY: `key-of-${name}`,
        HEROKU_API_URL: options.url,
      },
      cwd: options.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    jobs.set(name, {
      name,
      startMs: clock.wallMs() - startWallMs,
      endMs: null,
      outcome: null,
      reason: null,
      holder: null,
      exitCode: null,
      wasKilled: false,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text        ) => {
      output += text;
    });
    // Read so that a full pipe never stops the child; the picture tells the story.
    child.stderr.resume();
    const ended = new Promise      ((resolve) => {
      child.once('close', (exitCode) => {
        update(name, { endMs: clock.wallMs() - startWallMs, exitCode, ...resultOf(output) });
        resolve();
      });
      child.once('error', (error) => {
        context.logger.error(`${name} could not be started: ${error.message}`);
      });
    });
    children.set(name, { child, ended });
  }
  let hasKilled = false;
  return {
    startWallMs,
    jobs: () => [...jobs.values()],
    killSweeperAt(snapshot, deletions) {
      const last = snapshot.requests.findLast((request) => request.method === 'DELETE');
      if (hasKilled || !last || snapshot.totals.deletedApps < deletions) return;
      hasKilled = true;
      update(last.job, { wasKilled: true });
      children.get(last.job)?.child.kill('SIGKILL');
    },
    async stop() {
      for (const { child } of children.values()) child.kill('SIGKILL');
      await Promise.all([...children.values()].map(({ ended }) => ended));
    },
  };
}

function argumentsOf(name        , { folder, fault }                                  )           {
  const whenKilled = ['--when-busy', 'wait', '--lease', '2s', '--poll', '250ms'];
  return [
    ...['reap', '--provider', 'heroku', '--match', 'demo-app-[0-9]+', '--older-than', '7d', '--apply'],
    ...['--account', 'demo', '--store', `file:${join(folder, 'store')}`, '--holder', name, '--json'],
    ...(fault === 'kill' ? whenKilled : []),
  ];
}

/** What a job said of itself in its last line. */
function resultOf(output        )                   {
  const line = output.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) return {};
  const result          = JSON.parse(line);
  if (!isJsonObject(result)) return {};
  const text = (field        ) => (typeof result[field] === 'string' ? result[field] : null);
  return { outcome: text('outcome'), reason: text('reason'), holder: text('holder') };
}

function takeSnapshot(options   
                         
             
               
                
 )               {
  const { sandbox, play, apps, nowMs } = options;
  const requests = sandbox.log().map((entry) => ({
    job: /job-\d+/.exec(entry.client)?.[0] ?? '?',
    method: entry.method,
    path: entry.path,
    appId: entry.appId,
    status: entry.status,
    applied: entry.applied,
    startMs: entry.startedAtMs - play.startWallMs,
    endMs: entry.endedAtMs - play.startWallMs,
  }));
  return {
    elapsedMs: nowMs - play.startWallMs,
    apps,
    jobs: play.jobs(),
    requests,
    totals: totalRequests(requests, apps),
  };
}

/** `demo` in a terminal: a timeline per job that is redrawn while it runs, then a table and the counts against the minimum. */
                                                                                                

/** Columns of a timeline. */
const WIDTH = 56;

function createDemoCommand(world   
                                                                
                       
 )                  {
  const block = createLiveBlock(world.stream);
  let last                      = null;
  return {
    async run(context, resolved) {
      const { jobs, apps } = (resolved                           ).values;
      context.logger.info(`${jobs} jobs start at once; all of them want the same ${apps} stale apps gone.`);
      try {
        return await runDemo(
          {
            ...context,
            onDemoSnapshot(snapshot) {
              last = snapshot;
              block.draw(['', ...drawTimelines(snapshot, world.style), '']);
            },
          },
          resolved                           ,
        );
      } finally {
        block.finish();
      }
    },
    render(report, style) {
      const isShown = world.stream.isTerminal;
      const picture = last && !isShown ? ['', ...drawTimelines(last, style), ''] : [];
      return [...picture, ...renderDemoReport(report              , style)];
    },
  };
}

/** One row per job: dots while it lives, a block wherever it had a request under way, and how it ended. */
function drawTimelines(snapshot              , style               )           {
  const spanMs = Math.max(snapshot.elapsedMs, 1);
  const columnOf = (ms        ) => Math.min(WIDTH - 1, Math.max(0, Math.floor((ms / spanMs) * WIDTH)));
  const rows = snapshot.jobs.map((job) => {
    const own = snapshot.requests.filter((request) => request.job === job.name);
    const cells = Array.from({ length: WIDTH }, () => ' ');
    const lastColumn = columnOf(job.endMs ?? spanMs);
    for (let column = columnOf(job.startMs); column <= lastColumn; column += 1) cells[column] = '·';
    for (const request of own) {
      for (let column = columnOf(request.startMs); column <= columnOf(request.endMs); column += 1) {
        cells[column] = request.method === 'DELETE' ? '█' : '▒';
      }
    }
    if (job.endMs !== null) cells[lastColumn] = job.wasKilled ? '✗' : cells[lastColumn] === '█' ? '█' : '┤';
    const line = cells.join('');
    return [job.name, own.length > 0 ? style.cyan(line) : style.dim(line), describeJob(job, own, style)];
  });
  const { totals, apps } = snapshot;
  const progress = `${totals.deletedApps}/${apps} apps deleted, ${totals.lists + totals.deletes + totals.reads} requests (minimum ${totals.minimum})`;
  const legend = style.dim(`▒ list  █ delete  · alive  0 to ${formatDuration(spanMs)}`);
  return [...renderTable(rows), '', `${progress}   ${legend}`];
}

function describeJob(job         , own                        , style               )         {
  if (job.wasKilled) return style.red('killed');
  if (job.endMs === null) {
    if (own.length === 0) return style.dim('starting or waiting');
    const deleted = own.filter((request) => request.applied && request.method === 'DELETE').length;
    return style.yellow(`sweeping, ${deleted} deleted`);
  }
  if (job.outcome === 'skipped') {
    const why =
      job.reason === 'busy' ? `${job.holder ?? 'another'} is sweeping` : `swept already (${job.reason})`;
    return style.green(`skipped: ${why}`);
  }
  return job.exitCode === 0
    ? style.green(job.outcome ?? 'done')
    : style.red(job.outcome ?? `exit ${job.exitCode}`);
}

function renderDemoReport(report            , style               )           {
  const { totals } = report;
  const rows = report.jobs.map((job) => [
    job.name,
    job.wasKilled ? 'killed' : (job.outcome ?? '?'),
    job.wasKilled ? '' : (job.reason ?? ''),
    job.endMs === null ? '' : formatDuration(job.endMs - job.startMs),
  ]);
  const sent = totals.lists + totals.deletes + totals.reads;
  const verdict = report.exitCode === 0 ? style.green('✓') : style.red('✗');
  const extra = [
    totals.others > 0 ? `${totals.others} to learn whose account it is` : '',
    totals.serverErrors > 0 ? `${totals.serverErrors} answered 5xx` : '',
    totals.throttled > 0 ? `${totals.throttled} answered 429` : '',
  ].filter(Boolean);
  return [
    ...renderTable([['JOB', 'OUTCOME', 'WHY', 'TOOK'].map((title) => style.bold(title)), ...rows], {
      right: [3],
    }),
    '',
    `${verdict} ${totals.deletedApps} of ${report.apps} apps deleted, ${totals.duplicates} twice.`,
    `  ${sent} requests: ${totals.lists} list + ${totals.deletes} delete${totals.reads > 0 ? ` + ${totals.reads} read` : ''}; the minimum is ${totals.minimum}.${extra.length > 0 ? style.dim(` Besides: ${extra.join(', ')}.`) : ''}`,
    `  ${formatDuration(report.durationMs)} for all ${report.jobs.length} jobs.`,
  ];
}

export { createDemoCommand, drawTimelines, renderDemoReport };
