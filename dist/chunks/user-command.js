"use strict";

const core = require("./core.js");

const node_child_process = require("node:child_process");

const os = require("node:os");

const GRACE_MS = 5e3;

const GROUP_POLL_MS = 50;

function startChild(options) {
 const {clock: clock} = options;
 const ownGroup = options.ownGroup === true && process.platform !== "win32";
 let wasSignalled = false;
 let child = null;
 const exited = new Promise((resolve, reject) => {
  const [file, ...args] = options.command;
  const fail = cause => {
   const reason = cause.code === "ENOENT" ? "was not found" : `could not be started: ${cause.message}`;
   reject(new core.ConfigError([ {
    option: "--",
    message: `the command ${core.plain(file)} ${reason}`
   } ], {
    cause: cause
   }));
  };
  try {
   const env = {
    ...options.env
   };
   child = node_child_process.spawn(file, args, {
    cwd: options.cwd,
    env: env,
    stdio: "inherit",
    detached: ownGroup
   });
  } catch (error) {
   return fail(error);
  }
  child.on("error", fail);
  child.once("exit", (code, signalName) => {
   resolve({
    exitCode: code ?? 128 + (signalName ? os.constants.signals[signalName] : 0),
    signalName: signalName
   });
  });
 });
 const send = signalName => {
  const pid = child?.pid;
  if (pid === undefined) return;
  wasSignalled = true;
  if (ownGroup) signalGroup(pid, signalName); else child?.kill(signalName);
 };
 const ended = exited.then(async end => {
  const pid = child?.pid;
  if (!ownGroup || !wasSignalled || pid === undefined) return end;
  for (let leftMs = GRACE_MS; leftMs > 0 && signalGroup(pid, 0); leftMs -= GROUP_POLL_MS) {
   await core.sleep(clock, GROUP_POLL_MS);
  }
  return end;
 });
 return {
  ended: ended,
  forward: send,
  async terminate() {
   send("SIGTERM");
   const timer = clock.startTimer(GRACE_MS, () => send("SIGKILL"));
   try {
    return await ended;
   } finally {
    timer.cancel();
   }
  }
 };
}

function signalGroup(leaderPid, signalName) {
 try {
  process.kill(-leaderPid, signalName);
  return true;
 } catch (error) {
  const {code: code} = error;
  if (code === "ESRCH" || code === "EPERM") return false;
  throw error;
 }
}

function startUserCommand(context, about) {
 const {clock: clock, cwd: cwd, signal: signal} = context;
 core.throwIfAborted(signal);
 const hasTerminal = context.hasTerminal?.() ?? false;
 const env = {
  ...context.childEnv ?? context.env,
  ...about.env
 };
 const child = startChild({
  command: about.command,
  cwd: cwd,
  env: env,
  clock: clock,
  ownGroup: !hasTerminal
 });
 const forward = signalName => {
  if (!(hasTerminal && signalName === "SIGINT")) child.forward(signalName);
 };
 const onAbort = () => forward(core.hasCode(signal.reason, "cancelled") && core.exitCodeOf(signal.reason) === 130 ? "SIGINT" : "SIGTERM");
 const giveBack = context.takeSignals?.(forward);
 if (!giveBack) signal.addEventListener("abort", onAbort, {
  once: true
 });
 return {
  child: child,
  handBack() {
   signal.removeEventListener("abort", onAbort);
   giveBack?.();
  }
 };
}

exports.startUserCommand = startUserCommand;
