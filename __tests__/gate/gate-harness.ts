// Several members of one gate in this process: each with a store handle of its own over one backend, sharing a clock and a
// database that migrations really change. What a test does not say is as calm as can be.
import type { Clock } from '../../src/base/clock.ts';
import { CancelledError } from '../../src/base/errors.ts';
import { nullLogger } from '../../src/base/logger.ts';
import { parseGateConfig } from '../../src/gate/config.ts';
import type { GateDoc } from '../../src/gate/contract.ts';
import type { GateSelf } from '../../src/gate/event.ts';
import { passGate } from '../../src/gate/gate.ts';
import type { GateOptions, GatePassage, GateProgress, MigrationEnd } from '../../src/gate/ports.ts';
import type { Probe, ProbeFindings } from '../../src/probe/contract.ts';
import { createResult } from '../../src/probe/result.ts';
import type { Store } from '../../src/store/contract.ts';

export const KEY = 'default/gate/o~2fr/7/deploy';
const SCHEMA_PATH = ['schema'];
const API_PATH = ['api'];

/** The thing that is migrated. */
export interface Database {
  schema: string;
  /** Every migration that was begun, in order. */
  readonly migrations: { member: string; token: number; from: string | null; to: string }[];
}

export function createDatabase(schema = '40'): Database {
  return { schema, migrations: [] };
}

export interface MemberSettings {
  schema?: string;
  api?: readonly string[];
  run?: string;
  attempt?: number;
  id?: string;
  mode?: GateSelf['mode'];
  members?: readonly string[];
  scope?: 'run' | 'environment';
  timeoutMs?: number;
  leaseMs?: number;
  pollMs?: number;
  onLeave?: 'fail' | 'wait';
  allowDowngrade?: boolean;
  /** What the migration does; by default it takes the database to the target at once. Null: it cannot migrate. */
  migrate?:
    | ((
        database: Database,
        request: Parameters<NonNullable<GateOptions['migrate']>>[0],
      ) => Promise<MigrationEnd>)
    | null;
  /** Asks the database; on unless switched off. */
  probesSchema?: boolean;
  ready?: readonly Probe[];
  successes?: number;
  hasBeats?: boolean;
  jobs?: GateOptions['jobs'];
  probe?: GateSelf['probe'];
  openMemberProbe?: GateOptions['openMemberProbe'];
}

export interface Member {
  readonly name: string;
  readonly passage: Promise<GatePassage>;
  readonly progress: GateProgress[];
  /** The boards this member has seen. */
  readonly boards: GateDoc[];
  /** As a runner cancels a step. */
  interrupt(signalName?: 'SIGINT' | 'SIGTERM'): void;
}

/** Starts one member. `database` is what it migrates and probes. */
export function startMember(
  name: string,
  world: { store: Store; clock: Clock; database: Database; key?: string },
  settings: MemberSettings = {},
): Member {
  const { store, clock, database, key = KEY } = world;
  const { schema = '42', api = ['x'], run = '7', attempt = 1, mode = 'wait', probesSchema = true } = settings;
  const { members = ['a', 'b', 'c'], ready = [], timeoutMs = 1_800_000, leaseMs = 60_000 } = settings;
  const config = parseGateConfig({ gate: 'deploy', members, requireApi: null, versionScheme: 'integer' });
  if (!config.ok) throw new Error(config.problem);
  const controller = new AbortController();
  const progress: GateProgress[] = [];
  const work = settings.migrate === undefined ? migrateAtOnce : settings.migrate;
  const canMigrate = work !== null && mode !== 'announce';
  const passage = passGate({
    store,
    key,
    clock,
    logger: nullLogger,
    config: config.value,
    scope: settings.scope ?? 'run',
    self: {
      name,
      incarnation: { run, attempt, id: settings.id ?? `${name}-${run}-${attempt}` },
      versions: { schema, api },
      mode,
      canMigrate,
      canProbeSchema: probesSchema && mode !== 'announce',
      canProbeApi: ready.length > 0,
      allowDowngrade: settings.allowDowngrade ?? false,
      onLeave: settings.onLeave ?? 'fail',
      timeoutMs,
      leaseMs,
      ...(settings.probe ? { probe: settings.probe } : {}),
    },
    pollMs: settings.pollMs ?? 30_000,
    hasBeats: settings.hasBeats ?? true,
    migrate: canMigrate
      ? (request) => {
          const { token, from, to } = request;
          database.migrations.push({ member: name, token, from, to });
          return work(database, request);
        }
      : null,
    schemaProbe: probesSchema ? databaseProbe(database) : null,
    ready,
    openMemberProbe: settings.openMemberProbe ?? (async () => null),
    paths: { schemaPath: SCHEMA_PATH, apiPath: API_PATH },
    successes: settings.successes ?? 1,
    jobs: settings.jobs ?? null,
    signal: controller.signal,
    onProgress: (each) => progress.push(each),
  });
  return {
    name,
    passage,
    progress,
    get boards() {
      return progress.flatMap((each) => (each.kind === 'board' && each.doc ? [each.doc] : []));
    },
    interrupt: (signalName = 'SIGINT') =>
      controller.abort(new CancelledError(`interrupted by ${signalName}`, { signalName })),
  };
}

export async function migrateAtOnce(database: Database, { to }: { to: string }): Promise<MigrationEnd> {
  database.schema = to;
  return { ok: true };
}

/** A probe that answers what a function says. */
export function createProbe(
  id: string,
  answer: () => ProbeFindings | Promise<ProbeFindings>,
): Probe & { asked: number } {
  const probe = {
    id,
    asked: 0,
    watch: null,
    async probe() {
      probe.asked += 1;
      return createResult(await answer());
    },
    async close() {
      // Nothing to end.
    },
  };
  return probe;
}

export function databaseProbe(database: Database): Probe {
  return createProbe('database', () => ({
    status: 'passing',
    detail: 'asked',
    body: { schema: database.schema },
  }));
}

/** An app that serves a schema and an API. */
export function appProbe(app: { schema: string; api: readonly string[] }): Probe & { asked: number } {
  return createProbe('app', () => ({
    status: 'passing',
    detail: 'HTTP 200',
    body: { schema: app.schema, api: app.api },
  }));
}

export function passages(members: readonly Member[]): Promise<GatePassage[]> {
  return Promise.all(members.map((member) => member.passage));
}
