import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalBytes, toHex, utf8 } from './bytes.ts';
import {
  consistencyRanges,
  emptyRoot,
  inclusionRanges,
  leafHash,
  merkleRoot,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
import { createMerkleTree } from './merkle-tree.ts';

/** RFC 6962 section 2.1, word for word recursive, over leaf hashes. */
function slowRoot(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return emptyRoot();
  if (hashes.length === 1) return hashes[0];
  const k = split(hashes.length);
  return nodeHash(slowRoot(hashes.slice(0, k)), slowRoot(hashes.slice(k)));
}

function slowPath(m: number, hashes: readonly Uint8Array[]): readonly Uint8Array[] {
  if (hashes.length === 1) return [];
  const k = split(hashes.length);
  const [left, right] = [hashes.slice(0, k), hashes.slice(k)];
  return m < k
    ? [...slowPath(m, left), slowRoot(right)]
    : [...slowPath(m - k, right), slowRoot(left)];
}

function slowProof(m: number, hashes: readonly Uint8Array[], whole = true): readonly Uint8Array[] {
  if (m === hashes.length) return whole ? [] : [slowRoot(hashes)];
  const k = split(hashes.length);
  const [left, right] = [hashes.slice(0, k), hashes.slice(k)];
  return m <= k
    ? [...slowProof(m, left, whole), slowRoot(right)]
    : [...slowProof(m - k, right, false), slowRoot(left)];
}

const split = (n: number): number => 2 ** (Math.ceil(Math.log2(n)) - 1);

const data = Array.from({ length: 140 }, (_, i) => utf8(`leaf ${i}`));
const hashes = data.map(leafHash);
const tree = createMerkleTree(hashes);

/** first < second <= 140 */
const sizes = fc
  .tuple(fc.integer({ min: 1, max: 140 }), fc.integer({ min: 1, max: 140 }))
  .map(([a, b]) => ({ small: Math.min(a, b), large: Math.max(a, b) }));

test('knows the root of nothing and of the empty leaf', () => {
  expect(toHex(merkleRoot([]))).toBe(
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  expect(toHex(merkleRoot([new Uint8Array(0)]))).toBe(
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  );
});

test('every size has the root of the recursive definition, now and after the tree has grown', () => {
  for (let size = 0; size <= 140; size++) {
    const expected = toHex(slowRoot(hashes.slice(0, size)));
    expect(toHex(merkleRoot(data.slice(0, size)))).toBe(expected);
    expect(toHex(tree.root(size))).toBe(expected);
  }
});

test('inclusion proofs are those of the recursive definition, and are believed', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), ({ large: size }, n) => {
      const index = n % size;
      const proof = tree.inclusion(index, size);
      expect(proof.map(toHex)).toEqual(slowPath(index, hashes.slice(0, size)).map(toHex));
      const claim = { leaf: hashes[index], index, size, proof, root: tree.root(size) };
      expect(verifyInclusion(claim)).toBe(true);
    }),
  );
});

test('consistency proofs are those of the recursive definition, and are believed', () => {
  fc.assert(
    fc.property(sizes, ({ small: first, large: second }) => {
      const proof = tree.consistency(first, second);
      expect(proof.map(toHex)).toEqual(slowProof(first, hashes.slice(0, second)).map(toHex));
      expect(verifyConsistency({ ...rootsOf(first, second), proof })).toBe(true);
    }),
  );
});

test('no altered inclusion claim is believed', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), fc.nat(), ({ large: size }, n, at, other) => {
      const index = n % size;
      const proof = tree.inclusion(index, size);
      const claim = { leaf: hashes[index], index, size, proof, root: tree.root(size) };
      const no = (change: Partial<typeof claim>) =>
        expect(verifyInclusion({ ...claim, ...change })).toBe(false);
      if (other % 150 !== index) no({ index: other % 150 });
      no({ leaf: flip(claim.leaf, at) });
      no({ root: flip(claim.root, at) });
      no({ proof: [...proof, hashes[0]] });
      no({ proof: [hashes[0], ...proof] });
      no({ leaf: claim.leaf.subarray(1) });
      if (proof.length > 0) {
        no({ proof: proof.slice(1) });
        no({ proof: proof.slice(0, -1) });
        no({ proof: proof.with(at % proof.length, flip(proof[at % proof.length], other)) });
      }
      for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) {
        no({ index: bad });
        no({ size: bad });
      }
    }),
  );
});

test('no altered consistency claim is believed', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), ({ small: first, large: second }, at, other) => {
      const proof = tree.consistency(first, second);
      const claim = { ...rootsOf(first, second), proof };
      const no = (change: Partial<typeof claim>) =>
        expect(verifyConsistency({ ...claim, ...change })).toBe(false);
      no({ firstRoot: flip(claim.firstRoot, at) });
      no({ secondRoot: flip(claim.secondRoot, at) });
      no({ proof: [...proof, hashes[0]] });
      if (first !== second) no({ first: second, second: first });
      if (proof.length > 0) {
        no({ proof: [] });
        no({ proof: proof.slice(1) });
        no({ proof: proof.slice(0, -1) });
        no({ proof: proof.with(at % proof.length, flip(proof[at % proof.length], other)) });
      }
      no({ first: 0 });
    }),
  );
});

test('the empty tree begins every tree, with an empty proof only', () => {
  const claim = { first: 0, firstRoot: emptyRoot(), second: 3, secondRoot: tree.root(3) };
  expect(verifyConsistency({ ...claim, proof: [] })).toBe(true);
  expect(verifyConsistency({ ...claim, proof: [hashes[0]] })).toBe(false);
  expect(verifyConsistency({ ...claim, firstRoot: tree.root(3), proof: [] })).toBe(false);
});

test('proofs span trees beyond 2^32 leaves', () => {
  const size = 2 ** 40 + 5;
  expect(inclusionRanges(2 ** 40, size)).toHaveLength(4);
  expect(consistencyRanges(2 ** 40, size)).toEqual([{ start: 2 ** 40, end: size }]);
});

test('refuses to prove what is not in the tree', () => {
  expect(() => tree.inclusion(3, 3)).toThrow('not in a tree');
  expect(() => tree.consistency(4, 3)).toThrow('does not grow');
  expect(() => tree.root(141)).toThrow('no node');
});

const peers = new URL('../../shared/data/peers/tdev-merkle/testdata', import.meta.url).pathname;

test.skipIf(!existsSync(peers))(
  'agrees with all 98 published inclusion cases (skipped without ../shared/data/peers)',
  () => {
    const files = readdirSync(peers, { recursive: true, encoding: 'utf8' });
    const cases = files.filter((file) => file.endsWith('.json'));
    const disagreed = cases.filter((file) => {
      const { leafIdx, treeSize, root, leafHash, proof, wantErr } = JSON.parse(
        readFileSync(`${peers}/${file}`, 'utf8'),
      );
      const believed = verifyInclusion({
        leaf: decode(leafHash),
        index: leafIdx,
        size: treeSize,
        proof: (proof ?? []).map(decode),
        root: decode(root),
      });
      return believed === wantErr;
    });
    expect(disagreed).toEqual([]);
    expect(cases).toHaveLength(98);
  },
);

const decode = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64 ?? '', 'base64'));

const rootsOf = (first: number, second: number) => ({
  first,
  firstRoot: tree.root(first),
  second,
  secondRoot: tree.root(second),
});

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  flipped[at % flipped.length] ^= 1 << (at % 8);
  expect(equalBytes(flipped, bytes)).toBe(false);
  return flipped;
}
