import { r as renderGateSummary, a as runGate, c as createGateTimes, b as renderGateReport, d as createGateLog, e as adviceLines } from "./gate-view.js";

import { N as createStyle } from "./core.js";

function createGateAction() {
 const times = createGateTimes();
 let end = null;
 return {
  run(context, resolved) {
   const log = createGateLog();
   return runGate({
    ...context,
    onGateEvent(event) {
     times.onEvent(event);
     if (event.kind === "end") end = event;
     for (const {level: level, message: message} of log.describe(event)) context.logger[level](message);
    }
   }, resolved);
  },
  renderLog(report) {
   const gate = report;
   const table = renderGateReport(gate, end, createStyle({
    colors: false
   }));
   const closing = end ? [ end.headline, ...adviceLines(gate, end) ].join(" \u2192 ") : "";
   return [ ...table.slice(0, table.indexOf("")), closing ].filter(line => line !== "");
  },
  renderSummary: report => renderGateSummary(report, end, times.read(end?.atMs ?? 0))
 };
}

export { createGateAction };
