/** Where and for whom a process runs. */
export interface Who {
  /** The machine's name. */
  readonly host: string;
  /** The login name. */
  readonly user: string;
}

/**
 * The seam between hosts and commands. A host (terminal, Actions runner, test runner) reads its world into a CommandContext
 * and resolved options; a command returns one result value; the host renders it and sets the exit status.
 * Invariant: nothing below the host reads the environment, writes to a stream or exits.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { GatePhase } from '../gate/contract.ts';
import type { MemberView } from '../gate/member-view.ts';
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
    readonly pid: number;
    /** Asked only where a text names this process. */
    who(): Promise<Who>;
    /** How to start this program again: node, its own options, the entry. */
    readonly execPath: string;
    readonly execArgv: readonly string[];
    readonly entry: string;
  };
  /**
   * Takes the interrupting signals over while the user's command runs: each one goes to the listener, the first has aborted
   * `signal` before, and the host does not end by itself. Call the result to hand them back; then the host's grace begins.
   * Absent where no signals come, or where the host never ends by itself.
   */
  takeSignals?(listener: (signalName: 'SIGINT' | 'SIGTERM') => void): () => void;
  /** True in a step of a workflow: what has no end of its own needs one. */
  readonly mustEnd?: boolean;
  /**
   * True at a person's terminal: the keyboard's interrupt reaches the user's command without our doing. To be asked only where
   * it matters: finding out loads node's streams.
   */
  hasTerminal?(): boolean;
  /** The user's own command after `--`; null without one. */
  readonly rest: readonly string[] | null;
  /**
   * True in a pull request from a fork (or Dependabot's): the token may only read and secrets are empty, rightly so. A command
   * that cannot work there is skipped with one notice.
   */
  readonly isForkPullRequest?: boolean;
  /** What the user's own commands start with; the host's environment where absent. Holds no credential given to lockstep alone. */
  readonly childEnv?: Readonly<Record<string, string | undefined>>;
  /** Hides the secrets that the host knows. For what others' commands print, before it is cut or leaves this process. */
  redact?(text: string): string;
  /** Gives a variable to the later steps of the job. Absent outside a step of an Action. */
  exportVariable?(name: string, value: string): void;
  /** One line a person should read although all is well; hosts without such a thing get a warning in the log. */
  onNotice?(message: string): void;
  /** Progress of a sweep, for a host that shows it. */
  onReapEvent?(event: ReapEvent): void;
  /** Progress at a gate: changes of state only. */
  onGateEvent?(event: GateEvent): void;
  /** Each change of a check, once. */
  onCheckEvent?(event: CheckEvent): void;
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
  /** More for people: since when, what a check mirrors and how old it is. Raw: the host escapes it. */
  readonly detail: string | null;
}

export interface StatusReport {
  readonly format: 1;
  readonly command: 'status';
  readonly records: readonly StatusRecord[];
  readonly exitCode: number;
}

/** What a member sees at a gate, for the log and the summary's timeline. Views are printable already. */
export type GateEvent =
  | {
      readonly kind: 'members';
      /** Those whose state changed since the last event; the whole board the first time. */
      readonly changed: readonly MemberView[];
      readonly phase: GatePhase;
      readonly epoch: number;
      /** Since the command began. */
      readonly atMs: number;
    }
  | { readonly kind: 'note'; readonly level: 'info' | 'warn'; readonly message: string }
  /** The last one: what the end's report shows beside the JSON. */
  | {
      readonly kind: 'end';
      readonly headline: string;
      readonly views: readonly MemberView[];
      /** What to do, where there is something. */
      readonly hint: string | null;
      readonly atMs: number;
    };

/** The result of `check`: the JSON of the contract. */
export interface CheckReport {
  readonly format: 1;
  readonly command: 'check';
  readonly outcome: 'set' | 'read' | 'reached' | 'timeout' | 'stopped' | 'replaced' | 'failed';
  readonly name: string;
  readonly status: 'passing' | 'warning' | 'critical' | 'unknown';
  readonly output: string;
  readonly transitions: number;
  readonly exitCode: number;
}

/** A change of a check's status as a command saw it, for the log and the summary's timeline. */
export interface CheckEvent {
  readonly name: string;
  readonly from: CheckReport['status'] | null;
  readonly to: CheckReport['status'];
  /** What caused it; null where nothing can be named. Raw: the host escapes it. */
  readonly upstream: string | null;
  readonly output: string;
  /** Since the command began. */
  readonly atMs: number;
}

/** What every command's JSON result has. */
export interface CommandResult {
  readonly format: 1;
  readonly command: string;
  readonly exitCode: number;
  /** Present on a configuration error. */
  readonly errors?: readonly { readonly option: string; readonly message: string }[];
}
