import { e as exitCodeOf, a as ConfigError } from './errors.js';
import { d as createFailedReport } from './report.js';

/**
 * The result of a command that ended with an error: the shape of its contract with nothing done, so that whoever reads the
 * JSON line needs no second shape. Texts of errors are for the log; here only codes and configuration problems appear.
 */
                                                   

/** `command` is null where none, or an unknown one, was given. */
function createFailureReport(command                    , error       )                {
  const exitCode = exitCodeOf(error);
  const errors = error instanceof ConfigError ? { errors: error.problems } : {};
  switch (command) {
    case 'reap':
      return { ...createFailedReport(error), ...errors };
    case 'status':
      return { format: 1, command, ...{ records: [] }, exitCode, ...errors };
    default:
      return { format: 1, command: command ?? '', exitCode, ...errors };
  }
}

export { createFailureReport };
