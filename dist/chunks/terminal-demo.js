"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const node_child_process = require("node:child_process");

const promises = require("node:fs/promises");

const os = require("node:os");

const node_path = require("node:path");

const core = require("./core.js");

const http = require("node:http");

function _interopNamespaceDefault(e) {
 return Object.create(e, {
  default: {
   value: e
  }
 });
}

const http__namespace = _interopNamespaceDefault(http);

function totalRequests(requests, apps) {
 const deletions = requests.filter(request => request.method === "DELETE");
 const reads = requests.filter(request => request.method === "GET");
 const isList = request => request.path.split("?")[0]?.endsWith("/apps") === true;
 const isApp = request => /^\/apps\/[^/]+$/.test(request.path);
 return {
  lists: reads.filter(isList).length,
  deletes: deletions.length,
  reads: reads.filter(isApp).length,
  others: reads.filter(request => !isList(request) && !isApp(request)).length,
  minimum: 1 + apps,
  deletedApps: new Set(deletions.filter(request => request.applied).map(request => request.appId)).size,
  duplicates: deletions.filter(request => request.status === 404).length,
  throttled: requests.filter(request => request.status === 429).length,
  serverErrors: requests.filter(request => (request.status ?? 0) >= 500).length
 };
}

function isHappyEnd(snapshot) {
 return snapshot.totals.deletedApps === snapshot.apps && snapshot.totals.duplicates === 0 && snapshot.jobs.every(job => job.wasKilled || job.exitCode === 0);
}

function createSandboxFaults(faults) {
 const armed = [];
 const add = fault => armed.push({
  fault: fault,
  seen: 0,
  played: 0
 });
 faults.forEach(add);
 return {
  add: add,
  next(request) {
   for (const entry of armed) {
    const {match: match, act: act, times: times, skip: skip = 0, every: every = 1} = entry.fault;
    if (times !== undefined && entry.played >= times) continue;
    if (!matches(match, request)) continue;
    entry.seen += 1;
    if (entry.seen <= skip || (entry.seen - skip) % every !== 0) continue;
    entry.played += 1;
    return act;
   }
   return null;
  }
 };
}

function matches(match, request) {
 const {method: method, path: path, app: app, page: page} = match;
 if (method !== undefined && method !== request.method) return false;
 if (path !== undefined && !matchesPath(path, request.path)) return false;
 if (app !== undefined && request.app?.id !== app && request.app?.name !== app) return false;
 return page === undefined || page === request.page;
}

function matchesPath(wanted, path) {
 return wanted.endsWith("*") ? path.startsWith(wanted.slice(0, -1)) : path === wanted;
}

function isApplied(act) {
 if (act === null) return true;
 if (act.kind === "answer" || act.kind === "reset" || act.kind === "hang") return act.when === "after";
 return true;
}

function addressedApp(path) {
 const match = /^\/apps\/([^/]+)$/.exec(path);
 if (match?.[1] === undefined) return null;
 try {
  return decodeURIComponent(match[1]);
 } catch {
  return null;
 }
}

function answerCall(call, rules) {
 const {world: world} = rules;
 const {method: method, path: path} = call;
 if (method === "GET") {
  if (path === "/account") return ok(accountObject(world));
  if (path === "/account/rate-limits") return ok({
   remaining: world.remaining()
  });
  const listed = listedApps(path, world);
  if (listed) return page(listed, call.range, rules.pageSize);
 }
 const released = /^(\/apps\/[^/]+)\/releases$/.exec(path)?.[1];
 const ofReleases = released === undefined ? null : addressedApp(released);
 if (method === "GET" && ofReleases !== null) {
  const app = world.find(ofReleases);
  if (app) return listReleases(world.releases(String(app["id"])), call.range);
 }
 if (method === "POST" && path === "/apps") return create(call.body, rules);
 const id = addressedApp(path);
 if (id === null) return failure(404, "not_found", "The requested API endpoint was not found.");
 const app = world.find(id);
 if (!app) return rules.goneStatus === 404 ? failure(404, "not_found", "Couldn't find that app.") : failure(403, "forbidden", "You do not have access to the app.");
 if (method === "GET") return ok(app);
 if (method === "DELETE") {
  world.remove(String(app["id"]));
  return {
   ...ok(app),
   applied: true
  };
 }
 if (method === "PATCH" && core.isJsonObject(call.body)) {
  const changes = pick(call.body, [ "maintenance", "name" ]);
  return {
   ...ok(world.patch(String(app["id"]), changes)),
   applied: true
  };
 }
 return failure(405, "method_not_allowed", "This method is not allowed here.");
}

