"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const reap = require("./reap.js");

const gateReport = require("./gate-report.js");

const lockReport = require("./lock-report.js");

function createFailureReport(command, error, name = "") {
 const exitCode = core.exitCodeOf(error);
 const errors = error instanceof core.ConfigError ? {
  errors: error.problems
 } : {};
 switch (command) {
 case "reap":
  return {
   ...reap.createFailedReport(error),
   ...errors
  };

 case "check":
  return {
   ...{
    format: 1,
    command: command,
    outcome: "failed",
    name: name,
    status: "unknown",
    output: "",
    transitions: 0,
    exitCode: exitCode
   },
   ...errors
  };

 case "gate":
  return {
   ...gateReport.createFailedGateReport(error),
   ...errors
  };

 case "lock":
  return {
   ...lockReport.createLockReport({
    outcome: "failed",
    name: name,
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
    name: name,
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

exports.createFailureReport = createFailureReport;
