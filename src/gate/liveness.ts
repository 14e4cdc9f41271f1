/**
 * What one waiter has seen of the claim's holder, and what the jobs API told it. Judges by its own monotonic clock alone.
 * NOT guaranteed: that silence means death; only `dead` is proof, and the reducer treats the two differently.
 */
import { jitter } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { NOTHING_OBSERVED, type Observation, observe, takeoverInMs } from '../lease/observation.ts';
import type { GateClaim, GateDoc } from './contract.ts';
import type { EndedJob, HolderFate } from './event.ts';
import { claimBeat, judgeHolder } from './holder.ts';
import type { JobsEvidence } from './ports.ts';

export interface Liveness {
  /** After each read of the board. */
  see(doc: GateDoc | null): void;
  readonly judge: (claim: GateClaim) => HolderFate;
  /** True where the claim with this token follows one whose holder was only suspected dead. */
  readonly isTakeover: (token: number) => boolean;
  /** Until the holder's silence may be judged; null where no timer is needed for it. */
  takeoverInMs(doc: GateDoc | null): number | null;
  /** Until the jobs API is to be asked; null where there is none. */
  evidenceInMs(): number | null;
  /** Asks it. True where the holder is newly known to be dead; what else it found comes back as jobs. */
  ask(doc: GateDoc | null, signal: AbortSignal): Promise<{ jobs: readonly EndedJob[]; isNews: boolean }>;
}

/** Nothing is asked before a gate of ordinary length is through. */
const FIRST_ASK_MS = 20_000;
const ASK_EVERY_MS = 30_000;
/** All members ask for themselves and share one budget of requests. */
const ASK_EVERY_PER_MEMBER_MS = 6000;

/** How often each of so many members asks the jobs API. */
export function evidenceEveryMs(members: number): number {
  return Math.max(ASK_EVERY_MS, members * ASK_EVERY_PER_MEMBER_MS);
}

export function createLiveness(settings: {
  clock: Clock;
  jobs: JobsEvidence | null;
  expected: readonly string[];
  hasBeats: boolean;
  isOwn: (claim: GateClaim) => boolean;
}): Liveness {
  const { clock, jobs, expected, hasBeats, isOwn } = settings;
  let observation: Observation = NOTHING_OBSERVED;
  let endedIds: ReadonlySet<string> = new Set();
  let suspectedToken: number | null = null;
  let askAtMs = clock.monotonicMs() + jitter(FIRST_ASK_MS, 0.3, clock.random());

  return {
    see(doc) {
      // Without a claim the observation still ages: a stale read may hide one for a while.
      if (!doc?.claim) suspectedToken = null;
      observation = observe(observation, doc?.claim ? [claimBeat(doc.claim)] : [], clock.monotonicMs());
    },
    judge(claim) {
      const fate = judgeHolder(claim, { observation, nowMs: clock.monotonicMs(), endedIds, hasBeats });
      // Remembered here and not by the caller: the answer to the write that takes the claim over may be lost.
      if (fate === 'expired') suspectedToken = claim.token;
      return fate;
    },
    isTakeover: (token) => suspectedToken !== null && token > suspectedToken,
    takeoverInMs(doc) {
      const claim = doc?.phase === 'schema' ? doc.claim : null;
      if (!claim || !hasBeats || isOwn(claim)) return null;
      const leftMs = takeoverInMs(observation, claimBeat(claim), clock.monotonicMs());
      // Judged already, and nothing came of it: the reconcile timer goes on.
      return leftMs > 0 ? leftMs + 1 : null;
    },
    evidenceInMs: () => (jobs === null ? null : Math.max(0, askAtMs - clock.monotonicMs())),
    async ask(doc, signal) {
      if (jobs === null) return { jobs: [], isNews: false };
      askAtMs = clock.monotonicMs() + jitter(evidenceEveryMs(expected.length), 0.3, clock.random());
      const found = await jobs.look({ members: expected, claim: doc?.claim ?? null }, { signal });
      const isNews = [...found.endedIds].some((id) => !endedIds.has(id));
      endedIds = new Set([...endedIds, ...found.endedIds]);
      return { jobs: found.ended, isNews };
    },
  };
}