function failure(status, id, message) {
 return {
  status: status,
  headers: {},
  body: {
   id: id,
   message: message
  },
  applied: false
 };
}

function listReleases(releases, range) {
 const isDescending = /order=desc/.test(range ?? "");
 const max = Number(/max=(\d+)/.exec(range ?? "")?.[1] ?? 200);
 const ordered = isDescending ? [ ...releases ].reverse() : [ ...releases ];
 const status = ordered.length > max ? 206 : 200;
 return {
  status: status,
  headers: {
   "accept-ranges": "id, version"
  },
  body: ordered.slice(0, max),
  applied: false
 };
}

function parseRange(range) {
 const match = /^(id|name|updated_at)? ?(\]?)([^\s;]*?)\.\.([^\s;]*)(?:; ?(.*))?$/.exec(range ?? "id ..");
 if (!match) return null;
 const parameters = new Map((match[5] ?? "").split(/[,;] ?/).map(pair => splitPair(pair)));
 const max = Number(parameters.get("max") ?? 200);
 if (!Number.isInteger(max) || max < 1 || max > 1e3) return null;
 return {
  field: match[1] ?? "id",
  isExclusive: match[2] === "]",
  from: match[3] ?? "",
  to: match[4] ?? "",
  max: max,
  isDescending: parameters.get("order") === "desc"
 };
}

function splitPair(pair) {
 const [key = "", value = ""] = pair.split("=");
 return [ key.trim(), value.trim() ];
}

function page(apps, rangeHeader, pageSize) {
 const range = parseRange(rangeHeader);
 if (!range) return failure(416, "requested_range_not_satisfiable", "The requested range is not satisfiable.");
 const keyOf = app => String(app[range.field]);
 const sign = range.isDescending ? -1 : 1;
 const compare = (a, b) => a < b ? -sign : a > b ? sign : 0;
 const rest = apps.filter(app => {
  const order = compare(keyOf(app), range.from);
  const isPastStart = range.from === "" || order > 0 || order === 0 && !range.isExclusive;
  return isPastStart && (range.to === "" || compare(keyOf(app), range.to) <= 0);
 }).sort((a, b) => compare(keyOf(a), keyOf(b)));
 const items = rest.slice(0, Math.min(range.max, pageSize));
 const last = items.at(-1);
 const headers = {
  "accept-ranges": "id, name, updated_at"
 };
 if (!last || items.length === rest.length) return {
  status: 200,
  headers: headers,
  body: items,
  applied: false
 };
 const order = range.isDescending ? ",order=desc" : "";
 headers["next-range"] = `${range.field} ]${keyOf(last)}..${range.to}; max=${range.max}${order}`;
 return {
  status: 206,
  headers: headers,
  body: items,
  applied: false
 };
}

function listedApps(path, world) {
 if (path === "/apps") return world.apps();
 if (path === "/users/~/apps") return world.apps().filter(app => (app["team"] ?? null) === null);
 const team = /^\/teams\/([^/]+)\/apps$/.exec(path)?.[1];
 if (team === undefined || !world.hasTeam(decodeURIComponent(team))) return null;
 return world.apps().filter(app => {
  const own = app["team"];
  return core.isJsonObject(own) && [ own["name"], own["id"] ].includes(decodeURIComponent(team));
 });
}

