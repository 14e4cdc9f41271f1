"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const promises = require("node:fs/promises");

const os = require("node:os");

const node_path = require("node:path");

const lockAttempt = require("./lock-attempt.js");

const terminalLock = require("./terminal-lock.js");

const lockReport = require("./lock-report.js");

const core = require("./core.js");

const node_child_process = require("node:child_process");

const fs = require("node:fs");

const require$$1 = require("node:url");

const agentSocket = require("./agent-socket.js");

var _documentCurrentScript = typeof document !== "undefined" ? document.currentScript : null;

const RELEASE_MS = 3e4;

async function holdWithAgent(context, settings) {
 const {signal: signal, logger: logger} = context;
 core.throwIfAborted(signal);
 const child = startAgent(context);
 const lost = new AbortController;
 let release = null;
 const ended = new Promise(resolve => {
  const lose = message => {
   if (!lost.signal.aborted) lost.abort(new core.LeaseLostError(message));
   resolve(release ? "unknown" : "already-lost");
  };
  child.on("message", raw => {
   const message = raw;
   if (message.kind === "log") logger[message.level](message.message);
   if (message.kind === "ended") resolve(message.result);
   if (message.kind === "lost") {
    resolve("already-lost");
    lose(message.message);
   }
  });
  child.once("error", error => lose(`the lease agent failed: ${error.message}`));
  child.once("exit", () => lose("the lease agent is gone, and with it the certainty that the lock is held"));
 });
 const answer = await firstAnswer(child, {
  request: settings.request,
  signal: signal,
  stay: settings.stay ?? null
 });
 if (answer.kind === "busy") return {
  kind: "busy",
  holder: answer.holder,
  waitedMs: answer.waitedMs
 };
 child.unref();
 child.channel?.unref();
 return {
  kind: "held",
  hold: {
   pid: child.pid ?? null,
   token: answer.token,
   waitedMs: answer.waitedMs,
   socket: answer.socket,
   signal: lost.signal,
   release() {
    release ??= giveBack$1(context, {
     child: child,
     ended: ended
    });
    return release;
   },
   async letStay() {
    await send(child, {
     kind: "stay"
    });
    child.removeAllListeners();
    if (child.connected) child.disconnect();
   }
  }
 };
}

function startAgent({env: env, cwd: cwd, process: process}) {
 return node_child_process.fork(findAgentEntry(), [], {
  cwd: cwd,
  env: agentEnvironment(env),
  execPath: process.execPath,
  execArgv: (typeof document === "undefined" ? require("u" + "rl").pathToFileURL(__filename).href : _documentCurrentScript && _documentCurrentScript.tagName.toUpperCase() === "SCRIPT" && _documentCurrentScript.src || new URL("chunks/action-lock.js", document.baseURI).href).endsWith(".ts") ? [ ...process.execArgv ] : [],
  detached: true,
  stdio: [ "ignore", "ignore", "ignore", "ipc" ]
 });
}

function findAgentEntry() {
 const extension = (typeof document === "undefined" ? require("u" + "rl").pathToFileURL(__filename).href : _documentCurrentScript && _documentCurrentScript.tagName.toUpperCase() === "SCRIPT" && _documentCurrentScript.src || new URL("chunks/action-lock.js", document.baseURI).href).endsWith(".ts") ? "ts" : "js";
 const candidates = [ `../agent.${extension}`, `./agent.${extension}` ];
 const paths = candidates.map(candidate => require$$1.fileURLToPath(new URL(candidate, typeof document === "undefined" ? require("u" + "rl").pathToFileURL(__filename).href : _documentCurrentScript && _documentCurrentScript.tagName.toUpperCase() === "SCRIPT" && _documentCurrentScript.src || new URL("chunks/action-lock.js", document.baseURI).href)));
 const found = paths.find(path => fs.existsSync(path));
 if (found === undefined) throw new core.InvariantError(`the lease agent is missing: ${paths.join(", ")}`);
 return found;
}

function agentEnvironment(env) {
 const kept = Object.entries(env).filter(([name]) => name !== "RUNNER_TRACKING_ID" && !/^(INPUT|STATE)_/.test(name));
 const options = env["NODE_OPTIONS"]?.replace(/(^|\s)--inspect\S*/g, "");
 return {
  ...Object.fromEntries(kept),
  ...options === undefined ? {} : {
   NODE_OPTIONS: options
  }
 };
}

