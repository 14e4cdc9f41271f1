import { e as exitCodeOf, C as ConfigError } from "./core.js";

import { c as createFailedReport } from "./reap.js";

import { c as createFailedGateReport } from "./gate-report.js";

import { c as createLockReport } from "./lock-report.js";

function createFailureReport(command, error) {
 const exitCode = exitCodeOf(error);
 const errors = error instanceof ConfigError ? {
  errors: error.problems
 } : {};
 switch (command) {
 case "reap":
  return {
   ...createFailedReport(error),
   ...errors
  };

 case "check":
  return {
   ...{
    format: 1,
    command: command,
    outcome: "failed",
    name: "",
    status: "unknown",
    output: "",
    transitions: 0,
    exitCode: exitCode
   },
   ...errors
  };

 case "gate":
  return {
   ...createFailedGateReport(error),
   ...errors
  };

 case "lock":
  return {
   ...createLockReport({
    outcome: "failed",
    name: "",
    exitCode: exitCode
   }),
   ...errors
  };

 case "assert":
 case "unlock":
  return {
   format: 1,
   command: command,
   ...{
    outcome: "failed",
    name: "",
    fencingToken: null
   },
   exitCode: exitCode,
   ...errors
  };

 case "gc":
  return {
   format: 1,
   command: command,
   ...{
    outcome: "failed",
    removed: [],
    kept: {}
   },
   exitCode: exitCode,
   ...errors
  };

 case "doctor":
  return {
   format: 1,
   command: command,
   ...{
    outcome: "failed",
    store: null,
    checks: [],
    costs: null
   },
   exitCode: exitCode,
   ...errors
  };

 case "status":
  return {
   format: 1,
   command: command,
   ...{
    records: []
   },
   exitCode: exitCode,
   ...errors
  };

 default:
  return {
   format: 1,
   command: command ?? "",
   exitCode: exitCode,
   ...errors
  };
 }
}

export { createFailureReport };
