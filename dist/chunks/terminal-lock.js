"use strict";

const core = require("./core.js");

const lockAttempt = require("./lock-attempt.js");

const lockReport = require("./lock-report.js");

const userCommand = require("./user-command.js");

async function runLock(context, resolved) {
 const {clock: clock, logger: logger} = context;
 const [file, ...args] = context.rest ?? [];
 const problems = file ? [] : [ {
  option: "--",
  message: NO_COMMAND
 } ];
 const request = await lockAttempt.createLockRequest(context, resolved, problems);
 const {name: name} = request;
 const shown = core.plain(name, 80);
 const startedMs = clock.monotonicMs();
 const releasers = core.createReleasers();
 try {
  const attempt = await lockAttempt.attemptLock(context, request, releasers);
  const {waitedMs: waitedMs} = attempt;
  if (attempt.kind === "busy") return reportBusy(context, request, attempt);
  const {lease: lease} = attempt;
  logger[waitedMs >= 1e3 ? "info" : "debug"](`the lock ${shown} is held with token ${lease.token} after ${core.formatDuration(waitedMs)}`);
  const heldFromMs = clock.monotonicMs();
  try {
   const {end: end, isLost: isLost} = await runUnderLease(context, {
    lease: lease,
    name: name,
    command: [ file ?? "", ...args ]
   });
   const interruption = context.signal.aborted ? core.exitCodeOf(context.signal.reason) : null;
   return lockReport.createLockReport({
    outcome: isLost ? "lost" : "ran",
    name: name,
    fencingToken: lease.token,
    waitedMs: waitedMs,
    heldMs: Math.round(clock.monotonicMs() - heldFromMs),
    childExitCode: end.exitCode,
    exitCode: interruption ?? (isLost ? 8 : end.exitCode)
   });
  } finally {
   await giveBack(lease, context);
  }
 } catch (thrown) {
  const error = core.toError(thrown);
  if (error instanceof core.ConfigError) throw lockAttempt.respell(error, resolved);
  return describeFailure(context, {
   name: name,
   error: error,
   waitedMs: Math.round(clock.monotonicMs() - startedMs)
  });
 } finally {
  await releasers.close();
 }
}

const NO_COMMAND = "is missing: write the command to run after it, as in lockstep lock NAME -- COMMAND";

async function runUnderLease(context, {lease: lease, name: name, command: command}) {
 core.throwIfAborted(context.signal);
 lease.assertHeld();
 const {child: child, handBack: handBack} = userCommand.startUserCommand(context, {
  command: command,
  env: {
   LOCKSTEP_LOCK_NAME: name,
   LOCKSTEP_FENCING_TOKEN: String(lease.token)
  }
 });
 const onLost = () => void child.terminate().catch(() => undefined);
 lease.signal.addEventListener("abort", onLost, {
  once: true
 });
 try {
  const end = await child.ended;
  return {
   end: end,
   isLost: lease.signal.aborted || lease.validForMs() <= 0
  };
 } finally {
  lease.signal.removeEventListener("abort", onLost);
  handBack();
 }
}

async function giveBack(lease, {logger: logger}) {
 try {
  logger.debug(`${lease.key} was given back: ${await lease.release()}`);
 } catch (error) {
  logger.warn(`${lease.key} could not be given back and will run out by itself: ${core.toError(error).message}`);
 }
}

function reportBusy({logger: logger}, {name: name, whenBusy: whenBusy, values: values}, {holder: holder, waitedMs: waitedMs}) {
 const what = `the lock ${core.plain(name, 80)} is held by ${holder}`;
 if (whenBusy === "skip") {
  logger.info(`${what}; skipped`);
  return lockReport.createLockReport({
   outcome: "skipped",
   name: name,
   waitedMs: waitedMs,
   holder: holder,
   exitCode: 0
  });
 }
 const waited = whenBusy === "wait" ? `, also after ${core.formatDuration(values.timeoutMs)}` : "";
 logger.error(`${what}${waited}; nothing was run`);
 return lockReport.createLockReport({
  outcome: "busy",
  name: name,
  waitedMs: waitedMs,
  holder: holder,
  exitCode: 4
 });
}

function describeFailure({logger: logger}, {name: name, error: error, waitedMs: waitedMs}) {
 const exitCode = core.exitCodeOf(error);
 if (exitCode === 1) throw error;
 logger.error(core.plain(error.message, 2e3));
 const {hint: hint} = error;
 if (hint) logger.error(core.plain(hint, 1e3));
 return lockReport.createLockReport({
  outcome: exitCode === 8 ? "lost" : "failed",
  name: name,
  waitedMs: waitedMs,
  exitCode: exitCode
 });
}

