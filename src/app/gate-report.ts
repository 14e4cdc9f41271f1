/** The gate's JSON where nothing was passed: an error before, or instead of, an outcome. */
import { ConfigError, type ConfigProblem, exitCodeOf, hasCode } from '../base/errors.ts';
import type { GateReport } from '../gate/report.ts';

/** The configuration is wrong, the job's own name among it: the JSON says `unexpected-member`. */
export class UnexpectedMemberError extends ConfigError {
  readonly gateCode = 'unexpected-member';

  constructor(problems: readonly ConfigProblem[]) {
    super(problems);
  }
}

/** The shape of the contract with nothing done. */
export function createFailedGateReport(error: Error): GateReport {
  const isStranger = (error as Partial<UnexpectedMemberError>).gateCode === 'unexpected-member';
  const isSilent = hasCode(error, 'unavailable') || hasCode(error, 'indeterminate');
  return {
    format: 1,
    command: 'gate',
    outcome: 'failed',
    code: isStranger ? 'unexpected-member' : isSilent ? 'store-unavailable' : null,
    phase: 'announce',
    epoch: 1,
    committed: false,
    token: null,
    waitedMs: 0,
    wakeupsByTimer: 0,
    members: [],
    missing: [],
    behind: [],
    diverged: [],
    lost: [],
    exitCode: exitCodeOf(error),
  };
}
