/**
 * A filter over hashes: says of most that were never added that they are not there, and of none that was.
 *
 * Source: Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", 1970. Two bits a hash among four for each: of
 * hashes that were never added one in six or seven seems to be there.
 */

import { mix } from './mix.ts';

export type GramFilter = {
  /** [ceil(4 * capacity / 32)], at least one. */
  readonly bits: Uint32Array;
};

const BITS_PER_HASH = 4;

/** @param capacity the most hashes that will be added */
export const createGramFilter = (capacity: number): GramFilter => ({
  bits: new Uint32Array(Math.max(1, Math.ceil((capacity * BITS_PER_HASH) / 32))),
});

/** @param hash a whole number, its low 32 bits well mixed */
export function addGram({ bits }: GramFilter, hash: number): void {
  const first = bitOf(hash, bits.length);
  const second = bitOf(mix(hash), bits.length);
  bits[first >>> 5] |= 1 << (first & 31);
  bits[second >>> 5] |= 1 << (second & 31);
}

export function mayHaveGram({ bits }: GramFilter, hash: number): boolean {
  const first = bitOf(hash, bits.length);
  if (!(bits[first >>> 5] & (1 << (first & 31)))) return false;
  const second = bitOf(mix(hash), bits.length);
  return (bits[second >>> 5] & (1 << (second & 31))) !== 0;
}

/** Spreads 32 bits over as many bits as there are, without a remainder (Lemire, 2016). */
const bitOf = (hash: number, words: number): number =>
  Math.floor((hash >>> 0) * ((words * 32) / 2 ** 32));
