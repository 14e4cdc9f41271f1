/** Names for things that must not collide: nonces for writes, short hashes for identities. */
import { sha256 } from './sha256.ts';

/** A fresh UUID: marks one acquisition, one write, one process's incarnation. */
export function createNonce(): string {
  // The global one is loaded with its first use.
  return globalThis.crypto.randomUUID();
}

/**
 * A short stable hash of an ordered list of parts: 16 hex digits. Parts are length-prefixed, so that `['a','bc']` and
 * `['ab','c']` differ. Not a secret's protection: hash only what may be guessed, or is too long to be.
 */
export function hashIdentity(parts: readonly string[]): string {
  const joined = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return sha256(Buffer.from(joined)).slice(0, 16);
}
