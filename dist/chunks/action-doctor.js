import { r as renderDoctor, a as runDoctor } from "./terminal-doctor.js";

import { J as forMarkdown, N as createStyle } from "./core.js";

import { j as joinParts, r as renderMarkdownTable } from "./summary.js";

const doctorAction = Object.freeze({
 run: (context, resolved) => runDoctor(context, resolved),
 renderLog: report => renderDoctor(report, createStyle({
  colors: false
 })),
 renderSummary(report) {
  const {checks: checks, costs: costs} = report;
  const rows = checks.map(({status: status, name: name, tried: tried, found: found, hint: hint}) => [ status, forMarkdown(name, 40), forMarkdown(tried, 200), forMarkdown(found, 400), hint === null ? "" : forMarkdown(hint, 400) ]);
  const designs = (costs?.designs ?? []).map(each => [ forMarkdown(each.design, 100), String(each.requests), String(each.writes), each.isWithin ? "yes" : forMarkdown(each.reason, 100) ]);
  return joinParts([ "### lockstep doctor", renderMarkdownTable([ "", "what", "tried", "found", "to do" ], rows, []), designs.length > 0 ? renderMarkdownTable([ "design", "requests", "writes", "fits" ], designs, [ 1, 2 ]) : "" ]);
 }
});

export { doctorAction };
