import { b as hasCode, e as exitCodeOf, C as ConfigError } from "./core.js";

class UnexpectedMemberError extends ConfigError {
 gateCode="unexpected-member";
 constructor(problems) {
  super(problems);
 }
}

function createFailedGateReport(error) {
 const isStranger = error.gateCode === "unexpected-member";
 const isSilent = hasCode(error, "unavailable") || hasCode(error, "indeterminate");
 return {
  format: 1,
  command: "gate",
  outcome: "failed",
  code: isStranger ? "unexpected-member" : isSilent ? "store-unavailable" : null,
  phase: "announce",
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
  exitCode: exitCodeOf(error)
 };
}

export { UnexpectedMemberError as U, createFailedGateReport as c };
