/** Names for things that must not collide: nonces for writes, short hashes for identities. */
import fs from 'node:fs';
import { sha256 } from './sha256.ts';

const RANDOM_DEVICE = '/dev/urandom';
const UUID_BYTES = 16;

/** A fresh UUID (RFC 9562, version 4): marks one acquisition, one write, one process's incarnation. */
export function createNonce(): string {
  const bytes = readKernelRandom(UUID_BYTES);
  // The global one is loaded with its first use, which takes a short run milliseconds.
  return bytes === null ? globalThis.crypto.randomUUID() : formatUuid(bytes);
}

/** Random bytes as the kernel gives them; null where it has no such device (Windows, a bare chroot). */
function readKernelRandom(size: number): Buffer | null {
  let device: number;
  try {
    device = fs.openSync(RANDOM_DEVICE, 'r');
  } catch {
    return null;
  }
  try {
    const bytes = Buffer.alloc(size);
    const isDevice = fs.fstatSync(device).isCharacterDevice();
    return isDevice && fs.readSync(device, bytes) === size ? bytes : null;
  } finally {
    fs.closeSync(device);
  }
}

/** 16 random bytes with version and variant set. Changes them. */
function formatUuid(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/**
 * A short stable hash of an ordered list of parts: 16 hex digits. Parts are length-prefixed, so that `['a','bc']` and
 * `['ab','c']` differ. Not a secret's protection: hash only what may be guessed, or is too long to be.
 */
export function hashIdentity(parts: readonly string[]): string {
  const joined = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return sha256(Buffer.from(joined)).slice(0, 16);
}
