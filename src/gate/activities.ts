/**
 * What a member does beside watching the board: its migration, its probes. Each ends by posting one event for the board; the
 * loop brings it there. Nothing here reads or writes the board.
 * Invariant: one migration at a time, and it has ended before `stop` resolves; probes that the last verdict does not ask for
 * any more are ended.
 */
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { Probe } from '../probe/contract.ts';
import { type Confirmation, confirmReadiness } from './confirmation.ts';
import type { GateDoc, Observation, Versions } from './contract.ts';
import type { GateEvent, GateVerdict, ReadyMember } from './event.ts';
import { awaitSchema, type MigrationRight, runMigration } from './migration.ts';
import type { GateOptions } from './ports.ts';
import { recordOf } from './standing.ts';

export interface Activities {
  /** Starts what the verdict asks for and ends what it does not. */
  follow(verdict: GateVerdict, board: { doc: GateDoc | null; isTakeover: (token: number) => boolean }): void;
  /** The token of the migration that runs, or null. */
  readonly migratingToken: number | null;
  /** What the caller's own readiness probe said last. */
  readonly lastObserved: Observation | null;
  /** Ends everything; resolves when nothing runs any more. */
  stop(): Promise<void>;
}

export interface ActivitiesSettings {
  readonly options: GateOptions;
  readonly post: (event: GateEvent) => void;
  /** An error that is nobody's outcome: a bug. */
  readonly crash: (error: Error) => void;
}

/** A second between two questions, or the poll interval where that is shorter. */
const PAUSE_MS = 1000;
/** What a probe says is told, and shown to others, once it has not been ready for so long, and then at most so often. */
const PUBLISH_EVERY_MS = 15_000;
/** Where each write costs requests of a small budget. */
const PUBLISH_RARELY_MS = 120_000;