function firstAnswer(child, options) {
 const {request: request, signal: signal} = options;
 return new Promise((resolve, reject) => {
  const settle = act => {
   signal.removeEventListener("abort", onAbort);
   child.off("message", onMessage);
   child.off("error", onError);
   child.off("exit", onExit);
   act();
  };
  const fail = error => settle(() => {
   if (child.connected) child.disconnect();
   reject(error);
  });
  const onAbort = () => fail(core.abortReason(signal));
  const onError = cause => fail(new core.InvariantError("the lease agent could not be started", {
   cause: cause
  }));
  const onExit = code => fail(new core.InvariantError(`the lease agent ended at once with ${code}`));
  const onMessage = raw => {
   const message = raw;
   if (message.kind === "held" || message.kind === "busy") settle(() => resolve(message));
   if (message.kind === "failed") fail(errorOf(message));
  };
  signal.addEventListener("abort", onAbort, {
   once: true
  });
  child.on("message", onMessage);
  child.on("error", onError);
  child.on("exit", onExit);
  send(child, {
   kind: "hold",
   request: request,
   stay: options.stay ?? null
  }).catch(onError);
 });
}

function errorOf({code: code, message: message, hint: hint, problems: problems}) {
 if (code === "config") return new core.ConfigError(problems);
 if (code === null) return new core.InvariantError(`the lease agent failed: ${message}`);
 return new core.LockstepError(code, message, hint === null ? {} : {
  hint: hint
 });
}

async function giveBack$1({clock: clock, logger: logger}, {child: child, ended: ended}) {
 child.ref();
 child.channel?.ref();
 try {
  if (child.connected) await send(child, {
   kind: "give-back"
  });
  return await core.withTimeout({
   clock: clock,
   timeoutMs: RELEASE_MS,
   waitingFor: "the lease agent"
  }, () => ended);
 } catch (error) {
  logger.debug(`the lease agent did not answer: ${error instanceof Error ? error.message : String(error)}`);
  return "unknown";
 } finally {
  if (child.connected) child.disconnect();
  child.unref();
 }
}

function send(child, message) {
 return new Promise((resolve, reject) => {
  child.send(message, error => error ? reject(error) : resolve());
 });
}

const MAX_FOLDER_BYTES = 70;

function createLockAction() {
 const errors = [];
 const quiet = context => ({
  ...context,
  logger: {
   ...context.logger,
   error: message => void errors.push(message)
  }
 });
 const describe = (report, show) => {
  const why = SAYS_ALL.includes(report.outcome) ? [] : errors.map(each => show(each, 1e3));
  return [ describeLock(report, show), ...why ].join(" \u2192 ");
 };
 return {
  run(context, resolved, step) {
   const options = resolved;
   const {run: run} = options.values;
   return run === null ? holdUntilPost(quiet(context), options, step) : runScript(quiet(context), options);
  },
  renderLog(report) {
   const lock = report;
   return [ ...SAYS_ALL.includes(lock.outcome) ? errors : [], describe(lock, core.plain) ];
  },
  renderSummary: report => `### lockstep lock\n\n${describe(report, core.forMarkdown)}\n`,
  giveBack: (held, context) => giveBack(held, quiet(context))
 };
}

const SAYS_ALL = [ "ran", "skipped", "busy" ];

const unlockAction = Object.freeze({
 run: (context, resolved) => terminalLock.runUnlock(context, resolved),
 renderLog: report => [ terminalLock.describeUnlock(report) ],
 renderSummary: report => `### lockstep unlock\n\n${terminalLock.describeUnlock(report, core.forMarkdown)}\n`
});

async function runScript(context, resolved) {
 const folder = await promises.mkdtemp(node_path.join(context.env["RUNNER_TEMP"] || os.tmpdir(), "lockstep-"));
 try {
  const script = node_path.join(folder, "script.sh");
  await promises.writeFile(script, resolved.values.run ?? "", {
   mode: 384
  });
  const rest = [ "bash", "--noprofile", "--norc", "-eo", "pipefail", script ];
  return await terminalLock.runLock({
   ...context,
   rest: rest
  }, resolved);
 } finally {
  await promises.rm(folder, {
   recursive: true,
   force: true
  });
 }
}

