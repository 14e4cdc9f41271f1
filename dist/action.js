"use strict";

const core = require("./chunks/core.js");

const actionVerdict = require("./chunks/action-verdict.js");

const promises = require("node:fs/promises");

const node_path = require("node:path");

const summary = require("./chunks/summary.js");

const MAX_LIST_BYTES = 2e5;

const MAX_TEXT = 4096;

function createOutputs(report) {
 let isTruncated = false;
 const fields = Object.entries(report).map(([name, value]) => {
  if (!Array.isArray(value)) return [ name, value ];
  const kept = cutList(value);
  isTruncated ||= kept.length < value.length;
  return [ name, kept ];
 });
 const result = Object.fromEntries(fields);
 const outputs = new Map(fields.map(([name, value]) => [ core.kebabCase(name), textOf(value) ]));
 outputs.set("truncated", String(isTruncated));
 outputs.set("result", safeJson(isTruncated ? {
  ...result,
  truncated: true
 } : result));
 return {
  outputs: outputs,
  isTruncated: isTruncated
 };
}

function safeJson(value) {
 return JSON.stringify(value).replace(/:(?=:)/g, "\\u003a").replaceAll("##[", "#\\u0023[");
}

function cutList(items) {
 let bytes = 2;
 const end = items.findIndex(item => {
  bytes += Buffer.byteLength(safeJson(item)) + 1;
  return bytes > MAX_LIST_BYTES;
 });
 return end < 0 ? items : items.slice(0, end);
}

function textOf(value) {
 if (value === null || value === undefined) return "";
 if (typeof value === "string") return core.forWorkflowLog(value, MAX_TEXT);
 return safeJson(value);
}

async function publishResult(session, report, renderSummary) {
 const {commands: commands, redact: redact, redactMarkup: redactMarkup} = session;
 const clean = redactAll(report, redact);
 let file = "";
 await attempt(session, "the file of the whole result", async () => {
  file = await writeWhole(session, clean);
 });
 await attempt(session, "the outputs", async () => {
  const {outputs: outputs} = createOutputs(clean);
  for (const [name, value] of outputs) commands.setOutput(name, value);
  commands.setOutput("result-file", file);
 });
 await attempt(session, "the job summary", () => commands.writeSummary(summary.fitSummary(redactMarkup(renderSummary(clean)))));
}

async function attempt({log: log}, what, write) {
 try {
  await write();
 } catch (thrown) {
  log.annotate("warning", `${what} could not be written: ${core.toError(thrown).message}`);
 }
}

async function writeWhole({process: process}, report) {
 const folder = process.env["RUNNER_TEMP"];
 if (!folder) return "";
 const path = node_path.join(folder, `lockstep-${report.command || "result"}-${core.createNonce()}.json`);
 await promises.writeFile(path, `${JSON.stringify(report)}\n`, {
  flag: "wx"
 });
 return path;
}

function redactAll(value, redact) {
 if (typeof value === "string") return redact(value);
 if (Array.isArray(value)) return value.map(item => redactAll(item, redact));
 if (typeof value !== "object" || value === null) return value;
 return Object.fromEntries(Object.entries(value).map(([name, item]) => [ name, redactAll(item, redact) ]));
}

const NOTICED = [ "no-store", "no-permission", "low-quota" ];

async function runAction(process, commands = actionVerdict.workflowCommands) {
 const session = actionVerdict.openStepSession(process, commands);
 let command = null;
 try {
  command = readCommand(session.inputs);
  const resolved = await resolveInputs(session, command);
  const action = await actionVerdict.loadActionCommand(command, core.systemClock);
  const context = await actionVerdict.createStepContext(session);
  const report = await runCommand(session, {
   action: action,
   context: context,
   resolved: resolved
  });
  process.exitCode = conclude(session, {
   action: action,
   report: report,
   resolved: resolved
  });
  await publishResult(session, report, clean => action.renderSummary(clean));
 } catch (thrown) {
  process.exitCode = await reportFailure(session, command, core.toError(thrown));
 } finally {
  session.dispose();
 }
}

function readCommand(inputs) {
 const text = inputs["command"]?.trim() ?? "";
 if (core.isCommandOf("action", text)) return text;
 const known = core.COMMAND_NAMES.filter(name => core.isCommandOf("action", name)).join(", ");
 const message = text === "" ? `is required; one of ${known}` : `"${text}" is not one of ${known}`;
 throw new core.ConfigError([ {
  option: "command",
  message: message
 } ]);
}

async function resolveInputs(session, command) {
 const request = {
  command: command,
  host: "action",
  inputs: session.inputs
 };
 const {file: file, problems: problems} = await core.readConfigFile({
  directory: session.process.cwd(),
  named: core.namedConfigFile(request),
  canRunCode: false
 });
 session.maskConfig(file?.content);
 const resolved = await core.resolveOptions({
  ...request,
  file: file
 });
 return problems.length === 0 ? resolved : {
  ...resolved,
  problems: [ ...problems, ...resolved.problems ]
 };
}

function runCommand(session, parts) {
 const {action: action, context: context, resolved: resolved} = parts;
 const {commands: commands, secrets: secrets, log: log} = session;
 const step = {
  keep(held) {
   if (!actionVerdict.saveHeld(held, {
    commands: commands,
    secrets: secrets
   })) log.annotate("warning", "what this step holds cannot be handed to its post step; it will run out by itself");
  },
  exportVariable: (name, value) => commands.exportVariable(name, value)
 };
 return log.group(`lockstep ${resolved.command}`, () => action.run(context, resolved, step));
}

function conclude({log: log}, parts) {
 const {action: action, report: report, resolved: resolved} = parts;
 const lines = action.renderLog(report);
 for (const line of lines.slice(0, -1)) log.line(line);
 const closing = lines.at(-1) ?? `lockstep ${report.command}: exit code ${report.exitCode}`;
 const verdict = actionVerdict.decideStep(report, {
  failOnIncomplete: resolved.values.failOnIncomplete
 });
 if (verdict.kind === "failure") {
  log.conclude("error", closing);
  return verdict.exitCode;
 }
 const reason = report.reason;
 if (verdict.kind === "warning") log.conclude("warning", closing); else if (NOTICED.includes(String(reason)) && log.notices === 0) log.conclude("notice", closing); else log.line(closing);
 return 0;
}

async function reportFailure(session, command, error) {
 const {log: log} = session;
 const {createFailureReport: createFailureReport} = await Promise.resolve().then(() => require("./chunks/failure-report.js"));
 const report = createFailureReport(command, error);
 if (error instanceof core.ConfigError) {
  for (const {option: option, message: message} of error.problems) log.annotate("error", option ? `${option} ${message}` : message);
 } else {
  const {hint: hint} = error;
  log.conclude("error", hint === undefined ? error.message : `${error.message}. ${hint}`);
 }
 if (core.exitCodeOf(error) === 1) {
  for (const line of (error.stack ?? "").split("\n")) log.line(line);
  log.line("This is a bug in lockstep.");
 }
 const {renderFailureSummary: renderFailureSummary} = await Promise.resolve().then(() => require("./chunks/summary-failure.js"));
 await publishResult(session, report, clean => renderFailureSummary(clean, error));
 return report.exitCode;
}

void runAction(process);
