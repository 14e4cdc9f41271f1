/**
 * The reaper: of all the jobs that ask, one sweeps; the others learn the result. Settings in, one report out.
 * NOT guaranteed: that nobody else deletes meanwhile. Each effect is by immutable id, idempotent, re-verified where old, and
 * checked against the lease right before it is sent. A rule that cannot be evaluated protects.
 *
 *   list (all pages) ─▶ select: one verdict an app ─▶ plan ─▶ apply: per app  pace → assertHeld → destroy → settle
 *                                                                       │ deleted │ gone │ changed │ forbidden │ busy │ failed │ deferred
 *
 * Identities, checked in code: matched = eligible + protected + young + unknownAge + kept, and after an apply
 * eligible = deleted + gone + changed + forbidden + busy + failed + deferred. Every app ends with exactly one outcome.
 */
import type { App } from '../provider/contract.ts';
import type { RoomFigures } from './room.ts';

/** Matches whole names only, in linear time. Made by `reaper/pattern.ts`. */
export interface NamePattern {
  readonly source: string;
  matches(name: string): boolean;
}

/** `*` and `?` over a whole name, or an exact id. Made by `reaper/protect.ts`. */
export interface ProtectRule {
  readonly source: string;
  protects(app: Pick<App, 'id' | 'name'>): boolean;
}

export type ConflictStrategy = 'refresh-and-continue' | 'stop-if-under-limit' | 'stop';

export interface ReapSettings {
  readonly match: NamePattern;
  readonly protect: readonly ProtectRule[];
  /** Null: age alone makes nothing stale (then `limit` is set). */
  readonly olderThanMs: number | null;
  /** How many apps the account may have; null for no limit. */
  readonly limit: number | null;
  /** Free places to keep below the limit. */
  readonly headroom: number;
  /** Nothing younger is ever deleted, whatever the rule. */
  readonly minAgeMs: number;
  readonly maxDeletes: number | null;
  readonly apply: boolean;
  readonly onConflict: ConflictStrategy;
  readonly concurrency: number;
}

export type Verdict = 'eligible' | 'protected' | 'young' | 'unknown-age' | 'kept';
export type AppOutcome = 'deleted' | 'gone' | 'changed' | 'forbidden' | 'busy' | 'failed' | 'deferred';

export type ReapOutcome = 'reaped' | 'clean' | 'planned' | 'skipped' | 'incomplete' | 'failed';

export interface ReapCounts {
  readonly listed: number;
  readonly matched: number;
  readonly eligible: number;
  readonly deleted: number;
  readonly gone: number;
  readonly changed: number;
  readonly protected: number;
  readonly young: number;
  readonly unknownAge: number;
  readonly kept: number;
  readonly forbidden: number;
  readonly busy: number;
  readonly failed: number;
  readonly deferred: number;
}

export interface ReapRequests {
  readonly list: number;
  readonly get: number;
  readonly delete: number;
  readonly other: number;
  readonly throttled: number;
  readonly store: number;
}

/** One matched app in the report. */
export interface AppReport {
  readonly id: string;
  readonly name: string;
  readonly ageMs: number | null;
  readonly verdict: Verdict;
  /** Which rule decided, in words that fit a table: `older than 7 d`, `protected by production-*`. */
  readonly reason: string;
  /** Null where nothing was attempted (not eligible, or a plan). */
  readonly outcome: AppOutcome | null;
}

/** The result of `reap`: the JSON of the contract, field for field. Durations in ms. */
export interface ReapReport {
  readonly format: 1;
  readonly command: 'reap';
  readonly outcome: ReapOutcome;
  readonly reason: string | null;
  readonly counts: ReapCounts;
  readonly requests: ReapRequests;
  readonly fencingToken: number | null;
  readonly holder: string | null;
  readonly waitedMs: number;
  readonly durationMs: number;
  readonly apps: readonly AppReport[];
  readonly exitCode: number;
}

/** What one pass over the provider came to, before lease, waiting and store are added by `reap.ts`. */
export interface PassResult {
  readonly outcome: ReapOutcome;
  readonly reason: string | null;
  readonly counts: ReapCounts;
  readonly requests: Omit<ReapRequests, 'store' | 'throttled'>;
  readonly apps: readonly AppReport[];
  readonly exitCode: number;
  /** For those who wait for room; absent where the list was not complete. */
  readonly room?: RoomFigures;
  /** Exactly where the reason is `full`. */
  readonly full?: FullFinding;
}

/** What a sweep found that could not meet the limit: for the log, and for those who waited meanwhile. */
export interface FullFinding {
  /** When its list was begun, on the sweeper's monotonic clock. */
  readonly listedAtMs: number;
  /** How long after that the next app falls due; null where none will. */
  readonly nextDueMs: number | null;
  /** Who holds the places, as one printable sentence. */
  readonly told: string;
}

/** The reaper's view of the throttle (wired in app/wire.ts). */
export interface Pace {
  take(options: { signal: AbortSignal }): Promise<void>;
  observe(signal: {
    readonly throttled: boolean;
    readonly retryAfterMs?: number;
    readonly remaining?: number;
    readonly limit?: number;
    readonly resetMs?: number;
  }): void;
  delayMs(): number;
  readonly throttledCount: number;
}

/** Progress, for whoever shows it. Names are raw: the host escapes them. */
export type ReapEvent =
  | { readonly kind: 'waiting'; readonly holder: string }
  | { readonly kind: 'acquired'; readonly token: number }
  | { readonly kind: 'page'; readonly page: number; readonly apps: number }
  | { readonly kind: 'planned'; readonly counts: ReapCounts }
  | {
      readonly kind: 'app';
      readonly app: AppReport;
      readonly done: number;
      readonly eligible: number;
      /** When its first deletion was sent, on the monotonic clock; absent where none was. */
      readonly sentAtMs?: number;
    }
  | { readonly kind: 'note'; readonly level: 'info' | 'warn'; readonly message: string };

/**
 * What others may know of past sweeps besides the lease's note, such as a cache (wired in app/wire.ts). Lossy: it may only make
 * a sweep unnecessary. Neither call rejects.
 */
export interface SweepMemory {
  /** The newest sweep of this identity that it knows of. */
  recall(options: { signal: AbortSignal }): Promise<SweepNote | null>;
  /** Told by whoever swept, after the lease was given back. */
  remember(sweep: SweepNote): Promise<void>;
}

/**
 * A past sweep as the tombstone's note carries it, by identity hash. `at` is the sweeper's wall clock, ISO 8601.
 * What an `incomplete` sweep with the reason `full` found is true for a moment only. So it counts for those alone who saw the
 * note appear while they waited, and while its list is as young as a reading has to be for a deletion; whoever comes later
 * lists for itself. Whatever else was left undone counts for nobody.
 */
export interface SweepNote {
  readonly outcome: ReapOutcome;
  readonly counts: ReapCounts;
  readonly at: string;
  /** As in the report; absent in notes of earlier versions, and where there was none. */
  readonly reason?: string;
  /** Exactly where the reason is `full`. Durations by the sweeper's own monotonic clock: no clocks are compared. */
  readonly full?: {
    /** How old the list was when the note was written. */
    readonly listedAgoMs: number;
    /** How long after the list was begun the next app falls due; null where none will. */
    readonly nextDueMs: number | null;
    readonly told: string;
  };
}
