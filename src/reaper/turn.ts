/**
 * Getting one's turn: try for the lease once, and then either leave it to its holder or wait. Whoever leaves makes sure first
 * that there is a holder: one that is silent for longer than its lease is observed. Whoever waits wants the work done, not to
 * do it: a sweep of the same identity that ends meanwhile ends the wait, with its result or with the full account it found.
 * Invariant: no ownership is left behind by a wait that gave up (the manager's, L14).
 */
import { plain } from '../base/text.ts';
import type { HolderInfo, Lease, LeaseView } from '../lease/contract.ts';
import type { ReapReport, SweepNote } from './contract.ts';
import { createSkippedReport } from './report.ts';
import { emit, findFresh, findFull, note, type Run, reportFull, skipFresh, surroundings } from './run.ts';
import { answered } from './store-answer.ts';

/** The lease, or the report of a run that needs none. */
export type Turn = { readonly lease: Lease } | { readonly report: ReapReport };

/** Tries, and waits where asked to. Rejects with the deadline's reason when the wait was in vain. */
export async function takeTurn(run: Run, seen: LeaseView | null, seenAt: string | null): Promise<Turn> {
  const { options } = run;
  const { manager, key, leaseMs, pollMs, whenBusy } = options.lease;
  const { deadline, clock } = options;
  const holder = await options.lease.holder();
  const request = { leaseMs, holder, signal: deadline.signal, ...(seen ? { seen } : {}) };
  const tryStartMs = clock.monotonicMs();
  let isObserved = false;
  const onObserve = (present: HolderInfo) => {
    isObserved = true;
    note(
      options,
      'info',
      `${plain(present.text)} has not renewed its lease in time; observing whether it still does`,
    );
  };
  // Who leaves when it is busy would never see a killed holder for a whole lease, and neither would the next one.
  const observeSuspect = { pollMs, onObserve };
  const tried = await answered(options, () =>
    manager.tryAcquire(key, { ...request, ...(whenBusy === 'skip' ? { observeSuspect } : {}) }),
  );
  if (isObserved) run.waitedMs = clock.monotonicMs() - tryStartMs;
  if (tried.acquired) return { lease: tried.lease };

  run.holder = plain(tried.holder.text);
  const fresh = findFresh(run, tried.view, seenAt);
  if (fresh) return { report: skipFresh(run, fresh) };
  let full = findFull(run, tried.view);
  if (full && whenBusy === 'wait') return { report: reportFull(run, full) };
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
        full = findFull(run, view);
        return done !== null || full !== null;
      },
    });
    run.waitedMs = clock.monotonicMs() - waitStartMs;
    if (lease) run.holder = null;
    if (lease) return { lease };
    return { report: full ? reportFull(run, full) : skipFresh(run, done) };
  } finally {
    run.waitedMs = clock.monotonicMs() - waitStartMs;
  }
}
