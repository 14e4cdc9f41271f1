/**
 * One pass of an acquisition as those see it who decide when the next is due: what it is given, what it can come to, and what a
 * process remembers of a key between passes. Types only; the passes are made in acquisition.ts.
 */
import type { HolderInfo, LeaseEntry, LeaseTicket, LeaseView, ReleaseResult } from './contract.ts';
import type { Observation } from './observation.ts';
import type { Confirmation } from './timing.ts';

/** What this process knows of a key, shared by all its acquisitions. */
export interface KeyMemory {
  observation: Observation;
  /** Nonces whose holder is proven dead. */
  dead: ReadonlySet<string>;
}

export interface PassOptions {
  signal: AbortSignal;
  /** Asked about each record before it is judged: true ends the pass, there is nothing left to do. */
  isDone?: ((view: LeaseView) => boolean) | undefined;
}

export type Pass =
  | {
      readonly kind: 'owned';
      readonly view: LeaseView;
      readonly entry: LeaseEntry;
      readonly confirmation: Confirmation;
    }
  | {
      readonly kind: 'busy';
      readonly view: LeaseView;
      readonly holder: HolderInfo;
      readonly holderNonce: string;
      readonly retryAfterMs: number;
      /** Those in the way that are worth observing. */
      readonly suspects: readonly LeaseTicket[];
    }
  /** A race was lost, or a write is in doubt: another pass tells more. `seen` saves its read. */
  | { readonly kind: 'again'; readonly seen: LeaseView | null; readonly doubt: Error | null }
  | { readonly kind: 'done' };

export interface Acquisition {
  /** Errors: those of the store that say that nothing was applied; CorruptRecordError, ConfigError. */
  pass(seen: LeaseView | null, options: PassOptions): Promise<Pass>;
  /** Why the last write is in doubt; null where none is. */
  readonly doubt: Error | null;
  /** How long until the own ticket needs a sign of life; Infinity without one. */
  ticketDueInMs(): number;
  /** Takes out whatever may have landed; null where nothing can have. */
  abandon(): Promise<ReleaseResult> | null;
}
