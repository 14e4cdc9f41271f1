"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const summary = require("./summary.js");

const MAX_ROWS = 100;

function renderFailureSummary(report, error) {
 const title = `### \u274c lockstep ${report.command}`.trimEnd();
 if (error instanceof core.ConfigError) {
  const rows = error.problems.slice(0, MAX_ROWS).map(({option: option, message: message}) => [ core.forMarkdown(option, 120), core.forMarkdown(message, 500) ]);
  return summary.joinParts([ `${title}: the configuration is wrong`, "Nothing was sent.", summary.renderMarkdownTable([ "input", "problem" ], rows) ]);
 }
 const {hint: hint} = error;
 return summary.joinParts([ `${title}: failed`, core.forMarkdown(error.message, 1e3), hint === undefined ? "" : core.forMarkdown(hint, 1e3), `<sub>exit code ${report.exitCode}</sub>` ]);
}

exports.renderFailureSummary = renderFailureSummary;
