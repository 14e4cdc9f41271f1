/**
 * What the loop of the gate needs from the world around it: types only. Whoever wires a gate fills them; tests hand in their
 * own. Ownership: everything in here is borrowed, the caller opens and closes it.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Probe } from '../probe/contract.ts';
import type { ReadinessPaths } from '../probe/readiness.ts';
import type { Store } from '../store/contract.ts';
import type { GateClaim, GateDoc, Incarnation, MemberRecord } from './contract.ts';
import type { EndedJob, GateConfig, GateSelf } from './event.ts';
import type { GateRun } from './report.ts';

/** How the user's migration ended. */
export type MigrationEnd =
  | { readonly ok: true }
  /** `message` for everybody: how it ended and the end of what it said on standard error, without secrets. */
  | { readonly ok: false; readonly message: string };

export interface MigrationRequest {
  /** The fencing token. */
  readonly token: number;
  /** The schema the world has, as far as anybody knows. */
  readonly from: string | null;
  readonly to: string;
  /** Ends the migration. The promise settles only after it has ended, whatever the signal says. */
  readonly signal: AbortSignal;
}

/** What the service that runs the jobs knows. */
export interface JobsFindings {
  /** Members whose job of this attempt has ended without success: they will not come, or not come back. */
  readonly ended: readonly EndedJob[];
  /** Ids of incarnations whose job has ended, however. */
  readonly endedIds: ReadonlySet<string>;
}

export interface JobsEvidence {
  /** At most a few requests for all members together. Never rejects: whoever cannot tell says nothing. */
  look(
    question: { readonly members: readonly string[]; readonly claim: GateClaim | null },
    options: { signal: AbortSignal },
  ): Promise<JobsFindings>;
}

/** What happens, as it happens, for a log. Boards are values. */
export type GateProgress =
  | { readonly kind: 'board'; readonly doc: GateDoc | null }
  | { readonly kind: 'note'; readonly level: 'info' | 'warn'; readonly message: string };

export interface GateOptions {
  readonly store: Store;
  /** From `gateKeySegments`. */
  readonly key: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: GateConfig;
  readonly scope: 'run' | 'environment';
  readonly self: GateSelf;
  /** The reconcile interval. */
  readonly pollMs: number;
  /** False on a store where a beat costs too much: then only proof shows that a holder is dead, never silence. */
  readonly hasBeats: boolean;
  /** Null without `--migrate`; `self.canMigrate` says the same. */
  readonly migrate: ((request: MigrationRequest) => Promise<MigrationEnd>) | null;
  /** Null without `--schema-probe`. */
  readonly schemaProbe: Probe | null;
  /** `--ready`: all of them must be ready. */
  readonly ready: readonly Probe[];
  /** For `wait-for` without `--ready`: how to ask a released member by what it left on the board; null where nobody can. */
  readonly openMemberProbe: (probe: NonNullable<MemberRecord['probe']>) => Promise<Probe | null>;
  readonly paths: ReadinessPaths;
  /** Good answers in a row. */
  readonly successes: number;
  readonly jobs: JobsEvidence | null;
  /** The caller's own cancellation: it leaves the gate, within {@link MAX_LEAVE_MS}. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: GateProgress) => void;
}

/** SIGINT comes 7.5 s before SIGTERM on a runner; by then the others know. */
export const MAX_LEAVE_MS = 6500;

/** What came of it. */
export interface GatePassage {
  readonly doc: GateDoc | null;
  readonly run: GateRun;
  /** True where the caller's own signal ended it; `run` then says `member-left`, unless the gate had been decided. */
  readonly interrupted: boolean;
  /** True where the gate had failed before this caller came, in an attempt that cannot arm it again. */
  readonly wasOver: boolean;
  /** Compare-and-sets of this caller, and how many were lost to others. */
  readonly writes: number;
  readonly conflicts: number;
}

/** For links. */
export type LinkOf = (incarnation: Incarnation) => string | null;
