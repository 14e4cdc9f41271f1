/**
 * The loop that acts: per app wait for a slot, check the lease, delete by id, settle. Several workers, children before
 * parents, the oldest first. What could not be done now (in use, still going on) is looked at again after the others.
 * NOT guaranteed: that everything goes; but every job ends with exactly one outcome, after a bounded number of requests.
 * Invariant: only apps that were listed under this lease and judged eligible come here, and none is sent anything after a halt.
 */
import { createBackoff, jitter } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { Calls } from './calls.ts';
import { pause, repeatRead } from './census.ts';
import type { Halt } from './halt.ts';
import type { Job, Jobs } from './jobs.ts';
import type { Refresh } from './refresh.ts';
import {
  decideAfterDestroy,
  decideAfterRead,
  describeChange,
  MAX_ATTEMPTS,
  type SettledStep,
} from './settle.ts';

/** How often one settling read is repeated while its answer is doubtful. */
const READ_ATTEMPTS = 2;
/** Looks at what is left: with pauses growing to 30 s this outlasts any command's budget. */
const MAX_ROUNDS = 60;

export interface ApplyOptions {
  jobs: Jobs;
  calls: Calls;
  refresh: Refresh;
  clock: Clock;
  halt: Halt;
  concurrency: number;
}

/** Works through all jobs; afterwards each has its outcome. Throws only what is a bug. */
export async function applyJobs(options: ApplyOptions): Promise<void> {
  const { jobs, clock, halt } = options;
  // 1. Everything once, layer by layer: parents become ready when their children are gone.
  for (;;) {
    const ready = jobs
      .unsettled()
      .filter((job) => job.next === 'destroy' && !job.wasBusy && jobs.isReady(job));
    if (ready.length === 0 || halt.isHalted) break;
    await runPool(ready, options);
  }
  // 2. What was in use has one more chance; what was accepted is read until it is gone.
  let pauseMs = 1000;
  for (let round = 0; round < MAX_ROUNDS && !halt.isHalted; round += 1) {
    const left = jobs.unsettled().filter((job) => job.next === 'poll' || jobs.isReady(job));
    if (left.length === 0 || !(await pause(jitter(pauseMs, 0.2, clock.random()), options))) break;
    pauseMs = Math.min(30_000, pauseMs * 1.6);
    await runPool(left, options);
  }
  // 3. Whatever is left has an outcome, too.
  for (const job of jobs.unsettled()) settleLeft(jobs, job);
  const bug = halt.reasons.get('broken');
  if (bug) throw bug;
}

/** Hands the jobs to so many workers, in order. A worker's bug halts the others and is thrown at the end. */
async function runPool(ready: readonly Job[], options: ApplyOptions): Promise<void> {
  const queue = [...ready];
  const worker = async () => {
    for (let job = queue.shift(); job && !options.halt.isHalted; job = queue.shift()) {
      try {
        await (job.next === 'poll' ? pollJob(job, options) : workJob(job, options));
      } catch (thrown) {
        options.halt.stop('broken', toError(thrown));
      } finally {
        job.isInFlight = false;
      }
    }
  };
  const workers = Math.max(1, Math.min(options.concurrency, queue.length));
  await Promise.all(Array.from({ length: workers }, worker));
}

async function workJob(job: Job, options: ApplyOptions): Promise<void> {
  const { jobs, calls, refresh, clock, halt } = options;
  let backoff = createBackoff({ baseMs: 500, capMs: 10_000 });
  while (job.outcome === null && job.next === 'destroy') {
    if (!(await calls.takeSlot())) return;
    await refresh.idle();
    if (job.outcome !== null || job.next !== 'destroy' || halt.isHalted) return;
    if (refresh.isDue(job)) {
      const isSlotSpent = await refresh.verify(job);
      if (isSlotSpent || job.outcome !== null || refresh.isDue(job)) continue;
    }
    job.isInFlight = true;
    job.sentAtMs ??= clock.monotonicMs();
    const sentInEpoch = refresh.epoch;
    const step = await destroyOnce(job, options);
    job.isInFlight = false;
    if (step === null) return;
    switch (step.step) {
      case 'done':
        jobs.settle(job, step.outcome, step.reason);
        if (step.outcome === 'deleted') refresh.onSuccess();
        if (step.isConflict) await refresh.onConflict(sentInEpoch);
        return;
      case 'later':
        job.wasBusy = true;
        job.reason = step.detail;
        return;
      case 'poll':
        job.next = 'poll';
        return;
      case 'again': {
        if (step.isPaced) break;
        const next = backoff.next(clock.random());
        backoff = next.backoff;
        if (!(await pause(next.delayMs, options))) return;
      }
    }
  }
}

/** One deletion and, where its answer asks for it, the one read that settles it. Null: halted; the job may be settled. */
async function destroyOnce(
  job: Job,
  { jobs, calls, clock, halt }: ApplyOptions,
): Promise<SettledStep | null> {
  const answer = await calls.destroy(job.app);
  if (answer === 'unsent') return null;
  if (answer === null) {
    jobs.settle(job, 'failed', 'stopped while it was being deleted; it may be gone');
    return null;
  }
  if (answer.kind === 'throttled') job.throttles += 1;
  else job.attempts += 1;
  if (answer.kind === 'ambiguous') job.isDoubtful = true;

  const step = decideAfterDestroy(answer, job);
  if (step.step !== 'read') return step;
  const read = await repeatRead(async () => ((await calls.takeSlot()) ? await calls.get(job.app.id) : null), {
    clock,
    halt,
    attempts: READ_ATTEMPTS,
  });
  if (read === null) {
    const isKnown = step.cause === 'forbidden';
    jobs.settle(job, isKnown ? 'forbidden' : 'failed', `stopped before its state was read: ${step.detail}`);
    return null;
  }
  const after = decideAfterRead(read, { ...step, app: job.app }, job);
  if (read.kind === 'found' && after.step === 'again') {
    job.app = read.app;
    job.readAtMs = clock.monotonicMs();
  }
  return after;
}

/** One read of an app whose deletion was accepted. */
async function pollJob(job: Job, { jobs, calls, refresh, clock }: ApplyOptions): Promise<void> {
  if (!(await calls.takeSlot())) return;
  await refresh.idle();
  if (job.outcome !== null) return;
  const answer = await calls.get(job.app.id);
  if (answer?.kind === 'gone') {
    jobs.settle(job, 'deleted', 'deleted, confirmed by a later read');
    refresh.onSuccess();
  } else if (
    answer?.kind === 'found' &&
    answer.app.state === 'delete-failed' &&
    job.attempts < MAX_ATTEMPTS
  ) {
    // The provider gave up; another deletion is allowed, of the app as it is now.
    const change = describeChange(job.app, answer.app);
    if (change !== null) {
      jobs.settle(job, 'changed', change);
      return;
    }
    job.app = answer.app;
    job.readAtMs = clock.monotonicMs();
    job.next = 'destroy';
  }
}

function settleLeft(jobs: Jobs, job: Job): void {
  if (job.next === 'poll') jobs.settle(job, 'busy', 'accepted, but still there');
  else if (job.wasBusy) jobs.settle(job, 'busy', `in use: ${job.reason}`);
  else if (job.isDoubtful) jobs.settle(job, 'failed', 'stopped before its deletion was certain');
  else if (!jobs.isReady(job)) jobs.settle(job, 'deferred', 'a child of it is left');
  else jobs.settle(job, 'deferred', 'left for the next sweep');
}
