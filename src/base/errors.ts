/**
 * The errors of lockstep: one base class, one code each, one exit code each (the table in docs/exit-codes).
 * Expected outcomes (write lost, lease busy, app gone) are values and never appear here.
 * Across bundles compare `code`, not `instanceof`: the library and a hook may each carry their own copy of a class.
 */

/** The stable machine-readable name of an error; the key of {@link EXIT_CODES}. */
export type ErrorCode =
  | 'config'
  | 'auth'
  | 'unsupported'
  | 'unavailable'
  | 'throttled'
  | 'indeterminate'
  | 'lease-lost'
  | 'fenced'
  | 'corrupt-record'
  | 'limit'
  | 'deadline'
  | 'cancelled'
  | 'invariant';

/** Exit status of a command that ends with the error. `cancelled` is overridden by the signal's own (130, 143). */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = Object.freeze({
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
export interface ErrorDetails {
  /** What to do about it, one sentence for a person. */
  hint?: string;
  cause?: unknown;
}

/** Base of every error lockstep throws. `retryable` says whether the same call may succeed later, unchanged. */
export class LockstepError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails & { retryable?: boolean } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.hint = details.hint;
  }
}

/** One problem of a configuration, already in the host's own spelling. */
export interface ConfigProblem {
  /** The option as the user wrote it: `--older-than`, `older-than`, `olderThan`, `LOCKSTEP_OLDER_THAN`. */
  option: string;
  /** What is wrong and what to write instead. */
  message: string;
}

/** The configuration is wrong. Carries every problem at once; thrown before any request was sent. */
export class ConfigError extends LockstepError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], details: ErrorDetails = {}) {
    super(
      'config',
      problems.map((p) => (p.option ? `${p.option}: ${p.message}` : p.message)).join('\n'),
      details,
    );
    this.problems = Object.freeze([...problems]);
  }
}

/** A credential is missing, refused, or not allowed to do this. Never retried. */
export class AuthError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('auth', message, details);
  }
}

/** The environment cannot do what was asked (a file system without hard links, say). */
export class UnsupportedError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('unsupported', message, details);
  }
}

/** The other side did not answer, and certainly did not apply anything. */
export class UnavailableError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('unavailable', message, { ...details, retryable: true });
  }
}

/** The other side asked to wait. `retryAtMs` is on the caller's monotonic clock, or null where it did not say. */
export class ThrottledError extends LockstepError {
  readonly retryAtMs: number | null;

  constructor(message: string, details: ErrorDetails & { retryAtMs: number | null }) {
    super('throttled', message, { ...details, retryable: true });
    this.retryAtMs = details.retryAtMs;
  }
}

/** A write that may or may not have been applied. Settled by reading back one's own nonce, never by guessing. */
export class IndeterminateError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('indeterminate', message, details);
  }
}

/** The lease is no longer ours: it ran out, or somebody else holds it. The reason of a lease's abort signal. */
export class LeaseLostError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('lease-lost', message, details);
  }
}

/** A stale fencing token was refused. */
export class FencedError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('fenced', message, details);
  }
}

/** A record is foreign, damaged, or from a newer version. It was left untouched and must never be overwritten. */
export class CorruptRecordError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('corrupt-record', message, details);
  }
}

/** The provider's own limit (number of apps, say), classified from its answer. */
export class LimitError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('limit', message, details);
  }
}

/** The time budget passed. `waitedFor` names what had not happened yet. */
export class DeadlineError extends LockstepError {
  readonly waitedFor: string;

  constructor(waitedFor: string, details: ErrorDetails = {}) {
    super('deadline', `the time budget passed while waiting for ${waitedFor}`, details);
    this.waitedFor = waitedFor;
  }
}

/** The caller gave up (a signal, an abort). `signalName` is set where a process signal was the cause. */
export class CancelledError extends LockstepError {
  readonly signalName: 'SIGINT' | 'SIGTERM' | null;

  constructor(message: string, details: ErrorDetails & { signalName?: 'SIGINT' | 'SIGTERM' } = {}) {
    super('cancelled', message, details);
    this.signalName = details.signalName ?? null;
  }
}

/** A bug in lockstep: something that cannot be was seen. */
export class InvariantError extends LockstepError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('invariant', message, details);
  }
}

/** True for an error of lockstep with this code, from whichever copy of the package it comes. */
export function hasCode<C extends ErrorCode>(error: unknown, code: C): error is LockstepError & { code: C } {
  return error instanceof Error && (error as { code?: unknown }).code === code;
}

/** Any throw as an Error: a non-Error is wrapped, never lost. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error(`non-error thrown: ${String(thrown)}`, { cause: thrown });
}

/** Throws an {@link InvariantError} unless the condition holds. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** The exit status for an error of any kind: 1 (a bug) for what lockstep does not know. */
export function exitCodeOf(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'cancelled' && (error as CancelledError).signalName === 'SIGTERM') return 143;
  return typeof code === 'string' && code in EXIT_CODES ? EXIT_CODES[code as ErrorCode] : 1;
}