function create(body, {world: world, appLimit: appLimit}) {
 const wanted = core.isJsonObject(body) ? body["name"] : undefined;
 const name = typeof wanted === "string" ? wanted : `sandbox-${world.log.length}-app`;
 if (world.ownCount() >= appLimit) {
  const message = `You've reached your app limit of ${appLimit} apps. Delete some apps to create more.`;
  return failure(422, "invalid_params", message);
 }
 if (!/^[a-z][a-z0-9-]{1,28}[a-z0-9]$/.test(name)) return failure(422, "invalid_params", "Name must start with a letter, and have 3 to 30 characters.");
 if (world.find(name)) return failure(422, "invalid_params", `Name ${name} is already taken`);
 return {
  status: 201,
  headers: {},
  body: world.add({
   name: name
  }),
  applied: true
 };
}

function ok(body) {
 return {
  status: 200,
  headers: {},
  body: body,
  applied: false
 };
}

function pick(object, names) {
 return Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));
}

function accountObject({account: account}) {
 return {
  allow_tracking: false,
  beta: false,
  created_at: "2020-01-01T00:00:00Z",
  email: account.email,
  federated: false,
  id: account.id,
  identity_provider: null,
  last_login: null,
  name: "CI",
  sms_number: null,
  suspended_at: null,
  delinquent_at: null,
  two_factor_authentication: true,
  updated_at: "2020-01-01T00:00:00Z",
  verified: true,
  default_organization: null,
  default_team: null
 };
}

const MAX_REQUEST_BYTES = 1024 * 1024;

async function readCall(request) {
 const chunks = [];
 let size = 0;
 for await (const chunk of request) {
  size += chunk.length;
  if (size <= MAX_REQUEST_BYTES) chunks.push(chunk);
 }
 const url = new URL(request.url ?? "/", "http://sandbox");
 let body;
 try {
  body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
 } catch {
  body = undefined;
 }
 return {
  method: request.method ?? "GET",
  path: url.pathname,
  query: url.searchParams,
  range: singleHeader(request, "range"),
  body: body
 };
}

function singleHeader(request, name) {
 const value = request.headers[name];
 return typeof value === "string" ? value : null;
}

function sendAnswer(response, answer) {
 const text = encode(answer.body);
 const type = typeof answer.body === "string" ? "text/html; charset=utf-8" : "application/json";
 response.writeHead(answer.status, {
  "content-type": type,
  "content-length": Buffer.byteLength(text),
  ...answer.headers
 });
 response.end(text);
}

function playAct(response, {act: act, answer: answer}) {
 if (act?.kind === "hang") return;
 if (act?.kind === "reset") response.socket?.resetAndDestroy(); else if (act?.kind === "truncate") truncate(response, {
  answer: answer,
  end: act.end
 }); else sendAnswer(response, answer);
}

function alterAnswer(answer, {act: act, previousPage: previousPage}) {
 if (act?.kind === "answer") {
  const headers = Object.fromEntries(Object.entries(act.headers ?? {}).map(([name, value]) => [ name.toLowerCase(), value ]));
  return {
   ...answer,
   status: act.status,
   headers: headers,
   body: decode(act.body ?? "")
  };
 }
 if (act?.kind === "next-range") {
  const {"next-range": _replaced, ...headers} = answer.headers;
  if (act.value !== null) headers["next-range"] = act.value;
  return {
   ...answer,
   status: 206,
   headers: headers
  };
 }
 if (act?.kind === "overlap" && Array.isArray(answer.body)) return {
  ...answer,
  body: [ ...previousPage.slice(-act.count), ...answer.body ]
 };
 return answer;
}

function truncate(response, {answer: answer, end: end}) {
 const text = encode(answer.body);
 const half = text.slice(0, Math.floor(text.length / 2));
 const announced = end === "body" ? half : text;
 response.writeHead(answer.status, {
  "content-type": "application/json",
  "content-length": Buffer.byteLength(announced),
  ...answer.headers
 });
 if (end === "body") response.end(half); else response.write(half, () => response.socket?.destroy());
}

function encode(body) {
 if (body === undefined) return "";
 return typeof body === "string" ? body : JSON.stringify(body);
}

function decode(text) {
 try {
  return JSON.parse(text);
 } catch {
  return text;
 }
}

