/**
 * A Merkle tree all at once, with the machine's own SHA-256: the roots and proofs of `@openledger/protocol`, faster.
 *
 * Digests are kept as latin1 strings, a character a byte: the fastest way from one hash into the next.
 */
import { hash } from 'node:crypto';
import { emptyRoot } from '@openledger/protocol';

/** Hashes of a tree, the leaves first, the root last. */
export type Levels = readonly (readonly Digest[])[];
export type Digest = string;

const LEAF = '\0';
const NODE = 1;
const SIZE = 32;

/** @param leaves leaf data, in order */
export const levelsOf = (leaves: readonly (Uint8Array | string)[]): Levels =>
  levelsOver(leaves.map(leafHash));

/** @param leaves hashes of leaves, in order */
export function levelsOver(leaves: readonly Digest[]): Levels {
  const levels = [leaves];
  for (let level = leaves; level.length > 1; level = levels[levels.length - 1]) {
    const above: Digest[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(level[i], level[i + 1]));
    if (level.length % 2 === 1) above.push(level[level.length - 1]); // a last one without a sibling rises as it is
    levels.push(above);
  }
  return levels;
}

export const leafHash = (leaf: Uint8Array | string): Digest =>
  hash(
    'sha256',
    typeof leaf === 'string' ? LEAF + leaf : Buffer.concat([Buffer.of(0), leaf]),
    'binary',
  );

const node = Buffer.alloc(1 + 2 * SIZE, NODE);

function nodeHash(left: Digest, right: Digest): Digest {
  node.write(left, 1, 'latin1');
  node.write(right, 1 + SIZE, 'latin1');
  return hash('sha256', node, 'binary');
}

const bytesOf = (digest: Digest): Uint8Array => Buffer.from(digest, 'latin1');

export function rootIn(levels: Levels): Uint8Array {
  const [root] = levels[levels.length - 1];
  return root === undefined ? emptyRoot() : bytesOf(root);
}

/** A leaf's inclusion proof, nearest to the leaf first. */
export function pathIn(levels: Levels, index: number): readonly Uint8Array[] {
  const path: Uint8Array[] = [];
  let place = index;
  for (const level of levels) {
    const sibling = level[place % 2 === 0 ? place + 1 : place - 1];
    if (sibling !== undefined) path.push(bytesOf(sibling));
    place = Math.floor(place / 2);
  }
  return path;
}
