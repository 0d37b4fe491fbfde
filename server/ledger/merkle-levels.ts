/** A Merkle tree all at once, with the machine's own SHA-256: the roots and proofs of `@openledger/protocol`, faster. */
import { createHash } from 'node:crypto';
import { emptyRoot } from '@openledger/protocol';

/** Hashes of a tree, the leaves first, the root last. */
export type Levels = readonly (readonly Uint8Array[])[];

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

const hashOf = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** @param leaves leaf data, in order */
export function levelsOf(leaves: readonly (Uint8Array | string)[]): Levels {
  const levels = [leaves.map((leaf) => hashOf(LEAF, leaf))];
  for (let level = levels[0]; level.length > 1; level = levels[levels.length - 1]) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(hashOf(NODE, level[i], level[i + 1]));
    if (level.length % 2 === 1) above.push(level[level.length - 1]); // a last one without a sibling rises as it is
    levels.push(above);
  }
  return levels;
}

export const rootIn = (levels: Levels): Uint8Array => levels[levels.length - 1][0] ?? emptyRoot();

/** A leaf's inclusion proof, nearest to the leaf first. */
export function pathIn(levels: Levels, index: number): readonly Uint8Array[] {
  const path: Uint8Array[] = [];
  let place = index;
  for (const level of levels) {
    const sibling = level[place % 2 === 0 ? place + 1 : place - 1];
    if (sibling) path.push(sibling);
    place = Math.floor(place / 2);
  }
  return path;
}
