/**
 * What the etcd driver keeps and what the JSON gateway answers, without I/O: names in base64, transactions as data, and each
 * refusal in lockstep's words. Invariant: "not applied" is said only of refusals that come before a proposal or out of its
 * application; a time-out or a lost leader leaves a write open, since the proposal may be applied later.
 */
import { isJsonObject, type JsonObject } from '../../base/codec.ts';
import { AuthError, type LockstepError, UnavailableError, UnsupportedError } from '../../base/errors.ts';
import type { Entry } from '../contract.ts';

const PREFIX = 'lockstep/';

/** A key's name as the gateway takes it. */
export function nameOf(key: string): string {
  return toBase64(PREFIX + key);
}

/** The inverse of {@link nameOf}. */
export function keyOfName(name: unknown): string {
  return fromBase64(name).slice(PREFIX.length);
}

/** All names under a key, itself left out: from its slash to what follows every slash. */
export function rangeUnder(border: string): { key: string; range_end: string } {
  const start = border === '' ? PREFIX.slice(0, -1) : PREFIX + border;
  // '0' comes right after '/'.
  return { key: toBase64(`${start}/`), range_end: toBase64(`${start}0`) };
}

/** What etcd can have given as the revision of a key that is there. */
export const REVISION = /^[1-9]\d{0,17}$/;

/** The transaction of a conditional write; its failure reads what is there instead. */
export function formatTransaction(write: {
  key: string;
  expect: string | null;
  value: string | null;
}): JsonObject {
  const { expect, value } = write;
  const key = nameOf(write.key);
  const condition =
    expect === null ? { target: 'CREATE', create_revision: '0' } : { target: 'MOD', mod_revision: expect };
  const effect =
    value === null ? { request_delete_range: { key } } : { request_put: { key, value: toBase64(value) } };
  return {
    compare: [{ key, result: 'EQUAL', ...condition }],
    success: [effect],
    failure: [{ request_range: { key } }],
  };
}

/** The first entry of a range response; null where it is empty. */
export function entryOf(response: unknown): Entry | null {
  const [first] = listOf(response, 'kvs');
  if (!isJsonObject(first)) return null;
  return Object.freeze({ value: fromBase64(first['value']), revision: String(first['mod_revision']) });
}

/** What was there instead, from the answer to a transaction that did not succeed. */
export function currentOf(answer: JsonObject): Entry | null | undefined {
  const [first] = listOf(answer, 'responses');
  return isJsonObject(first) ? entryOf(first['response_range']) : undefined;
}

/** The store's revision, as of an answer. */
export function revisionOf(answer: JsonObject): string {
  const header = answer['header'];
  return isJsonObject(header) ? String(header['revision']) : '';
}

/** A list in an answer; the gateway leaves empty ones out. */
export function listOf(answer: unknown, name: string): readonly unknown[] {
  const value = isJsonObject(answer) ? answer[name] : undefined;
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** The gateway said no. `status` is HTTP's; the text is etcd's. */
export class EtcdRefusal extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.name = 'EtcdRefusal';
    this.status = status;
  }
}

/** The refusal in an answer that is none of the expected ones. */
export function parseRefusal(status: number, body: string): EtcdRefusal {
  try {
    const answer: unknown = JSON.parse(body);
    const text = isJsonObject(answer) ? (answer['message'] ?? answer['error']) : null;
    if (typeof text === 'string') return new EtcdRefusal(status, text);
  } catch {
    // Not the gateway's: something between us and it answered in its own way.
  }
  return new EtcdRefusal(status, `HTTP ${status}: ${body.slice(0, 200)}`);
}

/** True where the token is no longer good: nothing was proposed, and a fresh token may help. */
export function isTokenStale(thrown: unknown): boolean {
  return (
    thrown instanceof EtcdRefusal && /invalid auth token|revision of auth store is old/i.test(thrown.message)
  );
}

/** A refusal as an error of the store; null for what leaves the outcome open, or is no refusal. */
export function translateRefusal(
  thrown: unknown,
  about: { what: string; redact: (text: string) => string },
): LockstepError | null {
  if (!(thrown instanceof EtcdRefusal)) return null;
  const text = about.redact(thrown.message);
  const message = `${about.what}: ${text}`;
  const cause = new Error(text);
  if (/authentication failed|user name is empty|invalid auth token|auth store is old/i.test(text)) {
    return new AuthError(message, {
      hint: 'put the right user and password into the URL: etcd://USER:PASSWORD@HOST:2379',
      cause,
    });
  }
  if (/permission denied/i.test(text)) {
    return new AuthError(message, {
      hint: 'grant the role of this user: etcdctl role grant-permission ROLE readwrite --prefix lockstep/',
      cause,
    });
  }
  if (/database space exceeded/i.test(text)) {
    return new UnavailableError(message, {
      hint: 'compact and defragment etcd, then: etcdctl alarm disarm',
      cause,
    });
  }
  if (thrown.status === 429 || /too many requests|learner/i.test(text)) {
    return new UnavailableError(message, { hint: 'see to the cluster: its log says more', cause });
  }
  // Refused as malformed, unknown or too large before anything was proposed; 408 and 499 are time-outs.
  if (thrown.status >= 400 && thrown.status < 500 && ![408, 429, 499].includes(thrown.status)) {
    return new UnsupportedError(message, {
      hint: 'lockstep needs etcd 3.4 or later with its JSON gateway',
      cause,
    });
  }
  return null;
}

function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function fromBase64(text: unknown): string {
  return typeof text === 'string' ? Buffer.from(text, 'base64').toString('utf8') : '';
}
