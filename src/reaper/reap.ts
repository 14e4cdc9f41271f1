/**
 * The whole: of all who ask, one sweeps. Ask a cache, if there is one, then the lease's note; skip where a sweep of the same
 * identity is fresh; obtain the lease; sweep under it; leave the result in the tombstone for the others.
 *
 *   read ─▶ fresh? ─▶ try or wait ─▶ (fresh by now? give back) ─▶ open ─▶ sweep ─▶ release with the note ─▶ report
 *
 * A plan takes no lease: it deletes nothing, is stopped by nobody, and leaves no note. A fresh sweep makes it unnecessary all
 * the same. NOT guaranteed: that nobody sweeps twice within the window where the machines' clocks disagree.
 * Invariant: between obtaining and giving back nothing sleeps save to pace calls, and whatever happens the lease is given back.
 */
import type { Clock } from '../base/clock.ts';
import type { JsonObject } from '../base/codec.ts';
import { createDeadline } from '../base/deadline.ts';
import { hasCode, LockstepError, toError } from '../base/errors.ts';
import { plain } from '../base/text.ts';
import type { Lease } from '../lease/contract.ts';
import type { PassResult, ReapReport, SweepNote } from './contract.ts';
import { readBeats, type SeenBeats, writeBeats } from './held.ts';
import type { Holds } from './holds.ts';
import { createFailedReport, createReport, createSkippedReport } from './report.ts';
import {
  emit,
  findFresh,
  findFull,
  look,
  note,
  noteOf,
  type ReapOptions,
  type Run,
  recallFresh,
  reportFull,
  skipFresh,
  surroundings,
} from './run.ts';
import { answered } from './store-answer.ts';
import { readSweep, writeSweep } from './sweep-note.ts';

/** After an interrupt the runner kills soon; otherwise a slow store gets its time. */
const RELEASE_TIMEOUT_MS = 15_000;
const HURRIED_RELEASE_TIMEOUT_MS = 3000;

/**
 * Reaps once and reports. Errors of store and lease become a `failed` report with their exit code; a ConfigError and whatever
 * is a bug is thrown, after the lease was given back.
 */
export async function reap(options: ReapOptions): Promise<ReapReport> {
  const startMs = options.clock.monotonicMs();
  const run: Run = { options, startMs, waitedMs: 0, holder: null, token: null, sight: null };
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

async function reapOnce(run: Run): Promise<ReapReport> {
  const { options } = run;
  const { lease, everyMs, deadline } = options;
  // 1. A cache, or one read, tells whether there is anything to do at all.
  const recalled = await recallFresh(run);
  if (recalled) return skipFresh(run, recalled);
  const mustLook = everyMs > 0 || options.findHindrance !== undefined;
  const seen = mustLook
    ? await answered(options, () => lease.manager.read(lease.key, { signal: deadline.signal }))
    : null;
  const fresh = seen && findFresh(run, seen);
  if (fresh) return skipFresh(run, fresh);
  if (seen) look(run, seen);
  if (!options.settings.apply) return await sweepAndReport(run, null);
  const hindrance = options.findHindrance?.() ?? null;
  if (hindrance !== null) return createSkippedReport(hindrance, surroundings(run));

  // 2. The lease, or whoever has it.
  const seenAt = seen && (readSweep(noteOf(seen), options.identity)?.at ?? null);
  // Loaded only here: whoever learns a fresh result needs neither.
  const { takeTurn } = await import('./turn.ts');
  const turn = await takeTurn(run, seen, seenAt);
  if ('report' in turn) return turn.report;
  run.token = turn.lease.token;
  return await holdAndSweep(run, turn.lease, seenAt);
}

/** Sweeps under the lease and gives it back, with the result in its note. */
async function holdAndSweep(run: Run, lease: Lease, seenAt: string | null): Promise<ReapReport> {
  const { options } = run;
  let updateNote: ((note: JsonObject) => JsonObject) | null = null;
  let done: SweepNote | null = null;
  try {
    // Somebody may have swept between our first read and our turn; without this look, 60 processes sweep in a row.
    const fresh = findFresh(run, lease.view, seenAt);
    if (fresh) return skipFresh(run, fresh);
    const full = findFull(run, lease.view);
    if (full) return reportFull(run, full);
    emit(options, { kind: 'acquired', token: lease.token });
    return await sweepAndReport(run, lease, (pass, beats) => {
      const swept: SweepNote = {
        outcome: pass.outcome,
        counts: pass.counts,
        at: new Date(options.clock.wallMs()).toISOString(),
        ...(pass.reason === null ? {} : { reason: pass.reason }),
      };
      updateNote = (note) => {
        const written = writeSweep(note, options.identity, { ...swept, ...fullOf(pass, options.clock) });
        return beats ? writeBeats(written, beats) : written;
      };
      done = swept;
    });
  } finally {
    await giveBack(run, lease, updateNote);
    // After the lease: nobody waits for a cache, and an interrupted run has no time for it.
    if (done && !options.deadline.signal.aborted) await options.memory?.remember(done);
  }
}

async function sweepAndReport(
  run: Run,
  lease: Lease | null,
  onPass?: (pass: PassResult, beats: SeenBeats | null) => void,
): Promise<ReapReport> {
  const { options } = run;
  const holds = options.holds && (await openHolds(options, lease));
  const settings = { ...options.settings, match: await options.match.compile() };
  const { sweep } = await import('./sweep.ts');
  const { provider, pace } = await options.openProvider();
  try {
    const pass = await sweep({
      settings,
      provider,
      pace,
      permit: lease,
      clock: options.clock,
      deadline: options.deadline,
      ...(holds ? { holds: (apps, question) => holds.ask(apps, question) } : {}),
      onEvent: (event) => emit(options, event),
    });
    onPass?.(pass, holds?.seen ?? null);
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

/** What those who wait may learn of a full account, as of now: its age is told when the note is written. */
function fullOf({ full }: PassResult, clock: Clock): Pick<SweepNote, 'full'> {
  if (!full) return {};
  const { listedAtMs, nextDueMs, told } = full;
  return { full: { listedAgoMs: clock.monotonicMs() - listedAtMs, nextDueMs, told } };
}

/** Loaded only for those who protect apps in use. */
async function openHolds(options: ReapOptions, lease: Lease | null): Promise<Holds | undefined> {
  const { holds: source } = options;
  if (!source) return undefined;
  const { createHolds } = await import('./holds.ts');
  const known = readBeats(lease ? noteOf(lease.view) : {});
  const onUnread = (error: Error) =>
    note(options, 'warn', `whether an app is in use could not be read, so it stays: ${plain(error.message)}`);
  return createHolds({ source, known, onUnread });
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
