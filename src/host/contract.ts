/** What the parts of the hosts share: node's process as they use it, how a command runs and reads in a terminal and in a step. */
import type { CommandContext, CommandResult } from '../app/contract.ts';
import type { CommandName } from '../config/commands.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { TerminalStyle } from './terminal.ts';

/** The part of node's process that the host uses; a test hands in its own. */
export type HostProcess = Pick<
  NodeJS.Process,
  'argv' | 'execPath' | 'execArgv' | 'env' | 'on' | 'off' | 'stdout' | 'stderr' | 'pid' | 'cwd' | 'exit'
> & { exitCode?: NodeJS.Process['exitCode']; stdin?: { isTTY?: boolean } };

/** How a command runs here and how its report reads. */
export interface TerminalCommand {
  run(context: CommandContext, resolved: ResolvedOptions<CommandName>): Promise<CommandResult>;
  /** For standard output; empty where the command has shown all itself. */
  render(report: CommandResult, style: TerminalStyle): readonly string[];
  /** True where a command of the user's may have left an unfinished line on standard output: JSON then starts a new one. */
  hasForeignOutput?(report: CommandResult): boolean;
}

/**
 * What the main step still holds when it ends, as it travels to the post step in the step's state (`STATE_held`): where its
 * lease agent listens and how to prove that one is the same step. Never a credential; whatever looks like one is dropped.
 */
export interface HeldLease {
  /** Whose `giveBack` ends it. */
  readonly command: CommandName;
  /** The lock's name, for people. */
  readonly name: string;
  readonly socketPath: string;
  readonly nonce: string;
  readonly fencingToken: number;
}

/** What a command may do to the step it runs in, beyond its result. */
export interface ActionStep {
  /** Leaves something for the post step to give back. Call it as soon as it is held: a cancelled step still runs post. */
  keep(held: HeldLease): void;
  /** A variable for the later steps of the job, such as `LOCKSTEP_FENCING_TOKEN`. */
  exportVariable(name: string, value: string): void;
}

/** How a command runs as a step of a workflow and how its report reads there. One entry each in host/action-commands.ts. */
export interface ActionCommand {
  run(
    context: CommandContext,
    resolved: ResolvedOptions<CommandName>,
    step: ActionStep,
  ): Promise<CommandResult>;
  /** For the step's log, raw. The last line is the closing sentence: it becomes the annotation where the step fails or warns. */
  renderLog(report: CommandResult): readonly string[];
  /** GitHub Markdown for the job summary; text from outside has passed `forMarkdown`. */
  renderSummary(report: CommandResult): string;
  /** Post: ends what main kept. Its exit code is the post step's. Absent where nothing outlives main. */
  giveBack?(held: HeldLease, context: CommandContext): Promise<CommandResult>;
}
