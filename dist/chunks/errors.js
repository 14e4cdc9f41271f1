/**
 * The errors of lockstep: one base class, one code each, one exit code each (the table in docs/exit-codes).
 * Expected outcomes (write lost, lease busy, app gone) are values and never appear here.
 * Across bundles compare `code`, not `instanceof`: the library and a hook may each carry their own copy of a class.
 */

/** The stable machine-readable name of an error; the key of {@link EXIT_CODES}. */
                       
            
          
                 
                 
               
                   
                
            
                    
           
              
               
                

/** Exit status of a command that ends with the error. `cancelled` is overridden by the signal's own (130, 143). */
const EXIT_CODES                                      = Object.freeze({
  config: 2,
  auth: 5,
  unsupported: 2,
  unavailable: 6,
  throttled: 3,
  indeterminate: 6,
  'lease-lost': 8,
  fenced: 8,
  'corrupt-record': 9,
  limit: 3,
  deadline: 4,
  cancelled: 130,
  invariant: 1,
});

/** What an error may carry besides its message. */
                               
                                                        
                
                  
 

/** Base of every error lockstep throws. `retryable` says whether the same call may succeed later, unchanged. */
class LockstepError extends Error {
           code           ;
           retryable         ;
           hint                    ;

  constructor(code           , message        , details                                         = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.hint = details.hint;
  }
}

/** One problem of a configuration, already in the host's own spelling. */
                                
                                                                                                           
                 
                                                 
                  
 

/** The configuration is wrong. Carries every problem at once; thrown before any request was sent. */
class ConfigError extends LockstepError {
           problems                          ;

  constructor(problems                          , details               = {}) {
    super(
      'config',
      problems.map((p) => (p.option ? `${p.option}: ${p.message}` : p.message)).join('\n'),
      details,
    );
    this.problems = Object.freeze([...problems]);
  }
}

/** A credential is missing, refused, or not allowed to do this. Never retried. */
class AuthError extends LockstepError {
  constructor(message        , details               = {}) {
    super('auth', message, details);
  }
}

/** The environment cannot do what was asked (a file system without hard links, say). */
class UnsupportedError extends LockstepError {
  constructor(message        , details               = {}) {
    super('unsupported', message, details);
  }
}

/** The other side did not answer, and certainly did not apply anything. */
class UnavailableError extends LockstepError {
  constructor(message        , details               = {}) {
    super('unavailable', message, { ...details, retryable: true });
  }
}

/** A write that may or may not have been applied. Settled by reading back one's own nonce, never by guessing. */
class IndeterminateError extends LockstepError {
  constructor(message        , details               = {}) {
    super('indeterminate', message, details);
  }
}

/** The lease is no longer ours: it ran out, or somebody else holds it. The reason of a lease's abort signal. */
class LeaseLostError extends LockstepError {
  constructor(message        , details               = {}) {
    super('lease-lost', message, details);
  }
}

/** A record is foreign, damaged, or from a newer version. It was left untouched and must never be overwritten. */
class CorruptRecordError extends LockstepError {
  constructor(message        , details               = {}) {
    super('corrupt-record', message, details);
  }
}

/** The time budget passed. `waitedFor` names what had not happened yet. */
class DeadlineError extends LockstepError {
           waitedFor        ;

  constructor(waitedFor        , details               = {}) {
    super('deadline', `the time budget passed while waiting for ${waitedFor}`, details);
    this.waitedFor = waitedFor;
  }
}

/** The caller gave up (a signal, an abort). `signalName` is set where a process signal was the cause. */
class CancelledError extends LockstepError {
           signalName                             ;

  constructor(message        , details                                                       = {}) {
    super('cancelled', message, details);
    this.signalName = details.signalName ?? null;
  }
}

/** A bug in lockstep: something that cannot be was seen. */
class InvariantError extends LockstepError {
  constructor(message        , details               = {}) {
    super('invariant', message, details);
  }
}

/** True for an error of lockstep with this code, from whichever copy of the package it comes. */
function hasCode                     (error         , code   )                                       {
  return error instanceof Error && (error                      ).code === code;
}

/** Any throw as an Error: a non-Error is wrapped, never lost. */
function toError(thrown         )        {
  return thrown instanceof Error
    ? thrown
    : new Error(`non-error thrown: ${String(thrown)}`, { cause: thrown });
}

/** Throws an {@link InvariantError} unless the condition holds. */
function invariant(condition         , message        )                    {
  if (!condition) throw new InvariantError(message);
}

/** The exit status for an error of any kind: 1 (a bug) for what lockstep does not know. */
function exitCodeOf(error         )         {
  const code = (error                             )?.code;
  if (code === 'cancelled' && (error                  ).signalName === 'SIGTERM') return 143;
  return typeof code === 'string' && code in EXIT_CODES ? EXIT_CODES[code             ] : 1;
}

export { AuthError as A, CancelledError as C, DeadlineError as D, InvariantError as I, LockstepError as L, UnavailableError as U, ConfigError as a, CorruptRecordError as b, LeaseLostError as c, IndeterminateError as d, exitCodeOf as e, UnsupportedError as f, hasCode as h, invariant as i, toError as t };
