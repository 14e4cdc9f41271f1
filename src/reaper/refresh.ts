/**
 * Reading again before deleting: what was read long ago is verified, and a conflict (somebody else deleted what we just
 * saw) is answered by the strategy with a pause and a fresh list instead of more duplicates.
 * One fresh list at a time; whoever is about to delete waits for it. Invariant: nothing that was read 60 s ago or longer is
 * deleted on that reading, unless the provider checks identity and version itself.
 */
import { type Backoff, createBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { plain } from '../base/text.ts';
import type { App, Provider } from '../provider/contract.ts';
import type { Calls } from './calls.ts';
import { pause, takeCensus } from './census.ts';
import type { ConflictStrategy } from './contract.ts';
import type { Halt } from './halt.ts';
import type { Job, Jobs } from './jobs.ts';
import { describeChange } from './settle.ts';

const VERIFIED_FOR_MS = 60_000;
/** Where slots come further apart than readings last, verifying never ends; the next sweep has better luck. */
const MAX_VERIFICATIONS = 3;
const CONFLICT_BASE_MS = 1000;
const CONFLICT_CAP_MS = 60_000;

export interface RefreshOptions {
  provider: Pick<Provider, 'capabilities'>;
  calls: Calls;
  clock: Clock;
  halt: Halt;
  jobs: Jobs;
  strategy: ConflictStrategy;
  /** How many pages the first list had. */
  pages: number;
  /** How many places are taken less how many may be, before the sweep; null without a limit. */
  excess: number | null;
  onPage?: (page: number, apps: number) => void;
  note: (level: 'info' | 'warn', message: string) => void;
}

export interface Refresh {
  /** Rises when a fresh list starts: tells a conflict that the list will explain from one that it cannot. */
  readonly epoch: number;
  /** Resolves when no fresh list is under way. */
  idle(): Promise<void>;
  isDue(job: Job): boolean;
  /** Reads the app again. `true`: the caller's slot was spent on it. May settle the job. */
  verify(job: Job): Promise<boolean>;
  onConflict(sentInEpoch: number): Promise<void>;
  /** A deletion of ours succeeded: the next conflict starts over with a short pause. */
  onSuccess(): void;
}

export function createRefresh(options: RefreshOptions): Refresh {
  const { calls, clock, halt, jobs } = options;
  const freshBackoff = () => createBackoff({ baseMs: CONFLICT_BASE_MS, capMs: CONFLICT_CAP_MS });
  let backoff: Backoff = freshBackoff();
  let pages = options.pages;
  let epoch = 0;
  let running: Promise<void> | null = null;

  const relist = async () => {
    const census = await takeCensus({
      calls,
      clock,
      halt,
      ...(options.onPage ? { onPage: options.onPage } : {}),
    });
    if (census.problem !== null)
      options.note('warn', `the fresh list is incomplete: ${plain(census.problem)}`);
    if (census.isComplete) pages = Math.max(1, census.pages);
    for (const job of jobs.unsettled()) {
      if (job.isInFlight) continue;
      const sighting = census.sightings.get(job.app.id);
      if (sighting) reviewApp(jobs, job, sighting.app, sighting.readAtMs);
      else if (census.isComplete) settleAbsent(jobs, job);
      // Absence from a partial list says nothing, and neither does what was known before the conflict.
      else job.readAtMs = Number.NEGATIVE_INFINITY;
    }
  };

  const start = (prepare: () => Promise<boolean>): Promise<void> => {
    if (running) return running;
    epoch += 1;
    const run = async () => {
      try {
        if (await prepare()) await relist();
      } finally {
        running = null;
      }
    };
    running = run();
    return running;
  };

  const isUnderLimit = () => options.excess !== null && options.excess - jobs.freed() <= 0;

  return {
    get epoch() {
      return epoch;
    },
    async idle() {
      while (running) await running;
    },
    isDue(job) {
      if (options.provider.capabilities.atomicPrecondition) return false;
      return clock.monotonicMs() - job.readAtMs >= VERIFIED_FOR_MS;
    },
    async verify(job) {
      job.verifications += 1;
      if (job.verifications > MAX_VERIFICATIONS) {
        jobs.settle(job, 'deferred', 'it could not be verified in time');
        return false;
      }
      if (jobs.unsettled().length > 2 * pages) {
        await start(async () => true);
        return false;
      }
      const answer = await calls.get(job.app.id);
      if (answer?.kind === 'found') reviewApp(jobs, job, answer.app, clock.monotonicMs());
      else if (answer?.kind === 'gone') settleAbsent(jobs, job);
      else if (answer?.kind === 'forbidden')
        jobs.settle(job, 'forbidden', `forbidden: ${plain(answer.detail)}`);
      // Anything else told nothing; the app stays due and is read again with the next slot.
      return true;
    },
    async onConflict(sentInEpoch) {
      const isAnythingLeft = jobs.unsettled().some((job) => !job.isInFlight && job.next === 'destroy');
      if (!isAnythingLeft || sentInEpoch < epoch || halt.isHalted) return;
      if (options.strategy === 'stop') {
        options.note('warn', 'somebody else is deleting, too; the rest is left to them');
        halt.stop('conflict');
        return;
      }
      await start(async () => {
        const step = backoff.next(clock.random());
        backoff = step.backoff;
        if (options.strategy === 'stop-if-under-limit' && isUnderLimit()) {
          options.note(
            'info',
            'somebody else is deleting, too, and there is room now; the rest is left to them',
          );
          halt.stop('conflict');
          return false;
        }
        options.note('info', 'somebody else is deleting, too; pausing, then listing again');
        return await pause(step.delayMs, { clock, halt });
      });
    },
    onSuccess() {
      backoff = freshBackoff();
    },
  };
}

/** A fresh reading of an app that is to go: still the same, or no longer ours to delete. */
function reviewApp(jobs: Jobs, job: Job, app: App, readAtMs: number): void {
  if (job.next === 'poll') return;
  if (job.isDoubtful && app.state === 'deleting') {
    job.next = 'poll';
    return;
  }
  const change = describeChange(job.app, app);
  if (change !== null) {
    jobs.settle(job, 'changed', change);
    return;
  }
  job.app = app;
  job.readAtMs = readAtMs;
}

function settleAbsent(jobs: Jobs, job: Job): void {
  if (job.isDoubtful || job.next === 'poll')
    jobs.settle(job, 'deleted', 'deleted, confirmed by a later read');
  else jobs.settle(job, 'gone', 'somebody else deleted it');
}
