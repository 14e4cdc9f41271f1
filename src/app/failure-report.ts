/**
 * The result of a command that ended with an error: the shape of its contract with nothing done, so that whoever reads the
 * JSON line needs no second shape. Texts of errors are for the log; here only codes and configuration problems appear.
 */
import { ConfigError, exitCodeOf } from '../base/errors.ts';
import type { CommandName } from '../config/commands.ts';
import { createFailedReport } from '../reaper/report.ts';
import type { CommandResult } from './contract.ts';
import { createFailedGateReport } from './gate-report.ts';
import { createLockReport } from './lock-report.ts';

/** `command` is null where none, or an unknown one, was given; `name` is what it was to be done to, as far as that was said. */
export function createFailureReport(command: CommandName | null, error: Error, name = ''): CommandResult {
  const exitCode = exitCodeOf(error);
  const errors = error instanceof ConfigError ? { errors: error.problems } : {};
  switch (command) {
    case 'reap':
      return { ...createFailedReport(error), ...errors };
    case 'check':
      return {
        ...{
          format: 1,
          command,
          outcome: 'failed',
          name,
          status: 'unknown',
          output: '',
          transitions: 0,
          exitCode,
        },
        ...errors,
      } as CommandResult;
    case 'gate':
      return { ...createFailedGateReport(error), ...errors };
    case 'lock':
      return { ...createLockReport({ outcome: 'failed', name, exitCode }), ...errors };
    case 'assert':
    case 'unlock':
      return {
        format: 1,
        command,
        ...{ outcome: 'failed', name, fencingToken: null },
        exitCode,
        ...errors,
      };
    case 'gc':
      return { format: 1, command, ...{ outcome: 'failed', removed: [], kept: {} }, exitCode, ...errors };
    case 'doctor':
      return {
        format: 1,
        command,
        ...{ outcome: 'failed', store: null, checks: [], costs: null },
        exitCode,
        ...errors,
      };
    case 'status':
      return { format: 1, command, ...{ records: [] }, exitCode, ...errors };
    default:
      return { format: 1, command: command ?? '', exitCode, ...errors };
  }
}
