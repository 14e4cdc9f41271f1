import { s as statusCommand, r as runStatus } from "./terminal-status.js";

import { J as forMarkdown, f as formatDuration, N as createStyle } from "./core.js";

import { j as joinParts, r as renderMarkdownTable } from "./summary.js";

const MAX_ROWS = 300;

const statusAction = Object.freeze({
 run: (context, resolved) => runStatus(context, resolved),
 renderLog: report => statusCommand.render(report, createStyle({
  colors: false
 })),
 renderSummary(report) {
  const {records: records} = report;
  if (records.length === 0) return joinParts([ "### lockstep status", "Nobody holds anything, and nobody ever did." ]);
  const rows = records.slice(0, MAX_ROWS).map(record => [ record.kind, forMarkdown(record.name, 80), forMarkdown(record.state, 40), record.holder === null ? "" : forMarkdown(record.holder, 120), record.fencingToken === null ? "" : String(record.fencingToken), record.leaseMs === null ? "" : formatDuration(record.leaseMs), record.waiters === null ? "" : String(record.waiters) ]);
  const more = records.length - rows.length;
  return joinParts([ "### lockstep status", renderMarkdownTable([ "kind", "name", "state", "holder", "token", "lease", "waiting" ], rows, [ 4, 5, 6 ]), more > 0 ? `\u2026 and ${more} more.` : "" ]);
 }
});

export { statusAction };
