import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from './random.ts';
import { createSignCodes, nearest, setVector, vectorAt } from './sign-codes.ts';

const DIMENSIONS = 200; // rounded up to 256

/** Vectors in several parts, and the same in one list. */
function draw(seed: number, sizes: readonly number[]) {
  const random = createRandom(seed);
  const vectors = sizes.map((size) =>
    Array.from({ length: size }, () => new Float32Array(DIMENSIONS).map(() => random.gaussian())),
  );
  const parts = vectors.map((rows) => {
    const codes = createSignCodes(rows.length, DIMENSIONS);
    for (const [row, vector] of rows.entries()) setVector(codes, row, vector);
    return codes;
  });
  return {
    parts,
    vectors: vectors.flat(),
    query: new Float32Array(DIMENSIONS).map(random.gaussian),
  };
}

const sizes = fc.array(fc.nat(9), { minLength: 1, maxLength: 4 });
const seed = fc.nat(1000);

test('counts differing signs as one does by hand', () => {
  fc.assert(
    fc.property(seed, sizes, (from, many) => {
      const { parts, vectors, query } = draw(from, many);
      const asked = createSignCodes(1, DIMENSIONS);
      setVector(asked, 0, query);
      const counted = parts.flatMap((part) => [...part.distances(asked.bits)]);
      const byHand = vectors.map((vector) =>
        vector.reduce((sum, value, i) => sum + (value > 0 === query[i] > 0 ? 0 : 1), 0),
      );
      expect(counted).toEqual(byHand);
    }),
  );
});

test('with candidates enough, finds the greatest dot products of what it holds, best first', () => {
  fc.assert(
    fc.property(seed, sizes, fc.nat(12), fc.nat(3), (from, many, limit, passedOver) => {
      const { parts, query } = draw(from, many);
      const held = parts.flatMap((part) =>
        Array.from({ length: part.rows }, (_, i) => vectorAt(part, i)),
      );
      const filter = (row: number) => row % 4 !== passedOver;
      const byHand = held
        .map((vector, document) => ({
          document,
          score: vector.reduce((sum, v, i) => sum + v * (query[i] ?? 0), 0),
        }))
        .filter(({ document, score }) => score > 0 && filter(document))
        .sort((a, b) => b.score - a.score)
        .slice(0, limit);
      const found = nearest(parts, query, { limit, candidates: 100, filter });
      expect(found.map(({ document }) => document)).toEqual(byHand.map(({ document }) => document));
    }),
  );
});

test('takes as many candidates as are wanted, the nearest by their signs', () => {
  const { parts, vectors, query } = draw(3, [40, 40]);
  const distance = (vector: Float32Array) =>
    vector.reduce((sum, value, i) => sum + (value > 0 === query[i] > 0 ? 0 : 1), 0);
  const bound = vectors.map(distance).sort((a, b) => a - b)[9];
  const found = nearest(parts, query, { limit: 80, candidates: 10 });
  expect(found.length).toBeLessThanOrEqual(10);
  expect(found.every(({ document }) => distance(vectors[document]) <= bound)).toBe(true);
});

test('a row without a vector is never found', () => {
  const codes = createSignCodes(2, DIMENSIONS);
  const vector = new Float32Array(DIMENSIONS).fill(0.5);
  setVector(codes, 1, vector);
  expect(nearest([codes], vector, { limit: 5, candidates: 5 }).map((hit) => hit.document)).toEqual([
    1,
  ]);
});
