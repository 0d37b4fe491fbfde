/**
 * The Merkle tree of cumulative payouts, in one flat buffer: the same root as OpenZeppelin's StandardMerkleTree.
 *
 * A leaf is keccak256(keccak256(abi.encode(account, token, cumulative))). Leaves are sorted by hash and fill the end of
 * an array of 2n - 1 nodes backwards; node i is the hash of its children 2i + 1 and 2i + 2, the smaller one first.
 */
import { fromHex, toHex } from '@openledger/protocol';
import { createKeccak } from 'hash-wasm';
import type { Address, Hex } from '../platform/chain.ts';

export type Leaf = {
  readonly account: Address;
  readonly token: Address;
  /** All that the account has ever earned of the token, in units. */
  readonly cumulative: bigint;
};

export type LeafTree = {
  readonly root: Hex;
  /** Siblings from the leaf up. @param index the leaf's place among the leaves given */
  proof(index: number): readonly Hex[];
};

const WORD = 32;

/** @param leaves at least one; no two may be equal */
export async function leafTree(leaves: readonly Leaf[]): Promise<LeafTree> {
  if (leaves.length === 0) throw new Error('A tree needs a leaf.');
  const keccak = await createKeccak(256);
  const hash = (bytes: Uint8Array) => keccak.init().update(bytes).digest('binary');

  const hashes = leaves.map((leaf) => hash(hash(encodeLeaf(leaf))));
  const order = hashes
    .map((_, index) => index)
    .sort((a, b) => Buffer.compare(hashes[a], hashes[b]));
  const size = 2 * leaves.length - 1;
  const nodes = new Uint8Array(size * WORD);
  const node = (index: number) => nodes.subarray(index * WORD, (index + 1) * WORD);
  const placeOf = new Uint32Array(leaves.length); // leaf -> node
  order.forEach((leaf, rank) => {
    placeOf[leaf] = size - 1 - rank;
    node(placeOf[leaf]).set(hashes[leaf]);
  });

  const pair = new Uint8Array(2 * WORD);
  for (let index = leaves.length - 2; index >= 0; index--) {
    const [left, right] = [node(2 * index + 1), node(2 * index + 2)];
    const leftFirst = Buffer.compare(left, right) <= 0;
    pair.set(leftFirst ? left : right, 0);
    pair.set(leftFirst ? right : left, WORD);
    node(index).set(hash(pair));
  }

  return {
    root: `0x${toHex(node(0))}`,
    proof(index) {
      const siblings: Hex[] = [];
      for (let at = placeOf[index]; at > 0; at = (at - 1) >> 1) {
        const sibling = at % 2 === 1 ? at + 1 : at - 1;
        siblings.push(`0x${toHex(node(sibling))}`);
      }
      return siblings;
    },
  };
}

/** abi.encode(address, address, uint256): three words of 32 bytes, numbers at their right end. */
function encodeLeaf({ account, token, cumulative }: Leaf): Uint8Array {
  const bytes = new Uint8Array(3 * WORD);
  bytes.set(fromHex(account.slice(2).toLowerCase()), WORD - 20);
  bytes.set(fromHex(token.slice(2).toLowerCase()), 2 * WORD - 20);
  bytes.set(fromHex(cumulative.toString(16).padStart(2 * WORD, '0')), 2 * WORD);
  return bytes;
}
