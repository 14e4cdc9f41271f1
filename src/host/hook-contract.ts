/**
 * What a test runner hook is made of: the runner's own facts, one section per command, and what a section holds until the
 * tests have ended. A new section is a file `hook-NAME.ts` and one entry in hook-sections.ts.
 */
import type { CommandContext, CommandResult } from '../app/contract.ts';
import type { LogLevel } from '../base/logger.ts';
import type { HookCommand, HookOptions } from '../config/hook-options.ts';
import type { ResolvedOptions } from '../config/resolve.ts';

/** What a runner's entry hands over. */
export interface HookRequest {
  /** Where the config file is looked for and relative paths start; the working directory unless given. */
  readonly rootDir?: string | undefined;
  /** The user's own object, where the hook was made by a factory. */
  readonly options?: HookOptions | undefined;
  /** Gives results to the tests where the environment does not reach them. Absent where it does. */
  readonly provide?: ((results: Readonly<Record<string, CommandResult>>) => void) | undefined;
}

/** What came of a section. */
export interface HookOutcome {
  readonly report: CommandResult;
  /** One sentence for the runner's output, printable. */
  readonly summary: string;
  readonly level: LogLevel;
  /** Gives back what the section holds; called once, in teardown, or at once where the set-up fails. */
  readonly release?: () => Promise<void>;
}

/** One command as a part of the set-up. */
export interface HookSection {
  readonly command: HookCommand;
  /** The option whose `LOCKSTEP_*` variable alone makes the section present; null where none does. */
  readonly startedBy: string | null;
  /** `always`: a bad result fails the tests. Otherwise it does only with `failOnError`. */
  readonly failsTests: 'always' | 'with-fail-on-error';
  /** Loads the command and runs it. Rejects as the command does. */
  run(context: CommandContext, resolved: ResolvedOptions<HookCommand>): Promise<HookOutcome>;
}