function timestamp(ms) {
 return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

function releaseObject(about) {
 const {app: app, status: status, version: version, at: at} = about;
 return {
  addon_plan_names: [],
  artifacts: [],
  app: {
   id: app["id"],
   name: app["name"]
  },
  created_at: at,
  description: "Deploy 4d1b2c3",
  eligible_for_rollback: status === "succeeded",
  id: core.createNonce(),
  oci_image: null,
  slug: null,
  status: status,
  updated_at: at,
  user: {
   email: "ci@example.com",
   id: core.createNonce()
  },
  version: version,
  current: status === "succeeded",
  output_stream_url: null
 };
}

function appObject(app) {
 const stack = {
  id: "cb63c7ca-0a5a-4b4e-8f05-1c5a4a3b2d24",
  name: "heroku-24"
 };
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
  owner: {
   email: app.owner.email,
   id: app.owner.id
  },
  region: {
   id: "59accabd-516d-4f0e-83e6-6e3757701145",
   name: "us"
  },
  released_at: app.createdAt,
  repo_size: null,
  slug_size: null,
  space: null,
  stack: stack,
  team: app.team,
  updated_at: app.createdAt,
  web_url: `https://${app.name}.herokuapp.com/`
 };
}

function createSandboxWorld(options) {
 const {clock: clock, rateLimit: rateLimit} = options;
 const account = {
  id: core.createNonce(),
  email: "ci@example.com"
 };
 const owners = new Map([ [ account.email, account ] ]);
 const teams = new Map;
 const apps = new Map;
 const traces = new Map;
 const releases = new Map;
 let tokens = rateLimit.remaining ?? rateLimit.capacity;
 let refilledAtMs = clock.monotonicMs();
 const ownerOf = email => {
  const known = owners.get(email) ?? {
   id: core.createNonce(),
   email: email
  };
  owners.set(email, known);
  return known;
 };
 const teamOf = name => {
  if (name === undefined) return null;
  const known = teams.get(name) ?? {
   id: core.createNonce(),
   name: name
  };
  teams.set(name, known);
  return known;
 };
 const refill = () => {
  const nowMs = clock.monotonicMs();
  const gained = (nowMs - refilledAtMs) / 6e4 * rateLimit.refillPerMinute;
  tokens = Math.min(rateLimit.capacity, tokens + gained);
  refilledAtMs = nowMs;
 };
 const world = {
  account: account,
  log: [],
  capacity: rateLimit.capacity,
  add(seed) {
   const id = seed.id ?? core.createNonce();
   const createdAt = timestamp(clock.wallMs() - (seed.ageMs ?? 0));
   const team = teamOf(seed.team);
   const owner = ownerOf(team ? `${team.name}@herokumanager.com` : seed.owner ?? account.email);
   const complete = appObject({
    id: id,
    name: seed.name,
    createdAt: createdAt,
    owner: owner,
    team: team,
    maintenance: seed.maintenance
   });
   const omitted = new Set(seed.omit);
   const entries = Object.entries({
    ...complete,
    ...seed.fields
   });
   const app = Object.fromEntries(entries.filter(([field]) => !omitted.has(field)));
   apps.set(id, app);
   traces.set(id, {
    id: id,
    name: seed.name
   });
   return app;
  },
  remove: id => apps.delete(id),
  release(idOrName, status) {
   const app = world.find(idOrName);
   if (!app) return null;
   const own = releases.get(String(app["id"])) ?? [];
   const release = releaseObject({
    app: app,
    status: status,
    version: own.length + 1,
    at: timestamp(clock.wallMs())
   });
   releases.set(String(app["id"]), [ ...own, release ]);
   return release;
  },
  releases: id => releases.get(id) ?? [],
  patch(id, changes) {
   const app = apps.get(id);
   if (!app) return null;
   const patched = {
    ...app,
    ...changes,
    updated_at: timestamp(clock.wallMs())
   };
   apps.set(id, patched);
   traces.set(id, {
    id: id,
    name: String(changes["name"] ?? app["name"])
   });
   return patched;
  },
  find(idOrName) {
   return apps.get(idOrName) ?? world.apps().find(app => app["name"] === idOrName) ?? null;
  },
  trace(idOrName) {
   const byId = traces.get(idOrName);
   return byId ?? [ ...traces.values() ].findLast(trace => trace.name === idOrName) ?? null;
  },
  apps: () => [ ...apps.values() ],
  ownCount: () => world.apps().filter(app => isOwn(app, account)).length,
  hasTeam: idOrName => [ ...teams.values() ].some(team => team.name === idOrName || team.id === idOrName),
  takeToken() {
   refill();
   if (tokens < 1) return false;
   tokens -= 1;
   return true;
  },
  remaining() {
   refill();
   return Math.floor(tokens);
  }
 };
 for (const seed of options.apps) world.add(seed);
 return world;
}