export function createActivities({ options, post, crash }: ActivitiesSettings): Activities {
  const { clock, self, config, paths, successes } = options;
  const pauseMs = Math.min(PAUSE_MS, options.pollMs);
  const ending = new AbortController();
  const running = new Set<Promise<void>>();
  const probing = new Map<string, AbortController>();
  const publisher = createPublisher(clock, options.hasBeats ? PUBLISH_EVERY_MS : PUBLISH_RARELY_MS);
  /** A look that was under way when a migration ended still says `migrate`: no token is used twice. */
  const triedTokens = new Set<number>();
  let migratingToken: number | null = null;
  let lastObserved: Observation | null = null;
  const note = (message: string) => options.onProgress?.({ kind: 'note', level: 'info', message });

  /** Runs one piece of work to its end; its abort is our own doing. */
  const start = (work: () => Promise<void>, signal: AbortSignal) => {
    const done: Promise<void> = work()
      .catch((thrown: unknown) => {
        if (!signal.aborted) crash(toError(thrown));
      })
      .finally(() => running.delete(done));
    running.add(done);
  };

  const startProbing = (key: string, work: (signal: AbortSignal) => Promise<void>) => {
    const own = new AbortController();
    const signal = AbortSignal.any([own.signal, ending.signal]);
    probing.set(key, own);
    start(async () => {
      try {
        await work(signal);
      } finally {
        if (probing.get(key) === own) probing.delete(key);
      }
    }, signal);
  };

  const keepProbing = (wanted: ReadonlySet<string>) => {
    for (const [key, own] of probing) {
      if (wanted.has(key)) continue;
      probing.delete(key);
      own.abort();
    }
  };

  const startMigration = (right: MigrationRight, isTakeover: boolean) => {
    const { migrate } = options;
    // The one before must have ended; the look that its end causes finds the right again.
    if (migratingToken !== null || migrate === null || triedTokens.has(right.token)) return;
    migratingToken = right.token;
    triedTokens.add(right.token);
    const { signal } = ending;
    start(async () => {
      try {
        const { schemaProbe: probe } = options;
        const { versionScheme } = config;
        const settings = {
          clock,
          right,
          probe,
          paths,
          versionScheme,
          pauseMs,
          migrate,
          isTakeover,
          signal,
          note,
        };
        post(await runMigration(settings));
      } finally {
        migratingToken = null;
      }
    }, signal);
  };

  const confirm = async (member: ReadyMember, board: GateDoc, signal: AbortSignal) => {
    const { target } = board;
    if (!target) return;
    const probes = await probesFor(member, board);
    const teller = createPublisher(clock, PUBLISH_EVERY_MS);
    const result = await confirmReadiness({
      clock,
      probes,
      target,
      versionScheme: config.versionScheme,
      paths,
      successes,
      pauseMs,
      signal,
      onRound(observed) {
        // Whoever reads the log of a job that waits for half an hour wants to know what for.
        if (teller.isDue(observed.detail)) note(`${plain(member.name)} is not ready: ${observed.detail}`);
        if (member.name !== self.name) return;
        lastObserved = observed;
        if (publisher.isDue(observed.detail)) post({ kind: 'observe', observed });
      },
    });
    if (member.name === self.name) lastObserved = result.observed;
    post(eventOf(member, result));
  };

  /** For itself its own targets; for a released member those of this job, else what the member left on the board. */
  const probesFor = async (member: ReadyMember, board: GateDoc): Promise<readonly Probe[]> => {
    const left = self.mode === 'wait-for' ? recordOf(board, member.name)?.probe : undefined;
    if (options.ready.length > 0 || !left) return options.ready;
    const probe = await options.openMemberProbe(left);
    return probe ? [probe] : [];
  };

  const eventOf = (member: ReadyMember, { kind, observed }: Confirmation): GateEvent => {
    const { name, incarnation } = member;
    if (kind === 'ready') return { kind: 'api-ready', ready: [{ name, incarnation, observed }] };
    if (self.mode !== 'wait-for')
      return { kind: 'leave', reason: observed.detail, rolledBack: false, migrationEnded: true };
    const { run, attempt } = incarnation;
    return { kind: 'lost', jobs: [{ name, run, attempt, detail: observed.detail, isBroken: true }] };
  };

  return {
    get migratingToken() {
      return migratingToken;
    },
    get lastObserved() {
      return lastObserved;
    },
    follow(verdict, { doc, isTakeover }) {
      const wanted = new Map<string, (signal: AbortSignal) => Promise<void>>();
      if (verdict.kind === 'migrate') startMigration(verdict, isTakeover(verdict.token));
      if (verdict.kind === 'probe-schema' && options.schemaProbe) {
        const { schemaProbe: probe } = options;
        const { versionScheme } = config;
        wanted.set(`schema ${verdict.epoch} ${verdict.to}`, async (signal) => {
          post(
            await awaitSchema({ clock, probe, to: verdict.to, paths, versionScheme, pauseMs, signal, note }),
          );
        });
      }
      if (verdict.kind === 'confirm' && doc?.target) {
        for (const member of verdict.members) {
          const { name, incarnation } = member;
          const key = JSON.stringify([verdict.epoch, name, incarnation, targetKey(doc.target)]);
          wanted.set(key, (signal) => confirm(member, doc, signal));
        }
      }
      keepProbing(new Set(wanted.keys()));
      for (const [key, work] of wanted) if (!probing.has(key)) startProbing(key, work);
    },
    async stop() {
      ending.abort();
      await Promise.all(running);
    },
  };
}

function targetKey({ schema, api }: Versions): string {
  return `${schema} ${api.join(' ')}`;
}

/** Says when an answer is worth a write: not at once, not twice, and not often. */
function createPublisher(clock: Clock, everyMs: number): { isDue(detail: string): boolean } {
  let lastMs = clock.monotonicMs();
  let last = '';
  return {
    isDue(detail) {
      const nowMs = clock.monotonicMs();
      if (detail === last || nowMs - lastMs < everyMs) return false;
      lastMs = nowMs;
      last = detail;
      return true;
    },
  };
}
