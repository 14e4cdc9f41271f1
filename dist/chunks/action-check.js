import { d as describeCheck, r as runCheck, a as describeCheckEvent } from "./terminal-check.js";

import { f as formatDuration, J as forMarkdown, N as createStyle } from "./core.js";

import { j as joinParts, r as renderMarkdownTable } from "./summary.js";

function createCheckAction() {
 const events = [];
 return {
  run: (context, resolved) => runCheck({
   ...context,
   mustEnd: true,
   onCheckEvent(event) {
    events.push(event);
    context.logger.info(describeCheckEvent(event));
   }
  }, resolved),
  renderLog: report => [ describeCheck(report, createStyle({
   colors: false
  })) ],
  renderSummary: report => renderCheckSummary(report, events)
 };
}

function renderCheckSummary(report, events) {
 const rows = events.slice(-200).map(event => [ formatDuration(event.atMs), event.from === null ? event.to : `${event.from} \u2192 ${event.to}`, event.upstream === null ? "" : forMarkdown(event.upstream, 120), forMarkdown(event.output, 200) ]);
 return joinParts([ `### lockstep check ${forMarkdown(report.name, 120)}`, `**${report.status}** (${report.outcome})${report.output === "" ? "" : `: ${forMarkdown(report.output, 300)}`}`, rows.length > 0 ? renderMarkdownTable([ "after", "status", "by", "because" ], rows, [ 0 ]) : "", events.length > rows.length ? `${events.length - rows.length} earlier changes are in the log.` : "" ]);
}

export { createCheckAction, renderCheckSummary };
