/** Names for things that must not collide: nonces for writes, short hashes for identities. */
import { createHash, randomUUID } from 'node:crypto';

/** A fresh UUID: marks one acquisition, one write, one process's incarnation. */
export function createNonce(): string {
  return randomUUID();
}

/**
 * A short stable hash of an ordered list of parts: 16 hex digits. Parts are length-prefixed, so that `['a','bc']` and
 * `['ab','c']` differ. Not a secret's protection: hash only what may be guessed, or salt it.
 */
export function hashIdentity(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return hash.digest('hex').slice(0, 16);
}
