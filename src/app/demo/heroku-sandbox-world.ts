/**
 * The world behind the Heroku sandbox: apps, their owners, the account's bucket of calls, and the request log. No HTTP here.
 * NOT a copy of Heroku: it knows what lockstep and the Heroku CLI ask for, in the fields of the published JSON schema.
 * Invariant: an app that was deleted never comes back under its id; the log has one entry for each request that arrived.
 */
import type { Clock } from '../../base/clock.ts';
import type { JsonObject } from '../../base/codec.ts';
import { createNonce } from '../../base/identity.ts';
import { appObject, releaseObject, type SandboxAccount, timestamp } from './heroku-sandbox-objects.ts';

/** An app to start with. Ages count back from the sandbox's own clock. */
export interface SandboxAppSeed {
  name: string;
  id?: string;
  /** 0 unless given. */
  ageMs?: number;
  /** Belongs to a team: then it does not count as the account's own. */
  team?: string;
  /** Email of somebody else who owns it: then the account only collaborates on it. */
  owner?: string;
  maintenance?: boolean;
  /** Replaces fields of the answer as they are: `{created_at: 'yesterday'}`. `undefined` cannot be sent; use `omit`. */
  fields?: JsonObject;
  /** Fields to leave out of the answer. */
  omit?: readonly string[];
}

/** The account's bucket of calls, as Heroku has it. */
export interface SandboxRateLimit {
  capacity: number;
  refillPerMinute: number;
  /** At the start; full unless given. */
  remaining?: number;
}

/** One request as it went; the oracle of tests and the demo's live picture. Times are the sandbox's wall clock. */
export interface SandboxLogEntry {
  readonly sequence: number;
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  /** The app that the path addressed, where it existed then or before. */
  readonly appId: string | null;
  readonly appName: string | null;
  /** Null where the connection was broken before an answer. */
  readonly status: number | null;
  /** `User-Agent`. */
  readonly client: string;
  /** `X-Lockstep-Job`, where sent. */
  readonly job: string | null;
  /** `X-Lockstep-Fencing-Token`, where sent. */
  readonly fencingToken: string | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** It changed the world (an app deleted, created, patched), whatever the answer said. */
  readonly applied: boolean;
  /** The kind of the fault that was played, if any. */
  readonly fault: string | null;
  readonly remaining: number;
}

export interface SandboxWorld {
  readonly account: SandboxAccount;
  readonly log: SandboxLogEntry[];
  add(seed: SandboxAppSeed): JsonObject;
  remove(id: string): boolean;
  patch(id: string, changes: JsonObject): JsonObject | null;
  /** One release more of an app, by id or name: its version is the next. Null where there is no such app. */
  release(idOrName: string, status: 'succeeded' | 'pending' | 'failed'): JsonObject | null;
  /** Of an app's id, the oldest first. */
  releases(id: string): readonly JsonObject[];
  /** By id or name; only what exists. */
  find(idOrName: string): JsonObject | null;
  /** By id or name; what was deleted too: for the log. */
  trace(idOrName: string): { id: string; name: string } | null;
  /** In no particular order. */
  apps(): JsonObject[];
  /** Apps that count against the account's limit. */
  ownCount(): number;
  hasTeam(idOrName: string): boolean;
  /** Takes one token; false where none is left. */
  takeToken(): boolean;
  /** Whole tokens left now. */
  remaining(): number;
  readonly capacity: number;
}

/** A world with these apps in it. */
export function createSandboxWorld(options: {
  clock: Clock;
  apps: readonly SandboxAppSeed[];
  rateLimit: SandboxRateLimit;
}): SandboxWorld {
  const { clock, rateLimit } = options;
  const account: SandboxAccount = { id: createNonce(), email: 'ci@example.com' };
  const owners = new Map<string, SandboxAccount>([[account.email, account]]);
  const teams = new Map<string, { id: string; name: string }>();
  const apps = new Map<string, JsonObject>();
  const traces = new Map<string, { id: string; name: string }>();
  const releases = new Map<string, JsonObject[]>();
  let tokens = rateLimit.remaining ?? rateLimit.capacity;
  let refilledAtMs = clock.monotonicMs();

  const ownerOf = (email: string): SandboxAccount => {
    const known = owners.get(email) ?? { id: createNonce(), email };
    owners.set(email, known);
    return known;
  };
  const teamOf = (name: string | undefined) => {
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

  const world: SandboxWorld = {
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
    release(idOrName, status) {
      const app = world.find(idOrName);
      if (!app) return null;
      const own = releases.get(String(app['id'])) ?? [];
      const release = releaseObject({ app, status, version: own.length + 1, at: timestamp(clock.wallMs()) });
      releases.set(String(app['id']), [...own, release]);
      return release;
    },
    releases: (id) => releases.get(id) ?? [],
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

function isOwn(app: JsonObject, account: SandboxAccount): boolean {
  const owner = app['owner'] as { id?: unknown } | null | undefined;
  return owner?.id === account.id && (app['team'] ?? null) === null;
}
