"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const childProcess = require("./child-process.js");

const core = require("./core.js");

const foreignValues = require("./foreign-values.js");

const reap = require("./reap.js");

const KIND_OF_EXIT = Object.freeze({
 64: "invalid",
 75: "throttled",
 77: "forbidden"
});

const LINE_FORM = Object.freeze({
 createdAtMs: ({createdAt: createdAt}) => foreignValues.isAbsent(createdAt) || typeof createdAt === "string" ? reap.parseTimestamp(createdAt) : undefined,
 protectedField: "protected"
});

function toCommandListAnswer(run) {
 const lines = linesOf(run);
 if ("kind" in lines) return lines;
 const apps = [];
 let broken;
 let total;
 let serverNowMs = run.nowMs;
 lines.forEach((line, index) => {
  const value = parseLine(line);
  if (value && value["id"] === undefined && (value["now"] !== undefined || value["total"] !== undefined)) {
   serverNowMs = Math.min(serverNowMs, reap.parseTimestamp(value["now"]) ?? serverNowMs);
   if (typeof value["total"] === "number") total = value["total"];
   return;
  }
  const read = value ? foreignValues.readApp(value, LINE_FORM) : {
   ok: false,
   problem: "is no JSON object"
  };
  if (read.ok) apps.push(read.app); else broken ??= core.plain(`${run.what}: the app in line ${index + 1} ${read.problem}`);
 });
 return {
  kind: "page",
  meta: {
   status: null,
   serverNowMs: serverNowMs
  },
  apps: apps,
  next: null,
  ...broken === undefined ? {} : {
   broken: broken
  },
  ...total === undefined ? {} : {
   total: total
  }
 };
}

function toCommandGetAnswer(run, id) {
 const lines = linesOf(run);
 if ("kind" in lines) return lines;
 const value = parseLine(lines.at(-1) ?? "");
 if (value?.["outcome"] === "gone") return {
  kind: "gone",
  meta: metaOf(run)
 };
 const failure = value && saidFailure(value, run);
 if (failure) return failure;
 const read = foreignValues.readApp(value, LINE_FORM);
 if (!read.ok || read.app.id !== id) return doubtful(run, "printed neither the app asked for nor that it is gone");
 return {
  kind: "found",
  meta: metaOf(run),
  app: read.app
 };
}

function toCommandDestroyAnswer(run) {
 const lines = linesOf(run);
 if ("kind" in lines) return lines;
 const last = lines.at(-1);
 const meta = metaOf(run);
 if (last === undefined) return {
  kind: "deleted",
  meta: meta
 };
 const value = parseLine(last);
 if (!value) return doubtful(run, "ended with 0, but its last line is no JSON object");
 const outcome = value["outcome"];
 if (outcome === "deleted" || outcome === "accepted" || outcome === "gone") return {
  kind: outcome,
  meta: meta
 };
 if (outcome === "changed" || outcome === "busy") return {
  kind: outcome,
  meta: meta,
  detail: detailOf(value, run)
 };
 return saidFailure(value, run) ?? doubtful(run, "ended with 0, but printed no outcome that is known");
}

function linesOf(run) {
 const {end: end} = run;
 if (end.kind === "not-started") return foreignValues.createFailure("invalid", metaOf(run), `${run.what} cannot be started (${end.code})`);
 if (end.kind === "timed-out") return doubtful(run, `did not end within ${core.formatDuration(run.timeoutMs)}`);
 if (end.stdoutBytes > run.maxBytes) return doubtful(run, `printed more than ${run.maxBytes} bytes`);
 const lines = end.stdoutTail.split(/\r?\n/).filter(line => line.trim() !== "");
 if (end.exitCode === 0) return lines;
 const said = parseLine(lines.at(-1) ?? "");
 return (said && saidFailure(said, run)) ?? failureOfExit(run, end);
}

function failureOfExit(run, end) {
 const tail = core.plain(end.stderrTail.trimEnd().split("\n").at(-1) ?? "", 160);
 const how = end.exitCode === null ? `was ended by ${end.signalName ?? "a signal"}` : `ended with ${end.exitCode}`;
 const detail = `${run.what} ${how}${tail === "" ? "" : `: ${tail}`}`;
 const kind = (end.exitCode === null ? undefined : KIND_OF_EXIT[end.exitCode]) ?? "ambiguous";
 const meta = kind === "throttled" ? {
  ...metaOf(run),
  rate: {
   throttled: true
  }
 } : metaOf(run);
 return foreignValues.createFailure(kind, meta, detail);
}