async function runUnlock(context, resolved) {
 const {values: values} = resolved;
 const {name: name} = values;
 const problems = [ ...resolved.problems ];
 if (!values.force && !problems.some(({option: option}) => option === resolved.spellingOf("force"))) {
  problems.push({
   option: resolved.spellingOf("force"),
   message: NOT_FORCED
  });
 }
 const address = core.requireStore(context, resolved, problems);
 if (problems.length > 0 || !address || name === null) throw new core.ConfigError(problems);
 const releasers = core.createReleasers();
 try {
  const {manager: manager} = await core.openStoreParts(context, {
   address: address,
   values: values,
   releasers: releasers
  });
  const holder = await core.createHolder(context, {
   holder: values.holder ?? undefined
  });
  const fencingToken = await core.withTimeout({
   clock: context.clock,
   timeoutMs: values.timeoutMs,
   waitingFor: "the store",
   parent: context.signal,
   onTimeout: () => new core.UnavailableError(`the store did not free the lock ${core.plain(name, 80)} in time`)
  }, signal => manager.forceRelease(lockAttempt.lockKey(values.namespace, name), {
   holder: holder,
   signal: signal
  }));
  const outcome = fencingToken === null ? "free" : "freed";
  return {
   format: 1,
   command: "unlock",
   outcome: outcome,
   name: name,
   fencingToken: fencingToken,
   exitCode: 0
  };
 } finally {
  await releasers.close();
 }
}

const NOT_FORCED = "is required: the holder may still be at work, and its token is refused from now on. A holder that died is replaced without it";

async function runAssert(context, resolved) {
 const {clock: clock, logger: logger, signal: signal, env: env} = context;
 const {values: values} = resolved;
 const {name: name} = values;
 const given = readToken(env);
 const problems = [ ...resolved.problems ];
 const address = core.requireStore(context, resolved, problems);
 if (given.kind === "malformed") {
  problems.push({
   option: TOKEN_NAME,
   message: `"${core.plain(given.text, 40)}" is not a fencing token`
  });
 }
 if (problems.length > 0 || !address || name === null) throw new core.ConfigError(problems);
 const shown = core.plain(name, 80);
 const token = given.kind === "token" ? given.token : null;
 const report = (outcome, why) => {
  if (outcome === "lost") logger.error(`the lock ${shown} is not held: ${why}`);
  return {
   format: 1,
   command: "assert",
   outcome: outcome,
   name: name,
   fencingToken: token,
   exitCode: outcome === "held" ? 0 : 8
  };
 };
 if (token === null) return report("lost", `${TOKEN_NAME} is not set, so this runs under no lock`);
 const nested = env[LOCK_NAME];
 if (nested && nested !== name) {
  return report("lost", `token ${token} in ${TOKEN_NAME} is that of the lock ${core.plain(nested, 80)}`);
 }
 const releasers = core.createReleasers();
 try {
  const {manager: manager} = await core.openStoreParts(context, {
   address: address,
   values: values,
   releasers: releasers
  });
  const {record: record} = await core.withTimeout({
   clock: clock,
   timeoutMs: values.timeoutMs,
   waitingFor: "the store",
   parent: signal,
   onTimeout: () => new core.UnavailableError(`the store did not answer about the lock ${shown} in time`)
  }, limited => manager.read(lockAttempt.lockKey(values.namespace, name), {
   signal: limited
  }));
  const own = record?.entries.find(entry => entry.token === token);
  const hasRunOut = own && core.takeoverByStampInMs(own, core.readInstant(clock)) <= 0;
  if (hasRunOut) return report("lost", `token ${token} has run out: nobody renewed it in time`);
  if (own) return report("held", "");
  const [present] = record?.entries ?? [];
  const successor = present && `${core.plain(present.holder.text)} has it with token ${present.token}`;
  const end = record ? `it was freed; the last token was ${record.token}` : "nobody ever held it";
  return report("lost", `token ${token} is over, ${successor ?? end}`);
 } finally {
  await releasers.close();
 }
}

const TOKEN_NAME = "LOCKSTEP_FENCING_TOKEN";

const LOCK_NAME = "LOCKSTEP_LOCK_NAME";

function readToken(env) {
 const text = env[TOKEN_NAME]?.trim() ?? "";
 if (text === "") return {
  kind: "none"
 };
 const token = Number(text);
 const isToken = /^[1-9]\d{0,15}$/.test(text) && token <= core.MAX_TOKEN;
 return isToken ? {
  kind: "token",
  token: token
 } : {
  kind: "malformed",
  text: text
 };
}

const lockCommand = Object.freeze({
 run: (context, resolved) => runLock(context, resolved),
 render: () => [],
 hasForeignOutput: report => report.childExitCode !== null
});

const assertCommand = Object.freeze({
 run: (context, resolved) => runAssert(context, resolved),
 render: () => []
});

const unlockCommand = Object.freeze({
 run: (context, resolved) => runUnlock(context, resolved),
 render: report => [ describeUnlock(report) ]
});

function describeUnlock({outcome: outcome, name: name, fencingToken: fencingToken}, show = core.plain) {
 const shown = show(name, 80);
 return outcome === "freed" ? `The lock ${shown} was freed; tokens below ${fencingToken} are refused from now on.` : `The lock ${shown} was free already.`;
}

const terminalLock = Object.freeze(Object.defineProperty({
 __proto__: null,
 assertCommand: assertCommand,
 describeUnlock: describeUnlock,
 lockCommand: lockCommand,
 unlockCommand: unlockCommand
}, Symbol.toStringTag, {
 value: "Module"
}));

exports.describeFailure = describeFailure;

exports.describeUnlock = describeUnlock;

exports.reportBusy = reportBusy;

exports.runLock = runLock;

exports.runUnlock = runUnlock;

exports.terminalLock = terminalLock;
