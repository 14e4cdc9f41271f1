/**
 * What a matrix costs of GitHub's budget, design by design, computed instead of tried. Pure. The model: jobs start in waves of
 * `parallel`; one sweeps for `sweepMs` while the others of the first wave meet it busy; later ones find it done.
 * NOT guaranteed: an exact number. Jobs that start late, lost races, repeated reads and other workflows come on top; GitHub's
 * own limits are those of its documentation, for GITHUB_TOKEN.
 * The bench counts the same designs that lockstep has for real.
 */
import { evidenceEveryMs } from '../gate/liveness.ts';

/** GitHub's published limits for GITHUB_TOKEN. */
export const GITHUB_LIMITS = Object.freeze({
  requestsPerHour: 1000,
  /** Points; a read costs 1, a write 5. Whether a 304 costs one is not documented; it is counted here. */
  pointsPerMinute: 900,
  writesPerMinute: 80,
  writesPerHour: 500,
});

export interface MatrixPlan {
  readonly jobs: number;
  readonly parallel: number;
  readonly sweepMs: number;
  /** Of designs that poll; GitHub's own examples use 5 s. */
  readonly naivePollMs: number;
  /** Of lockstep. */
  readonly pollMs: number;
  readonly leaseMs: number;
  readonly electors: number;
}

export const USUAL_PLAN = Object.freeze({
  sweepMs: 120_000,
  naivePollMs: 5000,
  pollMs: 15_000,
  leaseMs: 600_000,
  electors: 3,
});

export interface DesignCost {
  readonly design: string;
  /** Counted against the hourly budget. */
  readonly requests: number;
  readonly writes: number;
  /** In the worst minute. */
  readonly pointsPerMinute: number;
  /** Look-ups in the cache, which cost nothing of the budget. */
  readonly cacheLookUps: number;
  /** Whether lockstep can work so. */
  readonly isOurs: boolean;
}

/** Read, commit, reference; and commit, reference to give it back. */
const SWEEPER_REQUESTS = 5;
const SWEEPER_WRITES = 4;
/** A record is a reference and the commit it points to. */
const RECORD_READS = 2;
const WRITE_POINTS = 5;
/** A holder that renews every half minute, as many lock actions do. */
const HEARTBEAT_MS = 30_000;

/** The designs, the dearest first. */
export function matrixCosts(plan: MatrixPlan): readonly DesignCost[] {
  const { jobs, sweepMs, naivePollMs, pollMs } = plan;
  const busy = Math.min(jobs, plan.parallel);
  const later = jobs - busy;
  const looks = 1 + Math.floor(sweepMs / naivePollMs);
  const backedOffLooks = countBackedOffLooks(sweepMs);
  const heartbeats = Math.max(0, Math.ceil(sweepMs / HEARTBEAT_MS) - 1);
  const perMinute = busy * Math.floor(60_000 / naivePollMs);
  const renewals = Math.max(0, Math.ceil(sweepMs / (plan.leaseMs / 3)) - 1);
  const own = SWEEPER_REQUESTS + RECORD_READS * renewals;
  const ownWrites = SWEEPER_WRITES + RECORD_READS * renewals;
  const electors = Math.min(plan.electors, jobs);
  const sweeperPoints = SWEEPER_WRITES * WRITE_POINTS + 1;
  const is = (design: string, cost: Partial<DesignCost>): DesignCost => ({
    design,
    requests: 0,
    writes: SWEEPER_WRITES,
    pointsPerMinute: 0,
    cacheLookUps: 0,
    isOurs: false,
    ...cost,
  });
  return [
    is('everybody polls', {
      requests: SWEEPER_REQUESTS + later + busy * looks,
      pointsPerMinute: perMinute + sweeperPoints,
    }),
    is('everybody polls, backing off', {
      requests: SWEEPER_REQUESTS + later + busy * backedOffLooks,
      pointsPerMinute: busy * Math.min(backedOffLooks, 6) + sweeperPoints,
    }),
    is('everybody polls with ETags, the holder renews every 30 s', {
      requests: SWEEPER_REQUESTS + later + 2 * busy + heartbeats * (busy + RECORD_READS),
      writes: SWEEPER_WRITES + RECORD_READS * heartbeats,
      pointsPerMinute: perMinute + sweeperPoints,
    }),
    is('everybody polls with ETags', {
      requests: SWEEPER_REQUESTS + later + 2 * busy,
      pointsPerMinute: perMinute + sweeperPoints,
    }),
    is('everybody asks once (no electors, no cache)', {
      requests: own + RECORD_READS * (jobs - 1),
      writes: ownWrites,
      pointsPerMinute: RECORD_READS * (busy - 1) + sweeperPoints,
      isOurs: true,
    }),
    is('everybody reads the cache while waiting', {
      requests: SWEEPER_REQUESTS + busy,
      pointsPerMinute: busy + sweeperPoints,
      cacheLookUps: later + busy * (1 + Math.floor(sweepMs / pollMs)),
    }),
    is('everybody asks once, the cache first (no electors)', {
      requests: own + RECORD_READS * (busy - 1),
      writes: ownWrites,
      pointsPerMinute: RECORD_READS * (busy - 1) + sweeperPoints,
      cacheLookUps: jobs,
      isOurs: true,
    }),
    is(`${electors} electors (the default in a matrix)`, {
      requests: own + RECORD_READS * (electors - 1),
      writes: ownWrites,
      pointsPerMinute: RECORD_READS * (electors - 1) + sweeperPoints,
      isOurs: true,
    }),
    is(`${electors} electors, the cache first`, {
      requests: own + RECORD_READS * (Math.min(electors, busy) - 1),
      writes: ownWrites,
      pointsPerMinute: RECORD_READS * (Math.min(electors, busy) - 1) + sweeperPoints,
      cacheLookUps: electors,
      isOurs: true,
    }),
  ];
}

