"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const gateView = require("./gate-view.js");

function createGateCommand() {
 let end = null;
 return {
  run(context, resolved) {
   const log = gateView.createGateLog();
   return gateView.runGate({
    ...context,
    onGateEvent(event) {
     if (event.kind === "end") end = event;
     for (const {level: level, message: message} of log.describe(event)) context.logger[level](message);
    }
   }, resolved);
  },
  render: (report, style) => gateView.renderGateReport(report, end, style)
 };
}

exports.createGateCommand = createGateCommand;