function isOwn(app, account) {
 const owner = app["owner"];
 return owner?.id === account.id && (app["team"] ?? null) === null;
}

async function startHerokuSandbox(settings) {
 const {clock: clock, latencyMs: latencyMs = 0} = settings;
 const world = createSandboxWorld({
  clock: clock,
  apps: settings.apps ?? [],
  rateLimit: settings.rateLimit ?? {
   capacity: 4500,
   refillPerMinute: 75
  }
 });
 const faults = createSandboxFaults(settings.faults ?? []);
 const rules = {
  world: world,
  appLimit: settings.appLimit ?? 100,
  pageSize: settings.pageSize ?? 1e3,
  goneStatus: settings.goneStatus ?? 404
 };
 const closing = new AbortController;
 let previousPage = [];
 const pages = new Map;
 const decide = (call, act, key) => {
  const isKnown = settings.apiKey === undefined ? key !== null && key !== "" : key === settings.apiKey;
  if (!isKnown) return failure(401, "unauthorized", "Invalid credentials provided.");
  const isFree = call.path === "/account/rate-limits" || act?.kind === "answer" && act.status === 429;
  if (!isFree && !world.takeToken()) return failure(429, "rate_limit", "Your account reached the API rate limit.");
  const nothing = {
   status: 200,
   headers: {},
   body: undefined,
   applied: false
  };
  const answer = alterAnswer(isApplied(act) ? answerCall(call, rules) : nothing, {
   act: act,
   previousPage: previousPage
  });
  if (Array.isArray(answer.body)) previousPage = answer.body;
  return answer;
 };
 const serve = async (request, response) => {
  const call = await readCall(request);
  response.sendDate = false;
  response.setHeader("date", new Date(clock.wallMs() + (settings.dateSkewMs ?? 0)).toUTCString());
  if (call.path.startsWith("/_sandbox/")) return sendAnswer(response, openDoor(call, {
   world: world,
   faults: faults
  }));
  const startedAtMs = clock.wallMs();
  const addressed = addressedApp(call.path);
  const app = addressed === null ? null : world.trace(addressed);
  const page = pages.get(call.range ?? "") ?? 1;
  const act = faults.next({
   method: call.method,
   path: call.path,
   app: app,
   page: page
  });
  const delayMs = latencyMs + (act?.kind === "delay" ? act.delayMs : 0);
  if (delayMs > 0) await core.sleep(clock, delayMs, closing.signal);
  const key = /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1] ?? null;
  const answer = decide(call, act, key);
  const next = answer.headers["next-range"];
  if (next !== undefined && !pages.has(next)) pages.set(next, page + 1);
  response.setHeader("request-id", core.createNonce());
  response.setHeader("ratelimit-remaining", String(world.remaining()));
  world.log.push({
   sequence: world.log.length + 1,
   method: call.method,
   path: call.path,
   range: call.range,
   appId: app?.id ?? null,
   appName: app?.name ?? null,
   status: act?.kind === "reset" || act?.kind === "hang" ? null : answer.status,
   client: request.headers["user-agent"] ?? "",
   job: singleHeader(request, "x-lockstep-job"),
   fencingToken: singleHeader(request, "x-lockstep-fencing-token"),
   startedAtMs: startedAtMs,
   endedAtMs: clock.wallMs(),
   applied: answer.applied,
   fault: act?.kind ?? null,
   remaining: world.remaining()
  });
  playAct(response, {
   act: act,
   answer: answer
  });
 };
 const server = http__namespace.createServer((request, response) => {
  serve(request, response).catch(() => response.destroy());
 });
 await new Promise((resolve, reject) => {
  server.once("error", reject);
  server.listen(settings.port ?? 0, "127.0.0.1", resolve);
 });
 return {
  url: `http://127.0.0.1:${server.address().port}`,
  world: world,
  faults: faults,
  log: () => world.log,
  async close() {
   closing.abort();
   const ended = new Promise(resolve => server.close(() => resolve()));
   server.closeAllConnections();
   await ended;
  }
 };
}

