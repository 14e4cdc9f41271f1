/**
 * Postgres's errors in lockstep's words, by SQLSTATE. An error of a statement means that its transaction was rolled back; the
 * exceptions are those that may come after the commit, and they are left to the frame, which knows whether anything was sent.
 */
import { DatabaseError } from 'pg';
import { AuthError, type LockstepError, UnavailableError, UnsupportedError } from '../../base/errors.ts';
import { PREPARE_BY_HAND } from './postgres-statements.ts';

/**
 * Broken connections, a server that shuts down (it may have committed while it waited for a standby), a completion that is
 * unknown by name, internal errors.
 */
const DOUBTFUL = /^(08|57P01|57P02|57P05|40003|XX)/;

/** The SQLSTATE of a server's error; an empty string for anything else. */
export function sqlStateOf(thrown: unknown): string {
  return thrown instanceof DatabaseError ? (thrown.code ?? '') : '';
}

/** True where another transaction was in the way: this one was rolled back. */
export function isSerializationFailure(thrown: unknown): boolean {
  return ['40001', '40P01'].includes(sqlStateOf(thrown));
}

/** True where the table went away under us: the next connection makes it again. */
export function isTableMissing(thrown: unknown): boolean {
  return sqlStateOf(thrown) === '42P01';
}

/** A server's error as an error of the store; null for what the frame must judge. */
export function translateSqlError(
  thrown: unknown,
  about: { what: string; redact: (text: string) => string },
): LockstepError | null {
  const text = about.redact(thrown instanceof Error ? thrown.message : String(thrown));
  const message = `${about.what}: ${text}`;
  const cause = new Error(text);
  // The client's own words, where a password is asked for and none is there.
  if (/^SASL:/.test(text)) {
    return new AuthError(message, { hint: 'put the password into the URL, or set PGPASSWORD', cause });
  }
  const state = sqlStateOf(thrown);
  if (state === '' || DOUBTFUL.test(state)) return null;
  if (state.startsWith('28')) {
    return new AuthError(message, {
      hint: 'put the right user and password into the URL, and see pg_hba.conf for who may connect from where',
      cause,
    });
  }
  if (state === '42501') {
    return new AuthError(message, { hint: `let an administrator run: ${PREPARE_BY_HAND}`, cause });
  }
  if (state === '3D000') {
    return new UnsupportedError(message, {
      hint: 'name an existing database: postgres://HOST/DATABASE',
      cause,
    });
  }
  if (state === '25006') {
    return new UnavailableError(message, { hint: 'this server is a standby: name the primary', cause });
  }
  if (/^(53|57|55|40|42P01|58)/.test(state)) {
    return new UnavailableError(message, { hint: 'see to the server: its log says more', cause });
  }
  return new UnsupportedError(message, {
    hint: 'lockstep needs Postgres 10 or later and a table of its own',
    cause,
  });
}
