"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const terminalCheck = require("./terminal-check.js");

const core = require("./core.js");

const summary = require("./summary.js");

const summaryTimeline = require("./summary-timeline.js");

const KINDS = {
 passing: "done",
 warning: "normal",
 critical: "trouble",
 unknown: "normal"
};

function createCheckAction(clock) {
 const events = [];
 const startMs = clock.monotonicMs();
 return {
  run: (context, resolved) => terminalCheck.runCheck({
   ...context,
   mustEnd: true,
   onCheckEvent(event) {
    events.push(event);
    context.logger.info(terminalCheck.describeCheckEvent(event));
   }
  }, resolved),
  renderLog(report) {
   const closing = terminalCheck.describeCheck(report, core.createStyle({
    colors: false
   }));
   const advice = ADVICE[report.outcome];
   return [ advice === undefined ? closing : `${closing} \u2192 ${advice}` ];
  },
  renderSummary: report => renderCheckSummary(report, events, clock.monotonicMs() - startMs)
 };
}

const ADVICE = Object.freeze({
 timeout: "look at the job or service that publishes it, or wait longer (timeout)",
 replaced: "let only one job at a time mirror a check of this name"
});

function renderCheckSummary(report, events, endMs) {
 const rows = events.slice(-200).map(event => [ core.formatDuration(event.atMs), event.from === null ? event.to : `${event.from} \u2192 ${event.to}`, event.upstream === null ? "" : core.forMarkdown(event.upstream, 120), core.forMarkdown(event.output, 200) ]);
 return summary.joinParts([ `### lockstep check ${core.forMarkdown(report.name, 120)}`, `**${report.status}** (${report.outcome})${report.output === "" ? "" : `: ${core.forMarkdown(report.output, 300)}`}`, ADVICE[report.outcome] ?? "", rows.length > 0 ? summary.renderMarkdownTable([ "after", "status", "by", "because" ], rows, [ 0 ]) : "", summaryTimeline.renderTimeline([ {
  title: "Status",
  bars: barsOf(events.slice(-60), endMs)
 } ]), events.length > rows.length ? `${events.length - rows.length} earlier changes are in the log.` : "" ]);
}

function barsOf(events, endMs) {
 return events.map((event, at) => ({
  word: event.to,
  name: event.upstream === null ? "" : `by ${event.upstream}`,
  startMs: event.atMs,
  endMs: Math.max(event.atMs, events[at + 1]?.atMs ?? endMs),
  kind: KINDS[event.to]
 }));
}

exports.createCheckAction = createCheckAction;

exports.renderCheckSummary = renderCheckSummary;