function openDoor(call, {world: world, faults: faults}) {
 const answer = body => ({
  status: 200,
  headers: {},
  body: body,
  applied: false
 });
 const given = Array.isArray(call.body) ? call.body : [];
 switch (`${call.method} ${call.path}`) {
 case "GET /_sandbox/log":
  return answer(world.log.slice(Number(call.query.get("since") ?? 0)));

 case "GET /_sandbox/apps":
  return answer(world.apps());

 case "POST /_sandbox/apps":
  return answer(given.map(seed => world.add(seed)));

 case "POST /_sandbox/faults":
  for (const fault of given) faults.add(fault);
  return answer(given.length);

 default:
  return failure(404, "not_found", "The sandbox has no such door.");
 }
}

const SNAPSHOT_MS = 80;

const DAY_MS = 864e5;

async function runDemo(context, resolved) {
 if (resolved.problems.length > 0) throw new core.ConfigError(resolved.problems);
 const {values: values} = resolved;
 const {clock: clock} = context;
 const releasers = core.createReleasers();
 const deadline = core.createDeadline({
  clock: clock,
  timeoutMs: values.timeoutMs,
  waitingFor: "the demonstration to end",
  parent: context.signal
 });
 try {
  const folder = await promises.mkdtemp(node_path.join(os.tmpdir(), "lockstep-demo-"));
  releasers.add(() => promises.rm(folder, {
   recursive: true,
   force: true
  }));
  const sandbox = await startHerokuSandbox({
   clock: clock,
   latencyMs: values.latencyMs,
   apps: Array.from({
    length: values.apps
   }, (_, index) => ({
    name: `demo-app-${String(index + 1).padStart(3, "0")}`,
    ageMs: (8 + index % 30) * DAY_MS
   })),
   faults: faultsOf(values.fault)
  });
  releasers.add(() => sandbox.close());
  const play = startJobs(context, {
   folder: folder,
   url: sandbox.url,
   jobs: values.jobs,
   fault: values.fault
  });
  releasers.add(() => play.stop());
  const look = () => takeSnapshot({
   sandbox: sandbox,
   play: play,
   apps: values.apps,
   nowMs: clock.wallMs()
  });
  for (let snapshot = look(); snapshot.jobs.some(job => job.endMs === null); snapshot = look()) {
   context.onDemoSnapshot?.(snapshot);
   if (values.fault === "kill") play.killSweeperAt(snapshot, Math.ceil(values.apps / 3));
   await deadline.sleep(SNAPSHOT_MS);
  }
  core.throwIfAborted(deadline.signal);
  const last = look();
  context.onDemoSnapshot?.(last);
  return {
   format: 1,
   command: "demo",
   jobs: last.jobs,
   apps: last.apps,
   totals: last.totals,
   durationMs: Math.round(last.elapsedMs),
   exitCode: isHappyEnd(last) ? 0 : 1
  };
 } finally {
  deadline.dispose();
  await releasers.close();
 }
}

function faultsOf(fault) {
 const match = {
  method: "DELETE"
 };
 if (fault === "503") return [ {
  match: match,
  act: {
   kind: "answer",
   status: 503
  },
  skip: 3,
  every: 6,
  times: 6
 } ];
 if (fault === "429") {
  const act = {
   kind: "answer",
   status: 429,
   headers: {
    "retry-after": "1"
   }
  };
  return [ {
   match: match,
   act: act,
   skip: 8,
   times: 2
  } ];
 }
 return [];
}

