/**
 * The other half of a fencing token: a resource of one's own that refuses tokens older than the newest it has seen. Then even a
 * holder that was paused past its lease, and has one effect under way, changes nothing any more (L8).
 * NOT guaranteed: anything where the resource compares and then writes in two steps; comparing must be part of the write, as in
 * the three ways below. Needs a lock with one permit: with more, several tokens are rightly in use at once.
 *
 *   SQL    UPDATE deployments SET version = $2, token = $1 WHERE id = $3 AND token <= $1      no row: refused
 *   HTTP   the header `lockstep-fencing-token`; the server answers 409 to one below the newest it has seen
 *   files  one file per token, `state.json.0000000000000007`; readers take the newest name, so an old holder's is never read
 *
 * Source of the idea: M. Kleppmann, "How to do distributed locking" (2016); G. Burrows' Chubby calls it a sequencer.
 */
import { FencedError } from '../base/errors.ts';
import { MAX_TOKEN } from './record.ts';

/** The header that carries a token over HTTP. */
export const FENCING_HEADER = 'lockstep-fencing-token';

/** As many digits as the highest token has, so that names sort like numbers. */
const DIGITS = 16;

/** One holder's token, as it is carried to a resource. */
export interface Guard {
  readonly token: number;
  /** For a request to a server that judges with {@link admitToken}. */
  readonly headers: Readonly<Record<typeof FENCING_HEADER, string>>;
  /** After an `UPDATE … WHERE token <= $1`: throws FencedError unless a row was changed. Some clients count none as null. */
  assertWritten(changedRows: number | null | undefined): void;
  /** The name under which this holder writes what readers find with {@link newestFile}. */
  fileName(name: string): string;
}

/**
 * The guard of a token: `guard(lease.token)`, or in a command that `lockstep lock` runs, `guard(process.env.LOCKSTEP_FENCING_TOKEN)`.
 * FencedError where it is no token: then nothing may be written under it.
 *
 * @example
 * const own = guard(process.env.LOCKSTEP_FENCING_TOKEN);
 * const { rowCount } = await sql.query('UPDATE stacks SET version = $2, token = $1 WHERE id = $3 AND token <= $1', [own.token, version, id]);
 * own.assertWritten(rowCount);
 */
export function guard(token: number | string | undefined): Guard {
  const value = parseToken(token);
  if (value === null) throw new FencedError(`${describe(token)} is not a fencing token`);
  return Object.freeze({
    token: value,
    headers: Object.freeze({ [FENCING_HEADER]: String(value) }),
    assertWritten(changedRows: number | null | undefined) {
      // Whatever is no count, too: nothing says then that it was written.
      if (!changedRows) throw new FencedError(`token ${value} was refused: a newer holder has written`);
    },
    fileName: (name: string) => `${name}.${String(value).padStart(DIGITS, '0')}`,
  });
}

/**
 * A resource's judgement of a token that came with a request, against the newest it has seen (null for none): the one to
 * remember from now on. Remember it in the same step as the effect. FencedError where it is older, missing or no token.
 */
export function admitToken(token: number | string | undefined, newest: number | null): number {
  const value = parseToken(token);
  if (value === null) throw new FencedError(`${describe(token)} is not a fencing token`);
  if (newest !== null && value < newest) {
    throw new FencedError(`token ${value} was refused: a holder with token ${newest} has written`);
  }
  return value;
}

/** Of the names in a folder the newest that {@link Guard.fileName} made of `name`; null where there is none. */
export function newestFile(names: readonly string[], name: string): string | null {
  const own = names.filter(
    (each) => each.startsWith(`${name}.`) && /^\d{16}$/.test(each.slice(name.length + 1)),
  );
  return own.sort().at(-1) ?? null;
}

function parseToken(token: number | string | undefined): number | null {
  const text = String(token ?? '').trim();
  const value = Number(text);
  return /^[1-9]\d*$/.test(text) && value <= MAX_TOKEN ? value : null;
}

function describe(token: number | string | undefined): string {
  return token === undefined || token === '' ? 'nothing' : `"${String(token).slice(0, 40)}"`;
}
