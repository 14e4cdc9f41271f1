/**
 * What the Heroku sandbox answers: method and path to status, headers and JSON. Changes the world, knows no sockets.
 * Source: the Platform API's reference and JSON schema; the requests that the real CLI was seen to send.
 */
import { isJsonObject, type JsonObject } from '../../base/codec.ts';
import type { SandboxWorld } from './heroku-sandbox-world.ts';

export interface SandboxAnswer {
  status: number;
  headers: Record<string, string>;
  /** Undefined for an empty body. */
  body: unknown;
  applied: boolean;
}

export interface SandboxCall {
  method: string;
  /** Without the query. */
  path: string;
  range: string | null;
  body: unknown;
}

export interface SandboxRules {
  world: SandboxWorld;
  /** How many apps the account may own. */
  appLimit: number;
  /** No page is longer, whatever was asked for. */
  pageSize: number;
  /** What Heroku says of an app that is gone: 404, and at times 403 in a race (hatchet #59). */
  goneStatus: 404 | 403;
}

/** The request addressed an app: `/apps/X` with X decoded. */
export function addressedApp(path: string): string | null {
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
export function answerCall(call: SandboxCall, rules: SandboxRules): SandboxAnswer {
  const { world } = rules;
  const { method, path } = call;
  if (method === 'GET') {
    if (path === '/account') return ok(accountObject(world));
    if (path === '/account/rate-limits') return ok({ remaining: world.remaining() });
    const listed = listedApps(path, world);
    if (listed) return page(listed, call.range, rules.pageSize);
  }
  const released = /^(\/apps\/[^/]+)\/releases$/.exec(path)?.[1];
  const ofReleases = released === undefined ? null : addressedApp(released);
  if (method === 'GET' && ofReleases !== null) {
    const app = world.find(ofReleases);
    if (app) return listReleases(world.releases(String(app['id'])), call.range);
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
export function failure(status: number, id: string, message: string): SandboxAnswer {
  return { status, headers: {}, body: { id, message }, applied: false };
}

// By version, as `Range: version ..; order=desc,max=1` asks; all of them, the oldest first, without it.
function listReleases(releases: readonly JsonObject[], range: string | null): SandboxAnswer {
  const isDescending = /order=desc/.test(range ?? '');
  const max = Number(/max=(\d+)/.exec(range ?? '')?.[1] ?? 200);
  const ordered = isDescending ? [...releases].reverse() : [...releases];
  const status = ordered.length > max ? 206 : 200;
  return { status, headers: { 'accept-ranges': 'id, version' }, body: ordered.slice(0, max), applied: false };
}

// How a Range header asks for apps; null where it cannot be read.
function parseRange(range: string | null) {
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

function splitPair(pair: string): [string, string] {
  const [key = '', value = ''] = pair.split('=');
  return [key.trim(), value.trim()];
}

function page(apps: JsonObject[], rangeHeader: string | null, pageSize: number): SandboxAnswer {
  const range = parseRange(rangeHeader);
  if (!range)
    return failure(416, 'requested_range_not_satisfiable', 'The requested range is not satisfiable.');
  const keyOf = (app: JsonObject) => String(app[range.field]);
  const sign = range.isDescending ? -1 : 1;
  const compare = (a: string, b: string) => (a < b ? -sign : a > b ? sign : 0);
  const rest = apps
    .filter((app) => {
      const order = compare(keyOf(app), range.from);
      const isPastStart = range.from === '' || order > 0 || (order === 0 && !range.isExclusive);
      return isPastStart && (range.to === '' || compare(keyOf(app), range.to) <= 0);
    })
    .sort((a, b) => compare(keyOf(a), keyOf(b)));
  const items = rest.slice(0, Math.min(range.max, pageSize));
  const last = items.at(-1);
  const headers: Record<string, string> = { 'accept-ranges': 'id, name, updated_at' };
  if (!last || items.length === rest.length) return { status: 200, headers, body: items, applied: false };
  const order = range.isDescending ? ',order=desc' : '';
  headers['next-range'] = `${range.field} ]${keyOf(last)}..${range.to}; max=${range.max}${order}`;
  return { status: 206, headers, body: items, applied: false };
}

function listedApps(path: string, world: SandboxWorld): JsonObject[] | null {
  if (path === '/apps') return world.apps();
  if (path === '/users/~/apps') return world.apps().filter((app) => (app['team'] ?? null) === null);
  const team = /^\/teams\/([^/]+)\/apps$/.exec(path)?.[1];
  if (team === undefined || !world.hasTeam(decodeURIComponent(team))) return null;
  return world.apps().filter((app) => {
    const own = app['team'];
    return isJsonObject(own) && [own['name'], own['id']].includes(decodeURIComponent(team));
  });
}

function create(body: unknown, { world, appLimit }: SandboxRules): SandboxAnswer {
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

function ok(body: unknown): SandboxAnswer {
  return { status: 200, headers: {}, body, applied: false };
}

function pick(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));
}

function accountObject({ account }: SandboxWorld): JsonObject {
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