function startJobs(context, options) {
 const {clock: clock, process: self} = context;
 const startWallMs = clock.wallMs();
 const children = new Map;
 const jobs = new Map;
 const update = (name, change) => {
  const job = jobs.get(name);
  if (job) jobs.set(name, {
   ...job,
   ...change
  });
 };
 for (let index = 1; index <= options.jobs; index += 1) {
  const name = `job-${index}`;
  const child = node_child_process.spawn(self.execPath, [ ...self.execArgv, self.entry, ...argumentsOf(name, options) ], {
   env: {
    PATH: context.env["PATH"],
    HOME: options.folder,
    HEROKU_API_KEY: `key-of-${name}`,
    HEROKU_API_URL: options.url
   },
   cwd: options.folder,
   stdio: [ "ignore", "pipe", "pipe" ]
  });
  jobs.set(name, {
   name: name,
   startMs: clock.wallMs() - startWallMs,
   endMs: null,
   outcome: null,
   reason: null,
   holder: null,
   exitCode: null,
   wasKilled: false
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", text => {
   output += text;
  });
  child.stderr.resume();
  const ended = new Promise(resolve => {
   child.once("close", exitCode => {
    update(name, {
     endMs: clock.wallMs() - startWallMs,
     exitCode: exitCode,
     ...resultOf(output)
    });
    resolve();
   });
   child.once("error", error => {
    context.logger.error(`${name} could not be started: ${error.message}`);
   });
  });
  children.set(name, {
   child: child,
   ended: ended
  });
 }
 let hasKilled = false;
 return {
  startWallMs: startWallMs,
  jobs: () => [ ...jobs.values() ],
  killSweeperAt(snapshot, deletions) {
   const last = snapshot.requests.findLast(request => request.method === "DELETE");
   if (hasKilled || !last || snapshot.totals.deletedApps < deletions) return;
   hasKilled = true;
   update(last.job, {
    wasKilled: true
   });
   children.get(last.job)?.child.kill("SIGKILL");
  },
  async stop() {
   for (const {child: child} of children.values()) child.kill("SIGKILL");
   await Promise.all([ ...children.values() ].map(({ended: ended}) => ended));
  }
 };
}

function argumentsOf(name, {folder: folder, fault: fault}) {
 const whenKilled = [ "--when-busy", "wait", "--lease", "2s", "--poll", "250ms" ];
 return [ ...[ "reap", "--provider", "heroku", "--match", "demo-app-[0-9]+", "--older-than", "7d", "--apply" ], ...[ "--account", "demo", "--store", `file:${node_path.join(folder, "store")}`, "--holder", name, "--json" ], ...fault === "kill" ? whenKilled : [] ];
}

function resultOf(output) {
 const line = output.trim().split("\n").at(-1) ?? "";
 if (!line.startsWith("{")) return {};
 const result = JSON.parse(line);
 if (!core.isJsonObject(result)) return {};
 const text = field => typeof result[field] === "string" ? result[field] : null;
 return {
  outcome: text("outcome"),
  reason: text("reason"),
  holder: text("holder")
 };
}

function takeSnapshot(options) {
 const {sandbox: sandbox, play: play, apps: apps, nowMs: nowMs} = options;
 const requests = sandbox.log().map(entry => ({
  job: /job-\d+/.exec(entry.client)?.[0] ?? "?",
  method: entry.method,
  path: entry.path,
  appId: entry.appId,
  status: entry.status,
  applied: entry.applied,
  startMs: entry.startedAtMs - play.startWallMs,
  endMs: entry.endedAtMs - play.startWallMs
 }));
 return {
  elapsedMs: nowMs - play.startWallMs,
  apps: apps,
  jobs: play.jobs(),
  requests: requests,
  totals: totalRequests(requests, apps)
 };
}

const WIDTH = 56;

function createDemoCommand(world) {
 const block = core.createLiveBlock(world.stream);
 let last = null;
 return {
  async run(context, resolved) {
   const {jobs: jobs, apps: apps} = resolved.values;
   context.logger.info(`${jobs} jobs start at once; all of them want the same ${apps} stale apps gone.`);
   try {
    return await runDemo({
     ...context,
     onDemoSnapshot(snapshot) {
      last = snapshot;
      block.draw([ "", ...drawTimelines(snapshot, world.style), "" ]);
     }
    }, resolved);
   } finally {
    block.finish();
   }
  },
  render(report, style) {
   const isShown = world.stream.isTerminal;
   const picture = last && !isShown ? [ "", ...drawTimelines(last, style), "" ] : [];
   return [ ...picture, ...renderDemoReport(report, style) ];
  }
 };
}

