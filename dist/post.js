"use strict";

const core = require("./chunks/core.js");

const actionVerdict = require("./chunks/action-verdict.js");

async function runPost(process, commands = actionVerdict.workflowCommands) {
 const held = actionVerdict.readHeld(process.env);
 if (held === null) return;
 const session = actionVerdict.openStepSession(process, commands);
 const {log: log} = session;
 try {
  const action = await actionVerdict.loadActionCommand(held.command, core.systemClock);
  if (!action.giveBack) return;
  const report = await action.giveBack(held, await actionVerdict.createStepContext(session));
  const lines = action.renderLog(report);
  for (const line of lines.slice(0, -1)) log.line(line);
  const closing = lines.at(-1) ?? `lockstep ${report.command}: exit code ${report.exitCode}`;
  const verdict = actionVerdict.decideStep(report, {
   failOnIncomplete: false
  });
  process.exitCode = verdict.kind === "failure" ? verdict.exitCode : 0;
  if (verdict.kind === "failure") log.conclude("error", closing); else log.line(closing);
 } catch (thrown) {
  const error = core.toError(thrown);
  const {hint: hint} = error;
  log.conclude("error", hint === undefined ? error.message : `${error.message}. ${hint}`);
  process.exitCode = core.exitCodeOf(error);
 } finally {
  session.dispose();
 }
}

void runPost(process);
