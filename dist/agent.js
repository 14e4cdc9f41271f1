"use strict";

const fs = require("node:fs");

const node_path = require("node:path");

const lockAttempt = require("./chunks/lock-attempt.js");

const core = require("./chunks/core.js");

const agentSocket = require("./chunks/agent-socket.js");

const LOOK_EVERY_MS = 2e3;

function watchProcess(pid, {clock: clock, onGone: onGone}) {
 const startedAt = startOf(pid);
 let timer = null;
 const look = () => {
  if (!exists(pid) || startOf(pid) !== startedAt) return onGone();
  timer = clock.startTimer(LOOK_EVERY_MS, look, {
   background: true
  });
 };
 timer = clock.startTimer(LOOK_EVERY_MS, look, {
  background: true
 });
 return {
  end: () => timer?.cancel()
 };
}

function exists(pid) {
 try {
  process.kill(pid, 0);
  return true;
 } catch (error) {
  return error.code === "EPERM";
 }
}

function startOf(pid) {
 try {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
 } catch {
  return null;
 }
}

const END_FILE = "end.json";

async function runAgent(process) {
 for (const name of [ "SIGINT", "SIGTERM", "SIGHUP" ]) process.on(name, () => undefined);
 const stop = new AbortController;
 let mayStay = false;
 const hold = new Promise(resolve => {
  process.on("message", message => {
   const said = message;
   if (said.kind === "hold") resolve(said); else if (said.kind === "stay") mayStay = true; else stop.abort(new core.CancelledError("it was given back"));
  });
  process.on("disconnect", () => {
   resolve(null);
   if (!mayStay) stop.abort(new core.CancelledError("the process it was held for has ended"));
  });
 });
 if (process.send === undefined) return process.exit(2);
 const message = await hold;
 if (message) await serve(message, {
  process: process,
  stop: stop
 });
 process.exit(0);
}

async function serve({request: request, stay: stay}, {process: process, stop: stop}) {
 const say = message => tell(process, message);
 const context = createAgentContext(process, {
  signal: stop.signal,
  say: say
 });
 const releasers = core.createReleasers();
 try {
  const attempt = await lockAttempt.attemptLock(context, request, releasers);
  if (attempt.kind === "busy") return await say(attempt);
  const {lease: lease, waitedMs: waitedMs} = attempt;
  await keep(lease, {
   say: say,
   stop: stop,
   stay: stay,
   onHeld: socket => say({
    kind: "held",
    token: lease.token,
    waitedMs: waitedMs,
    socket: socket
   })
  });
 } catch (thrown) {
  const error = core.toError(thrown);
  await say({
   kind: "failed",
   code: error.code ?? null,
   message: error.message,
   hint: error.hint ?? null,
   problems: error instanceof core.ConfigError ? error.problems : []
  });
 } finally {
  await releasers.close();
 }
}

async function keep(lease, {say: say, stop: stop, stay: stay, onHeld: onHeld}) {
 const heldFromMs = core.systemClock.monotonicMs();
 let tellEnd = () => undefined;
 const ended = new Promise(resolve => {
  tellEnd = resolve;
 });
 const ear = stay ? await agentSocket.listenForGiveBack(stay.folder, () => {
  stop.abort(new core.CancelledError("it was given back"));
  return ended;
 }) : null;
 const worker = stay?.workerPid ? watchProcess(stay.workerPid, {
  clock: core.systemClock,
  onGone: () => stop.abort(new core.CancelledError("the job's worker is gone"))
 }) : null;
 try {
  await onHeld(ear?.address ?? null);
  await firstAborted(stop.signal, lease.signal);
  const lost = lease.signal.aborted || lease.validForMs() <= 0 ? core.toError(lease.signal.reason).message : null;
  const result = await lease.release();
  const heldMs = Math.round(core.systemClock.monotonicMs() - heldFromMs);
  const end = {
   outcome: lost === null ? "released" : "lost",
   message: lost ?? result,
   heldMs: heldMs
  };
  if (stay && lost !== null) fs.writeFileSync(node_path.join(stay.folder, END_FILE), JSON.stringify(end));
  tellEnd(end);
  if (lost === null) await say({
   kind: "ended",
   result: result
  }); else await say({
   kind: "lost",
   message: lost
  });
 } finally {
  worker?.end();
  await (ear?.close());
 }
}

function firstAborted(...signals) {
 return new Promise(resolve => {
  for (const signal of signals) {
   if (signal.aborted) resolve(); else signal.addEventListener("abort", () => resolve(), {
    once: true
   });
  }
 });
}

function tell(process, message) {
 return new Promise(resolve => {
  if (process.send === undefined) return resolve();
  try {
   process.send(message, undefined, undefined, () => resolve());
  } catch {
   resolve();
  }
 });
}

function createAgentContext(process, {signal: signal, say: say}) {
 return {
  clock: core.systemClock,
  logger: core.createLogger("info", (level, message) => void say({
   kind: "log",
   level: level,
   message: message
  })),
  env: process.env,
  cwd: process.cwd(),
  signal: signal,
  isRunner: process.env["GITHUB_ACTIONS"] === "true",
  process: {
   pid: process.pid,
   who: async () => (await Promise.resolve().then(() => require("./chunks/lease.js")).then(n => n.who)).whoRunsThis(process.env),
   execPath: process.execPath,
   execArgv: [],
   entry: ""
  },
  rest: null
 };
}

void runAgent(process);
