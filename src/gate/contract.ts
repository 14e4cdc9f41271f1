/**
 * The upgrade gate: members announce their versions on one board; when all have come and agree, one of them migrates the
 * schema, then each confirms its API, then all open. Every change is read → `reduce` → compare-and-set.
 * NOT guaranteed: that a migration runs once. A slow committer whose lease ran out, or a migration that outlives its job,
 * can overlap with the next one; only one is recorded. Pass the fencing token, probe first, use the tool's own lock.
 *
 *               all present                 commit (or floor ≥ target)            last api-ready
 *   announce ───────────────────▶ schema ─────────────────────────────▶ api ───────────────────────▶ open
 *    ▲  │  └─── floor ≥ target ────────────────────────────────────────▶ ▲                             │
 *    │  └──────────┬─────────────────┘ ◀── joins in place ───────────────┘                             │
 *    │             ▼ deadline, leave, lost member, failed or lost committer                            │
 *    │           failed                                                                                │
 *    └── epoch + 1 ┘ (a later attempt arms it again)  ◀── epoch + 1: a newer upgrade (scope environment) ┘
 *
 * S1 open(e): each expected member was api-ready (or released and probed) in e, versions fit the target, floor ≥ target
 * S2 one commit per target schema; tokens strictly rise; a refused commit changes nothing      S3 no api-ready before the commit
 * S4 at most one live claim; it survives failure and re-arm        S5 open and commits are never undone; a stale incarnation changes nothing
 * S6 arrivals count per member, not per call
 * L1 without faults all open with no wake-up by timer (one poll where the store does not push) and at most 2N + 1 writes
 * L2 with a dead member each live one returns by its deadline, with one failure that names exactly those not present
 * L3 from any state one full re-run of the failed jobs can open it   L4 after open, a re-run of any one member opens alone
 */
export const GATE_FORMAT = 1;

export const GATE_PHASES = ['announce', 'schema', 'api', 'open', 'failed'] as const;
export type GatePhase = (typeof GATE_PHASES)[number];

/** The failure codes of the contract. `store-unavailable` is the loop's: the reducer never sees a store. */
export const GATE_FAILURE_CODES = [
  'timeout',
  'behind',
  'diverged',
  'schema-downgrade',
  'commit-failed',
  'committer-lost',
  'member-left',
  'member-lost',
  'superseded',
  'unexpected-member',
  'config-mismatch',
  'store-unavailable',
] as const;
export type GateFailureCode = (typeof GATE_FAILURE_CODES)[number];

/** Exit status per failure code (the contract's table). */
export const GATE_EXIT_CODES: Readonly<Record<GateFailureCode, number>> = Object.freeze({
  timeout: 7,
  behind: 21,
  diverged: 21,
  'schema-downgrade': 21,
  'commit-failed': 22,
  'committer-lost': 22,
  'member-left': 20,
  'member-lost': 20,
  superseded: 23,
  'unexpected-member': 2,
  'config-mismatch': 2,
  'store-unavailable': 6,
});

/** One execution of a member. Ordered by (run, attempt), see `incarnation.ts`; `id` tells two of one rank apart. */
export interface Incarnation {
  readonly run: string;
  readonly attempt: number;
  readonly id: string;
}

/** What a member was built for. Both are canonical (`parseSchema`, `parseApi`). */
export interface Versions {
  readonly schema: string;
  /** Sorted, unique. */
  readonly api: readonly string[];
}

/** What a probe said last. `at` is some machine's wall clock: for people, never compared. */
export interface Observation {
  readonly schema?: string;
  readonly api?: readonly string[];
  readonly at: string;
  readonly detail: string;
}

export const MEMBER_STATES = ['announced', 'api-ready', 'released', 'left'] as const;
export type MemberState = (typeof MEMBER_STATES)[number];

/** Which part in the migration a member can take: run it, recognise it as done, or both. */
export const COMMITTER_KINDS = ['migrate', 'probe', 'both'] as const;
export type CommitterKind = (typeof COMMITTER_KINDS)[number];

export interface MemberRecord extends Versions {
  readonly incarnation: Incarnation;
  readonly state: MemberState;
  /** Rises while the member lives, where the store is cheap enough to say so. */
  readonly beat: number;
  /** When it announced, for people. */
  readonly since: string;
  /** When it was found ready, for people. */
  readonly readyAt?: string;
  /** Absent: it can neither migrate nor probe the schema. */
  readonly committer?: CommitterKind;
  readonly allowDowngrade?: true;
  /** The epoch in which a `wait-for` job found this released member ready. */
  readonly probedIn?: number;
  readonly reason?: string;
  /** It was turned away and has ended: whatever it fits later, only its re-run counts. */
  readonly refused?: true;
  readonly observed?: Observation;
  /** How a `wait-for` job can ask a released member; never headers or secrets. */
  readonly probe?: { readonly kind: string; readonly url: string };
}

/** The right to run the migration. `member` is a label where a `wait-for` job holds it. */
export interface GateClaim {
  readonly member: string;
  readonly incarnation: Incarnation;
  /** The fencing token. */
  readonly token: number;
  readonly beat: number;
  /** The holder's own: how long others respect it without a new beat. */
  readonly leaseMs: number;
  readonly since: string;
}

export interface GateCommit {
  readonly token: number;
  readonly member: string;
  readonly incarnation: Incarnation;
  readonly from: string | null;
  readonly to: string;
  readonly how: 'ran' | 'adopted';
  readonly at: string;
}

export interface GateFailure {
  readonly epoch: number;
  readonly code: GateFailureCode;
  /** The member (or label) whose write or call this is. */
  readonly by: string;
  /** Who had not done what the phase asks for. */
  readonly missing: readonly string[];
  readonly behind: readonly string[];
  readonly diverged: readonly string[];
  readonly lost: readonly string[];
  readonly message: string;
  readonly at: string;
  /** Highest attempt per run that took part: none of them may arm the gate again. Empty in the history. */
  readonly attempts: Readonly<Record<string, number>>;
}

/** The board: one document per gate. A value: frozen, copied on write. */
export interface GateDoc {
  readonly format: typeof GATE_FORMAT;
  readonly gate: string;
  /** Of {expected, requireApi, versionScheme}. */
  readonly configHash: string;
  /** Sorted, unique, at least one; frozen by the first writer. */
  readonly expected: readonly string[];
  /** One try of the gate. */
  readonly epoch: number;
  readonly phase: GatePhase;
  /** Follows the records in `announce`; frozen from `schema` on. Null before the first record. */
  readonly target: Versions | null;
  /** The highest schema recorded as committed; survives epochs. */
  readonly schemaFloor: string | null;
  /** Survives epochs. */
  readonly claim: GateClaim | null;
  /** Only rises; survives epochs. */
  readonly lastToken: number;
  /** The last {@link MAX_COMMITS}; survive epochs. */
  readonly commits: readonly GateCommit[];
  readonly members: Readonly<Record<string, MemberRecord>>;
  readonly failure: GateFailure | null;
  /** Of the present epoch. */
  readonly openedAt?: string;
  /** The timeout of whoever started the epoch, for people. */
  readonly deadlineMs: number;
  /** Ends of earlier epochs (and of this one where it failed), the last {@link MAX_HISTORY}: for waiters that come late. */
  readonly history: readonly GateFailure[];
  /** The last epochs that opened: a slow waiter of one of them succeeds although the gate went on. */
  readonly openEpochs: readonly number[];
}

export const MAX_COMMITS = 10;
export const MAX_HISTORY = 5;
/** Characters of a failure's message. */
export const MAX_MESSAGE = 300;
