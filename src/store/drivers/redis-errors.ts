/**
 * Redis's error replies in lockstep's words. A reply is an answer: the script had not written anything (see its invariant).
 * What is no reply (a broken connection) is not judged here.
 */
import { ErrorReply } from '@redis/client';
import {
  AuthError,
  CorruptRecordError,
  type LockstepError,
  UnavailableError,
  UnsupportedError,
} from '../../base/errors.ts';
import { NEEDED_ACL } from './redis-script.ts';

/** Where a Cluster points to; `isAsking` for one command only, while a slot moves. */
export interface Redirection {
  /** Empty: the host that was asked. */
  readonly host: string;
  readonly port: number;
  readonly isAsking: boolean;
}

/** The node that a reply names instead of answering; null for any other error. */
export function parseRedirection(thrown: unknown): Redirection | null {
  if (!(thrown instanceof ErrorReply)) return null;
  const [, kind, host = '', port] = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(thrown.message) ?? [];
  if (kind === undefined) return null;
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port), isAsking: kind === 'ASK' };
}

/** True where the script is not known there (any more). */
export function isScriptMissing(thrown: unknown): boolean {
  return thrown instanceof ErrorReply && thrown.message.startsWith('NOSCRIPT');
}

/** True where the server is not, or no longer, the one to write to. */
export function isWrongServer(thrown: unknown): boolean {
  return thrown instanceof ErrorReply && /\b(READONLY|MASTERDOWN|LOADING)\b/.test(thrown.message);
}

/** An error reply as an error of the store; null for what is none. `redact` takes secrets out of its text. */
export function translateReply(
  thrown: unknown,
  about: { what: string; redact: (text: string) => string },
): LockstepError | null {
  if (!(thrown instanceof ErrorReply)) return null;
  const reply = about.redact(thrown.message);
  const message = `${about.what}: ${reply}`;
  // The original may repeat the arguments of a refused AUTH.
  const cause = new Error(reply);
  if (/\b(WRONGPASS|NOAUTH)\b|invalid password|AUTH <password> called/i.test(reply)) {
    return new AuthError(message, {
      hint: 'put the right user and password into the URL: redis://USER:PASSWORD@HOST',
      cause,
    });
  }
  if (/\bNOPERM\b|no permissions|the user executing the script can't|ACL failure/i.test(reply)) {
    return new AuthError(message, { hint: `the user needs: ${NEEDED_ACL}`, cause });
  }
  if (/\bWRONGTYPE\b/.test(reply)) {
    return new CorruptRecordError(`${message}; it was left untouched`, {
      hint: 'something else uses names that begin with lockstep:',
      cause,
    });
  }
  if (/\b(OOM|MISCONF|NOREPLICAS)\b/.test(reply)) {
    return new UnavailableError(message, {
      hint: 'the server takes no writes: see to its memory, disk or replicas',
      cause,
    });
  }
  if (
    /\b(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|MOVED|ASK)\b|max number of clients/i.test(reply)
  ) {
    return new UnavailableError(message, {
      hint: 'the server is not, or not yet, the one to write to',
      cause,
    });
  }
  return new UnsupportedError(message, {
    hint: 'lockstep needs Redis 5 or later with scripting, and a database number that exists',
    cause,
  });
}
