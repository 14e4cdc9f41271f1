/**
 * The whole: of all who ask, one sweeps. Read the lease's note; skip where a sweep of the same identity is fresh; obtain the
 * lease; sweep under it; leave the result in the tombstone for the others.
 *
 *   read ─▶ fresh? ─▶ try or wait ─▶ (fresh by now? give back) ─▶ open ─▶ sweep ─▶ release with the note ─▶ report
 *
 * A plan takes no lease: it deletes nothing, is stopped by nobody, and leaves no note. A fresh sweep makes it unnecessary all
 * the same. NOT guaranteed: that nobody sweeps twice within the window where the machines' clocks disagree.
 * Invariant: between obtaining and giving back nothing sleeps save to pace calls, and whatever happens the lease is given back.
 */
import type { Clock } from '../base/clock.ts';
import type { JsonObject } from '../base/codec.ts';
import { createDeadline, type Deadline } from '../base/deadline.ts';
import { formatDuration } from '../base/duration.ts';
import { hasCode, LockstepError, toError, UnavailableError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { plain } from '../base/text.ts';
import type { HolderInfo, Lease, LeaseManager, LeaseView } from '../lease/contract.ts';
import type { Provider } from '../provider/contract.ts';
import type { Pace, PassResult, ReapEvent, ReapReport, ReapSettings, SweepNote } from './contract.ts';
import { createFailedReport, createReport, createSkippedReport } from './report.ts';
import { sweep } from './sweep.ts';
import { decideFresh, readSweep, writeSweep } from './sweep-note.ts';

/** After an interrupt the runner kills soon; otherwise a slow store gets its time. */
const RELEASE_TIMEOUT_MS = 15_000;
const HURRIED_RELEASE_TIMEOUT_MS = 3000;

export interface ReapOptions {
  settings: ReapSettings;
  lease: {
    manager: Pick<LeaseManager, 'read' | 'tryAcquire' | 'acquire'>;
    /** One per provider and account. */
    key: string;
    leaseMs: number;
    holder: HolderInfo;
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
  /** Requests to the store so far; counted by whoever meters it. */
  storeRequests(): number;
  /** Progress, notes included; without it notes are logged. */
  onEvent?: ((event: ReapEvent) => void) | undefined;
}

/**
 * Reaps once and reports. Errors of store and lease become a `failed` report with their exit code; a ConfigError and whatever
 * is a bug is thrown, after the lease was given back.
 */
export async function reap(options: ReapOptions): Promise<ReapReport> {
  const startMs = options.clock.monotonicMs();
  const run: Run = { options, startMs, waitedMs: 0, holder: null, token: null };
  try {
    const report = await reapOnce(run);
    // Giving the lease back has cost requests and time, too.
    const { durationMs, requests } = surroundings(run);
    return { ...report, durationMs, requests: { ...report.requests, ...requests } };
  } catch (thrown) {
    const error = toError(thrown);
    if (!(error instanceof LockstepError) || hasCode(error, 'config') || hasCode(error, 'invariant'))
      throw error;
    options.logger.error(error.hint === undefined ? error.message : `${error.message}. ${error.hint}`);
    return createFailedReport(error, surroundings(run));
  }
}

/** What is known of a run so far. */
interface Run {
  readonly options: ReapOptions;
  readonly startMs: number;
  waitedMs: number;
  holder: string | null;
  token: number | null;
}

async function reapOnce(run: Run): Promise<ReapReport> {
  const { options } = run;
  const { lease, everyMs, deadline } = options;
  // 1. One read tells whether there is anything to do at all.
  const seen =
    everyMs > 0 ? await answered(deadline, lease.manager.read(lease.key, { signal: deadline.signal })) : null;
  const fresh = seen && findFresh(run, seen);
  if (fresh) return skipFresh(run, fresh);
  if (!options.settings.apply) return await sweepAndReport(run, null);

  // 2. The lease, or whoever has it.
  const seenAt = seen && (readSweep(noteOf(seen), options.identity)?.at ?? null);
  const owned = await obtain(run, seen, seenAt);
  if ('report' in owned) return owned.report;
  run.token = owned.lease.token;
  return await holdAndSweep(run, owned.lease, seenAt);
}

/** Sweeps under the lease and gives it back, with the result in its note. */
async function holdAndSweep(run: Run, lease: Lease, seenAt: string | null): Promise<ReapReport> {
  const { options } = run;
  let updateNote: ((note: JsonObject) => JsonObject) | null = null;
  try {
    // Somebody may have swept between our first read and our turn; without this look, 60 processes sweep in a row.
    const fresh = findFresh(run, lease.view, seenAt);
    if (fresh) return skipFresh(run, fresh);
    emit(options, { kind: 'acquired', token: lease.token });
    return await sweepAndReport(run, lease, (pass) => {
      const swept: SweepNote = {
        outcome: pass.outcome,
        counts: pass.counts,
        at: new Date(options.clock.wallMs()).toISOString(),
      };
      updateNote = (note) => writeSweep(note, options.identity, swept);
    });
  } finally {
    await giveBack(run, lease, updateNote);
  }
}

type Owned = { readonly lease: Lease } | { readonly report: ReapReport };

async function obtain(run: Run, seen: LeaseView | null, seenAt: string | null): Promise<Owned> {
  const { options } = run;
  const { manager, key, leaseMs, holder, pollMs, whenBusy } = options.lease;
  const { deadline, clock } = options;
  const request = { leaseMs, holder, signal: deadline.signal, ...(seen ? { seen } : {}) };
  const tried = await answered(deadline, manager.tryAcquire(key, request));
  if (tried.acquired) return { lease: tried.lease };

  run.holder = plain(tried.holder.text);
  const fresh = findFresh(run, tried.view, seenAt);
  if (fresh) return { report: skipFresh(run, fresh) };
  if (whenBusy === 'skip') {
    note(options, 'info', `${run.holder} is sweeping; nothing to do here`);
    return { report: createSkippedReport('busy', surroundings(run)) };
  }

  const waitStartMs = clock.monotonicMs();
  let done: SweepNote | null = null;
  const onWait = (current: HolderInfo) => {
    run.holder = plain(current.text);
    emit(options, { kind: 'waiting', holder: current.text });
  };
  onWait(tried.holder);
  try {
    const lease = await manager.acquire(key, {
      leaseMs,
      holder,
      signal: deadline.signal,
      pollMs,
      seen: tried.view,
      onWait,
      isDone(view) {
        done = findFresh(run, view, seenAt);
        return done !== null;
      },
    });
    run.waitedMs = clock.monotonicMs() - waitStartMs;
    if (lease) run.holder = null;
    return lease ? { lease } : { report: skipFresh(run, done) };
  } finally {
    run.waitedMs = clock.monotonicMs() - waitStartMs;
  }
}

async function sweepAndReport(
  run: Run,
  lease: Lease | null,
  onPass?: (pass: PassResult) => void,
): Promise<ReapReport> {
  const { options } = run;
  const { provider, pace } = await options.openProvider();
  try {
    const pass = await sweep({
      settings: options.settings,
      provider,
      pace,
      permit: lease,
      clock: options.clock,
      deadline: options.deadline,
      onEvent: (event) => emit(options, event),
    });
    onPass?.(pass);
    const around = surroundings(run);
    return createReport(pass, {
      ...around,
      requests: { store: options.storeRequests(), throttled: pace.throttledCount },
    });
  } finally {
    await provider.close().catch((thrown: unknown) => {
      // The work is done and reported; what is left open ends with the process.
      options.logger.warn(`the provider could not be closed: ${plain(toError(thrown).message)}`);
    });
  }
}

async function giveBack(
  run: Run,
  lease: Lease,
  updateNote: ((note: JsonObject) => JsonObject) | null,
): Promise<void> {
  const { clock, deadline, logger } = run.options;
  const timeoutMs = deadline.signal.aborted ? HURRIED_RELEASE_TIMEOUT_MS : RELEASE_TIMEOUT_MS;
  const budget = createDeadline({ clock, timeoutMs, waitingFor: 'the release of the lease' });
  try {
    const released = await lease.release({ signal: budget.signal, ...(updateNote ? { updateNote } : {}) });
    if (released === 'unknown')
      logger.warn('whether the lease was given back is unknown; it will run out by itself');
  } catch (thrown) {
    // The sweep's result counts more than the release's: the lease runs out by itself.
    logger.warn(`the lease was not given back and will run out by itself: ${plain(toError(thrown).message)}`);
  } finally {
    budget.dispose();
  }
}

/** A store that stays silent until the budget is over never answered; that is not the same as a lease that stayed busy. */
async function answered<T>(deadline: Deadline, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    if (hasCode(thrown, 'deadline') && deadline.signal.aborted)
      throw new UnavailableError('the store did not answer within the time budget', { cause: thrown });
    throw thrown;
  }
}

function findFresh({ options }: Run, view: LeaseView, seenAt?: string | null): SweepNote | null {
  return decideFresh({
    note: noteOf(view),
    identity: options.identity,
    everyMs: options.everyMs,
    nowWallMs: options.clock.wallMs(),
    ...(seenAt === undefined ? {} : { seenAt }),
  });
}

function skipFresh(run: Run, sweep: SweepNote | null): ReapReport {
  const { options } = run;
  if (sweep) {
    const agoMs = Math.max(0, options.clock.wallMs() - Date.parse(sweep.at));
    const result =
      sweep.outcome === 'clean' ? 'nothing was stale' : `${sweep.counts.deleted} apps were deleted`;
    note(options, 'info', `swept ${formatDuration(agoMs)} ago: ${result}; nothing to do here`);
  }
  return createSkippedReport('fresh', surroundings(run));
}

function noteOf(view: LeaseView): JsonObject {
  return view.record?.note ?? {};
}

function surroundings(run: Run) {
  const { options, startMs } = run;
  return {
    fencingToken: run.token,
    holder: run.holder,
    waitedMs: run.waitedMs,
    durationMs: Math.round(options.clock.monotonicMs() - startMs),
    requests: { store: options.storeRequests() },
  };
}

function note(options: ReapOptions, level: 'info' | 'warn', message: string): void {
  emit(options, { kind: 'note', level, message });
}

function emit({ logger, onEvent }: ReapOptions, event: ReapEvent): void {
  if (onEvent) onEvent(event);
  else if (event.kind === 'note') logger[event.level](event.message);
}
