"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const childProcess = require("./child-process.js");

const core = require("./core.js");

const result = require("./result.js");

const EX_TEMPFAIL = 75;

const TIMEOUT_MS = 3e4;

const MAX_TAIL = 160;

function createCommandProbe(options) {
 const {id: id, target: target, clock: clock, cwd: cwd, env: env, redact: redact, timeoutMs: timeoutMs = TIMEOUT_MS} = options;
 const running = new Set;
 const run = signal => {
  const child = childProcess.runChild({
   ...target,
   cwd: cwd,
   env: env,
   clock: clock,
   timeoutMs: timeoutMs,
   signal: signal
  });
  running.add(child);
  return child.finally(() => running.delete(child));
 };
 return {
  id: id,
  watch: null,
  async probe({signal: signal}) {
   core.throwIfAborted(signal);
   const end = await run(signal);
   if (end.kind === "not-started") return result.unreachable(`the command cannot be started (${end.code})`);
   if (end.kind === "timed-out") return result.unreachable(`not finished within ${core.formatDuration(timeoutMs)}`);
   return judge(end, redact);
  },
  async close() {
   await Promise.allSettled(running);
  }
 };
}

function judge(end, redact) {
 const tail = core.plain(redact(lastLine(end.stderrTail)), MAX_TAIL);
 const said = tail === "" ? "" : `: ${tail}`;
 if (end.exitCode === null) return result.createResult({
  status: "critical",
  detail: `ended by ${end.signalName ?? "a signal"}${said}`
 });
 if (end.exitCode === 0) {
  const body = result.parseDocument(lastLine(end.stdoutTail));
  return result.createResult({
   status: "passing",
   detail: "exit 0",
   ...body === undefined ? {} : {
    body: body
   }
  });
 }
 return result.createResult({
  status: end.exitCode === 1 ? "warning" : "critical",
  detail: `exit ${end.exitCode}${end.exitCode === EX_TEMPFAIL ? " (not yet)" : ""}${said}`,
  hint: end.exitCode === EX_TEMPFAIL ? "pending" : null
 });
}

function lastLine(text) {
 return text.trimEnd().split(/\r\n|\n|\r/).at(-1)?.trim() ?? "";
}

exports.createCommandProbe = createCommandProbe;