async function holdUntilPost(context, resolved, step) {
 const {clock: clock} = context;
 const request = await lockAttempt.createLockRequest(context, resolved);
 const {name: name} = request;
 const startedMs = clock.monotonicMs();
 const temp = context.env["RUNNER_TEMP"] || os.tmpdir();
 const parent = Buffer.byteLength(temp) <= MAX_FOLDER_BYTES ? temp : os.tmpdir();
 const folder = await promises.mkdtemp(node_path.join(parent, "lockstep-"));
 let isKept = false;
 try {
  const workerPid = process.ppid > 1 ? process.ppid : null;
  const answer = await holdWithAgent(context, {
   request: request,
   stay: {
    folder: folder,
    workerPid: workerPid
   }
  });
  if (answer.kind === "busy") return terminalLock.reportBusy(context, request, answer);
  const {hold: hold} = answer;
  const {token: fencingToken, waitedMs: waitedMs, socket: socket} = hold;
  if (socket) step.keep({
   command: "lock",
   name: name,
   socketPath: socket.path,
   nonce: socket.nonce,
   fencingToken: fencingToken
  });
  step.exportVariable("LOCKSTEP_LOCK_NAME", name);
  step.exportVariable("LOCKSTEP_FENCING_TOKEN", String(fencingToken));
  await hold.letStay();
  isKept = true;
  return lockReport.createLockReport({
   outcome: "ran",
   name: name,
   fencingToken: fencingToken,
   waitedMs: waitedMs,
   exitCode: 0
  });
 } catch (thrown) {
  const error = core.toError(thrown);
  if (error instanceof core.ConfigError) throw lockAttempt.respell(error, resolved);
  const waitedMs = Math.round(clock.monotonicMs() - startedMs);
  return terminalLock.describeFailure(context, {
   name: name,
   error: error,
   waitedMs: waitedMs
  });
 } finally {
  if (!isKept) await promises.rm(folder, {
   recursive: true,
   force: true
  });
 }
}

async function giveBack(held, {clock: clock, logger: logger}) {
 const {name: name, fencingToken: fencingToken, socketPath: socketPath, nonce: nonce} = held;
 const folder = node_path.dirname(socketPath);
 const end = await agentSocket.askToGiveBack({
  path: socketPath,
  nonce: nonce
 }, clock) ?? await readEnd(folder);
 if (/^lockstep-[^/\\]+$/.test(folder.split("/").at(-1) ?? "")) await promises.rm(folder, {
  recursive: true,
  force: true
 });
 const isLost = end?.outcome !== "released";
 if (isLost) {
  const gone = "its lease agent is gone, so nobody can say until when it was held";
  logger.error(`the lock ${core.plain(name, 80)} was lost: ${core.plain(end?.message ?? gone, 500)}`);
 }
 return lockReport.createLockReport({
  outcome: isLost ? "lost" : "ran",
  name: name,
  fencingToken: fencingToken,
  heldMs: end?.heldMs ?? 0,
  exitCode: isLost ? 8 : 0
 });
}

async function readEnd(folder) {
 try {
  return agentSocket.parseAgentEnd(await promises.readFile(node_path.join(folder, "end.json"), "utf8"));
 } catch {
  return null;
 }
}

function describeLock(report, show = core.plain) {
 const {outcome: outcome, name: name, fencingToken: fencingToken, waitedMs: waitedMs, heldMs: heldMs, childExitCode: childExitCode, holder: holder} = report;
 const shown = `The lock ${show(name, 80)}`;
 switch (outcome) {
 case "ran":
  if (childExitCode === null && heldMs === 0) return `${shown} is held with token ${fencingToken} until the end of the job, after ${core.formatDuration(waitedMs)}.`;
  return `${shown} was held for ${core.formatDuration(heldMs)} with token ${fencingToken}${childExitCode === null ? "" : `; the script ended with ${childExitCode}`}.`;

 case "skipped":
  return `${shown} is held by ${show(holder ?? "somebody else")}; skipped.`;

 case "busy":
  return `${shown} is held by ${show(holder ?? "somebody else")} and was not obtained in ${core.formatDuration(waitedMs)}.`;

 case "lost":
  return `${shown} was lost while it was needed (token ${fencingToken ?? "none"}): another may have worked at the same time.`;

 case "failed":
  return `${shown} was not obtained (exit code ${report.exitCode}).`;
 }
}

exports.createLockAction = createLockAction;

exports.unlockAction = unlockAction;
