import { b as renderGateReport, a as runGate, d as createGateLog } from "./gate-view.js";

function createGateCommand() {
 let end = null;
 return {
  run(context, resolved) {
   const log = createGateLog();
   return runGate({
    ...context,
    onGateEvent(event) {
     if (event.kind === "end") end = event;
     for (const {level: level, message: message} of log.describe(event)) context.logger[level](message);
    }
   }, resolved);
  },
  render: (report, style) => renderGateReport(report, end, style)
 };
}

export { createGateCommand };