function saidFailure(value, run) {
 const {outcome: outcome, retryAfterMs: retryAfterMs} = value;
 if (!foreignValues.isFailureKind(outcome)) return null;
 const rate = {
  throttled: true,
  ...foreignValues.isWait(retryAfterMs) ? {
   retryAfterMs: retryAfterMs
  } : {}
 };
 const meta = outcome === "throttled" ? {
  ...metaOf(run),
  rate: rate
 } : metaOf(run);
 return foreignValues.createFailure(outcome, meta, detailOf(value, run));
}

function detailOf(value, run) {
 return core.plain(typeof value["detail"] === "string" ? value["detail"] : `${run.what} gave no detail`);
}

function doubtful(run, what) {
 return foreignValues.createFailure("ambiguous", metaOf(run), `${run.what} ${what}`);
}

function metaOf(run) {
 return {
  status: null,
  serverNowMs: run.nowMs
 };
}

function parseLine(line) {
 try {
  const value = JSON.parse(line);
  return core.isJsonObject(value) ? value : null;
 } catch {
  return null;
 }
}

const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

function createCommandProvider(options) {
 const {clock: clock, cwd: cwd, env: env, timeoutMs: timeoutMs} = options;
 const running = new Set;
 const run = async (what, words, call) => {
  const [file, ...args] = words;
  const input = `${JSON.stringify(call.request)}\n`;
  const {signal: signal} = call;
  const child = childProcess.runChild({
   file: file,
   args: args,
   cwd: cwd,
   env: env,
   clock: clock,
   timeoutMs: timeoutMs,
   signal: signal,
   input: input,
   maxStdoutBytes: MAX_OUTPUT_BYTES
  });
  running.add(child);
  const end = await child.finally(() => running.delete(child));
  return {
   end: end,
   what: what,
   nowMs: clock.wallMs(),
   maxBytes: MAX_OUTPUT_BYTES,
   timeoutMs: timeoutMs
  };
 };
 const refuse = (what, problem) => foreignValues.createFailure("invalid", {
  status: null,
  serverNowMs: clock.wallMs()
 }, `${what}: ${problem}`);
 return {
  name: "command",
  accountId: options.accountId,
  capabilities: {
   atomicPrecondition: false,
   openRequests: 0,
   pageSize: Number.MAX_SAFE_INTEGER
  },
  pace: {
   emissionIntervalMs: 1,
   burst: 1e3
  },
  async open({signal: signal}) {
   core.throwIfAborted(signal);
   return {
    kind: "open",
    meta: {
     status: null,
     serverNowMs: clock.wallMs()
    },
    label: options.list[0]
   };
  },
  async list(_cursor, {signal: signal}) {
   return toCommandListAnswer(await run("the list command", options.list, {
    request: {
     call: "list"
    },
    signal: signal
   }));
  },
  async get(id, {signal: signal}) {
   const what = "the get command";
   core.throwIfAborted(signal);
   const words = core.fillWords(options.get, {
    id: id
   });
   if (!words.ok) return refuse(what, words.problem);
   return toCommandGetAnswer(await run(what, words.value, {
    request: {
     call: "get",
     id: id
    },
    signal: signal
   }), id);
  },
  async destroy(app, {signal: signal, fencingToken: fencingToken}) {
   const what = "the destroy command";
   core.throwIfAborted(signal);
   const words = core.fillWords(options.destroy, {
    id: app.id,
    name: app.name
   });
   if (!words.ok) return refuse(what, words.problem);
   const request = {
    call: "destroy",
    id: app.id,
    name: app.name,
    version: app.version,
    fencingToken: fencingToken
   };
   return toCommandDestroyAnswer(await run(what, words.value, {
    request: request,
    signal: signal
   }));
  },
  async close() {
   await Promise.allSettled(running);
  }
 };
}

exports.createCommandProvider = createCommandProvider;
