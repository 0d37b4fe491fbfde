/**
 * Merkle trees over a growing list of leaves, their inclusion and their consistency proofs (RFC 6962, RFC 9162 section 2.1).
 *
 * A leaf hashes as SHA-256(0x00 | data), a node as SHA-256(0x01 | left | right), so that neither can pass for the other.
 * The left part of a node always spans the largest power of two of leaves smaller than the whole.
 *
 * Subtrees are named by the leaves they span. One that spans an aligned power of two never changes once it is full:
 * those are the nodes a growing tree stores (see merkle-tree.ts), and every root and proof is folded from them.
 */
import { concatBytes, equalBytes } from './bytes.ts';
import { sha256 } from './hash.ts';

/** Bytes of every hash in a tree. */
export const MERKLE_HASH_BYTES = 32;

const LEAF_PREFIX = new Uint8Array([0]);
const NODE_PREFIX = new Uint8Array([1]);

/** The root of no leaves: SHA-256 of nothing. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array(0));

export const leafHash = (data: Uint8Array): Uint8Array => sha256(concatBytes(LEAF_PREFIX, data));

export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(concatBytes(NODE_PREFIX, left, right));

/** The root over leaf data, in order, [32] bytes. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return emptyRoot();
  let level = leaves.map(leafHash);
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(level[i], level[i + 1]));
    if (level.length % 2 === 1) above.push(level[level.length - 1]); // a last one without a sibling rises as it is
    level = above;
  }
  return level[0];
}

/** The subtree over leaves `start` (inclusive) to `end` (exclusive). */
export type LeafRange = { readonly start: number; readonly end: number };

/**
 * The subtrees whose hashes prove that a leaf stands in a tree, nearest to the leaf first.
 *
 * @throws Error unless 0 <= index < size
 */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  if (!isCount(index) || !isCount(size) || index >= size)
    throw new Error(`Leaf ${index} is not in a tree of ${size}.`);
  const ranges: LeafRange[] = [];
  let { start, end }: LeafRange = { start: 0, end: size };
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      ranges.unshift({ start: middle, end });
      end = middle;
    } else {
      ranges.unshift({ start, end: middle });
      start = middle;
    }
  }
  return ranges;
}

/**
 * The subtrees whose hashes prove that a tree of `first` leaves grew into one of `second`, in RFC 6962's order.
 *
 * @throws Error unless 0 <= first <= second
 */
export function consistencyRanges(first: number, second: number): readonly LeafRange[] {
  if (!isCount(first) || !isCount(second) || first > second)
    throw new Error(`A tree of ${first} does not grow into one of ${second}.`);
  if (first === 0 || first === second) return [];
  const ranges: LeafRange[] = [];
  let { start, end }: LeafRange = { start: 0, end: second };
  while (end !== first) {
    const middle = start + largestPowerBelow(end - start);
    if (first <= middle) {
      ranges.unshift({ start: middle, end });
      end = middle;
    } else {
      ranges.unshift({ start, end: middle });
      start = middle;
    }
  }
  // What remains is the old tree's last part. When it is the whole old tree, the verifier has its root already.
  return start === 0 ? ranges : [{ start, end }, ...ranges];
}

/**
 * Whether a leaf stands at `index` in the tree of `size` leaves with this root.
 *
 * @param leaf the leaf's hash, [32] bytes
 * @param proof sibling hashes, nearest to the leaf first
 */
export function verifyInclusion(claim: {
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}): boolean {
  const { leaf, index, size, proof, root } = claim;
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  if (![leaf, root, ...proof].every(isHash)) return false;

  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(hash, root);
}

/** Whether the tree of `second` leaves begins with the tree of `first` leaves. The empty tree begins every tree. */
export function verifyConsistency(claim: {
  readonly first: number;
  readonly firstRoot: Uint8Array;
  readonly second: number;
  readonly secondRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}): boolean {
  const { first, firstRoot, second, secondRoot, proof } = claim;
  if (!isCount(first) || !isCount(second) || first > second) return false;
  if (![firstRoot, secondRoot, ...proof].every(isHash)) return false;
  if (first === 0) return proof.length === 0 && equalBytes(firstRoot, emptyRoot());
  if (first === second) return proof.length === 0 && equalBytes(firstRoot, secondRoot);

  let node = first - 1;
  let last = second - 1;
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  const path = node === 0 ? [firstRoot, ...proof] : proof; // node 0: the old tree is full, its root begins the path
  if (path.length === 0) return false;

  let [firstHash] = path;
  let [secondHash] = path;
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      firstHash = nodeHash(sibling, firstHash);
      secondHash = nodeHash(sibling, secondHash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      secondHash = nodeHash(secondHash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(firstHash, firstRoot) && equalBytes(secondHash, secondRoot);
}

// Sizes may pass 2^32, so shifts are divisions.
const half = (value: number): number => Math.floor(value / 2);
const isOdd = (value: number): boolean => value % 2 === 1;
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isHash = (bytes: Uint8Array): boolean => bytes.length === MERKLE_HASH_BYTES;

/** The largest power of two smaller than `size`, which is at least 2. */
function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}
