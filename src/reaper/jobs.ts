/**
 * The deletions of one sweep: one job per eligible app, from the plan to its single outcome.
 * Invariant: a job is settled once; settling it again is a bug (an app counted twice).
 */
import { invariant } from '../base/errors.ts';
import type { App } from '../provider/contract.ts';
import type { Sighting } from './census.ts';
import type { AppOutcome } from './contract.ts';

export interface Job {
  /** As last read under this lease. */
  app: App;
  /** When that was, on the monotonic clock; -Infinity: it must be read again before anything is sent. */
  readAtMs: number;
  attempts: number;
  /** When its first deletion was sent, on the monotonic clock. */
  sentAtMs: number | null;
  throttles: number;
  verifications: number;
  isDoubtful: boolean;
  wasBusy: boolean;
  /** A deletion was sent and its meaning is not settled yet; a fresh list does not decide about it. */
  isInFlight: boolean;
  /** `poll`: the provider accepted the deletion and is at it. */
  next: 'destroy' | 'poll';
  /** Ids of jobs that must have succeeded before: the children. */
  readonly after: readonly string[];
  outcome: AppOutcome | null;
  reason: string;
}

export interface Jobs {
  /** In the order of deletion. */
  readonly all: readonly Job[];
  /** Without an outcome. */
  unsettled(): Job[];
  /** True once every child is gone. */
  isReady(job: Job): boolean;
  settle(job: Job, outcome: AppOutcome, reason: string): void;
  /** How many places came free so far. */
  freed(): number;
}

/** Jobs for the candidates, in their order. `onSettled` is told each outcome once. */
export function createJobs(
  candidates: readonly App[],
  sightings: ReadonlyMap<string, Sighting>,
  onSettled: (job: Job) => void,
): Jobs {
  const ids = new Set(candidates.map((app) => app.id));
  const children = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const app of candidates) {
    seen.add(app.id);
    const { parentId } = app;
    // A child that comes after its parent closes a circle of parents; waiting for it would never end.
    if (parentId === null || !ids.has(parentId) || seen.has(parentId)) continue;
    children.set(parentId, [...(children.get(parentId) ?? []), app.id]);
  }
  const byId = new Map<string, Job>();
  for (const app of candidates)
    byId.set(app.id, {
      app,
      readAtMs: sightings.get(app.id)?.readAtMs ?? Number.NEGATIVE_INFINITY,
      attempts: 0,
      sentAtMs: null,
      throttles: 0,
      verifications: 0,
      isDoubtful: false,
      wasBusy: false,
      isInFlight: false,
      next: 'destroy',
      after: children.get(app.id) ?? [],
      outcome: null,
      reason: '',
    });
  const all = [...byId.values()];
  const isAway = (job: Job | undefined) => job?.outcome === 'deleted' || job?.outcome === 'gone';
  return {
    all,
    unsettled: () => all.filter((job) => job.outcome === null),
    isReady: (job) => job.after.every((id) => isAway(byId.get(id))),
    settle(job, outcome, reason) {
      invariant(job.outcome === null, `an app was settled twice: ${job.outcome}, then ${outcome}`);
      job.outcome = outcome;
      job.reason = reason;
      onSettled(job);
    },
    freed: () => all.filter(isAway).length,
  };
}
