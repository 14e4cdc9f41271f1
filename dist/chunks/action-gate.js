"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const gateView = require("./gate-view.js");

const core = require("./core.js");

function createGateAction() {
 const times = gateView.createGateTimes();
 let end = null;
 return {
  run(context, resolved) {
   const log = gateView.createGateLog();
   return gateView.runGate({
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
   const table = gateView.renderGateReport(gate, end, core.createStyle({
    colors: false
   }));
   const closing = end ? [ end.headline, ...gateView.adviceLines(gate, end) ].join(" \u2192 ") : "";
   return [ ...table.slice(0, table.indexOf("")), closing ].filter(line => line !== "");
  },
  renderSummary: report => gateView.renderGateSummary(report, end, times.read(end?.atMs ?? 0))
 };
}

exports.createGateAction = createGateAction;
