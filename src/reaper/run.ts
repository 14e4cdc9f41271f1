/**
 * One run of `reap` on its way: what it was asked to do, what is known of it so far, and what it tells about itself.
 * Invariant: what came from outside (a holder's text) is printable in notes and in the report.
 */
import type { Clock } from '../base/clock.ts';
import type { JsonObject } from '../base/codec.ts';
import type { Deadline } from '../base/deadline.ts';
import { formatDuration } from '../base/duration.ts';
import type { Logger } from '../base/logger.ts';
import type { HolderInfo, LeaseManager, LeaseView } from '../lease/contract.ts';
import type { Provider } from '../provider/contract.ts';
import type {
  NamePattern,
  Pace,
  ReapEvent,
  ReapReport,
  ReapSettings,
  SweepMemory,
  SweepNote,
} from './contract.ts';
import type { HoldsSource } from './holds.ts';
import { createEmptyReport, createSkippedReport } from './report.ts';
import { decideFresh, decideFull, lookAgain, readSweep, type Sight, writeSweep } from './sweep-note.ts';

/** Everything `reap` needs. */
export interface ReapOptions {
  settings: Omit<ReapSettings, 'match'>;
  /** Compiled only when a sweep is due. */
  match: { compile(): Promise<NamePattern> };
  lease: {
    manager: Pick<LeaseManager, 'read' | 'tryAcquire' | 'acquire'>;
    /** One per provider and account. */
    key: string;
    leaseMs: number;
    /** Asked when the lease is tried for. */
    holder(): Promise<HolderInfo>;
    /** The reconcile interval while waiting. */
    pollMs: number;
    whenBusy: 'skip' | 'wait';
  };
  /** Hash of everything that makes two sweeps the same work: provider, account, match, protect, age and limit. */
  identity: string;
  /** How long a done sweep of this identity makes another unnecessary; 0 turns it off. */
  everyMs: number;
  /** Called at most once, and only when a sweep is due. The reaper closes the provider. */
  openProvider(): Promise<{ provider: Provider; pace: Pace }>;
  clock: Clock;
  logger: Logger;
  /** The command's budget, with the user's interrupt as its parent. */
  deadline: Deadline;
  /** Asked before the store, where there is one. */
  memory?: SweepMemory | undefined;
  /** Asked after the first look at the store, before anything is written: a reason to leave it at that, such as `low-quota`. */
  findHindrance?: (() => string | null) | undefined;
  /** Where leases on apps are read; without it nobody asks whether an app is in use. */
  holds?: HoldsSource | undefined;
  /** Requests to the store so far; counted by whoever meters it. */
  storeRequests(): number;
  /** Progress, notes included; without it notes are logged. */
  onEvent?: ((event: ReapEvent) => void) | undefined;
}

/** What is known of a run so far. */
export interface Run {
  readonly options: ReapOptions;
  readonly startMs: number;
  waitedMs: number;
  holder: string | null;
  token: number | null;
  /** What was seen of this identity's note; null before the first look. */
  sight: Sight | null;
}

/** The past sweep that makes this run unnecessary, by what the lease's record says. */
export function findFresh({ options }: Run, view: LeaseView, seenAt?: string | null): SweepNote | null {
  return decideFresh({
    note: noteOf(view),
    identity: options.identity,
    everyMs: options.everyMs,
    nowWallMs: options.clock.wallMs(),
    ...(seenAt === undefined ? {} : { seenAt }),
  });
}

/** Notes what one more look at the lease's record showed, and when: the account of a full one is worth something only by that. */
export function look(run: Run, view: LeaseView): Sight {
  const { identity, clock } = run.options;
  run.sight = lookAgain(run.sight, readSweep(noteOf(view), identity)?.at ?? null, clock.monotonicMs());
  return run.sight;
}

/** One more look: the sweep that ended meanwhile, and whose finding of a full account is as good as one's own. */
export function findFull(run: Run, view: LeaseView): ReturnType<typeof decideFull> {
  const { identity, everyMs } = run.options;
  return decideFull({ note: noteOf(view), identity, everyMs, sight: look(run, view) });
}

/** The report of a run that learnt from another's sweep that the account is full: the outcome is the same, the listing is saved. */
export function reportFull(run: Run, { full }: NonNullable<ReturnType<typeof decideFull>>): ReapReport {
  note(run.options, 'warn', `counted while this job waited: ${full.told}`);
  return createEmptyReport({ outcome: 'incomplete', reason: 'full', exitCode: 3 }, surroundings(run));
}

/** The past sweep that makes this run unnecessary, by what a cache remembers; null where there is none, or nothing fresh. */
export async function recallFresh(run: Run): Promise<SweepNote | null> {
  const { memory, everyMs, identity, clock, deadline } = run.options;
  if (!memory || everyMs <= 0) return null;
  const sweep = await memory.recall({ signal: deadline.signal });
  if (!sweep) return null;
  return decideFresh({
    note: writeSweep({}, identity, sweep),
    identity,
    everyMs,
    nowWallMs: clock.wallMs(),
  });
}

/** The report of a run that such a sweep made unnecessary; says what that sweep came to. */
export function skipFresh(run: Run, sweep: SweepNote | null): ReapReport {
  const { options } = run;
  if (sweep) {
    const agoMs = Math.max(0, options.clock.wallMs() - Date.parse(sweep.at));
    const result =
      sweep.outcome === 'clean' ? 'nothing was stale' : `${sweep.counts.deleted} apps were deleted`;
    note(options, 'info', `swept ${formatDuration(agoMs)} ago: ${result}; nothing to do here`);
  }
  return createSkippedReport('fresh', surroundings(run));
}

/** The note of a lease's record; empty where nobody ever held it. */
export function noteOf(view: LeaseView): JsonObject {
  return view.record?.note ?? {};
}

/** What surrounds the pass, as far as it is known by now. */
export function surroundings(run: Run) {
  const { options, startMs } = run;
  return {
    fencingToken: run.token,
    holder: run.holder,
    waitedMs: run.waitedMs,
    durationMs: Math.round(options.clock.monotonicMs() - startMs),
    requests: { store: options.storeRequests() },
  };
}

/** One printable sentence for whoever follows. */
export function note(options: ReapOptions, level: 'info' | 'warn', message: string): void {
  emit(options, { kind: 'note', level, message });
}

/** Tells an event; without anybody following, notes go to the log. */
export function emit({ logger, onEvent }: ReapOptions, event: ReapEvent): void {
  if (onEvent) onEvent(event);
  else if (event.kind === 'note') logger[event.level](event.message);
}
