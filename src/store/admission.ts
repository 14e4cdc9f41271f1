/**
 * What may enter a store, checked alike by every driver before anything is sent: keys in the escaped form of store/key.ts,
 * values of whole Unicode text within the limit. It does not look at what a value means.
 */
import { InvariantError, UnsupportedError } from '../base/errors.ts';
import { MAX_VALUE_BYTES } from './contract.ts';

const KEY = /^(?!\.)[a-z0-9._~-]+(\/(?!\.)[a-z0-9._~-]+)*$/;

/** Returns the key, or throws InvariantError: a key that did not come from `createKey` is a bug. */
export function admitKey(key: string): string {
  if (!KEY.test(key)) throw new InvariantError(`not a store key: ${JSON.stringify(key.slice(0, 200))}`);
  return key;
}

/** The value's bytes, or UnsupportedError where it is over the limit or not representable in UTF-8. */
export function admitValue(key: string, value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length > MAX_VALUE_BYTES) {
    throw new UnsupportedError(
      `the value for ${key} has ${bytes.length} bytes; a store takes at most ${MAX_VALUE_BYTES}`,
      { hint: 'shorten what is stored under this name' },
    );
  }
  // Half a surrogate pair would silently come back as U+FFFD from stores that keep UTF-8.
  if (/\p{Surrogate}/u.test(value)) {
    throw new UnsupportedError(`the value for ${key} has half a surrogate pair, which UTF-8 cannot hold`);
  }
  return bytes;
}

/** True where `key` is `prefix` or lies under it, at a segment's border; the empty prefix is everything. */
export function isUnderPrefix(key: string, prefix: string): boolean {
  const border = prefix.replace(/\/+$/, '');
  return border === '' || key === border || key.startsWith(`${border}/`);
}
