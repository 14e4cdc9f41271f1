/**
 * The seam between hosts and commands. A host (terminal, Actions runner, test runner) reads its world into a CommandContext
 * and resolved options; a command returns one result value; the host renders it and sets the exit status.
 * Invariant: nothing below the host reads the environment, writes to a stream or exits.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { ReapEvent } from '../reaper/contract.ts';
import type { DemoSnapshot } from './demo/demo-story.ts';

export interface CommandContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The host's environment, read once. Commands look up only the names of the contract and their provider's own. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start. */
  readonly cwd: string;
  /** Aborts with CancelledError (with `signalName`) when the user or the runner interrupts. */
  readonly signal: AbortSignal;
  /** True inside GitHub Actions (any host): decides the default store. */
  readonly isRunner: boolean;
  /** This process: for holder texts, and to start others like it. */
  readonly process: {
    readonly host: string;
    readonly pid: number;
    readonly user: string;
    /** How to start this program again: node, its own options, the entry. */
    readonly execPath: string;
    readonly execArgv: readonly string[];
    readonly entry: string;
  };
  /** The user's own command after `--`; null without one. */
  readonly rest: readonly string[] | null;
  /**
   * True in a pull request from a fork (or Dependabot's): the token may only read and secrets are empty, rightly so. A command
   * that cannot work there is skipped with one notice.
   */
  readonly isForkPullRequest?: boolean;
  /** What the user's own commands start with; the host's environment where absent. Holds no credential given to lockstep alone. */
  readonly childEnv?: Readonly<Record<string, string | undefined>>;
  /** One line a person should read although all is well; hosts without such a thing get a warning in the log. */
  onNotice?(message: string): void;
  /** Progress of a sweep, for a host that shows it. */
  onReapEvent?(event: ReapEvent): void;
  /** Pictures of a demonstration, for a host that shows them. */
  onDemoSnapshot?(snapshot: DemoSnapshot): void;
}

/** One record of `status`. */
export interface StatusRecord {
  readonly kind: 'lock' | 'reap' | 'gate' | 'check';
  readonly name: string;
  readonly state: string;
  readonly holder: string | null;
  readonly fencingToken: number | null;
  readonly leaseMs: number | null;
  readonly waiters: number | null;
  readonly url: string | null;
}

export interface StatusReport {
  readonly format: 1;
  readonly command: 'status';
  readonly records: readonly StatusRecord[];
  readonly exitCode: number;
}

/** What every command's JSON result has. */
export interface CommandResult {
  readonly format: 1;
  readonly command: string;
  readonly exitCode: number;
  /** Present on a configuration error. */
  readonly errors?: readonly { readonly option: string; readonly message: string }[];
}
