import fc from 'fast-check';
import { encodeAbiParameters, keccak256 } from 'viem';
import { expect, test } from 'vitest';
import type { Address, Hex } from '../platform/chain.ts';
import { type Leaf, leafTree } from './leaf-tree.ts';

const address = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes): Address => `0x${Buffer.from(bytes).toString('hex')}`);

const leaves = fc.uniqueArray(
  fc.record({
    account: address,
    token: address,
    cumulative: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  }),
  { minLength: 1, maxLength: 40, selector: ({ account }) => account },
);

test('its root is that of the slow, obvious tree, and every proof leads to it', async () => {
  await fc.assert(
    fc.asyncProperty(leaves, async (some) => {
      const tree = await leafTree(some);
      expect(tree.root).toBe(obviousRoot(some));
      some.forEach((leaf, index) => {
        expect(tree.proof(index).reduce(pairOf, leafHash(leaf))).toBe(tree.root);
      });
    }),
    { numRuns: 60 },
  );
});

test('the order of the leaves does not matter', async () => {
  await fc.assert(
    fc.asyncProperty(leaves, async (some) => {
      expect((await leafTree(some)).root).toBe((await leafTree(some.toReversed())).root);
    }),
    { numRuns: 20 },
  );
});

/** OpenZeppelin's StandardMerkleTree as its documentation describes it, with viem's slow keccak. */
function obviousRoot(some: readonly Leaf[]): Hex {
  const nodes: Hex[] = some.map(leafHash).sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1));
  nodes.unshift(...Array<Hex>(some.length - 1));
  for (let i = some.length - 2; i >= 0; i--) nodes[i] = pairOf(nodes[2 * i + 1], nodes[2 * i + 2]);
  return nodes[0];
}

const leafHash = ({ account, token, cumulative }: Leaf): Hex =>
  keccak256(
    keccak256(
      encodeAbiParameters(
        [{ type: 'address' }, { type: 'address' }, { type: 'uint256' }],
        [account, token, cumulative],
      ),
    ),
  );

const pairOf = (a: Hex, b: Hex): Hex =>
  keccak256(
    BigInt(a) < BigInt(b) ? `0x${a.slice(2)}${b.slice(2)}` : `0x${b.slice(2)}${a.slice(2)}`,
  );
