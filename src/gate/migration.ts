/**
 * R4, outside the board: look first whether the schema is there already, run the user's migration, look again. It only finds
 * out; the caller brings the finding to the board, where the token decides whether it counts.
 * NOT guaranteed: that nobody else migrates at the same time; a holder that stalled may wake up. Invariant: after a takeover
 * from a holder that is only suspected dead nothing is run before the probe has answered.
 */
import { type Clock, sleep } from '../base/clock.ts';
import { plain } from '../base/text.ts';
import type { Probe } from '../probe/contract.ts';
import type { ReadinessPaths } from '../probe/readiness.ts';
import type { GateEvent, GateVerdict } from './event.ts';
import type { GateOptions } from './ports.ts';
import { askSchema, type SchemaAnswer } from './schema-answer.ts';
import { compareSchema, reaches, type VersionScheme } from './versions.ts';

/** The right to migrate, as the board gave it. */
export type MigrationRight = Pick<Extract<GateVerdict, { kind: 'migrate' }>, 'token' | 'from' | 'to'>;

export interface MigrationSettings {
  readonly clock: Clock;
  readonly right: MigrationRight;
  readonly probe: Probe | null;
  readonly paths: ReadinessPaths;
  readonly versionScheme: VersionScheme;
  readonly pauseMs: number;
  readonly migrate: NonNullable<GateOptions['migrate']>;
  /** The holder before was only suspected dead. */
  readonly isTakeover: boolean;
  readonly signal: AbortSignal;
  readonly note: (message: string) => void;
}

/** The event to bring to the board. Rejects only with the signal's reason, after the migration has ended. */
export async function runMigration(settings: MigrationSettings): Promise<GateEvent> {
  const { right, probe, versionScheme, migrate, signal, note } = settings;
  const { token, to } = right;
  let from = right.from;
  const fail = (message: string): GateEvent => ({ kind: 'commit-failed', token, message });

  // 1. A crash between a migration and its record is found here, and recorded as adopted.
  if (probe) {
    const found = settings.isTakeover ? await askUntilAnswered(settings, probe) : await ask(settings, probe);
    if (found.kind === 'schema') {
      if (reaches(found.schema, to, versionScheme)) {
        note(`schema ${to} is there already (${found.detail}); nothing is run`);
        return { kind: 'commit', token, from, to, how: 'adopted' };
      }
      from = found.schema;
    } else if (settings.isTakeover) {
      return fail(
        `took over from a holder that stopped answering, and the schema probe fails: ${found.detail}`,
      );
    } else note(`the schema probe has no answer yet (${found.detail}); the migration runs all the same`);
  }

  // 2. Run it.
  note(`migrating the schema ${from === null ? '' : `from ${from} `}to ${to}, token ${token}`);
  const end = await migrate({ token, from, to, signal });
  if (!end.ok) return fail(end.message);

  // 3. An exit code is a claim; the probe is the proof.
  if (probe) {
    const after = await askUntilAnswered(settings, probe);
    if (after.kind !== 'schema')
      return fail(`the migration ended well, but the schema probe fails: ${after.detail}`);
    if (compareSchema(after.schema, to, versionScheme) !== 'equal')
      return fail(
        `the migration ended well, but the schema is ${plain(after.schema, 60)} and not ${plain(to, 60)}`,
      );
  }
  return { kind: 'commit', token, from, to, how: 'ran' };
}

/** The probe alone, until the world is there: nobody in this gate can migrate. */
export async function awaitSchema(
  settings: Pick<MigrationSettings, 'clock' | 'paths' | 'versionScheme' | 'pauseMs' | 'signal'> & {
    readonly probe: Probe;
    readonly to: string;
    readonly note: (message: string) => void;
  },
): Promise<GateEvent> {
  let said = '';
  for (;;) {
    const { probe, to, versionScheme, signal } = settings;
    const answer = await askSchema(probe, settings, signal);
    if (answer.kind === 'schema' && reaches(answer.schema, to, versionScheme))
      return { kind: 'adopt', worldSchema: answer.schema };
    const says = answer.kind === 'schema' ? `schema ${answer.schema}, wanted is ${to}` : answer.detail;
    if (says !== said) settings.note(`the schema probe says: ${plain(says)}`);
    said = says;
    await sleep(settings.clock, Math.max(settings.pauseMs, answer.retryAfterMs), signal);
  }
}

function ask(settings: MigrationSettings, probe: Probe): Promise<SchemaAnswer> {
  return askSchema(probe, settings, settings.signal);
}

/** Until it says a schema, or that asking will not help. A database that is being restarted answers in its own time. */
async function askUntilAnswered(settings: MigrationSettings, probe: Probe): Promise<SchemaAnswer> {
  let said = '';
  for (;;) {
    const answer = await askSchema(probe, settings, settings.signal);
    if (answer.kind === 'schema' || answer.fatal) return answer;
    if (answer.detail !== said) settings.note(`waiting for the schema probe: ${answer.detail}`);
    said = answer.detail;
    await sleep(settings.clock, Math.max(settings.pauseMs, answer.retryAfterMs), settings.signal);
  }
}
