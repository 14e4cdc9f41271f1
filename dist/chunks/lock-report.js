"use strict";

function createLockReport(parts) {
 return {
  format: 1,
  command: "lock",
  outcome: parts.outcome,
  name: parts.name,
  fencingToken: parts.fencingToken ?? null,
  waitedMs: parts.waitedMs ?? 0,
  heldMs: parts.heldMs ?? 0,
  childExitCode: parts.childExitCode ?? null,
  holder: parts.holder ?? null,
  exitCode: parts.exitCode
 };
}

exports.createLockReport = createLockReport;
