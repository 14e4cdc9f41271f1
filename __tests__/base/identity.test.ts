import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createNonce, hashIdentity } from '../../src/base/identity.ts';
import { sha256 } from '../../src/base/sha256.ts';

describe('sha256', () => {
  test('is what node computes, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
      }),
    );
  });

  test.each([0, 55, 56, 63, 64, 119, 120, 128, 100_000])('is right at a length of %d', (length) => {
    const bytes = new Uint8Array(length).fill(97);
    expect(sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
  });
});

describe('names that must not collide', () => {
  test('a nonce is a fresh UUID', () => {
    expect(createNonce()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(createNonce()).not.toBe(createNonce());
  });

  test('ten thousand nonces differ, in every place that is free', () => {
    const nonces = Array.from({ length: 10_000 }, createNonce);
    expect(new Set(nonces).size).toBe(nonces.length);
    const fixed = [8, 13, 14, 18, 23];
    for (let at = 0; at < 36; at += 1) {
      const digits = new Set(nonces.map((nonce) => nonce[at])).size;
      expect([at, digits]).toEqual([at, fixed.includes(at) ? 1 : at === 19 ? 4 : 16]);
    }
  });

  test('a nonce costs a short run no module of cryptography', () => {
    const identity = new URL('../../src/base/identity.ts', import.meta.url).href;
    const loader = new URL('../../scripts/register-ts.js', import.meta.url).href;
    const program = `const loaded = () => process.moduleLoadList.filter((name) => name.includes('crypto')).length;
      const { createNonce } = await import('${identity}');
      const before = loaded();
      createNonce();
      process.stdout.write(String(loaded() - before));`;
    const args = ['--import', loader, '--input-type=module', '-e', program];
    const added = Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    if (process.platform === 'linux') expect(added).toBe(0);
    else expect(added).toBeGreaterThanOrEqual(0);
  });

  test('an identity is 16 hex digits and tells apart what concatenation would not', () => {
    expect(hashIdentity(['a'])).toMatch(/^[0-9a-f]{16}$/);
    expect(hashIdentity(['ab', 'c'])).not.toBe(hashIdentity(['a', 'bc']));
    expect(hashIdentity(['a', ''])).not.toBe(hashIdentity(['a']));
    expect(hashIdentity(['ä'])).not.toBe(hashIdentity(['a']));
  });
});
