"use strict";

const node_child_process = require("node:child_process");

const core = require("./core.js");

const STDOUT_TAIL_BYTES = 64 * 1024;

const STDERR_TAIL_BYTES = 4 * 1024;

const KILL_AFTER_MS = 500;

const DRAIN_MS = 200;

function runChild(run) {
 const {clock: clock, signal: signal} = run;
 core.throwIfAborted(signal);
 const child = start(run);
 if ("code" in child) return Promise.resolve({
  kind: "not-started",
  code: child.code
 });
 return new Promise((resolve, reject) => {
  const {maxStdoutBytes: maxStdoutBytes = Number.POSITIVE_INFINITY} = run;
  const stdout = collectTail(child.stdout, {
   limitBytes: run.maxStdoutBytes ?? STDOUT_TAIL_BYTES,
   onBytes: bytes => {
    if (bytes > maxStdoutBytes) stop("too-much");
   }
  });
  const stderr = collectTail(child.stderr, {
   limitBytes: STDERR_TAIL_BYTES
  });
  const {onOutput: onOutput} = run;
  if (onOutput) {
   child.stdout.on("data", chunk => onOutput("stdout", chunk));
   child.stderr.on("data", chunk => onOutput("stderr", chunk));
  }
  const timers = new Set;
  let stopped = null;
  let settled = false;
  const settle = act => {
   if (settled) return;
   settled = true;
   for (const timer of timers) timer.cancel();
   signal.removeEventListener("abort", onAbort);
   child.stdout.destroy();
   child.stderr.destroy();
   act();
  };
  const stop = why => {
   if (stopped !== null) return;
   stopped = why;
   killGroup(child, "SIGTERM");
   timers.add(clock.startTimer(run.killAfterMs ?? KILL_AFTER_MS, () => killGroup(child, "SIGKILL")));
  };
  const onAbort = () => stop("aborted");
  const end = (exitCode, signalName) => settle(() => {
   if (stopped !== null) killGroup(child, "SIGKILL");
   if (stopped === "aborted") reject(core.abortReason(signal)); else if (stopped === "timed-out") resolve({
    kind: "timed-out"
   }); else {
    const {text: stdoutTail, bytes: stdoutBytes} = stdout();
    resolve({
     kind: "ended",
     exitCode: exitCode,
     signalName: signalName,
     stdoutTail: stdoutTail,
     stderrTail: stderr().text,
     stdoutBytes: stdoutBytes
    });
   }
  });
  signal.addEventListener("abort", onAbort, {
   once: true
  });
  timers.add(clock.startTimer(run.timeoutMs, () => stop("timed-out")));
  child.on("error", error => {
   if (child.pid === undefined) settle(() => resolve({
    kind: "not-started",
    code: codeOf(error)
   }));
  });
  child.on("exit", (exitCode, signalName) => {
   if (stopped !== null) end(exitCode, signalName); else timers.add(clock.startTimer(DRAIN_MS, () => end(exitCode, signalName)));
  });
  child.on("close", end);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(run.input);
 });
}

function start(run) {
 try {
  const options = {
   cwd: run.cwd,
   env: run.env,
   detached: process.platform !== "win32",
   windowsHide: true
  };
  const child = run.input === undefined ? node_child_process.spawn(run.file, [ ...run.args ], {
   ...options,
   stdio: [ "ignore", "pipe", "pipe" ]
  }) : node_child_process.spawn(run.file, [ ...run.args ], {
   ...options,
   stdio: [ "pipe", "pipe", "pipe" ]
  });
  if (child.stdout !== undefined) return child;
  child.on("error", () => undefined);
  return {
   code: "EMFILE"
  };
 } catch (error) {
  return {
   code: codeOf(error)
  };
 }
}

function codeOf(error) {
 return error.code ?? "no code";
}

function killGroup(child, signalName) {
 if (child.pid === undefined) return;
 try {
  if (process.platform === "win32") child.kill(signalName); else process.kill(-child.pid, signalName);
 } catch (error) {
  const code = error.code;
  if (code !== "ESRCH" && code !== "EPERM") throw error;
 }
}

function collectTail(stream, {limitBytes: limitBytes, onBytes: onBytes}) {
 let chunks = [];
 let keptBytes = 0;
 let bytes = 0;
 stream.on("data", chunk => {
  chunks.push(chunk);
  keptBytes += chunk.length;
  bytes += chunk.length;
  onBytes?.(bytes);
  if (keptBytes <= 2 * limitBytes) return;
  chunks = [ Buffer.concat(chunks).subarray(-limitBytes) ];
  keptBytes = limitBytes;
 });
 return () => ({
  text: Buffer.concat(chunks).subarray(-limitBytes).toString("utf8"),
  bytes: bytes
 });
}

exports.runChild = runChild;
