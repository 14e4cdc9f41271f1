/** What the parts of the hosts share: node's process as they use it, and how a command runs and reads in a terminal. */
import type { CommandContext, CommandResult } from '../app/contract.ts';
import type { CommandName } from '../config/commands.ts';
import type { ResolvedOptions } from '../config/resolve.ts';
import type { TerminalStyle } from './terminal.ts';

/** The part of node's process that the host uses; a test hands in its own. */
export type HostProcess = Pick<
  NodeJS.Process,
  'argv' | 'execPath' | 'execArgv' | 'env' | 'on' | 'off' | 'stdout' | 'stderr' | 'pid' | 'cwd' | 'exit'
> & { exitCode?: NodeJS.Process['exitCode'] };

/** How a command runs here and how its report reads. */
export interface TerminalCommand {
  run(context: CommandContext, resolved: ResolvedOptions<CommandName>): Promise<CommandResult>;
  /** For standard output; empty where the command has shown all itself. */
  render(report: CommandResult, style: TerminalStyle): readonly string[];
}
