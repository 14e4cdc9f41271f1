/**
 * What goes into the reducer and what comes out: the caller, its events, its verdicts. Types only.
 * The loop: read the board → `reduce(doc, event, ctx)` → compare-and-set where the document changed (on a conflict read and
 * reduce again) → act on the verdict. `verdict.epoch` goes into the next call's context.
 */
import type {
  GateClaim,
  GateDoc,
  GateFailure,
  GatePhase,
  Incarnation,
  Observation,
  Versions,
} from './contract.ts';
import type { VersionScheme } from './versions.ts';

/** What all members must agree on; made by `config.ts`. */
export interface GateConfig {
  readonly gate: string;
  readonly expected: readonly string[];
  /** Null: all members must have the same API. */
  readonly requireApi: readonly string[] | null;
  readonly versionScheme: VersionScheme;
  readonly configHash: string;
}

/** Who calls the reducer. */
export interface GateSelf {
  /** The name on the board; in mode `wait-for` a label that is not counted. */
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly versions: Versions;
  readonly mode: 'wait' | 'announce' | 'wait-for';
  readonly canMigrate: boolean;
  readonly canProbeSchema: boolean;
  /** Has `--ready` targets; without any it is ready at once. */
  readonly canProbeApi: boolean;
  readonly allowDowngrade: boolean;
  readonly onLeave: 'fail' | 'wait';
  readonly timeoutMs: number;
  readonly leaseMs: number;
  readonly probe?: { readonly kind: string; readonly url: string };
}

/** `expired`: only suspected, by a lease the caller saw run out. `dead`: proven. */
export type HolderFate = 'held' | 'expired' | 'dead';

export interface ReduceContext {
  readonly config: GateConfig;
  readonly scope: 'run' | 'environment';
  readonly self: GateSelf;
  /** Wall clock now, for people. */
  readonly at: string;
  /** The epoch this caller takes part in: that of its last verdict; null before its first. */
  readonly epoch: number | null;
  /** May the holder be replaced? The lease's own pure decision on what this caller observed; no I/O. */
  judgeHolder(claim: GateClaim): HolderFate;
}

/** What happened at the caller. Each is evaluated on the document just read; the same event may be reduced again. */
export type GateEvent =
  /** R1; in mode `wait-for` it only joins. `worldSchema` is what `--schema-probe` said, if it was asked. */
  | { readonly kind: 'announce'; readonly worldSchema?: string }
  /** The board changed, or a timer says look again: R3, R7, R11. */
  | { readonly kind: 'look' }
  /** Heartbeat of the claim (with a token) or of the member's record. */
  | { readonly kind: 'beat'; readonly token?: number }
  /** R5. `ready`: the committer's own probe is good already. */
  | {
      readonly kind: 'commit';
      readonly token: number;
      readonly from: string | null;
      readonly to: string;
      readonly how: 'ran' | 'adopted';
      readonly ready?: Observation;
    }
  /** R4: the command failed, or the schema is not the target after it. */
  | { readonly kind: 'commit-failed'; readonly token: number; readonly message: string }
  /** The schema probe alone says that the world is there already; claims and commits in one write. */
  | { readonly kind: 'adopt'; readonly worldSchema: string }
  /** R6, for itself or (mode `wait-for`) for released members. */
  | { readonly kind: 'api-ready'; readonly ready: readonly ReadyMember[] }
  /** A probe's answer worth showing to others. */
  | { readonly kind: 'observe'; readonly observed: Observation }
  /** R8. `migrationEnded`: the caller's migration is certainly not running, so its claim goes with it. */
  | {
      readonly kind: 'leave';
      readonly reason: string;
      readonly rolledBack: boolean;
      readonly migrationEnded: boolean;
    }
  /** R9. */
  | { readonly kind: 'deadline'; readonly observed?: Observation }
  /** R10: the jobs API says that these members' jobs of that attempt ended. */
  | { readonly kind: 'lost'; readonly jobs: readonly EndedJob[] };

export interface ReadyMember {
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly observed?: Observation;
}

export interface EndedJob {
  readonly name: string;
  readonly run: string;
  readonly attempt: number;
  /** `cancelled, see <url>`: for people. */
  readonly detail: string;
  /** A released member whose app is known to be broken: its job has ended well, but it will never be ready. */
  readonly isBroken?: true;
}

/** What the caller does next. `epoch` goes back into the next call's context. */
export type GateVerdict =
  | { readonly kind: 'wait'; readonly epoch: number; readonly phase: GatePhase }
  /** There is no board (yet, or any more): announce (again). */
  | { readonly kind: 'announce'; readonly epoch: number }
  /** It holds the claim: R4. `from` is the floor, null where nothing was committed yet. */
  | {
      readonly kind: 'migrate';
      readonly epoch: number;
      readonly token: number;
      readonly from: string | null;
      readonly to: string;
    }
  /** Nobody here can migrate: ask the schema probe, and `adopt` once it says at least `to`. */
  | { readonly kind: 'probe-schema'; readonly epoch: number; readonly to: string }
  /** Ask the API probes of these members, then `api-ready`. */
  | { readonly kind: 'confirm'; readonly epoch: number; readonly members: readonly ReadyMember[] }
  | { readonly kind: 'open'; readonly epoch: number; readonly committed: boolean }
  /** Mode `announce`: recorded, the job may end. */
  | { readonly kind: 'announced'; readonly epoch: number }
  /** The token was refused: another one committed or took over. Not a failure; back to waiting. */
  | { readonly kind: 'fenced'; readonly epoch: number }
  /** `shared`: the gate failed for all; otherwise only this caller is turned away. */
  | {
      readonly kind: 'failed';
      readonly epoch: number;
      readonly failure: GateFailure;
      readonly shared: boolean;
    };

/** `doc` is the very object that came in where nothing is to be written. */
export interface Reduction {
  readonly doc: GateDoc | null;
  readonly verdict: GateVerdict;
}