/** A gate on the GitHub store: one board that all write to. */
export interface GateCost {
  readonly members: number;
  readonly requests: number;
  readonly writes: number;
}

/** What a lost write reads: who won, and after one's turn the board again. */
const LOST_WRITE_READS = 2 * RECORD_READS;

/**
 * Each member announces itself and reports that it is ready: 2N + 1 changes of the board, two writes each. Of writes that meet
 * a rival's some are done again, the more the larger the crowd. Each change is read by every member that waits at that moment
 * (an announcement by half of them, a readiness by all), at most one per poll; and each member asks the jobs API.
 * `waitMs` is from the first one's announcement to the opening. The requests are what was counted of real ones, or up to two and a half times of it; how many writes are lost is chance.
 */
export function gateCost(plan: { members: number; waitMs: number; pollMs: number }): GateCost {
  const { members, waitMs, pollMs } = plan;
  const changes = 2 * members + 1;
  // A fifth more than was counted for gates of 3 to 40 members that came all at once.
  const lost = Math.ceil(members + members ** 2 / 12);
  const writes = 2 * (changes + lost);
  const looks = Math.min(Math.ceil(1.5 * members ** 2), members * Math.ceil(waitMs / pollMs));
  const asked = members * Math.ceil(waitMs / evidenceEveryMs(members));
  const requests = writes + RECORD_READS * (members + looks) + LOST_WRITE_READS * lost + asked;
  return { members, writes, requests };
}

export interface Verdict {
  readonly isWithin: boolean;
  /** Which limit it meets first; empty where none. */
  readonly reason: string;
}

/** Whether one run fits. `runsPerHour` of them share the hour with everything else in the repository. */
export function judgeCost(
  cost: Pick<DesignCost, 'requests' | 'writes' | 'pointsPerMinute'>,
  limits: { requestsPerHour: number } = GITHUB_LIMITS,
): Verdict {
  const is = (reason: string): Verdict => ({ isWithin: reason === '', reason });
  if (cost.requests > limits.requestsPerHour)
    return is(`more than the ${limits.requestsPerHour} requests of an hour`);
  if (cost.pointsPerMinute > GITHUB_LIMITS.pointsPerMinute)
    return is(`more than the ${GITHUB_LIMITS.pointsPerMinute} points of a minute`);
  if (cost.writes > GITHUB_LIMITS.writesPerHour)
    return is(`more than the ${GITHUB_LIMITS.writesPerHour} writes of an hour`);
  return is('');
}

/** Looks at 0, 2, 6, 14, 30, 60, 90, … s. */
function countBackedOffLooks(sweepMs: number): number {
  let looks = 1;
  for (let [atMs, stepMs] = [2000, 2000]; atMs <= sweepMs; atMs += stepMs) {
    looks += 1;
    stepMs = Math.min(stepMs * 2, 30_000);
  }
  return looks;
}
