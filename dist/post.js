import { v as systemClock, e as exitCodeOf, c as toError } from "./chunks/core.js";

import { w as workflowCommands, r as readHeld, o as openStepSession, l as loadActionCommand, c as createStepContext, d as decideStep } from "./chunks/action-verdict.js";

async function runPost(process, commands = workflowCommands) {
 const held = readHeld(process.env);
 if (held === null) return;
 const session = openStepSession(process, commands);
 const {log: log} = session;
 try {
  const action = await loadActionCommand(held.command, systemClock);
  if (!action.giveBack) return;
  const report = await action.giveBack(held, await createStepContext(session));
  const lines = action.renderLog(report);
  for (const line of lines.slice(0, -1)) log.line(line);
  const closing = lines.at(-1) ?? `lockstep ${report.command}: exit code ${report.exitCode}`;
  const verdict = decideStep(report, {
   failOnIncomplete: false
  });
  process.exitCode = verdict.kind === "failure" ? verdict.exitCode : 0;
  if (verdict.kind === "failure") log.conclude("error", closing); else log.line(closing);
 } catch (thrown) {
  const error = toError(thrown);
  const {hint: hint} = error;
  log.conclude("error", hint === undefined ? error.message : `${error.message}. ${hint}`);
  process.exitCode = exitCodeOf(error);
 } finally {
  session.dispose();
 }
}

await runPost(process);
