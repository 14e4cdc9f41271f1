"use strict";

const core = require("./core.js");

class UnexpectedMemberError extends core.ConfigError {
 gateCode="unexpected-member";
 constructor(problems) {
  super(problems);
 }
}

function createFailedGateReport(error) {
 const isStranger = error.gateCode === "unexpected-member";
 const isSilent = core.hasCode(error, "unavailable") || core.hasCode(error, "indeterminate");
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
  exitCode: core.exitCodeOf(error)
 };
}

exports.UnexpectedMemberError = UnexpectedMemberError;

exports.createFailedGateReport = createFailedGateReport;
