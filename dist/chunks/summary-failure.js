import { C as ConfigError, J as forMarkdown } from "./core.js";

import { j as joinParts, r as renderMarkdownTable } from "./summary.js";

const MAX_ROWS = 100;

function renderFailureSummary(report, error) {
 const title = `### \u274c lockstep ${report.command}`.trimEnd();
 if (error instanceof ConfigError) {
  const rows = error.problems.slice(0, MAX_ROWS).map(({option: option, message: message}) => [ forMarkdown(option, 120), forMarkdown(message, 500) ]);
  return joinParts([ `${title}: the configuration is wrong`, "Nothing was sent.", renderMarkdownTable([ "input", "problem" ], rows) ]);
 }
 const {hint: hint} = error;
 return joinParts([ `${title}: failed`, forMarkdown(error.message, 1e3), hint === undefined ? "" : forMarkdown(hint, 1e3), `<sub>exit code ${report.exitCode}</sub>` ]);
}

export { renderFailureSummary };
