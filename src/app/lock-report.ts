/** The results of `lock`, `assert`, `unlock` and `gc`, and how a lock's is made. Plain values; texts of errors are for the log. */

export type LockOutcome = 'ran' | 'skipped' | 'busy' | 'lost' | 'failed';

/** The result of `lock`. */
export interface LockReport {
  readonly format: 1;
  readonly command: 'lock';
  readonly outcome: LockOutcome;
  readonly name: string;
  /** Null where it was never held. */
  readonly fencingToken: number | null;
  /** From the start until it was held, or given up. */
  readonly waitedMs: number;
  readonly heldMs: number;
  /** As a shell tells it; null where no command was run. */
  readonly childExitCode: number | null;
  /** Who held it when it was not obtained. */
  readonly holder: string | null;
  readonly exitCode: number;
}

export interface AssertReport {
  readonly format: 1;
  readonly command: 'assert';
  readonly outcome: 'held' | 'lost' | 'failed';
  readonly name: string;
  /** The token that was asked about. */
  readonly fencingToken: number | null;
  readonly exitCode: number;
}

export interface UnlockReport {
  readonly format: 1;
  readonly command: 'unlock';
  readonly outcome: 'freed' | 'free' | 'failed';
  readonly name: string;
  /** The token of the tombstone: the next holder's is higher. Null where it was free. */
  readonly fencingToken: number | null;
  readonly exitCode: number;
}

/** The report of a lock, with nothing done unless said. */
export function createLockReport(
  parts: Pick<LockReport, 'outcome' | 'name' | 'exitCode'> & Partial<LockReport>,
): LockReport {
  return {
    format: 1,
    command: 'lock',
    outcome: parts.outcome,
    name: parts.name,
    fencingToken: parts.fencingToken ?? null,
    waitedMs: parts.waitedMs ?? 0,
    heldMs: parts.heldMs ?? 0,
    childExitCode: parts.childExitCode ?? null,
    holder: parts.holder ?? null,
    exitCode: parts.exitCode,
  };
}
