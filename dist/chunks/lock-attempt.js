import { g as createKey, aH as requireStore, C as ConfigError, d as createDeadline, p as plain, q as openStoreParts, U as UnavailableError, b as hasCode } from "./core.js";

import { b as createHolder } from "./reap.js";

function createLockRequest(context, resolved, more = []) {
 const {values: values} = resolved;
 const problems = [ ...resolved.problems, ...more ];
 const address = requireStore(context, resolved, problems);
 const {name: name, whenBusy: whenBusy, permits: permits, order: order} = values;
 if (problems.length > 0 || !address || name === null) throw new ConfigError(problems);
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
  holder: createHolder(context, {
   holder: values.holder ?? undefined,
   jobId: values.jobId ?? undefined
  })
 };
}

function lockKey(namespace, name) {
 return createKey(namespace, "lock", name);
}

async function attemptLock(context, request, releasers) {
 const {clock: clock, logger: logger, signal: signal} = context;
 const {name: name, values: values, whenBusy: whenBusy, permits: permits, order: order, holder: holder} = request;
 const startedMs = clock.monotonicMs();
 const waitedMs = () => Math.round(clock.monotonicMs() - startedMs);
 const deadline = createDeadline({
  clock: clock,
  timeoutMs: values.timeoutMs,
  waitingFor: `the lock ${plain(name, 80)}`,
  parent: signal
 });
 let present = null;
 try {
  const parts = await openStoreParts(context, {
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
     onObserve: other => logger.info(`${plain(other.text)} holds the lock ${plain(name, 80)} and looks dead; observing it for one lease at most`)
    }
   });
   return result.acquired ? {
    kind: "held",
    lease: result.lease,
    waitedMs: waitedMs()
   } : {
    kind: "busy",
    holder: plain(result.holder.text),
    waitedMs: waitedMs()
   };
  }
  const lease = await parts.manager.acquire(key, {
   ...options,
   pollMs: parts.pollMs,
   onWait(other) {
    present = plain(other.text);
    logger.info(`waiting for the lock ${plain(name, 80)}, which ${present} holds`);
   }
  });
  if (lease === null) throw new UnavailableError(`the wait for the lock ${plain(name, 80)} ended early`);
  return {
   kind: "held",
   lease: lease,
   waitedMs: waitedMs()
  };
 } catch (error) {
  if (!hasCode(error, "deadline")) throw error;
  if (present !== null) return {
   kind: "busy",
   holder: present,
   waitedMs: waitedMs()
  };
  const message = `the store did not answer about the lock ${plain(name, 80)} in time`;
  throw new UnavailableError(message, {
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
 return new ConfigError(problems, {
  cause: error
 });
}

export { attemptLock as a, createLockRequest as c, lockKey as l, respell as r };
