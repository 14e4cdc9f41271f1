"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const terminalStatus = require("./terminal-status.js");

const core = require("./core.js");

const summary = require("./summary.js");

const MAX_ROWS = 300;

const statusAction = Object.freeze({
 run: (context, resolved) => terminalStatus.runStatus(context, resolved),
 renderLog: report => terminalStatus.statusCommand.render(report, core.createStyle({
  colors: false
 })),
 renderSummary(report) {
  const {records: records} = report;
  if (records.length === 0) return summary.joinParts([ "### lockstep status", "Nobody holds anything, and nobody ever did." ]);
  const rows = records.slice(0, MAX_ROWS).map(record => [ record.kind, core.forMarkdown(record.name, 80), core.forMarkdown(record.state, 40), record.holder === null ? "" : core.forMarkdown(record.holder, 120), record.fencingToken === null ? "" : String(record.fencingToken), record.leaseMs === null ? "" : core.formatDuration(record.leaseMs), record.waiters === null ? "" : String(record.waiters) ]);
  const more = records.length - rows.length;
  return summary.joinParts([ "### lockstep status", summary.renderMarkdownTable([ "kind", "name", "state", "holder", "token", "lease", "waiting" ], rows, [ 4, 5, 6 ]), more > 0 ? `\u2026 and ${more} more.` : "" ]);
 }
});

exports.statusAction = statusAction;