function drawTimelines(snapshot, style) {
 const spanMs = Math.max(snapshot.elapsedMs, 1);
 const columnOf = ms => Math.min(WIDTH - 1, Math.max(0, Math.floor(ms / spanMs * WIDTH)));
 const rows = snapshot.jobs.map(job => {
  const own = snapshot.requests.filter(request => request.job === job.name);
  const cells = Array.from({
   length: WIDTH
  }, () => " ");
  const lastColumn = columnOf(job.endMs ?? spanMs);
  for (let column = columnOf(job.startMs); column <= lastColumn; column += 1) cells[column] = "\xb7";
  for (const request of own) {
   for (let column = columnOf(request.startMs); column <= columnOf(request.endMs); column += 1) {
    cells[column] = request.method === "DELETE" ? "\u2588" : "\u2592";
   }
  }
  if (job.endMs !== null) cells[lastColumn] = job.wasKilled ? "\u2717" : cells[lastColumn] === "\u2588" ? "\u2588" : "\u2524";
  const line = cells.join("");
  return [ job.name, own.length > 0 ? style.cyan(line) : style.dim(line), describeJob(job, own, style) ];
 });
 const {totals: totals, apps: apps} = snapshot;
 const progress = `${totals.deletedApps}/${apps} apps deleted, ${totals.lists + totals.deletes + totals.reads} requests (minimum ${totals.minimum})`;
 const legend = style.dim(`\u2592 list  \u2588 delete  \xb7 alive  0 to ${core.formatDuration(spanMs)}`);
 return [ ...core.renderTable(rows), "", `${progress}   ${legend}` ];
}

function describeJob(job, own, style) {
 if (job.wasKilled) return style.red("killed");
 if (job.endMs === null) {
  if (own.length === 0) return style.dim("starting or waiting");
  const deleted = own.filter(request => request.applied && request.method === "DELETE").length;
  return style.yellow(`sweeping, ${deleted} deleted`);
 }
 if (job.outcome === "skipped") {
  const why = job.reason === "busy" ? `${job.holder ?? "another"} is sweeping` : `swept already (${job.reason})`;
  return style.green(`skipped: ${why}`);
 }
 return job.exitCode === 0 ? style.green(job.outcome ?? "done") : style.red(job.outcome ?? `exit ${job.exitCode}`);
}

function renderDemoReport(report, style) {
 const {totals: totals} = report;
 const rows = report.jobs.map(job => [ job.name, job.wasKilled ? "killed" : job.outcome ?? "?", job.wasKilled ? "" : job.reason ?? "", job.endMs === null ? "" : core.formatDuration(job.endMs - job.startMs) ]);
 const sent = totals.lists + totals.deletes + totals.reads;
 const verdict = report.exitCode === 0 ? style.green("\u2713") : style.red("\u2717");
 const extra = [ totals.others > 0 ? `${totals.others} to learn whose account it is` : "", totals.serverErrors > 0 ? `${totals.serverErrors} answered 5xx` : "", totals.throttled > 0 ? `${totals.throttled} answered 429` : "" ].filter(Boolean);
 return [ ...core.renderTable([ [ "JOB", "OUTCOME", "WHY", "TOOK" ].map(title => style.bold(title)), ...rows ], {
  right: [ 3 ]
 }), "", `${verdict} ${totals.deletedApps} of ${report.apps} apps deleted, ${totals.duplicates} twice.`, `  ${sent} requests: ${totals.lists} list + ${totals.deletes} delete${totals.reads > 0 ? ` + ${totals.reads} read` : ""}; the minimum is ${totals.minimum}.${extra.length > 0 ? style.dim(` Besides: ${extra.join(", ")}.`) : ""}`, `  ${core.formatDuration(report.durationMs)} for all ${report.jobs.length} jobs.` ];
}

exports.createDemoCommand = createDemoCommand;

exports.drawTimelines = drawTimelines;

exports.renderDemoReport = renderDemoReport;
