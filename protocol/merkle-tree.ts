/**
 * A Merkle tree that grows: appends touch O(log n) hashes, and every earlier size can still be proved.
 *
 * Only full nodes are kept: node (level, index) spans the 2^level leaves from index * 2^level on, and never changes.
 * Where they are kept is the caller's business: in memory (`createMerkleTree`) or in a table, fetched by the
 * coordinates `fullNodes` names.
 */
import {
  consistencyRanges,
  emptyRoot,
  inclusionRanges,
  type LeafRange,
  nodeHash,
} from './merkle.ts';

export type NodeCoordinate = { readonly level: number; readonly index: number };
export type FullNode = NodeCoordinate & { readonly hash: Uint8Array };

/** The full nodes that make up a subtree, left to right, largest first. Those of {0, size} are a tree's right edge. */
export function fullNodes({ start, end }: LeafRange): readonly NodeCoordinate[] {
  const nodes: NodeCoordinate[] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level++;
    nodes.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return nodes;
}

/** The hash of a subtree, folded from its full nodes. */
export function hashRange(
  range: LeafRange,
  nodeAt: (node: NodeCoordinate) => Uint8Array,
): Uint8Array {
  if (range.start === range.end) return emptyRoot();
  return fullNodes(range)
    .map(nodeAt)
    .reduceRight((right, left) => nodeHash(left, right));
}

/**
 * The nodes that one more leaf fills: the leaf itself, and each ancestor it completes.
 *
 * @param size leaves before the append
 * @param nodeAt reads the right edge, `fullNodes({ start: 0, end: size })`
 */
export function appendLeaf(
  size: number,
  leaf: Uint8Array,
  nodeAt: (node: NodeCoordinate) => Uint8Array,
): readonly FullNode[] {
  let node: FullNode = { level: 0, index: size, hash: leaf };
  const filled = [node];
  while (node.index % 2 === 1) {
    const left = nodeAt({ level: node.level, index: node.index - 1 });
    const hash = nodeHash(left, node.hash);
    node = { level: node.level + 1, index: (node.index - 1) / 2, hash };
    filled.push(node);
  }
  return filled;
}

export type MerkleTree = {
  readonly size: () => number;
  /** Adds a leaf's hash and returns its index. */
  readonly append: (leaf: Uint8Array) => number;
  /** The root as it was at `size` leaves; of all leaves where none is given. */
  readonly root: (size?: number) => Uint8Array;
  readonly inclusion: (index: number, size?: number) => readonly Uint8Array[];
  readonly consistency: (first: number, second?: number) => readonly Uint8Array[];
};

/** A growing tree in memory: 64 bytes a leaf. Its readers throw Error on a size it has not reached. */
export function createMerkleTree(leaves: readonly Uint8Array[] = []): MerkleTree {
  const levels: Uint8Array[][] = [[]];
  const nodeAt = ({ level, index }: NodeCoordinate): Uint8Array => {
    const hash = levels[level]?.[index];
    if (!hash) throw new Error(`The tree has no node ${index} at level ${level} yet.`);
    return hash;
  };
  const hashOf = (range: LeafRange) => hashRange(range, nodeAt);
  const size = () => levels[0].length;
  const append = (leaf: Uint8Array): number => {
    const index = size();
    for (const node of appendLeaf(index, leaf, nodeAt)) {
      levels[node.level] ??= [];
      levels[node.level].push(node.hash);
    }
    return index;
  };
  for (const leaf of leaves) append(leaf);
  return {
    size,
    append,
    root: (end = size()) => hashOf({ start: 0, end }),
    inclusion: (index, end = size()) => inclusionRanges(index, end).map(hashOf),
    consistency: (first, second = size()) => consistencyRanges(first, second).map(hashOf),
  };
}
