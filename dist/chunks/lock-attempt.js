"use strict";

const core = require("./core.js");

async function createLockRequest(context, resolved, more = []) {
 const {values: values} = resolved;
 const problems = [ ...resolved.problems, ...more ];
 const address = core.requireStore(context, resolved, problems);
 const {name: name, whenBusy: whenBusy, permits: permits, order: order} = values;
 if (problems.length > 0 || !address || name === null) throw new core.ConfigError(problems);
 const {store: store, namespace: namespace, pollMs: pollMs, leaseMs: leaseMs, refPrefix: refPrefix, quotaFloor: quotaFloor, timeoutMs: timeoutMs} = values;
 return {
  name: name,
  address: address,
  values: {
   store: store,
   namespace: namespace,
   pollMs: pollMs,
   leaseMs: leaseMs,
   refPrefix: refPrefix,
   quotaFloor: quotaFloor,
   timeoutMs: timeoutMs
  },
  whenBusy: whenBusy,
  permits: permits,
  order: order,
  holder: await core.createHolder(context, {
   holder: values.holder ?? undefined,
   jobIndex: values.jobIndex ?? undefined,
   jobId: values.jobId ?? undefined
  })
 };
}

function lockKey(namespace, name) {
 return core.createKey(namespace, "lock", name);
}

async function attemptLock(context, request, releasers) {
 const {clock: clock, logger: logger, signal: signal} = context;
 const {name: name, values: values, whenBusy: whenBusy, permits: permits, order: order, holder: holder} = request;
 const startedMs = clock.monotonicMs();
 const waitedMs = () => Math.round(clock.monotonicMs() - startedMs);
 const deadline = core.createDeadline({
  clock: clock,
  timeoutMs: values.timeoutMs,
  waitingFor: `the lock ${core.plain(name, 80)}`,
  parent: signal
 });
 let present = null;
 try {
  const parts = await core.openStoreParts(context, {
   address: request.address,
   values: values,
   releasers: releasers
  });
  const key = lockKey(values.namespace, name);
  const options = {
   leaseMs: parts.leaseMs,
   holder: holder,
   permits: permits,
   order: order,
   signal: deadline.signal
  };
  if (whenBusy !== "wait") {
   const result = await parts.manager.tryAcquire(key, {
    ...options,
    observeSuspect: {
     pollMs: parts.pollMs,
     onObserve: other => logger.info(`${core.plain(other.text)} holds the lock ${core.plain(name, 80)} and looks dead; observing it for one lease at most`)
    }
   });
   return result.acquired ? {
    kind: "held",
    lease: result.lease,
    waitedMs: waitedMs()
   } : {
    kind: "busy",
    holder: core.plain(result.holder.text),
    waitedMs: waitedMs()
   };
  }
  const lease = await parts.manager.acquire(key, {
   ...options,
   pollMs: parts.pollMs,
   onWait(other) {
    present = core.plain(other.text);
    const page = other.url === undefined ? "" : ` (${core.plain(other.url, 300)})`;
    logger.info(`waiting for the lock ${core.plain(name, 80)}, which ${present} holds${page}`);
   }
  });
  if (lease === null) throw new core.UnavailableError(`the wait for the lock ${core.plain(name, 80)} ended early`);
  return {
   kind: "held",
   lease: lease,
   waitedMs: waitedMs()
  };
 } catch (error) {
  if (!core.hasCode(error, "deadline")) throw error;
  if (present !== null) return {
   kind: "busy",
   holder: present,
   waitedMs: waitedMs()
  };
  const message = `the store did not answer about the lock ${core.plain(name, 80)} in time`;
  throw new core.UnavailableError(message, {
   cause: error
  });
 } finally {
  deadline.dispose();
 }
}

function respell(error, resolved) {
 const names = [ "permits", "lease" ];
 const problems = error.problems.map(({option: option, message: message}) => {
  const known = names.find(name => name === option);
  return {
   option: known ? resolved.spellingOf(known) : option,
   message: message
  };
 });
 return new core.ConfigError(problems, {
  cause: error
 });
}

exports.attemptLock = attemptLock;

exports.createLockRequest = createLockRequest;

exports.lockKey = lockKey;

exports.respell = respell;
