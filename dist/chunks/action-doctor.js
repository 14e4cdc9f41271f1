"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const terminalDoctor = require("./terminal-doctor.js");

const core = require("./core.js");

const summary = require("./summary.js");

const doctorAction = Object.freeze({
 run: (context, resolved) => terminalDoctor.runDoctor(context, resolved),
 renderLog: report => terminalDoctor.renderDoctor(report, core.createStyle({
  colors: false
 })),
 renderSummary(report) {
  const {checks: checks, costs: costs} = report;
  const rows = checks.map(({status: status, name: name, tried: tried, found: found, hint: hint}) => [ status, core.forMarkdown(name, 40), core.forMarkdown(tried, 200), core.forMarkdown(found, 400), hint === null ? "" : core.forMarkdown(hint, 400) ]);
  const designs = (costs?.designs ?? []).map(each => [ core.forMarkdown(each.design, 100), String(each.requests), String(each.writes), each.isWithin ? "yes" : core.forMarkdown(each.reason, 100) ]);
  return summary.joinParts([ "### lockstep doctor", summary.renderMarkdownTable([ "", "what", "tried", "found", "to do" ], rows, []), designs.length > 0 ? summary.renderMarkdownTable([ "design", "requests", "writes", "fits" ], designs, [ 1, 2 ]) : "" ]);
 }
});

exports.doctorAction = doctorAction;
