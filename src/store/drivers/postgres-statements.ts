/**
 * The Postgres driver's SQL: one table of keys, revisions from one sequence, a notification in the same statement as the write
 * (so it goes out exactly when the write is committed). Keys and values are parameters, never text.
 * Invariant: each write is one statement, hence one transaction; what it returns was committed, what it refuses was not.
 */
import { hashIdentity } from '../../base/identity.ts';

// Values are bytes: `text` could not hold a NUL. Keys compare byte by byte, so that a prefix is a range.
const TABLE = 'lockstep_store (k text COLLATE "C" PRIMARY KEY, r bigint NOT NULL, v bytea NOT NULL)';

export const IS_PREPARED = `SELECT to_regclass('lockstep_store') IS NOT NULL AS found`;

/** Several statements at once are one transaction; the lock keeps two first users from making the same things twice. */
export const PREPARE = `
  SELECT pg_advisory_xact_lock(7161200417);
  CREATE SEQUENCE IF NOT EXISTS lockstep_revision;
  CREATE TABLE IF NOT EXISTS ${TABLE}`;

/** For an administrator, where the store's user may not make the table. */
export const PREPARE_BY_HAND =
  `CREATE SEQUENCE lockstep_revision; CREATE TABLE ${TABLE}; ` +
  'GRANT SELECT, INSERT, UPDATE, DELETE ON lockstep_store TO …; GRANT USAGE ON SEQUENCE lockstep_revision TO …';

/** $1 key */
export const READ = 'SELECT r, v FROM lockstep_store WHERE k = $1';

/** $1 key, $2 value, $3 channel */
export const INSERT = `
  WITH written AS (
    INSERT INTO lockstep_store (k, r, v) VALUES ($1, nextval('lockstep_revision'), $2)
    ON CONFLICT (k) DO NOTHING RETURNING r
  ) SELECT r, pg_notify($3, '') FROM written`;

/** $1 key, $2 value, $3 channel, $4 revision */
export const UPDATE = `
  WITH written AS (
    UPDATE lockstep_store SET r = nextval('lockstep_revision'), v = $2 WHERE k = $1 AND r = $4 RETURNING r
  ) SELECT r, pg_notify($3, '') FROM written`;

/** $1 key, $2 channel, $3 revision */
export const DELETE = `
  WITH written AS (
    DELETE FROM lockstep_store WHERE k = $1 AND r = $3 RETURNING k
  ) SELECT nextval('lockstep_revision') AS r, pg_notify($2, '') FROM written`;

/** $1 key without a final slash. */
export const LIST_UNDER = `SELECT k FROM lockstep_store WHERE k = $1 OR (k >= $1 || '/' AND k < $1 || '0')`;

export const LIST_ALL = 'SELECT k FROM lockstep_store';

/** The channel of a key; keys that share one only wake each other. Safe in SQL, which takes no parameter there. */
export function channelOf(key: string): string {
  return `lockstep_${hashIdentity([key])}`;
}
