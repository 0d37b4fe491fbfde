import { sha256 as portable } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHex } from './bytes.ts';
import { sha256, sha256Hex } from './hash.ts';

test('is SHA-256 (FIPS 180-4), whichever implementation there is', () => {
  const known = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(sha256Hex('abc')).toBe(known);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(toHex(sha256(bytes))).toBe(toHex(portable(bytes)));
    }),
  );
});

test('a view of a buffer is hashed by what it shows', () => {
  const bytes = new TextEncoder().encode('xabcx');
  expect(toHex(sha256(bytes.subarray(1, 4)))).toBe(sha256Hex('abc'));
});
