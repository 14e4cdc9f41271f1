/** Help, version, and what to say where no command, or an unknown one, was given. */
import { ConfigError } from '../base/errors.ts';
import type { ParsedArguments } from '../config/arguments.ts';
import { renderHelp } from '../config/help.ts';
import { describeUnknownCommand } from '../config/unknown-name.ts';
import type { HostProcess } from './contract.ts';
import { VERSION } from './version.ts';

/** Prints what was asked for and gives the exit status. ConfigError for an unknown command. */
export function answerWithoutCommand(parsed: ParsedArguments, process: HostProcess): number {
  if (parsed.version) {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  if (parsed.unknownCommand !== null) {
    throw new ConfigError([describeUnknownCommand(parsed.unknownCommand, 'cli')]);
  }
  process.stdout.write(`${renderHelp(parsed.command)}\n`);
  // Without a command nothing was asked for: help is the cure, not the result.
  return parsed.command !== null || parsed.help ? 0 : 2;
}
